"""What another grouping, or another recognition, would change: before and after, face by face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.identity.cluster_labels import keep_names
from faceml.identity.strangers import OpenSetScores


@dataclass(frozen=True, slots=True)
class Groups:
    """A grouping in numbers."""

    sizes: tuple[int, ...]  # faces of each group, largest first

    @property
    def clusters(self) -> int:
        return len(self.sizes)

    @property
    def grouped(self) -> int:
        """Faces in one."""
        return sum(self.sizes)

    @property
    def largest(self) -> int:
        return max(self.sizes, default=0)

    @classmethod
    def of(cls, labels: NDArray[np.int64]) -> Groups:
        """
        >>> Groups.of(np.array([1, 0, 0, -1]))
        Groups(sizes=(2, 1))
        """
        sizes = np.bincount(labels[labels >= 0], minlength=1)
        return cls(tuple(np.sort(sizes[sizes > 0])[::-1].tolist()))


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Rows of the faces that something would happen to."""

    joined: NDArray[np.intp]  # had nothing, get something
    left: NDArray[np.intp]  # lose it
    moved: NDArray[np.intp]  # get another

    @classmethod
    def between(cls, before: NDArray[np.int64], after: NDArray[np.int64]) -> Moves:
        """
        Args:
            before: (N,) a number a group or person, below 0: in none.
            after: (N,) likewise, and the same number for the same one.

        >>> found = Moves.between(np.array([-1, 0, 0, 1]), np.array([0, -1, 1, 1]))
        >>> found.joined.tolist(), found.left.tolist(), found.moved.tolist()
        ([0], [1], [2])
        """
        had, has = before >= 0, after >= 0
        return cls(
            np.flatnonzero(~had & has), np.flatnonzero(had & ~has), np.flatnonzero(had & has & (before != after))
        )


@dataclass(frozen=True, slots=True)
class Start:
    """What to begin with."""

    threshold: float  # the best cosine known: calibrated where there are labels enough, else the pack's
    model_version: str  # what tells people apart


@dataclass(frozen=True, slots=True)
class Example:
    """A face that something would happen to."""

    face_id: UUID
    change: str  # joined, left or moved; of detection: dropped or kept
    value: float  # what decides: its quality, similarity, or how far it is beyond the bounds
    other_id: UUID | None = None  # whom it would be with
    name: str = ""  # of the person


@dataclass(frozen=True, slots=True, eq=False)
class DetectionEffect:
    faces: int  # that are there and no one dismissed
    kept: int  # sure and large enough
    unsure: int  # below min_confidence
    small: int  # below min_face_size
    good: int  # of those kept: good enough to be grouped
    undecided: tuple[UUID, ...]  # those not kept about which nobody decided
    examples: tuple[Example, ...]  # nearest to the bounds first


@dataclass(frozen=True, slots=True)
class GroupingEffect:
    faces: int  # looked at
    faces_in_all: int  # that clustering would group
    before: Groups
    after: Groups
    joined: int  # faces in no group now, and in one then
    left: int
    moved: int  # to another group
    examples: tuple[Example, ...]
    model_version: str
    note: str | None


@dataclass(frozen=True, slots=True)
class FalseMatches:
    """Of labelled faces asked about as if their person were unknown."""

    share: float  # that would be given to somebody
    at_most: float  # with 95 % confidence
    faces: int
    accepted: float  # share of faces given to their own person


@dataclass(frozen=True, slots=True, eq=False)
class RecognitionEffect:
    faces: int
    faces_in_all: int
    before: int  # of those looked at, under a person now
    after: int
    joined: int  # get a name
    left: int  # lose it
    moved: int  # get another
    threshold: float  # a cosine, or a score of a matcher
    model_version: str
    similarities: NDArray[np.float32]  # (F,) of each face and the person it resembles most; ascending
    false_matches: FalseMatches | None  # None: too few labels, or a matcher, whose own report tells it
    examples: tuple[Example, ...]  # nearest to the threshold first
    notes: tuple[str, ...]


def continued(before: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) labels under the number of the former group that each continues (`keep_names`), and new numbers else.

    >>> continued(np.array([4, 4, 4, -1]), np.array([0, 0, -1, 1])).tolist()
    [4, 4, -1, 5]
    """
    kept = keep_names(labels.tolist(), [str(number) if number >= 0 else None for number in before.tolist()])
    number = {label: int(name) for label, name in kept.items()}
    fresh = int(before.max(initial=-1)) + 1
    for label in sorted(set(labels[labels >= 0].tolist()) - number.keys()):
        number[label] = fresh
        fresh += 1
    number[-1] = -1
    return np.array([number[label] for label in labels.tolist()], np.int64)


def whole_groups(groups: NDArray[np.int64], *, most: int, seed: int = 0) -> NDArray[np.intp]:
    """Rows of groups drawn by chance, each whole, until there are `most` faces; twice as many are never taken.

    A sample of single faces would have no one to be grouped with.

    Args:
        groups: (N,) a number a group; below 0: a face alone.

    >>> whole_groups(np.array([0, 0, 1, 1, -1]), most=9).tolist()
    [0, 1, 2, 3, 4]
    """
    if len(groups) <= most:
        return np.arange(len(groups))
    alone = groups.max(initial=-1) + 1 + np.arange(len(groups))
    _, codes, sizes = np.unique(np.where(groups >= 0, groups, alone), return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    begins = np.concatenate([[0], np.cumsum(sizes[order])[:-1]])
    is_drawn = np.zeros(len(sizes), bool)
    is_drawn[order[begins < most]] = True
    return np.flatnonzero(is_drawn[codes])[: 2 * most]


def examples_of(moves: Moves, worth: NDArray[np.floating], *, most: int) -> list[tuple[str, int]]:
    """A few rows of each kind of move with its name, those worth most first."""
    found: list[tuple[str, int]] = []
    for kind in ("joined", "left", "moved"):
        rows: NDArray[np.intp] = getattr(moves, kind)
        best = rows[np.argsort(-worth[rows], kind="stable")][:most]
        found += [(kind, row) for row in best.tolist()]
    return found


def another(of: int, groups: Sequence[int] | NDArray[np.int64], worth: NDArray[np.floating], *, but: int) -> int | None:
    """The row of a group that is worth most, but for one of them; None where there is no other."""
    rows = np.flatnonzero(np.asarray(groups) == of)
    rows = rows[rows != but]
    return int(rows[np.argmax(worth[rows])]) if len(rows) else None


def false_matches(scores: OpenSetScores, threshold: float) -> FalseMatches:
    """How often a threshold would name a stranger, and somebody known rightly."""
    from scipy.stats import binomtest

    count = len(scores.impostor)
    false = int((scores.impostor >= threshold).sum())
    at_most = binomtest(false, count, alternative="less").proportion_ci().high  # Clopper and Pearson 1934
    known = np.isfinite(scores.genuine)
    is_own = (scores.genuine >= threshold) & (scores.genuine > scores.impostor)
    accepted = float(is_own[known].mean()) if known.any() else 0.0
    return FalseMatches(false / count, float(at_most), count, accepted)
