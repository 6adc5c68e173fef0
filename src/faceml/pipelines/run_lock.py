"""One pipeline, and one schedule, at a time in a library, whoever starts it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from faceml.errors import Conflict

try:
    import fcntl
except ImportError:  # Windows: no guard there
    fcntl = None  # type: ignore[assignment]


@contextmanager
def run_lock(home: Path, what: str, *, wait: bool = False, name: str = "run") -> Iterator[None]:
    """Hold the library's runs while the block lasts; the kernel frees it when the holder dies.

    Args:
        what: is told to others that find it held.
        name: of the lock; `schedule` is held by a schedule all its life.
    Raises:
        Conflict: somebody else holds it, and `wait` is false.
    """
    if fcntl is None:
        yield
        return
    file = home.resolve() / "runs" / f".{name}.lock"
    new_folders = [folder for folder in (file.parent, file.parent.parent) if not folder.exists()]
    stream = _held(file, home, wait=wait, name=name)
    try:
        stream.truncate(0)
        stream.write(f"{what}, pid {os.getpid()}")
        stream.flush()
        yield
    except BaseException:
        if new_folders and os.listdir(file.parent) == [file.name]:  # nothing came of it: leave nothing behind
            file.unlink()
            with contextlib.suppress(OSError):
                for folder in new_folders:
                    folder.rmdir()
        raise
    finally:
        stream.close()


def _held(file: Path, home: Path, *, wait: bool, name: str) -> TextIO:
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = file.open("a+", encoding="utf-8")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read().strip() or "just started"
            stream.close()
            raise Conflict(
                f"another {name} is going on in {home} ({holder}): wait until it is done, or stop it"
            ) from None
        except BaseException:
            stream.close()
            raise
        if file.exists() and os.path.samestat(os.fstat(stream.fileno()), file.stat()):
            return stream
        stream.close()  # the holder before took the file away: that lock would keep nobody out
