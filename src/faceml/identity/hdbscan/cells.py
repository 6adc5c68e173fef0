"""Rows in cells, so that a row is compared with those of the cells near it and not with all.

Cells are made by k-means on a sample (Lloyd 1982; of unit rows spherical, Dhillon and Modha 2001). A row lives in the
cell whose centre is closest and visits those whose centres come next. A face on the edge of one set of cells is inside
another, so what one set misses the next one mostly finds: independent sets are worth more than more visits in one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from faceml.identity.hdbscan.distances import Points, RowNumbers, blocks
from faceml.machines.here import HERE, Machines

VISITS = 8  # cells that a row is compared in, its own among them (m)
_CELLS = 4  # times the root of the guests: finding cells then costs about what comparing in them does
_SAMPLE = 16  # rows a cell that centres are made from (m)
_ROUNDS = 2  # of k-means; more gain nothing (m)
_ROWS_AT_ONCE = 1024
_PARTS_A_JOURNEY = 16  # to another machine


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Row numbers, cell by cell."""

    rows: RowNumbers
    starts: RowNumbers  # (C + 1,) where each cell's begin

    def of(self, cell: int) -> RowNumbers:
        found: RowNumbers = self.rows[self.starts[cell] : self.starts[cell + 1]]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Who lives where, and who visits whom."""

    homes: Grouped  # every row once
    visits: Grouped  # every guest in `VISITS` cells, where there are so many

    def meetings(self) -> Iterator[tuple[RowNumbers, RowNumbers]]:
        """The guests and the residents of each cell; of some cells there are none."""
        for cell in range(len(self.homes.starts) - 1):
            yield self.visits.of(cell), self.homes.of(cell)


def cells_of(points: Points, guests: RowNumbers, rng: np.random.Generator, machines: Machines = HERE) -> Cells:
    """One set of cells.

    Args:
        guests: the rows that visit, ascending; the others are at home.
        machines: that look for each row's cells.
    """
    centres = _centres(points, min(_CELLS * isqrt(max(len(guests), 1)), len(points.rough)), rng)
    closest = np.empty(len(points.rough), np.int32)
    visited = np.empty((len(guests), min(VISITS, len(centres))), np.int32)
    parts = list(blocks(len(closest), _ROWS_AT_ONCE))
    bounds = [np.searchsorted(guests, [part.start, part.stop]) for part in parts]
    pieces = ((part, guests[first:last] - part.start) for part, (first, last) in zip(parts, bounds, strict=True))
    found = machines.map(near_cells, (points, centres), pieces, at_once=_PARTS_A_JOURNEY)
    for part, (first, last), (own, others) in zip(parts, bounds, found, strict=True):
        closest[part], visited[first:last] = own, others
    cells, place = _grouped(visited.ravel(), len(centres)), visited.shape[1]
    return Cells(_grouped(closest, len(centres)), Grouped(guests[cells.rows // place], cells.starts))


def near_cells(
    points: Points, centres: NDArray[np.float32], piece: tuple[slice, RowNumbers]
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """The cell that each of some rows lives in, and those that the guests among them visit."""
    part, guests = piece
    closeness = _closeness(points, points.rough[part], centres)
    return closeness.argmax(axis=1), _highest(closeness[guests], min(VISITS, len(centres)))


def _centres(points: Points, number: int, rng: np.random.Generator) -> NDArray[np.float32]:
    count = len(points.rough)
    sample = np.sort(rng.choice(count, min(_SAMPLE * number, count), replace=False))
    centres: NDArray[np.float32] = points.rough[np.sort(rng.choice(sample, number, replace=False))]
    for _ in range(_ROUNDS):
        sums, sizes = np.zeros_like(centres), np.zeros(number, np.float32)
        for part in blocks(len(sample), _ROWS_AT_ONCE):
            rows = points.rough[sample[part]]
            cells = _grouped(_closeness(points, rows, centres).argmax(axis=1), number)
            here = np.flatnonzero(np.diff(cells.starts))
            sums[here] += np.add.reduceat(rows[cells.rows], cells.starts[here], axis=0)
            sizes += np.diff(cells.starts)
        lengths = sizes if points.half_norms is not None else np.linalg.norm(sums, axis=1)
        np.divide(sums, lengths[:, None], out=centres, where=lengths[:, None] > 0)
    return centres


def _closeness(points: Points, rows: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    product: NDArray[np.float32] = rows @ centres.T
    if points.half_norms is not None:
        product -= 0.5 * np.einsum("ij,ij->i", centres, centres)
    return product


def _highest(values: NDArray[np.float32], number: int) -> NDArray[np.int32]:
    """(N, number) columns of the highest values, highest first; spoils `values`. Faster than a partition for few."""
    found = np.empty((len(values), number), np.int32)
    everyone = np.arange(len(values))
    for place in range(number):
        found[:, place] = values.argmax(axis=1)
        values[everyone, found[:, place]] = -np.inf
    return found


def _grouped(cells: NDArray[np.integer], number: int) -> Grouped:
    order = np.argsort(cells, kind="stable")
    return Grouped(order, np.searchsorted(cells[order], np.arange(number + 1)))
