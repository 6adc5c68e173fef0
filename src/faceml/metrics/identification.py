"""Who is this: rank-1, and detection-and-identification rate in the open set.

Terms of ISO/IEC 19795-1 and Phillips, Grother, Micheals 2011 ("Evaluation methods in face recognition"): the gallery is
enrolled; a probe whose person is in it is mated, one whose person is not is unknown. A probe's answer is its nearest
gallery face. FAR here is the share of unknown probes that get an answer at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import NotEnoughData, WrongUse
from faceml.identity.hdbscan.distances import rows_at_once

BLOCK_SCORES = 4_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured number with its interval; faces of one person go together in it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class OpenSet:
    """A labelled set divided for an open-set trial; row numbers, ascending."""

    gallery: NDArray[np.intp]
    probes: NDArray[np.intp]  # mated and unknown ones


@dataclass(frozen=True, slots=True)
class Answers:
    """The nearest gallery face of each of P probes."""

    similarities: NDArray[np.float32]  # (P,)
    is_right: NDArray[np.bool_]  # (P,) it shows the probe's person
    is_mated: NDArray[np.bool_]  # (P,) the probe's person is in the gallery


def split_open_set(labels: ArrayLike, *, gallery_faces: int = 3, unknown_share: float = 0.5, seed: int = 0) -> OpenSet:
    """Enrol `gallery_faces` of each chosen person; their other faces and all other people are probes.

    People with too few faces to leave a probe behind are unknown; so is `unknown_share` of the rest, drawn at random.

    Args:
        labels: (N,) who each is.
    Raises:
        NotEnoughData: nobody has `gallery_faces` + 1 faces.
    """
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    rich = np.flatnonzero(np.bincount(codes) > gallery_faces)
    if len(rich) == 0:
        raise NotEnoughData(f"nobody has {gallery_faces + 1} labelled faces: label more, or lower gallery_faces")
    enrolled = rng.permutation(rich)[: max(1, round(len(rich) * (1 - unknown_share)))]
    gallery = [rng.choice(np.flatnonzero(codes == person), gallery_faces, replace=False) for person in enrolled]
    rows = np.sort(np.concatenate(gallery))
    return OpenSet(rows, np.setdiff1d(np.arange(len(codes)), rows))


def answer(
    probes: NDArray[np.floating], probe_labels: ArrayLike, gallery: NDArray[np.floating], gallery_labels: ArrayLike
) -> Answers:
    """Look every probe up in the gallery, in blocks.

    Args:
        probes: (P, D) unit rows.
        probe_labels: (P,) who each is.
        gallery: (K, D) unit rows, K >= 1.
        gallery_labels: (K,) who each is.
    """
    asked, enrolled = np.asarray(probe_labels), np.asarray(gallery_labels)
    if asked.shape != (len(probes),) or enrolled.shape != (len(gallery),) or len(gallery) == 0:
        raise WrongUse(
            f"probes {probes.shape}, gallery {gallery.shape}, labels {asked.shape} and {enrolled.shape} do not fit: "
            "pass one label a row and at least one gallery row"
        )
    faces = np.asarray(gallery, np.float32)
    step = rows_at_once(len(faces), BLOCK_SCORES)
    nearest, similarities = np.empty(len(probes), np.intp), np.empty(len(probes), np.float32)
    for start in range(0, len(probes), step):
        scores = np.asarray(probes[start : start + step], np.float32) @ faces.T
        nearest[start : start + step] = scores.argmax(axis=1)
        similarities[start : start + step] = scores.max(axis=1)
    return Answers(similarities, enrolled[nearest] == asked, np.isin(asked, enrolled))


def rank_one(answers: Answers) -> float:
    """Share of mated probes whose nearest gallery face shows their person, whatever the similarity (closed set)."""
    if not answers.is_mated.any():
        raise NotEnoughData("no probe's person is in the gallery: enrol some of them")
    return float(answers.is_right[answers.is_mated].mean())


def dir_at_far(answers: Answers, far: float, times: NDArray[np.number] | None = None) -> float:
    """Share of mated probes answered rightly at the lowest threshold that answers at most `far` of the unknown ones.

    Args:
        times: (P,) how often each probe counts; None: once.
    """
    if not 0 <= far <= 1:
        raise WrongUse(f"far {far} is not a share: pass 0 to 1, such as 1e-2")
    times = np.ones(len(answers.similarities)) if times is None else times
    mated, unknown = times[answers.is_mated].sum(), np.flatnonzero(~answers.is_mated)
    unknown = unknown[np.argsort(-answers.similarities[unknown], kind="stable")]
    answered = np.cumsum(times[unknown])
    if not len(unknown) or answered[-1] <= 0:
        raise NotEnoughData("every probe's person is in the gallery: leave some people out to measure an open set")
    if mated <= 0:
        raise NotEnoughData("no probe's person is in the gallery: enrol some of them")
    first = int(np.searchsorted(answered, far * answered[-1] + 1e-9, side="right"))
    # The highest that must not be answered, with all that equal it.
    refused = answers.similarities[unknown[first]] if first < len(unknown) else -np.inf
    return float(times[answers.is_mated & answers.is_right & (answers.similarities > refused)].sum() / mated)


def rate_interval(is_hit: NDArray[np.bool_], person_rows: NDArray[np.intp], *, confidence: float) -> Estimate:
    """A share with its interval where faces of one person go together.

    Clopper-Pearson over the effective number of faces: as many independent ones as would vary as much (Korn and
    Graubard 1998). Where no face or every face is a hit nothing shows how they go together: then each
    person counts as one.

    >>> rate = rate_interval(np.zeros(30, bool), np.arange(30), confidence=0.95)
    >>> rate.value, rate.low, round(rate.high, 3)
    (0.0, 0.0, 0.116)
    """
    from scipy.special import betaincinv

    _, owners, sizes = np.unique(person_rows, return_inverse=True, return_counts=True)
    rate = float(is_hit.mean())
    effective = float(len(sizes))
    if 0 < rate < 1 and len(sizes) > 1:
        rest = np.bincount(owners, weights=is_hit) - rate * sizes
        variance = len(sizes) / (len(sizes) - 1) * float(rest @ rest) / len(is_hit) ** 2
        effective = min(float(len(is_hit)), rate * (1 - rate) / variance) if variance else float(len(is_hit))
    hits, tail = rate * effective, (1 - confidence) / 2
    low = float(betaincinv(hits, effective - hits + 1, tail)) if rate > 0 else 0.0
    high = float(betaincinv(hits + 1, effective - hits, 1 - tail)) if rate < 1 else 1.0
    return Estimate(rate, low, high)
