"""A library in one file: backed up, deleted, restored, and everything is as it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import create_engine, inspect, text

from faceml.config import Settings
from faceml.errors import Conflict, FileNotReadable, ModelUnavailable, WrongUse
from faceml.library import Library
from faceml.options import ClusterOptions
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.decisions.label import assign_faces_to, reject_person
from faceml.services.decisions.people import compute_centroids, hide_person, merge_people
from faceml.services.decisions.undo import undo
from faceml.services.index.repair import find_orphans
from faceml.services.operate.backup import back_up, check_backup
from faceml.services.operate.doctor import examine
from faceml.services.operate.restore import restore
from faceml.storage.archive import MANIFEST
from faceml.storage.registry.model_registry import ModelRegistry
from faceml.wiring import open_library
from tests.conftest import REPO, add_faces, copy_library, people_vectors, unit_rows
from tests.fakes import library_with
from tests.heads import CARD, deep_head, register, residual_head

ACTOR = "tester"
LINES, VECTORS = "tables/face_embeddings.jsonl", "tables/face_embeddings.vector.bin"
OLD_BACKUP = REPO / "tests" / "data" / "backup-schema-0001.zip"


def fill(library: Library) -> None:
    """People, merged and hidden; decisions, some taken back; rejections, exemplars, centroids, clusters, a backlog."""
    ids = add_faces(library, people_vectors(5, 6))
    cluster_faces(library, ClusterOptions(min_cluster_size=3))
    for number, name in enumerate(("Ada", "Grace", "Söhne & Töchter", "Hidden")):
        assign_faces_to(library, ids[number * 6 : number * 6 + 5], name, actor=ACTOR)
    compute_centroids(library)
    people = {name: id_ for id_, name in names(library).items()}
    merge_people(library, people["Grace"], people["Ada"], actor=ACTOR)
    hide_person(library, people["Hidden"], actor=ACTOR)
    reject_person(library, [ids[25], ids[26]], "Ada", actor=ACTOR)
    undo(library, assign_faces_to(library, ids[27:29], "Ada", actor=ACTOR).event_id, actor=ACTOR)
    with library.repository.begin() as unit:
        unit.outbox.push(ids[:3])


def names(library: Library) -> dict[UUID, str]:
    with library.repository.read() as unit:
        return unit.people.names()


def tables(library: Library, *, without: tuple[str, ...] = ()) -> dict[str, list[bytes]]:
    """Every row of every table."""
    with library.repository.dump() as dump:
        shapes = [shape for shape in dump.shapes if shape.name not in without]
        return {shape.name: b"".join(dump.lines(shape)).splitlines() for shape in shapes}


def answers(library: Library) -> list[list[tuple[UUID, float]]]:
    with library.index.open() as index:
        hits = index.search(unit_rows(7, seed=3), limit=5)
    return [[(hit.id, round(hit.similarity, 5)) for hit in found] for found in hits]


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory: pytest.TempPathFactory, opencv_zoo: Any) -> Path:
    """A folder with a filled library and its backup, made once and copied."""
    folder = tmp_path_factory.mktemp("filled")
    settings = Settings(home=folder / "library", model_pack="opencv-zoo", model_root=folder / "no-models")
    made = library_with(opencv_zoo, replace(settings, tracking_uri=f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}"))
    fill(made)
    back_up(made, folder / "faces.zip", check=False)
    made.close()
    return folder


@pytest.fixture
def filled(filled_once: Path, library: Library) -> Library:
    copy_library(filled_once / "library", library.settings.home)
    return library


@pytest.fixture
def saved(filled_once: Path, tmp_path: Path) -> Path:
    """A backup of what `filled` holds."""
    return Path(shutil.copy(filled_once / "faces.zip", tmp_path))


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Settings:
    """A place that is not there yet."""
    return replace(settings, home=tmp_path / "elsewhere", tracking_uri=f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}")


@pytest.fixture
def mlflow_elsewhere(mlflow_here: Path, empty_mlflow: Path, tmp_path: Path) -> None:
    """MLflow's database is there, in both places: making one takes seconds."""
    (tmp_path / "new").mkdir()
    shutil.copy(empty_mlflow, tmp_path / "new" / "mlflow.db")


@pytest.fixture
def restored(elsewhere: Settings) -> Iterator[Library]:
    """The library there, once something restored it."""
    opened = open_library(elsewhere)
    yield opened
    opened.close()


def test_everything_is_back_after_everything_was_deleted(
    mlflow_elsewhere: None, filled: Library, settings: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    first = register(filled, deep_head(1))
    second = register(filled, residual_head(2), card=replace(CARD, kind="another"))
    filled.registry.set_alias("champion", first.version)
    filled.registry.tag_model({"champions": "1"})
    file = tmp_path / "faces.zip"
    report = back_up(filled, file)
    assert (report.faces, report.people, report.models, report.champion, report.is_checked) == (30, 4, 2, 1, True)
    assert report.left_out == ()
    assert file.stat().st_mode & 0o077 == 0, "only its owner may read it"
    before, state = tables(filled, without=("outbox",)), filled.registry.state()
    head = filled.registry.load("champion").artefact
    find_orphans(filled)
    found = answers(filled)
    filled.close()
    shutil.rmtree(settings.home)
    shutil.rmtree(tmp_path / "mlruns")
    settings = replace(settings, tracking_uri=elsewhere.tracking_uri)  # mlflow keeps the deleted file open
    told = restore(settings, file)
    assert (told.faces, told.people, told.models, told.index_backlog, told.notes) == (30, 4, 2, 0, ())
    back = open_library(settings)
    assert tables(back, without=("outbox",)) == before
    assert answers(back) == found
    assert find_orphans(back).stale_points == find_orphans(back).stray_points == 0
    now = back.registry.state()
    assert [(m.version, m.aliases, m.card, m.checksum, m.tags) for m in now.versions] == [
        (m.version, m.aliases, m.card, m.checksum, m.tags) for m in state.versions
    ]
    assert now.tags == state.tags
    assert now.with_alias("challenger") == now.numbered(second.version)
    for mine, theirs in zip(back.registry.load("champion").artefact.layers, head.layers, strict=True):
        np.testing.assert_array_equal(mine.weight, theirs.weight)
    latest = assign_faces_to(back, [UUID(json.loads(before["face_instances"][0])[0])], "Ada", actor=ACTOR)
    assert latest.event_id == report.decisions + 1, "the log goes on where it was"
    back.close()
    assert sorted(p.name for p in settings.home.iterdir() if p.name.startswith(".")) == []


def test_numbers_of_deleted_versions_stay_used_up(
    library: Library, elsewhere: Settings, restored: Library, mlflow_elsewhere: None, tmp_path: Path
) -> None:
    for seed in (1, 2, 3):
        register(library, deep_head(seed))
    library.tracking.store.client.delete_model_version("face-projection", "2")
    back_up(library, tmp_path / "faces.zip", check=False)
    restore(elsewhere, tmp_path / "faces.zip")
    assert [model.version for model in restored.registry.state().versions] == [1, 3]
    again = replace(elsewhere, home=tmp_path / "third")
    (note,) = restore(again, tmp_path / "faces.zip").notes
    assert "aliases stay as they are" in note
    assert [model.version for model in restored.registry.state().versions] == [1, 3]


def test_a_registry_with_other_versions_is_refused_before_anything_is_written(
    library: Library, elsewhere: Settings, mlflow_elsewhere: None, tmp_path: Path
) -> None:
    register(library, deep_head(1))
    back_up(library, tmp_path / "faces.zip", check=False)
    other = open_library(elsewhere)
    register(other, deep_head(9))
    other.close()
    shutil.rmtree(elsewhere.home, ignore_errors=True)
    with pytest.raises(Conflict, match="another face-projection/1 than the backup"):
        restore(elsewhere, tmp_path / "faces.zip")
    assert not elsewhere.home.exists()


@pytest.mark.postgres
def test_a_backup_moves_between_sqlite_and_postgresql(
    filled: Library, elsewhere: Settings, postgres_url: str, tmp_path: Path
) -> None:
    back_up(filled, tmp_path / "sqlite.zip")
    on_server = replace(elsewhere, database_url=postgres_url)
    open_library(on_server).repository.pack()  # the schema is there already, and empty
    restore(on_server, tmp_path / "sqlite.zip")
    server = open_library(on_server)
    assert tables(server, without=("outbox",)) == tables(filled, without=("outbox",))
    assert answers(server) == answers(filled)
    ids = add_faces(server, unit_rows(1, seed=8), prefix="later")
    assign_faces_to(server, ids, "Newcomer", actor=ACTOR)  # its counters go on behind the restored keys
    back_up(server, tmp_path / "postgres.zip")
    backed_up = tables(server, without=("outbox",))
    assign_faces_to(server, ids, "Somebody else", actor=ACTOR)  # an unchanged one would count as filled by a killed run
    shutil.rmtree(on_server.home)
    with pytest.raises(Conflict, match=r"database .* is not empty \(image_assets, persons, .*DATABASE_URL"):
        restore(on_server, tmp_path / "postgres.zip")
    assert not on_server.home.exists()
    restore(elsewhere, tmp_path / "postgres.zip")
    back = open_library(elsewhere)
    assert tables(back, without=("outbox",)) == backed_up
    for opened in (server, back):
        opened.close()


def test_a_library_is_never_restored_over(filled: Library, settings: Settings, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "faces.zip")
    before = tables(filled)
    with pytest.raises(Conflict, match=r"is not empty \(.*faceml.db.*\): set FACEML_HOME to a new folder"):
        restore(settings, tmp_path / "faces.zip")
    assert tables(filled) == before


def test_a_file_of_somebody_else_is_not_overwritten_but_an_older_backup_is(filled: Library, tmp_path: Path) -> None:
    theirs = tmp_path / "notes.txt"
    theirs.write_text("mine")
    with pytest.raises(Conflict, match="not a faceml backup: name another file"):
        back_up(filled, theirs)
    assert theirs.read_text() == "mine"
    file = tmp_path / "faces.zip"
    back_up(filled, file, check=False)
    assign_faces_to(filled, add_faces(filled, unit_rows(1, seed=5), prefix="x"), "Newcomer", actor=ACTOR)
    assert back_up(filled, file, check=False).people == 5
    with pytest.raises(FileNotReadable, match="cannot be written"):
        back_up(filled, tmp_path / "no" / "faces.zip")


@pytest.mark.parametrize("damage", ["cut", "byte", "row", "part", "other", "missing"])
def test_a_damaged_backup_is_refused_and_nothing_is_written(saved: Path, elsewhere: Settings, damage: str) -> None:
    data = saved.read_bytes()
    if damage == "cut":
        saved.write_bytes(data[: len(data) // 2])
    elif damage == "byte":
        saved.write_bytes(data[:4000] + bytes([data[4000] ^ 255]) + data[4001:])
    elif damage == "other":
        saved.write_text("no zip")
    elif damage == "missing":
        saved.unlink()
    else:
        rewrite(saved, drop_row=damage == "row", drop_part=damage == "part")
    with pytest.raises(FileNotReadable, match="backup"):
        restore(elsewhere, saved)
    assert not elsewhere.home.exists()


def rewrite(
    file: Path,
    *,
    drop_row: bool = False,
    drop_part: bool = False,
    content: dict[str, bytes] | None = None,
    **manifest: Any,
) -> None:
    """The same archive with something amiss in it."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()} | (content or {})
    if drop_row:
        parts["tables/persons.jsonl"] = parts["tables/persons.jsonl"].split(b"\n", 1)[1]
    if drop_part:
        del parts["tables/persons.jsonl"]
    parts[MANIFEST] = json.dumps({**json.loads(parts[MANIFEST]), **manifest}).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("newer", [{"schema": "9999"}, {"format": 3}])
def test_a_backup_of_a_newer_faceml_is_refused(saved: Path, elsewhere: Settings, newer: dict[str, Any]) -> None:
    rewrite(saved, **newer)
    with pytest.raises(WrongUse, match=r"newer faceml .*: upgrade faceml, then restore"):
        restore(elsewhere, saved)
    assert not elsewhere.home.exists()


def test_the_check_notices_what_does_not_come_back(filled: Library, tmp_path: Path) -> None:
    file = tmp_path / "faces.zip"
    back_up(filled, file)
    with zipfile.ZipFile(file) as archive:
        parts = json.loads(archive.read(MANIFEST))["parts"]
        changed = archive.read("tables/persons.jsonl").replace(b'"Ada"', b'"\\u0041da"')
    part = {"sha256": hashlib.sha256(changed).hexdigest(), "bytes": len(changed)}
    rewrite(file, content={"tables/persons.jsonl": changed}, parts={**parts, "tables/persons.jsonl": part})
    with pytest.raises(FileNotReadable, match="table persons does not come back as it was"):
        check_backup(file)


@pytest.mark.parametrize("circle", [["Ada"], ["Ada", "Grace"]])
def test_a_crafted_backup_whose_people_are_merged_in_a_circle_is_refused(
    saved: Path, elsewhere: Settings, circle: list[str]
) -> None:
    with zipfile.ZipFile(saved) as archive:
        manifest = json.loads(archive.read(MANIFEST))
        rows = [json.loads(line) for line in archive.read("tables/persons.jsonl").splitlines()]
    shape = next(table for table in manifest["tables"] if table["name"] == "persons")
    at = {column["name"]: number for number, column in enumerate(shape["columns"])}
    ids = {row[at["name"]]: row[at["id"]] for row in rows}
    for row in rows:
        if row[at["name"]] in circle:
            into = circle[circle.index(row[at["name"]]) - 1]
            row[at["status"]], row[at["merged_into_id"]] = "merged", ids[into]
    changed = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    part = {"sha256": hashlib.sha256(changed).hexdigest(), "bytes": len(changed)}
    parts = {**manifest["parts"], "tables/persons.jsonl": part}
    rewrite(saved, content={"tables/persons.jsonl": changed}, parts=parts)
    with pytest.raises(FileNotReadable, match=r"table persons points at itself in a circle \(merged_into_id\)"):
        restore(elsewhere, saved)
    assert not elsewhere.home.exists()


def test_vectors_lie_in_a_part_of_their_own_as_they_are(filled: Library, saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        vectors, lines = archive.getinfo(VECTORS), archive.read("tables/face_embeddings.jsonl").splitlines()
        content = archive.read(VECTORS)
        centroids = archive.read("tables/person_prototypes.vector.bin")
    assert vectors.compress_type == zipfile.ZIP_STORED
    with filled.repository.read() as unit:
        rows = unit.vectors.of([UUID(json.loads(line)[0]) for line in lines]).vectors
        assert np.array_equal(np.frombuffer(content, "<f4").reshape(rows.shape), rows)
    assert {json.loads(line)[2] for line in lines} == {rows.shape[1] * 4}
    assert len(centroids) % (rows.shape[1] * 4) == 0 < len(centroids)


@pytest.mark.parametrize("amiss", ["less", "more", "below nothing"])
def test_a_crafted_backup_whose_lines_and_bytes_do_not_fit_is_refused(
    saved: Path, elsewhere: Settings, amiss: str
) -> None:
    with zipfile.ZipFile(saved) as archive:
        manifest = json.loads(archive.read(MANIFEST))
        content = archive.read(VECTORS)
        lines = archive.read(LINES)
    changed = {
        "less": {VECTORS: content[:-8]},
        "more": {VECTORS: content + bytes(8)},
        "below nothing": {LINES: lines.replace(f",{len(content) // len(lines.splitlines())}]".encode(), b",-1]")},
    }[amiss]
    (part, data), *_ = changed.items()
    assert data not in (content, lines)
    parts = {**manifest["parts"], part: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}}
    rewrite(saved, content=changed, parts=parts)
    with pytest.raises(FileNotReadable, match=r"damaged \(tables/face_embeddings.vector.bin\)"):
        restore(elsewhere, saved)
    assert not elsewhere.home.exists()


def test_a_backup_of_the_first_schema_is_brought_up_to_date(elsewhere: Settings, restored: Library) -> None:
    told = restore(elsewhere, OLD_BACKUP)
    assert (told.photos, told.faces, told.people, told.index_backlog) == (30, 30, 4, 0)
    assert sorted(names(restored).values()) == ["Ada", "Grace", "Hidden", "Söhne & Töchter"]
    assert find_orphans(restored).stale_points == 0
    assert undo(restored, actor=ACTOR).event_id > told.decisions


def test_an_empty_library_is_backed_up_too(library: Library, elsewhere: Settings, tmp_path: Path) -> None:
    assert back_up(library, tmp_path / "faces.zip").faces == 0
    assert restore(elsewhere, tmp_path / "faces.zip").photos == 0


# --- what is another program's, and what a killed run left


def foreign_tables(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE outbox (id integer PRIMARY KEY, payload text)",),
        ("CREATE TABLE outbox (id integer PRIMARY KEY, payload text)", "INSERT INTO outbox VALUES (1, 'mail')"),
        ("CREATE TABLE alembic_version (version_num varchar(32))", "INSERT INTO alembic_version VALUES ('0001')"),
        ("CREATE TABLE orders (id integer)",),
        ("CREATE VIEW persons AS SELECT 1 AS id",),
    ],
)
def test_a_database_of_another_program_is_refused_and_left_as_it_is(
    saved: Path, elsewhere: Settings, database_url: str, tmp_path: Path, statements: tuple[str, ...]
) -> None:
    url = database_url.replace("/library/", "/theirs/")
    (tmp_path / "theirs").mkdir()
    foreign_tables(url, *statements)
    theirs = tmp_path / "theirs" / "faceml.db"
    before = theirs.read_bytes() if theirs.exists() else b""
    with pytest.raises(Conflict, match=r"is another program's \(\w+\): point DATABASE_URL at an empty one"):
        restore(replace(elsewhere, database_url=url), saved)
    assert not elsewhere.home.exists()
    assert (theirs.read_bytes() if theirs.exists() else b"") == before
    assert sorted(path.name for path in theirs.parent.iterdir()) in ([], ["faceml.db"])
    engine = create_engine(url)
    assert set(inspect(engine).get_table_names()) <= {"outbox", "alembic_version", "orders"}
    engine.dispose()


def test_another_programs_table_beside_ours_is_refused(saved: Path, elsewhere: Settings, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    on_it = replace(elsewhere, database_url=url)
    open_library(on_it).repository.pack()  # an empty library's schema
    foreign_tables(url, "CREATE TABLE orders (id integer)")
    with pytest.raises(Conflict, match=r"another program's \(orders\)"):
        restore(on_it, saved)


RESTORE = """
import os, signal, sys
from pathlib import Path
from faceml.config import read_settings
from faceml.services.operate import restore

place = sys.argv[2]
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if place == "moving":
    rename = Path.rename
    Path.rename = lambda path, target: die() if path.name == "faceml.db" else rename(path, target)
else:
    setattr(restore, place, die)
restore.restore(read_settings(), Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    "place",
    [
        "fill_database",
        "blob_part",  # in the middle of filling
        "moving",
        *(pytest.param(p, marks=pytest.mark.nightly) for p in ("drain_outbox", "_models_back")),
    ],
)
def test_a_killed_restore_refuses_the_next_one_nothing(
    filled: Library, saved: Path, elsewhere: Settings, database_url: str, tmp_path: Path, place: str
) -> None:
    if "postgresql" in database_url:
        elsewhere = replace(elsewhere, database_url=database_url)
    environment = {"FACEML_HOME": str(elsewhere.home), "DATABASE_URL": elsewhere.database_url}
    environment |= {"MLFLOW_TRACKING_URI": elsewhere.tracking_uri, "FACEML_MODEL_PACK": "opencv-zoo"}
    arguments = [sys.executable, "-c", RESTORE, str(saved), place]
    done = subprocess.run(arguments, cwd=tmp_path, env={**os.environ, **environment}, check=False)
    if place == "moving" and elsewhere.database_url:
        assert done.returncode == 0, "there is nothing to move"
        return
    assert done.returncode == -signal.SIGKILL
    assert any(finding.subject == "restore" for finding in examine(open_library(elsewhere)).findings)
    assert restore(elsewhere, saved).index_backlog == 0
    back = open_library(elsewhere)
    assert tables(back, without=("outbox",)) == tables(filled, without=("outbox",))
    assert find_orphans(back, limit=1000).orphans == ()
    assert [path.name for path in elsewhere.home.iterdir() if path.name.startswith(".")] == []
    back.close()


def test_a_filled_database_that_was_worked_on_is_not_restored_over(
    saved: Path, elsewhere: Settings, tmp_path: Path
) -> None:
    on_it = replace(elsewhere, database_url=f"sqlite:///{tmp_path / 'one.db'}")
    restore(on_it, saved)
    other = replace(on_it, home=tmp_path / "another")
    assert restore(other, saved).faces == 30  # a second machine's folder
    library = open_library(other)
    with library.repository.read() as unit:
        face = [next(id_ for id_, _, _ in unit.faces.labels())]
    assign_faces_to(library, face, "Zoe", actor=ACTOR)
    library.close()
    with pytest.raises(Conflict, match="is not empty"):
        restore(replace(on_it, home=tmp_path / "third"), saved)


def test_models_that_fail_leave_a_library_with_its_index(
    filled: Library, elsewhere: Settings, mlflow_elsewhere: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(filled, deep_head(1))
    back_up(filled, tmp_path / "faces.zip", check=False)

    def away(*_: Any, **__: Any) -> Any:
        raise ModelUnavailable("MLflow does not answer")

    monkeypatch.setattr(ModelRegistry, "register_again", away)
    told = restore(elsewhere, tmp_path / "faces.zip")
    assert (told.models, told.index_backlog) == (0, 0)
    assert "face-projection was not restored: MLflow does not answer" in told.notes[0]
    back = open_library(elsewhere)
    assert find_orphans(back, limit=1000).orphans == ()
    assert len(answers(back)) == 7
    back.close()


BACKUP = """
import os, signal, sys
from pathlib import Path
from faceml.config import read_settings
from faceml.services.operate import backup
from faceml.wiring import open_library

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "written":
    backup.check_backup = die
else:
    backup.digests = die
backup.back_up(open_library(read_settings()), Path(sys.argv[1]))
"""


@pytest.mark.parametrize("place", ["written", "checked"])
def test_the_next_backup_deletes_what_a_killed_one_left(filled: Library, tmp_path: Path, place: str) -> None:
    file = tmp_path / "backups" / "faces.zip"
    file.parent.mkdir()
    environment = {"FACEML_HOME": str(filled.settings.home), "MLFLOW_TRACKING_URI": filled.settings.tracking_uri}
    arguments = [sys.executable, "-c", BACKUP, str(file), place]
    done = subprocess.run(
        arguments, cwd=tmp_path, env={**os.environ, **environment, "TMPDIR": str(tmp_path)}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("faceml-check-")]
    assert any(finding.subject == "backup" for finding in examine(filled).findings)
    back_up(filled, file)
    assert [path.name for path in file.parent.iterdir()] == ["faces.zip"]
    assert not list(filled.settings.home.glob(".backing-up*"))
