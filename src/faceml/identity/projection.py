"""The projection head as plain arrays: what training makes, the registry stores and everything else applies.

One form covers all heads faceml trains (specification, chapter Training System; DESIGN D8):

    z = x − mean,   y = skip·z + layer_n(… relu(layer_1(z))),   output y / |y|

The documented head has two layers and no skip, a whitening or LDA a skip and no layers, a residual head both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceml.errors import ModelMismatch, WrongUse

_TINY = 1e-12  # a vector shorter than this has no direction


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """y = weight·x + bias."""

    weight: NDArray[np.float32]  # (outputs, inputs)
    bias: NDArray[np.float32]  # (outputs,)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A map from unit vectors of width D to unit vectors of width d."""

    mean: NDArray[np.float32]  # (D,) taken off first; zeros where the head does not centre
    skip: NDArray[np.float32] | None  # (d, D) the linear way past the layers; None: only the layers
    layers: tuple[Layer, ...]  # ReLU between them, not after the last; empty: the skip is all

    def __post_init__(self) -> None:
        """Raises WrongUse where the shapes do not fit together."""
        width = self.width_in
        for layer in self.layers:
            if layer.weight.shape[1] != width or layer.bias.shape != layer.weight.shape[:1]:
                raise WrongUse(f"a layer {layer.weight.shape} cannot follow one of width {width}")
            width = layer.weight.shape[0]
        if self.skip is None and not self.layers:
            raise WrongUse("a head needs layers or a skip")
        if self.skip is not None and self.skip.shape != (width if self.layers else len(self.skip), self.width_in):
            raise WrongUse(f"a skip {self.skip.shape} does not lead from width {self.width_in} to {width}")

    @property
    def width_in(self) -> int:
        """D."""
        return len(self.mean)

    @property
    def width_out(self) -> int:
        """d."""
        last = self.layers[-1].bias if self.layers else self.skip
        return 0 if last is None else len(last)


def project(head: Head, embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
    """Apply a head to (N, D) unit rows, or to one (D,) vector; a row that the head maps to zero stays zero.

    Raises:
        ModelMismatch: the rows have another width.

    >>> turn = Head(np.zeros(2, np.float32), np.array([[0, 1], [1, 0]], np.float32), ())
    >>> project(turn, np.array([[1.0, 0.0]])).tolist()
    [[0.0, 1.0]]
    """
    rows = np.asarray(embeddings, dtype=np.float32)
    if rows.shape[-1] != head.width_in:
        raise ModelMismatch(
            f"vectors of width {rows.shape[-1]} do not fit a head made for width {head.width_in}: it was trained on "
            "another model pack"
        )
    centred = rows - head.mean
    output = np.zeros((*rows.shape[:-1], head.width_out), dtype=np.float32)
    if head.layers:
        inner = centred
        for number, layer in enumerate(head.layers):
            inner = (np.maximum(inner, 0) if number else inner) @ layer.weight.T + layer.bias
        output += inner
    if head.skip is not None:
        output += centred @ head.skip.T
    lengths = np.linalg.norm(output, axis=-1, keepdims=True)
    output /= np.maximum(lengths, np.float32(_TINY))
    return output
