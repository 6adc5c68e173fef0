"""Reading a registry from an MLflow server over its REST API, version 2.0."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from faceml.config import without_password
from faceml.errors import Unavailable
from faceml.storage.registry.records import (
    CHECKSUM,
    FILE,
    MODEL_NAME,
    ModelCard,
    RegisteredModel,
    RegistryState,
)
from faceml.storage.registry.sql_reader import local_path

_TIMEOUT_S = (3.05, 10.0)  # to connect, to answer
_PAGE = 1000
_UNKNOWN = {"RESOURCE_DOES_NOT_EXIST"}


class RestRegistry:
    """`face-projection` on an MLflow server; signs in as MLflow's own client does, by MLFLOW_TRACKING_* or the URL."""

    def __init__(self, uri: str) -> None:
        self._uri = uri.rstrip("/")

    def read(self) -> RegistryState:
        model = self._get("registered-models/get", name=MODEL_NAME)
        if model is None:
            return RegistryState()
        model = model["registered_model"]
        aliases: dict[int, list[str]] = {}
        for entry in model.get("aliases", ()):
            aliases.setdefault(int(entry["version"]), []).append(entry["alias"])
        versions = tuple(
            _model(entry, tuple(sorted(aliases.get(int(entry["version"]), ()))))
            for entry in self._versions()
            if entry.get("status", "READY") == "READY"
        )
        return RegistryState(tuple(sorted(versions, key=lambda found: found.version)), _tags(model))

    def fetch(self, model: RegisteredModel) -> bytes:
        found = self._get("model-versions/get-download-uri", name=MODEL_NAME, version=str(model.version))
        location = (found or {}).get("artifact_uri", model.location)
        parts = urlsplit(location)
        if parts.scheme == "mlflow-artifacts":
            return self._ask(f"api/2.0/mlflow-artifacts/artifacts{parts.path}/{FILE}").content
        try:
            return (local_path(location) / FILE).read_bytes()
        except OSError as error:
            raise Unavailable(
                f"{model.space} lies at {location}, which this machine cannot read ({error.strerror}): start the "
                "MLflow server with --serve-artifacts"
            ) from error

    def _versions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            page = self._get(
                "model-versions/search", filter=f"name='{MODEL_NAME}'", max_results=str(_PAGE), page_token=token
            )
            found += (page or {}).get("model_versions", [])
            token = (page or {}).get("next_page_token", "")
            if not token:
                return found

    def _get(self, call: str, **parameters: str) -> dict[str, Any] | None:
        """The answer; None where the server knows no such thing."""
        answer = self._ask(f"api/2.0/mlflow/{call}", parameters, may_miss=True)
        if answer.status_code == requests.codes.not_found:
            return None
        found: dict[str, Any] = answer.json()
        return found

    def _ask(self, path: str, parameters: dict[str, str] | None = None, *, may_miss: bool = False) -> requests.Response:
        try:
            answer = requests.get(
                f"{self._uri}/{path}", params=parameters, headers=_token(), auth=_password(), timeout=_TIMEOUT_S
            )
            if not (may_miss and answer.status_code == requests.codes.not_found and _is_unknown(answer)):
                answer.raise_for_status()
        except requests.RequestException as error:
            raise Unavailable(
                f"the model registry {without_password(self._uri)} does not answer ({_reason(error)}): start it or "
                "correct MLFLOW_TRACKING_URI; --model raw goes on without it"
            ) from error
        return answer


def _is_unknown(answer: requests.Response) -> bool:
    try:
        return answer.json().get("error_code") in _UNKNOWN
    except ValueError:
        return False


def _model(entry: dict[str, Any], aliases: tuple[str, ...]) -> RegisteredModel:
    tags = _tags(entry)
    return RegisteredModel(
        version=int(entry["version"]),
        aliases=aliases,
        card=ModelCard.from_tags(tags),
        checksum=tags.get(CHECKSUM, ""),
        run_id=entry.get("run_id") or None,
        created_at=datetime.fromtimestamp(int(entry["creation_timestamp"]) / 1000, UTC),
        location=entry.get("source", ""),
        tags=tags,
    )


def _tags(entry: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in entry.get("tags", ())}


def _token() -> dict[str, str]:
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _password() -> tuple[str, str] | None:
    user, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    return (user, password) if user and password else None


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"HTTP {error.response.status_code}"
    return "timed out" if isinstance(error, requests.Timeout) else "no connection"
