"""The folder that a restore fills, and what a killed one leaves there: it never refuses the next."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceml.errors import Conflict, FileNotReadable, LibraryBusy
from faceml.files import file_lock

STAGING = ".restoring"  # in the library's folder, while a restore is at work
MADE_AGAIN = frozenset({"index", "index.lock", "cache", "erased"})  # what a killed restore may have put beside it
DATABASE_FILE = "faceml.db"


def check_empty(home: Path) -> None:
    """Raises Conflict where there is anything but what a killed restore has left."""
    if not home.exists():
        return
    there = {entry.name for entry in home.iterdir()} if home.is_dir() else {home.name}
    if STAGING in there:
        there -= {STAGING, *MADE_AGAIN}
    there -= {f"{STAGING}.lock"}
    if there:
        raise Conflict(
            f"the library's folder {home} is not empty ({', '.join(sorted(there)[:5])}): set FACEML_HOME to a new "
            "folder, or move this one away; a backup is never restored over a library"
        )


def move_up(staging: Path, home: Path) -> None:
    """The database last: without it, the folder is not a library."""
    for entry in sorted(staging.iterdir(), key=lambda path: (path.name == DATABASE_FILE, path.name)):
        entry.rename(home / entry.name)
    staging.rmdir()


@contextmanager
def alone(home: Path, *, was_there: bool) -> Iterator[None]:
    def busy(pid: str) -> LibraryBusy:
        return LibraryBusy(f"another restore into {home} is at work (pid {pid}): wait until it has ended")

    lock = home / f"{STAGING}.lock"
    with file_lock(lock, str(os.getpid()), wait_s=0.0, busy=busy, unusable=FileNotReadable):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            if not was_there and not any(home.iterdir()):
                home.rmdir()


def clear(home: Path) -> None:
    """Remove what a killed restore has left, see `check_empty`."""
    for entry in home.iterdir():
        if entry.name in MADE_AGAIN or entry.name == STAGING:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
