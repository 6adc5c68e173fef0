"""Photos that are nearly the same: shots of one moment, and copies that were saved anew or made smaller.

Pictures are compared by `vision.conversion.perceptual_hash`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BURST_S = 5.0  # between one shot of a burst and the next
BURST_BITS = 16  # that may differ: a picture shifted by a twentieth differs in 10, two people's portraits in 30
COPY_BITS = 3  # likewise of a copy, whenever it was taken: saved anew or halved it differs in 2
BANDS = 4  # of 16 bits: of two hashes that differ in three bits one band at least is the same


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo as bursts are found by."""

    asset_id: int
    perceptual_hash: int  # 64 bits, signed as databases hold them
    taken: datetime | None  # by the clock of where


def find_bursts(shots: Sequence[Shot]) -> list[list[int]]:
    """Rows of the shots of each burst and its copies, in order of time and then as given; single photos are left out.

    >>> from datetime import timedelta
    >>> at = datetime(2020, 5, 1, 12)
    >>> find_bursts([Shot(1, 0, at), Shot(2, 7, at + timedelta(seconds=2)), Shot(3, -1, at), Shot(4, 1, None)])
    [[0, 1, 3]]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not shots:
        return []
    hashes = np.array([shot.perceptual_hash for shot in shots], np.int64).view(np.uint64)
    pairs = np.concatenate([*_in_a_row(shots, hashes), *_copies(hashes), np.empty((0, 2), np.intp)])
    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(shots), len(shots)))
    _, group = connected_components(links, directed=False)
    order = sorted(range(len(shots)), key=lambda row: _moment(shots[row]))
    found: dict[int, list[int]] = {}
    for row in order:
        found.setdefault(int(group[row]), []).append(row)
    return [rows for rows in found.values() if len(rows) > 1]


def _moment(shot: Shot) -> tuple[bool, float]:
    return (shot.taken is None, shot.taken.timestamp() if shot.taken else 0.0)


def _in_a_row(shots: Sequence[Shot], hashes: NDArray[np.uint64]) -> Iterator[NDArray[np.intp]]:
    """Pairs of rows that were taken within `BURST_S` and look alike."""
    dated = sorted((shot.taken.timestamp(), row) for row, shot in enumerate(shots) if shot.taken is not None)
    times, rows = np.array([at for at, _ in dated]), np.array([row for _, row in dated], np.intp)
    ends = np.searchsorted(times, times + BURST_S, side="right")
    for start, end in enumerate(ends.tolist()):
        if end > start + 1:
            yield _alike(rows[start], rows[start + 1 : end], hashes, BURST_BITS)


def _copies(hashes: NDArray[np.uint64]) -> Iterator[NDArray[np.intp]]:
    bands = hashes.view(np.uint16).reshape(-1, BANDS)
    for band in bands.T:
        order = np.argsort(band, kind="stable")
        for same in np.split(order, np.flatnonzero(np.diff(band[order])) + 1):
            for number, row in enumerate(same[:-1].tolist(), start=1):
                yield _alike(row, same[number:], hashes, COPY_BITS)


def _alike(
    row: int | np.intp, others: NDArray[np.intp], hashes: NDArray[np.uint64], most_bits: int
) -> NDArray[np.intp]:
    near = others[np.bitwise_count(hashes[others] ^ hashes[row]) <= most_bits]
    return np.column_stack([np.full(len(near), row, np.intp), near])
