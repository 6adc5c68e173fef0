"""Distances between many rows at two precisions: float32 products that decide most, float64 that decides the rest.

A float32 product is the fastest way to compare every row with every other, but it is off by up to `D * 2**-24` of the
rows' lengths (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). So products only *exclude*: a pair
whose closeness stays below a threshold is provably farther than the distance the threshold stands for. What is not
excluded is measured in float64 from the differences of the rows themselves, which holds for near-duplicates too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from faceml.errors import WrongUse

Metric = Literal["euclidean", "cosine"]
Floats = NDArray[np.float64]
RowNumbers = NDArray[np.intp]

DIAGONAL = 512  # rows of a block compared with itself, where half of the product is computed in vain
FEWEST_ROWS, MOST_SCORES = 512, 1 << 26  # of one product with very many columns: 256 MB
BLOCK = 2048  # rows of a block: its product (16 MB) stays in the last-level cache, and BLAS is at its full speed
_VALUES_AT_ONCE = 1 << 15  # gathered at once when pairs are measured: stays in the second-level cache
_LONGEST = 1e100  # squared lengths beyond it overflow float64 further on


class Card(Protocol):
    """Rows where products are made in place of the processor, such as a graphics card (`machines.cuda`)."""

    def multiply(self, left: slice | RowNumbers, right: slice, *, into: NDArray[np.float32]) -> None:
        """Write the (L, R) products of rows `left` with rows `right`, to float32's precision."""

    def arranged(self, order: RowNumbers) -> Card:
        """The same rows in another order, or some of them."""


Cards = Callable[[NDArray[np.float32]], Card | None]  # takes (N, D) rows there; None where they stay here


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Rows, and how far apart they are.

    Closeness is larger for closer rows: `ceiling - deficit(distance)`, where the deficit is half the squared Euclidean
    distance, or the cosine distance.
    """

    metric: Metric
    rows: NDArray[np.floating]  # (N, D) as given
    rough: NDArray[np.float32]  # (N, D) what products are made of: the rows, centred and scaled where they are not unit
    half_norms: NDArray[np.float32] | None  # (N,) subtracted from products; None where all rows are equally long
    inverse_norms: Floats | None  # (N,) cosine only
    scale: float  # rough rows are this many times shorter
    ceiling: float  # closeness of equal rows
    slack: float  # by how much a float32 closeness may fall short of the true one
    card: Card | None = None  # that has the rough rows, too

    def closeness(
        self, left: slice | RowNumbers, right: slice, *, into: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """The (L, R) closeness in float32; it falls short of the true one by at most `slack`.

        `into`: a `scratch()` to write it to; the answer is then a view of it.
        """
        height, width = (_length(rows, len(self.rough)) for rows in (left, right))
        into = np.empty(height * width, dtype=np.float32) if into is None else into
        product = into[: height * width].reshape(height, width)
        if self.card is None:
            np.matmul(self.rough[left], self.rough[right].T, out=product)
        else:
            self.card.multiply(left, right, into=product)
        if self.half_norms is not None:
            product -= self.half_norms[left, None]
            product -= self.half_norms[right]
        return product

    def closeness_to(
        self,
        left: RowNumbers,
        right: RowNumbers,
        far: NDArray[np.float32],
        *,
        into: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """As `closeness`, of rows all over the place; `far` are the rough rows of `right`, gathered once for many."""
        into = np.empty(len(left) * len(right), dtype=np.float32) if into is None else into
        product = into[: len(left) * len(right)].reshape(len(left), len(right))
        np.matmul(self.rough[left], far.T, out=product)
        if self.half_norms is not None:
            product -= self.half_norms[left, None]
            product -= self.half_norms[right]
        return product

    def closeness_within(self, lists: NDArray[np.integer]) -> NDArray[np.float32]:
        """(L, K, K) the closeness of the rows in each of (L, K) lists to each other."""
        rows = self.rough.take(lists, axis=0)
        product: NDArray[np.float32] = rows @ rows.transpose(0, 2, 1)
        if self.half_norms is not None:
            product -= self.half_norms[lists][:, :, None]
            product -= self.half_norms[lists][:, None, :]
        return product

    def arranged(self, order: RowNumbers) -> Points:
        """The same points whose products take its rows in another order, or some of them; costs their float32 copy."""
        half_norms = None if self.half_norms is None else self.half_norms[order]
        card = self.card.arranged(order) if self.card else None
        return replace(self, rough=self.rough[order], half_norms=half_norms, card=card)

    @property
    def shared_rows(self) -> NDArray[np.float32]:
        return self.rough

    def with_rows(self, rows: NDArray[np.float32]) -> Points:
        """What products need, with these in place of the rough rows (`machines.here.ManyRows`)."""
        return replace(self, rows=rows, rough=rows, card=None)

    def fine_closeness(self, left: RowNumbers, right: RowNumbers) -> tuple[Floats, float]:
        """The (L, R) closeness in float64 with a ceiling of 0, and how far off it may be."""
        near, far = self._fine_rows(left), self._fine_rows(right)
        pivot = near.mean(axis=0)  # around a point among them, near-duplicates keep their digits
        near -= pivot
        far -= pivot
        half_near, half_far = 0.5 * _squared_lengths(near), 0.5 * _squared_lengths(far)
        product = near @ far.T
        product -= half_near[:, None]
        product -= half_far
        off = (near.shape[1] + 4) * np.finfo(np.float64).eps * float(half_near.max() + half_far.max())
        return product, off

    def distances(self, left: NDArray[np.integer], right: NDArray[np.integer]) -> Floats:
        """The distances of pairs (left[i], right[i]) in float64, equal rows exactly 0."""
        found = np.empty(len(left), dtype=np.float64)
        for pairs in blocks(len(left), max(1, _VALUES_AT_ONCE // max(1, self.rows.shape[1]))):
            difference = self._fine_rows(left[pairs])
            difference -= self._fine_rows(right[pairs])
            np.vecdot(difference, difference, out=found[pairs])
        return np.sqrt(found) if self.metric == "euclidean" else 0.5 * found

    def deficit(self, distance: Floats) -> Floats:
        """By how much a distance lowers the closeness, in the units of `fine_closeness`."""
        return 0.5 * distance * distance if self.metric == "euclidean" else distance

    def threshold(self, distance: Floats) -> NDArray[np.float32]:
        """The float32 closeness that every pair nearer than `distance` exceeds."""
        exact = self.ceiling - self.slack - self.deficit(distance) / self.scale**2
        return np.nextafter(exact.astype(np.float32), np.float32(-np.inf))

    def horizon(self, closeness: NDArray[np.float32]) -> Floats:
        """The distance that no pair below this float32 closeness falls short of."""
        lacking = np.maximum(self.ceiling - self.slack - closeness.astype(np.float64), 0.0) * self.scale**2
        return self.fine_horizon(-lacking)

    def fine_horizon(self, closeness: Floats) -> Floats:
        """The distance of a `fine_closeness`."""
        lacking = np.maximum(-closeness, 0.0)
        return np.sqrt(2.0 * lacking) if self.metric == "euclidean" else lacking

    def _fine_rows(self, which: NDArray[np.integer]) -> Floats:
        rows: Floats = self.rows.take(which, axis=0).astype(np.float64)
        if self.inverse_norms is not None:
            rows *= self.inverse_norms[which, None]
        return rows


def points_of(embeddings: NDArray[np.floating], *, metric: Metric, cards: Cards | None = None) -> Points:
    """Prepare (N, D) rows for products; unit float32 rows are used as they are, others cost one float32 copy.

    Raises:
        WrongUse: not a matrix of finite numbers, an unknown metric, or a row of zeros under `cosine`.
    """
    points = _points_of(embeddings, metric)
    return replace(points, card=cards(points.rough)) if cards else points


def _points_of(embeddings: NDArray[np.floating], metric: Metric) -> Points:
    rows = np.asarray(embeddings)
    if rows.ndim != 2:
        raise WrongUse(f"embeddings have shape {rows.shape}: give a matrix of one row a face, (N, D)")
    rows = rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)
    norms = _squared_lengths(rows)
    bad = np.flatnonzero(~(norms < _LONGEST))
    if len(bad):
        raise WrongUse(f"embedding row {bad[0]} holds NaN, infinity or huge values: leave it out or embed it again")
    if metric == "cosine":
        return _cosine_points(rows, norms)
    if metric != "euclidean":
        raise WrongUse(f"metric {metric!r} is not known: use 'euclidean' or 'cosine'")
    error = float(np.abs(norms - 1.0).max(initial=0.0))
    if error >= 1e-5:
        return _centred_points(rows)
    rough = np.ascontiguousarray(rows, dtype=np.float32)
    slack = _rounding(rows.shape[1]) + error
    return Points("euclidean", rows, rough, None, None, scale=1.0, ceiling=1.0, slack=slack)


def blocks(count: int, size: int | None = None) -> Iterator[slice]:
    """Slices that cover `range(count)`; of `BLOCK` where no size is given.

    >>> [(part.start, part.stop) for part in blocks(5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    step = BLOCK if size is None else size
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def rows_at_once(columns: int, scores: int) -> int:
    """How many rows to compare with `columns` others in one product: about so many `scores`, but never a few rows.

    BLAS lays the columns out anew for each product: 66 rows at a time with 30,000 columns take twice as long as 512.

    >>> rows_at_once(1_000, 2_000_000), rows_at_once(30_000, 2_000_000), rows_at_once(1_000_000, 2_000_000)
    (2000, 512, 67)
    """
    width = max(1, columns)
    return max(1, scores // width, min(FEWEST_ROWS, MOST_SCORES // width))


def pairs_of_blocks(start: int, stop: int) -> Iterator[tuple[slice, slice]]:
    """Every pair of rows i < j in one of the tiles (left, right), left before right; or on the diagonal, left is right.

    Tiles shrink towards the diagonal, so that little is computed twice.

    >>> [(left.start, left.stop, right.start, right.stop) for left, right in pairs_of_blocks(0, DIAGONAL + 1)]
    [(0, 512, 0, 512), (512, 513, 512, 513), (0, 512, 512, 513)]
    """
    if stop - start <= DIAGONAL:
        yield slice(start, stop), slice(start, stop)
        return
    half = DIAGONAL
    while half * 2 < stop - start:
        half *= 2
    middle = start + half
    yield from pairs_of_blocks(start, middle)
    yield from pairs_of_blocks(middle, stop)
    for left in blocks(half):
        for right in blocks(stop - middle):
            yield (slice(start + left.start, start + left.stop), slice(middle + right.start, middle + right.stop))


def scratch(count: int) -> NDArray[np.float32]:
    """Room for the product of any two blocks of `count` rows: writing to the same pages again is faster than to new."""
    return np.empty(min(count, BLOCK) ** 2, dtype=np.float32)


def _length(rows: slice | RowNumbers, count: int) -> int:
    return len(range(count)[rows]) if isinstance(rows, slice) else len(rows)


def _squared_lengths(rows: NDArray[np.floating]) -> Floats:
    lengths = np.empty(len(rows), dtype=np.float64)
    for part in blocks(len(rows)):
        lengths[part] = np.einsum("ij,ij->i", rows[part], rows[part], dtype=np.float64)
    return lengths


def _rounding(width: int) -> float:
    """How far a float32 product of two unit rows may be off, their own rounding to float32 included."""
    return 1.01 * (width + 16) * 2.0**-24


def _cosine_points(rows: NDArray[np.floating], norms: Floats) -> Points:
    empty = np.flatnonzero(norms == 0)
    if len(empty):
        raise WrongUse(f"embedding row {empty[0]} is all zeros and has no direction: leave it out, or use 'euclidean'")
    inverse = 1.0 / np.sqrt(norms)
    rough = np.empty(rows.shape, dtype=np.float32)
    for part in blocks(len(rows)):
        rough[part] = rows[part] * inverse[part, None]
    return Points("cosine", rows, rough, None, inverse, scale=1.0, ceiling=1.0, slack=_rounding(rows.shape[1]))


def _centred_points(rows: NDArray[np.floating]) -> Points:
    """Rows of any length: errors grow with length, so centre them, and let half norms carry each row's own error."""
    centre = rows.mean(axis=0, dtype=np.float64)
    norms = np.concatenate([_squared_lengths(rows[part] - centre) for part in blocks(len(rows))])
    scale = float(np.sqrt(norms.max())) or 1.0
    rough = np.empty(rows.shape, dtype=np.float32)
    for part in blocks(len(rows)):
        rough[part] = (rows[part] - centre) / scale
    # Shortening half norms by the rounding error makes every closeness an upper bound: short rows keep their precision.
    half_norms = (0.5 * norms / scale**2 * (1.0 - 2.0 * _rounding(rows.shape[1]))).astype(np.float32)
    tiny = float(np.finfo(np.float32).tiny) * rows.shape[1]  # products below it are flushed to zero
    return Points("euclidean", rows, rough, half_norms, None, scale=scale, ceiling=0.0, slack=tiny)
