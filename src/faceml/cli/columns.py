"""Numbers and tables as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

WIDEST = 28  # letters of a cell
STRIP = 24  # places of a value between the least and the greatest


def table(rows: Sequence[Mapping[str, str]], *, widest: int = WIDEST) -> list[str]:
    """Columns as wide as what stands in them; numbers to the right.

    >>> table([{"a": "1", "b": "xy"}, {"a": "20", "b": "z"}])
    [' a  b', ' 1  xy', '20  z']
    """
    cut = [{name: _cut(value, widest) for name, value in row.items()} for row in rows]
    names = list(cut[0])
    widths = {name: max(len(name), *(len(row[name]) for row in cut)) for name in names}
    right = {name for name in names if all(_is_number(row[name]) for row in cut)}
    shown = [dict(zip(names, names, strict=True)), *cut]
    aligned = [[row[n].rjust(widths[n]) if n in right else row[n].ljust(widths[n]) for n in names] for row in shown]
    return ["  ".join(cells).rstrip() for cells in aligned]


def figure(value: float) -> str:
    """
    >>> figure(198.0), figure(0.95215), figure(1234.5678), figure(0.00062429)
    ('198', '0.9522', '1234.57', '0.000624')
    """
    if not isfinite(value) or abs(value) >= 1e15:
        return str(value)
    if value == int(value):
        return str(int(value))
    if abs(value) < 0.01:
        return f"{value:.3g}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def signed(value: float) -> str:
    """
    >>> signed(0.25), signed(-3.0), signed(0.0)
    ('+0.2500', '-3', '±0')
    """
    return f"+{figure(value)}" if value > 0 else figure(value) if value else "±0"


def strip(value: float, low: float, high: float) -> str:
    """Where a value lies between the least and the greatest.

    >>> strip(0.5, 0.0, 1.0)
    '············●···········'
    """
    place = round((value - low) / (high - low) * (STRIP - 1)) if high > low else 0
    return "·" * place + "●" + "·" * (STRIP - 1 - place)


def _cut(text: str, widest: int) -> str:
    """The end of a long text tells more than its beginning: of paths above all."""
    return text if len(text) <= widest else f"…{text[-(widest - 1) :]}"


def _is_number(text: str) -> bool:
    return text in ("", "-") or text.lstrip("+-±").replace(".", "", 1).replace("e-", "", 1).isdigit()
