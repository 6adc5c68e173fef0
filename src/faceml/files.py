"""Files that are there whole or not at all and for their owner alone, room on the disk for them, and locks on files.

A lock is freed by the kernel when its holder dies.
"""

from __future__ import annotations

import errno
import logging
import os
import random
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from faceml.errors import FacemlError, NoSpace

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

DRAFT = ".part"  # how the name of an unfinished file ends
LONGEST_DRAFT = 60  # letters of a file's name in its draft's, at most 4 bytes each: a name has 255 bytes at most
ROOM = 16 << 20  # for a command that writes little: SQLite's log alone grows to 4 MB
FULL = ("No space left", "disk is full", "Disk quota exceeded")  # as the system, SQLite and the index say it
FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.05  # a holder that comes and goes leaves gaps: look often enough to meet one

log = logging.getLogger(__name__)


def keep_to_owner() -> None:
    """Make what this process writes from now on, and what its children write, readable by its owner alone.

    Faces and names are personal data, and most of their files are written by others' code: SQLite, the vector index,
    MLflow, papermill, Redis. Whatever the umask was, folders are 0700 and files 0600.
    """
    os.umask(0o077)


def open_to_others(path: Path) -> Path | None:
    """A file at or below `path` that others than its owner may read; None where there is none.

    Below a folder that they may not enter there is nothing for them.
    """
    if os.name != "posix":
        return None
    try:
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            return path if mode & 0o044 else None
        if not stat.S_ISDIR(mode) or not mode & 0o011:
            return None
        return next((found for entry in path.iterdir() if (found := open_to_others(entry))), None)
    except OSError:
        return None


def require_file(path: Path) -> None:
    """Make sure, before `path` is opened, that it is a file: whoever opens a pipe waits for its other end, for ever.

    Raises:
        OSError: it is not there, a folder, a pipe, a socket or a device; so are links to such.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, not a file", str(path))


def read_file(path: Path) -> bytes:
    """A file's content. Raises OSError as `require_file`, or where it cannot be read."""
    require_file(path)
    return path.read_bytes()


def require_room(path: Path, needed: int = ROOM) -> None:
    """Make sure, before anything is written at or below `path`, that so many bytes are free there.

    Raises:
        NoSpace: they are not.
    """
    if free_at(path) < needed:
        raise NoSpace(no_space(path, needed))


def no_space(path: Path, needed: int = ROOM) -> str:
    """The line for a disk that is full.

    >>> no_space(Path("/"), 1 << 60).partition(" MB are free, ")[2]
    '1152921504607 MB are needed: free some, or use another disk (FACEML_HOME)'
    """
    return (
        f"no space left on {path}: {free_at(path) / 1e6:.1f} MB are free, {needed / 1e6:.0f} MB are needed: "
        "free some, or use another disk (FACEML_HOME)"
    )


def is_full(error: BaseException) -> bool:
    """Whether an error, or what led to it, says that the disk is full."""
    chain, link = [error], error
    while (before := link.__cause__ or link.__context__) is not None and before not in chain:
        chain.append(link := before)
    return any(
        (isinstance(item, OSError) and item.errno in (errno.ENOSPC, errno.EDQUOT))
        or any(words in str(item) for words in FULL)
        for item in chain
    )


def free_at(path: Path) -> int:
    """Bytes free on the disk that `path` is on, or will be."""
    path = path.absolute()
    return shutil.disk_usage(next(place for place in (path, *path.parents) if place.exists())).free


def unwritable(file: Path) -> Path | None:
    """What keeps this user from writing a file: itself, or the folder it is or will be in; None where nothing does."""
    folder = next(place for place in file.absolute().parents if os.path.exists(place))
    places = (file, folder) if os.path.exists(file) else (folder,)
    return next((place for place in places if not os.access(place, os.W_OK)), None)


def new_folder(parent: Path, name: str) -> Path:
    """Make a folder of this name in `parent`, or with a number behind it where somebody else made that one.

    Raises:
        OSError: it cannot be made.
    """
    for number in count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError


@contextmanager
def whole_file(path: Path, *, like: Path | None = None, is_durable: bool = False) -> Iterator[Path]:
    """An empty file beside `path`, to be written by the block, that takes its place at the end; on an error it goes.

    So no reader ever meets half a file, and of two writers the last one wins. Only its owner may read it. A link to a
    file stays one: what it points at is replaced.

    Args:
        like: a file whose permissions it gets instead.
        is_durable: on disk before it takes its place, so that a power cut leaves the one or the other.
    Raises:
        NoSpace: the disk is full.
        OSError: the place cannot be written.
    """
    path = Path(os.path.realpath(path))
    draft = path.with_name(f".{path.name[:LONGEST_DRAFT]}.{uuid4().hex[:8]}{DRAFT}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield draft
        if is_durable:
            with draft.open("rb+") as stream:
                os.fsync(stream.fileno())
        if like is not None:
            shutil.copymode(like, draft)
        draft.replace(path)
    except Exception as error:
        if is_full(error):
            written = draft.stat().st_size if draft.exists() else 0
            raise NoSpace(no_space(path.parent, written + ROOM)) from error
        raise
    finally:
        draft.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes, *, like: Path | None = None) -> None:
    """`whole_file` with this content. Raises OSError where the place cannot be written."""
    with whole_file(path, like=like) as draft:
        draft.write_bytes(content)


def write_cache(path: Path, content: bytes | Callable[[Path], object]) -> None:
    """Write a file, and its folder, that saves time next time; only its owner may read it.

    Where it cannot be written, the log has one line a folder.

    Args:
        content: bytes, or what writes them to the path that it is given.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as draft:
            if isinstance(content, bytes):
                draft.write_bytes(content)
            else:
                content(draft)
    except OSError as error:
        _warn_once(path.parent, error.strerror or str(error))
    except NoSpace as error:
        _warn_once(path.parent, str(error))


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
        with suppress(OSError):  # a full disk: it is held all the same, if by nobody known
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), holder.encode())
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
            if is_full(error):
                raise unusable(no_space(path.parent)) from error
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
