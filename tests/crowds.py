"""Libraries whose faces and people are near everybody in different degrees, as children and blurred faces are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.config import Settings
from faceml.decisions.states import FREE, FaceState
from faceml.identity.assignment import NOBODY
from faceml.library import Library
from faceml.records import AssignedBy
from faceml.services.decisions.label import assign_faces_to
from faceml.services.index.drain import drain_outbox
from tests.conftest import add_photo, found_face
from tests.fakes import CONTRACT, WIDTH, FakePack, library_with

PEOPLE, KNOWN, LABELS = 80, 40, 3
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """A library, and the truth about its faces."""

    library: Library
    ids: tuple[UUID, ...]  # (N,)
    vectors: Vectors  # (N, D)
    truth: NDArray[np.int64]  # (N,) number of the person
    photos: NDArray[np.int64]  # (N,) faces of one photo share a number
    labelled: NDArray[np.intp]  # rows that a person labelled

    def name(self, person: int) -> str:
        return f"Person {person:02}"

    def person(self, number: int) -> UUID:
        with self.library.repository.read() as unit:
            return next(id_ for id_, name in unit.people.names().items() if name == self.name(number))

    def rows_of(self, person: int) -> list[int]:
        """Faces of theirs that nobody labelled."""
        return [row for row in np.flatnonzero(self.truth == person).tolist() if row not in self.labelled]

    def states(self) -> dict[UUID, FaceState]:
        with self.library.repository.read() as unit:
            return unit.faces.states(self.ids)

    def named(self) -> dict[UUID, FaceState]:
        """Faces that faceml put under somebody."""
        return {id_: state for id_, state in self.states().items() if state.assigned_by is AssignedBy.PROTOTYPE}

    def set_free(self) -> None:
        """Take back what faceml assigned or grouped."""
        free = [(id_, FREE) for id_, state in self.states().items() if state.assigned_by is not AssignedBy.MANUAL]
        with self.library.repository.begin() as unit:
            unit.faces.set_states(free)

    def wrong(self) -> int:
        """Faces of known people that are not under them, and strangers' that are under anybody."""
        with self.library.repository.read() as unit:
            numbers = {id_: int(name.split()[1]) for id_, name in unit.people.names().items()}
        known, states = set(numbers.values()), self.states()
        given = [numbers.get(states[id_].person_id or UUID(int=0), NOBODY) for id_ in self.ids]
        truth = [person if person in known else NOBODY for person in self.truth.tolist()]
        return sum(one != other for one, other in zip(given, truth, strict=True))


def crowd(home: Path, *, seed: int = 0, people: int = PEOPLE, known: int = KNOWN) -> Crowd:
    """`people` of 4 to 7 faces in photos of two, the first `known` of them labelled by three."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(LABELS + 1, 8, people)
    truth = np.repeat(np.arange(people), sizes)
    common = rng.standard_normal(WIDTH)
    likeness = rng.uniform(0, 1.5, people)[:, None]  # of a person to everybody
    directions = rng.standard_normal((people, WIDTH)) + likeness * common
    blur = rng.uniform(0, 1.5, len(truth))[:, None]  # of a face
    vectors = directions[truth] + 0.75 * rng.standard_normal((len(truth), WIDTH)) + blur * common
    nth = np.arange(len(truth)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    is_labelled = (truth < known) & (nth < LABELS)
    photos = np.empty(len(truth), np.int64)
    photos[np.argsort(nth, kind="stable")] = np.arange(len(truth)) // 2  # across people, so nobody is twice on one
    return crowd_of(home, vectors.astype(np.float32), truth, photos, np.flatnonzero(is_labelled))


def crowd_of(
    home: Path, vectors: Vectors, truth: NDArray[np.int64], photos: NDArray[np.int64], labelled: Sequence[int]
) -> Crowd:
    """A library of these faces, on photos that exist by name only; `labelled` rows are given their person."""
    library = library_with(FakePack(contract=replace(CONTRACT, width=vectors.shape[1])), Settings(home=home))
    unit_rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    with library.repository.begin() as unit:
        unit.contract.pin(library.packs.contract())
        assets = {number: add_photo(unit, f"{number}.jpg") for number in np.unique(photos).tolist()}
        faces = [
            (assets[photo], found_face(vector, x=110 * row))
            for row, (photo, vector) in enumerate(zip(photos.tolist(), unit_rows, strict=True))
        ]
        ids = unit.faces.add(faces, pack=library.packs.contract().name)
    found = Crowd(library, tuple(ids), unit_rows, truth, photos, np.asarray(labelled, np.intp))
    later = replace(library, index_follower=lambda: None)
    for person in np.unique(truth[found.labelled]).tolist():
        rows = found.labelled[truth[found.labelled] == person]
        assign_faces_to(later, [ids[row] for row in rows], found.name(person), actor="ada")
    drain_outbox(library)
    return found
