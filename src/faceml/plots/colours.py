"""The colours of all pictures; not in `style`, since a sheet of faces needs no matplotlib."""

CARD, INK, MUTED, RULE = "#fcfcfb", "#24292f", "#646c75", "#dfe2e5"
# Okabe and Ito's palette (2008) without black and yellow, which vanish on one page or the other; blue leads.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8c6d31")
NOISE = "#b4bac0"
