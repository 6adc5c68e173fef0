"""Training over a real library, MLflow and registry: what it refuses, what it reports, what the gate makes of it."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner

from faceml.cli.main import cli
from faceml.cli.train import _duration, results
from faceml.config import Settings
from faceml.errors import NotEnoughData, NotFound, WrongUse
from faceml.identity.projection import project
from faceml.library import Library
from faceml.options import AssignOptions, TrainOptions
from faceml.pipelines.execution import execute_notebook
from faceml.pipelines.notebooks import read_results
from faceml.services.decisions.label import assign_faces_to
from faceml.services.learn.promote import promote
from faceml.services.learn.train import Listener, Prepared, train_matching
from faceml.services.recognise.assign import assign_faces
from faceml.training import FaceTrainer
from faceml.training.history import Epoch
from faceml.trial.comparison import from_json
from faceml.trial.heads import is_marked
from tests.conftest import REPO, WIDTH, add_faces, copy_library, people_vectors
from tests.fakes import library_with
from tests.unit.training.made_up import people_in_changing_light

PEOPLE, FACES = 16, 7
SHORT = TrainOptions(epochs=10, head="documented", patience=10, batch_size=128)
LEARNS = TrainOptions(epochs=10, head="whitening", patience=2, batch_size=128)


def label(
    library: Library, vectors: np.ndarray[Any, Any], owners: np.ndarray[Any, Any], *, prefix: str = "p"
) -> list[UUID]:
    """Faces labelled by hand; ids in order."""
    ids = add_faces(library, vectors, prefix=prefix)
    for person in np.unique(owners):
        mine = [ids[row] for row in np.flatnonzero(owners == person)]
        assign_faces_to(library, mine, f"Person {person}", actor="me")
    return ids


@pytest.fixture(scope="module")
def labelled_home(tmp_path_factory: pytest.TempPathFactory, opencv_zoo: Any) -> Path:
    """Few people whose vectors are full of what changes from photo to photo alike for all; labelled once."""
    home = tmp_path_factory.mktemp("labelled") / "library"
    library = library_with(opencv_zoo, Settings(home=home, model_pack="opencv-zoo", model_root=home / "no-models"))
    label(library, *people_in_changing_light(PEOPLE, FACES, width=WIDTH))
    library.close()
    return home


@pytest.fixture
def labelled(mlflow_here: Path, labelled_home: Path, library: Library) -> Library:
    copy_library(labelled_home, library.settings.home)
    return library


# --- what it refuses and warns of


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 9}, "epochs=9 is not a whole number from 10 to 100"),
        ({"margin": 0.6}, "margin=0.6 is not a number from 0.1 to 0.5"),
        ({"batch_size": 8}, "batch_size=8 is not a whole number of triplets from 16 to 128"),
        ({"learning_rate": 0.01}, "learning_rate=0.01 is not a number from 0.00001 to 0.001"),
    ],
)
def test_options_outside_the_documented_ranges_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(WrongUse, match=re.escape(message)):
        TrainOptions(**options)  # type: ignore[arg-type]


def test_a_library_without_labels_says_what_to_do(library: Library) -> None:
    with pytest.raises(NotEnoughData, match="faces label CLUSTER NAME"):
        train_matching(library, SHORT)
    add_faces(library, people_vectors(3, 6))
    with pytest.raises(NotEnoughData, match="faces label CLUSTER NAME"):
        train_matching(library, SHORT)


def test_one_person_with_enough_faces_is_refused_before_any_work(library: Library) -> None:
    label(library, people_vectors(3, 6)[:15], np.repeat([0, 1, 2], [6, 6, 3]))
    with pytest.raises(NotEnoughData, match="0 of 3 labelled people have 7 faces"):
        train_matching(library, replace(SHORT, min_faces=7))
    with pytest.raises(NotEnoughData, match=r"nobody labelled a face of quality 0\.95"):
        train_matching(library, replace(SHORT, quality_threshold=0.95))
    assert not library.settings.checkpoint_folder.exists()


def test_faces_that_faceml_named_itself_are_not_learnt_from(mlflow_here: Path, library: Library) -> None:
    vectors = people_vectors(3, 9, spread=0.3)
    owners = np.repeat(np.arange(3), 9)
    by_hand = np.arange(27) % 9 < 6
    label(library, vectors[by_hand], owners[by_hand])
    add_faces(library, vectors[~by_hand], prefix="later")
    assert assign_faces(library, AssignOptions(threshold=0.5)).assigned == 9
    told: list[Prepared] = []
    report = train_matching(library, SHORT, listener=Listener(on_prepared=told.append))
    assert (report.persons_used, report.total_faces) == (3, 18)
    assert "below the minimum of 5 people with 5 faces" in report.warnings[0]
    assert told[0].warnings == report.warnings[:1]
    assert report.comparison.primary is None
    assert "fewer than 4 people" in report.comparison.missing["eer"]
    assert not report.verdict.promotes


# --- what comes of it


def test_a_training_is_reported_recorded_and_registered(labelled: Library, mlflow_here: Path) -> None:
    label(
        labelled, people_vectors(2, 3, seed=50), np.repeat([90, 91], 3), prefix="few"
    )  # too few faces each: strangers
    epochs: list[Epoch] = []
    progress: list[tuple[int, int]] = []
    listener = Listener(on_epoch=epochs.append, on_progress=lambda done, total: progress.append((done, total)))
    report = train_matching(labelled, SHORT, listener=listener)
    assert (report.status, report.persons_used, report.total_faces) == ("completed", PEOPLE, PEOPLE * FACES)
    assert (report.training_faces, report.validation_faces) == (PEOPLE * 6, PEOPLE)
    assert report.triplets_per_epoch == 30 * report.training_faces
    assert tuple(epochs) == report.epochs[1:]
    assert progress[-1][0] == progress[-1][1] == 10 * 11  # once for all, in five folds of people, in five of photos
    assert report.comparison.people == PEOPLE + 2
    assert set(report.comparison.candidates) == {"raw", "head", "whitening"}

    trainer = FaceTrainer()
    trainer.load_checkpoint(report.model_checkpoint)
    assert Path(report.model_checkpoint).name == f"face_projection_epoch_{report.best_epoch}.pt"
    assert report.checkpoint_bytes == Path(report.model_checkpoint).stat().st_size
    assert (trainer.metadata["loss"], trainer.metadata["pack"]) == (report.final_train_loss, "opencv-zoo")

    model = labelled.registry.get("challenger")
    assert (model.version, model.run_id) == (report.version, report.run_id)
    loaded = labelled.registry.load(model)
    vectors = people_vectors(2, 2)
    by_trainer = [trainer.project_embedding(vector) for vector in vectors]
    np.testing.assert_allclose(project(loaded.artefact, vectors), by_trainer, atol=1e-6)
    stored = from_json(loaded.comparison or "")
    assert stored == report.comparison
    assert stored.recipe is not None
    with labelled.repository.read() as unit:
        ids = unit.vectors.labelled_by_a_person()[0].face_ids
    assert is_marked(ids, stored.recipe.faces).sum() == PEOPLE * FACES
    with pytest.raises(NotFound):
        labelled.registry.get("champion")

    run = labelled.tracking.store.client.get_run(report.run_id)
    assert run.data.params["learning_rate"] == "0.0001"
    assert run.data.tags["kind"] == "train"
    assert run.data.tags["library.hash"]
    assert {"train_loss", "val_loss", "raw.eer", "head.eer", "validation_accuracy"} <= set(run.data.metrics)
    (output,) = run.outputs.model_outputs
    of_model = labelled.tracking.store.client.get_logged_model(output.model_id).metrics
    assert {"head.eer", "validation_accuracy"} <= {metric.key for metric in of_model}
    assert {metric.dataset_digest for metric in of_model} == {run.data.tags["library.hash"]}
    history = labelled.tracking.store.client.get_metric_history(report.run_id, "train_loss")
    assert [metric.step for metric in history] == list(range(11))
    files = {file.name for file in (mlflow_here / "mlruns").rglob("*") if file.is_file()}
    assert {"roc.png", "det.png", "scores-head.png", "confusion.png", "epochs.png", "comparison.csv"} <= files
    assert Path(report.model_checkpoint).name in files
    told = [file.read_text() for file in (mlflow_here / "mlruns").rglob("*.csv")]
    assert not any("Person" in text for text in told)  # ids, no names


@pytest.mark.nightly
def test_a_true_gain_is_promoted_and_a_champion_is_beaten_only_by_more(labelled: Library) -> None:
    first = train_matching(labelled, LEARNS)
    assert first.verdict.promotes, first.verdict.reasons
    assert promote(labelled, actor="me").promoted
    again = train_matching(labelled, LEARNS)
    assert set(again.comparison.candidates) == {"raw", "head", "whitening", "face-projection/1"}
    gain = again.comparison.gain("head", "face-projection/1", str(again.comparison.primary))
    assert gain is not None
    assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)  # the same recipe, made again without the fold's people
    report = promote(labelled, actor="me")
    assert not report.promoted
    assert "does not differ beyond the noise from face-projection/1" in " ".join(report.reasons)


@pytest.mark.nightly
def test_shuffled_labels_are_refused(mlflow_here: Path, library: Library) -> None:
    vectors, owners = people_in_changing_light(PEOPLE, FACES, width=WIDTH)
    label(library, vectors, np.random.default_rng(1).permutation(owners))
    report = train_matching(library, LEARNS)
    assert not report.verdict.promotes
    assert not promote(library, actor="me").promoted


@pytest.mark.nightly
def test_a_training_goes_on_from_its_checkpoint(mlflow_here: Path, library: Library) -> None:
    label(library, people_vectors(3, 6, spread=1.0), np.repeat([0, 1, 2], 6))
    first = Path(train_matching(library, SHORT).model_checkpoint)
    assert first.parent.parent == library.settings.checkpoint_folder
    last = first.with_name("face_projection_epoch_10.pt")
    longer = train_matching(library, replace(SHORT, epochs=12, patience=12), resume=last)
    assert [epoch.number for epoch in longer.epochs] == list(range(13))


@pytest.mark.nightly
def test_a_training_that_learns_nothing_says_so_in_report_command_and_mlflow(
    mlflow_here: Path, library: Library
) -> None:
    label(library, people_vectors(5, 6, spread=0.02), np.repeat(np.arange(5), 6))  # apart already: no loss to lower
    report = train_matching(library, replace(SHORT, head="linear", patience=1))
    assert report.best_epoch == 0
    assert "best epoch 0: no epoch was better than the start" in report.warnings[-1]
    assert f"WARNING: {report.warnings[-1]}" in results(report, 10)
    tags = library.tracking.store.client.get_run(report.run_id).data.tags
    assert (tags["best_epoch"], tags["untrained"]) == ("0", report.warnings[-1])


# --- on the command line and in a notebook

COMMAND = ["faces", "train-matching", "--epochs", "10", "--head", "documented", "--batch-size", "128"]


@pytest.fixture
def as_configured(labelled: Library, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables that make a shell use this library."""
    variables = {
        "FACEML_HOME": str(labelled.settings.home),
        "MLFLOW_TRACKING_URI": labelled.settings.tracking,
        "FACEML_MODEL_PACK": "opencv-zoo",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def test_the_command_prints_the_documented_report(as_configured: dict[str, str]) -> None:
    done = CliRunner().invoke(cli, COMMAND, catch_exceptions=False)
    expected = f"""Training Face Matching Model
========================================
Data Preparation:
  - Total persons: {PEOPLE}
  - Total faces: {PEOPLE * FACES}
  - Training faces: 96 \\(86%\\)
  - Validation faces: 16 \\(14%\\)
  - Triplets per epoch: ~2880

Training Progress:
Epoch 1/10: loss=0.\\d{{4}}, val_loss=0.\\d{{4}}
Epoch 5/10: loss=0.\\d{{4}}, val_loss=0.\\d{{4}}
Epoch 10/10: loss=0.\\d{{4}}, val_loss=0.\\d{{4}}

Results:
  - Final training loss: 0.\\d{{4}}
  - Final validation loss: 0.\\d{{4}}
  - Model saved: .*models/[\\d-]+/face_projection_epoch_\\d+.pt
  - Checkpoint size: \\d.\\d MB
  - Training time: .*s
"""
    assert re.search(expected, done.stdout), done.stdout
    assert "wrong *" in done.stdout
    assert "Registered: face-projection version 1, the challenger" in done.stdout
    assert _duration(512) == "8m 32s"


@pytest.mark.nightly
def test_the_command_speaks_json(as_configured: dict[str, str]) -> None:
    done = CliRunner().invoke(cli, [*COMMAND, "--json"], catch_exceptions=False)
    found = json.loads(done.stdout, parse_constant=pytest.fail)  # NaN is no JSON
    assert found["persons_used"] == PEOPLE
    assert {"final_train_loss", "model_checkpoint", "training_time_seconds", "comparison", "verdict"} <= set(found)


@pytest.mark.nightly
def test_the_notebook_trains(as_configured: dict[str, str], tmp_path: Path) -> None:
    done = tmp_path / "04_train.ipynb"
    execute_notebook(
        REPO / "notebooks" / "04_train.ipynb",
        done,
        parameters={"epochs": 10},
        environment={**as_configured, "PYTHONPATH": ":".join(sys.path)},
        folder=tmp_path,
        on_cell=lambda _: None,
    )
    found = read_results(done)
    assert (found["persons_used"], found["version"]) == (PEOPLE, 1)
    assert isinstance(found["promotes"], bool)
