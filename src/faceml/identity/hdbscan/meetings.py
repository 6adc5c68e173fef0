"""The products of an approximate search, each a piece of work of its own: rows that meet, and what came of it.

A piece holds the floors of its rows, what a pair has to exceed to enter a list, as they were when the piece was made.
Floors only rise, so an answer may hold too many pairs but lacks none; who takes it in leaves out what was overtaken
since (`approximate.Found`). So the lists are the same, bit by bit, wherever and however late a piece is worked on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceml.identity.hdbscan.distances import BLOCK, Points, RowNumbers, blocks, scratch

_LEFT = 4 * BLOCK  # rows of one side of a piece, and `BLOCK` of the other: its answer stays below 100 MB


@dataclass(frozen=True, slots=True, eq=False)
class Meeting:
    here: RowNumbers  # (L,)
    there: RowNumbers  # (R,) `BLOCK` at most
    floor_here: NDArray[np.float32]  # (L,)
    floor_there: NDArray[np.float32]  # (R,)


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    rows: NDArray[np.int32]  # (L, K) rows that are compared with each other, list by list
    floors: NDArray[np.float32]  # (L, K) theirs


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Pairs above the floor of the first."""

    ones: RowNumbers
    others: RowNumbers
    closeness: NDArray[np.float32]

    def above(self, floor: NDArray[np.float32]) -> Hits:
        """Those above (N,) floors that may have risen since."""
        still = self.closeness > floor[self.ones]
        return self if still.all() else Hits(self.ones[still], self.others[still], self.closeness[still])


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """The first lists of a cell's residents, nearest first."""

    indices: RowNumbers  # (R, W)
    closeness: NDArray[np.float32]  # (R, W)


def meetings(
    pairs: Iterable[tuple[RowNumbers, RowNumbers]], floor: NDArray[np.float32]
) -> Iterator[tuple[int, Meeting]]:
    """Each pair of sides in pieces, with the number of the pair.

    Args:
        floor: (N,) a view that follows the lists.
    """
    for number, (here, there) in enumerate(pairs):
        for right in blocks(len(there)):
            for left in blocks(len(here), _LEFT):
                ones, others = here[left], there[right]
                yield number, Meeting(ones, others, floor[ones], floor[others])


def meet(points: Points, meeting: Meeting) -> list[Hits]:
    """Compare both sides; the pairs of each block, first those that these rows gain, then those that the others do."""
    room = scratch(max(len(meeting.here), len(meeting.there)))
    far, found = points.rough[meeting.there], list[Hits]()
    for left in blocks(len(meeting.here)):
        here = meeting.here[left]
        closeness = points.closeness_to(here, meeting.there, far, into=room)
        ones, others = _hits(closeness, meeting.floor_here[left, None])
        found.append(Hits(here[ones], meeting.there[others], closeness[ones, others]))
        ones, others = _hits(closeness, meeting.floor_there)
        found.append(Hits(meeting.there[others], here[ones], closeness[ones, others]))
    return found


def join(points: Points, lists: Lists) -> list[Hits]:
    """Compare the rows in each list with each other."""
    first, second = np.triu_indices(lists.rows.shape[1], 1)
    closeness = points.closeness_within(lists.rows)[:, first, second].ravel()
    sides = [(lists.rows[:, side].ravel().astype(np.intp), lists.floors[:, side].ravel()) for side in (first, second)]
    found = []
    for (ones, floor), (others, _) in (sides, sides[::-1]):
        hits = np.flatnonzero(closeness > floor)
        found.append(Hits(ones[hits], others[hits], closeness[hits]))
    return found


def fill(points: Points, rows: RowNumbers, *, width: int) -> Filled | None:
    """The nearest `width` of each of a cell's residents among themselves; None of more than `BLOCK`."""
    width = min(width, len(rows) - 1)
    if width < 1 or len(rows) > BLOCK:
        return None
    closeness = points.closeness_to(rows, rows, points.rough[rows])
    np.fill_diagonal(closeness, -np.inf)
    keep = np.argpartition(closeness, len(rows) - width, axis=1)[:, -width:]
    values = np.take_along_axis(closeness, keep, 1)
    order = np.argsort(-values, axis=1, kind="stable")
    return Filled(rows[np.take_along_axis(keep, order, 1)], np.take_along_axis(values, order, 1))


def _hits(closeness: NDArray[np.float32], floor: NDArray[np.float32]) -> tuple[RowNumbers, RowNumbers]:
    ones, others = np.divmod(np.flatnonzero(closeness > floor), closeness.shape[1])
    return ones, others
