"""Which photos a library's labels ask about: each as if it were new, each person once as a stranger."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData
from faceml.identity.cohort import ITSELF
from faceml.training.splits import NEVER, identity_folds
from faceml.trial.comparison import LEAST_PEOPLE
from faceml.trial.recognition import STRANGER, Album, Draw, of_labels

FOLDS = 5
MOST_ASKED = 12_000  # faces; more narrow the intervals little and cost minutes
ENROLLED = 3  # faces of somebody who comes later


def questions(album: Album, *, folds: int = FOLDS, seed: int = 0, most_faces: int = MOST_ASKED) -> list[Draw]:
    """One draw a fold: all labels but those of its strangers and of the photos it holds out.

    A photo is held out as a whole, where none of its people is a stranger if there is such a fold. A face of which a
    copy is among the labels (cosine above 1 - 1e-4) is not asked about, nor is one whose person has no other photo.

    Args:
        album: of faces that people labelled, and others with -1 as their person.
        most_faces: of people drawn at random are asked about; the others stay labelled.
    Raises:
        NotEnoughData: fewer than ten people have two faces.
    """
    rows = np.flatnonzero(album.people >= 0)
    several = int((np.unique(album.people[rows], return_counts=True)[1] > 1).sum())
    if several < LEAST_PEOPLE:
        raise NotEnoughData(
            f"{several} people have two labelled faces or more; fewer than {LEAST_PEOPLE} say nothing about new "
            "photos: label more people"
        )
    stranger_in = np.full(len(album.people), NEVER)
    stranger_in[rows] = identity_folds(album.people[rows], count=folds, seed=seed, most_faces=most_faces)
    held_out_in = _deal_photos(album, stranger_in, folds, seed)
    return [_fold(album, stranger_in == fold, held_out_in == fold, stranger_in != NEVER) for fold in range(folds)]


def _deal_photos(album: Album, stranger_in: NDArray[np.intp], folds: int, seed: int) -> NDArray[np.intp]:
    """(N,) the fold that holds out each face's photo: where few of its people are strangers or have photos already."""
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(stranger_in != NEVER)
    codes = np.unique(album.people[rows], return_inverse=True)[1]
    load = np.zeros((int(codes.max()) + 1, folds))
    load[codes, stranger_in[rows]] = len(rows)
    order = np.argsort(album.photos[rows], kind="stable")
    photos, starts = np.unique(album.photos[rows][order], return_index=True)
    shown = np.split(codes[order], starts[1:])
    fold_of = np.empty(len(photos), np.intp)
    for number in rng.permutation(len(photos)).tolist():
        who = np.unique(shown[number])
        fold_of[number] = (load[who].sum(axis=0) + rng.random(folds)).argmin()
        load[who, fold_of[number]] += 1
    place = np.minimum(np.searchsorted(photos, album.photos), len(photos) - 1)
    return np.where(photos[place] == album.photos, fold_of[place], NEVER)


def _fold(
    album: Album, is_stranger: NDArray[np.bool_], is_held_out: NDArray[np.bool_], may_be_asked: NDArray[np.bool_]
) -> Draw:
    labelled = np.flatnonzero((album.people >= 0) & ~is_stranger & ~is_held_out)
    known = np.unique(album.people[labelled])
    found = of_labels(album, labelled, known, known)
    is_fair = is_held_out & may_be_asked & np.isin(album.people, known) & ~is_stranger
    is_fair[_copies(album, labelled, np.flatnonzero(is_fair))] = False
    return replace(found, is_asked=(is_stranger | is_fair)[found.library])


def _copies(album: Album, labelled: NDArray[np.intp], asked: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those asked about of whom a copy is among the same person's labelled faces."""
    found = [np.empty(0, np.intp)]
    for person in np.unique(album.people[asked]).tolist():
        own = asked[album.people[asked] == person]
        cosines = album.vectors[own] @ album.vectors[labelled[album.people[labelled] == person]].T
        found.append(own[cosines.max(axis=1, initial=-1) > ITSELF])
    return np.concatenate(found)


def newcomers(album: Album, asked: Draw, *, seed: int = 0) -> list[Draw]:
    """The same labels, and then strangers of whom up to three faces are labelled after all was fitted without them.

    In the first of two draws half of the draw's strangers are enrolled so and the others stay strangers, in the second
    the others; asked about are their other faces.
    """
    rng = np.random.default_rng(seed)
    is_stranger = asked.is_asked & (asked.truth == STRANGER)
    strangers = asked.library[is_stranger]
    is_new = np.zeros(len(album.people), bool)
    is_new[strangers] = True
    people, counts = np.unique(album.people[strangers], return_counts=True)
    several = rng.permutation(people[counts > 1])
    halves = (several[::2], several[1::2])
    return [_enrolled(album, asked, is_new, half, rng) for half in halves if len(half)]


def _enrolled(
    album: Album, asked: Draw, is_new: NDArray[np.bool_], people: NDArray[np.int64], rng: np.random.Generator
) -> Draw:
    rows = [rng.permutation(np.flatnonzero(is_new & (album.people == person))) for person in people]
    chosen = [of_person[: min(ENROLLED, len(of_person) - 1)] for of_person in rows]
    late = np.concatenate(chosen)
    first = int(asked.owners.max(initial=-1)) + 1
    is_left = ~np.isin(asked.library, late)
    library, truth = asked.library[is_left], asked.truth[is_left].copy()
    for number, person in enumerate(people.tolist(), start=first):
        truth[is_new[library] & (album.people[library] == person)] = number
    of_newcomers = library[is_new[library]]
    fair = np.setdiff1d(of_newcomers, _copies(album, late, of_newcomers))
    return Draw(
        labelled=np.concatenate((asked.labelled, late)),
        owners=np.concatenate((asked.owners, np.repeat(np.arange(first, first + len(people)), list(map(len, chosen))))),
        library=library,
        is_asked=np.isin(library, fair),
        truth=truth,
        is_new=is_new,
    )
