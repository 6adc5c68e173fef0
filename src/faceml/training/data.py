"""The faces a projection learns from: triplets and batches as index tensors, drawn at once, no object each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Generator, Tensor

from faceml.errors import NotEnoughData
from faceml.training.options import Options
from faceml.training.splits import split_faces

TRIPLETS_A_FACE = 30
FACES_A_PERSON = 4  # in a batch that is mined
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


def epoch_chunks(faces: Faces, options: Options, epoch: int) -> tuple[Tensor, ...]:
    """An epoch's triplets, or batches of faces where they are mined: chunks of up to `CHUNK_BATCHES` batches of rows.

    They are the same for the same seed and epoch.
    """
    blocks, generator = Blocks.of(faces.owners[faces.training]), _generator(options.seed, epoch)
    if options.is_random_triplets:
        drawn, chunk = epoch_triplets(blocks, generator), CHUNK_BATCHES * options.batch_size
    else:
        drawn, chunk = epoch_batches(blocks, options.batch_size, generator), CHUNK_BATCHES
    return torch.split(faces.training[drawn], chunk)


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


@dataclass(frozen=True, slots=True)
class Blocks:
    """Where each person's faces lie among faces sorted by person."""

    owner: Tensor  # (N,) rising from 0
    start: Tensor  # (people,) first face
    size: Tensor  # (people,)

    @classmethod
    def of(cls, owner: Tensor) -> Blocks:
        size = torch.bincount(owner)
        return cls(owner, torch.cumsum(size, 0) - size, size)


def draw_triplets(blocks: Blocks, anchors: Tensor, generator: Generator) -> Tensor:
    """(T, 3) rows: anchor, another face of the same person, a face of somebody else; each drawn evenly.

    Anchors whose person has no other face are left out.

    Args:
        anchors: (A,) rows, as often as each is wanted.
    """
    anchors = anchors[blocks.size[blocks.owner[anchors]] > 1]
    start, size = blocks.start[blocks.owner[anchors]], blocks.size[blocks.owner[anchors]]
    # Another face: from 1 to size - 1 further on, around the end of the person's block.
    positive = start + (anchors - start + 1 + _below(size - 1, generator)) % size
    # Somebody else's: any of the N - size others, counted past the person's block.
    negative = _below(len(blocks.owner) - size, generator)
    negative += size * (negative >= start)
    return torch.stack((anchors, positive, negative), dim=1)


def epoch_triplets(blocks: Blocks, generator: Generator) -> Tensor:
    """(T, 3) `TRIPLETS_A_FACE` triplets of each face as anchor, in random order."""
    order = torch.randperm(len(blocks.owner) * TRIPLETS_A_FACE, generator=generator)
    return draw_triplets(blocks, order % len(blocks.owner), generator)


def epoch_batches(blocks: Blocks, batch_size: int, generator: Generator) -> Tensor:
    """(S, B) rows: batches of `FACES_A_PERSON` faces a person, as many as an epoch of triplets has.

    B is the batch size, or less where there are too few people; nobody's face is twice in a batch.
    """
    several = torch.nonzero(blocks.size > 1).flatten()
    faces = min(FACES_A_PERSON, int(blocks.size[several].min()))
    people = min(max(2, batch_size // faces), len(several))
    count = max(1, round(len(blocks.owner) * TRIPLETS_A_FACE / batch_size))
    chosen = torch.stack([several[torch.randperm(len(several), generator=generator)[:people]] for _ in range(count)])
    # A new order of each person's faces every epoch; a batch takes the next few from a random place on.
    shuffled = torch.argsort(blocks.owner + 0.5 * torch.rand(len(blocks.owner), generator=generator))
    size = blocks.size[chosen]
    first = _below(size, generator)
    places = blocks.start[chosen].unsqueeze(2) + (first.unsqueeze(2) + torch.arange(faces)) % size.unsqueeze(2)
    return shuffled[places].flatten(1)


def _below(limits: Tensor, generator: Generator) -> Tensor:
    """Whole numbers from 0 to limit - 1, evenly."""
    drawn = torch.rand(limits.shape, generator=generator, dtype=torch.float64)
    return torch.minimum((drawn * limits).long(), limits - 1)
