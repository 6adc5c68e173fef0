"""The registry through mlflow's own client, imported at the first call: every write, and reading from a server."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from faceml.addresses import without_password
from faceml.errors import Unavailable
from faceml.storage.registry.kinds import Kind
from faceml.storage.registry.records import CHALLENGER, CHECKSUM, ModelCard, RegisteredModel, RegistryState
from faceml.tracking.mlflow_store import MlflowStore, is_of_mlflow, reason_of

A = TypeVar("A")
_MODEL_VERSIONS = "mlflow.modelVersions"  # the tag of a logged model: what it is registered as
_MADE_BY = ("mlflow.source.", "mlflow.user")  # tags of a run that its model's page shows, too


class MlflowServer:
    """One registered model on an MLflow server, read."""

    def __init__(self, store: MlflowStore, kind: Kind[Any]) -> None:
        self._store = store
        self._kind = kind

    def read(self) -> RegistryState:
        name = self._kind.name
        with self._answering() as client:
            model = _find_model(client, name)
            if model is None:
                return RegistryState()
            found = client.search_model_versions(f"name='{name}'")
            versions = [*found]
            while found.token:
                found = client.search_model_versions(f"name='{name}'", page_token=found.token)
                versions += found
        aliases: dict[str, list[str]] = {}
        for alias, version in sorted(model.aliases.items()):
            aliases.setdefault(str(version), []).append(alias)
        models = [
            RegisteredModel.of(
                name=name,
                version=int(entry.version),
                aliases=aliases.get(str(entry.version), []),
                created_ms=entry.creation_timestamp,
                run_id=entry.run_id,
                location=entry.source,
                tags=entry.tags,
            )
            for entry in versions
            if entry.status == "READY"
        ]
        return RegistryState(tuple(sorted(models, key=lambda found: found.version)), model.tags)

    def fetch(self, model: RegisteredModel) -> bytes:
        with self._answering() as client:
            location = client.get_model_version_download_uri(self._kind.name, str(model.version))
        try:
            return self._download(f"{location}/{self._kind.file}")
        except Exception as error:
            if not is_of_mlflow(error):
                raise
            raise Unavailable(
                f"{model.space} lies at {without_password(location)}, which cannot be read from here "
                f"({reason_of(error)}): start the MLflow server with --serve-artifacts"
            ) from error

    def _download(self, uri: str) -> bytes:
        from mlflow.artifacts import download_artifacts

        with tempfile.TemporaryDirectory(prefix="faceml-model-") as folder:
            path = download_artifacts(artifact_uri=uri, dst_path=folder, tracking_uri=self._store.uri)
            return Path(path).read_bytes()

    @contextmanager
    def _answering(self) -> Iterator[Any]:
        try:
            yield self._store.client
        except Exception as error:
            if not is_of_mlflow(error):
                raise
            raise Unavailable(
                f"the model registry {without_password(self._store.uri)} does not answer ({reason_of(error)}): start "
                f"it or correct MLFLOW_TRACKING_URI; {self._kind.without_it} goes on without it"
            ) from error


def add_version(
    client: Any, kind: Kind[A], content: bytes, artefact: A, card: ModelCard, *, run_id: str, checksum: str
) -> int:
    """Log an artefact's file under its run and register it as challenger; returns its version. `client` is MLflow's."""
    logged = _log(client, kind, content, artefact, card, run_id=run_id)
    if _find_model(client, kind.name) is None:
        client.create_registered_model(kind.name, description=kind.description)
    found = client.create_model_version(
        kind.name,
        source=logged.artifact_location,
        run_id=run_id,
        model_id=logged.model_id,
        tags={**card.as_tags(), CHECKSUM: checksum},
    )
    # A server notes it on the model by itself; MLflow's client of a database does not, and the page shows no version.
    versions = json.dumps([{"name": kind.name, "version": int(found.version)}])
    client.set_logged_model_tags(logged.model_id, {_MODEL_VERSIONS: versions})
    client.set_registered_model_alias(kind.name, CHALLENGER, found.version)
    return int(found.version)


def _find_model(client: Any, name: str) -> Any:
    """The registered model; None where nothing was registered yet."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _log(client: Any, kind: Kind[A], content: bytes, artefact: A, card: ModelCard, *, run_id: str) -> Any:
    """Log a model the way MLflow's `log_model` does, without its global addresses and active run."""
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model

    run = client.get_run(run_id)
    made_by = {name: value for name, value in run.data.tags.items() if name.startswith(_MADE_BY)}
    logged = client.create_logged_model(
        run.info.experiment_id, name=kind.name, source_run_id=run_id, tags={**card.as_tags(), **made_by}
    )
    described = Model(
        artifact_path=logged.artifact_location,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
        run_id=run_id,
        metadata=card.as_tags(),
    )
    with tempfile.TemporaryDirectory(prefix="faceml-model-") as folder:
        path = Path(folder) / "model"
        kind.save(content, artefact, path, described)
        client.log_model_artifacts(logged.model_id, str(path))
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return logged
