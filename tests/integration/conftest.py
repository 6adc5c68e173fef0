"""Libraries that several of these tests start from; their faces were never looked at, so no model is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest

from faceml.config import Settings
from faceml.records import PackContract
from faceml.wiring import Library
from tests.conftest import WIDTH, add_faces, people_vectors

PACK = SimpleNamespace(contract=PackContract("opencv-zoo", WIDTH, "f" * 64, "MIT", 0.36))


@pytest.fixture
def bare_library(tmp_path: Path) -> Iterator[Library]:
    """An empty library of faces that a test makes up."""
    opened = Library(Settings(home=tmp_path / "library", model_pack="opencv-zoo"))
    opened.__dict__["pack"] = PACK
    yield opened
    opened.close()


@pytest.fixture
def two_people(bare_library: Library) -> Library:
    """Two people: six faces each, four of them in the clusters clu_0 and clu_1."""
    ids = add_faces(bare_library, people_vectors(2, 6, seed=3))
    with bare_library.repository.begin() as unit:
        unit.faces.set_clusters([(id_, f"clu_{row // 6}") for row, id_ in enumerate(ids) if row % 6 < 4])
    return bare_library


@pytest.fixture
def faces(two_people: Library) -> list[UUID]:
    """The ids of `two_people`, in order of person; 4, 5, 10 and 11 are in no cluster."""
    with two_people.repository.read() as unit:
        photos = unit.faces.photo_of([face_id for face_id, _, _ in unit.faces.labels()])
    return sorted(photos, key=photos.__getitem__)
