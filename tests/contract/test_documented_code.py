"""The specification's command lines, make targets, code and queries, literally but for the package's name."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from faceml.config import Settings
from faceml.library import Library
from faceml.queue import face_jobs
from faceml.scripts.cli import cli
from faceml.services.decisions.label import assign_faces_to
from faceml.services.decisions.people import compute_centroids
from faceml.services.photos.ingest import ingest_folder
from faceml.storage.index.vector_index import UNSET
from tests.conftest import add_faces, people_vectors
from tests.contract.spec_examples import kept, with_our_name, words_of
from tests.fakes import library_with
from tests.integration.test_makefile import checkout, told
from tests.redis_server import RedisServer

__all__ = ["checkout"]  # the fixture: a Makefile whose programs only tell how they were called

DOCUMENTED_JOBS = {
    "detect_faces_job",
    "cluster_faces_job",
    "assign_faces_job",
    "compute_centroids_job",
    "backfill_faces_job",
}
TRAINS = "train-matching"
PEOPLE, FACES = 6, 11


@pytest.fixture
def ours(settings: Settings, opencv_zoo: Any, model_cache: Path, tmp_path: Path, monkeypatch: Any) -> Iterator[Library]:
    """The library that this process's environment names, with people to learn from."""
    named = {
        "FACEML_HOME": str(settings.home),
        "FACEML_MODEL_PACK": "opencv-zoo",
        "FACEML_MODEL_ROOT": str(model_cache),
        "MLFLOW_TRACKING_URI": settings.tracking,
    }
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("QDRANT_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    library = library_with(opencv_zoo, settings)
    ids = add_faces(library, people_vectors(PEOPLE, FACES))
    for person in range(PEOPLE):
        assign_faces_to(library, ids[person * FACES : (person + 1) * FACES], f"Person {person}", actor="test")
    yield library
    library.close()


@pytest.fixture
def asked(ours: Library, photo_folder: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Library:
    """The same, with photos and a Redis of its own."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    ingest_folder(ours.repository, photo_folder)
    return ours


def ask(line: str, checkout: Path) -> str:
    """What a documented command line or make target prints."""
    words = told(checkout, *shlex.split(line)[1:]) if line.startswith("make ") else words_of(line)
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, (line, done.output)
    return done.stdout


@pytest.mark.redis
def test_every_command_line_and_make_target_runs(asked: Library, checkout: Path) -> None:
    lines = [line for line in kept()["shell"] if TRAINS not in line]
    assert len(lines) > 20
    for line in lines:
        said = ask(line, checkout)
        assert said.startswith("Queued: job ") == line.endswith("--queue"), line
    stats = ask("make faces-stats", checkout)
    assert f"Total persons: {PEOPLE}" in stats
    assert "Qdrant Collection: faces" in stats


@pytest.mark.redis
@pytest.mark.nightly
def test_every_training_runs(asked: Library, checkout: Path) -> None:
    lines = [line for line in kept()["shell"] if TRAINS in line]
    assert len(lines) == 4
    for line in lines:
        assert ask(line, checkout).startswith("Training Face Matching Model\n====="), line


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    for module in ("faceml", "faceml.scripts.cli"):
        done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True)
        assert done.stdout.startswith("Usage:")


def test_the_code_on_the_index_runs_and_shows_faces_with_the_documented_payload(
    ours: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    compute_centroids(ours)
    seen = []
    for code in kept()["code"]:
        if "face_qdrant" in code:
            space: dict[str, Any] = {}
            exec(with_our_name(code), space)
            seen += space.get("records", [])
    assert len(seen) == 10
    assert all(record.payload.keys() == UNSET.keys() for record in seen)
    assert all(record.payload["face_instance_id"] for record in seen), "a centroid is no face"
    assert "points_count=" in capsys.readouterr().out


def test_the_code_of_the_trainer_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from faceml.training.fit import fit
    from faceml.training.options import Options

    vectors = people_vectors(3, 6)
    learnt = fit(vectors, np.repeat(np.arange(3), 6), Options(epochs=1), folder=tmp_path / "made")
    assert learnt.checkpoint is not None
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "face_projection_epoch_20.pt").write_bytes(learnt.checkpoint.read_bytes())
    monkeypatch.chdir(tmp_path)
    (code,) = (code for code in kept()["code"] if "FaceTrainer" in code)
    space: dict[str, Any] = {"arcface_embedding": vectors[0]}
    exec(with_our_name(code), space)
    assert np.linalg.norm(space["improved_embedding"]) == pytest.approx(1, abs=1e-5)


def test_the_documented_jobs_stand_under_their_documented_name() -> None:
    assert set(face_jobs.__all__) == DOCUMENTED_JOBS


def test_the_queries_of_the_specification_count_people_and_clusters(ours: Library) -> None:
    with ours.repository.begin() as unit:
        ids = unit.vectors.labelled_by_a_person()[0].face_ids[:12]
        unit.faces.set_clusters([(id_, "clu_few" if n % 4 == 0 else "clu_many") for n, id_ in enumerate(ids)])
    url = sa.URL.create("sqlite", database=str(ours.settings.home / "faceml.db"))
    by_person, by_cluster = kept()["sql"]
    with sa.create_engine(url).connect() as connection:
        assert [count for _, count in connection.execute(sa.text(by_person))] == [FACES] * PEOPLE
        assert connection.execute(sa.text(by_cluster)).all() == [("clu_many", 9), ("clu_few", 3)]
