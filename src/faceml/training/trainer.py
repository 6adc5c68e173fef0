"""`FaceTrainer`: a trained projection from its checkpoint (specification, chapter Model Checkpoints)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import WrongUse
from faceml.identity.projection import Head, project


class FaceTrainer:
    """Applies a checkpoint to vectors; torch is needed to read the file, not to project."""

    def __init__(self) -> None:
        self._head: Head | None = None
        self.metadata: Mapping[str, Any] = {}  # epoch, loss, val_loss, timestamp, pack

    def load_checkpoint(self, path: Path | str) -> None:
        """Raises FileNotReadable where there is no checkpoint."""
        from faceml.training.checkpoint import load_checkpoint

        found = load_checkpoint(Path(path))
        self._head, self.metadata = found.head(), found.metadata

    @property
    def head(self) -> Head:
        """Raises WrongUse before a checkpoint is loaded."""
        if self._head is None:
            raise WrongUse("no checkpoint is loaded: call load_checkpoint first")
        return self._head

    def project_embedding(self, embedding: ArrayLike) -> NDArray[np.float32]:
        """(D,) unit vector of the pack → (d,) unit vector of the projection.

        Raises:
            WrongUse: no checkpoint is loaded, or it is no single vector.
            ModelMismatch: the vector has another width.
        """
        row = np.asarray(embedding, np.float32)
        if row.ndim != 1:
            raise WrongUse(f"an embedding of shape {row.shape} is no single vector: use project_embeddings for rows")
        return project(self.head, row)

    def project_embeddings(self, embeddings: ArrayLike) -> NDArray[np.float32]:
        """(N, D) unit rows of the pack → (N, d) unit rows of the projection."""
        rows = np.asarray(embeddings, np.float32)
        if rows.ndim != 2:
            raise WrongUse(f"embeddings of shape {rows.shape} are no rows: pass (N, D)")
        return project(self.head, rows)
