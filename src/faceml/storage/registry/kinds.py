"""What is registered: projections, and matchers fitted on a library. How each becomes a file, and its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from faceml.storage.registry.records import MATCHER, PROJECTION

if TYPE_CHECKING:
    from faceml.identity.matcher_file import MatcherRecord
    from faceml.identity.projection import Head

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


# What a command that only asks for a version does not need is imported late.
def _write_head(head: Head, notes: Mapping[str, str]) -> bytes:
    from faceml.storage.registry.onnx_head import write_onnx

    return write_onnx(head, notes)


def _read_head(content: bytes) -> tuple[Head, dict[str, str]]:
    from faceml.storage.registry.onnx_head import read_onnx

    return read_onnx(content)


def _save_head(content: bytes, head: Head, folder: Path, model: Any) -> None:
    from faceml.storage.registry.onnx_head import save_onnx

    save_onnx(content, head, folder, model)


def _write_matcher(matcher: MatcherRecord, notes: Mapping[str, str]) -> bytes:
    from faceml.identity.matcher_file import write_matcher

    return write_matcher(matcher, notes)


def _read_matcher(content: bytes) -> tuple[MatcherRecord, dict[str, str]]:
    from faceml.identity.matcher_file import read_matcher

    return read_matcher(content)


def _save_matcher(content: bytes, _: MatcherRecord, folder: Path, model: Any) -> None:
    """A folder that MLflow shows and keeps; to be used it takes the library whose faces it names."""
    folder.mkdir(parents=True)
    (folder / MATCHERS.file).write_bytes(content)
    model.save(folder / "MLmodel")


PROJECTIONS = Kind(
    name=PROJECTION,
    description="Projections of face embeddings: (N, D) unit rows to (N, d) unit rows",
    file="model.onnx",
    write=_write_head,
    read=_read_head,
    save=_save_head,
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
    write=_write_matcher,
    read=_read_matcher,
    save=_save_matcher,
    noun="matcher",
    verb="fit",
    command="faceml faces fit-matcher",
    plainly="plain",
    option="--matcher",
    unused="plain cosines",
)
