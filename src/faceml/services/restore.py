"""Bring a backup back into an empty library."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faceml.config import Settings
from faceml.errors import Conflict, FileNotReadable, WrongUse
from faceml.progress import Progress, silent
from faceml.services.drain import drain_outbox
from faceml.services.restore_models import check_models, restore_models
from faceml.storage.archive import FORMAT, ArchiveReader, open_archive
from faceml.storage.database import SCHEMA_VERSION, empty_schema
from faceml.storage.dump import fill_table, shape_from_json
from faceml.wiring import Library

STAGING = ".restoring"
PAGE = 5_000


@dataclass(frozen=True, slots=True)
class RestoreReport:
    home: Path
    made_at: str  # when the backup was made
    photos: int
    faces: int
    people: int
    decisions: int
    index_backlog: int  # points that wait for the index
    models: int
    notes: tuple[str, ...]
    seconds: float


def restore(settings: Settings, file: Path, *, on_progress: Progress = silent) -> RestoreReport:
    """Restore a backup into an empty FACEML_HOME (and an empty DATABASE_URL, where one is set).

    Everything is checked before anything is written. The vector index is built from the stored vectors. Photos are not
    in a backup: they are found at their old places.

    Raises:
        FileNotReadable: the file is missing, damaged, or no backup.
        Conflict: the library is not empty; or the model registry holds other versions.
        WrongUse: a newer faceml made it.
    """
    started = time.monotonic()
    home = settings.home
    with open_archive(file) as archive:
        _check_versions(archive)
        archive.check()
        _check_empty(home)
        with tempfile.TemporaryDirectory(prefix="faceml-check-") as nowhere:
            check_models(Library(replace(settings, home=Path(nowhere))), archive)
        was_there = home.exists()
        staging = home / STAGING
        staging.mkdir(parents=True)
        library = Library(replace(settings, home=staging))
        try:
            report = _restore(library, archive, on_progress)
            library.close()
            _move_up(staging, home)
        except BaseException:
            library.close()
            shutil.rmtree(staging, ignore_errors=True)
            if not was_there:
                shutil.rmtree(home, ignore_errors=True)
            raise
    return replace(report, home=home, seconds=time.monotonic() - started)


def fill_database(url: str, archive: ArchiveReader) -> dict[str, int]:
    """All tables of a backup into an empty database, all or nothing; returns rows by table.

    The database gets the backup's own schema: migrations bring it up to date when it is opened, data and all.

    Raises:
        Conflict: it is not empty.
        FileNotReadable: the backup is damaged.
    """
    manifest = archive.manifest
    try:
        shapes = {shape_from_json(table): int(table["rows"]) for table in manifest["tables"]}
    except (KeyError, TypeError, ValueError) as error:
        raise FileNotReadable(f"the backup's list of tables cannot be read ({error}): use another one") from error
    rows: dict[str, int] = {}
    with empty_schema(url, manifest["schema"]) as connection:
        for shape, promised in shapes.items():
            rows[shape.name] = fill_table(connection, shape, archive.lines(table_part(shape.name)))
            if rows[shape.name] != promised:
                raise FileNotReadable(f"the backup's table {shape.name} lacks rows: use another one")
    return rows


def table_part(name: str) -> str:
    return f"tables/{name}.jsonl"


def _restore(library: Library, archive: ArchiveReader, on_progress: Progress) -> RestoreReport:
    manifest = archive.manifest
    rows = fill_database(library.settings.database, archive)
    _queue_all_points(library)
    drained = drain_outbox(library, on_progress=on_progress)
    notes = restore_models(library, archive)
    if drained.reason:
        notes = (*notes, f"the vector index waits: {drained.reason}")
    return RestoreReport(
        home=library.settings.home,
        made_at=str(manifest.get("made_at", "")),
        photos=_count(rows, "image_assets"),
        faces=_count(rows, "face_instances"),
        people=_count(rows, "persons"),
        decisions=_count(rows, "label_events"),
        index_backlog=drained.backlog,
        models=len(manifest.get("models", [])),
        notes=notes,
        seconds=0.0,
    )


def _count(rows: Mapping[str, Any], table: str) -> int:
    return int(rows.get(table, 0))


def _check_versions(archive: ArchiveReader) -> None:
    manifest = archive.manifest
    schema, form = str(manifest.get("schema")), manifest.get("format", 0)
    if form > FORMAT or schema > SCHEMA_VERSION:
        raise WrongUse(
            f"the backup was made by a newer {manifest.get('made_by', 'faceml')} (schema {schema}, this one knows "
            f"{SCHEMA_VERSION}): upgrade faceml, then restore"
        )


def _check_empty(home: Path) -> None:
    if not home.exists():
        return
    there = sorted(entry.name for entry in home.iterdir()) if home.is_dir() else [home.name]
    if there:
        raise Conflict(
            f"the library's folder {home} is not empty ({', '.join(there[:5])}): set FACEML_HOME to a new folder, or "
            "move this one away; a backup is never restored over a library"
        )


def _queue_all_points(library: Library) -> None:
    after = None
    with library.repository.begin() as unit:
        while page := unit.outbox.point_ids(limit=PAGE, after=after):
            unit.outbox.push(page)
            after = page[-1]


def _move_up(staging: Path, home: Path) -> None:
    """The database last: until it is there the folder is no library."""
    for entry in sorted(staging.iterdir(), key=lambda path: path.name.startswith("faceml.db")):
        entry.rename(home / entry.name)
    staging.rmdir()
