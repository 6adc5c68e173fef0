"""What must not grow with the library: questions a person, rows in memory, passes over the index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from faceml.config import Settings
from faceml.library import Library
from faceml.services.decisions.label import assign_faces_to, reject_person
from faceml.services.decisions.people import compute_centroids
from faceml.services.decisions.undo import undo
from faceml.services.exchange.export import ROWS_A_GROUP, _write_csv, _write_parquet
from faceml.services.exchange.import_labels import import_labels
from faceml.services.index.drain import drain_outbox
from faceml.services.index.repair import find_orphans, fix_orphans
from faceml.services.review.browse import _events
from faceml.services.review.groups import suggest_names
from faceml.storage.sql.face_rows import ExportRow
from faceml.storage.sql.lives import PhotoAt
from faceml.storage.sql.tables import PersonPrototype
from tests.conftest import add_faces, people_vectors
from tests.fakes import CONTRACT, FakePack, library_with

PEOPLE, FACES = 12, 4


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[tuple[Library, list[UUID]]]:
    """Faces of twelve people, nobody named yet; the index holds them."""
    library = library_with(FakePack(), Settings(home=tmp_path / "library", model_pack=CONTRACT.name))
    ids = add_faces(library, people_vectors(PEOPLE, FACES))
    drain_outbox(library)
    yield library, ids
    library.close()


def table(folder: Path, ids: Sequence[UUID], names: Sequence[str]) -> Path:
    file = folder / f"{uuid4().hex}.csv"
    rows = (f"{face_id},{name}" for face_id, name in zip(ids, names, strict=True))
    file.write_text("\n".join(["face_id,person_name", *rows]), encoding="utf-8")
    return file


@contextmanager
def statements(library: Library) -> Iterator[list[str]]:
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine = library.repository._engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


def of(ids: Sequence[UUID], first: int, last: int) -> tuple[list[UUID], list[str]]:
    """The faces of people from one number to another, with their names."""
    chosen = list(ids[first * FACES : last * FACES])
    return chosen, [f"Person {first + row // FACES}" for row in range(len(chosen))]


def test_labels_of_many_people_are_imported_with_few_questions_a_person(
    crowd: tuple[Library, list[UUID]], tmp_path: Path
) -> None:
    library, ids = crowd
    with statements(library) as of_two:
        import_labels(library, table(tmp_path, *of(ids, 0, 2)), actor="test")
    with statements(library) as of_ten:
        report = import_labels(library, table(tmp_path, *of(ids, 2, 12)), actor="test")
    assert (report.people, report.faces_labeled) == (10, 10 * FACES)
    assert len(of_ten) - len(of_two) <= 8 * 4  # of eight more people: looked up, created, written down


def test_every_person_of_an_import_is_an_event_that_can_be_taken_back(
    crowd: tuple[Library, list[UUID]], tmp_path: Path
) -> None:
    library, ids = crowd
    chosen, names = of(ids, 0, 3)
    import_labels(library, table(tmp_path, [*chosen, chosen[0]], [*names, "Person 2"]), actor="test")
    with library.repository.read() as unit:
        events = unit.events.latest(10)
        faces = {face.id: face.person_id for face in unit.faces.by_ids(chosen)}
        person = {name: unit.people.named(name) for name in names}
        assert [unit.prototypes.exemplar_faces([one.id]) for one in person.values() if one]
    assert len(events) == 3
    assert faces[chosen[0]] == person["Person 2"].id  # type: ignore[union-attr]  # the later row counts
    undo(library, events[0].id, actor="test")  # of Person 2
    with library.repository.read() as unit:
        assert unit.people.named("Person 2") is None
        assert unit.faces.get(chosen[0]).person_id == person["Person 0"].id  # type: ignore[union-attr]
        assert unit.faces.get(chosen[-1]).person_id is None


def test_who_loses_a_last_face_to_an_import_gets_the_centroid_back_with_the_undo(
    crowd: tuple[Library, list[UUID]], tmp_path: Path
) -> None:
    library, ids = crowd
    assign_faces_to(library, ids[:2], "Ada", actor="test")
    compute_centroids(library)
    import_labels(library, table(tmp_path, ids[:4], ["Bo", "Cy", "Bo", "Cy"]), actor="test")
    with library.repository.read() as unit:
        ada = unit.people.named("Ada")
        assert ada is not None
        assert not unit.prototypes.people_with_centroid([ada.id])
        bo, cy = unit.events.latest(2)[::-1]
    undo(library, bo.id, actor="test")
    undo(library, cy.id, actor="test")
    with library.repository.read() as unit:
        assert unit.prototypes.people_with_centroid([ada.id]) == {ada.id}
        assert {unit.faces.get(id_).person_id for id_ in ids[:2]} == {ada.id}


def test_a_label_reads_nobody_elses_centroid(crowd: tuple[Library, list[UUID]], tmp_path: Path) -> None:
    library, ids = crowd
    import_labels(library, table(tmp_path, *of(ids, 0, 11)), actor="test")
    compute_centroids(library)
    read: set[UUID] = set()

    def note(row: PersonPrototype, _: object) -> None:
        read.add(row.person_id)

    sa.event.listen(PersonPrototype, "load", note)
    report = assign_faces_to(library, ids[-FACES:], "Person 3", actor="test")
    sa.event.remove(PersonPrototype, "load", note)
    assert read == {report.person_id}
    drain_outbox(library)
    assert find_orphans(library, limit=1000).stale_points == 0


def test_what_a_library_holds_is_counted_in_one_walk(crowd: tuple[Library, list[UUID]]) -> None:
    library, ids = crowd
    assign_faces_to(library, ids[:3], "Ada", actor="test")
    with statements(library) as sent, library.repository.read() as unit:
        counts = unit.faces.counts()
    assert (counts.faces, counts.assigned) == (len(ids), 3)
    assert len([text for text in sent if "face_instances" in text]) == 1


class Counted:
    """An index that counts how often it was read in order."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self.scrolled = 0

    @contextmanager
    def open(self) -> Iterator[Any]:
        with self._index.open() as index:
            self._opened = index
            yield self

    def scroll(self, **asked: Any) -> Any:
        self.scrolled += 1
        return self._opened.scroll(**asked)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened, name)


def test_an_index_that_holds_what_it_ought_to_is_read_once(crowd: tuple[Library, list[UUID]]) -> None:
    library, ids = crowd
    counted = Counted(library.index)
    watched = replace(library, index=counted)
    assert find_orphans(watched, limit=1000).faces_checked == len(ids)
    assert counted.scrolled == 0
    with library.index.open() as index:
        index.delete(ids[:1])
        index.upsert([uuid4()], people_vectors(1, 1), [{}])  # as many points as before
    found = find_orphans(watched, limit=1000)
    assert (len(found.orphans), found.stray_points, found.stale_points) == (1, 1, 0)
    fix_orphans(watched, limit=1000)
    assert find_orphans(watched, limit=1000).stray_points == 0


def test_points_of_another_vector_or_payload_are_stale(crowd: tuple[Library, list[UUID]]) -> None:
    library, ids = crowd
    with library.repository.read() as unit:
        points = unit.outbox.points(ids[:3])
    with library.index.open() as index:
        index.upsert([points[0].id], people_vectors(1, 1, seed=9), [points[0].payload])
        payload = {**points[1].payload, "cluster_id": "clu_old"}
        index.upsert([points[1].id], points[1].vector[None], [payload])  # type: ignore[index]
    assert find_orphans(library, limit=1000).stale_points == 2


@pytest.mark.parametrize("write", [_write_csv, _write_parquet])
def test_an_export_writes_faces_before_it_has_read_all(tmp_path: Path, write: Any) -> None:
    file = tmp_path / "faces"
    sizes: list[int] = []

    def rows() -> Iterator[ExportRow]:
        for number in range(ROWS_A_GROUP + 1):
            if number == ROWS_A_GROUP:
                sizes.append(file.stat().st_size)
            yield ExportRow(str(number), 1, "a.jpg", 1, 2, 3, 4, 0.9, 0.8, *[None] * 9)

    assert write(file, rows()) == ROWS_A_GROUP + 1
    assert sizes[0] > 1000


def test_a_page_of_days_holds_the_photos_of_a_day_at_a_time() -> None:
    given = 0

    def photos() -> Iterator[PhotoAt]:
        nonlocal given
        for given in range(1, 1001):
            taken = datetime(2020, 1, 1, tzinfo=UTC) - timedelta(days=given // 10)
            yield PhotoAt(given, f"/photos/{given % 2}/{given}.jpg", taken)

    events = _events(photos())
    most = 0
    for number, (_, of_event) in enumerate(events):
        assert given <= 10 * (number // 2 + 1) + 1
        most = max(most, len(of_event))
    assert (number, most, given) == (201 - 1, 5, 1000)


def test_names_for_a_cluster_ask_about_its_own_faces_alone(crowd: tuple[Library, list[UUID]]) -> None:
    library, ids = crowd
    ada = assign_faces_to(library, ids[FACES : 2 * FACES], "Ada", actor="test").person_id
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(id_, "clu_0") for id_ in ids[:FACES]])
    assert [found.person_id for found in suggest_names(library, "clu_0")] == [ada]
    reject_person(library, ids[:FACES], ada, actor="test")
    with statements(library) as sent:
        assert suggest_names(library, "clu_0") == []
    about = [text for text in sent if "face_rejections" in text]
    assert len(about) == 1
    assert "WHERE face_rejections.face_instance_id IN" in about[0]
