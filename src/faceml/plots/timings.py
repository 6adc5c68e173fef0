"""Where the time went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from faceml.plots.colours import INK, PALETTE
from faceml.plots.style import label_axes, new_figure, say_empty

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def stage_seconds(seconds: Mapping[str, float]) -> Figure:
    """A bar a stage, in the order given, first on top."""
    figure, axes = new_figure(7, 1.3 + 0.36 * max(2, len(seconds)))
    if not seconds:
        say_empty(axes, "No stage has been timed yet.")
        return figure
    names, values = list(seconds), list(seconds.values())
    total = sum(values)
    bars = axes.barh(names, values, color=PALETTE[0], height=0.62)
    shares = [f"{value:.1f} s · {value / total:.0%}" if total else f"{value:.1f} s" for value in values]
    axes.bar_label(bars, shares, padding=5, color=INK, fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.16)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.spines["left"].set_visible(False)
    label_axes(axes, title=f"{total:.1f} seconds in all", x="seconds", grid="x")
    return figure
