"""Made-up albums in which some people and some faces are near everybody."""

from __future__ import annotations

import numpy as np

from faceml.trial.recognition import Album

WIDTH = 64


def album(seed: int = 0, people: int = 60, spread: float = 0.7) -> Album:
    """Made-up people in photos of two, some of them near everybody, as children and blurred faces are.

    Background faces, marked -1, are never asked about.
    """
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people + 20), np.concatenate((rng.integers(2, 8, people), np.ones(20, int))))
    common = rng.standard_normal(WIDTH)
    likeness = rng.uniform(0, 1.5, people + 20)[:, None]  # of a person to everybody
    directions = rng.standard_normal((people + 20, WIDTH)) + likeness * common
    blur = rng.uniform(0, 1.5, len(who))[:, None]
    vectors = directions[who] + spread * rng.standard_normal((len(who), WIDTH)) + blur * common
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = rng.permutation(len(who))
    return Album.of(
        vectors[order].astype(np.float32),
        np.where(who < people, who, -1)[order],
        np.arange(len(who)) // 2,
        rng.random(len(who)),
        match_threshold=0.4,
    )
