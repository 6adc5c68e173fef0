"""A library that is killed at any moment loses and doubles nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faceml.config import Settings
from faceml.demo.build import build_demo
from faceml.library import Library
from faceml.options import ClusterOptions, DetectOptions
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.index.drain import drain_outbox
from faceml.services.index.repair import find_orphans
from faceml.services.operate.status import read_stats
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from faceml.wiring import open_library
from tests.fakes import library_with

WORK = """
import sys
from faceml.config import read_settings
from faceml.options import ClusterOptions, DetectOptions
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.photos.detect import backfill_faces
from faceml.library import Library
from faceml.wiring import open_library
import faceml.services.photos.detect as detect

detect.BATCH = 4  # more transactions to be killed in
library = open_library(read_settings())
library.packs.load()
print("ready", flush=True)
while backfill_faces(library, DetectOptions(limit=8)).processed:
    cluster_faces(library, ClusterOptions(min_cluster_size=3))
while True:  # shifting parameters move faces between clusters and noise, through the outbox, until somebody kills us
    for size in (2, 3, 4, 5):
        cluster_faces(library, ClusterOptions(min_cluster_size=size))
"""


@pytest.fixture
def demo_photos(tmp_path: Path, photo_count: int) -> Path:
    photos = build_demo(tmp_path / "demo").photos
    for photo in sorted(photos.glob("*.jpg"))[photo_count:]:
        photo.unlink()
    return photos


@pytest.mark.parametrize(("kills", "photo_count"), [(1, 16), pytest.param(40, 200, marks=pytest.mark.nightly)])
def test_kills_at_random_moments_lose_and_double_nothing(
    kills: int, demo_photos: Path, tmp_path: Path, model_cache: Path, opencv_zoo: object
) -> None:
    settings = Settings(home=tmp_path / "killed", model_pack="opencv-zoo", model_root=model_cache)
    library = open_library(settings)
    ingest_folder(library.repository, demo_photos)
    rng = random.Random(20)
    for _ in range(kills):
        kill_a_worker_after(rng.uniform(0.0, 2.5), settings)
    backfill_faces(library, DetectOptions(limit=10_000))
    cluster_faces(library, ClusterOptions(min_cluster_size=3))
    assert drain_outbox(library).backlog == 0
    found = find_orphans(library, limit=10_000)
    assert (found.orphans, found.stale_points, found.stray_points) == ((), 0, 0)
    assert boxes(library) == boxes(never_killed(demo_photos, tmp_path, opencv_zoo))
    stats = read_stats(library)
    assert stats.points == stats.total_faces
    library.close()


def kill_a_worker_after(seconds: float, settings: Settings) -> None:
    """Start a process that detects and clusters, and kill it this long after its models are loaded."""
    environment = {
        **os.environ,
        "FACEML_HOME": str(settings.home),
        "FACEML_MODEL_PACK": settings.model_pack,
        "FACEML_MODEL_ROOT": str(settings.model_root),
    }
    worker = subprocess.Popen([sys.executable, "-c", WORK], env=environment, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    try:
        assert worker.wait(seconds) != 0, "it must not have failed by itself"
        pytest.fail(f"the worker ended with {worker.returncode} before it was killed")
    except subprocess.TimeoutExpired:
        worker.send_signal(signal.SIGKILL)
    assert worker.wait(120) == -signal.SIGKILL


def never_killed(photos: Path, tmp_path: Path, pack: object) -> Library:
    library = library_with(pack, Settings(home=tmp_path / "whole", model_pack="opencv-zoo"))
    ingest_folder(library.repository, photos)
    backfill_faces(library, DetectOptions(limit=10_000))
    return library


def boxes(library: Library) -> list[tuple[str, int, int, int, int]]:
    """Every face by its photo and box, twice where it is there twice."""
    with library.repository.read() as unit:
        return sorted((Path(row.path).name, row.x, row.y, row.w, row.h) for row in unit.export_rows())
