"""The registry read out of MLflow's own database, which takes milliseconds: importing mlflow would take seconds."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from faceml.addresses import sqlite_file, without_password, without_secrets
from faceml.errors import Unavailable
from faceml.storage.registry.kinds import Kind
from faceml.storage.registry.records import RegisteredModel, RegistryState
from faceml.tracking.moved import follow_move
from faceml.tracking.run_search import reading

_VERSIONS = text(
    "SELECT version, creation_time, run_id, source, storage_location FROM model_versions"
    " WHERE name = :name AND status = 'READY' AND COALESCE(current_stage, '') <> 'Deleted_Internal' ORDER BY version"
)
_VERSION_TAGS = text("SELECT version, key, value FROM model_version_tags WHERE name = :name")
_ALIASES = text("SELECT version, alias FROM registered_model_aliases WHERE name = :name ORDER BY alias")
_TAGS = text("SELECT key, value FROM registered_model_tags WHERE name = :name")


class MlflowDatabase:
    """One registered model in the tables of MLflow 3; opened read-only, made never."""

    def __init__(self, uri: str, kind: Kind[Any]) -> None:
        self._uri = uri
        self._kind = kind

    def read(self) -> RegistryState:
        file = sqlite_file(self._uri)
        if file is not None and not file.exists():
            return RegistryState()
        try:
            follow_move(self._uri)
            with reading(self._uri) as connection:
                if not inspect(connection).has_table("registered_model_aliases"):
                    return RegistryState()
                return _read(connection, self._kind.name)
        except (SQLAlchemyError, ImportError) as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise Unavailable(
                f"the model registry {without_password(self._uri)} cannot be read ({without_secrets(reason)}): start "
                f"it or correct MLFLOW_TRACKING_URI; {self._kind.without_it} goes on without it"
            ) from error

    def fetch(self, model: RegisteredModel) -> bytes:
        file = _local_path(model.location) / self._kind.file
        try:
            return file.read_bytes()
        except OSError as error:
            raise Unavailable(
                f"{model.space} is registered, but its file {file} cannot be read ({error.strerror}): restore it, "
                f"promote another version, or use {self._kind.without_it}"
            ) from error


def _read(connection: Connection, model: str) -> RegistryState:
    name = {"name": model}
    tags: dict[int, dict[str, str]] = defaultdict(dict)
    for version, key, value in connection.execute(_VERSION_TAGS, name):
        tags[int(version)][key] = value
    aliases: dict[int, list[str]] = defaultdict(list)
    for version, alias in connection.execute(_ALIASES, name):
        aliases[int(version)].append(alias)
    versions = tuple(
        RegisteredModel.of(
            name=model,
            version=int(row.version),
            aliases=aliases[int(row.version)],
            created_ms=row.creation_time,
            run_id=row.run_id,
            location=row.storage_location or row.source,
            tags=tags[int(row.version)],
        )
        for row in connection.execute(_VERSIONS, name)
    )
    return RegistryState(versions, {row.key: row.value for row in connection.execute(_TAGS, name)})


def _local_path(location: str) -> Path:
    """The folder of a file: URI or a plain path.

    >>> _local_path("file:///srv/my%20runs/m-1").as_posix(), _local_path("/srv/runs/m-1").as_posix()
    ('/srv/my runs/m-1', '/srv/runs/m-1')
    """
    parts = urlsplit(location)
    if parts.scheme == "file":
        return Path(os.fsdecode(unquote_to_bytes(parts.path)))
    if "://" in location or parts.scheme.startswith("mlflow"):
        raise Unavailable(
            f"the model's file lies at {location}, which only an MLflow server can reach: set MLFLOW_TRACKING_URI to "
            "the server's http address"
        )
    return Path(location)
