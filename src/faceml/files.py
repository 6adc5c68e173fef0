"""Files that are there whole or not at all, and locks on files, which the kernel frees when their holder dies."""

from __future__ import annotations

import logging
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from faceml.errors import FacemlError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

DRAFT = ".part"  # how the name of an unfinished file ends
LONGEST_DRAFT = 60  # letters of a file's name in its draft's, at most 4 bytes each: a name has 255 bytes at most
FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.05  # a holder that comes and goes leaves gaps: look often enough to meet one

log = logging.getLogger(__name__)


@contextmanager
def whole_file(path: Path, *, is_private: bool = False, is_durable: bool = False) -> Iterator[Path]:
    """An empty file beside `path`, to be written by the block, that takes its place at the end; on an error it goes.

    So no reader ever meets half a file, and of two writers the last one wins. A file that was there keeps its
    permissions, and a link to a file stays one: what it points at is replaced.

    Args:
        is_private: only its owner may read it, whatever was there before.
        is_durable: on disk before it takes its place, so that a power cut leaves the one or the other.
    Raises:
        OSError: the place cannot be written.
    """
    path = Path(os.path.realpath(path))
    draft = path.with_name(f".{path.name[:LONGEST_DRAFT]}.{uuid4().hex[:8]}{DRAFT}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if is_private else 0o666))
        yield draft
        if is_durable:
            with draft.open("rb+") as stream:
                os.fsync(stream.fileno())
        if path.exists() and not is_private:
            shutil.copymode(path, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Raises OSError where the place cannot be written."""
    with whole_file(path) as draft:
        draft.write_bytes(content)


def write_cache(path: Path, content: bytes | Callable[[Path], object]) -> None:
    """Write a file, and its folder, that saves time next time; only its owner may read it.

    Where it cannot be written, the log has one line a folder.

    Args:
        content: bytes, or what writes them to the path that it is given.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, is_private=True) as draft:
            if isinstance(content, bytes):
                draft.write_bytes(content)
            else:
                content(draft)
    except OSError as error:
        _warn_once(path.parent, error.strerror or str(error))


@lru_cache(maxsize=1000)
def _warn_once(folder: Path, reason: str) -> None:  # a page shows a hundred faces, each with a picture to keep
    log.warning("files of the cache %s could not be kept (%s): they are made again each time", folder, reason)


@contextmanager
def file_lock(
    path: Path,
    holder: str,
    *,
    wait_s: float,
    busy: Callable[[str], FacemlError],
    unusable: type[FacemlError],
    on_wait: Callable[[str], None] = lambda _: None,
) -> Iterator[None]:
    """Hold `path` while the block runs, alone among all processes and all threads of this one.

    The kernel frees it when the holder dies, SIGKILL included; the file stays, and may be deleted by its holder. On
    Windows, which has no flock, nothing is locked.

    Args:
        holder: who we are, for whoever finds the file held.
        wait_s: longest wait; 0 tries once, infinity waits for ever.
        busy: makes the error, where it is still held then, from who holds it; "" where that is not known.
        unusable: the error where the file cannot be made or locked.
        on_wait: told once who holds it, where there is a wait.
    """
    if fcntl is None:
        yield
        return
    holds = ""
    for number, _ in enumerate(attempts(wait_s)):
        found = _file_or_holder(path, unusable)
        if not isinstance(found, str):
            break
        holds = found
        if number == 0 and wait_s > 0:
            on_wait(holds)
    else:
        raise busy(holds)
    with found as file:
        file.truncate(0)
        file.write(holder)
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


def _file_or_holder(path: Path, unusable: type[FacemlError]) -> TextIO | str:
    """The file, locked, or what whoever has locked it wrote there."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise unusable(f"cannot write {path} ({error.strerror}): make its folder writable") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BlockingIOError:
            with file:
                file.seek(0)
                return file.read().strip()
        except FileNotFoundError:
            pass
        except OSError as error:
            file.close()
            raise unusable(
                f"{path} cannot be locked ({error.strerror}): put the library (FACEML_HOME) on a local disk"
            ) from error
        file.close()  # the holder before deleted it: this lock would keep nobody out
