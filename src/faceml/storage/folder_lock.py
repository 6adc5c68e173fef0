"""One process at a time in a folder: a lock file beside it, waited for politely and never past a bound."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from faceml.errors import IndexUnavailable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.05  # a holder that comes and goes leaves gaps: look often enough to meet one


@contextmanager
def folder_lock(folder: Path, *, wait_s: float) -> Iterator[None]:
    """Hold `<folder>.lock` while the block runs.

    The lock is flock's: it excludes other processes and other threads of this one, and the kernel frees it when the
    holder dies, SIGKILL included. The file itself stays (removing it would let two holders lock two files of one name).
    Where there is no flock (Windows) nothing is locked here, and Edge's own lock on its log, which `open_edge` waits
    for in the same way, is the only guard.

    Raises:
        IndexUnavailable: still held after `wait_s`, with the holder's pid; or the file cannot be made.
    """
    if fcntl is None:
        yield
        return
    path = folder.with_name(f"{folder.name}.lock")
    with _opened(path) as file:
        if not any(_locks(file) for _ in attempts(wait_s)):
            raise IndexUnavailable(held_by(folder, pid=_pid_in(file)))
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def attempts(wait_s: float) -> Iterator[None]:
    """Yield at once, then again after growing pauses with jitter, until `wait_s` is over."""
    deadline, pause_s = time.monotonic() + wait_s, FIRST_PAUSE_S
    yield
    while (left_s := deadline - time.monotonic()) > 0:
        time.sleep(min(left_s, pause_s * random.uniform(0.5, 1.0)))
        pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
        yield


def held_by(folder: Path, *, pid: str) -> str:
    holder = "another part of this process" if pid == str(os.getpid()) else f"another process (pid {pid})"
    return (
        f"the vector index {folder} is held by {holder}; wait until it is done or stop it, "
        "or set QDRANT_URL to a Qdrant server, which many processes can use at once"
    )


def _opened(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="ascii")
    except OSError as error:
        raise IndexUnavailable(f"cannot write {path} ({error.strerror}): make its folder writable") from error


def _locks(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise IndexUnavailable(
            f"{file.name} cannot be locked ({error.strerror}): put the library (FACEML_HOME) on a local disk"
        ) from error
    return True


def _pid_in(file: TextIO) -> str:
    file.seek(0)
    return file.read().strip() or "unknown"
