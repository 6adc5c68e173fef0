"""Neighbour lists brought up to date after rows came and went: newcomers are compared with all, not all with all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faceml.identity.hdbscan.distances import Points, RowNumbers, blocks, scratch
from faceml.identity.hdbscan.neighbours import Best, Neighbours, Pairs, Seen, Tile, measured, nearest, proven

_FIRST = 512  # columns a newcomer's list is first filled from
_IN_DOUBT = 0.1  # part of the lists that may be searched again; beyond it a full run is cheaper
_CROWD = 64  # candidates a newcomer may bring for each place in its list; near-duplicates without end bring more
_SEEN = 1 << 21  # pairs that are remembered: 40 MB


def carried(found: Neighbours, rows: RowNumbers, count: int) -> Neighbours:
    """Lists of former rows under their new row numbers (-1: gone); rows that are new have empty lists and know nothing.

    >>> lists = Neighbours(np.array([[1], [2], [1]], np.int32), np.array([[4.0], [3.0], [3.0]]), np.full(3, 9.0))
    >>> carried(lists, np.array([0, 2, -1]), 3).indices.tolist()
    [[2], [-1], [-1]]
    """
    width = found.indices.shape[1]
    indices = np.full((count, width), -1, dtype=np.int32)
    distances = np.full((count, width), np.inf)
    horizon = np.zeros(count)
    stay = rows >= 0
    listed = np.where(found.indices[stay] >= 0, rows[found.indices[stay]], -1)
    known = np.where(listed >= 0, found.distances[stay], np.inf)
    order = np.argsort(known, axis=1, kind="stable")
    indices[rows[stay]] = np.take_along_axis(listed, order, 1)
    distances[rows[stay]] = np.take_along_axis(known, order, 1)
    horizon[rows[stay]] = found.horizon[stay]
    return Neighbours(indices, distances, horizon)


def grown(
    points: Points, former: Neighbours, newcomers: RowNumbers, *, exact_to: int, reach: float
) -> tuple[Neighbours, Seen | None]:
    """The lists of all rows, from `carried` ones and one product of the newcomers with everyone.

    The pairs nearer than `reach` are remembered from that product, unless they are too many.
    """
    width = former.indices.shape[1]
    glance = _Glance(points, newcomers, reach)
    lists = with_newcomers(points, former, newcomers, glance) if len(newcomers) else former
    if lists is None or (lists.core_distances(exact_to) > lists.horizon).mean() > _IN_DOUBT:
        return nearest(points, width, exact_to=exact_to), None
    return proven(points, lists, exact_to), Seen(newcomers, reach, glance.pairs)


class _Glance:
    """Collects the pairs of newcomers that are nearer than `reach`; the last is None where they are too many."""

    def __init__(self, points: Points, newcomers: RowNumbers, reach: float) -> None:
        self._newcomers = newcomers
        self._lowest = points.threshold(np.array(reach))
        self.pairs: list[Pairs | None] = []
        self._room = _SEEN

    def at(self, closeness: NDArray[np.float32], part: slice, columns: slice) -> None:
        if self.pairs and self.pairs[-1] is None:
            return
        found = Tile(part, columns, closeness).above(self._lowest)
        self._room -= len(found.left) if found else 0
        if found is None or self._room < 0:
            self.pairs = [None]
            return
        left = self._newcomers[found.left]
        is_pair = left != found.right
        self.pairs.append(Pairs(left[is_pair], found.right[is_pair], found.closeness[is_pair]))


def with_newcomers(
    points: Points, former: Neighbours, newcomers: RowNumbers, glance: _Glance | None = None
) -> Neighbours | None:
    """Lists after a product of the newcomers with all; None where so many rows are near that a full run is cheaper."""
    count, width = former.indices.shape
    best = Best(len(newcomers), width)
    last = np.minimum(former.distances[:, -1], former.horizon)  # what is farther need not be known
    limits = np.where(last > 0, points.threshold(last), np.inf).astype(np.float32)
    limits[newcomers] = np.inf  # their own lists come from their own side
    hosts, guests = [], []
    room = scratch(count)
    for columns in blocks(count):
        for part in blocks(len(newcomers)):
            closeness = points.closeness(newcomers[part], columns, into=room)
            if glance is not None:
                glance.at(closeness, part, columns)
            host_hits = np.flatnonzero(closeness > limits[columns])
            guest, host = np.divmod(host_hits, closeness.shape[1])
            hosts.append(host + columns.start)
            guests.append(newcomers[part][guest])
            _blank_selves(closeness, newcomers[part], columns)
            if columns.start == 0:
                best.select(closeness[:, :_FIRST], rows=part, first_column=0)
                closeness[:, :_FIRST] = -np.inf
            best.offer(closeness, rows=part, columns=columns)
        if sum(map(len, hosts)) > _CROWD * width * (len(newcomers) + 1000):
            return None
    best.settle()
    own = measured(points, newcomers, best.indices, points.horizon(best.floor))
    return _inserted(points, former, own, newcomers, np.concatenate(hosts), np.concatenate(guests))


def _blank_selves(closeness: NDArray[np.float32], rows: RowNumbers, columns: slice) -> None:
    here = np.flatnonzero((rows >= columns.start) & (rows < columns.stop))
    closeness[here, rows[here] - columns.start] = -np.inf


def _inserted(
    points: Points, former: Neighbours, own: Neighbours, newcomers: RowNumbers, hosts: RowNumbers, guests: RowNumbers
) -> Neighbours:
    """Former lists with guests sorted in by exact distance, and the newcomers' own."""
    indices, distances = former.indices.copy(), former.distances.copy()
    touched, place = np.unique(hosts, return_inverse=True)
    width = indices.shape[1]
    place = np.concatenate([np.repeat(np.arange(len(touched)), width), place])
    ids = np.concatenate([indices[touched].ravel(), guests])
    away = np.concatenate([distances[touched].ravel(), points.distances(hosts, guests)])
    order = np.lexsort((ids, away, place))
    starts = np.searchsorted(place[order], np.arange(len(touched)))
    first = order[starts[:, None] + np.arange(width)]
    indices[touched], distances[touched] = ids[first], away[first]
    horizon = np.minimum(former.horizon, distances[:, -1])
    indices[newcomers], distances[newcomers], horizon[newcomers] = own.indices, own.distances, own.horizon
    return Neighbours(indices, distances, horizon)
