"""Writing to the registry, through mlflow: the only half that imports it, at the first write."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faceml.storage.registry.onnx_head import OUTPUT
from faceml.storage.registry.records import CHALLENGER, CHECKSUM, MODEL_NAME, ModelCard
from faceml.tracking.mlflow_store import MlflowStore

# Stated, not inferred: inferring takes 15 s. Serving the file needs no more.
_REQUIREMENTS = ("mlflow", "onnx", "onnxruntime", "numpy")


class MlflowRegistry:
    """`face-projection` in the registry beside the tracking store. Every call may raise Unavailable."""

    def __init__(self, store: MlflowStore) -> None:
        self._store = store

    def add(self, content: bytes, card: ModelCard, *, run_id: str, checksum: str, example: Any, output: Any) -> int:
        """Log a model file under its run and register it as challenger; returns its version.

        Args:
            example: (N, D) float32 rows to try the model with, N >= 2.
            output: (N, d) what they become.
        """
        with self._store.errors("the model"):
            client = self._store.client
            logged = _log(client, content, card, run_id=run_id, example=example, output=output)
            self._ensure_model(client)
            found = client.create_model_version(
                MODEL_NAME,
                source=logged.artifact_location,
                run_id=run_id,
                model_id=logged.model_id,
                tags={**card.as_tags(), CHECKSUM: checksum},
            )
            client.set_registered_model_alias(MODEL_NAME, CHALLENGER, found.version)
            return int(found.version)

    def log_file(self, run_id: str, path: str, *, folder: str) -> None:
        with self._writing() as client:
            client.log_artifact(run_id, path, folder)

    def log_text(self, run_id: str, content: str, name: str) -> None:
        with self._writing() as client:
            client.log_text(run_id, content, name)

    def set_alias(self, alias: str, version: int) -> None:
        with self._writing() as client:
            client.set_registered_model_alias(MODEL_NAME, alias, str(version))

    def remove_alias(self, alias: str) -> None:
        with self._writing() as client:
            client.delete_registered_model_alias(MODEL_NAME, alias)

    def delete_version(self, version: int) -> None:
        with self._writing() as client:
            client.delete_model_version(MODEL_NAME, str(version))

    def tag_version(self, version: int, tags: Mapping[str, str]) -> None:
        with self._writing() as client:
            for name, value in tags.items():
                client.set_model_version_tag(MODEL_NAME, str(version), name, value)

    def tag_model(self, tags: Mapping[str, str]) -> None:
        with self._writing() as client:
            for name, value in tags.items():
                client.set_registered_model_tag(MODEL_NAME, name, value)

    @staticmethod
    def _ensure_model(client: Any) -> None:
        from mlflow.exceptions import MlflowException

        try:
            client.get_registered_model(MODEL_NAME)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            client.create_registered_model(
                MODEL_NAME, description="Projections of face embeddings: (N, D) unit rows to (N, d) unit rows"
            )

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        with self._store.errors("the change"):
            yield self._store.client


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


def _pinned(names: tuple[str, ...]) -> list[str]:
    from importlib.metadata import PackageNotFoundError, version

    pinned = []
    for name in names:
        try:
            pinned.append(f"{name}=={version(name)}")
        except PackageNotFoundError:  # onnxruntime-gpu is there under its own name
            pinned.append(name)
    return pinned
