"""Values of a column as lines of JSON have them, made of what a database's driver hands out, and back to what it takes.

Drivers differ: PostgreSQL's knows UUIDs, times and JSON, and SQLite holds them as text. Some rows are turned at a time,
column by column: SQLAlchemy's types, which are asked value by value, were half of a backup's time.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

Turn = Callable[[Sequence[Any]], Sequence[Any]]  # a column of some rows into another form of it
Take = Callable[[Sequence[int]], Sequence[bytes]]  # hands out the next pieces, each with so many bytes

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)
_MARK = uuid4().hex  # which no value is
_END = f',"{_MARK}"]'
_BARE_UUID = re.compile("[0-9a-f]{32}").fullmatch
_WHOLE_TIME = len("2026-11-30 09:08:54.243019")


@dataclass(frozen=True, slots=True)
class Form:
    """From what a driver hands out to what JSON has, and back; None is null and stays so."""

    write: Turn = lambda column: column
    read: Turn = lambda column: column


def texts(values: Iterable[Any]) -> list[str]:
    """The JSON of each value, of which there is at least one; by one call, which takes as long as a short value.

    >>> texts([[1, None], "a,b"])
    ['[1,null]', '"a,b"']
    """
    marked = _ENCODER.encode([(value, _MARK) for value in values])
    return marked[2 : -len(_END) - 1].split(f"{_END},[")


def apart(take: Take) -> Turn:
    """From lengths to the bytes that lie apart from the lines."""

    def read(column: Sequence[Any]) -> list[Any]:
        pieces = iter(take([size for size in column if size is not None]))
        return [None if size is None else next(pieces) for size in column]

    return read


def _each(turn: Callable[[Any], Any]) -> Turn:
    return lambda column: [None if value is None else turn(value) for value in column]


def _json_written(column: Sequence[Any]) -> Sequence[Any]:
    found: list[Any] = json.loads(f"[{','.join('null' if text is None else str(text) for text in column)}]")
    return found


def _json_stored(column: Sequence[Any]) -> Sequence[Any]:
    return [None if text == "null" else text for text in texts(column)]


def _uuid_written(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _uuids_stored(column: Sequence[Any]) -> Sequence[Any]:
    bare = [None if text is None else text.replace("-", "") for text in column]
    if not all(_BARE_UUID(text) for text in bare if text is not None):
        raise ValueError("not a UUID")
    return bare


def _time_written(text: str) -> str:
    if len(text) != _WHOLE_TIME:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).isoformat()
    return f"{text[:10]}T{text[11:]}+00:00".replace(".000000+", "+")


def _time_stored(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


AS_IT_IS = Form()
BYTES = Form(_each(lambda value: base64.b64encode(value).decode()), _each(base64.b64decode))
TIMES = Form(_each(lambda value: value.astimezone(UTC).isoformat()), _each(datetime.fromisoformat))
UUIDS = Form(_each(str), _each(UUID))
# Where the driver knows less:
TRUTHS_AS_NUMBERS = Form(write=_each(bool))
TIMES_AS_TEXT = Form(_each(_time_written), _each(_time_stored))  # in UTC, which is not said
UUIDS_AS_TEXT = Form(_each(_uuid_written), _uuids_stored)  # without dashes
JSON_AS_TEXT = Form(_json_written, _json_stored)
