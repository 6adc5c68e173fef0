"""Taking photos in: every content once, wherever its file goes."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from faceml.errors import FolderNotFound
from faceml.library import Library
from faceml.records import AssetStatus
from faceml.services.photos.ingest import ingest_folder


def draw(path: Path, shade: int, *, taken: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    Image.new("RGB", (40, 30), (shade, shade, shade)).save(path, exif=exif)
    return path


def assets(library: Library) -> dict[str, int]:
    with library.repository.read() as unit:
        return {asset.path.name: asset.id for asset in unit.assets.by_ids(list(range(1, 100)))}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for shade in range(3):
        draw(tmp_path / "in" / f"{shade}.jpg", 40 * shade)
    return tmp_path / "in"


def test_a_second_run_reads_nothing(library: Library, folder: Path) -> None:
    first, second = ingest_folder(library.repository, folder), ingest_folder(library.repository, folder)
    assert (first.files_seen, first.added, first.unchanged) == (3, 3, 0)
    assert (second.added, second.changed, second.moved, second.unchanged) == (0, 0, 0, 3)


def test_folders_below_are_taken_in_and_hidden_or_foreign_files_are_not(library: Library, tmp_path: Path) -> None:
    draw(tmp_path / "a" / "b" / "deep.PNG", 1)
    draw(tmp_path / ".cache" / "hidden.jpg", 2)
    draw(tmp_path / "._mac.jpg", 3)
    (tmp_path / "notes.txt").write_text("no photo")
    assert ingest_folder(library.repository, tmp_path).added == 1
    assert set(assets(library)) == {"deep.PNG"}


def test_a_moved_photo_keeps_its_id(library: Library, folder: Path) -> None:
    ingest_folder(library.repository, folder)
    before = assets(library)["1.jpg"]
    (folder / "1.jpg").rename(folder / "renamed.jpg")
    report = ingest_folder(library.repository, folder)
    assert (report.moved, report.added) == (1, 0)
    assert assets(library)["renamed.jpg"] == before


def test_photos_that_are_renumbered_keep_their_ids(library: Library, folder: Path) -> None:
    ingest_folder(library.repository, folder)
    before = assets(library)
    for number in (2, 1, 0):
        (folder / f"{number}.jpg").rename(folder / f"{number + 1}.jpg")
    draw(folder / "0.jpg", 255)
    report = ingest_folder(library.repository, folder)
    after = assets(library)
    assert (report.moved, report.added, report.changed) == (3, 1, 0)
    assert [after[f"{number + 1}.jpg"] for number in range(3)] == [before[f"{number}.jpg"] for number in range(3)]


def test_a_copy_is_left_out_until_the_original_goes(library: Library, folder: Path) -> None:
    (folder / "copy.jpg").write_bytes((folder / "0.jpg").read_bytes())
    first = ingest_folder(library.repository, folder)
    assert (first.added, first.duplicates) == (3, 1)
    kept = assets(library)
    original = next(name for name in ("0.jpg", "copy.jpg") if name in kept)
    (folder / original).unlink()
    second = ingest_folder(library.repository, folder)
    assert second.moved == 1
    assert sorted(assets(library).values()) == sorted(kept.values())


def test_an_edited_photo_waits_for_detection_again(library: Library, folder: Path) -> None:
    ingest_folder(library.repository, folder)
    before = assets(library)["1.jpg"]
    with library.repository.begin() as unit:
        from faceml.storage.sql.asset_rows import LookedAt

        unit.assets.record_detection([LookedAt(before, 40, 30, None)], min_confidence=0.5, min_face_size=20)
    draw(folder / "1.jpg", 200)
    assert ingest_folder(library.repository, folder).changed == 1
    with library.repository.read() as unit:
        assert unit.assets.by_ids([before])[0].status == AssetStatus.PENDING
        assert unit.assets.content_changed([before]) == {before}


def test_one_picture_over_two_photos_is_taken_in_once(library: Library, folder: Path) -> None:
    ingest_folder(library.repository, folder)
    for name in ("0.jpg", "1.jpg"):
        draw(folder / name, 255)
    report = ingest_folder(library.repository, folder)
    assert (report.changed, report.duplicates, report.unchanged) == (1, 1, 1)
    again = ingest_folder(library.repository, folder)
    assert (again.changed, again.duplicates, again.unchanged) == (0, 1, 2)


def test_a_touched_photo_is_the_same_photo(library: Library, folder: Path) -> None:
    ingest_folder(library.repository, folder)
    os.utime(folder / "1.jpg", (1, 1))
    report = ingest_folder(library.repository, folder)
    assert (report.added, report.changed, report.unchanged) == (0, 0, 3)
    assert ingest_folder(library.repository, folder).unchanged == 3


def test_the_time_a_photo_was_taken_is_read(library: Library, tmp_path: Path) -> None:
    draw(tmp_path / "in" / "t.jpg", 9, taken="2025:12:23 10:30:00")
    ingest_folder(library.repository, tmp_path / "in")
    with library.repository.read() as unit:
        assert unit.assets.by_ids([1])[0].taken_at == datetime(2025, 12, 23, 10, 30, tzinfo=UTC)


def test_a_photo_that_failed_is_tried_again_when_it_is_seen_again(library: Library, folder: Path) -> None:
    ingest_folder(library.repository, folder)
    asset_id = assets(library)["1.jpg"]
    with library.repository.begin() as unit:
        from faceml.storage.sql.asset_rows import LookedAt

        unit.assets.record_detection([LookedAt(asset_id, 0, 0, "missing")], min_confidence=0.5, min_face_size=20)
    ingest_folder(library.repository, folder)
    with library.repository.read() as unit:
        assert unit.assets.by_ids([asset_id])[0].status == AssetStatus.PENDING


def test_a_missing_folder_is_named(library: Library, tmp_path: Path) -> None:
    with pytest.raises(FolderNotFound, match="nowhere is not there"):
        ingest_folder(library.repository, tmp_path / "nowhere")
