"""The head while it is trained: `faceml.identity.projection.Head` with parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from faceml.identity.projection import Head, Layer
from faceml.training.options import Options
from faceml.training.whitening import centred_identity, lda, pca_whitening, within_whitening

HIDDEN, DOCUMENTED_WIDTH = 256, 128


class Projection(nn.Module):
    """y = L2(skip·z + delta·z + layers(z)), z = x − mean; skip and mean stay as they are, the others learn.

    What learns starts at zero beside a skip, so training starts at the skip's quality, and weight decay leads back.
    """

    mean: Tensor
    skip: Tensor | None

    def __init__(
        self, mean: Tensor, skip: Tensor | None, layers: Sequence[nn.Linear], *, learns_linearly: bool, dropout: float
    ) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("skip", skip)
        self.delta = nn.Parameter(torch.zeros_like(cast(Tensor, skip))) if learns_linearly else None
        self.layers = nn.ModuleList(layers)
        self.dropout = nn.Dropout(dropout)

    @property
    def linear(self) -> list[nn.Linear]:
        """The two layers; empty without a hidden one."""
        return [cast(nn.Linear, layer) for layer in self.layers]

    @property
    def width_out(self) -> int:
        return int(self.skip.shape[0] if self.skip is not None else self.linear[-1].out_features)

    def forward(self, faces: Tensor) -> Tensor:
        centred = faces - self.mean
        output = torch.zeros((), dtype=faces.dtype)
        if self.skip is not None:
            output = output + centred @ (self.skip if self.delta is None else self.skip + self.delta).t()
        if len(self.layers):
            output = output + self.layers[1](self.dropout(torch.relu(self.layers[0](centred))))
        return nn.functional.normalize(output, dim=1)

    @torch.no_grad()
    def export(self) -> Head:
        """As plain arrays, to be applied without torch."""
        skip = self.skip if self.delta is None else cast(Tensor, self.skip) + self.delta
        layers = tuple(Layer(_array(layer.weight), _array(layer.bias)) for layer in self.linear)
        return Head(_array(self.mean), None if skip is None else _array(skip), layers)


def start_projection(options: Options, vectors: NDArray[np.float32], people: NDArray[np.intp]) -> Projection:
    """The head that `options.head` names, before its first step; the same for the same seed.

    Args:
        vectors: (N, D) unit rows of the training faces, which a whitening or LDA start is computed from.
        people: (N,) who each is.
    """
    width = vectors.shape[1]
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(options.seed)
        if options.head == "documented":
            layers = _layers(width, DOCUMENTED_WIDTH)
            return Projection(torch.zeros(width), None, layers, learns_linearly=False, dropout=options.dropout)
        if options.head == "residual":
            layers = _layers(width, width)
            nn.init.zeros_(layers[1].weight)
            nn.init.zeros_(layers[1].bias)
            same = torch.eye(width)
            return Projection(torch.zeros(width), same, layers, learns_linearly=False, dropout=options.dropout)
    starts = {
        "linear": lambda: centred_identity(vectors),
        "whitening": lambda: within_whitening(vectors, people),
        "pca": lambda: pca_whitening(vectors),
        "lda": lambda: lda(vectors, people),
    }
    start = starts[options.head]()
    # Copies, since torch aligns them, and sums over memory aligned otherwise may round otherwise.
    mean, skip = torch.tensor(start.mean), torch.tensor(start.skip)
    return Projection(mean, skip, (), learns_linearly=True, dropout=options.dropout)


def empty_projection(state: dict[str, Tensor], *, dropout: float = 0.0) -> Projection:
    """A projection of the shapes that a checkpoint's state has, filled with it."""
    shapes = [state[f"layers.{number}.weight"].shape for number in range(2) if f"layers.{number}.weight" in state]
    layers = [nn.Linear(columns, rows) for rows, columns in shapes]
    mean, skip = torch.zeros_like(state["mean"]), torch.zeros_like(state["skip"]) if "skip" in state else None
    projection = Projection(mean, skip, layers, learns_linearly="delta" in state, dropout=dropout)
    projection.load_state_dict(state)
    return projection


def _layers(width: int, width_out: int) -> list[nn.Linear]:
    return [nn.Linear(width, HIDDEN), nn.Linear(HIDDEN, width_out)]


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.array(tensor.detach().cpu().numpy(), np.float32)
