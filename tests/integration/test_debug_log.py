"""`LOG_LEVEL=DEBUG`: each step says what it was asked for and what it counted, and never whom or where."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faceml.errors import NotEnoughData
from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.cluster.dual import cluster_dual
from faceml.services.cluster.sweep import sweep_clusters
from faceml.services.decisions.label import label_cluster
from faceml.services.decisions.people import compute_centroids
from faceml.services.decisions.split import split_cluster
from faceml.services.learn.promote import try_to_promote
from faceml.services.photos.ingest import ingest_folder
from faceml.services.recognise.assign import assign_faces
from faceml.services.recognise.calibrate import calibrate_library
from tests.conftest import REPO

STEPS: dict[str, tuple[Callable[[Library, Path], object], str]] = {
    "ingest_folder": (lambda library, folder: ingest_folder(library.repository, folder), "added=0"),
    "cluster_faces": (
        lambda library, _: cluster_faces(library, ClusterOptions(min_cluster_size=3)),
        "started quality_threshold=0.5, max_faces=50000, min_cluster_size=3",
    ),
    "sweep_clusters": (lambda library, _: sweep_clusters(library), "runs: 6"),
    "split_cluster": (lambda library, _: split_cluster(library, "clu_0", min_cluster_size=2, actor="me"), "status="),
    "label_cluster": (lambda library, _: label_cluster(library, "clu_1", "Ada", actor="me"), "faces_labeled=4"),
    "compute_centroids": (lambda library, _: compute_centroids(library), "centroids_computed="),
    "assign_faces": (lambda library, _: assign_faces(library, AssignOptions(threshold=0.5)), "model_version=raw"),
    "cluster_dual": (lambda library, _: cluster_dual(library), "assigned_to_persons="),
    "drain_outbox": (lambda library, _: cluster_dual(library), "written="),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_tells_its_options_and_figures_and_no_names(
    name: str, two_people: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    step, said = STEPS[name]
    (tmp_path / "photos of Ada").mkdir()
    caplog.set_level(logging.DEBUG, "faceml")
    step(two_people, tmp_path / "photos of Ada")
    lines = [line for line in caplog.messages if line.startswith(f"{name}:")]
    assert said in "\n".join(lines)
    assert lines[-1].endswith(" s")
    assert "Ada" not in "\n".join(lines)
    assert str(tmp_path) not in "\n".join(lines)


def test_a_step_that_fails_says_so_too(two_people: Library, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "faceml")
    with pytest.raises(NotEnoughData):
        calibrate_library(two_people, matcher="plain")
    assert "calibrate_library: NotEnoughData after" in caplog.text
    assert not try_to_promote(two_people, actor="me", reason="for the test").promoted
    assert "promote: NotFound after" in caplog.text


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "faceml.cli.main", "faces", "centroids"],
        ["-c", "from faceml.services.decisions.people import *; from faceml.wiring import *; "
         "compute_centroids(open_library())"],
    ],
    ids=["command", "notebook"],
)  # fmt: skip
def test_commands_and_notebooks_log_at_the_level_of_the_environment(
    words: list[str], two_people: Library, tmp_path: Path
) -> None:
    own = {"FACEML_HOME": str(two_people.settings.home), "PYTHONPATH": f"{REPO / 'src'}:{REPO}", "LOG_LEVEL": "DEBUG"}
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env={**os.environ, **own}, capture_output=True, text=True, check=True
    )
    assert "compute_centroids: persons_processed=0, centroids_computed=0; " in done.stderr
