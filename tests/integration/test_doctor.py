"""The doctor in front of real broken libraries."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from faceml.config import Settings
from faceml.library import Library
from faceml.services.index.drain import drain_outbox
from faceml.services.index.repair import fix_orphans
from faceml.services.operate.check_stores import Finding, Level
from faceml.services.operate.doctor import examine
from faceml.wiring import open_library
from tests.conftest import add_faces, people_vectors


def finding(library: Library, subject: str) -> Finding:
    """The finding about something, the worst where there are several."""
    order = [Level.FAIL, Level.WARN, Level.OK]
    found = [item for item in examine(library).findings if item.subject == subject]
    assert found, subject
    worst = min(found, key=lambda item: order.index(item.level))
    assert worst.fix or worst.level is Level.OK, "every trouble has a fix"
    return worst


def level(library: Library, subject: str) -> Level:
    return finding(library, subject).level


@pytest.fixture
def filled(library: Library) -> Library:
    add_faces(library, people_vectors(3, 4))
    drain_outbox(library)
    return library


def at(settings: Settings, **changes: object) -> Library:
    return open_library(replace(settings, **changes))  # type: ignore[arg-type]  # names of settings


def test_a_library_that_is_well_is_called_so_and_left_as_it_was(filled: Library) -> None:
    home = filled.settings.home
    filled.close()
    before = {file: file.stat().st_mtime_ns for file in home.rglob("*.db")}
    report = examine(open_library(filled.settings))
    assert [item for item in report.findings if item.level is Level.FAIL] == []
    assert "12 points" in finding(open_library(filled.settings), "index").detail
    assert {file: file.stat().st_mtime_ns for file in home.rglob("*.db")} == before
    assert {item.name for item in report.settings} >= {"FACEML_HOME", "DATABASE_URL"}


def test_a_library_that_is_not_there_yet_is_not_made(settings: Settings) -> None:
    report = examine(open_library(settings))
    assert report.is_well
    assert not settings.home.exists()


def test_a_missing_index_is_noticed_and_the_fix_mends_it(filled: Library) -> None:
    shutil.rmtree(filled.settings.index_folder)
    told = finding(filled, "index")
    assert told.level is Level.WARN
    assert "0 points, the database 12" in told.detail
    assert told.fix is not None
    assert told.fix.startswith("faceml faces find-orphans --fix")
    fix_orphans(filled, limit=1_000_000)
    assert level(filled, "index") is Level.OK


def test_drift_and_a_backlog_are_noticed(filled: Library) -> None:
    with filled.repository.read() as unit:
        ids = unit.outbox.point_ids(limit=5)
    with filled.index.open() as index:
        index.delete(ids)
    assert "7 points, the database 12" in finding(filled, "index").detail
    with filled.repository.begin() as unit:
        unit.outbox.push(ids)
    assert "5 changes wait" in finding(filled, "index").detail
    drain_outbox(filled)
    assert level(filled, "index") is Level.OK


def test_a_damaged_index_is_a_failure(filled: Library) -> None:
    for file in filled.settings.index_folder.rglob("*"):
        if file.is_file():
            file.write_bytes(b"broken")
    assert level(filled, "index") is Level.FAIL


def test_a_lost_vector_is_noticed(filled: Library) -> None:
    with sqlite3.connect(filled.settings.home / "faceml.db") as connection:
        connection.execute("DELETE FROM face_embeddings WHERE rowid IN (SELECT rowid FROM face_embeddings LIMIT 1)")
    assert "1 faces have no stored vector" in finding(filled, "vectors").detail


def test_a_stopped_postgresql_is_a_failure_without_its_password(settings: Settings) -> None:
    told = finding(at(settings, database_url="postgresql://me:secret@127.0.0.1:9/faces"), "database")
    assert told.level is Level.FAIL
    assert "does not answer" in told.detail
    assert "secret" not in f"{told.detail} {told.fix}"


@pytest.mark.postgres
def test_postgresql_is_looked_at_and_not_migrated(settings: Settings, postgres_url: str) -> None:
    library = at(settings, database_url=postgres_url)
    assert "not there yet" in finding(library, "database").detail
    library.repository.pack()  # migrates
    assert "schema" in finding(library, "database").detail
    library.close()


def test_a_newer_schema_is_a_failure_and_an_older_one_a_warning(filled: Library) -> None:
    for version, expected in (("9999", Level.FAIL), ("0000", Level.WARN)):
        with sqlite3.connect(filled.settings.home / "faceml.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        assert level(open_library(filled.settings), "database") is expected


def test_a_file_that_is_no_database_is_a_failure(settings: Settings) -> None:
    settings.home.mkdir()
    (settings.home / "faceml.db").write_text("no database at all, but long enough to be read as one" * 10)
    assert level(open_library(settings), "database") is Level.FAIL


def test_a_folder_that_cannot_be_written_or_made_is_a_failure(settings: Settings, tmp_path: Path) -> None:
    assert level(at(settings, home=Path("/proc/faceml")), "folder") is Level.FAIL  # not even root writes there
    (tmp_path / "file").touch()
    assert "is not a folder" in finding(at(settings, home=tmp_path / "file" / "library"), "folder").detail


def test_other_weights_than_the_librarys_are_a_failure(filled: Library) -> None:
    with sqlite3.connect(filled.settings.home / "faceml.db") as connection:
        connection.execute("UPDATE library_contract SET fingerprint = ?", ("0" * 64,))
    assert "has other weights" in finding(open_library(filled.settings), "model pack").detail


def test_a_pack_that_is_not_there_is_warned_of_and_a_damaged_one_fails(settings: Settings) -> None:
    missing = at(settings, model_pack="buffalo_l")
    assert level(missing, "model pack") is Level.WARN
    folder = settings.model_root / "models" / "buffalo_l"
    folder.mkdir(parents=True)
    (folder / "det_10g.onnx").write_bytes(b"no model")
    assert level(missing, "model pack") is Level.FAIL


def test_servers_that_do_not_answer_are_failures(settings: Settings) -> None:
    library = at(
        settings,
        redis_url="redis://:secret@127.0.0.1:9/0",
        tracking_uri="http://127.0.0.1:9",
        qdrant_url="http://127.0.0.1:9",
    )
    library.repository.pack()
    assert level(library, "redis") is Level.FAIL
    assert "secret" not in finding(library, "redis").detail
    assert level(library, "mlflow") is Level.FAIL
    assert level(library, "index") is Level.WARN, "labels and detection go on without it"


def test_a_check_that_breaks_is_a_finding(filled: Library) -> None:
    with sqlite3.connect(filled.settings.home / "faceml.db") as connection:
        connection.execute("DROP TABLE outbox")
    told = finding(open_library(filled.settings), "index")
    assert told.level is Level.FAIL
    assert "could not be checked" in told.detail


def test_the_command_exits_with_1_where_something_fails(tmp_path: Path) -> None:
    from tests.e2e.test_command_line import Shell

    shell = Shell(tmp_path, tmp_path / "models")
    (tmp_path / ".env").write_text("# FACEML_HOME=library\n")
    said = shell.says("doctor", FACEML_HOEM="x")
    assert "fix: did you mean FACEML_HOME?" in said
    assert re.search(rf"^ok +root +{tmp_path} \(\.env\)", said, re.MULTILINE)
    done = shell.run("doctor", "--json", REDIS_URL="redis://127.0.0.1:9/0")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert {item["subject"]: item["level"] for item in report["findings"]}["redis"] == "fail"
    assert {item["name"] for item in report["settings"]} >= {"REDIS_URL"}
