"""The training loop's body, and what it makes smaller: several documented batches a Lightning step, an update each."""

from __future__ import annotations

import math
from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.utils.data import DataLoader

from faceml.training.data import Faces, epoch_chunks, epoch_seed, validation_triplets
from faceml.training.heads import Projection
from faceml.training.options import Options
from faceml.training.triplet_step import TripletStep

ARCFACE_SCALE = 30.0  # the paper's 64 suits millions of faces; a few hundred are all right at once with it


class ProjectionTask(pl.LightningModule):
    """Trains a head over embeddings that stay as they are."""

    def __init__(self, projection: Projection, faces: Faces, options: Options, *, first_epoch: int = 0) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.projection = projection
        self.options = options
        self.criterion: MinedLoss | None = None
        if not options.is_random_triplets:
            self.criterion = mined_loss(options, people=faces.people, width=projection.width_out)
        # Weight decay beside the gradient (AdamW), so with a decay of 0 it is exactly the documented Adam.
        parameters: Any = list(self.parameters())
        self.optimizer = AdamW(parameters, lr=options.learning_rate, weight_decay=options.decay, fused=True)
        self._faces = faces
        self._validation = validation_triplets(faces, options.seed)
        self._first_epoch = first_epoch
        self._losses: list[Tensor] = []
        self._written_out: TripletStep | None = None
        if options.is_random_triplets and options.dropout == 0:
            self._written_out = TripletStep(projection, faces.vectors, self.optimizer, options.margin)

    def configure_optimizers(self) -> Optimizer:
        return self.optimizer

    @property
    def epoch_at_work(self) -> int:
        """From 1, those before a resume included."""
        return self._first_epoch + self.current_epoch + 1

    def train_dataloader(self) -> DataLoader[Tensor]:
        chunks: Any = epoch_chunks(self._faces, self.options, self.epoch_at_work)
        return DataLoader(chunks, batch_size=None)

    def on_train_epoch_start(self) -> None:
        self._losses = []

    def training_step(self, chunk: Tensor, index: int) -> None:
        """Update once a batch: (T, 3) triplets, `batch_size` an update, or (S, B) faces, a row an update."""
        if index == 0:  # for dropout; later than whatever else Lightning draws
            torch.manual_seed(epoch_seed(self.options.seed, self.epoch_at_work))
        if self.options.is_random_triplets:
            step = self._written_out or self._triplet_step
            self._losses += [step(triplets) for triplets in torch.split(chunk, self.options.batch_size)]
        else:
            self._losses += [self._mined_step(rows) for rows in chunk]

    @property
    def training_loss(self) -> float:
        """Mean over the batches of the last epoch, each before its update."""
        return float(torch.stack(self._losses).mean())

    @property
    def validation_loss(self) -> float:
        return self.triplet_loss(self._validation)

    @torch.no_grad()
    def triplet_loss(self, triplets: Tensor) -> float:
        """Mean triplet loss as the head is now."""
        was_training = self.projection.training
        unit = self.projection.eval()(self._faces.vectors)
        self.projection.train(was_training)
        anchor, positive, negative = (unit[column] for column in triplets.t())
        return float(triplet_loss(anchor, positive, negative, self.options.margin))

    def _triplet_step(self, triplets: Tensor) -> Tensor:
        anchor, positive, negative = self.projection(self._faces.vectors[triplets.t().reshape(-1)]).chunk(3)
        return self._update(triplet_loss(anchor, positive, negative, self.options.margin))

    def _mined_step(self, rows: Tensor) -> Tensor:
        criterion = cast(MinedLoss, self.criterion)
        return self._update(criterion(self.projection(self._faces.vectors[rows]), self._faces.owners[rows]))

    def _update(self, loss: Tensor) -> Tensor:
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean of max(0, margin + d(anchor, positive) − d(anchor, negative)), d Euclidean (specification)."""
    gap = (anchor - positive).norm(dim=1) - (anchor - negative).norm(dim=1)
    return torch.relu(margin + gap).mean()


class MinedLoss(nn.Module):
    """A loss over a batch of faces and whose they are; triplets, where it has any, are chosen within the batch."""

    def __init__(self, loss: Any, miner: Any = None) -> None:
        super().__init__()
        self.loss = loss
        self.miner = miner

    def forward(self, projected: Tensor, owners: Tensor) -> Tensor:
        found: Tensor = self.loss(projected, owners, self.miner(projected, owners) if self.miner else None)
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
