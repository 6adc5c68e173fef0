"""Faces as points on a plane: near each other where their embeddings are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from faceml.errors import WrongUse
from faceml.metrics.face_map import plane
from faceml.plots.colours import CARD, INK, MUTED, NOISE, PALETTE
from faceml.plots.interactive import MARKERS, Series, hovering
from faceml.plots.style import empty_plot, label_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

LARGE = 3  # faces of a cluster that is named on the map, or
LARGE_SHARE = 0.005  # of all, where that is more
MANY_NAMES = 30  # from which on the map is larger, and they are smaller
FAR, RINGS = 24.0, 16  # points from which on a line joins name and group; how far a name may go
_MARKERS = ("o", "s", "^", "D", "v")  # with eight colours: forty clusters told apart without colour alone


def embedding_map(
    vectors: NDArray[np.float32], labels: NDArray[np.int_], *, names: Mapping[int, str] | None = None
) -> Figure:
    """Draw every face, coloured by cluster, noise in grey, every large cluster named.

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
    if len(vectors) < 2:
        return empty_plot(new_figure(7, 6)[0], "A map needs two faces at least.")
    points = plane(vectors)
    clusters, sizes = np.unique(labels[labels >= 0], return_counts=True)
    order = clusters[np.argsort(-sizes, kind="stable")].tolist()
    large = order[: int((sizes >= max(LARGE, LARGE_SHARE * len(points))).sum())]
    is_crowded = len(large) > MANY_NAMES
    width, height = (10, 8.5) if is_crowded else (7, 6)
    figure, axes = new_figure(width, height)
    noise = points[labels < 0]
    axes.scatter(noise[:, 0], noise[:, 1], s=16, c=NOISE, linewidths=0, label="noise")
    for rank, cluster in enumerate(order):
        marker = _MARKERS[rank // len(PALETTE) % len(_MARKERS)]
        own = points[labels == cluster]
        colour = PALETTE[rank % len(PALETTE)]
        axes.scatter(own[:, 0], own[:, 1], s=26, c=colour, marker=marker, linewidths=0.4, edgecolors=CARD)
    own = {(names or {}).get(cluster, f"{cluster}"): points[labels == cluster] for cluster in large}
    _name_all(axes, own, inches=(0.75 * width, 0.7 * height), size=7 if is_crowded else 9)
    title = f"{len(points):,} faces, {len(clusters)} cluster{'' if len(clusters) == 1 else 's'}, {len(noise):,} noise"
    label_axes(axes, title=title, grid=None)
    axes.set(xticks=[], yticks=[])
    axes.margins(0.1)
    called = {cluster: (names or {}).get(cluster, f"{cluster}") for cluster in order}
    bare = {"showticklabels": False, "showgrid": False}
    return hovering(figure, lambda: _to_hover(vectors, labels, points, called), xaxis=bare, yaxis=bare)


def _to_hover(
    vectors: NDArray[np.float32], labels: NDArray[np.int_], points: NDArray[np.float64], names: Mapping[int, str]
) -> list[Series]:
    """Every face with its group's name, and how alike it is to the group's middle: the odd ones are told."""
    noise = points[labels < 0]
    grey = {"marker": {"color": NOISE, "size": 6}}
    drawn = [Series(noise[:, 0], noise[:, 1], ["noise: in no group"] * len(noise), look=grey)]
    for rank, (cluster, name) in enumerate(names.items()):
        own, place = vectors[labels == cluster], points[labels == cluster]
        middle = own.mean(axis=0)
        alike = own @ (middle / max(float(np.linalg.norm(middle)), 1e-9))
        said = [f"{name}, {len(own)} faces\n{value:.2f} like their middle" for value in alike.tolist()]
        symbol = MARKERS[_MARKERS[rank // len(PALETTE) % len(_MARKERS)]]
        colour = PALETTE[rank % len(PALETTE)]
        look = {"marker": {"color": colour, "symbol": symbol, "size": 8, "line": {"width": 0.5, "color": CARD}}}
        drawn.append(Series(place[:, 0], place[:, 1], said, look=look))
    return drawn


def _name_all(axes: Axes, groups: Mapping[str, NDArray[np.float64]], *, inches: tuple[float, float], size: int) -> None:
    """Write each name beside its group, where it hides no other name; farther off, with a line, where it is crowded."""
    from matplotlib.patheffects import withStroke

    low = np.min([own.min(axis=0) for own in groups.values()], axis=0) if groups else np.zeros(2)
    high = np.max([own.max(axis=0) for own in groups.values()], axis=0) if groups else np.ones(2)
    scale = 72 * np.array(inches) / np.maximum(high - low, 1e-9)  # points of the page a unit
    taken: list[tuple[float, float, float]] = []  # left, lower and right end
    for text, own in groups.items():
        middle, width = np.median(own, axis=0), 0.66 * size * len(text)
        top = (own[:, 1].max() - middle[1]) * scale[1]
        for dx, dy in _offsets(top, size):
            x, y = (middle - low) * scale + (dx, dy)
            if all(
                x + width / 2 < left or x - width / 2 > right or abs(y - at) > size + 2 for left, at, right in taken
            ):
                break
        taken.append((x - width / 2, y, x + width / 2))
        is_far = abs(dx) > FAR or abs(dy) > max(FAR, top + 8)
        line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.6} if is_far else None
        note = axes.annotate(
            text,
            (float(middle[0]), float(middle[1])),
            xytext=(dx, dy),
            textcoords="offset points",
            ha="center",
            va="bottom",
            arrowprops=line,
        )
        note.set(color=INK, fontsize=size, fontweight="bold", path_effects=[withStroke(linewidth=3, foreground=CARD)])


def _offsets(top: float, size: int) -> Iterator[tuple[float, float]]:
    """Where a name may be, in points from its group's middle: above the group, then ever farther round it."""
    yield 0, top + 4
    for ring in range(1, RINGS):
        for angle in np.linspace(np.pi / 2, 5 * np.pi / 2, 12, endpoint=False):
            yield float(1.6 * ring * size * np.cos(angle)), float(1.2 * ring * size * np.sin(angle))
