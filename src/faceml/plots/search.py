"""A search of options in pictures: which of them matter, and what the good trials have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from faceml.plots.colours import INK, PALETTE
from faceml.plots.comparisons import parallel_coordinates
from faceml.plots.interactive import Series, hovering, plain
from faceml.plots.style import empty_plot, label_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_AXES = 7  # of the options, those that matter most
MOST_LINES = 60
BLUE = {"marker": {"color": PALETTE[0]}}


class Tried(Protocol):
    @property
    def number(self) -> int: ...
    @property
    def score(self) -> float | None: ...
    @property
    def state(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


def draw_search(
    trials: Sequence[Tried], importance: Mapping[str, float], objective: str, best: int | None
) -> dict[str, Figure]:
    """Pictures by the names of their files."""
    return {
        "importance.png": importance_plot(importance, objective),
        "trials.png": trials_plot(trials, list(importance), objective, best),
        "progress.png": progress_plot(trials, objective),
    }


def importance_plot(importance: Mapping[str, float], objective: str) -> Figure:
    """A bar an option: the share by which it moves the score (PED-ANOVA)."""
    names = list(importance)
    figure, axes = new_figure(6.4, 1.2 + 0.34 * max(len(names), 3))
    if not names:
        return empty_plot(figure, "Too few trials came to their end to tell which options matter.")
    rows = range(len(names))
    axes.barh(rows, [importance[name] for name in names], color=PALETTE[0], height=0.66)
    axes.set_yticks(rows, names)
    axes.invert_yaxis()
    axes.set_xlim(0, max(1e-9, *importance.values()) * 1.15)
    for row, name in enumerate(names):
        axes.text(importance[name], row, f" {importance[name]:.2f}", va="center", color=INK, fontsize=8)
    label_axes(axes, title=f"What moves {objective}", x="share of its variance", grid="x")
    said = [f"{name}: {importance[name]:.1%}" for name in names]
    bars = Series([importance[name] for name in names], [plain(name) for name in names], said, mode="bars", look=BLUE)
    return hovering(figure, lambda: [bars], yaxis={"autorange": "reversed", "showgrid": False})


def trials_plot(trials: Sequence[Tried], options: Sequence[str], objective: str, best: int | None) -> Figure:
    """A line a trial that came to its end through the options that matter most, and its score."""
    done = [trial for trial in trials if trial.state == "complete" and trial.score is not None]
    shown = done[-MOST_LINES:] + [trial for trial in done[:-MOST_LINES] if trial.number == best]
    axes = [*(options or sorted({name for trial in shown for name in trial.options}))[:MOST_AXES], objective]
    lines = {
        f"trial {trial.number}": {
            name: _plain(value) for name, value in {**trial.options, objective: trial.score}.items()
        }
        for trial in shown
    }
    mixed = {name for name in axes if len({type(line[name]) is str for line in lines.values() if name in line}) > 1}
    texts = {run: {n: str(value) if n in mixed else value for n, value in line.items()} for run, line in lines.items()}
    figure = parallel_coordinates(texts, axes, best=f"trial {best}")
    if lines:
        figure.axes[0].set_title(f"{len(shown)} trials", loc="left", fontsize=12, fontweight="bold", color=INK)
    return figure


def progress_plot(trials: Sequence[Tried], objective: str) -> Figure:
    """A point a trial in order of time; a line at the best so far."""
    figure, axes = new_figure(7, 3.6)
    done = [(trial.number, trial.score) for trial in trials if trial.state == "complete" and trial.score is not None]
    if not done:
        return empty_plot(figure, "No trial came to its end.")
    better = min if objective == "wrong" else max
    scores = [score for _, score in done]
    so_far = [better(scores[: place + 1]) for place in range(len(scores))]
    numbers = [number for number, _ in done]
    axes.scatter(numbers, scores, s=18, color=PALETTE[0], label="trial")
    axes.step(numbers, so_far, where="post", color=PALETTE[1], linewidth=2, label="best so far")
    given_up = [(trial.number, trial.score) for trial in trials if trial.state == "pruned" and trial.score is not None]
    if given_up:
        at, of = zip(*given_up, strict=True)
        axes.scatter(at, of, s=18, facecolor="none", edgecolor=PALETTE[0], label="given up early")
    label_axes(axes, title=f"{len(trials)} trials", x="trial", y=objective, grid="y")
    figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=9, labelcolor=INK)
    drawn = [Series(numbers, scores, _said(trials, "complete", objective), "trial", look=BLUE)]
    drawn.append(Series(numbers, so_far, [], "best so far", "lines", {"line": {"color": PALETTE[1], "shape": "hv"}}))
    if given_up:
        hollow = {"marker": {"symbol": "circle-open", "color": PALETTE[0]}}
        drawn.append(Series(at, of, _said(trials, "pruned", objective), "given up early", look=hollow))
    return hovering(figure, lambda: drawn)


def _said(trials: Sequence[Tried], state: str, objective: str) -> list[str]:
    """The score and the options of each trial that ended so."""
    return [
        "\n".join([f"trial {one.number}, {objective} {one.score:.4f}", *(f"{n}: {v}" for n, v in one.options.items())])
        for one in trials
        if one.state == state and one.score is not None
    ]


def _plain(value: Any) -> float | str:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
