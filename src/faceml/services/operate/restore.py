"""Bring a backup back into an empty library."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faceml.config import Settings
from faceml.errors import Conflict, FacemlError, FileNotReadable, WrongUse
from faceml.library import Library
from faceml.progress import Progress, silent
from faceml.services.index.drain import drain_outbox
from faceml.storage.archive import FORMAT, ArchiveReader, open_archive
from faceml.storage.forgetting import nothing_left_here
from faceml.storage.registry.model_registry import ModelRegistry
from faceml.storage.registry.records import PROJECTION, ModelCard, RegistryState
from faceml.storage.sql.database import CONTENT, DRAFT, SCHEMA_VERSION, empty_schema, filled_tables, not_empty
from faceml.storage.sql.dump import DatabaseDump, TableShape, fill_table, shape_from_json, without_indexes
from faceml.storage.sql.repository import Repository
from faceml.storage.staging import STAGING, alone, check_empty, clear, move_up
from faceml.wiring import open_library

FORMAT_WITH_BLOBS = 2  # from which on bytes lie apart, in parts that end so:
BLOBS = ".bin"
TABLES = "tables/"  # how the names of all their parts begin

log = logging.getLogger(__name__)


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
    in a backup: they are found at their old places. What a killed restore has left is cleared away; where it had filled
    a database of DATABASE_URL already, the same backup goes on from there. Models that cannot be registered are a note.

    Raises:
        FileNotReadable: the file is missing, damaged, or not a backup.
        Conflict: the library is not empty, the database holds another program's tables, or the model registry holds
            other versions.
        WrongUse: a newer faceml made it.
        LibraryBusy: another restore is at work there.
    """
    started = time.monotonic()
    home = settings.home
    with open_archive(file) as archive:
        _check_versions(archive)
        archive.check()
        was_there = home.exists()
        check_empty(home)
        is_filled = _is_filled(settings, archive)
        with alone(home, was_there=was_there):
            clear(home)
            staging = home / STAGING
            staging.mkdir(mode=0o700)
            library = open_library(settings if settings.database_url else replace(settings, home=staging))
            try:
                for registry in library.registries:
                    _check_models(registry, archive)
                found = _restore(library, archive, on_progress, is_filled=is_filled)
                library.close()
                move_up(staging, home)
            except BaseException:
                library.close()
                _give_up(settings)
                raise
    return RestoreReport(home=home, **found, seconds=time.monotonic() - started)


def _is_filled(settings: Settings, archive: ArchiveReader) -> bool:
    """Whether a killed restore of this backup has filled the database already, and nothing was changed in it since.

    Raises:
        Conflict: it holds something else.
    """
    if not (filled := filled_tables(settings.database)):
        return False
    repository = Repository(settings.database)
    try:
        with repository.dump() as dump:
            if settings.database_url and all(_is_as_in(archive, dump, shape) for shape in dump.shapes):
                return True
    finally:
        repository.close()
    raise not_empty(settings.database, filled)


def _is_as_in(archive: ArchiveReader, dump: DatabaseDump, shape: TableShape) -> bool:
    parts = archive.manifest["parts"]
    if shape.name == "outbox" or table_part(shape.name) not in parts:
        return True
    as_written = shape if archive.manifest.get("format", 0) < FORMAT_WITH_BLOBS else shape.with_blobs()
    return all(parts.get(name, {}).get("sha256") == digest for name, digest in digests(dump, as_written).items())


def digests(dump: DatabaseDump, shape: TableShape) -> dict[str, str]:
    """SHA-256 of a table's parts as a backup of now has them."""
    return {name: _digest(pieces) for name, pieces in parts_of(dump, shape).items()}


def parts_of(dump: DatabaseDump, shape: TableShape) -> dict[str, Iterator[bytes]]:
    """What a backup has of a table: its lines, and the bytes that lie apart."""
    blobs = {blob_part(shape.name, name): dump.blobs(shape, name) for name in shape.blobs}
    return {table_part(shape.name): dump.lines(shape), **blobs}


def _digest(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _give_up(settings: Settings) -> None:
    """Leave nothing behind; but a database elsewhere that is filled stays, and the next restore goes on with it."""
    if settings.database_url and filled_tables(settings.database):
        return
    clear(settings.home)


def fill_database(url: str, archive: ArchiveReader, *, pragmas: Sequence[str] = ()) -> Counter[str]:
    """All tables of a backup into an empty database, all or nothing; returns rows by table.

    The database gets the backup's own schema: migrations bring it up to date when it is opened, data and all.

    Args:
        pragmas: of SQLite, see `empty_schema`.
    Raises:
        Conflict: it is not empty.
        FileNotReadable: the backup is damaged.
    """
    manifest = archive.manifest
    try:
        shapes = {shape_from_json(table): int(table["rows"]) for table in manifest["tables"]}
    except (KeyError, TypeError, ValueError) as error:
        reason = type(error).__name__  # pydantic's own words take many lines
        raise FileNotReadable(f"the backup's list of tables cannot be read ({reason}): use another one") from error
    rows: Counter[str] = Counter()
    with empty_schema(url, manifest["schema"], pragmas=pragmas) as connection, without_indexes(connection):
        for shape, promised in shapes.items():
            with ExitStack() as opened:
                blobs = {
                    name: opened.enter_context(archive.taking(blob_part(shape.name, name))) for name in shape.blobs
                }
                rows[shape.name] = fill_table(connection, shape, archive.lines(table_part(shape.name)), blobs)
            if rows[shape.name] != promised:
                raise FileNotReadable(f"the backup's table {shape.name} lacks rows: use another one")
    return rows


def table_part(name: str) -> str:
    return f"{TABLES}{name}.jsonl"


def blob_part(table: str, column: str) -> str:
    return f"{TABLES}{table}.{column}{BLOBS}"


def models_part(registry: ModelRegistry[Any]) -> str:
    """Where a backup has a kind of model: a list of its manifest, and a folder."""
    return "models" if registry.kind.name == PROJECTION else f"{registry.kind.noun}s"


def tags_part(registry: ModelRegistry[Any]) -> str:
    return f"{models_part(registry).removesuffix('s')}_tags"


def _restore(library: Library, archive: ArchiveReader, on_progress: Progress, *, is_filled: bool) -> dict[str, Any]:
    """What the report says of the content."""
    if not is_filled:
        fill_database(library.settings.database, archive, pragmas=() if library.settings.database_url else DRAFT)
    nothing_left_here(library.settings, library.repository)
    with library.repository.begin() as unit:
        unit.outbox.push_all()
    drained = drain_outbox(library, on_progress=on_progress)
    notes: list[str] = []
    models = sum(_models_back(library, registry, archive, notes) for registry in library.registries)
    if drained.reason:
        notes.append(f"the vector index waits: {drained.reason}")
    rows = {table["name"]: int(table["rows"]) for table in archive.manifest["tables"]}
    return {
        "made_at": str(archive.manifest.get("made_at", "")),
        **{name: rows[table] for name, table in CONTENT.items()},
        "index_backlog": drained.backlog,
        "models": models,
        "notes": tuple(notes),
    }


def _models_back(library: Library, registry: ModelRegistry[Any], archive: ArchiveReader, notes: list[str]) -> int:
    """How many of a kind the registry has now; people's work is back without them, so their failure is a note."""
    try:
        notes += _restore_models(library, registry, archive)
        return len(_entries(registry, archive))
    except FacemlError as error:
        log.debug("models of the backup", exc_info=True)
        notes.append(
            f"{registry.kind.name} was not restored: {error}. Everything else is back; for the models, restore the "
            "backup once more into another, empty FACEML_HOME: the registry gets what it lacks"
        )
        return 0


def _check_versions(archive: ArchiveReader) -> None:
    manifest = archive.manifest
    schema, form = str(manifest.get("schema")), manifest.get("format", 0)
    if form > FORMAT or schema > SCHEMA_VERSION:
        raise WrongUse(
            f"the backup was made by a newer {manifest.get('made_by', 'faceml')} (schema {schema}, this one knows "
            f"{SCHEMA_VERSION}): upgrade faceml, then restore it"
        )


def _check_models(registry: ModelRegistry[Any], archive: ArchiveReader) -> None:
    """Raises Conflict where the registry holds other versions under the backup's numbers; reads only."""
    wanted = _entries(registry, archive)
    there = {model.version: model.checksum for model in registry.state().versions} if wanted else {}
    for entry in wanted:
        version = entry["version"]
        if version in there and there[version] != entry["checksum"]:
            raise Conflict(
                f"the model registry has another {registry.kind.name}/{version} than the backup: point "
                "MLFLOW_TRACKING_URI at a new one, or move mlruns/ away"
            )
        if version not in there and there and version < max(there):
            raise Conflict(
                f"the model registry has versions up to {max(there)}, but not the backup's {version}: point "
                "MLFLOW_TRACKING_URI at a new one, or move mlruns/ away"
            )


def _restore_models(library: Library, registry: ModelRegistry[Any], archive: ArchiveReader) -> tuple[str, ...]:
    """Register what is missing, in an empty registry also aliases and tags; returns notes for the reader."""
    wanted = _entries(registry, archive)
    state = registry.state() if wanted else RegistryState()
    there = {model.version for model in state.versions}
    missing = [entry for entry in wanted if entry["version"] not in there]
    if missing:
        _register(library, registry, archive, missing, next_version=max(there, default=0) + 1)
    if wanted and not there:
        for entry in wanted:
            for alias in entry["aliases"]:
                registry.set_alias(alias, entry["version"])
        registry.tag_model(archive.manifest.get(tags_part(registry), {}))
    if there:
        name = registry.kind.name
        return (f"the model registry knew {name} already: its aliases stay as they are (`faceml models list`)",)
    return ()


def _register(
    library: Library,
    registry: ModelRegistry[Any],
    archive: ArchiveReader,
    entries: Sequence[dict[str, Any]],
    *,
    next_version: int,
) -> None:
    with library.tracking.run("restore", parameters={"made_at": archive.manifest.get("made_at", "")}) as run:
        for entry in entries:
            content, card = archive.content(entry["part"]), ModelCard(**entry["card"])
            while next_version < entry["version"]:
                registry.skip_version(content, card, run_id=run.id or "")
                next_version += 1
            given = registry.register_again(content, card, run_id=run.id or "", tags=entry["tags"])
            if given != entry["version"]:
                raise Conflict(
                    f"the model registry gave {registry.kind.name}/{entry['version']} the number {given}: point "
                    "MLFLOW_TRACKING_URI at a new one"
                )
            next_version = given + 1


def _entries(registry: ModelRegistry[Any], archive: ArchiveReader) -> list[dict[str, Any]]:
    return sorted(archive.manifest.get(models_part(registry), []), key=lambda entry: int(entry["version"]))
