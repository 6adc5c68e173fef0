"""What a matcher changes: scores of own people and of strangers before and after, and who is near everybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from faceml.plots.colours import CARD, INK, MUTED, PALETTE
from faceml.plots.style import empty_plot, finite, label_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

MOST_BARS = 30

Scores = tuple["ArrayLike", "ArrayLike", float]  # of own people, of the nearest others, and the threshold


def before_and_after(sides: Mapping[str, Scores]) -> Figure:
    """A panel a way, each in its own scores: what its threshold, the dashed line, misses and lets in."""
    figure, first = new_figure(7, 0.6 + 2.5 * max(1, len(sides)))
    known = {name: (finite(own), finite(others), at) for name, (own, others, at) in sides.items()}
    if not known or any(own.size == 0 or others.size == 0 for own, others, _ in known.values()):
        return empty_plot(figure, "Needs two people, one of them with two labelled faces.")
    first.remove()
    for number, (name, (own, others, at)) in enumerate(known.items()):
        axes = figure.add_subplot(len(known), 1, number + 1, facecolor=CARD)
        axes.spines[:].set_visible(False)
        axes.tick_params(colors=MUTED, labelsize=9, length=0)
        both = np.concatenate([own, others, [at]])
        bins = np.linspace(both.min() - 0.01, both.max() + 0.01, 50).tolist()
        for values, label, colour in ((others, "nearest other person", PALETTE[1]), (own, "own person", PALETTE[0])):
            axes.hist(values, bins=bins, density=True, color=colour, alpha=0.3)
            axes.hist(values, bins=bins, density=True, color=colour, histtype="step", linewidth=1.6, label=label)
        axes.axvline(at, color=INK, linewidth=1.2, linestyle=(0, (5, 2)), label="threshold")
        label_axes(axes, title="", x="score" if number == len(known) - 1 else "", y="density")
        missed, accepted = (own < at).mean(), (others >= at).mean()
        title = f"{name}: at {at:.2f} misses {missed:.1%} of own faces, lets {accepted:.2%} of others in"
        axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower left", ncols=len(labels), frameon=False, fontsize=9, labelcolor=INK
    )
    return figure


def nearness_plot(nearness: Mapping[str, float]) -> Figure:
    """A bar a person, nearest to everybody on top; beyond 30 people the first 30, and where the middle one lies."""
    ranked = sorted(nearness.items(), key=lambda item: -item[1])
    shown = ranked[:MOST_BARS]
    figure, axes = new_figure(6.4, 1.4 + 0.24 * max(len(shown), 3))
    if not shown:
        return empty_plot(figure, "Nobody is labelled yet.")
    rows = range(len(shown))
    axes.barh(rows, [value for _, value in shown], color=PALETTE[0], height=0.7)
    axes.set_yticks(rows, [name for name, _ in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    middle = float(np.median([value for _, value in ranked]))
    axes.axvline(middle, color=INK, linewidth=1.2, linestyle=(0, (5, 2)))
    note = f"dashed: the middle one of {len(ranked)} people, {middle:.2f}"
    label_axes(axes, title="Who is near everybody", x=f"mean of the highest likenesses to others\n{note}", grid="x")
    return figure
