"""Libraries that several of these tests start from; their faces were never looked at, so no model is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from faceml.addresses import sqlite_url
from faceml.config import Settings
from faceml.library import Library
from tests.conftest import add_faces, copy_library, people_vectors
from tests.fakes import FakePack, library_with


@pytest.fixture
def bare_library(tmp_path: Path) -> Iterator[Library]:
    """An empty library of faces that a test makes up, with runs of its own: the checkout may hold a demo's."""
    runs = sqlite_url(tmp_path / "mlruns" / "mlflow.db")
    opened = library_with(FakePack(), Settings(home=tmp_path / "library", model_pack="opencv-zoo", tracking_uri=runs))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def two_people_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people: six faces each, four of them in the clusters clu_0 and clu_1."""
    settings = Settings(home=tmp_path_factory.mktemp("two-people") / "library", model_pack="opencv-zoo")
    made = library_with(FakePack(), settings)
    ids = add_faces(made, people_vectors(2, 6, seed=3))
    with made.repository.begin() as unit:
        unit.faces.set_clusters([(id_, f"clu_{row // 6}") for row, id_ in enumerate(ids) if row % 6 < 4])
    made.close()
    return settings.home


@pytest.fixture
def two_people(two_people_once: Path, bare_library: Library) -> Library:
    """A copy of that."""
    copy_library(two_people_once, bare_library.settings.home)
    return bare_library


@pytest.fixture
def faces(two_people: Library) -> list[UUID]:
    """The ids of `two_people`, in order of person; 4, 5, 10 and 11 are in no cluster."""
    with two_people.repository.read() as unit:
        photos = unit.faces.photo_of([face_id for face_id, _, _ in unit.faces.labels()])
    return sorted(photos, key=photos.__getitem__)
