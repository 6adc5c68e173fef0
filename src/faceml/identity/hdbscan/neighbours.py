"""The k nearest neighbours of every row, exactly, from half of the products: block (I, J) serves I's rows and J's.

Each row keeps the k closest rows so far and looks only at what beats the worst of them, so after the first block a
comparison is all most products get.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceml.identity.hdbscan.distances import Floats, Points, RowNumbers, blocks, pairs_of_blocks, scratch
from faceml.progress import Progress, silent

_PENDING = 1 << 19  # candidates collected before they are sorted in: 8 MB, and thresholds stay fresh
_FEW = 0.04  # part of a tile's pairs up to which looking at each is cheaper than another way
_SLICE = 1 << 14  # so many are few in any tile
_ROWS_IN_DOUBT = 1024  # rows compared with all others at once in float64


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Nearest rows of each row, itself left out."""

    indices: NDArray[np.int32]  # (N, K) nearest first; -1 where fewer are known
    distances: Floats  # (N, K) ascending; infinite where fewer are known
    horizon: Floats  # (N,) no row that is missing from the list is nearer than this

    def core_distances(self, min_samples: int) -> Floats:
        """Distance to the `min_samples`-th nearest other row: hdbscan's count leaves the row itself out."""
        if min_samples == 0 or not len(self.distances):
            return np.zeros(len(self.distances))
        return np.ascontiguousarray(self.distances[:, min_samples - 1])


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """The closeness of every row of `left` to every row of `right`; a row and itself at minus infinity."""

    left: slice
    right: slice
    closeness: NDArray[np.float32]  # (L, R)

    def above(self, lowest: NDArray[np.float32]) -> Pairs | None:
        """The pairs closer than this; None where they are not few."""
        hits = np.flatnonzero(self.closeness > lowest)
        if len(hits) > _FEW * self.closeness.size + _SLICE:
            return None
        here, there = np.divmod(hits, self.closeness.shape[1])
        return Pairs(here + self.left.start, there + self.right.start, self.closeness.ravel()[hits])


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of rows and how close they are."""

    left: RowNumbers  # (P,)
    right: RowNumbers  # (P,)
    closeness: NDArray[np.float32]  # (P,)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What products of some rows with everyone showed: no pair nearer than `reach` is missing, unless one is None."""

    rows: RowNumbers
    reach: float
    pairs: list[Pairs | None]


def nearest(
    points: Points, k: int, *, exact_to: int, keep: list[Tile] | None = None, on_progress: Progress = silent
) -> Neighbours:
    """The K = min(k, N - 1) nearest rows of every row; the first `exact_to` of them are proven.

    The rest of a list may miss a row that is closer by less than a rounding error; `horizon` says from where on.
    `keep` is filled with all products, where there is memory for them; `on_progress` is told of tiles, of twice as many
    as there are: whoever wants the tree goes through them again.
    """
    count = len(points.rows)
    width = min(k, count - 1)
    if width < 1:
        return Neighbours(np.empty((count, 0), np.int32), np.empty((count, 0)), np.full(count, np.inf))
    best = closest(points, width, keep=keep, on_progress=on_progress)
    horizon = points.horizon(best.floor) if width < count - 1 else np.full(count, np.inf)
    return proven(points, measured(points, np.arange(count), best.indices, horizon), exact_to)


def closest(points: Points, width: int, *, keep: list[Tile] | None = None, on_progress: Progress = silent) -> Best:
    """The `width` rows closest to every row, at most N - 1, as float32 products tell; see `nearest`."""
    count = len(points.rows)
    best = Best(count, width)
    room = scratch(count)
    tiles = list(pairs_of_blocks(0, count))
    diagonal_first = sorted(tiles, key=lambda tile: tile[0] != tile[1])  # it fills every list
    for number, (left, right) in enumerate(diagonal_first, 1):
        closeness = points.closeness(left, right, into=room if keep is None else None)
        if keep is not None:
            keep.append(Tile(left, right, closeness))
        if left == right:
            np.fill_diagonal(closeness, -np.inf)
            best.select(closeness, rows=left, first_column=left.start)
        else:
            best.offer(closeness, rows=left, columns=right)
            best.offer(closeness, rows=left, columns=right, turned=True)
        on_progress(number, 2 * len(tiles))
    best.settle()
    return best


def measured(points: Points, rows: RowNumbers, indices: NDArray[np.int32], horizon: Floats) -> Neighbours:
    """Lists of some rows in the order of their exact distances, ties by row number; -1 is infinitely far."""
    indices = np.sort(indices, axis=1)
    is_known = indices >= 0
    here, there = np.broadcast_to(rows[:, None], indices.shape)[is_known], indices[is_known].astype(np.int64)
    pairs = np.minimum(here, there) * len(points.rows) + np.maximum(here, there)
    once, place = np.unique(pairs, return_inverse=True)  # neighbours are often mutual
    distances = np.full(indices.shape, np.inf)
    distances[is_known] = points.distances(*np.divmod(once, len(points.rows)))[place]
    order = np.argsort(distances, axis=1, kind="stable")
    return Neighbours(np.take_along_axis(indices, order, 1), np.take_along_axis(distances, order, 1), horizon)


def proven(points: Points, found: Neighbours, exact_to: int) -> Neighbours:
    """Look again, in float64, at rows whose `exact_to`-th neighbour lies beyond their horizon."""
    width = found.indices.shape[1]
    core = found.core_distances(min(exact_to, width))
    doubtful = np.flatnonzero(core > found.horizon)
    if not len(doubtful):
        return found
    indices, distances, horizon = found.indices.copy(), found.distances.copy(), found.horizon.copy()
    for part in blocks(len(doubtful), _ROWS_IN_DOUBT):
        rows = doubtful[part]
        again = _searched(points, rows, width)
        indices[rows], distances[rows] = again.indices, again.distances
        # What float64 cannot tell apart either is a tie: the list is final.
        horizon[rows] = np.maximum(again.horizon, again.core_distances(min(exact_to, width)))
    return Neighbours(indices, distances, horizon)


def _searched(points: Points, rows: RowNumbers, width: int) -> Neighbours:
    """The nearest rows of a few rows by float64 products with all."""
    count = len(points.rows)
    closest = np.full((len(rows), width), -np.inf)
    indices = np.full((len(rows), width), -1, dtype=np.int32)
    off = 0.0
    for part in blocks(count):
        columns = np.arange(part.start, part.stop)
        closeness, error = points.fine_closeness(rows, columns)
        closeness[rows[:, None] == columns] = -np.inf
        off = max(off, error)
        both = np.concatenate([closest, closeness], axis=1)
        ids = np.concatenate([indices, np.broadcast_to(columns.astype(np.int32), closeness.shape)], axis=1)
        keep = np.argpartition(both, both.shape[1] - width, axis=1)[:, -width:]
        closest, indices = np.take_along_axis(both, keep, 1), np.take_along_axis(ids, keep, 1)
    horizon = points.fine_horizon(closest.min(axis=1) + off)
    return measured(points, rows, indices, horizon)


class Best:
    """The closest rows seen so far, row by row."""

    def __init__(self, count: int, width: int) -> None:
        self.indices = np.full((count, width), -1, dtype=np.int32)
        self.closeness = np.full((count, width), -np.inf, dtype=np.float32)
        self.floor = np.full(count, -np.inf, dtype=np.float32)  # what a candidate has to beat
        self._found: list[tuple[RowNumbers, RowNumbers, NDArray[np.float32]]] = []  # row, column, closeness
        self._pending = 0

    def select(self, closeness: NDArray[np.float32], *, rows: slice, first_column: int) -> None:
        """Fill empty lists with the best of a few columns."""
        width = min(self.indices.shape[1], closeness.shape[1])
        keep = np.argpartition(closeness, closeness.shape[1] - width, axis=1)[:, -width:]
        self.indices[rows, :width] = keep + first_column
        self.closeness[rows, :width] = np.take_along_axis(closeness, keep, 1)
        self.floor[rows] = self.closeness[rows].min(axis=1)

    def offer(self, closeness: NDArray[np.float32], *, rows: slice, columns: slice, turned: bool = False) -> None:
        """Take note of what beats the floor of its row; `turned`: of its column."""
        floor = self.floor[columns] if turned else self.floor[rows, None]
        hits = np.flatnonzero(closeness > floor)
        here, there = np.divmod(hits, closeness.shape[1])
        here, there = here + rows.start, there + columns.start
        values = closeness.ravel()[hits]
        self._found.append((there, here, values) if turned else (here, there, values))
        self._pending += len(hits)
        if self._pending > _PENDING:
            self.settle()

    def settle(self) -> None:
        """Sort the candidates in."""
        if not self._pending:
            return
        rows, columns, values = (np.concatenate(found) for found in zip(*self._found, strict=True))
        self._found, self._pending = [], 0
        is_touched = np.zeros(len(self.floor), dtype=bool)
        is_touched[rows] = True
        touched, place = np.flatnonzero(is_touched), (np.cumsum(is_touched) - 1)[rows]
        width = self.indices.shape[1]
        place = np.concatenate([np.repeat(np.arange(len(touched)), width), place])
        columns = np.concatenate([self.indices[touched].ravel(), columns])
        values = np.concatenate([self.closeness[touched].ravel(), values])
        order = np.argsort(sort_keys(place, values))
        starts = np.searchsorted(place[order], np.arange(len(touched)))
        first = order[starts[:, None] + np.arange(width)]
        self.indices[touched] = columns[first]
        self.closeness[touched] = values[first]
        self.floor[touched] = values[first[:, -1]]


def sort_keys(rows: RowNumbers, values: NDArray[np.float32]) -> NDArray[np.uint64]:
    """One integer a candidate that sorts by row, then by value from high to low: one fast sort instead of two."""
    bits = values.view(np.uint32)
    ascending = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return (rows.astype(np.uint64) << np.uint64(32)) | (~ascending).astype(np.uint64)
