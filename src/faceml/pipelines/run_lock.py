"""One pipeline, and one schedule, at a time in a library, whoever starts it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                stream.seek(0)
                raise Conflict(
                    f"another {name} is going on in {home} ({stream.read().strip() or 'just started'}): wait until it "
                    "is done, or stop it"
                ) from None
            fcntl.flock(stream, fcntl.LOCK_EX)
        stream.truncate(0)
        stream.write(f"{what}, pid {os.getpid()}")
        stream.flush()
        yield
