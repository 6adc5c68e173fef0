"""An erasure beside others, killed at any moment, or held up: nothing is lost by it, and in the end nothing is left."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner

from faceml.cli.people import people
from faceml.config import Settings
from faceml.decisions.states import FREE, FaceState
from faceml.errors import NotFound
from faceml.library import Library
from faceml.records import AssignedBy
from faceml.services.decisions.label import assign_faces_to, label_cluster
from faceml.services.decisions.people import compute_centroids, rename_person
from faceml.services.decisions.private import erase_person
from faceml.services.decisions.split import mark_different
from faceml.services.decisions.undo import history, undo
from faceml.services.index.drain import drain_outbox
from faceml.services.index.repair import find_orphans
from faceml.services.operate.doctor import examine
from faceml.services.operate.status import read_stats
from faceml.services.photos.ingest import ingest_folder
from faceml.services.review.thumbnails import Thumbnails
from faceml.storage.forgetting import open_erasures
from faceml.storage.index.edge_index import EdgeIndex, replace_edge, reset_edge
from faceml.storage.index.stores import EdgeStore, folder_lock
from tests.conftest import REPO, add_faces, people_vectors, written
from tests.fakes import WIDTH, FakePack, LostIndex, library_with
from tests.rest import two_people

ME = "ada"
NAME = "Zebulon Quux"


def many_people(settings: Settings, people: int, *, faces: int = 6) -> tuple[Library, list[UUID]]:
    """A library with so many named people, whose ids come with it."""
    library = library_with(FakePack(), settings)
    ids = add_faces(library, people_vectors(people, faces, seed=4))
    named = [
        assign_faces_to(library, ids[start : start + faces], f"Person {start // faces}", actor=ME).person_id
        for start in range(0, people * faces, faces)
    ]
    return library, named


def vectors_of(library: Library, person_id: UUID) -> list[bytes]:
    with library.repository.read() as unit:
        rows = unit.vectors.of([face.id for face in unit.faces.of_person(person_id)]).vectors
    return [np.ascontiguousarray(row, "<f4").tobytes()[:64] for row in rows]


def files_with(folder: Path, needles: list[bytes]) -> list[str]:
    """Files below a folder that hold one of these."""
    files = {file: written(file) for file in folder.rglob("*") if file.is_file()}
    return [str(file.relative_to(folder)) for file, content in files.items() if any(n in content for n in needles)]


# --- beside others


def environment(settings: Settings) -> dict[str, str]:
    """Of a process that works on the library of these settings."""
    own = {"FACEML_HOME": str(settings.home), "FACEML_MODEL_PACK": "opencv-zoo"}
    return {**os.environ, **own, **({"DATABASE_URL": settings.database_url} if settings.database_url else {})}


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_drainer_just_before_the_index_is_replaced_costs_no_point(
    settings: Settings, store: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store == "postgres":
        settings = replace(settings, database_url=request.getfixturevalue("postgres_library_url"))
    library, named = many_people(settings, 3)
    drain_outbox(library)
    server, is_draining = library_with(FakePack(), settings), []

    def lock_after_the_server(folder: Path, *, wait_s: float) -> AbstractContextManager[None]:
        if not is_draining:
            is_draining.append(True)
            drain_outbox(server)
            is_draining.clear()
        return folder_lock(folder, wait_s=wait_s)

    monkeypatch.setattr("faceml.storage.index.edge_index.folder_lock", lock_after_the_server)
    erase_person(library, named[0], is_confirmed=True, actor=ME)
    drain_outbox(library)
    stats = read_stats(library)
    assert (stats.points, stats.total_faces) == (12, 12)
    found = find_orphans(library, limit=1000)
    assert (found.orphans, found.stale_points, found.stray_points) == ((), 0, 0)
    library.close()
    server.close()


def test_nobody_drains_into_an_index_that_is_being_replaced(settings: Settings) -> None:
    library, _ = many_people(settings, 2)
    drain_outbox(library)
    with library.repository.begin() as unit:
        unit.outbox.push_all()
    impatient = replace(library, index=EdgeStore(settings.index_folder, wait_s=0.0))
    seen = []

    def fill(index: EdgeIndex) -> None:
        index.ensure_collection(WIDTH)
        seen.append(drain_outbox(impatient))

    replace_edge(settings.index_folder, fill, is_due=lambda: True)
    assert (seen[0].points_written, seen[0].backlog) == (0, 12)
    assert seen[0].reason is not None
    assert drain_outbox(library).points_written == 12
    library.close()


def test_what_was_read_before_an_erasure_is_not_kept_after_it(settings: Settings) -> None:
    """A notebook that still shows the faces, and a clustering that was at work."""
    mine, _ = two_people(settings)
    ada = label_cluster(mine, "clu_0", "Ada", actor=ME).person_id
    with mine.repository.read() as unit:
        shown = unit.faces.of_person(ada)
        asset = unit.assets.by_ids([shown[0].asset_id])[0]
    notebook = Thumbnails(mine)
    erase_person(mine, ada, is_confirmed=True, actor=ME)
    assert notebook.of(shown) == {}
    # What was made already, and was about to be written:
    notebook._files.write(asset, {shown[0]: b"picture"}, newest_erasure="")
    assert not list(settings.cache_folder.rglob("*.jpg"))
    mine.close()


# --- killed

ERASE = """
import os, signal, sys
from uuid import UUID
from faceml.config import read_settings
from faceml.services.decisions.private import erase_person
from faceml.storage import forgetting
from faceml.storage.sql.repository import Repository
from faceml.wiring import open_library

part = sys.argv[2]
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if part == "commit":
    forgetting._CLEANERS = {name: die for name in forgetting._CLEANERS}
else:
    forgetting._CLEANERS[part] = die
erase_person(open_library(read_settings()), UUID(sys.argv[1]), is_confirmed=True, actor="ada")
"""


def erase_and_die(settings: Settings, person_id: UUID, part: str) -> None:
    arguments = [sys.executable, "-c", ERASE, str(person_id), part]
    done = subprocess.run(arguments, cwd=REPO, env=environment(settings), check=False)
    assert done.returncode == -signal.SIGKILL


def library_person(library: Library) -> UUID:
    with library.repository.read() as unit:
        return next(iter(unit.people.names()))


def erase_again(library: Library) -> None:
    with pytest.raises(NotFound, match=r"'Person 0'.*; what an erasure before had left in files is being cleaned up"):
        erase_person(library, "Person 0", is_confirmed=True, actor=ME)


LATER = {
    "drain": lambda library: drain_outbox(library),
    "ingest": lambda library: ingest_folder(library.repository, library.settings.home.parent / "empty"),
    "label": lambda library: rename_person(library, library_person(library), "Renamed", actor=ME),
    "erase": lambda library: erase_again(library),
    "orphans": lambda library: find_orphans(library),
}


@pytest.mark.parametrize(
    ("part", "later"),
    [
        ("commit", "erase"),
        ("index", "drain"),
        *(pytest.param("commit", name, marks=pytest.mark.nightly) for name in LATER if name != "erase"),
    ],
)
def test_an_erasure_that_was_killed_is_completed_by_the_next_command(
    settings: Settings, tmp_path: Path, part: str, later: str
) -> None:
    library, named = many_people(settings, 3)
    drain_outbox(library)
    needles = [b"Person 0", b"person 0", *vectors_of(library, named[0])]
    library.close()
    erase_and_die(settings, named[0], part)
    assert files_with(settings.home, needles), "the test would see nothing else"
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.jpg").write_bytes(b"no picture")
    library = library_with(FakePack(), settings)
    told = [finding.detail for finding in examine(library).findings if finding.subject == "erasure"]
    assert told, "doctor reports it"
    LATER[later](library)
    library.close()
    assert files_with(settings.home, needles) == []
    library = library_with(FakePack(), settings)
    assert [finding for finding in examine(library).findings if finding.subject == "erasure"] == []
    drain_outbox(library)
    assert read_stats(library).points == 12
    library.close()


# --- held up


def test_a_reader_that_holds_the_log_is_told_of_and_the_erasure_stays_open(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceml.services.decisions.private.PATIENCE_S", 0.0)
    monkeypatch.setattr("faceml.storage.forgetting.BRIEF_S", 0.0)
    library, named = many_people(settings, 2)
    needles = [b"Person 0", *vectors_of(library, named[0])]
    with closing(sqlite3.connect(settings.home / "faceml.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM persons").fetchone()
        monkeypatch.setenv("FACEML_HOME", str(settings.home))
        told = CliRunner().invoke(people, ["erase", "Person 0", "--yes"], catch_exceptions=False)
        assert told.exit_code == 1
        assert "the database's file may hold deleted rows: another program is reading the database" in told.output
        (finding,) = [item for item in examine(library).findings if item.subject == "erasure"]
        assert "deleted rows" in finding.detail
        assert files_with(settings.home, needles)
        reader.execute("COMMIT")
    drain_outbox(library)
    library.close()
    assert files_with(settings.home, needles) == []


def test_a_held_index_is_told_of_and_cleaned_later(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    library, named = many_people(settings, 2)
    drain_outbox(library)
    monkeypatch.setattr("faceml.services.decisions.private.PATIENCE_S", 0.0)
    needles = vectors_of(library, named[0])
    with library.index.open():
        monkeypatch.setattr("faceml.storage.index.stores.WAIT_S", 0.0)
        held = replace(library, index=EdgeStore(settings.index_folder, wait_s=0.0))
        report = erase_person(held, named[0], is_confirmed=True, actor=ME)
        assert any("the index's files may hold deleted points" in reason for reason in report.not_gone_yet)
    assert drain_outbox(library).backlog == 0
    library.close()
    assert files_with(settings.home, needles) == []


# --- what was missed


def test_damaged_indexes_and_what_killed_backups_left_go_too(settings: Settings, tmp_path: Path) -> None:
    library, named = many_people(settings, 2)
    drain_outbox(library)
    needles = [b"Person 0", *vectors_of(library, named[0])]
    assert reset_edge(settings.index_folder)
    draft = tmp_path / ".faces.zip.12345678.part"
    draft.write_bytes(needles[1])
    begun = settings.home / ".backing-up"
    (begun / "faceml-check-x").mkdir(parents=True)
    (begun / "faceml-check-x" / "faceml.db").write_bytes(needles[1])
    (begun / "draft").write_text(str(draft))
    assert erase_person(library, named[0], is_confirmed=True, actor=ME).not_gone_yet == ()
    library.close()
    assert files_with(tmp_path, needles) == []
    assert not list(settings.home.glob("index.damaged-*"))
    assert not draft.exists()


def test_an_embedded_index_from_before_a_server_was_named_goes_and_is_not_filled_anew(settings: Settings) -> None:
    library, named = many_people(settings, 2)
    drain_outbox(library)
    assert list(settings.index_folder.iterdir())
    with_server = replace(library, settings=replace(settings, qdrant_url="http://127.0.0.1:1"), index=LostIndex())
    erase_person(with_server, named[0], is_confirmed=True, actor=ME)
    assert open_erasures(with_server.settings, library.repository) == ()
    assert not settings.index_folder.exists()
    library.close()


def test_names_of_labels_that_were_undone_go_too(settings: Settings) -> None:
    library, faces = two_people(settings)
    undo(library, label_cluster(library, "clu_0", NAME, actor=ME).event_id, actor=ME)
    other = assign_faces_to(library, [faces[7]], NAME, actor=ME).person_id  # by mistake: it is Bea
    rename_person(library, other, "Bea", actor=ME)
    zeb = assign_faces_to(library, [faces[0]], NAME.upper(), actor=ME).person_id
    erase_person(library, zeb, is_confirmed=True, actor=ME)
    assert not any("zeb" in line.text.lower() for line in history(library.repository))
    with library.repository.read() as unit:
        assert unit.people.names() == {other: "Bea"}
        assert unit.faces.get(faces[7]).person_id == other
    undo(library, assign_faces_to(library, [faces[7], faces[8]], "Cleo", actor=ME).event_id, actor=ME)
    with library.repository.read() as unit:
        assert unit.faces.get(faces[7]).person_id == other, "the decision about Bea stands"
    library.close()
    assert files_with(settings.home, [NAME.encode(), NAME.upper().encode(), NAME.casefold().encode()]) == []


def test_a_name_that_the_log_alone_holds_is_erased_by_it(settings: Settings) -> None:
    library, _ = two_people(settings)
    event = label_cluster(library, "clu_0", NAME, actor=ME)
    undo(library, event.event_id, actor=ME)
    report = erase_person(library, NAME, is_confirmed=True, actor=ME)
    assert (report.person_id, report.faces_erased, report.events_redacted) == (event.person_id, 0, 2)
    with pytest.raises(NotFound):
        erase_person(library, NAME, is_confirmed=True, actor=ME)
    library.close()
    assert files_with(settings.home, [NAME.encode(), NAME.casefold().encode()]) == []


def test_the_log_does_not_name_an_erased_person_as_different_from_another(settings: Settings) -> None:
    library, _ = two_people(settings)
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    mark_different(library, ada, "clu_1", actor=ME)
    erase_person(library, ada, is_confirmed=True, actor=ME)
    kinds = [line.text for line in history(library.repository)]
    assert "decided something (apart) about a person who was erased" in kinds
    with library.repository.read() as unit:
        left = [event.decision for event in unit.events.latest(10) if event.kind == "apart"]
    assert left == []
    library.close()


def test_a_centroid_made_of_an_erased_face_goes_with_it(settings: Settings) -> None:
    """A machine had the face under somebody else when their centroid was made."""
    library, faces = two_people(settings)
    ada = assign_faces_to(library, faces[:1], "Ada", actor=ME).person_id
    undo(library, assign_faces_to(library, [faces[9]], "Bea", actor=ME).event_id, actor=ME)
    bea = assign_faces_to(library, [faces[9]], "Bea", actor=ME).person_id
    moved = faces[1]
    with library.repository.begin() as unit:
        unit.faces.set_decided([(faces[9], FREE), (moved, FaceState(bea, AssignedBy.PROTOTYPE, None))])
    compute_centroids(library)
    with library.repository.begin() as unit:
        unit.faces.set_decided([(moved, FaceState(ada, AssignedBy.PROTOTYPE, None))])
    drain_outbox(library)
    needles = vectors_of(library, ada)
    erase_person(library, ada, is_confirmed=True, actor=ME)
    library.close()
    assert files_with(settings.home, needles) == []
