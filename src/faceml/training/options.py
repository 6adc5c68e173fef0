"""What the training of one projection is told; its defaults are those of `faceml.options.TrainOptions`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

from faceml.options import PULL, TrainOptions


@dataclass(frozen=True, slots=True)
class Options:
    """Of `TrainOptions` what concerns the fit, not whose faces take part. Checked there."""

    epochs: int = TrainOptions.epochs
    margin: float = TrainOptions.margin  # of the triplet loss; radians for ArcFace
    batch_size: int = TrainOptions.batch_size  # triplets an optimiser step
    learning_rate: float = TrainOptions.learning_rate
    head: str = TrainOptions.head
    loss: str = TrainOptions.loss
    mining: str = TrainOptions.mining
    dropout: float = TrainOptions.dropout
    weight_decay: float | None = TrainOptions.weight_decay  # towards the head's start; None: its own, see `decay`
    patience: int | None = None  # epochs without a better validation loss before training stops; None: all epochs
    seed: int = TrainOptions.seed

    @classmethod
    def of(cls, chosen: TrainOptions) -> Self:
        return cls(**{item.name: getattr(chosen, item.name) for item in fields(cls)})

    @property
    def decay(self) -> float:
        """Weight decay a unit of learning rate; the documented head starts at random, so nothing pulls it there."""
        if self.weight_decay is not None:
            return self.weight_decay
        return 0.0 if self.head == "documented" else PULL

    @property
    def is_random_triplets(self) -> bool:
        """Triplets drawn at large, not chosen within a batch of faces."""
        return self.loss == "triplet" and self.mining == "random"
