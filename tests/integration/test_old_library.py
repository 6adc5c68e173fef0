"""A library that an older version made: it opens, tells its history, undoes and redoes every decision, and backs up.

`tests/data/make_old_library.py` says how it was made, and what that version said of it.
"""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from faceml.config import Settings
from faceml.decisions.decision import Unknown
from faceml.decisions.log import KINDS, decode, decode_effects, decode_state, encode, encode_state
from faceml.errors import Conflict, NotFound
from faceml.library import Library
from faceml.services.decisions.undo import HistoryLine, history, redo, undo
from faceml.services.operate.backup import back_up
from faceml.services.operate.restore import restore
from faceml.wiring import open_library
from tests.conftest import REPO
from tests.fakes import FakePack, library_with
from tests.integration.decisions import differences, snapshot

ARCHIVE = REPO / "tests" / "data" / "library-of-0.1.zip"
ME = "ada"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "library", model_pack="opencv-zoo")


@pytest.fixture
def library(settings: Settings) -> Iterator[Library]:
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extract("faceml.db", settings.home)
    opened = library_with(FakePack(), settings)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def expected() -> Any:
    """What the older version said of this library."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        return json.loads(archive.read("expected.json"))


def test_every_kind_of_decision_is_in_it_and_reads_and_writes_as_it_was_stored(tmp_path: Path) -> None:
    with zipfile.ZipFile(ARCHIVE) as archive, closing(sqlite3.connect(archive.extract("faceml.db", tmp_path))) as sql:
        events = sql.execute("SELECT kind, person_id, details FROM label_events").fetchall()
        changes = sql.execute("SELECT before, after FROM label_changes").fetchall()
    later = {"forget", "label_some", "confirm", "reject_each", "restore", "draw", "redraw", "cover"}
    later |= {"describe", "relate"}
    assert {kind for kind, _, _ in events} == set(KINDS) - later, "but for what came later"
    for kind, person_id, stored in events:
        details = json.loads(stored)
        decision = decode(kind, UUID(person_id) if person_id else None, details)
        assert not isinstance(decision, Unknown)
        assert encode(decision, decode_effects(details)) == details
    for stored in chain.from_iterable(changes):
        assert encode_state(decode_state(json.loads(stored))) == json.loads(stored)


def test_its_history_reads_line_by_line_as_it_did(library: Library, expected: Any) -> None:
    lines = history(library.repository, limit=1000)
    told = {str(line.event_id): [line.kind, line.text, line.undone_by] for line in lines}
    assert told == expected["history"]


@pytest.mark.nightly  # by day all of them at once, in the next test
def test_every_decision_is_taken_back_and_made_again_as_it_was(library: Library, expected: Any) -> None:
    lines = [line for line in history(library.repository, limit=1000) if line.kind not in ("undo", "redo")]
    assert {str(line.event_id): toggled(library, line) for line in lines} == expected["toggled"]


def toggled(library: Library, line: HistoryLine) -> Any:
    """What changes when a decision is taken back, or made again where it is; it is put back after. Or why it cannot."""
    before = snapshot(library)
    there, back = (undo, redo) if line.undone_by is None else (redo, undo)
    try:
        there(library, line.event_id, actor=ME)
    except Conflict as error:
        assert differences(before, snapshot(library)) == []
        return str(error)
    changed = differences(before, snapshot(library))
    back(library, line.event_id, actor=ME)
    assert differences(before, snapshot(library)) == []
    return changed


def test_all_undone_leaves_what_no_person_decided_and_all_redone_is_as_before(library: Library, expected: Any) -> None:
    before = snapshot(library)
    undone = undo_all(library)
    after = snapshot(library)
    assert differences(before, after) == expected["all_undone"]
    assert (after["people"], after["rejections"], after["exemplars"]) == ([], [], [])
    assert not any("manual" in row or "_sub_" in row for row in after["faces"])
    for _ in undone:
        redo(library, actor=ME)
    assert differences(before, snapshot(library)) == []


def undo_all(library: Library) -> list[int]:
    undone: list[int] = []
    while True:
        try:
            undone.append(undo(library, actor=ME).decision_id)
        except NotFound:
            return undone


@pytest.mark.nightly  # by day test_backup.py restores a backup of the first schema
def test_it_is_backed_up_and_restored_with_all_its_decisions(library: Library, tmp_path: Path) -> None:
    before = snapshot(library)
    back_up(library, tmp_path / "faces.zip")
    elsewhere = Settings(home=tmp_path / "elsewhere", model_pack="opencv-zoo")
    restore(elsewhere, tmp_path / "faces.zip")
    restored = open_library(elsewhere)
    assert differences(before, snapshot(restored)) == []
    assert history(restored.repository, limit=1000) == history(library.repository, limit=1000)
    undo(restored, actor=ME)
    restored.close()
