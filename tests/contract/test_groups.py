"""Groups of faces read one at a time, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

import numpy as np
import pytest

from faceml.decisions.states import FaceState
from faceml.records import AssignedBy, PersonStatus
from faceml.storage.sql import clusters
from faceml.storage.sql.repository import Repository
from tests.conftest import add_photo, found_face, unit_rows

ROWS = unit_rows(9, seed=4)


@pytest.fixture
def repository(library_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    monkeypatch.setattr(clusters, "PAGE_ROWS", 2)  # so that reading goes on between other questions
    opened = Repository(library_url)
    yield opened
    opened.close()


@pytest.fixture
def ids(repository: Repository) -> list[UUID]:
    """Faces 0 to 2 in clu_a, 3 and 4 in clu_b; 5 under Ada by hand, 6 by a machine, both of clu_b; 7 and 8 in none."""
    with repository.begin() as unit:
        found = [(add_photo(unit, f"{row}.jpg"), found_face(vector)) for row, vector in enumerate(ROWS)]
        ids = unit.faces.add(found, pack="p")
        ada = unit.people.add("Ada").id
        unit.faces.set_clusters([(id_, "clu_a") for id_ in ids[:3]] + [(id_, "clu_b") for id_ in ids[3:7]])
        unit.faces.set_states(
            [
                (ids[5], FaceState(ada, AssignedBy.MANUAL, "clu_b")),
                (ids[6], FaceState(ada, AssignedBy.PROTOTYPE, "clu_b", similarity=0.9)),
            ]
        )
    return ids


def test_clusters_and_people_come_one_by_one_with_their_own_faces(repository: Repository, ids: list[UUID]) -> None:
    with repository.read() as unit:
        ada = unit.people.named("Ada").id
        seen = {}
        keys = [key for key, _ in unit.groups.largest()]
        for key, faces in unit.groups.sampled(keys, most=100):
            seen[key] = faces
            unit.people.names()  # another question in between
        assert list(seen) == ["clu_a", "clu_b", ada]
        assert {key: set(faces.face_ids) for key, faces in seen.items()} == {
            "clu_a": set(ids[:3]), "clu_b": set(ids[3:5]), ada: set(ids[5:7])
        }  # fmt: skip
        for key, faces in seen.items():
            assert list(faces.face_ids) == sorted(faces.face_ids)
            assert np.array_equal(faces.vectors, ROWS[[ids.index(id_) for id_ in faces.face_ids]])
            assert unit.groups.of(key).face_ids == faces.face_ids
        assert unit.groups.of("clu_x").face_ids == ()
        assert unit.groups.sizes(["clu_a", "clu_b", ada]) == {"clu_a": 3, "clu_b": 2}
        assert unit.groups.holding(ids) == {
            **dict.fromkeys(ids[:3], "clu_a"), **dict.fromkeys(ids[3:5], "clu_b"), **dict.fromkeys(ids[5:7], ada)
        }  # fmt: skip


def test_hidden_people_are_no_group(repository: Repository, ids: list[UUID]) -> None:
    with repository.begin() as unit:
        unit.people.set_status(unit.people.named("Ada").id, PersonStatus.HIDDEN)
    with repository.read() as unit:
        assert unit.groups.largest() == [("clu_a", 3), ("clu_b", 2)]


def test_rejections_and_split_parts_are_told_by_group(repository: Repository, ids: list[UUID]) -> None:
    with repository.begin() as unit:
        ada, bea, cleo = unit.people.named("Ada").id, unit.people.add("Bea").id, unit.people.add("Cleo").id
        unit.people.rule_out([(ids[0], bea), (ids[1], bea), (ids[5], cleo), (ids[7], bea)])
        unit.people.set_status(cleo, PersonStatus.MERGED, bea)
        unit.faces.set_clusters([(ids[2], "clu_a_sub_aaaaaa"), (ids[6], "clu_a_sub_bbbbbb")])
    with repository.read() as unit:
        assert Counter(unit.groups.ruled_out()) == {("clu_a", bea): 2, (ada, bea): 1}
        assert set(unit.groups.split_parts()) == {("clu_a_sub_aaaaaa", "clu_a_sub_aaaaaa"), (ada, "clu_a_sub_bbbbbb")}


def test_a_large_group_is_read_by_some_of_its_faces_the_same_each_time(repository: Repository, ids: list[UUID]) -> None:
    with repository.read() as unit:
        ada = unit.people.named("Ada").id
        assert unit.groups.largest() == [("clu_a", 3), ("clu_b", 2), (ada, 2)]
        some = dict(unit.groups.sampled(["clu_a", ada, "clu_b"], most=2))
        assert {key: faces.face_ids for key, faces in some.items()} == {
            key: unit.groups.of(key).face_ids[:2] for key in ("clu_a", "clu_b", ada)
        }
        (few,) = (set(faces.face_ids) for _, faces in unit.groups.sampled([ada], most=1))
        assert len(few) == 1
        assert few < set(unit.groups.of(ada).face_ids)
        assert np.array_equal(some["clu_a"].vectors, ROWS[[ids.index(id_) for id_ in some["clu_a"].face_ids]])
        assert list(unit.groups.sampled([], most=2)) == list(unit.groups.sampled(["clu_x", UUID(int=1)], most=2)) == []


def test_of_a_person_many_times_on_one_photo_no_more_are_read_than_asked(repository: Repository) -> None:
    with repository.begin() as unit:
        film = add_photo(unit, "film.jpg")
        faces = unit.faces.add([(film, found_face(row, x=10 * n)) for n, row in enumerate(ROWS)], pack="p")
        bea = unit.people.add("Bea").id
        unit.faces.set_states([(id_, FaceState(bea, AssignedBy.MANUAL, None)) for id_ in faces])
        ((_, some),) = unit.groups.sampled([bea], most=4)
        assert some.face_ids == tuple(sorted(faces)[:4])
