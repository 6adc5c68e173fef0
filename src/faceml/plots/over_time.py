"""A measure from run to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceml.plots.style import CARD, NOISE, PALETTE, label_axes, legend, new_figure, say_empty

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from faceml.tracking.course import Course


def over_time_plot(course: Course) -> Figure:
    """A point a run; hollow where the data were others than the run before had, a rule where the code was."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

    figure, axes = new_figure(8, 3.8)
    if not course.moments:
        say_empty(axes, "No run measured it yet.")
        return figure
    placed = [(float(date2num(moment.started)), moment) for moment in course.moments]
    axes.plot([day for day, _ in placed], [m.value for _, m in placed], color=PALETTE[0], linewidth=1.6, zorder=2)
    for is_hollow, name in ((False, "run"), (True, "on other data than the run before")):
        chosen = [(day, moment.value) for day, moment in placed if moment.has_other_data is is_hollow]
        if chosen:
            at, height = zip(*chosen, strict=True)
            axes.scatter(at, height, s=42, zorder=3, facecolor=CARD if is_hollow else PALETTE[0],
                         edgecolor=PALETTE[0], linewidth=1.6, label=name)  # fmt: skip
    for number, day in enumerate(day for day, moment in placed if moment.has_other_code):
        axes.axvline(day, color=NOISE, linewidth=1.2, linestyle=(0, (3, 3)), zorder=1,
                     label=None if number else "other code from here on")  # fmt: skip
    day, best = next((day, moment) for day, moment in placed if moment.is_best)
    axes.scatter([day], [best.value], s=150, facecolor="none", edgecolor=PALETTE[1], linewidth=2, zorder=4,
                 label=f"best: {best.run}, {best.value:.4g}")  # fmt: skip
    locator = AutoDateLocator(minticks=3, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.margins(x=0.04, y=0.16)
    better = "lower" if course.lower_is_better else "higher"
    title = f"{course.measure} of {len(placed)} {course.kind} runs"
    label_axes(axes, title=title, x="started (UTC)", y=f"{better} is better", grid="y")
    legend(axes, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
