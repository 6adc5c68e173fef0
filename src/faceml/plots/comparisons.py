"""Models, runs and settings side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceml.plots.colours import CARD, INK, MUTED, NOISE, PALETTE, RULE
from faceml.plots.interactive import Series, hovering, plain
from faceml.plots.style import empty_plot, label_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from faceml.tracking.experiment import MeasureHistory
    from faceml.trial.comparison import Comparison

MOST_RUNS_NAMED, MOST_DATES, MOST_SETTINGS = 8, 6, 24


def interval_plot(comparison: Comparison) -> Figure:
    """A panel a measure, a line a candidate: the figure and its interval on people held out."""
    measures = list(dict.fromkeys(name for figures in comparison.measured.values() for name in figures))
    if not measures:
        return empty_plot(new_figure(7, 3)[0], "Nothing could be measured: label more people.")
    candidates = list(comparison.candidates)
    columns = min(3, len(measures))
    rows = -(-len(measures) // columns)
    figure, first = new_figure(3.6 * columns, 0.8 + (0.9 + 0.3 * len(candidates)) * rows)
    first.remove()
    for number, measure in enumerate(measures):
        axes = figure.add_subplot(rows, columns, number + 1, facecolor=CARD)
        axes.spines[:].set_visible(False)
        axes.tick_params(colors=MUTED, labelsize=8, length=0)
        for row, name in enumerate(candidates):
            found = comparison.measured.get(name, {}).get(measure)
            if found is not None:
                colour = PALETTE[row % len(PALETTE)]
                axes.plot([found.low, found.high], [row, row], color=colour, linewidth=2.4, solid_capstyle="round")
                axes.plot([found.value], [row], marker="o", color=colour, markersize=6)
        axes.set_yticks(range(len(candidates)), candidates if number % columns == 0 else [""] * len(candidates))
        axes.set_ylim(len(candidates) - 0.4, -0.6)
        label_axes(axes, title="", grid="x")
        decides = " (decides)" if measure == comparison.primary else ""
        axes.set_title(f"{measure}{decides}", loc="left", fontsize=9, color=INK)
    figure.suptitle(
        f"{comparison.people} people held out, {comparison.confidence:.0%} intervals",
        x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK,
    )  # fmt: skip
    return figure


def parallel_coordinates(
    runs: Mapping[str, Mapping[str, float | str]], axes_names: Sequence[str], *, best: str | None = None
) -> Figure:
    """A line a run through one axis a parameter or measure; texts take places in order of the alphabet.

    Args:
        runs: name → value by axis; a run without a value on some axis has a gap there.
        best: the run to stand out.
    """
    figure, axes = new_figure(max(6.0, 1.5 * len(axes_names)), 4.2)
    if not runs or len(axes_names) < 2:
        return empty_plot(figure, "Needs a run, and two parameters or measures to compare.")
    heights = {name: _heights([values.get(name) for values in runs.values()]) for name in axes_names}
    for number, run in enumerate(runs):
        line = [heights[name][0][number] for name in axes_names]
        is_best = run == best
        colour = PALETTE[1] if is_best else NOISE if best in runs else PALETTE[number % len(PALETTE)]
        named = is_best or (best not in runs and len(runs) <= MOST_RUNS_NAMED)
        axes.plot(
            range(len(axes_names)), line, color=colour, marker="o", markersize=4, linewidth=2.6 if is_best else 1.3,
            zorder=3 if is_best else 2, label=(f"best: {run}" if is_best else run) if named else None,
        )  # fmt: skip
    for place, name in enumerate(axes_names):
        axes.axvline(place, color=RULE, linewidth=1)
        for height, text in heights[name][1]:
            axes.annotate(text, (place, height), xytext=(5, 2), textcoords="offset points", fontsize=8, color=MUTED)
    axes.set_xticks(range(len(axes_names)), axes_names, rotation=20, ha="right", rotation_mode="anchor")
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.margins(x=0.08, y=0.1)
    label_axes(axes, title=f"{len(runs)} runs", grid=None)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper left", bbox_to_anchor=(1.06, 1.0))
    ticks = {"tickvals": list(range(len(axes_names))), "ticktext": [plain(name) for name in axes_names]}
    return hovering(
        figure,
        lambda: _runs_to_hover(runs, {name: placed for name, (placed, _) in heights.items()}, best),
        xaxis=ticks,
        yaxis={"showticklabels": False, "showgrid": False},
    )


def over_time_plot(history: MeasureHistory) -> Figure:
    """A point a run in order of time, evenly spaced: runs come in bursts, which a time axis would make one blot.

    Hollow where the data were others than the run before had, a rule where the code was.
    """
    figure, axes = new_figure(8, 4)
    moments = history.moments
    if not moments:
        return empty_plot(figure, "No run measured it yet.")
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
    dates = [f"{moments[place].started:%Y-%m-%d<br>%H:%M}" for place in ticks]
    axis = {"tickvals": list(ticks), "ticktext": dates, "showgrid": False}
    return hovering(figure, lambda: [_moments_to_hover(history)], xaxis=axis)


@dataclass(frozen=True, slots=True)
class ScoredSetting:
    name: str
    score: float  # 0 to 1
    note: str  # written beside its bar


def sweep_scores(settings: Sequence[ScoredSetting], *, score_name: str) -> Figure:
    """A dot a setting, in the order given, the first on top; the axis holds the scores there are, not all from 0 on."""
    shown = list(settings[:MOST_SETTINGS])
    figure, axes = new_figure(7.4, 1.2 + 0.3 * max(len(shown), 3))
    if not shown:
        return empty_plot(figure, "No setting tried.")
    rows, scores = range(len(shown)), [item.score for item in shown]
    axes.scatter(scores, rows, color=[PALETTE[1], *[PALETTE[0]] * (len(shown) - 1)], s=46, zorder=3)
    axes.hlines(rows, [scores[0]] * len(shown), scores, color=NOISE, linewidth=1.6, zorder=2)
    axes.set_yticks(rows, [item.name for item in shown])
    axes.invert_yaxis()
    low, high = min(scores), max(scores)
    around = max(0.02, 0.12 * (high - low))
    axes.set_xlim(max(-1, low - around), min(1.005, high + around))
    beside = axes.secondary_yaxis("right")
    beside.set_yticks(rows, [f"{item.score:.3f}  {item.note}" for item in shown])
    beside.spines[:].set_visible(False)
    beside.tick_params(colors=INK, labelsize=8, length=0)
    label_axes(axes, title=f"Best: {shown[0].name}", x=score_name, grid="x")
    return figure


def _runs_to_hover(
    runs: Mapping[str, Mapping[str, float | str]], heights: Mapping[str, Sequence[float]], best: str | None
) -> list[Series]:
    """A line a run; anywhere on it are all of its values."""
    drawn = []
    for number, (run, values) in enumerate(runs.items()):
        told = [f"{name}: {_short(values[name])}" for name in heights if name in values]
        is_best = run == best
        colour = PALETTE[1] if is_best else NOISE if best in runs else PALETTE[number % len(PALETTE)]
        look = {"line": {"color": colour, "width": 2.6 if is_best else 1.3}, "marker": {"size": 6}}
        line = [placed[number] for placed in heights.values()]
        said = ["\n".join([run, *told])] * len(line)
        name = f"best: {run}" if is_best else ""
        drawn.append(Series(range(len(line)), line, said, name, "lines+markers", look))
    return drawn


def _moments_to_hover(history: MeasureHistory) -> Series:
    said = [
        f"run {moment.run}, {moment.started:%Y-%m-%d %H:%M}\n{history.measure} {moment.value:.4g}"
        + "\non other data than the run before" * moment.has_other_data
        + "\nby other code than the run before" * moment.has_other_code
        + "\nthe best" * moment.is_best
        for moment in history.moments
    ]
    rings = [PALETTE[1] if moment.is_best else PALETTE[0] for moment in history.moments]
    fills = [CARD if moment.has_other_data else PALETTE[0] for moment in history.moments]
    look = {
        "line": {"color": PALETTE[0]},
        "marker": {"size": 11, "color": fills, "line": {"width": 2, "color": rings}},
    }
    values = [moment.value for moment in history.moments]
    return Series(range(len(values)), values, said, mode="lines+markers", look=look)


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _heights(values: Sequence[float | str | None]) -> tuple[list[float], list[tuple[float, str]]]:
    """Where each value stands between 0 and 1, and what to write at which height; NaN where there is none."""
    if any(isinstance(value, str) for value in values):
        names = sorted({str(value) for value in values if value is not None})
        at = {name: (place / (len(names) - 1) if len(names) > 1 else 0.5) for place, name in enumerate(names)}
        return [at[str(value)] if value is not None else np.nan for value in values], [(at[n], n) for n in names]
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    known = numbers[np.isfinite(numbers)]
    if not known.size:
        return [np.nan] * len(values), []
    low, high = float(known.min()), float(known.max())
    if low == high:
        return [0.5 if np.isfinite(number) else np.nan for number in numbers], [(0.5, f"{low:.4g}")]
    placed: list[float] = ((numbers - low) / (high - low)).tolist()
    return placed, [(0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")]
