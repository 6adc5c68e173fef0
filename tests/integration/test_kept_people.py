"""People are kept in memory between questions, and never a moment longer than they are as they were."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from uuid import UUID

import numpy as np
import pytest

from faceml.config import Settings
from faceml.identity.gallery import Gallery
from faceml.library import Library
from faceml.options import AssignOptions
from faceml.services.cluster.dual import cluster_dual
from faceml.services.decisions.label import assign_faces_to, unassign_faces
from faceml.services.decisions.people import (
    choose_exemplars,
    compute_centroids,
    hide_person,
    merge_people,
    rename_person,
)
from faceml.services.decisions.private import erase_person
from faceml.services.decisions.undo import undo
from faceml.services.recognise import gallery as galleries
from faceml.services.recognise.assign import assign_faces
from faceml.services.recognise.gallery import PlainWay, read_gallery
from faceml.services.recognise.spaces import RAW, Space
from tests.conftest import add_faces, found_face, people_vectors
from tests.fakes import FakePack, LostIndex, library_with
from tests.heads import residual_head
from tests.integration.test_races import ids_of, person
from tests.rest import environment_of

FACES = 6
ME = "me"
RAW_SPACE, PROJECTED = Space(RAW), Space("face-projection/7", residual_head(3), checksum="c" * 64)


@pytest.fixture
def settings(settings: Settings, library_url: str) -> Settings:
    return replace(settings, database_url=library_url)


@pytest.fixture
def library(settings: Settings) -> Iterator[Library]:
    """Ada and Bob with four labelled faces and a centroid each, two more faces of theirs, and six of somebody else."""
    opened = replace(library_with(FakePack(), settings), index=LostIndex())
    ids = add_faces(opened, people_vectors(3, FACES, seed=3))
    for row, name in enumerate(("Ada", "Bob")):
        assign_faces_to(opened, ids[row * FACES : row * FACES + 4], name, actor=ME)
    compute_centroids(opened)
    yield opened
    opened.close()


@pytest.fixture
def other(settings: Settings) -> Iterator[Library]:
    """The same library as another process has it."""
    opened = replace(library_with(FakePack(), settings), index=LostIndex())
    yield opened
    opened.close()


def kept(library: Library, space: Space = RAW_SPACE) -> Gallery:
    with library.repository.read() as unit:
        return read_gallery(library, unit, space)


def assert_as_read_anew(library: Library, space: Space) -> None:
    with library.repository.read() as unit:
        found, fresh = read_gallery(library, unit, space), Gallery.of(space.prototypes(unit))
    assert found.people == fresh.people
    np.testing.assert_array_equal(found.prototypes, fresh.prototypes)
    np.testing.assert_array_equal(found.person_rows, fresh.person_rows)


@pytest.mark.parametrize("space", [RAW_SPACE, PROJECTED], ids=["raw", "projected"])
def test_who_asks_again_finds_the_people_in_memory(library: Library, space: Space) -> None:
    first = kept(library, space)
    add_faces(library, people_vectors(1, 2, seed=50), prefix="new")  # of nobody
    assert kept(library, space).prototypes is first.prototypes
    assert PlainWay(library, space).name == space.name


def renew(library: Library) -> None:
    with library.repository.begin() as unit:
        unit.faces.renew([(ids_of(library)[0], found_face(people_vectors(1, 1, seed=99)[0]))], pack="opencv-zoo")


CHANGES: dict[str, Callable[[Library], object]] = {  # one after the other
    "dual mode": cluster_dual,
    "a label": lambda library: assign_faces_to(library, ids_of(library)[4:6], "Ada", actor=ME),
    "an undo": lambda library: undo(library, actor=ME),
    "a machine": lambda library: assign_faces(library, AssignOptions(threshold=0.5)),
    "a new person": lambda library: assign_faces_to(library, ids_of(library)[13:16], "Cy", actor=ME),
    "exemplars": lambda library: choose_exemplars(library, "Ada", ids_of(library)[:1], actor=ME),
    "centroids": compute_centroids,
    "no name": lambda library: unassign_faces(library, ids_of(library)[:2], actor=ME),
    "a face found anew": renew,
    "a merge": lambda library: merge_people(library, person(library, "Cy"), person(library, "Bob"), actor=ME),
    "hidden": lambda library: hide_person(library, person(library, "Bob"), actor=ME),
    "erased": lambda library: erase_person(library, "Ada", is_confirmed=True, actor=ME),
}


@pytest.mark.parametrize("space", [RAW_SPACE, PROJECTED], ids=["raw", "projected"])
def test_whatever_changes_people_elsewhere_is_seen_by_the_next_question(
    library: Library, other: Library, space: Space
) -> None:
    for change in CHANGES.values():
        kept(library, space)
        change(other)
        assert_as_read_anew(library, space)
    assert kept(library, space).people == ()


def test_a_name_is_the_one_of_now(library: Library, other: Library) -> None:
    kept(library)
    rename_person(other, person(library, "Ada"), "Ada Lovelace", actor=ME)
    with library.repository.read() as unit:
        assert "Ada Lovelace" in unit.people.names(kept(library).people).values()


def test_who_was_erased_by_another_process_is_answered_to_nobody(library: Library, settings: Settings) -> None:
    ada, vector = person(library, "Ada"), people_vectors(3, FACES, seed=3)[:1]
    way = PlainWay(library, RAW_SPACE)

    def answered() -> UUID:
        with library.repository.read() as unit:
            known = way.read(unit)
        return known.people[int(known.match(vector, 0.0).candidate_rows[0])]

    assert answered() == ada
    done = subprocess.run(
        [sys.executable, "-m", "faceml.cli.main", "people", "erase", "Ada", "--yes"],
        env={**os.environ, **environment_of(settings)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert answered() == person(library, "Bob")
    assert ada not in kept(library).people


def test_questions_and_decisions_at_once_never_mix_two_moments(library: Library, other: Library) -> None:
    stop = Event()

    def ask() -> int:
        asked = 0
        while not stop.is_set() or not asked:
            assert_as_read_anew(library, RAW_SPACE)
            asked += 1
        return asked

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        try:
            for _ in range(2):
                assign_faces_to(other, ids_of(other)[4:6], "Ada", actor=ME)
                undo(other, actor=ME)
        finally:
            stop.set()
        assert all(each.result() for each in asking)


def test_more_people_than_the_memory_is_given_are_read_each_time(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries, "MOST_KEPT_BYTES", 100)
    assert kept(library).prototypes is not kept(library).prototypes
