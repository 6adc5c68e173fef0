"""What bounds and options would do: beside sliders, redrawn as they move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from faceml.plots.colours import CARD, INK, MUTED, NOISE, PALETTE, RULE
from faceml.plots.style import empty_plot, finite, label_axes, new_figure, scale_by_decades

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 40


def bounds_plot(values: Mapping[str, Any], bounds: Mapping[str, float]) -> Figure:
    """A histogram a quantity side by side, what is below its bound in grey.

    Args:
        values: (N,) of each quantity, by its name.
        bounds: by the same names.
    """
    figure, first = new_figure(9, 2.8)
    if not values or not all(len(finite(found)) for found in values.values()):
        return empty_plot(figure, "No faces yet, so nothing to bound.")
    first.remove()
    for number, (name, given) in enumerate(values.items(), start=1):
        axes = figure.add_subplot(1, len(values), number, facecolor=CARD)
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(RULE)
        axes.tick_params(colors=MUTED, labelsize=8, length=0)
        found, bound = finite(given), bounds[name]
        edges = np.linspace(min(found.min(), bound), max(found.max(), bound) + 1e-9, BINS).tolist()
        axes.hist(found[found < bound], bins=edges, color=NOISE, rwidth=0.92)
        axes.hist(found[found >= bound], bins=edges, color=PALETTE[0], rwidth=0.92)
        axes.axvline(bound, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        label_axes(axes, title="", x=name, grid="y")
        kept = int((found >= bound).sum())
        axes.set_title(f"{kept:,} from {bound:g} on", loc="left", fontsize=10, color=INK)
    return figure


def group_sizes_plot(sizes: Mapping[str, Sequence[int]]) -> Figure:
    """The groups of each grouping by size, the largest first: a higher line has larger groups, a longer one more.

    Args:
        sizes: faces of each group, largest first, by the grouping's name.
    """
    figure, axes = new_figure(7, 3.4)
    drawn = {name: list(found) for name, found in sizes.items() if len(found)}
    if not drawn:
        return empty_plot(figure, "No groups with these options.")
    for number, (name, found) in enumerate(drawn.items()):
        ranks = range(1, len(found) + 1)
        axes.plot(ranks, found, color=PALETTE[number], drawstyle="steps-mid", linewidth=2,
                  linestyle=("--", "-")[number % 2], marker="o" if len(found) < 40 else None, markersize=4,
                  label=f"{name}: {len(found):,} groups, {sum(found):,} faces")  # fmt: skip
    if max(found[0] for found in drawn.values()) > 100:
        scale_by_decades(axes, y=True)
    else:
        axes.set_ylim(0, 1.08 * max(found[0] for found in drawn.values()))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    label_axes(axes, title="Sizes of the groups", x="group, the largest first", y="faces", grid="y")
    figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=9, labelcolor=INK)
    return figure
