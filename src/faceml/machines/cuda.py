"""Products of rows on a CUDA card, by torch, in full float32: what they exclude stays proven (`hdbscan.distances`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from ctypes.util import find_library
from typing import Any

import numpy as np
from numpy.typing import NDArray

RowNumbers = NDArray[np.intp]

WORTH_A_CARD = 20_000  # rows; fewer are compared before torch is imported
_ROOM = 1 << 30  # bytes of the card that stay free for products, and for others

log = logging.getLogger(__name__)


def cards(
    provider: str, *, on_note: Callable[[str], object] = log.info
) -> Callable[[NDArray[np.float32]], CudaRows | None] | None:
    """What puts rows on this machine's card; None where FACEML_PROVIDER is for another device, or no driver is here."""
    if provider not in ("auto", "cuda") or not (find_library("cuda") or find_library("nvcuda")):
        return None

    def on_card(rows: NDArray[np.float32]) -> CudaRows | None:
        if len(rows) < WORTH_A_CARD or not _has_room(2 * rows.nbytes):  # a tree arranges them anew
            return None
        found = CudaRows(rows)
        on_note(f"Faces are compared on {found.name}")
        return found

    return on_card


class CudaRows:
    """(N, D) rows on a card, see `hdbscan.distances.Card`."""

    def __init__(self, rows: NDArray[np.float32], device: str = "cuda") -> None:
        import torch

        torch.backends.cuda.matmul.allow_tf32 = False  # ten bits of a product would be lost
        self._torch, self._device = torch, device
        self._rows = torch.from_numpy(np.ascontiguousarray(rows)).to(device)

    @property
    def name(self) -> str:
        return str(self._torch.cuda.get_device_name()) if self._device == "cuda" else self._device

    def multiply(self, left: slice | RowNumbers, right: slice, *, into: NDArray[np.float32]) -> None:
        product = self._of(left) @ self._rows[right].T
        self._torch.from_numpy(into).copy_(product)

    def arranged(self, order: RowNumbers) -> CudaRows:
        other = object.__new__(CudaRows)
        other._torch, other._device, other._rows = self._torch, self._device, self._of(order)
        return other

    def _of(self, rows: slice | RowNumbers) -> Any:
        if isinstance(rows, slice):
            return self._rows[rows]
        return self._rows[self._torch.from_numpy(np.ascontiguousarray(rows, dtype=np.int64)).to(self._device)]


def _has_room(needed: int) -> bool:
    """Whether torch is here and finds a card with so many bytes free."""
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available() and torch.cuda.mem_get_info()[0] > needed + _ROOM
