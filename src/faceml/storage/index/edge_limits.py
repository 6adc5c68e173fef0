"""What the embedded index's engine needs, and how it fails: room on the disk, memory, and errors without a type."""

from __future__ import annotations

import faulthandler
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceml.errors import IndexDamaged, IndexUnavailable
from faceml.files import free_at, is_full, no_space

# The engine's files grow by 32 MB each, mostly holes: vectors, payloads, log; and those that a new index begins with.
NEW_FILES, NEW_INDEX = 128 << 20, 192 << 20
MEMORY = 1 << 30  # addresses for its threads
STUCK_S = 600  # a call takes seconds


def require_room(folder: Path, *, new_bytes: int) -> None:
    """Check before the engine writes, or opens what it may write to.

    It writes through memory maps of sparse files. Where the disk is full, the kernel ends the process (SIGBUS), and
    where memory is, the engine waits for itself while it holds the lock: neither can be caught.

    Raises:
        IndexUnavailable: with what is needed and what there is.
    """
    files = [file.stat() for file in folder.rglob("*") if file.is_file()]
    needed = new_bytes + sum(max(0, file.st_size - 512 * file.st_blocks) for file in files)
    if free_at(folder) < needed:
        raise IndexUnavailable(no_space(folder, needed))
    mapped = MEMORY // 8 if new_bytes == NEW_FILES else MEMORY + 2 * sum(file.st_size for file in files)
    if (left := _addresses_left()) < mapped:
        raise IndexUnavailable(
            f"no memory for the vector index {folder}: {left / 1e6:.0f} MB are left of `ulimit -v`, {mapped / 1e6:.0f} "
            "MB are needed: raise the limit, or set QDRANT_URL to a Qdrant server"
        )


def _addresses_left() -> float:
    """Bytes that this process may still map; infinite where it has no limit."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):  # Windows, macOS
        return math.inf
    return math.inf if limit == resource.RLIM_INFINITY else max(0, limit - used)


@contextmanager
def engine_errors(folder: Path) -> Iterator[None]:
    """The engine's bare errors as ours; a call that never returns ends the process, and with it the lock."""
    # Started in C: it also ends a process whose engine waits for itself.
    faulthandler.dump_traceback_later(STUCK_S, exit=True, file=2)
    try:
        yield
    except BaseException as error:
        # The engine raises bare Exception, and pyo3's panics, which are not Exceptions; anything else is our mistake.
        if type(error) is not Exception and type(error).__name__ != "PanicException":
            raise
        if is_full(error):
            raise IndexUnavailable(no_space(folder, NEW_FILES)) from error
        if any(words in str(error) for words in ("Cannot allocate memory", "Out of memory", "OutOfMemory")):
            raise IndexUnavailable(f"no memory for the vector index {folder}: end other programs, try again") from error
        raise damaged(folder, str(error).partition("\n")[0]) from error
    finally:
        faulthandler.cancel_dump_traceback_later()


@contextmanager
def file_errors(folder: Path) -> Iterator[None]:
    """A folder that is no index's, or is out of reach, as IndexUnavailable."""
    try:
        yield
    except OSError as error:
        raise IndexUnavailable(
            f"the vector index {folder} cannot be opened ({error.strerror}): make it a folder that you may write"
        ) from error


def damaged(folder: Path, reason: str) -> IndexDamaged:
    return IndexDamaged(
        f"the vector index {folder} cannot be read or written ({reason}): rebuild it from the database with "
        "`faceml faces find-orphans --fix`"
    )
