"""The faces a projection learns from, in chunks of index tensors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor
from torch.utils.data import DataLoader

from faceml.errors import NotEnoughData
from faceml.training.options import Options
from faceml.training.splits import split_faces
from faceml.training.triplets import TRIPLETS_A_FACE, Blocks, draw_triplets, epoch_batches, epoch_triplets

CHUNK_BATCHES = 256  # handed to Lightning at once: its bookkeeping, 0.3 ms a step, would cost half as much as the work
_SEED_STRIDE = 1_000_003  # more epochs than anybody trains


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Labelled faces sorted by person, split for training and validation."""

    vectors: Tensor  # (N, D) unit rows
    owners: Tensor  # (N,) from 0, rising
    training: Tensor  # rows, ascending
    validation: Tensor  # rows, ascending

    @classmethod
    def of(cls, vectors: NDArray[np.floating], people: ArrayLike, *, seed: int) -> Faces:
        """Raises NotEnoughData below two people with two faces."""
        codes = np.unique(np.asarray(people), return_inverse=True)[1]
        several = int((np.bincount(codes) > 1).sum()) if len(codes) else 0
        if several < 2:
            raise NotEnoughData(f"{several} people with two faces or more: a triplet needs two people, label more")
        order = np.argsort(codes, kind="stable")
        split = split_faces(codes[order], seed=seed)
        rows = np.asarray(vectors, np.float32)[order]
        return cls(*map(torch.from_numpy, (rows, codes[order], split.training, split.validation)))

    @property
    def people(self) -> int:
        return int(self.owners[-1]) + 1

    def digest(self) -> str:
        """The same for the same vectors under the same people."""
        content = self.vectors.numpy().tobytes() + self.owners.numpy().tobytes()
        return hashlib.sha256(content).hexdigest()


class FaceData(pl.LightningDataModule):
    """Draws an epoch's triplets, or batches of faces where they are mined; the same for the same seed and epoch."""

    def __init__(self, faces: Faces, options: Options, *, first_epoch: int) -> None:
        super().__init__()
        self._faces = faces
        self._options = options
        self._first_epoch = first_epoch
        self._blocks = Blocks.of(faces.owners[faces.training])
        self._validation = validation_triplets(faces, options.seed)

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Chunks of up to `CHUNK_BATCHES` batches of one epoch."""
        done = self.trainer.current_epoch if self.trainer is not None else 0
        generator = _generator(self._options.seed, self._first_epoch + done + 1)
        if self._options.is_random_triplets:
            drawn = epoch_triplets(self._blocks, generator)
            chunk = CHUNK_BATCHES * self._options.batch_size
        else:
            drawn, chunk = epoch_batches(self._blocks, self._options.batch_size, generator), CHUNK_BATCHES
        return DataLoader(torch.split(self._faces.training[drawn], chunk), batch_size=None)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[Tensor]:
        return DataLoader([self._validation], batch_size=None)  # type: ignore[arg-type]


def validation_triplets(faces: Faces, seed: int) -> Tensor:
    """(T, 3) rows: anchors from validation, the others from all faces; the same in every epoch."""
    anchors = faces.validation.repeat_interleave(TRIPLETS_A_FACE)
    return draw_triplets(Blocks.of(faces.owners), anchors, _generator(seed, -1))


def training_triplets(faces: Faces, seed: int) -> Tensor:
    """(T, 3) rows: one triplet a training face, to see the loss before training."""
    drawn = draw_triplets(
        Blocks.of(faces.owners[faces.training]), torch.arange(len(faces.training)), _generator(seed, 0)
    )
    return faces.training[drawn]


def epoch_seed(seed: int, epoch: int) -> int:
    """Another for each seed and epoch, so that a training can go on in the middle."""
    return (seed * _SEED_STRIDE + epoch) % 2**63


def _generator(seed: int, epoch: int) -> Generator:
    return Generator().manual_seed(epoch_seed(seed, epoch))
