"""The registry through mlflow's own client, imported at the first call: every write, and reading from a server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceml.config import without_password
from faceml.errors import Unavailable
from faceml.identity.projection import Head, project
from faceml.storage.registry.onnx_head import OUTPUT
from faceml.storage.registry.records import (
    CHALLENGER,
    CHECKSUM,
    FILE,
    MODEL_NAME,
    ModelCard,
    RegisteredModel,
    RegistryState,
)
from faceml.tracking.mlflow_store import MlflowStore, is_of_mlflow, reason_of

# Stated, not inferred: inferring takes 15 s. Serving the file needs no more.
_REQUIREMENTS = ("mlflow", "onnx", "onnxruntime", "numpy")
_EXAMPLE_ROWS = 4


class MlflowServer:
    """`face-projection` on an MLflow server, read."""

    def __init__(self, store: MlflowStore) -> None:
        self._store = store

    def read(self) -> RegistryState:
        with self._answering() as client:
            model = _find_model(client)
            if model is None:
                return RegistryState()
            found = client.search_model_versions(f"name='{MODEL_NAME}'")
            versions = [*found]
            while found.token:
                found = client.search_model_versions(f"name='{MODEL_NAME}'", page_token=found.token)
                versions += found
        aliases: dict[str, list[str]] = {}
        for alias, version in sorted(model.aliases.items()):
            aliases.setdefault(str(version), []).append(alias)
        models = [
            RegisteredModel.of(
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
            location = client.get_model_version_download_uri(MODEL_NAME, str(model.version))
        try:
            return self._download(f"{location}/{FILE}")
        except Exception as error:
            if not is_of_mlflow(error):
                raise
            raise Unavailable(
                f"{model.space} lies at {location}, which cannot be read from here ({reason_of(error)}): start the "
                "MLflow server with --serve-artifacts"
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
                "it or correct MLFLOW_TRACKING_URI; --model raw goes on without it"
            ) from error


def add_version(client: Any, content: bytes, head: Head, card: ModelCard, *, run_id: str, checksum: str) -> int:
    """Log a head's file under its run and register it as challenger; returns its version. `client` is MLflow's."""
    example = _example(head.width_in)
    logged = _log(client, content, card, run_id=run_id, example=example, output=project(head, example))
    if _find_model(client) is None:
        client.create_registered_model(
            MODEL_NAME, description="Projections of face embeddings: (N, D) unit rows to (N, d) unit rows"
        )
    found = client.create_model_version(
        MODEL_NAME,
        source=logged.artifact_location,
        run_id=run_id,
        model_id=logged.model_id,
        tags={**card.as_tags(), CHECKSUM: checksum},
    )
    client.set_registered_model_alias(MODEL_NAME, CHALLENGER, found.version)
    return int(found.version)


def _find_model(client: Any) -> Any:
    """The registered model; None where nothing was registered yet."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(MODEL_NAME)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _log(client: Any, content: bytes, card: ModelCard, *, run_id: str, example: Any, output: Any) -> Any:
    """Log a model the way `mlflow.onnx.log_model` does, without its global addresses and active run."""
    import mlflow.onnx
    import onnx
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model, infer_signature

    experiment = client.get_run(run_id).info.experiment_id
    logged = client.create_logged_model(experiment, name=MODEL_NAME, source_run_id=run_id, tags=card.as_tags())
    with tempfile.TemporaryDirectory(prefix="faceml-model-") as folder:
        path = Path(folder) / "model"
        mlflow.onnx.save_model(
            onnx.load_model_from_string(content),
            path,
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                model_uuid=logged.model_id,
                model_id=logged.model_id,
                run_id=run_id,
                metadata=card.as_tags(),
            ),
            signature=infer_signature(example, {OUTPUT: output}),
            input_example=example,
            pip_requirements=_pinned(_REQUIREMENTS),
            onnx_execution_providers=["CPUExecutionProvider"],
            save_as_external_data=False,  # one file
        )
        client.log_model_artifacts(logged.model_id, str(path))
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return logged


def _example(width: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(0).normal(size=(_EXAMPLE_ROWS, width)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _pinned(names: tuple[str, ...]) -> list[str]:
    from importlib.metadata import PackageNotFoundError, version

    pinned = []
    for name in names:
        try:
            pinned.append(f"{name}=={version(name)}")
        except PackageNotFoundError:  # onnxruntime-gpu is there under its own name
            pinned.append(name)
    return pinned
