"""The honest comparison of raw vectors, new head, whitening and champion.

Both on new photos of the people in the library (`faceml.trial.gate`), which decides, and on people they were not
trained on, where nothing may be lost.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, WrongUse
from faceml.identity.calibration import calibrate
from faceml.identity.cohort import IN_NO_GROUP
from faceml.identity.projection import Head, project
from faceml.identity.threshold_map import equal_rates, stranger_scores
from faceml.training.options import Options
from faceml.training.splits import NEVER, identity_folds
from faceml.training.whitening import identity_head, within_whitening
from faceml.trial.comparison import LEAST_PEOPLE, RAW, Comparison, Recipe, from_json
from faceml.trial.gate import compare_ways
from faceml.trial.held_out import compare
from faceml.trial.measures import MEASURES, Projected, Trial
from faceml.trial.questions import FOLDS
from faceml.trial.recognition import Album, Way, head_way

HEAD, WHITENING = "head", "whitening"
MOST_HELD_OUT = 5_000  # faces; more narrow the intervals little and cost minutes
OnFold = Callable[[], None]
Learn = Callable[[NDArray[np.intp]], Head]  # rows that may be learned from → a head


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """Faces that a person labelled, row for row."""

    face_ids: tuple[UUID, ...]
    vectors: NDArray[np.float32]  # (N, D) unit rows
    people: NDArray[np.intp]  # (N,) row number into person_ids
    person_ids: tuple[UUID, ...]
    photos: NDArray[np.int64]  # (N,) which photo each is on
    quality: NDArray[np.float64]  # (N,) 0 to 1

    def rows_of_many(self, min_faces: int, rows: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
        """Of these rows (default: all) those whose person has `min_faces` among them."""
        rows = np.arange(len(self.people)) if rows is None else rows
        counts = np.bincount(self.people[rows], minlength=len(self.person_ids))
        return rows[counts[self.people[rows]] >= min_faces]


@dataclass(frozen=True, slots=True)
class Champion:
    """The projection in use, which a new head has to beat."""

    space: str  # its name in a comparison
    head: Head
    comparison: str | None  # JSON, as its own training measured it; holds the recipe to make it again


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    comparison: Comparison
    trial: Trial | None  # None where nothing could be measured
    projected: Mapping[str, Projected] = field(default_factory=dict)


def count_folds(labelled: LabelledFaces, min_faces: int) -> int:
    """Up to `FOLDS`, each of two people or more; 0 where there are too few people for two folds."""
    several = len(np.unique(labelled.people[labelled.rows_of_many(min_faces)]))
    folds = min(FOLDS, several // 2)
    return folds if folds > 1 else 0


def count_trainings(labelled: LabelledFaces, min_faces: int) -> int:
    """How often `compare_heads` trains each head, at most."""
    folds, several = count_folds(labelled, min_faces), int((np.bincount(labelled.people) > 1).sum())
    return folds + FOLDS if folds and several >= LEAST_PEOPLE else folds


def compare_heads(
    labelled: LabelledFaces,
    options: Options,
    recipe: Recipe,
    *,
    champion: Champion | None,
    tries: int = 1,
    on_fold: OnFold = lambda: None,
) -> Compared:
    """Train anew in each fold and measure on the photos and on the people left out.

    The champion is made again by its recipe from those of its faces that the fold leaves, so it has no advantage from
    having seen whom it is asked about; where it has no recipe or too few faces are left, it is taken as it is, which
    favours it.

    Args:
        tries: heads trained on these labels, this one included: see `compare_ways`.
        on_fold: called after each head that was trained.
    """
    folds = count_folds(labelled, recipe.min_faces)
    names = [RAW, HEAD, WHITENING, *([champion.space] if champion else [])]
    if folds == 0:
        return Compared(_nothing_measured(labelled, recipe, names), None)
    fold_of = identity_folds(labelled.people, count=folds, seed=options.seed, most_faces=MOST_HELD_OUT)
    vectors, people = labelled.vectors, labelled.people
    learners = {
        RAW: lambda _: identity_head(vectors.shape[1]),
        HEAD: _trained(labelled, options, recipe.min_faces, on_fold),
        WHITENING: lambda rows: within_whitening(vectors[rows], people[rows]),
    }
    if champion is not None:
        learners[champion.space] = _made_again(labelled, champion, on_fold)
    projected = {name: cross_fit(vectors, people, fold_of, learn) for name, learn in learners.items()}
    trial = Trial(people, fold_of)
    unseen = compare(trial, projected, seed=options.seed)
    found = unseen.decided_by(_on_new_photos(labelled, learners, tries=tries, seed=options.seed))
    return Compared(replace(found, recipe=recipe), trial, projected)


def _on_new_photos(labelled: LabelledFaces, learners: Mapping[str, Learn], *, tries: int, seed: int) -> Comparison:
    in_no_group = np.full(len(labelled.people), IN_NO_GROUP)
    album = Album(
        vectors=labelled.vectors,
        people=labelled.people,
        photos=labelled.photos,
        quality=labelled.quality,
        match_threshold=1.0,  # heads have no use for the pack's
        groups=in_no_group,
        tight=in_no_group,
    )

    def way(learn: Learn) -> Way:
        return head_way(lambda at, asked: learn(asked.to_learn_from(at)))

    return compare_ways(album, {name: way(learn) for name, learn in learners.items()}, tries=tries, seed=seed)


def cross_fit(
    vectors: NDArray[np.float32], people: NDArray[np.intp], folds: NDArray[np.intp], learn: Learn
) -> Projected:
    """Project every face by a head that has never seen its person.

    Args:
        vectors: (N, D) unit rows.
        people: (N,) who each is.
        folds: (N,) where its person is held out, see `identity_folds`; -1: nowhere, its row stays zero.
    """
    parts: list[tuple[NDArray[np.intp], NDArray[np.float32]]] = []
    thresholds: list[float | None] = []
    for fold in range(int(folds.max(initial=NEVER)) + 1):
        held_out, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        head = learn(others)
        parts.append((held_out, project(head, vectors[held_out])))
        thresholds.append(_calibrated(project(head, vectors[others]), people[others]))
    if not parts:
        raise NotEnoughData("nobody is held out: label more people")
    # Discriminants are as many as there are people, so folds may differ in width; zeros change no cosine.
    projected = np.zeros((len(vectors), max(rows.shape[1] for _, rows in parts)), np.float32)
    for held_out, rows in parts:
        projected[held_out, : rows.shape[1]] = rows
    return Projected(projected, tuple(thresholds))


def _calibrated(vectors: NDArray[np.float32], people: NDArray[np.intp]) -> float | None:
    """What `--threshold auto` would find with these people labelled; None where they are too few for it."""
    try:
        return calibrate(vectors, np.unique(people, return_inverse=True)[1], resamples=50).threshold
    except NotEnoughData:
        return None


def threshold_map(compared: Compared) -> str | None:
    """How raw thresholds carry over to the head, from people it was made without; None where they are too few."""
    if compared.trial is None:
        return None
    trial = compared.trial.held_out_only()
    parts = [rows for _, rows in trial.each_fold()]
    vectors = (compared.projected[name].of(trial).vectors for name in (RAW, HEAD))
    raw, here = (np.concatenate([stranger_scores(v[rows], trial.labels[rows]) for rows in parts]) for v in vectors)
    found = equal_rates(raw, here)
    return found.to_json() if found else None


def _trained(labelled: LabelledFaces, options: Options, min_faces: int, on_fold: OnFold) -> Learn:
    def learn(rows: NDArray[np.intp]) -> Head:
        from faceml.training.fit import fit  # torch and Lightning, seconds

        kept = labelled.rows_of_many(min_faces, rows)
        head = fit(labelled.vectors[kept], labelled.people[kept], options).head
        on_fold()
        return head

    return learn


def _made_again(labelled: LabelledFaces, champion: Champion, on_fold: OnFold) -> Learn:
    try:
        recipe = from_json(champion.comparison or "").recipe
    except WrongUse:
        recipe = None
    if recipe is None:
        return lambda _: champion.head
    options, marked = Options(**recipe.options), is_marked(labelled.face_ids, recipe.faces)
    train = _trained(labelled, options, recipe.min_faces, on_fold)

    def learn(rows: NDArray[np.intp]) -> Head:
        try:
            return train(rows[marked[rows]])
        except NotEnoughData:
            return champion.head

    return learn


def _nothing_measured(labelled: LabelledFaces, recipe: Recipe, names: list[str]) -> Comparison:
    reason = f"fewer than 4 people have {recipe.min_faces} labelled faces, so nobody can be held out: label more people"
    several = int((np.bincount(labelled.people) > 1).sum())
    why = dict.fromkeys(MEASURES, reason)
    return Comparison.of_nothing(names, why, people=several, faces=len(labelled.people), recipe=recipe)


_MARK_BYTES = 8


def mark_faces(face_ids: Sequence[UUID]) -> str:
    """Eight bytes a face, in order, as text: two faces of a million share one with a chance of 1 in 10^7."""
    return base64.b64encode(b"".join(sorted(map(_mark, face_ids)))).decode()


def is_marked(face_ids: Sequence[UUID], marks: str) -> NDArray[np.bool_]:
    """(N,) which of the faces are among the marked ones.

    >>> first, second = UUID(int=1), UUID(int=2)
    >>> is_marked([first, second], mark_faces([second])).tolist()
    [False, True]
    """
    content = base64.b64decode(marks)
    known = {content[start : start + _MARK_BYTES] for start in range(0, len(content), _MARK_BYTES)}
    return np.array([_mark(face_id) in known for face_id in face_ids], bool)


def _mark(face_id: UUID) -> bytes:
    return hashlib.blake2b(face_id.bytes, digest_size=_MARK_BYTES).digest()
