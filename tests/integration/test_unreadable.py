"""Photos that cannot be read are named, with the reason, wherever they are counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from faceml.cli.main import cli
from faceml.cli.photo_reports import ingested
from faceml.cli.reports import detection
from faceml.errors import UnreadablePhoto, WrongUse
from faceml.library import Library
from faceml.services.exchange.import_xmp import import_xmp
from faceml.services.operate.check_stores import check_photos
from faceml.services.operate.status import read_stats
from faceml.services.photos.detect import DetectReport, backfill_faces
from faceml.services.photos.ingest import ingest_folder
from faceml.services.review.browse import list_unreadable
from faceml.vision.image import load_photo
from tests.rest import API, client_of

EMPTY = "the file is empty"
with pytest.raises(UnreadablePhoto) as _refused:
    load_photo(b"no photo")
TEXT = str(_refused.value)  # in the words of whoever decodes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve photos that cannot be read, and one that can."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(11):
        (folder / f"{number:02}.jpg").write_text(f"no photo, number {number}")
    (folder / "empty\n.jpg").touch()
    Image.new("RGB", (40, 30)).save(folder / "good.jpg")
    return folder


@pytest.fixture
def report(library: Library, folder: Path) -> DetectReport:
    ingest_folder(library.repository, folder)
    return backfill_faces(library)


def test_backfill_names_them_all_in_its_record_and_ten_in_its_text(report: DetectReport, folder: Path) -> None:
    assert report.errors == len(report.unreadable) == 12
    assert {(photo.path, photo.reason) for photo in report.unreadable} == {
        *((f"{folder}/{number:02}.jpg", TEXT) for number in range(11)),
        (f"{folder}/empty\n.jpg", EMPTY),
    }
    said = detection(report).splitlines()
    assert f"  - {folder}/00.jpg: {TEXT}" in said
    assert "  ... and 2 more (`faceml faces unreadable` lists all)" in said


def test_stats_and_doctor_name_the_first(library: Library, report: DetectReport, folder: Path) -> None:
    stats = read_stats(library)
    assert (stats.photos_failed, len(stats.unreadable)) == (12, 10)
    assert stats.unreadable[0].path == f"{folder}/00.jpg"
    [finding] = check_photos(library)
    assert finding.detail.startswith(f"12 cannot be read: {folder}/00.jpg: {TEXT}; ")
    assert "faceml faces unreadable" in finding.fix


def test_doctor_says_nothing_where_all_can_be_read(library: Library) -> None:
    assert list(check_photos(library)) == [], "no database yet"
    library.repository.pack()
    assert list(check_photos(library)) == []


def test_pages_list_all_of_them_once(library: Library, report: DetectReport) -> None:
    pages = [list_unreadable(library.repository, page=page, page_size=5) for page in (1, 2, 3, 4)]
    assert [len(page.items) for page in pages] == [5, 5, 2, 0]
    paths = [photo.path for page in pages for photo in page.items]
    assert paths == sorted(set(paths))
    assert {page.total for page in pages} == {12}
    with pytest.raises(WrongUse):
        list_unreadable(library.repository, page_size=101)


def test_the_service_lists_them_too(library: Library, report: DetectReport, folder: Path) -> None:
    with client_of(library) as api:
        second = api.get(f"{API}/unreadable?page=2&page_size=5").json()
        assert (second["total"], second["page"], len(second["items"])) == (12, 2, 5)
        assert second["items"][0]["path"] == f"{folder}/05.jpg"
        assert api.get(f"{API}/unreadable?pageSize=0").status_code == 422


def test_the_command_lists_them_a_line_each_or_as_json(
    library: Library, report: DetectReport, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEML_HOME", str(library.settings.home))
    said = CliRunner().invoke(cli, ["faces", "unreadable"], catch_exceptions=False).output.splitlines()
    assert len(said) == 13
    assert said[11].startswith(rf"{folder}/empty\n.jpg: {EMPTY} (asset ")
    assert said[12] == "Page 1, 12 of 12 unreadable photos"
    listed = json.loads(CliRunner().invoke(cli, ["faces", "unreadable", "--page-size", "1", "--json"]).output)
    assert (listed["total"], listed["items"][0]["reason"]) == (12, TEXT)
    stats = json.loads(CliRunner().invoke(cli, ["faces", "stats", "--json"]).output)
    assert len(stats["unreadable"]) == 10


@pytest.fixture
def with_one_that_fails(tmp_path: Path) -> Path:
    """Two photos, and one whose reading ends in an error: a process's memory has no address 0."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").touch()
    (folder / "b.jpg").write_text("b")
    (folder / "fails.jpg").symlink_to("/proc/self/mem")
    return folder


def test_ingest_names_what_it_cannot_open_and_what_it_leaves_out(library: Library, with_one_that_fails: Path) -> None:
    folder = with_one_that_fails
    (folder / "drawing.psd").touch()
    (folder / "@eaDir").mkdir()
    counts = {"Files seen": 3, "Added": 2, "Changed": 0, "Moved": 0, "Duplicates": 0, "Unchanged": 0, "Unreadable": 1}
    said = ingested(ingest_folder(library.repository, folder)).splitlines()
    assert said[:7] == [f"{name}: {count}" for name, count in counts.items()], "as ever"
    for line in ("fails.jpg: Input/output error", "drawing.psd", "@eaDir/"):
        assert f"  - {folder}/{line}" in said


def test_import_xmp_goes_on_past_a_file_that_cannot_be_opened(library: Library, with_one_that_fails: Path) -> None:
    ingest_folder(library.repository, with_one_that_fails)
    report = import_xmp(library, with_one_that_fails, actor="tester")
    assert (report.photos, report.photos_not_ingested) == (2, 1)


def test_a_photo_that_is_mended_leaves_the_list(library: Library, report: DetectReport, folder: Path) -> None:
    for file in folder.glob("0?.jpg"):
        Image.new("RGB", (40, 30), (0, 200, 20 * int(file.stem))).save(file)
    ingest_folder(library.repository, folder)
    assert backfill_faces(library).errors == 2
    assert list_unreadable(library.repository).total == 2
