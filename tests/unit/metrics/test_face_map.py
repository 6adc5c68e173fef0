"""The map of faces: whoever looks alike lies together, in whichever order they come."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from faceml.metrics.face_map import FaceMap
from tests.conftest import people_vectors

PEOPLE, FACES = 4, 8


# But for the first, orders that one start laid out badly.
@pytest.mark.parametrize("seed", [0, 249, 288, 307, 694, 744])
def test_no_person_lies_among_the_faces_of_another(seed: int) -> None:
    vectors = people_vectors(PEOPLE, FACES, seed=3)
    order = np.random.default_rng(seed).permutation(len(vectors))
    places = np.empty((len(vectors), 2))
    places[order] = FaceMap.drawn(vectors[order]).places
    people = places.reshape(PEOPLE, FACES, 2)
    spread = np.mean([np.linalg.norm(group - group.mean(axis=0), axis=1).mean() for group in people])
    apart = min(np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)) for one, other in combinations(people, 2))
    assert apart > 5 * spread
