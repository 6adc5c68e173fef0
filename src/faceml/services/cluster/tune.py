"""What thresholds and cluster parameters would do, on a sample of the library; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, WrongUse
from faceml.identity.calibration import OpenSetScores, score_open_set
from faceml.library import Library
from faceml.records import Embeddings, Face, Prototypes
from faceml.services.recognise.calibrate import usual_threshold
from faceml.storage.sql.repository import UnitOfWork

LARGEST_SAMPLE = 2_000  # faces; grouped again in about a second
LARGEST_CALIBRATION = 4_000  # labelled faces scored
PAIRS = 3  # shown on each side of the threshold


@dataclass(frozen=True, slots=True)
class Pair:
    """A face and what it resembles most."""

    one: UUID
    other: UUID
    similarity: float
    name: str  # of the person; empty where nobody is named


@dataclass(frozen=True, slots=True)
class Sample:
    """Whole groups of the library, drawn by chance: single faces would have no one to be grouped with."""

    face_ids: tuple[UUID, ...]
    vectors: NDArray[np.float32]  # (N, D) unit rows
    faces_in_library: int
    pairs: tuple[Pair, ...]  # least similar first
    scores: OpenSetScores | None  # of the faces that a person labelled; None where they are too few
    threshold: float  # the best known
    faces: dict[UUID, Face]  # whatever `pairs` shows


@dataclass(frozen=True, slots=True)
class FalseMatches:
    """Of labelled faces asked about as if their person were unknown."""

    share: float  # that would be given to somebody
    at_most: float  # with 95 % confidence
    faces: int
    accepted: float  # share of faces given to their own person


@dataclass(frozen=True, slots=True)
class Effect:
    clusters: int
    grouped: float  # share of the sample in a cluster
    largest: int
    recognised: float  # share of the sample at least as similar as the threshold to somebody
    false_matches: FalseMatches | None
    above: tuple[Pair, ...]  # just recognised, the nearest to the threshold first
    below: tuple[Pair, ...]  # just not


def take_sample(library: Library, *, seed: int = 0) -> Sample:
    """Draw groups until there are about 2,000 faces.

    Raises:
        NotEnoughData: the library has no faces.
    """
    threshold = usual_threshold(library)
    with library.repository.read() as unit:
        chosen, total = _draw(unit, seed)
        sample = unit.vectors.of(chosen)
        pairs = _nearest(sample, unit.prototypes.all(), unit.people.names())
        labelled, people = unit.vectors.labelled_by_a_person()
        shown = {id_ for pair in pairs for id_ in (pair.one, pair.other)}
        by_id = {face.id: face for face in unit.faces.by_ids(sorted(shown))}
    return Sample(sample.face_ids, sample.vectors, total, pairs, _score(labelled, people), threshold, by_id)


def try_settings(sample: Sample, *, threshold: float, min_cluster_size: int, min_samples: int) -> Effect:
    """What these settings would do to the sample.

    Raises:
        WrongUse: a parameter outside its range.
    """
    from faceml.identity.clustering import cluster_embeddings

    if min_cluster_size < 2 or min_samples < 1:
        raise WrongUse(f"min_cluster_size={min_cluster_size}, min_samples={min_samples}: at least 2 and 1")
    labels = cluster_embeddings(sample.vectors, min_cluster_size=min_cluster_size, min_samples=min_samples)
    sizes = np.bincount(labels[labels >= 0], minlength=1)
    at = int(np.searchsorted([pair.similarity for pair in sample.pairs], threshold))
    return Effect(
        clusters=int((sizes > 0).sum()),
        grouped=float((labels >= 0).mean()),
        largest=int(sizes.max()),
        recognised=(len(sample.pairs) - at) / max(1, len(sample.pairs)),
        false_matches=_false_matches(sample.scores, threshold) if sample.scores else None,
        above=sample.pairs[at : at + PAIRS],
        below=sample.pairs[max(0, at - PAIRS) : at][::-1],
    )


def _draw(unit: UnitOfWork, seed: int) -> tuple[list[UUID], int]:
    groups: dict[UUID | str, list[UUID]] = {}
    for face_id, person_id, cluster_id in unit.faces.labels():
        groups.setdefault(person_id or cluster_id or face_id, []).append(face_id)
    if not groups:
        raise NotEnoughData("the library has no faces to try anything on: detect some first")
    drawn: list[UUID] = []
    keys = list(groups)
    for row in np.random.default_rng(seed).permutation(len(keys)):
        if len(drawn) >= LARGEST_SAMPLE:
            break
        drawn += groups[keys[row]]
    return drawn[: 2 * LARGEST_SAMPLE], sum(map(len, groups.values()))


def _nearest(sample: Embeddings, prototypes: Prototypes, names: dict[UUID, str]) -> tuple[Pair, ...]:
    """Each face with the face of the person whom it resembles most; without people, with the most similar face."""
    exemplars = [row for row, face_id in enumerate(prototypes.face_ids) if face_id is not None]
    ids = [face_id for face_id in prototypes.face_ids if face_id is not None]
    vectors, owners = prototypes.vectors[exemplars], [prototypes.person_ids[row] for row in exemplars]
    if not ids:
        ids, vectors, owners = list(sample.face_ids), sample.vectors, []
    scores = sample.vectors @ vectors.T
    column = {face_id: place for place, face_id in enumerate(ids)}
    for row, face_id in enumerate(sample.face_ids):
        if face_id in column:
            scores[row, column[face_id]] = -1.0
    best = scores.argmax(axis=1)
    pairs = [
        Pair(face_id, ids[at], float(scores[row, at]), names[owners[at]] if owners else "")
        for row, (face_id, at) in enumerate(zip(sample.face_ids, best.tolist(), strict=True))
    ]
    return tuple(sorted(pairs, key=lambda pair: pair.similarity))


def _score(labelled: Embeddings, people: list[UUID]) -> OpenSetScores | None:
    rows = slice(0, LARGEST_CALIBRATION)
    _, owners = np.unique([str(person_id) for person_id in people[rows]], return_inverse=True)
    if len(set(owners.tolist())) < 2:
        return None
    return score_open_set(labelled.vectors[rows], owners)


def _false_matches(scores: OpenSetScores, threshold: float) -> FalseMatches:
    from scipy.stats import binomtest

    count = len(scores.impostor)
    false = int((scores.impostor >= threshold).sum())
    at_most = binomtest(false, count, alternative="less").proportion_ci().high  # Clopper and Pearson 1934
    known = np.isfinite(scores.genuine)
    is_own = (scores.genuine >= threshold) & (scores.genuine > scores.impostor)
    accepted = float(is_own[known].mean()) if known.any() else 0.0
    return FalseMatches(false / count, float(at_most), count, accepted)
