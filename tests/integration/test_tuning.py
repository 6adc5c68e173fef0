"""What other settings would do, on a sample."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from faceml.errors import WrongUse
from faceml.library import Library
from faceml.services.cluster.tune import take_sample, try_settings
from tests.synthetic import synthetic_library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = synthetic_library(tmp_path / "library", people=6, faces=8, known=3)
    yield opened
    opened.close()


def test_pairs_and_false_matches_are_those_of_a_slow_count(library: Library) -> None:
    sample = take_sample(library)
    with library.repository.read() as unit:
        prototypes, vectors = unit.prototypes.all(), unit.vectors.of(sample.face_ids)
    exemplars = list(zip(prototypes.face_ids, prototypes.vectors, strict=True))
    nearest = {
        face_id: max(float(vector @ other) for other_id, other in exemplars if other_id != face_id)
        for face_id, vector in zip(vectors.face_ids, vectors.vectors, strict=True)
    }
    assert {pair.one: pair.similarity for pair in sample.pairs} == pytest.approx(nearest, abs=1e-6)
    assert all(one.similarity <= other.similarity for one, other in pairwise(sample.pairs))
    threshold = float(np.median(list(nearest.values()))) + 1e-6
    effect = try_settings(sample, threshold=threshold, min_cluster_size=5, min_samples=3)
    assert effect.recognised == np.mean([value >= threshold for value in nearest.values()])
    assert effect.above[0].similarity >= threshold > effect.below[0].similarity
    assert sample.scores is not None
    for value in (0.05, 0.2, 0.9):
        false = try_settings(sample, threshold=value, min_cluster_size=5, min_samples=3).false_matches
        assert false is not None
        assert false.share == np.mean([score >= value for score in sample.scores.impostor])
        assert false.share <= false.at_most <= 1
    with pytest.raises(WrongUse, match="min_cluster_size=1"):
        try_settings(sample, threshold=0.5, min_cluster_size=1, min_samples=3)
