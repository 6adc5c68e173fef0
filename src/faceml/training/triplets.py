"""Triplets and batches as index tensors: 30 triplets a face cost one draw of random numbers, no object each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

TRIPLETS_A_FACE = 30
FACES_A_PERSON = 4  # in a batch that is mined


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
