"""Trying parameters side by side, by hand and in notebook 2, whose settings become MLflow runs within its run."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from uuid import UUID

import mlflow
import numpy as np
import pytest

from faceml.errors import NotEnoughData, WrongUse
from faceml.identity.hdbscan.exact import fit
from faceml.library import Library
from faceml.metrics.agreement import bcubed
from faceml.options import DualOptions
from faceml.pipelines.definition import read_pipeline
from faceml.pipelines.runner import run_pipeline
from faceml.services.cluster.dual import cluster_in_mode, key_figures
from faceml.services.cluster.sweep import SweepReport, parse_counts, parse_values, sweep_clusters
from faceml.services.decisions.label import assign_faces_to
from faceml.tracking import Tracking
from tests.conftest import REPO, add_faces, people_vectors, unit_rows
from tests.integration.decisions import snapshot

PEOPLE, FACES = 10, 6


@pytest.fixture
def ids(bare_library: Library) -> list[UUID]:
    """Ten people of six faces, somewhat spread, and twenty strangers."""
    vectors = np.vstack([people_vectors(PEOPLE, FACES, spread=1.1), unit_rows(20, seed=77)])
    return add_faces(bare_library, vectors)


@pytest.fixture
def library(bare_library: Library, ids: list[UUID]) -> Library:
    return bare_library


def label_people(library: Library, ids: list[UUID], count: int = PEOPLE) -> None:
    for person in range(count):
        assign_faces_to(library, ids[person * FACES : (person + 1) * FACES], f"Person {person}", actor="me")


def by_setting(report: SweepReport) -> dict[str, float]:
    return {str(run.setting): run.score for run in report.runs}


def test_with_labels_each_setting_gets_the_bcubed_of_its_own_clustering(library: Library, ids: list[UUID]) -> None:
    label_people(library, ids)
    before = snapshot(library)
    report = sweep_clusters(library, min_cluster_sizes=(2, 5), min_samples=(1, 3), min_cohesions=(None, 0.5))
    assert (report.scored_by, report.faces, report.labelled) == ("bcubed_f", 80, 60)
    assert len(report.runs) == 8
    with library.repository.read() as unit:
        faces = unit.vectors.of(ids)
    truth = np.repeat(np.arange(PEOPLE), FACES)
    labels = fit(faces.vectors, min_cluster_size=5, min_samples=3).labels
    run = next(run for run in report.runs if str(run.setting) == "size 5, samples 3")
    slow = bcubed(truth, labels[:60])
    assert (run.precision, run.recall, run.score) == pytest.approx((slow.precision, slow.recall, slow.f))
    assert run.noise_share == pytest.approx((labels < 0).mean())
    assert [run.score for run in report.runs] == sorted((run.score for run in report.runs), reverse=True)
    assert "size 2, samples 1, cohesion 0.5" in by_setting(report)
    assert snapshot(library) == before


def test_without_labels_the_stability_decides(library: Library, ids: list[UUID]) -> None:
    label_people(library, ids, count=1)  # six faces of one person tell nothing
    done: list[tuple[int, int]] = []
    report = sweep_clusters(
        library, min_cluster_sizes=(5, 40), min_samples=(3,), on_progress=lambda *at: done.append(at)
    )
    assert report.scored_by == "stability"
    scores = by_setting(report)
    assert scores["size 5, samples 3"] > 0.6 > scores["size 40, samples 3"]
    assert all(run.precision is None for run in report.runs)
    assert done == [(1, 2), (2, 2)]


def test_labels_may_come_from_a_file(library: Library, ids: list[UUID], tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    with file.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["path", "person"])
        rows.writerows([f"/photos/p{row}.jpg", f"Person {row // FACES}"] for row in range(PEOPLE * FACES))
    from_file = sweep_clusters(library, min_cluster_sizes=(3,), min_samples=(2,), labels=file)
    assert (from_file.scored_by, from_file.labelled) == ("bcubed_f", 60)
    label_people(library, ids)
    assert by_setting(sweep_clusters(library, min_cluster_sizes=(3,), min_samples=(2,))) == by_setting(from_file)


def test_values_are_read_as_they_are_typed_and_nonsense_is_refused(library: Library) -> None:
    assert parse_counts(" 3,5 ,, 8") == [3, 5, 8]
    assert parse_values("none, 0.3") == [None, 0.3]
    for wrong in ("3, x", "2.5", "none", "nan", "inf"):
        with pytest.raises(WrongUse, match="number"):
            parse_counts(wrong)
    with pytest.raises(WrongUse, match="no values"):
        sweep_clusters(library, min_samples=())
    with pytest.raises(NotEnoughData, match=r"0\.95 or more"):
        sweep_clusters(library, quality_threshold=0.95)
    with pytest.raises(WrongUse, match="mode='both'"):
        cluster_in_mode(library, "both")


def test_both_modes_report_their_figures_under_the_same_names(library: Library, ids: list[UUID]) -> None:
    single = key_figures(cluster_in_mode(library, "single"))
    assert single["total_faces"] == 80
    label_people(library, ids, count=2)
    dual = key_figures(cluster_in_mode(library, "dual", dual=DualOptions(person_threshold=0.5)))
    assert set(single) < set(dual)
    assert (dual["total_faces"], dual["persons_matched"]) == (80 - 2 * FACES, 0)


PIPELINE = """
name: grouping
steps:
  - name: cluster
    notebook: 02_cluster.ipynb
    parameters:
      mode: dual
      min_cluster_size: 3
      person_threshold: "0.5"
  - name: try
    notebook: 02_cluster.ipynb
    parameters:
      sweep: true
      sweep_min_cluster_sizes: "3, 5"
      sweep_min_samples: "2"
"""


@pytest.mark.nightly
def test_notebook_2_runs_in_dual_mode_and_its_sweep_becomes_child_runs(
    library: Library, ids: list[UUID], tmp_path: Path
) -> None:
    label_people(library, ids, count=4)
    shutil.copy(REPO / "notebooks" / "02_cluster.ipynb", tmp_path)
    (tmp_path / "grouping.yaml").write_text(PIPELINE)
    tracking = Tracking(f"sqlite:///{tmp_path}/mlruns/mlflow.db", tmp_path / "mlruns")
    done = run_pipeline(
        read_pipeline(tmp_path / "grouping.yaml"),
        parameters={},
        home=library.settings.home,
        tracking=tracking,
        folder=tmp_path,
    )
    grouped, step = done.steps
    assert grouped.results["total_faces"] == 80 - 4 * FACES
    assert grouped.results["clusters_found"] > 0
    assert (step.results["total_faces"], step.results["settings_tried"]) == (80, 2)
    client = mlflow.MlflowClient(tracking.store.uri)
    experiment = client.get_experiment_by_name("faceml").experiment_id
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{step.run_id}'")
    assert {run.info.run_name for run in children} == {"size 3, samples 2", "size 5, samples 2"}
    for run in children:
        assert run.info.status == "FINISHED"
        assert 0 < run.data.metrics["bcubed_f"] <= 1
        assert run.data.params["min_samples"] == "2"
    assert {item.path for item in client.list_artifacts(step.run_id)} >= {"map.png", "sweep.png"}
