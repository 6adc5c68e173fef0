"""What is registered: projections, and matchers fitted on a library. How each becomes a file, and its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from faceml.identity.matcher_file import MatcherRecord, read_matcher, write_matcher
from faceml.storage.registry.onnx_head import read_onnx, save_onnx, write_onnx
from faceml.storage.registry.records import MATCHER, PROJECTION

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Kind(Generic[A]):
    """One registered model of MLflow, whose versions are artefacts of one type."""

    name: str  # of the registered model
    description: str
    file: str  # a version's own file, in its folder
    write: Callable[[A, Mapping[str, str]], bytes]  # with notes
    read: Callable[[bytes], tuple[A, dict[str, str]]]  # raises ModelUnavailable
    save: Callable[[bytes, A, Path, Any], None]  # the file's content as the folder of an `mlflow.models.Model`
    noun: str
    verb: str  # how one is made
    command: str  # makes a version
    plainly: str  # what a user writes to go on without one
    option: str  # where they write it
    unused: str  # what answers are made with where no version is champion

    @property
    def suffix(self) -> str:
        return Path(self.file).suffix

    @property
    def without_it(self) -> str:
        return f"{self.option} {self.plainly}"


def _save_matcher(content: bytes, _: MatcherRecord, folder: Path, model: Any) -> None:
    """A folder that MLflow shows and keeps; to be used it takes the library whose faces it names."""
    folder.mkdir(parents=True)
    (folder / MATCHERS.file).write_bytes(content)
    model.save(folder / "MLmodel")


PROJECTIONS = Kind(
    name=PROJECTION,
    description="Projections of face embeddings: (N, D) unit rows to (N, d) unit rows",
    file="model.onnx",
    write=write_onnx,
    read=read_onnx,
    save=save_onnx,
    noun="projection",
    verb="train",
    command="faceml faces train-matching",
    plainly="raw",
    option="--model",
    unused="raw embeddings",
)
MATCHERS = Kind(
    name=MATCHER,
    description="Matchers fitted on one library: ids of its faces and numbers about them, no vectors",
    file="matcher.npz",
    write=write_matcher,
    read=read_matcher,
    save=_save_matcher,
    noun="matcher",
    verb="fit",
    command="faceml faces fit-matcher",
    plainly="plain",
    option="--matcher",
    unused="plain cosines",
)
