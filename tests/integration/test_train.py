"""Training over a real library, MLflow and registry: what it refuses, what it reports, what the gate makes of it."""

from __future__ import annotations

from uuid import UUID

import numpy as np

from faceml.services.label import label_cluster  # noqa: F401
from faceml.services.reassign import assign_faces_to
from faceml.services.train import train_matching
from faceml.training.options import Options
from faceml.wiring import Library
from tests.conftest import add_faces, people_vectors


def label_people(library: Library, vectors: np.ndarray, sizes: list[int]) -> list[UUID]:
    """One person a size, labelled by hand, in order of the vectors."""
    ids = add_faces(library, vectors)
    start = 0
    for number, size in enumerate(sizes):
        assign_faces_to(library, ids[start : start + size], f"Person {number}", actor="me")
        start += size
    return ids


def test_x(mlflow_here, library):
    label_people(library, people_vectors(6, 6, spread=1.0), [6] * 6)
    import time

    t = time.time()
    r = train_matching(library, Options(epochs=10))
    print(time.time() - t)
    from faceml.cli.train import results

    print(results(r, 10))
