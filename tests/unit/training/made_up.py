"""Made-up people with a known difficulty."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def people(count: int, faces: int, *, width: int = 32, spread: float = 1.0, seed: int = 0) -> tuple[Array, Array]:
    """Unit rows around random directions, and who each is."""
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(count), faces)
    return _unit(_directions(rng, count, width)[owners] + _noise(rng, len(owners), width, spread)), owners


def people_in_changing_light(
    count: int, faces: int, *, width: int = 32, lights: int = 4, strength: float = 2.0, seed: int = 0
) -> tuple[Array, Array]:
    """The same, but a few directions, common to all people, vary wildly from photo to photo.

    Whoever learns to shrink those directions tells people apart that it has never seen.
    """
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(count), faces)
    light = np.linalg.qr(np.random.default_rng(99).normal(size=(width, lights)))[0].T
    rows = _directions(rng, count, width)[owners] + _noise(rng, len(owners), width, 0.5)
    return _unit(rows + strength * rng.normal(size=(len(owners), lights)) / np.sqrt(lights) @ light), owners


def _directions(rng: np.random.Generator, count: int, width: int) -> Array:
    return _unit(rng.normal(size=(count, width)))


def _noise(rng: np.random.Generator, rows: int, width: int, spread: float) -> Array:
    return spread * rng.normal(size=(rows, width)) / np.sqrt(width)


def _unit(rows: Array) -> Array:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
