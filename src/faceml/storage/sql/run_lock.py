"""One run at a time of those that rewrite a library's clusters, from any process and, on PostgreSQL, any machine.

Two clusterings at once would each group what it read, and the later would write over the earlier: half of one, half of
the other. Labels are not held up: a person's decision takes `label_lock`, for the moment of its transaction; this lock
is held for the minutes that a run takes, and no transaction is.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from faceml.errors import DatabaseUnavailable, LibraryBusy
from faceml.storage.folder_lock import attempts

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_RUNS = 7_302_913  # any constant: PostgreSQL's advisory locks are numbers
log = logging.getLogger(__name__)


@contextmanager
def run_lock(engine: Engine, task: str, *, wait_s: float) -> Iterator[None]:
    """Hold the library for `task` while the block runs; where another run holds it, say who does, and wait.

    It is free as soon as its holder dies, SIGKILL included. In PostgreSQL it belongs to a connection of its own: a
    pooler in front must not share sessions between clients.

    Raises:
        LibraryBusy: still held after `wait_s`.
    """
    if engine.dialect.name == "postgresql":
        with _own_connection(engine) as connection, _advisory_lock(connection, _signed(task), wait_s):
            yield
    elif fcntl is not None and engine.url.database not in (None, "", ":memory:"):
        with _file_lock(Path(f"{engine.url.database}.run"), _signed(task), wait_s):
            yield
    else:
        yield


@contextmanager
def _own_connection(engine: Engine) -> Iterator[Connection]:
    """A connection that is closed, not given back: what it holds goes with it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()
        yield connection


@contextmanager
def _advisory_lock(connection: Connection, holder: str, wait_s: float) -> Iterator[None]:
    # Its name is what others read of the holder in pg_stat_activity.
    connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": holder})
    take = text("SELECT pg_try_advisory_lock(:key)")
    is_ours = False
    for number, _ in enumerate(attempts(wait_s)):
        is_ours = bool(connection.execute(take, {"key": _RUNS}).scalar())
        if is_ours:
            break
        if number == 0:
            _say_waiting(_advisory_holder(connection))
    if not is_ours:
        raise LibraryBusy(_busy(_advisory_holder(connection), wait_s))
    yield


def _advisory_holder(connection: Connection) -> str:
    statement = text(
        "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory'"
        " AND granted AND objid = :key AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return connection.execute(statement, {"key": _RUNS}).scalar() or "another run"


@contextmanager
def _file_lock(path: Path, holder: str, wait_s: float) -> Iterator[None]:
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise DatabaseUnavailable(f"cannot write {path} ({error.strerror}): make its folder writable") from error
    with file:
        for number, _ in enumerate(attempts(wait_s)):
            if _locks(file.fileno()):
                break
            if number == 0:
                _say_waiting(path.read_text(encoding="utf-8"))
        else:
            raise LibraryBusy(_busy(path.read_text(encoding="utf-8"), wait_s))
        file.truncate(0)
        file.write(holder)
        file.flush()
        yield


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _signed(task: str) -> str:
    return f"{task} (pid {os.getpid()} on {socket.gethostname()})"


def _say_waiting(holder: str) -> None:
    log.warning("%s holds this library; waiting for it to end", holder)


def _busy(holder: str, wait_s: float) -> str:
    return f"{holder} has held this library for {wait_s:.0f} s: wait until it has ended, or stop it; then try again"
