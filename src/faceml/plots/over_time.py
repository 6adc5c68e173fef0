"""A measure from run to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceml.plots.colours import CARD, INK, NOISE, PALETTE
from faceml.plots.style import label_axes, new_figure, say_empty

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from faceml.tracking.experiment import MeasureHistory

MOST_DATES = 6


def over_time_plot(history: MeasureHistory) -> Figure:
    """A point a run in order of time, evenly spaced: runs come in bursts, which a time axis would make one blot.

    Hollow where the data were others than the run before had, a rule where the code was.
    """
    figure, axes = new_figure(8, 4)
    moments = history.moments
    if not moments:
        return say_empty(figure, "No run measured it yet.")
    axes.plot(range(len(moments)), [m.value for m in moments], color=PALETTE[0], linewidth=1.6, zorder=2)
    for is_hollow, name in ((False, "run"), (True, "on other data than the run before")):
        chosen = [place for place, moment in enumerate(moments) if moment.has_other_data is is_hollow]
        if chosen:
            axes.scatter(chosen, [moments[place].value for place in chosen], s=42, zorder=3, edgecolor=PALETTE[0],
                         facecolor=CARD if is_hollow else PALETTE[0], linewidth=1.6, label=name)  # fmt: skip
    for number, place in enumerate(place for place, moment in enumerate(moments) if moment.has_other_code):
        axes.axvline(place - 0.5, color=NOISE, linewidth=1.2, linestyle=(0, (3, 3)), zorder=1,
                     label=None if number else "other code from here on")  # fmt: skip
    best = next(place for place, moment in enumerate(moments) if moment.is_best)
    axes.scatter([best], [moments[best].value], s=150, facecolor="none", edgecolor=PALETTE[1], linewidth=2, zorder=4,
                 label=f"best: {moments[best].run}, {moments[best].value:.4g}")  # fmt: skip
    ticks = range(0, len(moments), -(-len(moments) // MOST_DATES))
    axes.set_xticks(ticks, [f"{moments[place].started:%Y-%m-%d\n%H:%M}" for place in ticks])
    axes.margins(x=0.06, y=0.16)
    better = "lower" if history.lower_is_better else "higher"
    title = f"{history.measure} of {len(moments)} {history.kind} runs"
    label_axes(axes, title=title, x="run, started (UTC)", y=f"{better} is better", grid="y")
    figure.legend(loc="outside lower left", ncols=4, frameon=False, fontsize=9, labelcolor=INK)
    return figure
