"""The demo: eight steps of notebooks, real models, measured against the truth; then its MLflow runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from faceml.cli.demo import what_to_try
from tests.conftest import REPO

PLOTS = {  # none of them shows a face
    "quality.png", "map.png", "epochs.png", "confusion.png", "roc.png", "det.png", "scores-raw.png", "scores-head.png",
    "figures.png", "threshold-raw.png", "threshold-face-projection-1.png",
    "matcher-scores.png", "matcher-nearness.png",
}  # fmt: skip
FACEML = Path(sys.executable).with_name("faceml")

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("FACEML_", "MLFLOW_"))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def said(folder: Path, environment: dict[str, str]) -> str:
    """What `faceml demo` prints on a fresh machine."""
    done = subprocess.run(
        [FACEML, "demo"], cwd=folder, env=environment, capture_output=True, text=True, timeout=560, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shares(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+\.\d+", text)]


def line(said: str, name: str) -> str:
    return next(text for text in said.splitlines() if text.startswith(name))


def test_the_demo_finds_groups_names_and_recognises(said: str) -> None:
    found, asked = map(int, re.findall(r"\((\d+) of the (\d+) that", line(said, "Faces"))[0])
    assert asked >= 150
    assert found / asked >= 0.95
    assert int(re.findall(r"\d+", line(said, "People named"))[0]) >= 9
    precision, recall, f = shares(line(said, "BCubed"))
    assert precision >= 0.97
    assert recall >= 0.85
    assert f >= 0.92
    right, known, wrong = map(
        int, re.findall(r"(\d+) of (\d+) faces on the photos held back .*?, (\d+) wrong", said)[0]
    )
    assert right / known >= 0.7
    assert wrong == 0


def test_the_summary_says_where_to_look_and_what_to_try(said: str, folder: Path) -> None:
    for name in ("clusters.png", "people.png"):
        assert (folder / "demo" / "library" / name).stat().st_size > 10_000
    lab, stats, runs = said.partition("Try next")[2].splitlines()
    assert lab.strip().startswith("faceml init . && FACEML_HOME=demo/library jupyter lab notebooks")
    assert "FACEML_HOME=demo/library faceml faces stats" in stats
    assert "mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db" in runs


def test_it_leaves_something_to_name_and_to_confirm(said: str, folder: Path, environment: dict[str, str]) -> None:
    groups, faces = map(int, re.findall(r"(\d+) (?:groups to name|recognised faces)", line(said, "Left to you")))
    assert groups >= 3
    assert faces >= 5
    library = {**environment, "FACEML_HOME": str(folder / "demo" / "library")}
    done = subprocess.run(
        [FACEML, "faces", "clusters", "--json"], cwd=folder, env=library, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["total"] == groups
    assert int(re.findall(r"\d+", line(said, "People named"))[0]) >= 9, "counted before their names were taken back"


def test_in_a_checkout_it_names_the_targets_of_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(REPO / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    lab, stats, runs = what_to_try(tmp_path / "demo" / "library")
    assert "FACEML_HOME=demo/library make lab" in lab
    assert "FACEML_HOME=demo/library .venv/bin/faceml faces stats" in stats
    assert "make mlflow" in runs


def test_the_gate_does_not_take_nine_people_for_evidence(said: str, folder: Path) -> None:
    assert "version 1 refused" in line(said, "Projection")
    with sqlite3.connect(folder / "mlruns" / "mlflow.db") as database:
        aliases = set(database.execute("SELECT name, alias, version FROM registered_model_aliases"))
    assert aliases == {("face-projection", "challenger", 1), ("face-matcher", "challenger", 1)}


def test_it_says_what_became_of_the_matcher_and_what_it_would_recognise(said: str) -> None:
    assert "version 1 refused: 9 people" in line(said, "Matcher")
    counts = r"(\d+) of (\d+) faces on the photos held back .*?, (\d+) wrong; (\d+) of (\d+) strangers"
    without, with_it = (list(map(int, re.findall(counts, line(said, name))[0])) for name in ("Recognised", "With it"))
    assert (with_it[1], with_it[4]) == (without[1], without[4]), "the same faces are asked"
    assert with_it[0] / with_it[1] >= 0.6
    assert (with_it[2], with_it[3]) == (0, with_it[4])


def test_every_step_is_a_run_in_mlflow_with_its_notebook_and_library(said: str, folder: Path) -> None:
    with sqlite3.connect(folder / "mlruns" / "mlflow.db") as database:
        runs = dict(database.execute("SELECT run_uuid, name FROM runs"))
        kinds = [value for (value,) in database.execute("SELECT value FROM tags WHERE key = 'kind'")]
        tags = {key for (key,) in database.execute("SELECT DISTINCT key FROM tags")}
        metrics = {key for (key,) in database.execute("SELECT DISTINCT key FROM metrics")}
        parameters = {key for (key,) in database.execute("SELECT DISTINCT key FROM params")}
        statuses = {value for (value,) in database.execute("SELECT DISTINCT status FROM runs")}
    assert len(runs) == 9, "one parent and eight steps"
    assert statuses == {"FINISHED"}
    assert {"detect", "cluster", "label", "fit-matcher", "train", "evaluate", "assign"} <= set(kinds)
    assert {"mlflow.parentRunId", "library.hash", "library.pack", "library.total_faces"} <= tags
    assert {"clusters_found", "photos_per_s", "assigned"} <= metrics
    assert {"min_cluster_size", "threshold"} <= parameters
    logged = [file.name for file in (folder / "mlruns").rglob("*.ipynb")]
    assert sum(name.endswith(".ipynb") for name in logged) == 8
    assert said


def test_no_picture_of_a_face_goes_to_mlflow_unasked(said: str, folder: Path) -> None:
    pictures = {file.name for file in (folder / "mlruns").rglob("*.png")}
    assert {"quality.png", "map.png", "roc.png", "threshold-raw.png", "matcher-scores.png"} <= pictures <= PLOTS
    for notebook in (folder / "mlruns").rglob("*.ipynb"):
        assert "image/png" not in notebook.read_text()
    kept = list((folder / "demo" / "library" / "runs").rglob("02_cluster.ipynb"))
    assert "image/png" in kept[0].read_text(), "the notebook in the library's folder keeps its pictures"
    assert said


def test_the_demo_refuses_to_throw_a_persons_labels_away(said: str, folder: Path, environment: dict[str, str]) -> None:
    library = {**environment, "FACEML_HOME": str(folder / "demo" / "library"), "FACEML_MODEL_PACK": "opencv-zoo"}
    page = subprocess.run(
        [FACEML, "faces", "clusters", "--include-labeled", "--json"],
        cwd=folder, env=library, capture_output=True, text=True, check=True,
    )  # fmt: skip
    cluster_id = json.loads(page.stdout)["items"][0]["cluster_id"]
    subprocess.run([FACEML, "faces", "label", cluster_id, "Somebody"], cwd=folder, env=library, check=True)
    again = subprocess.run([FACEML, "demo"], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "decisions that you made" in again.stderr
    assert said


@pytest.mark.nightly
def test_ones_own_photos_need_no_truth(photos: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [FACEML, "demo", "--photos", photos],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=560, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Faces         8" in done.stdout
    assert "nobody has said who is who" in done.stdout


def test_notebooks_are_committed_without_outputs_and_with_typed_parameters() -> None:
    notebooks = sorted((REPO / "notebooks").glob("*.ipynb"))
    assert len(notebooks) >= 4
    for file in notebooks:
        cells = json.loads(file.read_text())["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code), file.name
        assert all(len(cell["source"]) <= 15 for cell in code[1:]), f"{file.name}: a cell has more than 15 lines"
        assert "parameters" in code[0]["metadata"]["tags"]
        for text in map(str.strip, code[0]["source"]):
            assert re.match(r'\w+: (str|int|float|bool|"float or str") = .+  # .+', text), f"{file.name}: {text}"
