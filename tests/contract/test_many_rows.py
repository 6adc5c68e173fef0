"""What a million faces ask of both databases: rows that go in together, and queries that follow an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
import sqlalchemy as sa

from faceml.decisions.about_faces import Label
from faceml.decisions.states import Change, FaceState
from faceml.records import AssetStatus, AssignedBy
from faceml.storage.sql.chunks import WORTH_COPYING
from faceml.storage.sql.repository import Repository, UnitOfWork
from tests.conftest import add_photo, found_face, unit_rows
from tests.fakes import CONTRACT

FACES = WORTH_COPYING + 50


@pytest.fixture
def repository(database_url: str) -> Iterator[Repository]:
    repository = Repository(database_url)
    yield repository
    repository.close()


@contextmanager
def statements(repository: Repository) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database meanwhile, with its parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    engine = repository._engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


def fill(repository: Repository) -> list[UUID]:
    """A person with three faces, a cluster of three, one that was recognised, and loose ones."""
    with repository.begin() as unit:
        unit.contract.pin(CONTRACT)
        photo = add_photo(unit, "crowd.jpg")
        rows = [(photo, found_face(vector, x=10 * n)) for n, vector in enumerate(unit_rows(FACES, seed=1))]
        ids = unit.faces.add(rows, pack=CONTRACT.name)
        unit.outbox.push(ids)
        unit.faces.set_clusters([(id_, "clu_a") for id_ in ids[3:6]])
        person = unit.people.add("Ada")
        named = FaceState(person.id, AssignedBy.MANUAL, None)
        unit.faces.set_decided([(id_, named) for id_ in ids[:3]])
        unit.faces.set_decided([(ids[6], FaceState(person.id, AssignedBy.PROTOTYPE, None, 0.6, model_version="raw"))])
        unit.prototypes.add_exemplars(person.id, ids[:3])
        unit.prototypes.set_centroids({person.id: unit_rows(1, seed=2)[0]})
        free = FaceState(None, None, None)
        unit.events.append(Label(person.id), actor="test", changes=[Change(id_, free, named) for id_ in ids[:3]])
    return ids


def test_many_rows_come_back_as_they_went_in(repository: Repository) -> None:
    ids = fill(repository)
    with repository.read() as unit:
        faces = {face.id: face for face in unit.faces.by_ids(ids)}
        assert [faces[id_].bbox.x for id_ in ids] == [10 * n for n in range(FACES)]
        assert faces[ids[0]].created_at.tzinfo is not None
        assert np.allclose(unit.vectors.of(ids).vectors, unit_rows(FACES, seed=1), atol=1e-6)
        assert unit.outbox.peek(10_000).point_ids == tuple(ids)


def test_of_many_states_only_what_differs_is_written(repository: Repository) -> None:
    ids = fill(repository)
    with repository.begin() as unit:
        seen = unit.faces.states(ids)
        person = seen[ids[0]].person_id
        wanted = {id_: replace(seen[id_], cluster_id=f"unknown_cluster_{n}") for n, id_ in enumerate(ids[10:], start=1)}
        found = FaceState(person, AssignedBy.PROTOTYPE, None, 0.7, model_version="raw", threshold=0.5)
        wanted |= {id_: replace(found, similarity=0.6 + n / 100) for n, id_ in enumerate(ids[7:10])}
        with statements(repository) as sent:
            unit.faces.set_states(list(wanted.items()), seen)
        assert unit.faces.states(ids) == seen | wanted
    written = {text.partition(" SET ")[2].partition(" WHERE ")[0] for text, _ in sent if text.startswith("UPDATE")}
    columns = {tuple(part.split("=")[0].strip() for part in columns.split(",")) for columns in written}
    evidence = ("person_id", "assigned_by", "similarity", "model_version", "threshold")
    assert columns == {("cluster_id", "updated_at"), (*evidence, "updated_at"), ("labels_version",)}


def test_labels_are_the_same_as_text(repository: Repository) -> None:
    fill(repository)
    with repository.read() as unit:
        slowly = [(str(id_), None if who is None else str(who), where) for id_, who, where in unit.faces.labels()]
        assert [*unit.grid.labels()] == slowly
        assert len({(who is None, where is None) for _, who, where in slowly}) == 3


@pytest.mark.postgres
def test_postgresql_gets_many_rows_in_one_copy(postgres_url: str) -> None:
    repository = Repository(postgres_url)
    with repository.begin() as unit:
        photo = add_photo(unit, "crowd.jpg")
    with statements(repository) as sent, repository.begin() as unit:
        unit.faces.add(
            [(photo, found_face(vector, x=n)) for n, vector in enumerate(unit_rows(FACES, seed=1))], pack="any"
        )
    assert not [text for text, _ in sent if text.startswith("INSERT")]
    repository.close()


def test_what_is_different_in_many_faces_is_written_by_one_statement(repository: Repository) -> None:
    """Faces of as many clusters get one name; those that get one each are written row by row."""
    ids = fill(repository)
    with repository.begin() as unit:
        unit.faces.set_clusters([(id_, f"clu_{row}") for row, id_ in enumerate(ids)])
        ada = unit.people.page(limit=1)[0]
        before = unit.faces.states(ids)
        named = {id_: replace(state, person_id=ada.id, assigned_by=AssignedBy.MANUAL) for id_, state in before.items()}
        with statements(repository) as sent:
            unit.faces.set_decided(list(named.items()), before)
    updates = [text for text, _ in sent if text.startswith("UPDATE face_instances")]
    assert len(updates) == 2  # the face that a machine had put under Ada, and all others
    assert all("cluster_id=" not in text for text in updates)
    with repository.begin() as unit:
        assert unit.faces.states(ids) == named
        each = {id_: replace(state, similarity=row / 1000) for row, (id_, state) in enumerate(named.items())}
        unit.faces.set_decided(list(each.items()), named)
        assert unit.faces.states(ids) == each


@pytest.mark.postgres
def test_a_copy_that_fails_is_told_as_any_other_statement_and_leaves_nothing(postgres_url: str) -> None:
    repository = Repository(postgres_url)
    with repository.begin() as unit:
        photo = add_photo(unit, "crowd.jpg")
    twice = [(photo, found_face(unit_rows(1, seed=2)[0])) for _ in range(FACES)]  # one box, which a photo has once
    with pytest.raises(sa.exc.IntegrityError), repository.begin() as unit:
        unit.faces.add(twice, pack="any")
    with repository.read() as unit:
        assert unit.faces.count() == 0
    repository.close()


def test_a_list_may_be_longer_than_a_statement_takes_parameters(repository: Repository) -> None:
    """As of people who were merged in the course of years."""
    ids = fill(repository)
    strangers = [uuid4() for _ in range(70_000)]
    with repository.begin() as unit:
        ada = unit.people.page(limit=1)[0]
        unit.people.rule_out([(ids[0], ada.id)])
        (event,) = unit.events.latest(1)
        assert unit.people.faces_ruled_out([*strangers, ada.id]) == {ids[0]}
        assert unit.people.names([*strangers, ada.id]) == {ada.id: "Ada"}
        assert list(unit.people.existing([*strangers, ada.id])) == [ada.id]
        assert unit.events.changed_faces([*range(1000, 71_000), event.id]) == {event.id: 3}


Query = Callable[[UnitOfWork, list[UUID]], object]
HOTTEST: dict[str, Query] = {
    "a page of clusters": lambda unit, ids: unit.clusters.page(limit=20),
    "a later page of clusters": lambda unit, ids: unit.clusters.page(limit=20, after=(9, "clu_b")),
    "a page of people": lambda unit, ids: unit.people.page(limit=20),
    "a later page of people": lambda unit, ids: unit.people.page(limit=20, after=(9, _ada(unit))),
    "a page of a cluster": lambda unit, ids: unit.clusters.faces("clu_a", limit=20),
    "a later page of a cluster": lambda unit, ids: unit.clusters.faces("clu_a", limit=20, after=ids[4]),
    "who a cluster is of": lambda unit, ids: unit.clusters.owners("clu_a"),
    "a later page of a person": lambda unit, ids: unit.people.faces(_ada(unit), limit=20, after=ids[1]),
    "a later page of photos with somebody": lambda unit, ids: unit.lives.photos_with([_ada(unit)], limit=9, after=1),
    "a later page of photos that failed": lambda unit, ids: unit.assets.unreadable(limit=20, after=1),
    "a cluster's faces": lambda unit, ids: unit.faces.in_cluster("clu_a"),
    "a person's faces": lambda unit, ids: unit.faces.of_person(unit.people.page(limit=1)[0].id),
    "the least similar": lambda unit, ids: unit.faces.recognised(limit=20),
    "the best undecided": lambda unit, ids: unit.vectors.undecided(limit=3, min_quality=0.5),
    "points in order": lambda unit, ids: unit.outbox.point_ids(limit=20, after=uuid4()),
    "points to write": lambda unit, ids: unit.outbox.points(ids[:3]),
    "histories": lambda unit, ids: unit.events.histories(ids[:3]),
    "a person's history": lambda unit, ids: unit.events.of_person(ids[0]),
    "vectors": lambda unit, ids: unit.vectors.of(ids[:3]),
    "ruled out": lambda unit, ids: unit.people.ruled_out(ids[:3]),
    "whether labels changed": lambda unit, ids: _has_changed(unit),
    "photos that failed": lambda unit, ids: unit.assets.count(AssetStatus.FAILED),
}


def _has_changed(unit: UnitOfWork) -> bool:
    state = unit.contract.labels()
    return state is None or not unit.contract.is_nearly(state, 0.01)


def _ada(unit: UnitOfWork) -> UUID:
    return unit.people.page(limit=1)[0].id


LARGE = ("face_instances", "face_embeddings", "label_changes", "label_events", "image_assets", "person_prototypes")


@pytest.mark.parametrize("name", HOTTEST)
def test_the_hottest_queries_follow_an_index(repository: Repository, name: str) -> None:
    ids = fill(repository)
    with statements(repository) as sent, repository.read() as unit:
        HOTTEST[name](unit, ids)
    asked = [(text, values) for text, values in sent if text.lstrip().startswith("SELECT")]
    assert asked
    for text, values in asked:
        plan = _plan(repository, text, values)
        read_whole = [line for line in plan for table in LARGE if _reads_whole(line, table)]
        assert not read_whole, f"{text}\n" + "\n".join(plan)


def _plan(repository: Repository, text: str, values: Any) -> list[str]:
    with repository._engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
        # The table is small: whether there is an index to follow shows where none may be left unused.
        for way in ("seqscan", "bitmapscan"):
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {text}", values)]


def _reads_whole(line: str, table: str) -> bool:
    """Whether a line of a plan says that every row of a table is read, not only of an index."""
    is_scan = line.startswith(f"SCAN {table}") and "USING" not in line
    return is_scan or f"Seq Scan on {table}" in line


def test_a_page_of_a_cluster_is_read_from_its_place_on_and_sorted_by_the_index(repository: Repository) -> None:
    ids = fill(repository)
    with statements(repository) as sent, repository.read() as unit:
        unit.clusters.faces("clu_a", limit=20, after=ids[4])
    text, values = sent[-1]
    plan = "\n".join(_plan(repository, text, values))
    assert "ix_face_instances_cluster_page" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan
    assert "(quality_score,id)<(?,?)" in plan or "ROW(" in plan, "sought, not walked past"


@pytest.mark.parametrize(
    "ask",
    [
        lambda unit: unit.groups.largest(),
        lambda unit: list(unit.groups.sampled(["clu_a"], most=3)),
        lambda unit: unit.groups.of("clu_a"),
        lambda unit: unit.groups.sizes(["clu_a"]),
    ],
)
def test_a_cluster_is_not_looked_for_among_all_faces_under_nobody(
    repository: Repository, ask: Callable[[UnitOfWork], object]
) -> None:
    fill(repository)
    with statements(repository) as sent, repository.read() as unit:
        ask(unit)
    text, values = next(item for item in sent if "cluster_id" in item[0])
    plan = "\n".join(_plan(repository, text, values))
    assert "ix_face_instances_cluster" in plan
    assert "person_id=?" not in plan
    assert "Cond: (person_id IS NULL)" not in plan


def test_a_sample_of_a_person_reads_the_rows_of_the_sample_alone(repository: Repository) -> None:
    fill(repository)
    with statements(repository) as sent, repository.read() as unit:
        list(unit.groups.sampled([_ada(unit)], most=3))
    text, values = next(item for item in sent if "dense_rank" in item[0])
    inner = next(line for line in _plan(repository, text, values) if "ix_face_instances_person_photo" in line)
    assert "COVERING" in inner or "Index Only Scan" in inner, inner


def test_people_are_counted_without_touching_their_faces(repository: Repository) -> None:
    fill(repository)
    with statements(repository) as sent, repository.read() as unit:
        unit.people.page(limit=20)
    text, values = next(item for item in sent if "persons" in item[0] and "count" in item[0])
    plan = "\n".join(_plan(repository, text, values))
    assert "ix_face_instances_person_photo" in plan
    assert "COVERING INDEX ix_face_instances_person_photo" in plan or "Index Only Scan" in plan


def test_a_page_of_points_sorts_no_points(repository: Repository) -> None:
    fill(repository)
    with statements(repository) as sent, repository.read() as unit:
        page = unit.outbox.point_ids(limit=20)
        assert page == sorted(page)
        rest = unit.outbox.point_ids(limit=10_000, after=page[-1])
        assert len({*page, *rest}) == unit.outbox.count_points() == FACES + 1
        assert unit.outbox.ought_to_be([*page, uuid4()]) == set(page)
    (faces, values) = next(item for item in sent if "face_embeddings" in item[0] and "count" not in item[0])
    assert not [line for line in _plan(repository, faces, values) if "TEMP B-TREE" in line]
