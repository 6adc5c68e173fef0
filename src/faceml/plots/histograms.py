"""How good the faces of a library are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from faceml.plots.colours import INK, MUTED, NOISE, PALETTE
from faceml.plots.style import finite, label_axes, new_figure, say_empty

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


def quality_histogram(scores: ArrayLike, *, threshold: float = 0.5) -> Figure:
    """Quality scores, 0 to 1; faces below `threshold`, which clustering leaves out, are grey."""
    figure, axes = new_figure(7, 3.6)
    values = finite(scores)
    if values.size == 0:
        return say_empty(figure, "No faces yet, so no quality to show.")
    # Bins of 0.025 that meet at the threshold, so that no bar is on both sides of it.
    edges = np.unique(np.concatenate([np.arange(threshold, -0.025, -0.025), np.arange(threshold, 1.025, 0.025)]))
    bins = np.clip(edges, 0, 1).tolist()
    axes.hist(values[values < threshold], bins=bins, color=NOISE, rwidth=0.92)
    axes.hist(values[values >= threshold], bins=bins, color=PALETTE[0], rwidth=0.92)
    kept = int((values >= threshold).sum())
    title = f"Face quality: {kept:,} of {values.size:,} faces are good enough to cluster"
    label_axes(axes, title=title, x="quality score", y="faces")
    axes.set_xlim(0, 1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.axvline(threshold, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.margins(y=0.16)
    note = axes.annotate(
        f"threshold {threshold:g}", (threshold, 1), xycoords=("data", "axes fraction"), xytext=(6, -4),
        textcoords="offset points",
    )  # fmt: skip
    note.set(color=MUTED, fontsize=9, va="top")
    return figure
