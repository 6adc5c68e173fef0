"""Learning a projection of embeddings; the only folder that imports torch and Lightning, and only to train.

splits, data           who is trained on, and the triplets of an epoch
heads, whitening       where a head starts and what of it learns
module, triplet_step   what becomes smaller, and by which step
fit, history           the loop, the best epoch, when to stop
checkpoint             files, and `FaceTrainer` to apply them
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faceml.training.checkpoint import FaceTrainer

__all__ = ["FaceTrainer"]


def __getattr__(name: str) -> Any:
    # Late, so that reading `faceml.training.options` does not load numpy: the command line's help shows defaults.
    if name == "FaceTrainer":
        from faceml.training.checkpoint import FaceTrainer

        return FaceTrainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
