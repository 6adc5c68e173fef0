"""What a check finds; and database, vector index, Redis and MLflow: reachable, and in step with each other."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from urllib.error import URLError
from urllib.request import urlopen

from faceml.addresses import sqlite_file, without_password, without_secrets
from faceml.errors import DatabaseUnavailable, IndexDamaged, IndexUnavailable, WrongUse
from faceml.files import unwritable
from faceml.library import Library
from faceml.records import AssetStatus
from faceml.services.index.drain import may_wait
from faceml.storage.archive import BEGUN
from faceml.storage.forgetting import open_erasures
from faceml.storage.index.vector_index import CollectionInfo, VectorIndex
from faceml.storage.sql.database import SCHEMA_VERSION, read_schema
from faceml.storage.staging import STAGING

WAIT_S = 1.5  # a doctor is quick
REBUILD = "faceml faces find-orphans --fix --limit 1000000"


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"  # works, but not as well as it could, or not for long
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    subject: str
    detail: str
    fix: str | None = None  # what to do; always there for warn and fail


Check = Callable[[Library], Iterable[Finding]]


def ok(subject: str, detail: str) -> Finding:
    return Finding(Level.OK, subject, detail)


def warn(subject: str, detail: str, fix: str) -> Finding:
    return Finding(Level.WARN, subject, detail, fix)


def fail(subject: str, detail: str, fix: str) -> Finding:
    return Finding(Level.FAIL, subject, detail, fix)


def with_fix(subject: str, message: str) -> Finding:
    """A failure with the message of one of faceml's own errors, which ends in the fix.

    >>> with_fix("database", "PostgreSQL at db does not answer: start it, or unset DATABASE_URL").fix
    'start it, or unset DATABASE_URL'
    """
    parts = re.fullmatch(r"(.*)[:;] (.+)", message, re.DOTALL)
    return fail(subject, parts[1], parts[2]) if parts else fail(subject, message, "as it says")


def check_database(library: Library) -> Iterator[Finding]:
    url = library.settings.database
    try:
        schema = read_schema(url)
    except (DatabaseUnavailable, WrongUse) as error:
        yield with_fix("database", str(error))
        return
    shown = sqlite_file(url) or without_password(url)
    if schema is None:
        yield ok("database", f"{shown} is empty or not there yet; the first command makes it")
    elif schema > SCHEMA_VERSION:
        yield fail("database", f"schema {schema} is newer than this faceml's {SCHEMA_VERSION}", "upgrade faceml")
    elif schema < SCHEMA_VERSION:
        yield warn(
            "database",
            f"schema {schema}; this faceml's is {SCHEMA_VERSION}",
            "faceml backup FILE, then any command brings it up to date (faceml faces stats)",
        )
    else:
        yield ok("database", f"{shown}, schema {schema}")


def check_index(library: Library) -> Iterator[Finding]:
    if not has_current_database(library):
        yield ok("index", "nothing to index yet")
        return
    with library.repository.read() as unit:
        backlog, wanted, pinned = unit.outbox.backlog(), unit.outbox.count_points(), unit.contract.pinned()
        lost = len(unit.faces.without_vector(limit=1000))
    if lost:
        yield warn("vectors", f"{lost} faces have no stored vector", f"{REBUILD}   # detects again in their photos")
    try:
        with _open_index(library) as index:
            info = index.info()
    except IndexDamaged as error:
        yield fail("index", str(error), f"{REBUILD}   # moves the damaged files aside and builds it from the database")
    except IndexUnavailable as error:
        yield warn(
            "index", f"{error}; {backlog} changes wait, nothing is lost", "wait for the other process, or start it"
        )
    else:
        width = pinned.width if pinned else None
        yield from _compared(info, wanted=wanted, backlog=backlog, width=width, may_wait=may_wait(library))


def check_photos(library: Library) -> Iterator[Finding]:
    if not has_current_database(library):
        return
    with library.repository.read() as unit:
        count, first = unit.assets.count(AssetStatus.FAILED), unit.assets.unreadable(limit=3)
        missing, folders = unit.assets.count_missing(), unit.assets.folders()
    if count:
        named = "; ".join(f"{photo.path}: {photo.reason}" for photo in first)
        yield warn(
            "photos",
            f"{count} cannot be read: {named}{' …' if count > len(first) else ''}",
            "faceml faces unreadable   # names all; mend them, then faceml ingest and faceml faces backfill",
        )
    away = sorted(folder for folder in folders if not os.path.isdir(folder))
    if missing:
        fix = "faceml ingest their folder once the files are back; for good: faceml photos forget-missing"
        yield warn("photos", f"missing: {missing}, their files are gone (faceml photos missing)", fix)
    if away:
        others = f" and {len(away) - 1} other folders" if len(away) > 1 else ""
        out = sum(folders[folder] for folder in away)
        fix = "bring their disk back; where they were deleted: faceml photos forget-missing FOLDER"
        yield warn("photos", f"out of reach: {out} ({away[0]}{others})", fix)
    if folders and not count and not missing and not away:
        yield ok("photos", f"{folders.total()}, all their folders are there")


def check_erasures(library: Library) -> Iterator[Finding]:
    if has_current_database(library):
        for holds in open_erasures(library.settings, library.repository):
            yield fail(
                "erasure",
                f"somebody was erased, and here that is not complete: {holds}",
                "let other programs that read the library end, then: faceml faces find-orphans",
            )


def check_unfinished(library: Library) -> Iterator[Finding]:
    home = library.settings.home
    if (home / BEGUN).exists():
        yield warn(
            "backup",
            f"a backup is being made, or one was killed and left copies of faces in {home / BEGUN}",
            "the next `faceml backup` deletes what a killed one left",
        )
    if (home / STAGING).exists():
        yield warn(
            "restore",
            f"a restore is at work, or one was killed and left {home / STAGING}",
            "run the same `faceml restore` again: it starts anew, or goes on where the database is filled",
        )


def check_redis(library: Library) -> Iterator[Finding]:
    url = library.settings.redis_url
    if not url:
        return
    import redis

    try:
        redis.Redis.from_url(url, socket_connect_timeout=WAIT_S, socket_timeout=WAIT_S).ping()
        yield ok("redis", without_password(url))
    except (redis.RedisError, ValueError, OSError) as error:
        yield fail(
            "redis",
            f"{without_password(url)} does not answer ({without_secrets(str(error))})",
            "start it (make db-up), or unset REDIS_URL",
        )


def check_mlflow(library: Library) -> Iterator[Finding]:
    uri = library.settings.tracking
    if uri.startswith(("http://", "https://")):
        try:
            with urlopen(f"{uri.rstrip('/')}/health", timeout=WAIT_S):
                yield ok("mlflow", without_password(uri))
        except (URLError, OSError, ValueError) as error:
            yield fail(
                "mlflow",
                f"{without_password(uri)} does not answer ({without_secrets(str(getattr(error, 'reason', error)))})",
                "start it (make db-up), or unset MLFLOW_TRACKING_URI to keep runs below mlruns/",
            )
    elif (file := sqlite_file(uri)) and (place := unwritable(file)):
        fix = "make it writable, or name another place in MLFLOW_TRACKING_URI"
        yield fail("mlflow", f"{place} cannot be written, so no run can be recorded", fix)
    elif file and not file.exists():
        yield ok("mlflow", f"{file} is made by the first run")
    else:
        yield ok("mlflow", str(file or without_password(uri)))


def _compared(
    info: CollectionInfo | None, *, wanted: int, backlog: int, width: int | None, may_wait: bool
) -> Iterator[Finding]:
    points = info.points_count if info else 0
    if info is not None and width is not None and info.width != width:
        yield fail(
            "index",
            f"its vectors have {info.width} numbers, the library's {width}",
            f"point QDRANT_URL at a Qdrant of this library's own, or move its folder index/ away, then {REBUILD}",
        )
    elif backlog and may_wait:
        yield ok("index", f"{points} points; {backlog} changes wait for whoever opens it next")
    elif backlog:
        yield warn("index", f"{backlog} changes wait for it", "faceml faces find-orphans   # brings them over")
    elif points != wanted:
        yield warn("index", f"it holds {points} points, the database {wanted}", REBUILD)
    else:
        yield ok("index", f"{points} points, as the database has them")


def has_current_database(library: Library) -> bool:
    try:
        return read_schema(library.settings.database) == SCHEMA_VERSION
    except (DatabaseUnavailable, WrongUse):
        return False


def _open_index(library: Library) -> AbstractContextManager[VectorIndex]:
    if library.settings.qdrant_url:
        return library.index.open()
    from faceml.storage.index.edge_index import open_edge

    return open_edge(library.settings.index_folder, wait_s=WAIT_S)
