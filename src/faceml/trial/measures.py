"""The measures of `faceml.trial.held_out`: each as one figure and one a bootstrap draw of people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData
from faceml.identity.assignment import match_people
from faceml.identity.hdbscan.exact import fit
from faceml.identity.prototypes import centroids
from faceml.metrics.agreement import bcubed_by_face
from faceml.metrics.identification import Answers, answer, dir_at_far, split_open_set
from faceml.metrics.verification import BINS, PairCounts, count_pairs, eer, roc_of_counts, tar_at_far

PAIR_FARS = {"tar@far=1e-2": 1e-2, "tar@far=1e-3": 1e-3, "tar@far=1e-4": 1e-4}
OPEN_SET_FAR = 1e-2
OPEN_SET_DRAWS = 5  # of who is enrolled, for one draw of a few people says little
GALLERY_FACES = 3
CLUSTER_FACES = 3
DIR = "dir@far=1e-2"
FALSE_ACCEPTS = 10  # that a rate must allow before it counts as measured
BOOTSTRAP_GROUPS = 500  # people are drawn in at most so many groups: bounds the memory of pair counts to 65 MB

Figures = dict[str, tuple[NDArray[np.float64], str]]  # measure → its figure and one a draw, and what it lacks, or ""


@dataclass(frozen=True, slots=True)
class Trial:
    """Labelled faces, and in which fold each one's person is held out."""

    labels: NDArray[np.intp]  # (N,) who each is, from 0
    folds: NDArray[np.intp]  # (N,) the same for all faces of a person; -1: never held out
    rows: NDArray[np.intp] | None = None  # (N,) where they stand in the whole trial; None: this is the whole

    def held_out_only(self) -> Trial:
        rows = np.flatnonzero(self.folds >= 0)
        return Trial(np.unique(self.labels[rows], return_inverse=True)[1], self.folds[rows], rows)

    @property
    def several(self) -> int:
        """People with two faces or more."""
        return int((np.bincount(self.labels) > 1).sum()) if len(self.labels) else 0

    def each_fold(self) -> Iterator[tuple[int, NDArray[np.intp]]]:
        for fold in np.unique(self.folds):
            yield int(fold), np.flatnonzero(self.folds == fold)


@dataclass(frozen=True, slots=True)
class Projected:
    """What one candidate makes of a trial's faces, each by the head that was trained without its person."""

    vectors: NDArray[np.float32]  # (N, d) unit rows
    thresholds: tuple[float | None, ...]  # by fold: calibrated on the people trained on; None: too few for it

    def of(self, trial: Trial) -> Projected:
        return self if trial.rows is None else Projected(self.vectors[trial.rows], self.thresholds)


@dataclass(frozen=True, slots=True)
class Draws:
    """How often each bootstrap draw has each person; the first row is the trial itself, everybody once."""

    times: NDArray[np.float64]  # (1 + R, people)
    groups: NDArray[np.float64]  # (1 + R, groups) the same by group
    group_of: NDArray[np.intp]  # (people,)

    @classmethod
    def of(cls, trial: Trial, resamples: int, seed: int) -> Draws:
        rng = np.random.default_rng(seed)
        people = int(trial.labels.max()) + 1 if len(trial.labels) else 0
        group_of = rng.permutation(people) % BOOTSTRAP_GROUPS
        groups = min(people, BOOTSTRAP_GROUPS)
        drawn = rng.multinomial(groups, np.full(groups, 1 / max(groups, 1)), size=resamples)
        by_group = np.concatenate([np.ones((1, groups)), drawn])
        return cls(by_group[:, group_of], by_group, group_of)

    def mean(self, values: NDArray[np.float64], labels: NDArray[np.intp]) -> NDArray[np.float64]:
        """(1 + R,) mean over faces; NaN where a draw has no face."""
        people = self.times.shape[1]
        sums = self.times @ np.bincount(labels, values, minlength=people)
        counts = self.times @ np.bincount(labels, minlength=people)
        means: NDArray[np.float64] = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
        return means


Family = Callable[[Trial, Projected, Draws, int], Figures]  # raises NotEnoughData where it has no figure at all


def verification(trial: Trial, projected: Projected, draws: Draws, seed: int) -> Figures:  # noqa: ARG001
    """TAR at each rate that allows `FALSE_ACCEPTS`, and EER, over the pairs within folds."""
    genuine = impostor = np.zeros((draws.groups.shape[1], BINS))
    for _, rows in trial.each_fold():
        counts = count_pairs(projected.vectors[rows], trial.labels[rows], draws.group_of)
        genuine, impostor = genuine + counts.genuine, impostor + counts.impostor
    pairs = impostor.sum() / 2
    names = [*PAIR_FARS, "eer"]
    values = np.full((len(draws.groups), len(names)), np.nan)
    for row, (yes, no) in enumerate(zip(*PairCounts(genuine, impostor).drawn(draws.groups), strict=True)):
        if row == 0 or (yes.sum() > 0 and no.sum() > 0):
            curve = roc_of_counts(yes, no)
            values[row] = [*(tar_at_far(curve, far).tar for far in PAIR_FARS.values()), eer(curve)]
    short = {name: too_few(pairs, far, "pairs of two people") for name, far in PAIR_FARS.items()}
    return {name: (values[:, column], short.get(name, "")) for column, name in enumerate(names)}


def identification(trial: Trial, projected: Projected, draws: Draws, seed: int) -> Figures:
    """DIR at the rate at which people who are not enrolled get an answer, over several draws of who is enrolled."""
    parts, people = [], []
    for rows, gallery, probes in _galleries(trial, seed):
        known, asked = rows[gallery], rows[probes]
        of_fold = answer(projected.vectors[asked], trial.labels[asked], projected.vectors[known], trial.labels[known])
        parts.append((of_fold.similarities, of_fold.is_right, of_fold.is_mated))
        people.append(trial.labels[asked])
    answers, of_whom = Answers(*map(np.concatenate, zip(*parts, strict=True))), np.concatenate(people)
    unknown = int((~answers.is_mated).sum())
    if unknown in (0, len(of_whom)):
        raise NotEnoughData("every held-out person could be enrolled, or nobody could: label more people")
    values = np.full(len(draws.times), np.nan)
    for draw, times in enumerate(draws.times):
        with suppress(NotEnoughData):
            values[draw] = dir_at_far(answers, OPEN_SET_FAR, times[of_whom])
    return {DIR: (values, too_few(unknown, OPEN_SET_FAR, "probes of people not enrolled"))}


def clustering(trial: Trial, projected: Projected, draws: Draws, seed: int) -> Figures:  # noqa: ARG001
    """BCubed F of HDBSCAN over each fold's people; it needs no threshold, which would favour one space."""
    precision, recall = np.zeros(len(trial.labels)), np.zeros(len(trial.labels))
    for _, rows in trial.each_fold():
        found = fit(projected.vectors[rows], min_cluster_size=CLUSTER_FACES, min_samples=CLUSTER_FACES - 1).labels
        precision[rows], recall[rows] = bcubed_by_face(trial.labels[rows], found)
    mean_precision, mean_recall = draws.mean(precision, trial.labels), draws.mean(recall, trial.labels)
    return {"bcubed_f": (_harmonic(mean_precision, mean_recall), "")}


def assignment(trial: Trial, projected: Projected, draws: Draws, seed: int) -> Figures:
    """Precision, recall and F of naming faces at the threshold that `--threshold auto` reads off the other people."""
    parts = []
    for rows, gallery, probes in _galleries(trial, seed):
        threshold = projected.thresholds[int(trial.folds[rows[0]])]
        if threshold is None:
            raise NotEnoughData(
                "a threshold cannot be calibrated on the people trained on: it takes 10 with two faces or more, 50 "
                "faces in all"
            )
        enrolled, owners = np.unique(trial.labels[rows[gallery]], return_inverse=True)
        faces = projected.vectors[rows[gallery]]
        prototypes = np.concatenate([centroids(faces, owners), faces])
        answered = match_people(
            projected.vectors[rows[probes]],
            prototypes,
            np.concatenate([np.arange(len(enrolled)), owners]),
            min_similarity=threshold,
        ).person_rows
        truth = trial.labels[rows[probes]]
        is_right = (answered >= 0) & (enrolled[answered] == truth)
        parts.append((answered >= 0, is_right, np.isin(truth, enrolled), truth))
    is_named, is_right, is_known, of_whom = (np.concatenate(part) for part in zip(*parts, strict=True))
    hits = is_right.astype(np.float64)
    precision = draws.mean(hits[is_named], of_whom[is_named])
    recall = draws.mean(hits[is_known], of_whom[is_known])
    return {
        "assignment_f": (_harmonic(precision, recall), ""),
        "assignment_precision": (precision, ""),
        "assignment_recall": (recall, ""),
    }


def _galleries(trial: Trial, seed: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]]:
    """Rows of a fold, and which of them are enrolled and which asked about; several times each fold."""
    for fold, rows in trial.each_fold():
        for draw in range(OPEN_SET_DRAWS):
            divided = split_open_set(
                trial.labels[rows], gallery_faces=GALLERY_FACES, seed=seed + fold * OPEN_SET_DRAWS + draw
            )
            yield rows, divided.gallery, divided.probes


def _harmonic(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> NDArray[np.float64]:
    both = precision + recall
    return np.where(both > 0, 2 * precision * recall / np.where(both > 0, both, 1), both)  # 0, or NaN, as `both` is


def too_few(count: float, rate: float, what: str) -> str:
    """Why a rate is not measured on so many, in words; empty where it is."""
    needed = FALSE_ACCEPTS / rate
    plain = f"{rate:.0e}".replace("e-0", "e-")
    return "" if count >= needed else f"{count:.0f} {what}; {needed:.0f} are needed for {plain}"


FAMILIES: tuple[tuple[Family, tuple[str, ...]], ...] = (
    (verification, (*PAIR_FARS, "eer")),
    (identification, (DIR,)),
    (clustering, ("bcubed_f",)),
    (assignment, ("assignment_f", "assignment_precision", "assignment_recall")),
)
MEASURES = tuple(name for _, names in FAMILIES for name in names)
