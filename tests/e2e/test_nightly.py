"""The nightly pipeline as a person runs it: it fails, is completed, and then has nothing to do."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.e2e.test_command_line import Shell


@pytest.fixture
def shell(mlflow_here: Path) -> Shell:
    return Shell(mlflow_here, mlflow_here / "models")


@pytest.mark.nightly  # test_installed.py runs one night
def test_a_night_fails_is_completed_and_the_next_one_skips_what_is_done(shell: Shell, photos: Path) -> None:
    photos = photos.rename(photos.with_name(os.fsdecode(b"caf\xe9s")))  # in Latin-1: notebooks take it as its URI
    nightly = REPO / "pipelines" / "nightly.yaml"
    wrong = shell.refuses(2, "pipeline", "run", nightly, "-p", f"photos={photos}", "-p", "threshold=2")
    assert wrong == "faceml: threshold=2 is not a number from 0 to 1 or auto"
    broken = shell.refuses(1, "pipeline", "run", nightly, "-p", f"photos={photos}", "-p", "threshold=auto")
    assert 'stopped at the step assign, cell [4] "Recognise": NotEnoughData' in broken
    assert "go on with --from assign" in broken
    (failed,) = (shell.home / "runs").glob("nightly-*")
    assert "NotEnoughData" in (failed / "04_assign.ipynb").read_text()
    assert "nightly: failed" in (failed / "report.html").read_text()
    assert "failed" in shell.says("pipeline", "history", "nightly")

    completed = json.loads(shell.says("pipeline", "run", nightly, "--from", "assign", "-p", "threshold=0.6", "--json"))
    assert [step["status"] for step in completed["steps"]] == ["done"] * 5
    assert completed["steps"][2]["results"]["matcher"].startswith("not fitted: 0 people are labelled; ")
    assert completed["steps"][1]["results"]["faces"] == 8
    assert completed["parameters"]["photos"] == f"file://{photos.parent}/caf%E9s"

    shutil.copy(photos / "hopper.jpg", photos / "copy.jpg")  # a duplicate is nothing new
    words = ["pipeline", "run", nightly, "-p", f"photos={photos}", "--json"]
    new_store = f"sqlite:///{shell.folder}/new/mlflow.db"
    second = json.loads(shell.says(*words, MLFLOW_TRACKING_URI=new_store))  # its making is told on stderr
    assert [step["status"] for step in second["steps"]] == ["done", "skipped", "done", "done", "skipped"]


def test_nightly_takes_a_threshold_that_is_read_off_the_labels(shell: Shell) -> None:
    words = ["pipeline", "run", REPO / "pipelines" / "nightly.yaml", "--dry-run", "--json", "-p", "photos=here"]
    planned = json.loads(shell.says(*words, "-p", "threshold=auto"))
    assert planned["steps"][3]["parameters"]["threshold"] == "auto"
    assert "is not of type float or auto: give a number, or auto" in shell.refuses(2, *words, "-p", "threshold=high")


@pytest.mark.nightly
def test_nightly_can_leave_the_matcher_as_it_is(shell: Shell, photos: Path) -> None:
    nightly = REPO / "pipelines" / "nightly.yaml"
    (photos / "empty.jpg").touch()
    (photos / "drawing.psd").touch()
    done = json.loads(shell.says("pipeline", "run", nightly, "-p", f"photos={photos}", "-p", "refit=false", "--json"))
    assert [step["status"] for step in done["steps"]] == ["done", "done", "skipped", "done", "done"]
    assert done["steps"][1]["results"]["unreadable"] == [f"{photos}/empty.jpg: the file is empty"]
    (run,) = (shell.home / "runs").glob("nightly-*")
    assert f"{photos}/empty.jpg: the file is empty" in (run / "report.html").read_text()
    assert "pictures of other kinds (export as JPEG" in (run / "01_ingest.ipynb").read_text()


def test_pipelines_are_listed_and_shown(shell: Shell) -> None:
    listed = shell.says("pipeline", "list")
    assert "nightly" in listed
    assert "cron 0 3 * * *" in listed
    shown = shell.says("pipeline", "show", "nightly")
    assert re.search("photos +path +required +folder with photos", shown)
    assert "01_detect.ipynb, when ${steps.ingest.waiting}" in shown
    (shell.folder / "pipelines").mkdir()
    (shell.folder / "pipelines" / "mine.yaml").write_text("name: mine\nstps: []\n")
    assert "mine         cannot be read: pipelines/mine.yaml, line 2" in shell.says("pipeline", "list")
    assert "No runs yet" in shell.says("pipeline", "history")
