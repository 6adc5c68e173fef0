"""Nearest neighbours without comparing all with all: most of them, and an estimate of how many.

Rows are compared in cells (`cells`), and neighbours of one row with each other, since who is near the same is often
near each other (Dong, Moses and Li 2011, "Efficient k-nearest neighbor graph construction for generic similarity
measures"). This is repeated with independent cells until enough is found. What is enough is told by a sample of rows
that are compared with all. A row whose nearest two independent sets agree on is left out of later ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from faceml.identity.hdbscan.cells import cells_of
from faceml.identity.hdbscan.distances import BLOCK, Points, RowNumbers, blocks
from faceml.identity.hdbscan.meetings import Hits, Lists, Meeting, fill, join, meet, meetings
from faceml.identity.hdbscan.neighbours import Best, Neighbours, measured, sort_keys
from faceml.machines.here import HERE, Machines
from faceml.progress import Progress, silent

ENOUGH = 0.95  # share of the nearest that is to be found (m)
WIDTH = 16  # neighbours listed: with 8 the tree loses what joins groups, with 32 it gains nothing (m)
SAMPLED = 1000  # rows that are compared with all; the estimate is right to one hundredth
_MOST_SETS = 8  # of cells
_USUAL_SETS = 4
_LEAST_GAIN = 0.003  # of a set; below, the next one is not worth its time
_JOINED = 12  # of a row's neighbours that are compared with each other (m)
_JOINS_AT_ONCE = 1024
_PRODUCTS_A_JOURNEY = 1 << 25  # to another machine: about a second there
_LISTS_A_JOURNEY = 32 * _JOINS_AT_ONCE
_JOURNEYS = 32  # that the first lists of all cells take
_PENDING_A_ROW = 8  # candidates collected before they are sorted in: so many keep the floors fresh (m),
_MOST_PENDING = 1 << 21  # and so many take 40 MB


@dataclass(frozen=True, slots=True, eq=False)
class Approximation:
    lists: Neighbours  # its horizon is 0: nothing is proven of what is missing
    recall: float  # estimated share of the nearest that are listed, 0 to 1


def approximately_nearest(
    points: Points,
    *,
    to: int,
    seed: int = 0,
    enough: float = ENOUGH,
    start: Neighbours | None = None,
    guests: RowNumbers | None = None,
    machines: Machines = HERE,
    on_progress: Progress = silent,
) -> Approximation:
    """Lists of the nearest rows.

    Args:
        start: lists known beforehand, which are improved; as wide as they are.
        guests: the rows to look for neighbours of; None: all.
        to: the nearest of each row that matter, whose recall is estimated; at least 1.
        enough: recall from which on no further set of cells is made.
        machines: that make the products; the answer is the same.
        on_progress: told of hundredths of a set of cells, and of how many sets it will usually take.
    """
    rng = np.random.default_rng(seed)
    everyone = np.arange(len(points.rough))
    found = Found(len(everyone), min(max(WIDTH, to), len(everyone) - 1)) if start is None else _begun(points, start)
    guests = everyone if guests is None else guests
    sample = Sample(points, np.sort(rng.choice(everyone, min(SAMPLED, len(everyone)), replace=False)), to)
    first, recall = guests, 0.0
    for number in range(_MOST_SETS):
        before = found.indices[:, :to].copy()
        found.search(points, guests, rng, _Steps(on_progress, number), machines)
        reached = sample.recall(found)
        if reached >= enough or (number > 1 and reached - recall < _LEAST_GAIN):
            break
        guests = first if number == 0 else np.flatnonzero((found.indices[:, :to] != before).any(axis=1))
        recall = reached
    found.complete(points, to)
    return Approximation(measured(points, everyone, found.indices, np.zeros(len(everyone))), sample.recall(found))


def _begun(points: Points, lists: Neighbours) -> Found:
    found = Found(*lists.indices.shape)
    found.indices[:] = lists.indices
    found.closeness[:] = points.ceiling - points.deficit(lists.distances) / points.scale**2
    return found


class _Steps:
    """Hundredths of one set of cells, told."""

    def __init__(self, on_progress: Progress, number: int) -> None:
        self._on_progress, self._before = on_progress, 100 * number
        self._expected = 100 * max(_USUAL_SETS, number + 1)

    def at(self, done: int, total: int) -> None:
        if done * 100 // total != (done - 1) * 100 // total:
            self._on_progress(self._before + done * 100 // total, self._expected)


class Found:
    """The closest rows met so far, each once, closest first."""

    def __init__(self, count: int, width: int) -> None:
        self.indices = np.full((count, width), -1, np.int32)
        self.closeness = np.full((count, width), -np.inf, np.float32)
        self._joined = np.full((count, min(_JOINED, width)), -1, np.int32)  # what was compared with each other
        self._waiting: list[tuple[RowNumbers, RowNumbers, NDArray[np.float32]]] = []  # row, other, closeness
        self._pending = 0
        self._most_pending = min(_PENDING_A_ROW * count, _MOST_PENDING)

    @property
    def floor(self) -> NDArray[np.float32]:
        """(N,) what a row has to exceed to enter a list."""
        floor: NDArray[np.float32] = self.closeness[:, -1]
        return floor

    def search(
        self, points: Points, guests: RowNumbers, rng: np.random.Generator, steps: _Steps, machines: Machines = HERE
    ) -> None:
        """Compare guests with the residents of the cells near them, and then neighbours with each other."""
        cells = cells_of(points, guests, rng, machines)
        number = len(cells.homes.starts) - 1
        if self.indices[:, 0].max(initial=-1) < 0:
            self._fill(points, [cells.homes.of(cell) for cell in range(number)], machines)
        products = int(np.diff(cells.homes.starts) @ np.diff(cells.visits.starts)) // number
        at_once = max(1, _PRODUCTS_A_JOURNEY // max(products, 1))
        for cell, hits in self._met(points, cells.meetings(), machines, at_once):
            self._take(hits)
            steps.at(cell + 1, number)
        self.settle()
        self.join(points, machines)

    def compare(self, points: Points, here: RowNumbers, there: RowNumbers) -> None:
        """Let these rows meet those."""
        for _, hits in self._met(points, [(here, there)], HERE, 1):
            self._take(hits)

    def join(self, points: Points, machines: Machines = HERE) -> None:
        """Compare neighbours of one row with each other, where the row has others than when this was last done."""
        now = self.indices[:, : self._joined.shape[1]]
        rows = np.flatnonzero((now != self._joined).any(axis=1) & (now[:, -1] >= 0))
        self._joined[rows] = now[rows]
        parts = (self._joined[rows[part]] for part in blocks(len(rows), _JOINS_AT_ONCE))
        pieces = (Lists(lists, self.floor[lists]) for lists in parts)
        for hits in machines.map(join, (points,), pieces, at_once=_LISTS_A_JOURNEY // _JOINS_AT_ONCE):
            self._take(hits)
        self.settle()

    def complete(self, points: Points, to: int) -> None:
        """Compare rows with all that have not even `to` neighbours."""
        short = np.flatnonzero(self.indices[:, to - 1] < 0)
        for part in blocks(len(short)):
            self.compare(points, short[part], np.arange(len(self.indices)))
        self.settle()

    def settle(self) -> None:
        """Sort the candidates in."""
        if not self._pending:
            return
        rows, others, values = (np.concatenate(found) for found in zip(*self._waiting, strict=True))
        self._waiting, self._pending = [], 0
        is_new = values > self.floor[rows]  # that may have risen since
        rows, others, values = rows[is_new], others[is_new], values[is_new]
        once = _once(rows * len(self.indices) + others)
        once = once[~(self.indices[rows[once]] == others[once, None]).any(axis=1)]
        rows, others, values = rows[once], others[once], values[once]
        if len(rows):
            self._insert(rows, others, values)

    def _insert(self, rows: RowNumbers, others: RowNumbers, values: NDArray[np.float32]) -> None:
        """Rows ascending."""
        is_first = np.concatenate([[True], rows[1:] != rows[:-1]])
        touched, place, width = rows[is_first], np.cumsum(is_first) - 1, self.indices.shape[1]
        place = np.concatenate([np.repeat(np.arange(len(touched)), width), place])
        others = np.concatenate([self.indices[touched].ravel(), others])
        values = np.concatenate([self.closeness[touched].ravel(), values])
        order = np.argsort(sort_keys(place, values))
        starts = np.searchsorted(place[order], np.arange(len(touched)))
        first = order[starts[:, None] + np.arange(width)]
        self.indices[touched], self.closeness[touched] = others[first], values[first]

    def _fill(self, points: Points, cells: list[RowNumbers], machines: Machines) -> None:
        """Fill empty lists, each from one cell."""
        width, at_once = self.indices.shape[1], max(1, len(cells) // _JOURNEYS)
        found = machines.map(partial(fill, width=width), (points,), cells, at_once=at_once)
        for rows, filled in zip(cells, found, strict=True):
            if filled is not None:
                self.indices[rows, : filled.indices.shape[1]] = filled.indices
                self.closeness[rows, : filled.indices.shape[1]] = filled.closeness
            elif len(rows) > BLOCK:
                self.compare(points, rows, rows)

    def _met(
        self, points: Points, pairs: Iterable[tuple[RowNumbers, RowNumbers]], machines: Machines, at_once: int
    ) -> Iterator[tuple[int, list[Hits]]]:
        """What came of each piece of each pair of sides, with the number of the pair."""
        numbers = deque[int]()

        def pieces() -> Iterator[Meeting]:
            for number, meeting in meetings(pairs, self.floor):
                numbers.append(number)
                yield meeting

        for hits in machines.map(meet, (points,), pieces(), at_once=at_once):
            yield numbers.popleft(), hits

    def _take(self, found: list[Hits]) -> None:
        """Let those wait that no list has overtaken since they were found."""
        for hits in found:
            self._wait(hits.above(self.floor))

    def _wait(self, hits: Hits) -> None:
        is_pair = hits.ones != hits.others
        self._waiting.append((hits.ones[is_pair], hits.others[is_pair], hits.closeness[is_pair]))
        self._pending += len(hits.ones)
        if self._pending > self._most_pending:
            self.settle()


def _once(keys: NDArray[np.int64]) -> RowNumbers:
    """Where each key is met, once, ascending by key; `np.unique` sorts several times slower."""
    order = np.argsort(keys)
    is_first = np.ones(len(keys), bool)
    is_first[1:] = keys[order[1:]] != keys[order[:-1]]
    return order[is_first]


class Sample:
    """Rows whose nearest are known, since they were compared with all."""

    def __init__(self, points: Points, rows: RowNumbers, to: int) -> None:
        self._rows, self._to = rows, min(to, len(points.rough) - 1)
        best = Best(len(rows), self._to)
        part = slice(0, len(rows))
        for columns in blocks(len(points.rough)):
            closeness = points.closeness(rows, columns)
            here = np.flatnonzero((rows >= columns.start) & (rows < columns.stop))
            closeness[here, rows[here] - columns.start] = -np.inf
            if columns.start == 0:
                best.select(closeness, rows=part, first_column=0)
            else:
                best.offer(closeness, rows=part, columns=columns)
        best.settle()
        self._floor = best.floor - 2 * np.float32(points.slack)  # equally near is as good

    def recall(self, found: Found) -> float:
        """The share of their nearest that is listed."""
        listed = (found.closeness[self._rows, : self._to] >= self._floor[:, None]).sum()
        return float(listed / max(len(self._rows) * self._to, 1))
