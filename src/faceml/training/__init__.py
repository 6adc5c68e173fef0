"""Learning a projection of embeddings; the only folder that imports torch and Lightning, and only to train.

splits, triplets, data     who is trained on, and the triplets of an epoch
heads, whitening           where a head starts and what of it learns
losses, triplet_step       what becomes smaller, and by which step
module, fit, history       the loop, the best epoch, when to stop
checkpoint, trainer        files, and `FaceTrainer` to apply them
cross_fit                  one head a fold, for the comparison on people held out
"""

from faceml.training.trainer import FaceTrainer

__all__ = ["FaceTrainer"]
