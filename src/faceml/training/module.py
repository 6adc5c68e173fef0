"""The training loop's body: several documented batches a Lightning step, one optimiser update each."""

from __future__ import annotations

from typing import Any, cast

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

from faceml.training.data import Faces, epoch_seed
from faceml.training.heads import Projection
from faceml.training.losses import MinedLoss, mined_loss, triplet_loss
from faceml.training.options import Options
from faceml.training.triplet_step import TripletStep


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
        self.optimizer = _adam(self, options)
        self._faces = faces
        self._first_epoch = first_epoch
        self._losses: list[Tensor] = []
        self._written_out: TripletStep | None = None
        if options.is_random_triplets and options.dropout == 0:
            self._written_out = TripletStep(projection, faces.vectors, self.optimizer, options.margin)
        self.validation_loss = float("nan")

    def load_optimizer(self, optimizer: dict[str, Any], criterion: dict[str, Any] | None) -> None:
        """Go on where a checkpoint left off."""
        self.optimizer.load_state_dict(optimizer)
        if self.criterion is not None and criterion is not None:
            self.criterion.load_state_dict(criterion)

    def configure_optimizers(self) -> Optimizer:
        return self.optimizer

    def on_train_epoch_start(self) -> None:
        self._losses = []

    def training_step(self, chunk: Tensor, index: int) -> None:
        """Update once a batch: (T, 3) triplets, `batch_size` an update, or (S, B) faces, a row an update."""
        if index == 0:  # for dropout; later than whatever else Lightning draws
            torch.manual_seed(epoch_seed(self.options.seed, self._first_epoch + self.current_epoch + 1))
        if self.options.is_random_triplets:
            step = self._written_out or self._triplet_step
            self._losses += [step(triplets) for triplets in torch.split(chunk, self.options.batch_size)]
        else:
            self._losses += [self._mined_step(rows) for rows in chunk]

    def validation_step(self, triplets: Tensor, _index: int) -> None:
        self.validation_loss = self.triplet_loss(triplets)

    @property
    def training_loss(self) -> float:
        """Mean over the batches of the last epoch, each before its update."""
        return float(torch.stack(self._losses).mean())

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


def _adam(module: torch.nn.Module, options: Options) -> AdamW:
    """Adam; weight decay apart from the gradient (AdamW), so with none it is exactly the documented Adam."""
    parameters: Any = list(module.parameters())
    return AdamW(parameters, lr=options.learning_rate, weight_decay=options.decay, fused=True)
