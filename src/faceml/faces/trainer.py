"""A trained projection applied by hand, under the specification's name (its chapter on the training system)."""

from faceml.training.checkpoint import FaceTrainer

__all__ = ["FaceTrainer"]
