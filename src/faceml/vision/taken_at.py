"""When a photo was taken and with what, by what its camera, scanner or editor wrote into it (EXIF 2.32)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any, NamedTuple

from faceml.photo_files import is_video
from faceml.vision.frames import read_facts
from faceml.vision.image import open_header

Tags = Mapping[int, Any]

FIRST_YEAR = 1826  # of photography: a scan may say 1895, and a clock that was never set year 1
LARGEST_OFFSET = timedelta(hours=14)

_MAKE, _MODEL = 0x010F, 0x0110
_EXIF_IFD, _GPS_IFD, _GPS_TIME, _GPS_DATE = 0x8769, 0x8825, 7, 29
# Strict in what stands where, not in what stands between: cameras and editors write all of : - / . T and blanks.
_MOMENT = re.compile(
    r"(\d{4})[:/.-](\d\d?)[:/.-](\d\d?)(?:[ T]+(\d\d?):([0-5]\d)(?::([0-6]\d)(?:[.,](\d+))?)?)?\s*(Z|[+-]\d\d:?\d\d)?"
)


class _Clock(NamedTuple):
    """The tags of one clock: when, how far from UTC, and what part of a second."""

    moment: int
    offset: int
    subsecond: int


# DateTimeOriginal, DateTimeDigitized (a scanner's) and DateTime (also an editor's), in this order.
_CLOCKS = (_Clock(0x9003, 0x9011, 0x9291), _Clock(0x9004, 0x9012, 0x9292), _Clock(0x0132, 0x9010, 0x9290))


def read_taken_at(path: Path | bytes, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> datetime | None:
    """When the photo was taken, on the clock of where it was taken; None where it does not say.

    The first that says something of DateTimeOriginal, DateTimeDigitized, DateTime and the GPS receiver's time. Dates
    that are blank, before photography or later than tomorrow say nothing.

    The result is always aware. Most cameras write local time without an offset; its zone is then UTC, so the day and
    month are right, and the instant may be hours off. A video says it in its container.
    """
    latest = now() + timedelta(days=1)
    if isinstance(path, Path) and is_video(path):
        moment = read_facts(path).taken_at
        return moment if moment is not None and moment.year >= FIRST_YEAR and moment <= latest else None
    try:
        with open_header(path) as image:
            exif = image.getexif()
            tags = dict(exif) | dict(exif.get_ifd(_EXIF_IFD))
            gps = dict(exif.get_ifd(_GPS_IFD))
    except Exception:  # a date is a nicety: whatever is wrong with the file is load_photo's to report
        return None
    moments = (*(_moment(tags, clock) for clock in _CLOCKS), _gps_moment(gps))
    return next((one for one in moments if one is not None and one.year >= FIRST_YEAR and one <= latest), None)


def read_camera(path: Path) -> str | None:
    """Make and model, as the photo's file says it; None where it does not."""
    try:
        with open_header(path) as image:
            tags = dict(image.getexif())
    except Exception:  # likewise
        return None
    make, model = _text(tags, _MAKE), _text(tags, _MODEL)
    whole = model if model.casefold().startswith(make.casefold()) else f"{make} {model}"
    return " ".join(letter for letter in whole.split() if letter.isprintable())[:100] or None


def _moment(tags: Tags, clock: _Clock) -> datetime | None:
    written = _MOMENT.fullmatch(_text(tags, clock.moment))
    if written is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = written.groups()
    zone = _zone(_text(tags, clock.offset)) or _zone(offset or "") or UTC
    part = re.match(r"\d*", fraction or _text(tags, clock.subsecond))
    into_day = timedelta(hours=int(hour or 0), minutes=int(minute or 0), seconds=int(second or 0))
    if into_day > timedelta(days=1):  # 24:00:00 is a day's end
        return None
    try:
        return datetime(int(year), int(month), int(day), tzinfo=zone) + into_day + _subsecond(part[0] if part else "")
    except (ValueError, OverflowError):
        return None


def _subsecond(digits: str) -> timedelta:
    return timedelta(microseconds=int(digits[:6].ljust(6, "0"))) if digits else timedelta()


def _gps_moment(gps: Tags) -> datetime | None:
    """A receiver's time is UTC; where the photo was, its clock said something else."""
    try:
        hours, minutes, seconds = (float(number) for number in gps.get(_GPS_TIME, (0, 0, 0)))
        day = datetime.strptime(_text(gps, _GPS_DATE).replace("-", ":"), "%Y:%m:%d").replace(tzinfo=UTC)
        return day + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError):
        return None


def _zone(offset: str) -> tzinfo | None:
    try:
        zone = datetime.strptime(offset, "%z").tzinfo
    except ValueError:
        return None
    shift = zone.utcoffset(None) if zone else None
    return timezone(shift) if shift is not None and abs(shift) <= LARGEST_OFFSET else None


def _text(tags: Tags, tag: int) -> str:
    value = tags.get(tag, "")
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return text.strip(" \0\t\r\n")
