"""Learning a projection of embeddings; the only folder that imports torch and Lightning, and only to train.

splits, triplets, data     who is trained on, and the triplets of an epoch
heads, whitening           where a head starts and what of it learns
losses, triplet_step       what becomes smaller, and by which step
module, fit, history       the loop, the best epoch, when to stop
checkpoint, trainer        files, and `FaceTrainer` to apply them
cross_fit                  one head a fold, for the comparison on people held out
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faceml.training.trainer import FaceTrainer

__all__ = ["FaceTrainer"]


def __getattr__(name: str) -> Any:
    # Late, so that reading `faceml.training.options` does not load numpy: the command line's help shows defaults.
    if name == "FaceTrainer":
        from faceml.training.trainer import FaceTrainer

        return FaceTrainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
