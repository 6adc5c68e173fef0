"""How a projection is trained: what the command line, the notebook and the API may choose."""

from __future__ import annotations

from dataclasses import dataclass

from faceml.errors import WrongUse

HEADS = ("documented", "residual", "linear", "whitening", "pca", "lda")
LOSSES = ("triplet", "supcon", "arcface")
MININGS = ("random", "semi-hard", "batch-hard")
LAYERED = ("documented", "residual")  # with a hidden layer
DEFAULT_HEAD = "whitening"
PULL = 100.0  # weight decay of heads that have a start worth staying near, see docs/decisions/0018-the-default-head.md


@dataclass(frozen=True, slots=True)
class Options:
    """Defaults of the specification, but for the head (docs/decisions/0018-the-default-head.md).

    Raises:
        WrongUse: a value that cannot be trained with.
    """

    epochs: int = 20
    margin: float = 0.2  # of the triplet loss; radians for ArcFace
    batch_size: int = 32  # triplets an optimiser step
    learning_rate: float = 1e-4
    head: str = DEFAULT_HEAD
    loss: str = "triplet"
    mining: str = "random"
    dropout: float = 0.0
    weight_decay: float | None = None  # towards where the head starts; None: the head's own, see `decay`
    patience: int | None = None  # epochs without a better validation loss before training stops; None: all epochs
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, known in (
            ("head", self.head, HEADS),
            ("loss", self.loss, LOSSES),
            ("mining", self.mining, MININGS),
        ):
            if value not in known:
                raise WrongUse(f"{name}={value!r}: faceml knows {', '.join(known)}")
        if self.loss != "triplet" and self.mining != "random":
            raise WrongUse(f"mining={self.mining!r} chooses triplets; {self.loss} has none: leave --mining out")
        if self.dropout and self.head not in LAYERED:
            raise WrongUse(f"dropout={self.dropout:g} needs a hidden layer, and {self.head} has none: leave it out")
        if self.epochs < 1 or self.batch_size < 2 or self.learning_rate <= 0 or self.margin < 0:
            raise WrongUse(
                f"epochs={self.epochs}, batch_size={self.batch_size}, learning_rate={self.learning_rate:g}, "
                f"margin={self.margin:g}: at least 1 epoch, 2 triplets, a rate above 0 and a margin of 0 or more"
            )
        if not 0 <= self.dropout < 1 or not 0 <= (self.weight_decay or 0) * self.learning_rate < 1:
            raise WrongUse(
                f"dropout={self.dropout:g}, weight_decay={self.decay:g}: dropout is 0 to below 1, weight decay "
                f"0 to below 1 / learning rate ({1 / self.learning_rate:g})"
            )

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
