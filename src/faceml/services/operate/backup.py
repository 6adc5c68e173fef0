"""The library in one file: every table with its vectors and decisions, and the registered models."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from faceml import __version__
from faceml.config import Settings
from faceml.errors import FileNotReadable, ModelUnavailable, Unavailable
from faceml.library import Library
from faceml.services.operate.restore import (
    BLOBS,
    TABLES,
    digests,
    fill_database,
    models_part,
    parts_of,
    table_part,
    tags_part,
)
from faceml.storage.archive import ArchiveWriter, backing_up, new_archive, open_archive
from faceml.storage.registry.model_registry import ModelRegistry
from faceml.storage.registry.records import RegisteredModel
from faceml.storage.sql.database import CONTENT, SCRATCH
from faceml.storage.sql.repository import Repository
from faceml.wiring import open_library


@dataclass(frozen=True, slots=True)
class BackupReport:
    file: Path
    size_bytes: int
    photos: int  # known to the library; their files are not in the backup
    faces: int
    people: int
    decisions: int
    models: int  # projections and matchers
    champion: int | None  # among projections
    is_checked: bool
    left_out: tuple[str, ...]  # models whose files could not be had, with the reason
    seconds: float


def back_up(library: Library, file: Path, *, check: bool = True) -> BackupReport:
    """Write the library's database and models to one file, which appears whole and checked, or not at all.

    The same format comes from SQLite and PostgreSQL, and is restored into either. Others may go on working meanwhile:
    the file shows one moment. Photos, executed notebooks and MLflow's runs are not in it.

    Args:
        check: restore it into a temporary folder and compare every row before it counts.
    Raises:
        FileNotReadable: the place cannot be written, or the check failed.
        Conflict: another file is there, which is not a backup.
        Unavailable: the model registry does not answer, and never did; or another backup does not end (LibraryBusy).
    """
    started = time.monotonic()
    contract = library.repository.pack()
    states = [(registry, registry.state()) for registry in library.registries]
    left_out: list[str] = []

    def trial(begun: Path) -> Callable[[Path], None]:
        return (lambda draft: check_backup(draft, within=begun)) if check else lambda _: None

    with backing_up(library.settings.home) as begun, new_archive(file, begun=begun, check=trial(begun)) as archive:
        schema, tables = _add_tables(library.repository, archive)
        models = {
            models_part(registry): [
                entry for model in state.versions if (entry := _add_model(registry, model, archive, left_out))
            ]
            for registry, state in states
        }
        tags = {tags_part(registry): dict(state.tags or {}) for registry, state in states}
        rows = {table["name"]: table["rows"] for table in tables}
        archive.close(
            {
                "made_by": f"faceml {__version__}",
                "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "schema": schema,
                "pack": contract.name if contract else None,
                "tables": tables,
                **models,
                **tags,
            }
        )
    champion = states[0][1].champion
    return BackupReport(
        file=file,
        size_bytes=file.stat().st_size,
        **{name: rows[table] for name, table in CONTENT.items()},
        models=sum(map(len, models.values())),
        champion=champion.version if champion else None,
        is_checked=check,
        left_out=tuple(left_out),
        seconds=time.monotonic() - started,
    )


def _add_tables(repository: Repository, archive: ArchiveWriter) -> tuple[str, list[dict[str, Any]]]:
    """The schema's revision, and every table's shape and number of rows."""
    with repository.dump() as dump:
        shapes = [shape.with_blobs() for shape in dump.shapes]
        counts = {
            name: archive.add(name, pieces, as_it_is=name.endswith(BLOBS))  # vectors hardly shrink
            for shape in shapes
            for name, pieces in parts_of(dump, shape).items()
        }
        return dump.schema, [{**asdict(shape), "rows": counts[table_part(shape.name)]} for shape in shapes]


def _add_model(
    registry: ModelRegistry[Any], model: RegisteredModel, archive: ArchiveWriter, left_out: list[str]
) -> dict[str, Any] | None:
    try:
        if model.card is None:
            raise ModelUnavailable("it was registered by other means")
        content = registry.content(model)
    except Unavailable as error:
        left_out.append(f"{model.space}: {error}")
        return None
    part = f"{models_part(registry)}/{model.version}{registry.kind.suffix}"
    archive.add(part, [content])
    return {
        "version": model.version,
        "aliases": list(model.aliases),
        "card": asdict(model.card),
        "checksum": model.checksum,
        "tags": dict(model.tags),
        "part": part,
    }


def check_backup(file: Path, *, within: Path | None = None) -> None:
    """Restore into a temporary folder, and hold a dump of that against the file, table by table.

    Args:
        within: the folder that it is made in; None: the system's own.
    Raises:
        FileNotReadable: it is damaged, or does not come back as it was.
    """
    with tempfile.TemporaryDirectory(prefix="faceml-check-", dir=within) as folder, open_archive(file) as archive:
        settings = Settings(home=Path(folder))
        archive.check(besides=TABLES)
        fill_database(settings.database, archive, pragmas=SCRATCH)
        restored = open_library(settings)
        with restored.repository.dump() as dump:
            for shape in dump.shapes:
                now = digests(dump, shape.with_blobs())
                if any(archive.manifest["parts"][part]["sha256"] != digest for part, digest in now.items()):
                    raise FileNotReadable(
                        f"the backup's table {shape.name} does not come back as it was: nothing was kept"
                    )
        restored.close()
