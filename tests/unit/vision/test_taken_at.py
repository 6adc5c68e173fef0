"""When photos were taken: what cameras, scanners, editors and receivers write, and what says nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from faceml.vision.taken_at import read_taken_at

NAMES = {
    "taken": 0x9003,
    "digitized": 0x9004,
    "offset": 0x9011,
    "digitized_offset": 0x9012,
    "subsecond": 0x9291,
    "digitized_subsecond": 0x9292,
}
TAKEN = "2024:05:06 07:08:09"


def dated(path: Path, *, changed: str | None = None, gps: dict[int, Any] | None = None, **tags: str) -> Path:
    """A photo with these tags of its EXIF."""
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({NAMES[name]: value for name, value in tags.items()})
    if changed:
        exif[0x0132] = changed
    if gps:
        exif.get_ifd(0x8825).update(gps)
    Image.new("RGB", (8, 6)).save(path, exif=exif)
    return path


def test_taken_at_is_in_the_cameras_offset(tmp_path: Path) -> None:
    taken = read_taken_at(dated(tmp_path / "photo.jpg", taken=TAKEN, offset="+02:00"))
    assert taken == datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=2)))
    assert taken.utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("tags", [{}, {"offset": "   :  "}, {"offset": "+25:99"}, {"offset": "+23:00"}])
def test_taken_at_without_an_offset_that_exists_is_taken_as_utc(tmp_path: Path, tags: dict[str, str]) -> None:
    taken = read_taken_at(dated(tmp_path / "photo.jpg", taken=TAKEN, **tags))
    assert taken == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "tags",
    [
        {"digitized": TAKEN},
        {"changed": TAKEN},
        {"taken": "0000:00:00 00:00:00", "digitized": TAKEN, "changed": "2025:01:01 00:00:00"},
        {"taken": "    :  :     :  :  ", "digitized": "2999:01:01 00:00:00", "changed": TAKEN},
        {"taken": "2024-05-06 07:08:09"},
        {"taken": "2024/05/06T07:08:09"},
        {"taken": "2024:05:06 07:08:09\0"},
    ],
)
def test_the_first_date_that_says_something_counts(tmp_path: Path, tags: dict[str, str]) -> None:
    assert read_taken_at(dated(tmp_path / "photo.jpg", **tags)) == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_the_date_of_a_scan_has_an_offset_and_part_of_a_second_of_its_own(tmp_path: Path) -> None:
    tags = {"digitized_offset": "-07:00", "digitized_subsecond": "25", "offset": "+01:00", "subsecond": "9"}
    taken = read_taken_at(dated(tmp_path / "photo.jpg", digitized=TAKEN, **tags))
    assert taken == datetime(2024, 5, 6, 7, 8, 9, 250_000, tzinfo=timezone(timedelta(hours=-7)))


def test_part_of_a_second_is_kept(tmp_path: Path) -> None:
    taken = read_taken_at(dated(tmp_path / "photo.jpg", taken=TAKEN, subsecond="042   "))
    assert taken == datetime(2024, 5, 6, 7, 8, 9, 42_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "taken",
    [
        "0000:00:00 00:00:00",
        "yesterday",
        "0001:01:01 00:00:00",
        "2024:13:06 07:08:09",
        "2024:05:06 31:08:09",
        "20240506",
    ],
)
def test_a_date_that_is_none_says_nothing(tmp_path: Path, taken: str) -> None:
    assert read_taken_at(dated(tmp_path / "photo.jpg", taken=taken)) is None


def test_a_photo_without_any_date_says_nothing(tmp_path: Path) -> None:
    assert read_taken_at(dated(tmp_path / "photo.jpg")) is None


def test_a_date_later_than_tomorrow_says_nothing(tmp_path: Path) -> None:
    """Tomorrow it is already, some way east of here."""
    path = dated(tmp_path / "photo.jpg", taken=TAKEN)
    taken = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert read_taken_at(path, now=lambda: taken - timedelta(hours=14)) == taken
    assert read_taken_at(path, now=lambda: taken - timedelta(days=2)) is None


def test_a_scan_may_be_of_a_photo_of_the_century_before_the_last(tmp_path: Path) -> None:
    taken = read_taken_at(dated(tmp_path / "photo.jpg", taken="1895:03:01 00:00:00"))
    assert taken == datetime(1895, 3, 1, tzinfo=UTC)


def test_a_receivers_time_counts_where_no_clock_says_anything(tmp_path: Path) -> None:
    gps = {29: "2024:05:06", 7: (7.0, 8.0, 9.5)}
    assert read_taken_at(dated(tmp_path / "gps.jpg", gps=gps)) == datetime(2024, 5, 6, 7, 8, 9, 500_000, tzinfo=UTC)
    both = dated(tmp_path / "both.jpg", gps=gps, taken="2024:05:06 09:08:09", offset="+02:00")
    assert read_taken_at(both) == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert read_taken_at(dated(tmp_path / "blank.jpg", gps={29: "", 7: (0.0, 0.0, 0.0)})) is None


def test_taken_at_of_no_photo_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("no photo")
    assert read_taken_at(tmp_path / "notes.jpg") is None
    assert read_taken_at(tmp_path / "nowhere.jpg") is None
