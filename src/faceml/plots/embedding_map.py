"""Faces as points on a plane: near each other where their embeddings are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from faceml.errors import WrongUse
from faceml.metrics.face_map import plane
from faceml.plots.colours import CARD, INK, NOISE, PALETTE
from faceml.plots.style import empty_plot, label_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_LABELLED = 12  # clusters named on the map, the largest; more would overlap
_MARKERS = ("o", "s", "^", "D", "v")  # with eight colours: forty clusters told apart without colour alone


def embedding_map(
    vectors: NDArray[np.float32], labels: NDArray[np.int_], *, names: Mapping[int, str] | None = None
) -> Figure:
    """Draw every face, coloured by cluster, noise in grey, the largest clusters named.

    Distances on the map are a hint only: t-SNE keeps neighbours together and distorts the rest.

    Args:
        vectors: (N, D) unit rows.
        labels: (N,) cluster of each, -1 is noise.
        names: what to call a cluster; otherwise its number.
    Raises:
        WrongUse: labels and vectors differ in number.
    """
    vectors, labels = np.asarray(vectors), np.asarray(labels)
    if vectors.ndim != 2 or labels.shape != vectors.shape[:1]:
        raise WrongUse(f"vectors {vectors.shape} and labels {labels.shape} do not fit: pass (N, D) and (N,)")
    figure, axes = new_figure(7, 6)
    if len(vectors) < 2:
        return empty_plot(figure, "A map needs two faces at least.")
    points = plane(vectors)
    clusters, sizes = np.unique(labels[labels >= 0], return_counts=True)
    noise = points[labels < 0]
    axes.scatter(noise[:, 0], noise[:, 1], s=16, c=NOISE, linewidths=0, label="noise")
    order = clusters[np.argsort(-sizes, kind="stable")].tolist()
    for rank, cluster in enumerate(order):
        marker = _MARKERS[rank // len(PALETTE) % len(_MARKERS)]
        own = points[labels == cluster]
        colour = PALETTE[rank % len(PALETTE)]
        axes.scatter(own[:, 0], own[:, 1], s=26, c=colour, marker=marker, linewidths=0.4, edgecolors=CARD)
    for cluster in order[:_LABELLED]:
        _name(axes, points[labels == cluster], (names or {}).get(cluster, f"{cluster}"))
    title = f"{len(points):,} faces, {len(clusters)} cluster{'' if len(clusters) == 1 else 's'}, {len(noise):,} noise"
    label_axes(axes, title=title, grid=None)
    axes.set(xticks=[], yticks=[])
    axes.margins(0.1)
    return figure


def _name(axes: Axes, own: NDArray[np.float64], text: str) -> None:
    """Write beside the cluster's middle, above its topmost point there, so that the text hides few faces."""
    from matplotlib.patheffects import withStroke

    x, top = np.median(own[:, 0]), own[:, 1].max()
    note = axes.annotate(text, (x, top), xytext=(0, 6), textcoords="offset points", ha="center", va="bottom")
    note.set(color=INK, fontsize=9, fontweight="bold", path_effects=[withStroke(linewidth=3, foreground=CARD)])
