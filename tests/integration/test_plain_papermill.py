"""The notebooks under plain papermill, without faceml's runner: what they record, also where they fail or refuse."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from faceml.library import Library
from faceml.pipelines.notebooks import read_results
from tests.conftest import REPO, add_faces, people_vectors, unit_rows


@pytest.fixture
def here(bare_library: Library, mlflow_here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small library, nobody named, and an MLflow store: of a user who starts papermill."""
    add_faces(bare_library, np.vstack([people_vectors(5, 4, spread=0.5), unit_rows(3, seed=9)]))
    monkeypatch.setenv("FACEML_HOME", str(bare_library.settings.home))
    monkeypatch.setenv("FACEML_MODEL_PACK", "opencv-zoo")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{mlflow_here}/mlruns/mlflow.db")
    monkeypatch.setenv("PYTHONPATH", f"{REPO / 'src'}:{REPO}")
    return mlflow_here


def run(folder: Path, name: str, **parameters: Any) -> dict[str, Any]:
    out = folder / "out.ipynb"
    papermill.execute_notebook(
        REPO / "notebooks" / f"{name}.ipynb", out, parameters=parameters, progress_bar=False, cwd=folder
    )
    return read_results(out)


def recorded(folder: Path, what: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "mlruns" / "mlflow.db")) as database:
        return database.execute(what).fetchall()


RUNS = "SELECT name, status FROM runs ORDER BY start_time"


def clusters(library: Library) -> list[str | None]:
    with library.repository.read() as unit:
        return [cluster for _, _, cluster in unit.faces.labels()]


@pytest.mark.parametrize(
    ("name", "parameters", "kind"),
    [
        ("06_assign", {"threshold": "auto"}, "assign"),
        pytest.param("02_cluster", {"model": "99"}, "cluster", marks=pytest.mark.nightly),
        pytest.param("10_split", {"cluster_id": "clu_gone"}, "split", marks=pytest.mark.nightly),
        pytest.param("04_train", {}, "train", marks=pytest.mark.nightly),
    ],
)
def test_a_notebook_that_fails_leaves_a_failed_run(
    here: Path, name: str, parameters: dict[str, Any], kind: str
) -> None:
    with pytest.raises(PapermillExecutionError) as failed:
        run(here, name, **parameters)
    assert recorded(here, RUNS) == [(kind, "FAILED")]
    (told,) = recorded(here, "SELECT value FROM tags WHERE key = 'error'")
    assert told[0].startswith(failed.value.ename)


def test_promoting_on_a_small_library_reports_the_refusal_and_records_its_run(here: Path) -> None:
    results = run(here, "08_promote")
    assert results == {"version": None, "promoted": False, "threshold": 0.6}
    assert recorded(here, RUNS) == [("promote", "FINISHED")]
    (told,) = recorded(here, "SELECT value FROM tags WHERE key = 'reasons'")
    assert "no version is registered yet" in told[0]


@pytest.mark.nightly
def test_a_sweep_changes_no_cluster_and_records_what_it_tried(here: Path, bare_library: Library) -> None:
    before = clusters(bare_library)
    results = run(here, "02_cluster", sweep=True, sweep_min_cluster_sizes="3, 4", sweep_min_samples="2")
    assert (results["settings_tried"], results["total_faces"]) == (2, 23)
    assert clusters(bare_library) == before
    names = {name for name, _ in recorded(here, RUNS)}
    assert names == {"sweep", "size 3, samples 2", "size 4, samples 2"}
    assert ("sweep",) in recorded(here, "SELECT value FROM params WHERE key = 'mode'")
