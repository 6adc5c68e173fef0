"""Projected vectors kept on disk: the same as projecting again, whatever became of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceml.identity.projection import project
from faceml.storage import projected
from faceml.storage.projected import ProjectedVectors, drop_projected
from tests.conftest import unit_rows
from tests.heads import deep_head, whitening_head

HEAD = deep_head(0)
ROWS = unit_rows(60, seed=1)


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projected, "LEAST_ROWS", 10)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were really projected, call by call."""
    calls: list[int] = []

    def count(head: Any, rows: Any) -> Any:
        calls.append(len(rows))
        return project(head, rows)

    monkeypatch.setattr(projected, "project", count)
    return calls


def vectors(folder: Path) -> ProjectedVectors:
    return ProjectedVectors(folder, "abc", HEAD)


def assert_right(found: Any, rows: Any = ROWS) -> None:
    np.testing.assert_allclose(found, project(HEAD, rows), atol=1e-6)


def test_what_was_projected_once_is_read_back(tmp_path: Path, counted: list[int]) -> None:
    assert_right(vectors(tmp_path).project(ROWS[:40]), ROWS[:40])
    assert_right(vectors(tmp_path).project(ROWS[::-1]), ROWS[::-1])
    assert_right(vectors(tmp_path).project(ROWS))
    assert counted == [40, 20]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_face_that_was_detected_again_is_projected_again(tmp_path: Path, counted: list[int]) -> None:
    vectors(tmp_path).project(ROWS)
    changed = ROWS.copy()
    changed[7, 3] = np.nextafter(changed[7, 3], np.float32(1))  # the least bit
    changed[8] = changed[8, ::-1]
    assert_right(vectors(tmp_path).project(changed), changed)
    assert counted == [60, 2]


def test_few_faces_touch_no_file(tmp_path: Path) -> None:
    assert_right(vectors(tmp_path).project(ROWS[:9]), ROWS[:9])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["emptied", "cut", "a flipped bit", "foreign"])
def test_a_damaged_file_costs_time_and_nothing_else(tmp_path: Path, damage: str, counted: list[int]) -> None:
    vectors(tmp_path).project(ROWS)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    if damage == "a flipped bit":
        content[-9] ^= 4
    file.write_bytes(
        {"emptied": b"", "cut": bytes(content[:-50]), "foreign": b"PK\x03\x04"}.get(damage, bytes(content))
    )
    assert_right(vectors(tmp_path).project(ROWS))
    assert counted == ([60, 1] if damage == "a flipped bit" else [60, 60])


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert_right(vectors(tmp_path / "file").project(ROWS))


def test_beyond_its_limit_the_file_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projected, "MOST_ROWS", 50)
    vectors(tmp_path).project(ROWS[:30])
    vectors(tmp_path).project(ROWS[30:])
    (file,) = tmp_path.iterdir()
    assert len(np.load(file)) == 30


def test_an_odd_width_and_another_head_work_too(tmp_path: Path) -> None:
    head = whitening_head(4)
    found = ProjectedVectors(tmp_path, "abc", head)
    vectors(tmp_path).project(ROWS)  # a file of another width under the same name
    np.testing.assert_allclose(found.project(ROWS), project(head, ROWS), atol=1e-6)
    odd = np.ascontiguousarray(ROWS[:, :127])
    assert len(np.unique(projected._checksums(odd))) == len(odd)


def test_projections_go_with_their_version(tmp_path: Path) -> None:
    for checksum in ("one", "two"):
        ProjectedVectors(tmp_path, checksum, HEAD).project(ROWS)
    assert drop_projected(tmp_path, keep=["two"]) == 1
    assert [file.stem for file in tmp_path.iterdir()] == ["two"]
    assert drop_projected(tmp_path / "nowhere") == 0
