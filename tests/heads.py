"""Made-up projection heads, and how they get into a registry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from faceml.identity.projection import Head, Layer
from faceml.library import Library
from faceml.metrics.identification import Estimate
from faceml.services.learn.fit_matcher import Question
from faceml.storage.registry.records import ModelCard, RegisteredModel
from faceml.trial.comparison import Comparison, Gain
from tests.conftest import WIDTH

CARD = ModelCard(kind="made up", pack="opencv-zoo", fingerprint="f" * 64, snapshot="abc", people=3, faces=30)


def unmeasured(_: Question) -> None:
    """In place of the gate, which fits many times more, where a test does not ask what it says."""


def matrix(rows: int, columns: int, *, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(0, columns**-0.5, (rows, columns)).astype(np.float32)


def layers(seed: int) -> tuple[Layer, ...]:
    return (
        Layer(matrix(256, WIDTH, seed=seed), matrix(256, 1, seed=seed + 1)[:, 0] * 0.1),
        Layer(matrix(128, 256, seed=seed + 2), matrix(128, 1, seed=seed + 3)[:, 0] * 0.1),
    )


def deep_head(seed: int) -> Head:
    """The documented shape."""
    return Head(np.zeros(WIDTH, np.float32), None, layers(seed))


def whitening_head(seed: int) -> Head:
    return Head(matrix(WIDTH, 1, seed=seed)[:, 0] * 0.1, matrix(64, WIDTH, seed=seed + 1), ())


def residual_head(seed: int) -> Head:
    return Head(matrix(WIDTH, 1, seed=seed)[:, 0] * 0.1, np.eye(128, WIDTH, dtype=np.float32), layers(seed))


def register(
    library: Library, head: Head, *, card: ModelCard = CARD, comparison: str = '{"made": "up"}'
) -> RegisteredModel:
    with library.tracking.run("train") as run:
        assert run.id
        return library.registry.register(head, card, comparison=comparison, run_id=run.id)


def card_for(library: Library) -> ModelCard:
    """A card whose pack is this library's."""
    return replace(CARD, fingerprint=library.packs.contract().fingerprint)


def comparison(gain: float, *rivals: str) -> str:
    """As training writes it: the head is `gain` better than each rival, give or take 0.01."""
    names = ("raw", *(rival for rival in rivals if rival != "raw"))
    figures = {name: {"tar@far=1e-3": Estimate(0.9, 0.88, 0.92)} for name in names}
    return Comparison(
        candidates=(*names, "head"),
        measured={**figures, "head": {"tar@far=1e-3": Estimate(0.9 + gain, 0.88 + gain, 0.92 + gain)}},
        gains=tuple(Gain("head", name, "tar@far=1e-3", gain, gain - 0.01, gain + 0.01) for name in names),
        primary="tar@far=1e-3",
        missing={"dir@far=1e-2": "needs 100 strangers, there are 3"},
        people=40,
        faces=400,
        folds=5,
        confidence=0.95,
    ).to_json()
