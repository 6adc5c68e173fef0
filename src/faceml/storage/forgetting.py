"""What an erasure leaves in files, cleaned on each machine before it counts as complete.

The erasure's event in the log is the intent: it is committed with the erasure, and every library folder notes, part by
part, which erasure it was last cleaned after. A folder whose notes are older is cleaned by the next that writes or
drains there, however often it is killed at it (docs/decisions/0031-an-erasure-is-completed.md).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from faceml.errors import LibraryBusy, Unavailable
from faceml.files import file_lock, write_whole
from faceml.storage import enrolled
from faceml.storage.archive import remove_unfinished
from faceml.storage.index.vector_index import VectorIndex, write_points

if TYPE_CHECKING:
    from faceml.config import Settings
    from faceml.storage.sql.repository import Repository

NOTES = "erased"  # the folder of a library with its notes
CACHES = ("graphs", "thumbnails")  # made again when needed
FILES, DATABASE, INDEX = "files", "database", "index"
BRIEF_S = 1.0  # what a later command waits for others; whoever erases waits longer
PAGE = 2_000  # points written at a time
log = logging.getLogger(__name__)


def complete_erasures(settings: Settings, repository: Repository, *, wait_s: float = BRIEF_S) -> tuple[str, ...]:
    """Clean this library's folder of what erasures have left in it: caches, pictures, deleted rows, deleted points.

    Returns:
        What cannot be cleaned yet, with the reason; the next call tries it again.
    """
    newest = _newest(repository)
    left = []
    for part in _open_parts(settings.home, newest):
        try:
            _CLEANERS[part](settings, repository, newest, wait_s)
        except (Unavailable, OSError) as error:
            left.append(f"{_HOLDS[part]}: {error}")
            log.warning("an erasure is not complete: %s: %s", _HOLDS[part], error)
    return tuple(left)


def open_erasures(settings: Settings, repository: Repository) -> tuple[str, ...]:
    """What of this library's folder still may hold somebody who was erased; nothing is changed."""
    return tuple(_HOLDS[part] for part in _open_parts(settings.home, _newest(repository)))


def nothing_left_here(settings: Settings, repository: Repository) -> None:
    """Note that this library's folder was made after every erasure that its log knows of."""
    if newest := _newest(repository):
        for part in _CLEANERS:
            _note(settings.home, part, newest)


@contextmanager
def keeping(home: Path, newest: str) -> Iterator[bool]:
    """Whether files made of what was read just after `newest` (`unit.erasure.newest()`) may be kept, by the block.

    False where somebody was erased since: their face may be in them.
    """
    try:
        with files_lock(home, wait_s=BRIEF_S):
            yield _noted(home, FILES) == newest
    except LibraryBusy:
        yield False


def _newest(repository: Repository) -> str:
    with repository.read() as unit:
        return unit.erasure.newest()


def _open_parts(home: Path, newest: str) -> list[str]:
    return [part for part in _CLEANERS if newest and _noted(home, part) != newest]


def _clean_files(settings: Settings, repository: Repository, newest: str, wait_s: float) -> None:
    with files_lock(settings.home, wait_s=wait_s):
        if (settings.home / enrolled.FOLDER).exists():
            with repository.read() as unit:
                enrolled.remove_erased(settings.home, unit.erasure.photos())
        for name in CACHES:
            if (folder := settings.cache_folder / name).exists():
                shutil.rmtree(folder)
        remove_unfinished(settings.home, wait_s=wait_s)
        _note(settings.home, FILES, newest)


def _clean_database(settings: Settings, repository: Repository, newest: str, wait_s: float) -> None:
    repository.compact(wait_s=wait_s)
    _note(settings.home, DATABASE, newest)


def _clean_index(settings: Settings, repository: Repository, newest: str, wait_s: float) -> None:
    """The embedded index anew from the database; one that lies here from before a server was named goes."""
    folder = settings.index_folder
    if any(folder.parent.glob(f"{folder.name}*")):
        from faceml.storage.index.edge_index import replace_edge

        pinned = repository.pack()
        fill = (lambda index: _fill(index, repository, pinned.width)) if pinned and not settings.qdrant_url else None
        replace_edge(folder, fill, is_due=lambda: _noted(settings.home, INDEX) != newest, wait_s=wait_s)
    _note(settings.home, INDEX, newest)


def _fill(index: VectorIndex, repository: Repository, width: int) -> None:
    """Every point as SQL has it; what changes meanwhile waits in the outbox: nobody drains while the index is held."""
    index.ensure_collection(width)
    after = None
    while True:
        with repository.read() as unit:
            page = unit.outbox.point_ids(limit=PAGE, after=after)
            points = unit.outbox.points(page)
        if not page:
            return
        write_points(index, points)
        after = page[-1]


_Cleaner = Callable[["Settings", "Repository", str, float], None]
_CLEANERS: dict[str, _Cleaner] = {FILES: _clean_files, DATABASE: _clean_database, INDEX: _clean_index}
_HOLDS = {
    FILES: "caches and enrolled pictures may hold erased faces and their ids",
    DATABASE: "the database's file may hold deleted rows",
    INDEX: "the index's files may hold deleted points",
}


@contextmanager
def files_lock(home: Path, *, wait_s: float) -> Iterator[None]:
    """Keep this folder's files from being cleaned while the block runs. Raises LibraryBusy."""

    def busy(_: str) -> LibraryBusy:
        return LibraryBusy("another process is at them: the next command tries again")

    with file_lock(home / "cache" / "lock", "", wait_s=wait_s, busy=busy, unusable=LibraryBusy):
        yield


def _noted(home: Path, part: str) -> str:
    try:
        return (home / NOTES / part).read_text(encoding="utf-8")
    except OSError:
        return ""


def _note(home: Path, part: str, newest: str) -> None:
    file = home / NOTES / part
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, newest.encode())
