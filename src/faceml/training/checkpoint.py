"""Checkpoints: `face_projection_epoch_{N}.pt` with weights, optimiser state and how they came about.

They lie in `models/`, in a folder for each training.
`FaceTrainer` applies the projection of one (specification, chapter Model Checkpoints).
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from faceml.errors import FileNotReadable, WrongUse
from faceml.files import whole_file
from faceml.identity.projection import Head, project
from faceml.training.heads import empty_projection
from faceml.training.history import Epoch
from faceml.training.options import Options

if TYPE_CHECKING:
    from faceml.training.module import ProjectionTask

FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    projection: dict[str, Any]
    criterion: dict[str, Any] | None
    optimizer: dict[str, Any]
    best: dict[str, Any]  # the projection at the best epoch so far
    history: tuple[Epoch, ...]
    options: Options
    metadata: Mapping[str, Any]  # epoch, loss, val_loss, timestamp, and what the caller added

    def head(self) -> Head:
        """The projection of this epoch as plain arrays."""
        return empty_projection(self.projection).export()


def checkpoint_path(folder: Path, epoch: int) -> Path:
    """The documented name.

    >>> checkpoint_path(Path("models"), 20).as_posix()
    'models/face_projection_epoch_20.pt'
    """
    return folder / f"face_projection_epoch_{epoch}.pt"


def save_checkpoint(
    path: Path, task: ProjectionTask, history: Sequence[Epoch], best: dict[str, Any], metadata: Mapping[str, Any]
) -> None:
    """Write a file whole or not at all."""
    last = history[-1]
    content = {
        "format": FORMAT,
        "projection": task.projection.state_dict(),
        "criterion": None if task.criterion is None else task.criterion.state_dict(),
        "optimizer": task.optimizer.state_dict(),
        "best": best,
        "history": [asdict(epoch) for epoch in history],
        "options": asdict(task.options),
        "metadata": {
            **metadata,
            "epoch": last.number,
            "loss": last.loss,
            "val_loss": last.val_loss,
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    }
    with whole_file(path) as draft, draft.open("wb") as stream:  # given a name, torch would put it into the file
        torch.save(content, stream)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a file; nothing in it is executed.

    Raises:
        FileNotReadable: there is no file, or it is something else.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        version = content.pop("format")
        if version != FORMAT:
            raise FileNotReadable(f"{path} has checkpoint format {version}; this faceml reads {FORMAT}")
        content["history"] = tuple(Epoch(**epoch) for epoch in content["history"])
        content["options"] = Options(**content["options"])
        return Checkpoint(**content)
    except FileNotFoundError as error:
        raise FileNotReadable(f"there is no checkpoint {path}: `faceml faces train-matching` makes one") from error
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, AttributeError, KeyError, TypeError) as error:
        raise FileNotReadable(f"{path} is not a checkpoint of faceml: train again, or name another file") from error


class FaceTrainer:
    """Projects vectors as a checkpoint has learned to."""

    def __init__(self) -> None:
        self._head: Head | None = None
        self.metadata: Mapping[str, Any] = {}  # epoch, loss, val_loss, timestamp, pack

    def load_checkpoint(self, path: Path | str) -> None:
        """Raises FileNotReadable where there is no checkpoint."""
        found = load_checkpoint(Path(path))
        self._head, self.metadata = found.head(), found.metadata

    def project_embedding(self, embedding: ArrayLike) -> NDArray[np.float32]:
        """(D,) unit vector of the pack → (d,) unit vector of the projection.

        Raises:
            WrongUse: no checkpoint is loaded, or it is not a single vector.
            ModelMismatch: the vector has another width.
        """
        if self._head is None:
            raise WrongUse("no checkpoint is loaded: call load_checkpoint first")
        row = np.asarray(embedding, np.float32)
        if row.ndim != 1:
            raise WrongUse(f"an embedding of shape {row.shape} is not a single vector: pass one face's (D,)")
        return project(self._head, row)
