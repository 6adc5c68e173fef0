"""The registry of models: `face-projection` and `face-matcher`, registered in MLflow (DESIGN D9).

Out of MLflow's database an alias or version is read without mlflow, in milliseconds; a server is asked, and everything
is written, through mlflow. A file that was opened once stays in the library's cache under its checksum, and what the
registry last answered beside it, so a registry that went away changes nothing for whoever used it before.

records          the nouns                  mlflow_database  reads MLflow's database
kinds            what is registered, and    mlflow_client    reads an MLflow server, and writes
                 how it becomes a file      onnx_head        a projection as a file
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from faceml.errors import ModelUnavailable, NotFound, Unavailable
from faceml.files import write_cache
from faceml.storage.registry.kinds import Kind
from faceml.storage.registry.records import (
    CHALLENGER,
    ModelCard,
    RegisteredModel,
    RegistryReader,
    RegistryState,
)

if TYPE_CHECKING:
    from faceml.tracking.mlflow_store import MlflowStore

logger = logging.getLogger(__name__)

COMPARISON = "comparison"  # note of the file: what the gate judges
THRESHOLDS = "thresholds"
A = TypeVar("A")  # what a version is: a `Head`, a `MatcherRecord`


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel(Generic[A]):
    """A version with its file read."""

    model: RegisteredModel
    artefact: A
    comparison: str | None  # JSON, as the training run measured it
    thresholds: str | None = None  # JSON of `identity.threshold_map.ThresholdMap`


class ModelRegistry(Generic[A]):
    """Versions of one registered model, wherever MLFLOW_TRACKING_URI keeps them."""

    def __init__(self, kind: Kind[A], store: MlflowStore, cache: Path) -> None:
        self.kind = kind
        self._store = store
        self._cache = cache
        self._last_seen = cache / f"registry-{hashlib.sha256(os.fsencode(store.uri)).hexdigest()[:12]}.json"

    # --- reading

    def state(self) -> RegistryState:
        """Versions and tags now; where the registry does not answer, as this library last saw them.

        Raises:
            Unavailable: it does not answer, and never did.
        """
        try:
            return self.ask()
        except Unavailable as error:
            seen = _recall(self._last_seen)
            if seen is None:
                raise
            logger.warning("%s; going on with its last answer", error)
            return seen

    def ask(self) -> RegistryState:
        """Versions and tags now.

        Raises:
            Unavailable: the registry does not answer.
        """
        found = self._reader.read()
        if found.versions or self._store.is_server or self._last_seen.exists():
            _remember(self._last_seen, found)
        return found

    def get(self, selector: str | int) -> RegisteredModel:
        """The version of an alias ("champion", "challenger") or number.

        Raises:
            NotFound: it does not exist.
            Unavailable.
        """
        state = self.state()
        text = str(selector)
        found = state.numbered(int(text)) if text.isdecimal() else state.with_alias(text)
        if found is None:
            raise NotFound(f"there is no {self.kind.noun} {text!r}: {_known(state, self.kind)}")
        return found

    def load(self, selector: str | int | RegisteredModel) -> LoadedModel[A]:
        """A version, ready to use.

        Raises:
            NotFound, Unavailable.
            ModelUnavailable: its file is not what was registered.
        """
        model = selector if isinstance(selector, RegisteredModel) else self.get(selector)
        try:
            artefact, notes = self.kind.read(self.content(model))
        except ModelUnavailable as error:
            raise ModelUnavailable(f"{model.space}: {error}") from error
        return LoadedModel(model, artefact, notes.get(COMPARISON), notes.get(THRESHOLDS))

    def content(self, model: RegisteredModel) -> bytes:
        """A version's file, checked against what was registered. Raises as `load`."""
        cached = self._cache / f"{model.checksum}{self.kind.suffix}"
        if model.checksum and cached.exists() and _checksum(content := cached.read_bytes()) == model.checksum:
            return content
        content = self._reader.fetch(model)
        if _checksum(content) != model.checksum:
            what = "is not the one that was registered" if model.checksum else "was registered by other means"
            raise ModelUnavailable(f"its file {what}: promote another version, or use {self.kind.without_it}")
        write_cache(cached, content)
        return content

    # --- writing

    def register(
        self,
        artefact: A,
        card: ModelCard,
        *,
        comparison: str | None,
        run_id: str,
        thresholds: str | None = None,
        files: Sequence[Path] = (),
    ) -> RegisteredModel:
        """Log an artefact under its run, register it, and make it the challenger.

        Args:
            comparison: `Comparison.to_json`; the gate reads it back from the version. The artefact is in it under the
                card's `candidate`, a champion under its full name, "face-projection/3".
            thresholds: `ThresholdMap.to_json`, measured on people held out.
            files: kept beside the run, such as the checkpoint.
        Raises:
            Unavailable.
        """
        measured = {COMPARISON: comparison, THRESHOLDS: thresholds}
        notes = card.as_tags() | {name: text for name, text in measured.items() if text}
        content = self.kind.write(artefact, notes)
        version = self._add(content, artefact, card, run_id=run_id)
        with self._changing() as client:
            for file in files:
                client.log_artifact(run_id, str(file), "checkpoints")
            if comparison:
                client.log_text(run_id, comparison, "comparison.json")
        return self.get(version)

    def register_again(self, content: bytes, card: ModelCard, *, run_id: str, tags: Mapping[str, str]) -> int:
        """Register a file as it was, such as one out of a backup, as the next version; no alias stays on it.

        Raises:
            ModelUnavailable: it is no file of this kind.
            Unavailable.
        """
        artefact, _ = self.kind.read(content)
        version = self._add(content, artefact, card, run_id=run_id)
        self.tag_version(version, tags)
        self.remove_alias(CHALLENGER)
        return version

    def skip_version(self, content: bytes, card: ModelCard, *, run_id: str) -> None:
        """Use up a number, so that later versions get theirs."""
        version = self.register_again(content, card, run_id=run_id, tags={})
        with self._changing() as client:
            client.delete_model_version(self.kind.name, str(version))

    def set_alias(self, alias: str, version: int) -> None:
        with self._changing() as client:
            client.set_registered_model_alias(self.kind.name, alias, str(version))

    def remove_alias(self, alias: str) -> None:
        with self._changing() as client:
            client.delete_registered_model_alias(self.kind.name, alias)

    def tag_version(self, version: int, tags: Mapping[str, str]) -> None:
        with self._changing() as client:
            for name, value in tags.items():
                client.set_model_version_tag(self.kind.name, str(version), name, value)

    def describe(self, model: RegisteredModel, text: str) -> None:
        """What the version's page says, in Markdown, after what it is for; it replaces what was there."""
        about = f"{model.card.purpose}\n\n{text}" if model.card else text
        with self._changing() as client:
            client.update_model_version(self.kind.name, str(model.version), description=about)

    def tag_model(self, tags: Mapping[str, str]) -> None:
        with self._changing() as client:
            for name, value in tags.items():
                client.set_registered_model_tag(self.kind.name, name, value)

    def _add(self, content: bytes, artefact: A, card: ModelCard, *, run_id: str) -> int:
        from faceml.storage.registry.mlflow_client import add_version

        with self._store.errors("the model"):
            client, checksum = self._store.client, _checksum(content)
            return add_version(client, self.kind, content, artefact, card, run_id=run_id, checksum=checksum)

    @contextmanager
    def _changing(self) -> Iterator[Any]:
        with self._store.errors("the change"):
            yield self._store.client

    @cached_property
    def _reader(self) -> RegistryReader:
        if self._store.is_server:
            from faceml.storage.registry.mlflow_client import MlflowServer

            return MlflowServer(self._store, self.kind)
        from faceml.storage.registry.mlflow_database import MlflowDatabase

        return MlflowDatabase(self._store.uri, self.kind)


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _known(state: RegistryState, kind: Kind[Any]) -> str:
    if not state.versions:
        return f"no version is registered yet (`{kind.command}` makes one); use {kind.plainly}"
    numbers = ", ".join(str(model.version) for model in state.versions)
    aliases = sorted(alias for model in state.versions for alias in model.aliases)
    return f"use {kind.plainly}, {', '.join([*aliases, ''])}or a version of {numbers}"


def _remember(file: Path, state: RegistryState) -> None:
    """Keep what the registry says, for the day it does not answer."""
    content = json.dumps(asdict(state), default=datetime.isoformat).encode()
    if not file.exists() or file.read_bytes() != content:
        write_cache(file, content)


def _recall(file: Path) -> RegistryState | None:
    """Its last answer; None where it never answered, or the file is damaged."""
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(RegistryState).validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read (%s): ignored", file, error)
        return None
