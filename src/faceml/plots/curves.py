"""Curves and histograms: of verification, training, and the faces' quality."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from faceml.errors import WrongUse
from faceml.plots.colours import CARD, INK, MUTED, NOISE, PALETTE
from faceml.plots.interactive import Series, hovering
from faceml.plots.style import empty_plot, finite, label_axes, legend, new_figure, scale_by_decades

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

_HOVERED_DASHES = ("solid", "dash", "dot", "dashdot")  # the same in plotly's words
MOST_HOVERED = 400  # points of a curve
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))  # a curve is told by its dashes too
_FAR, _NO_PAIRS = "false accept rate (FAR)", "No pairs measured yet."
_COUNTED = 25  # people up to which a confusion matrix has room for numbers


@dataclass(frozen=True, slots=True)
class MatchCurve:
    """How one model trades false matches for true ones, threshold by threshold."""

    name: str
    far: NDArray[np.float64]  # (T,) share of impostor pairs accepted, 0 to 1
    tar: NDArray[np.float64]  # (T,) share of genuine pairs accepted, 0 to 1
    thresholds: NDArray[np.float64] | None = None  # (T,) of the similarity, where somebody kept them


def roc_curve_plot(curves: Sequence[MatchCurve]) -> Figure:
    """TAR against FAR; FAR on a logarithmic axis, since only its small values matter."""
    figure, axes = new_figure(6, 4.6)
    if not curves:
        return empty_plot(figure, _NO_PAIRS)
    rates = [_rates(curve) for curve in curves]
    lowest = _decade_below(np.concatenate([far for far, _ in rates]))
    for number, (far, tar) in enumerate(rates):
        axes.plot(far, tar, label=curves[number].name, **_line(number))
    bottom = min(float(np.interp(lowest, far, tar)) for far, tar in rates)
    scale_by_decades(axes, x=True)
    axes.set(xlim=(lowest, 1), ylim=(max(-0.02, bottom - 0.08), 1.02))
    label_axes(axes, title="True against false matches", x=_FAR, y="true accept rate (TAR)", grid="both")
    legend(axes, loc="lower right")
    series = partial(_curves_to_hover, curves, lambda far, tar: (far, tar))
    return hovering(figure, series, xaxis=_decades_from(lowest))


def det_curve_plot(curves: Sequence[MatchCurve]) -> Figure:
    """False rejects against false accepts, both logarithmic; lower is better, equal errors are on the diagonal."""
    figure, axes = new_figure(6, 4.6)
    if not curves:
        return empty_plot(figure, _NO_PAIRS)
    rates = [(far, 1 - tar) for far, tar in map(_rates, curves)]
    across = _decade_below(np.concatenate([far for far, _ in rates]))
    down = _decade_below(np.concatenate([frr for _, frr in rates]))
    start = min(across, down)
    axes.plot([start, 1], [start, 1], color=NOISE, linewidth=1, label="equal errors")
    for number, (far, frr) in enumerate(rates):
        # A logarithm has no zero: what is below the axes' decade lies on their edge.
        axes.plot(np.maximum(far, across), np.maximum(frr, down), label=curves[number].name, **_line(number))
    scale_by_decades(axes, x=True, y=True)
    axes.set(xlim=(across, 1), ylim=(down, 1))
    label_axes(axes, title="Detection error trade-off", x=_FAR, y="false reject rate (1 − TAR)", grid="both")
    legend(axes, loc="best")
    return hovering(
        figure,
        lambda: _curves_to_hover(curves, lambda far, tar: (np.maximum(far, across), np.maximum(1 - tar, down))),
        xaxis=_decades_from(across),
        yaxis=_decades_from(down),
    )


def score_histogram(genuine: ArrayLike, impostor: ArrayLike, threshold: float) -> Figure:
    """Cosine similarities of pairs of the same and of different people; each side's area is 1."""
    figure, axes = new_figure(7, 3.8)
    same, different = finite(genuine), finite(impostor)
    if same.size == 0 or different.size == 0:
        return empty_plot(figure, "Needs pairs of the same and of different people.")
    both = np.concatenate([same, different, [threshold]])
    bins = np.linspace(both.min() - 0.01, both.max() + 0.01, 60).tolist()
    for values, name, colour in ((different, "different people", PALETTE[1]), (same, "same person", PALETTE[0])):
        axes.hist(values, bins=bins, density=True, color=colour, alpha=0.3)
        axes.hist(values, bins=bins, density=True, color=colour, histtype="step", linewidth=1.6, label=name)
    axes.axvline(threshold, color=INK, linewidth=1.2, linestyle=_DASHES[1], label=f"threshold {threshold:.2f}")
    missed, accepted = (same < threshold).mean(), (different >= threshold).mean()
    title = f"Misses {missed:.1%} of genuine, accepts {accepted:.2%} of impostor pairs"
    label_axes(axes, title=title, x="cosine similarity", y="density")
    figure.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=9, labelcolor=INK)
    return hovering(figure, lambda: _scores_to_hover(same, different, threshold, np.asarray(bins)))


def quality_histogram(scores: ArrayLike, *, threshold: float = 0.5) -> Figure:
    """Quality scores, 0 to 1; faces below `threshold`, which clustering leaves out, are grey."""
    figure, axes = new_figure(7, 3.6)
    values = finite(scores)
    if values.size == 0:
        return empty_plot(figure, "No faces yet, so no quality to show.")
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


def epoch_curves(history: Mapping[str, Sequence[float]]) -> Figure:
    """One line a measure over epochs 1, 2, …; NaN where an epoch did not measure it."""
    figure, axes = new_figure(7, 3.8)
    drawn = {name: np.asarray(values, dtype=np.float64) for name, values in history.items() if len(values)}
    if not drawn:
        return empty_plot(figure, "No epoch has ended yet.")
    for number, (name, values) in enumerate(drawn.items()):
        known = np.isfinite(values)
        epochs = np.arange(1, len(values) + 1)[known]
        axes.plot(epochs, values[known], marker="o" if len(epochs) < 3 else None, label=name, **_line(number))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    label_axes(axes, title="Training", x="epoch", y="value")
    legend(axes)
    return figure


def confusion(matrix: ArrayLike, names: Sequence[str]) -> Figure:
    """Who was taken for whom: row `names[i]` in truth, column `names[j]` as answered, counts.

    Raises:
        WrongUse: the matrix is not square, or has another size than the names.
    """
    counts = np.asarray(matrix, dtype=np.float64)
    if counts.shape != (len(names), len(names)):
        raise WrongUse(f"a confusion matrix {counts.shape} for {len(names)} names: pass a square one of that size")
    side = 2.4 + 0.42 * min(len(names), _COUNTED)
    figure, axes = new_figure(side + 0.6, side)
    if not names:
        return empty_plot(figure, "Nobody to confuse.")
    blues = LinearSegmentedColormap.from_list("faceml_blues", [CARD, "#9cc3de", PALETTE[0], "#003f66"])
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap=blues, vmin=0, vmax=1, aspect="equal")
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, names)
    if len(names) <= _COUNTED:
        for i, j in np.argwhere(counts > 0):
            colour = CARD if share[i, j] > 0.55 else INK
            axes.text(j, i, f"{counts[i, j]:g}", ha="center", va="center", fontsize=8, color=colour)
    right = np.trace(counts) / max(counts.sum(), 1)
    label_axes(axes, title=f"{right:.1%} right", x="answered", y="in truth", grid=None)
    return figure


def _curves_to_hover(curves: Sequence[MatchCurve], where: Callable[..., tuple[Any, Any]]) -> list[Series]:
    """Each curve with its rates at every point, and the threshold where it is known."""
    drawn = []
    for number, curve in enumerate(curves):
        far, tar = _rates(curve)
        at = None if curve.thresholds is None else np.asarray(curve.thresholds)[np.lexsort((curve.tar, curve.far))]
        rows = np.unique(np.linspace(0, len(far) - 1, MOST_HOVERED).astype(int))
        said = [
            f"{curve.name}{'' if at is None else f', threshold {min(float(at[row]), 1.0):.3f}'}\n"
            f"accepts {tar[row]:.1%} of genuine and {far[row]:.3%} of impostor pairs"
            for row in rows
        ]
        look = {"line": {"color": PALETTE[number % len(PALETTE)], "dash": _HOVERED_DASHES[number % len(_DASHES)]}}
        drawn.append(Series(*where(far[rows], tar[rows]), said, curve.name, "lines", look))
    return drawn


def _decades_from(lowest: float) -> dict[str, Any]:
    """A logarithmic axis up to 1 in plotly's words, its ticks plain numbers."""
    return {"type": "log", "range": [np.log10(lowest), 0], "dtick": 1, "tickformat": "~g"}


def _scores_to_hover(
    same: NDArray[np.float64], different: NDArray[np.float64], threshold: float, edges: NDArray[np.float64]
) -> list[Series]:
    """The outlines of both histograms; each point says what its similarity would do as threshold."""
    starts, drawn, top = edges[:-1], [], 0.0
    said = [
        f"As threshold {at:.3f}\nmisses {(same < at).mean():.1%} of genuine pairs"
        f"\naccepts {(different >= at).mean():.3%} of impostor pairs"
        for at in starts.tolist()
    ]
    for values, name, colour in ((different, "different people", PALETTE[1]), (same, "same person", PALETTE[0])):
        heights = np.histogram(values, edges, density=True)[0]
        look = {"line": {"color": colour, "shape": "hv"}, "fill": "tozeroy"}
        drawn.append(Series(starts, heights, said, name, "lines", look))
        top = max(top, float(heights.max()))
    rule = {"line": {"color": INK, "dash": "dash", "width": 1.2}}
    return [*drawn, Series([threshold] * 2, [0, top], [], f"threshold {threshold:.2f}", "lines", rule)]


def _line(number: int) -> dict[str, Any]:
    return {"color": PALETTE[number % len(PALETTE)], "linewidth": 1.8, "linestyle": _DASHES[number % len(_DASHES)]}


def _rates(curve: MatchCurve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    far, tar = np.asarray(curve.far, dtype=np.float64), np.asarray(curve.tar, dtype=np.float64)
    if far.ndim != 1 or far.shape != tar.shape:
        raise WrongUse(f"curve {curve.name!r} has FAR {far.shape} and TAR {tar.shape}: pass as many of each, (T,)")
    order = np.lexsort((tar, far))
    return far[order], tar[order]


def _decade_below(rates: NDArray[np.float64]) -> float:
    """Where a logarithmic axis starts: the power of ten at or below the smallest rate that is not zero."""
    measured = rates[(rates > 1e-9) & (rates < 1)]
    return float(10 ** np.floor(np.log10(measured.min()))) if measured.size else 1e-3
