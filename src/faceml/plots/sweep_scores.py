"""The settings of a sweep by their score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceml.plots.colours import INK, PALETTE
from faceml.plots.style import label_axes, new_figure, say_empty

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 24


@dataclass(frozen=True, slots=True)
class ScoredSetting:
    name: str
    score: float  # 0 to 1
    note: str  # written beside its bar


def sweep_scores(settings: Sequence[ScoredSetting], *, score_name: str) -> Figure:
    """A bar a setting, in the order given, the first on top."""
    shown = list(settings[:_SHOWN])
    figure, axes = new_figure(6.4, 1.2 + 0.3 * max(len(shown), 3))
    if not shown:
        return say_empty(figure, "No setting tried.")
    rows = range(len(shown))
    axes.barh(rows, [item.score for item in shown], color=PALETTE[0], height=0.7)
    axes.set_yticks(rows, [item.name for item in shown])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    for row, item in zip(rows, shown, strict=True):
        at, side, colour = (-0.01, "right", "white") if item.score > 0.5 else (0.01, "left", INK)
        text = f"{item.score:.3f}  {item.note}"
        axes.text(item.score + at, row, text, va="center", ha=side, color=colour, fontsize=8)
    label_axes(axes, title=f"Best: {shown[0].name}", x=score_name, grid="x")
    return figure
