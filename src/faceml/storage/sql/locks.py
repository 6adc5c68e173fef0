"""One writer of labels at a time, and one run of those that rewrite a library's clusters, from any process and machine.

Two clusterings at once would each group what it read, and the later would write over the earlier: half of one, half of
the other. Labels are not held up: a person's decision takes `lock_labels`, for the moment of its transaction;
`run_lock` is held for the minutes that a run takes, and no transaction is.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from faceml.errors import DatabaseUnavailable, LibraryBusy
from faceml.files import attempts, file_lock

MIGRATION, _LABELS, _RUNS, DRAINING, INGESTING = range(
    7_302_911, 7_302_916
)  # PostgreSQL's advisory locks are numbers, any
VERSION_BITS = 53  # whole numbers that JSON holds, too
log = logging.getLogger(__name__)


def lock_labels(session: Session) -> None:
    """Wait until no other transaction writes labels; held until this one ends, taken again at no cost.

    SQLite's writing transactions exclude each other anyway. On PostgreSQL two would read the same faces and the later
    would overwrite the earlier one's decision.

    Whatever changes people, prototypes, or vectors and labels of faces takes this lock. So the library's labels version
    becomes another one here, for those who keep people in memory: by chance, not by counting, so that a restored
    library never has the version of another state.
    """
    if session.info.setdefault(_LABELS, False):
        return
    advisory_lock(session.connection(), _LABELS)
    another = text("UPDATE library_contract SET labels_version = :version")
    session.execute(another, {"version": secrets.randbits(VERSION_BITS)})
    session.info[_LABELS] = True


def advisory_lock(connection: Connection, key: int) -> None:
    """Wait until no other transaction holds this lock; held until this one ends. PostgreSQL only."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


@contextmanager
def run_lock(engine: Engine, task: str, *, wait_s: float) -> Iterator[None]:
    """Hold the library for `task` while the block runs; where another run holds it, log which, and wait.

    It is free as soon as its holder dies, SIGKILL included. In PostgreSQL it belongs to a connection of its own: a
    pooler in front must not share sessions between clients.

    Raises:
        LibraryBusy: still held after `wait_s`.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()  # closed at the end, not given back: the lock goes with it
            _take_advisory_lock(connection, _signed(task), wait_s)
            yield
    elif engine.url.database not in (None, "", ":memory:"):
        with file_lock(
            Path(f"{engine.url.database}.run"),
            _signed(task),
            wait_s=wait_s,
            busy=lambda holder: _busy(holder, wait_s),
            unusable=DatabaseUnavailable,
            on_wait=_log_wait,
        ):
            yield
    else:
        yield


def _take_advisory_lock(connection: Connection, holder: str, wait_s: float) -> None:
    # Its name is what others read of the holder in pg_stat_activity.
    connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": holder})
    take = text("SELECT pg_try_advisory_lock(:key)")
    for number, _ in enumerate(attempts(wait_s)):
        if connection.execute(take, {"key": _RUNS}).scalar():
            return
        if number == 0:
            _log_wait(_advisory_holder(connection))
    raise _busy(_advisory_holder(connection), wait_s)


def _advisory_holder(connection: Connection) -> str:
    statement = text(
        "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory'"
        " AND granted AND objid = :key AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return connection.execute(statement, {"key": _RUNS}).scalar() or "another run"


def _signed(task: str) -> str:
    return f"{task} (pid {os.getpid()} on {socket.gethostname()})"


def _log_wait(holder: str) -> None:
    log.warning("%s holds this library; waiting for it to end", holder)


def _busy(holder: str, wait_s: float) -> LibraryBusy:
    return LibraryBusy(
        f"{holder} has held this library for {wait_s:.0f} s: wait until it has ended, or stop it; then try again"
    )
