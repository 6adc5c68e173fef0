"""Faces as points on a plane: near each other where their embeddings are.

Distances on it are a hint only: t-SNE keeps neighbours together and distorts the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_FOR_TSNE = 5_000  # above it t-SNE takes minutes on two cores; PCA takes seconds
COMPONENTS = 50  # that t-SNE compares, as its authors do: what further ones tell is noise
NEIGHBOURS = 3  # landmarks that say where another face lies
SPREAD = 0.004  # of the map's side: faces of one place are drawn beside each other
BLOCK_ROWS = 2_048
# Of few faces one start in a hundred left somebody's faces among another's: of several the best is taken.
FEW, TRIES = 500, 4
_FEWEST_FOR_TSNE = 10


def plane(vectors: NDArray[np.float32], *, iterations: int = 1_000) -> NDArray[np.float64]:
    """(N, 2) positions: t-SNE (van der Maaten and Hinton, 2008) of up to 5,000 vectors, else principal components.

    Args:
        vectors: (N, D) unit rows, N >= 2.
    """
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred.T @ centred)
    components = centred @ axes[:COMPONENTS].T
    flat = np.zeros((len(vectors), 2))
    flat[:, : components.shape[1]] = components[:, :2]
    if not _FEWEST_FOR_TSNE <= len(vectors) <= MOST_FOR_TSNE:
        return flat
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it publishes no types

    # sklearn wants the start of a t-SNE small: first axis at a standard deviation of 1e-4.
    start = flat / max(float(flat[:, 0].std()), 1e-12) * 1e-4
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    # One thread: on a busy machine several wait for each other (2,000 faces on two cores: 82 s, 16 s with one).
    with threadpool_limits(limits=1):
        tried = []
        for seed in range(TRIES if len(vectors) <= FEW else 1):
            begun = start + np.random.default_rng(seed).normal(0, 1e-4, start.shape) * (seed > 0)
            tsne = TSNE(init=begun, perplexity=perplexity, random_state=0, max_iter=iterations)
            placed = tsne.fit_transform(components)
            tried.append((float(tsne.kl_divergence_), seed, placed))
    return np.asarray(min(tried)[2], dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class FaceMap:
    """Where some faces lie, the landmarks, and so where any other does."""

    landmarks: NDArray[np.float32]  # (L, D) unit rows
    places: NDArray[np.float64]  # (L, 2) each from 0 to 1

    @classmethod
    def drawn(cls, landmarks: NDArray[np.float32], *, iterations: int = 500) -> FaceMap:
        """The map of these faces; one alone is in its middle."""
        if len(landmarks) < 2:
            return cls(landmarks, np.full((len(landmarks), 2), 0.5))
        flat = plane(landmarks, iterations=iterations)
        low, high = flat.min(axis=0), flat.max(axis=0)
        side = max(float((high - low).max()), 1e-12)
        return cls(landmarks, 0.5 + (flat - (low + high) / 2) / side * 0.96)

    def place(self, vectors: NDArray[np.float32], *, seed: int = 0) -> NDArray[np.float64]:
        """(N, 2) each from 0 to 1: between a face's nearest landmarks, nearer to the more similar; a landmark's own.

        >>> faces = np.eye(3, dtype=np.float32)
        >>> found = FaceMap(faces, np.array([[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]))
        >>> found.place(faces[:1]).round(2).tolist()
        [[0.1, 0.1]]
        """
        answer = np.full((len(vectors), 2), 0.5)
        count = min(NEIGHBOURS, len(self.landmarks))
        if not count:
            return answer
        jitter = np.random.default_rng(seed).normal(0, SPREAD, answer.shape)
        for start in range(0, len(vectors), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            cosines = vectors[part] @ self.landmarks.T
            nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
            alike = np.take_along_axis(cosines, nearest, axis=1)
            # Steep, so that a face lies with the one person it resembles and not between three people.
            weights = np.exp(20 * (alike - alike.max(axis=1, keepdims=True)))
            weights /= weights.sum(axis=1, keepdims=True)
            between = np.einsum("nk,nkd->nd", weights, self.places[nearest])
            is_one = alike.max(axis=1) > 1 - 1e-5
            exact = self.places[nearest[np.arange(len(nearest)), alike.argmax(axis=1)]]
            answer[part] = np.where(is_one[:, None], exact, between + jitter[part])
        return np.asarray(np.clip(answer, 0, 1), np.float64)
