"""Models and runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from faceml.plots.colours import CARD, INK, MUTED, NOISE, PALETTE, RULE
from faceml.plots.style import label_axes, new_figure, say_empty

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from faceml.trial.comparison import Comparison

MOST_RUNS_NAMED = 8


def interval_plot(comparison: Comparison) -> Figure:
    """A panel a measure, a line a candidate: the figure and its interval on people held out."""
    measures = list(dict.fromkeys(name for figures in comparison.measured.values() for name in figures))
    if not measures:
        figure, axes = new_figure(7, 3)
        return say_empty(figure, "Nothing could be measured: label more people.")
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
        return say_empty(figure, "Needs a run, and two parameters or measures to compare.")
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
        axes.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


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
