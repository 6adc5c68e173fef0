"""Registered projections out of a backup, under the numbers that assignments know them by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from faceml.errors import Conflict
from faceml.storage.archive import ArchiveReader
from faceml.storage.registry_records import MODEL_NAME, ModelCard, RegistryState
from faceml.wiring import Library


def check_models(library: Library, archive: ArchiveReader) -> None:
    """Raises Conflict where the registry holds other versions under the backup's numbers; reads only."""
    wanted = _entries(archive)
    if not wanted:
        return
    there = {model.version: model.checksum for model in library.registry.state().versions}
    for entry in wanted:
        version = entry["version"]
        if version in there and there[version] != entry["checksum"]:
            raise Conflict(
                f"the model registry has another {MODEL_NAME}/{version} than the backup: point MLFLOW_TRACKING_URI at "
                "a new one, or move mlruns/ away"
            )
        if version not in there and there and version < max(there):
            raise Conflict(
                f"the model registry has versions up to {max(there)}, but not the backup's {version}: point "
                "MLFLOW_TRACKING_URI at a new one, or move mlruns/ away"
            )


def restore_models(library: Library, archive: ArchiveReader) -> tuple[str, ...]:
    """Register what is missing, then the aliases and tags of a registry that had none; returns notes for the reader."""
    wanted = _entries(archive)
    state = library.registry.state() if wanted else RegistryState()
    there = {model.version for model in state.versions}
    missing = [entry for entry in wanted if entry["version"] not in there]
    if missing:
        _register(library, archive, missing, next_version=max(there, default=0) + 1)
    if wanted and not there:
        for entry in wanted:
            for alias in entry["aliases"]:
                library.registry.set_alias(alias, entry["version"])
        library.registry.tag_model(archive.manifest.get("model_tags", {}))
    if there:
        return (f"the model registry knew {MODEL_NAME} already: its aliases stay as they are (`faceml models list`)",)
    return ()


def _register(
    library: Library, archive: ArchiveReader, entries: Sequence[dict[str, Any]], *, next_version: int
) -> None:
    registry = library.registry
    with library.tracking.run("restore", parameters={"made_at": archive.manifest.get("made_at", "")}) as run:
        for entry in entries:
            content, card = archive.content(entry["part"]), ModelCard(**entry["card"])
            while next_version < entry["version"]:
                registry.skip_version(content, card, run_id=run.id or "")
                next_version += 1
            given = registry.register_again(content, card, run_id=run.id or "", tags=entry["tags"])
            if given != entry["version"]:
                raise Conflict(
                    f"the model registry gave {MODEL_NAME}/{entry['version']} the number {given}: point "
                    "MLFLOW_TRACKING_URI at a new one"
                )
            next_version = given + 1


def _entries(archive: ArchiveReader) -> list[dict[str, Any]]:
    return sorted(archive.manifest.get("models", []), key=lambda entry: int(entry["version"]))
