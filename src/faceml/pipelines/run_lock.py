"""One pipeline, and one schedule, at a time in a library, whoever starts it."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceml.errors import Conflict, Unavailable
from faceml.files import file_lock


@contextmanager
def run_lock(home: Path, what: str, *, wait: bool = False, name: str = "run") -> Iterator[None]:
    """Hold the library's runs while the block lasts; the kernel frees it when the holder dies.

    Args:
        what: is told to others that find it held.
        name: of the lock; `schedule` is held by a schedule all its life.
    Raises:
        Conflict: somebody else holds it, and `wait` is false.
        Unavailable: its file cannot be written.
    """
    file = home.resolve() / "runs" / f".{name}.lock"
    new_folders = [folder for folder in (file.parent, file.parent.parent) if not folder.exists()]

    def busy(holder: str) -> Conflict:
        told = holder or "just started"
        return Conflict(f"another {name} is going on in {home} ({told}): wait until it is done, or stop it")

    wait_s = math.inf if wait else 0.0
    with file_lock(file, f"{what}, pid {os.getpid()}", wait_s=wait_s, busy=busy, unusable=Unavailable):
        try:
            yield
        except BaseException:
            if new_folders and os.listdir(file.parent) == [file.name]:  # nothing came of it: leave nothing behind
                file.unlink()
                with contextlib.suppress(OSError):
                    for folder in new_folders:
                        folder.rmdir()
            raise
