"""What training makes smaller."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from faceml.training.options import Options

ARCFACE_SCALE = 30.0  # the paper's 64 suits millions of faces; a few hundred are all right at once with it


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean of max(0, margin + d(anchor, positive) − d(anchor, negative)), d Euclidean (specification)."""
    apart = (anchor - positive).norm(dim=1) - (anchor - negative).norm(dim=1)
    return torch.relu(margin + apart).mean()


class MinedLoss(nn.Module):
    """A loss over a batch of faces and whose they are; triplets, where it has any, are chosen within the batch."""

    def __init__(self, loss: Any, miner: Any = None) -> None:
        super().__init__()
        self.loss = loss
        self.miner = miner

    def forward(self, projected: Tensor, owners: Tensor) -> Tensor:
        chosen = self.miner(projected, owners) if self.miner is not None else None
        found: Tensor = self.loss(projected, owners, chosen)
        return found


def mined_loss(options: Options, *, people: int, width: int) -> MinedLoss:
    """The loss that `options` name, of pytorch-metric-learning.

    ArcFace learns a direction for each of the `people`, so it has parameters of its own.
    """
    from pytorch_metric_learning import distances, losses, miners, reducers

    if options.loss == "supcon":
        return MinedLoss(losses.SupConLoss(temperature=0.1))
    if options.loss == "arcface":
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(options.seed)
            # The library takes its margin in degrees, the paper (and --margin) in radians.
            loss = losses.ArcFaceLoss(people, width, margin=math.degrees(options.margin), scale=ARCFACE_SCALE)
        return MinedLoss(loss)
    euclidean = distances.LpDistance(normalize_embeddings=False)
    loss = losses.TripletMarginLoss(margin=options.margin, distance=euclidean, reducer=reducers.MeanReducer())
    if options.mining == "batch-hard":
        return MinedLoss(loss, miners.BatchHardMiner(distance=euclidean))
    return MinedLoss(loss, miners.TripletMarginMiner(options.margin, "semihard", distance=euclidean))
