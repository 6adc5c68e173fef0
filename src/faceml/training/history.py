"""How the losses went, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

STARTS = {"documented": "one of random weights", "residual": "the raw vectors", "linear": "the raw vectors, centred"}


@dataclass(frozen=True, slots=True)
class Epoch:
    """Epoch 0 is before the first step; both its losses are triplet losses."""

    number: int
    loss: float  # of training, mean over the epoch's batches
    val_loss: float  # triplet loss of validation faces, whatever the training loss is


def best_epoch(history: Sequence[Epoch]) -> Epoch:
    """The one with the lowest validation loss, the first of equals.

    >>> best_epoch([Epoch(1, 0.3, 0.2), Epoch(2, 0.2, 0.1), Epoch(3, 0.1, 0.1)]).number
    2
    """
    return min(history, key=lambda epoch: (epoch.val_loss, epoch.number))


def is_stuck(history: Sequence[Epoch], patience: int | None) -> bool:
    """No epoch of the last `patience` was better than all before."""
    return patience is not None and history[-1].number - best_epoch(history).number >= patience


def nothing_learnt(history: Sequence[Epoch], head: str) -> str | None:
    """What to tell where the head is still the one that training began with; None where it learnt something."""
    if best_epoch(history).number > 0:
        return None
    start = STARTS.get(head, f"the {head} transform")
    return (
        f"best epoch 0: no epoch was better than the start, so nothing was learnt and this head is {start}; "
        "label more faces, or try another --learning-rate or --head"
    )
