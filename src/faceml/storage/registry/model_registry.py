"""The registry of projections: MLflow's registered model `face-projection` (DESIGN D9).

Reading resolves an alias or version and opens its file without mlflow, in milliseconds; writing goes through mlflow.
A file that was opened once stays in the library's cache under its checksum, and what the registry said last beside it,
so a registry that went away changes nothing for whoever used it before.

registry_records  the nouns          registry_sql   reads MLflow's database
onnx_head         a head as a file   registry_rest  reads an MLflow server
                                     registry_mlflow  writes, by mlflow
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceml.errors import ModelUnavailable, NotFound, Unavailable
from faceml.identity.projection import Head, project
from faceml.storage.registry.last_seen import recall, remember, write_whole
from faceml.storage.registry.onnx_head import read_onnx, write_onnx
from faceml.storage.registry.records import (
    CHALLENGER,
    CHAMPION,
    ModelCard,
    RegisteredModel,
    RegistryReader,
    RegistryState,
)

if TYPE_CHECKING:
    from faceml.storage.registry.mlflow_writer import MlflowRegistry
    from faceml.tracking.mlflow_store import MlflowStore

logger = logging.getLogger(__name__)

COMPARISON = "comparison"  # note of the file: what the gate judges
THRESHOLDS = "thresholds"
EXAMPLE_ROWS = 4


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A version with its file read."""

    model: RegisteredModel
    head: Head
    comparison: str | None  # JSON, as the training run measured it
    thresholds: str | None = None  # JSON of `identity.threshold_map.ThresholdMap`


class ModelRegistry:
    """Versions of `face-projection`, wherever MLFLOW_TRACKING_URI keeps them."""

    def __init__(self, store: MlflowStore, cache: Path) -> None:
        self._store = store
        self._cache = cache
        self._last_seen = cache / f"registry-{hashlib.sha256(store.uri.encode()).hexdigest()[:12]}.json"

    # --- reading

    def versions(self) -> tuple[RegisteredModel, ...]:
        """All of them, oldest first; none where there is no registry yet.

        Raises:
            Unavailable: the registry does not answer, and never did.
        """
        return self.state().versions

    def state(self) -> RegistryState:
        """Versions and tags now; where the registry does not answer, as this library last saw them."""
        try:
            return self.ask()
        except Unavailable as error:
            seen = recall(self._last_seen)
            if seen is None:
                raise
            logger.warning("%s; going on with what it said last", error)
            return seen

    def ask(self) -> RegistryState:
        """Versions and tags now.

        Raises:
            Unavailable: the registry does not answer.
        """
        found = self._reader.read()
        if found.versions or self._last_seen.exists():
            remember(self._last_seen, found)
        return found

    def get(self, selector: str | int) -> RegisteredModel:
        """The version of an alias ("champion", "challenger") or number.

        Raises:
            NotFound: there is none.
            Unavailable.
        """
        state = self.state()
        text = str(selector)
        found = state.numbered(int(text)) if text.isdecimal() else state.with_alias(text)
        if found is None:
            raise NotFound(f"there is no projection {text!r}: {_known(state)}")
        return found

    def champion(self) -> RegisteredModel | None:
        """The version that is used unless another is asked for; None where raw embeddings are.

        Raises:
            Unavailable.
        """
        return self.state().with_alias(CHAMPION)

    def load(self, selector: str | int | RegisteredModel) -> LoadedModel:
        """A version, ready to `project`.

        Raises:
            NotFound, Unavailable.
            ModelUnavailable: its file is not what was registered.
        """
        model = selector if isinstance(selector, RegisteredModel) else self.get(selector)
        try:
            head, notes = read_onnx(self.content(model))
        except ModelUnavailable as error:
            raise ModelUnavailable(f"{model.space}: {error}") from error
        return LoadedModel(model, head, notes.get(COMPARISON), notes.get(THRESHOLDS))

    def content(self, model: RegisteredModel) -> bytes:
        """A version's file, checked against what was registered. Raises as `load`."""
        cached = self._cache / f"{model.checksum}.onnx"
        if model.checksum and cached.exists() and _checksum(content := cached.read_bytes()) == model.checksum:
            return content
        content = self._reader.fetch(model)
        if _checksum(content) != model.checksum:
            what = "is not the one that was registered" if model.checksum else "was registered by other means"
            raise ModelUnavailable(f"its file {what}: promote another version, or use --model raw")
        write_whole(cached, content)
        return content

    # --- writing

    def register(
        self,
        head: Head,
        card: ModelCard,
        *,
        comparison: str | None,
        run_id: str,
        thresholds: str | None = None,
        files: Sequence[Path] = (),
    ) -> RegisteredModel:
        """Log a head under its run, register it, and make it the challenger.

        Args:
            comparison: `Comparison.to_json`; the gate reads it back from the version. The head is in it under the
                card's `candidate`, a champion under its space's name, "face-projection/3".
            thresholds: `ThresholdMap.to_json`, measured on people held out.
            files: kept beside the run, such as the checkpoint.
        Raises:
            Unavailable.
        """
        told = {COMPARISON: comparison, THRESHOLDS: thresholds}
        notes = card.as_tags() | {name: text for name, text in told.items() if text}
        content = write_onnx(head, notes=notes)
        example = _example(head.width_in)
        version = self._writer.add(
            content,
            card,
            run_id=run_id,
            checksum=_checksum(content),
            example=example,
            output=project(head, example),
        )
        for file in files:
            self._writer.log_file(run_id, str(file), folder="checkpoints")
        if comparison:
            self._writer.log_text(run_id, comparison, "comparison.json")
        return self.get(version)

    def register_again(self, content: bytes, card: ModelCard, *, run_id: str, tags: Mapping[str, str]) -> int:
        """Register a file as it was, such as one out of a backup, as the next version; no alias stays on it.

        Raises:
            ModelUnavailable: it is no projection.
            Unavailable.
        """
        head, _ = read_onnx(content)
        example = _example(head.width_in)
        output = project(head, example)
        version = self._writer.add(
            content, card, run_id=run_id, checksum=_checksum(content), example=example, output=output
        )
        self._writer.tag_version(version, tags)
        self._writer.remove_alias(CHALLENGER)
        return version

    def skip_version(self, content: bytes, card: ModelCard, *, run_id: str) -> None:
        """Use up a number, so that later versions get theirs."""
        version = self.register_again(content, card, run_id=run_id, tags={})
        self._writer.delete_version(version)

    def set_alias(self, alias: str, version: int) -> None:
        self._writer.set_alias(alias, version)

    def remove_alias(self, alias: str) -> None:
        self._writer.remove_alias(alias)

    def tag_version(self, version: int, tags: Mapping[str, str]) -> None:
        self._writer.tag_version(version, tags)

    def tag_model(self, tags: Mapping[str, str]) -> None:
        self._writer.tag_model(tags)

    @cached_property
    def _reader(self) -> RegistryReader:
        uri = self._store.uri
        if uri.startswith(("http://", "https://")):
            from faceml.storage.registry.rest_reader import RestRegistry

            return RestRegistry(uri)
        from faceml.storage.registry.sql_reader import SqlRegistry

        return SqlRegistry(uri)

    @cached_property
    def _writer(self) -> MlflowRegistry:
        from faceml.storage.registry.mlflow_writer import MlflowRegistry

        return MlflowRegistry(self._store)


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _example(width: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    rows = np.random.default_rng(0).normal(size=(EXAMPLE_ROWS, width)).astype(np.float32)
    unit: np.ndarray[tuple[int, int], np.dtype[np.float32]] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _known(state: RegistryState) -> str:
    if not state.versions:
        return "none is registered yet (`faceml faces train-matching` makes one), or use raw"
    numbers = ", ".join(str(model.version) for model in state.versions)
    aliases = sorted(alias for model in state.versions for alias in model.aliases)
    return f"use raw, {', '.join([*aliases, ''])}or a version of {numbers}"
