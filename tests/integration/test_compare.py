"""Trained versions and training runs side by side: notebooks 5 and 7, and what they stand on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceml.config import Settings
from faceml.errors import NotFound
from faceml.library import Library
from faceml.options import TrainOptions
from faceml.pipelines.execution import execute_notebook
from faceml.pipelines.notebooks import read_results
from faceml.plots.comparisons import interval_plot, parallel_coordinates
from faceml.services.decisions.label import assign_faces_to
from faceml.services.learn.experiments import list_experiments, read_curves
from faceml.services.learn.promote import list_models as versions
from faceml.services.learn.promote import model_rows, show_model, verdict_lines
from faceml.services.learn.train import train_matching
from faceml.services.recognise.calibrate import view_thresholds
from faceml.tracking.experiment import experiment_table, is_lower_better, rank_experiments
from faceml.trial.comparison import from_json
from faceml.wiring import open_library
from tests.conftest import REPO, WIDTH, add_faces
from tests.fakes import library_with
from tests.heads import comparison
from tests.unit.training.made_up import people_in_changing_light

PEOPLE, FACES = 12, 6


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path, opencv_zoo: Any) -> Library:
    """Labelled people, and two training runs."""
    folder = tmp_path_factory.mktemp("compared")
    settings = Settings(
        home=folder / "library",
        model_pack="opencv-zoo",
        model_root=folder / "no-models",
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}",
    )
    (folder / "mlflow.db").write_bytes(empty_mlflow.read_bytes())
    library = library_with(opencv_zoo, settings)
    vectors, owners = people_in_changing_light(PEOPLE, FACES, width=WIDTH)
    ids = add_faces(library, vectors)
    for person in np.unique(owners):
        assign_faces_to(library, [ids[row] for row in np.flatnonzero(owners == person)], f"P{person}", actor="me")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for head in ("documented", "whitening"):
            train_matching(library, TrainOptions(epochs=10, head=head, patience=1))
    return library


@pytest.mark.nightly
def test_runs_are_ranked_and_told_apart_by_what_differs(trained: Library) -> None:
    runs = list_experiments(trained)
    assert [run.parameters["head"] for run in runs] == ["whitening", "documented"]
    measure = "head.bcubed_f"
    best, worse = rank_experiments(runs, measure, lower_is_better=is_lower_better(measure))
    assert best.metrics[measure] >= worse.metrics[measure]
    assert rank_experiments(runs, measure, lower_is_better=True) in ([worse, best], [best, worse])
    table = experiment_table(runs, [measure])
    assert {"run", "started", "head", measure, "gate"} <= set(table[0])
    assert not {"margin", "epochs"} & set(table[0]), "the same in both"
    with pytest.raises(NotFound, match=r"no run measured 'luck': there are .*head\.bcubed_f"):
        rank_experiments(runs, "luck", lower_is_better=False)
    with pytest.raises(NotFound, match=r"no finished run of kind 'assign' is recorded: there are train \(2\)"):
        list_experiments(trained, kind="assign")


@pytest.mark.nightly
def test_curves_of_several_runs_lie_over_the_raw_one(trained: Library) -> None:
    curves = read_curves(trained, list_experiments(trained))
    assert len(curves) == 3
    assert curves[0].name == "raw"
    for curve in curves:
        assert curve.thresholds is not None
        assert (np.diff(curve.thresholds) <= 0).all()  # more is let in, the lower it is
        assert (np.diff(curve.far) >= 0).all()
        assert (np.diff(curve.tar) >= 0).all()
        assert curve.far[-1] == pytest.approx(1, abs=0.3)


@pytest.mark.nightly
def test_versions_thresholds_and_the_verdict_are_shown_for_each_space(trained: Library) -> None:
    assert [row["alias"] for row in model_rows(versions(trained))] == ["", "challenger"]
    views = view_thresholds(trained, ["raw", "champion", 1, "challenger"], fmr=0.01)
    assert [view.space for view in views] == ["raw", "face-projection/1", "face-projection/2"]
    assert all(len(view.genuine) == len(view.impostor) == PEOPLE * FACES for view in views)
    assert "the gate" in verdict_lines(show_model(trained, "challenger"))[0]


def test_without_runs_and_versions_there_is_nothing_to_show_and_nothing_is_made(settings: Settings) -> None:
    library = open_library(settings)
    assert list_experiments(library) == ()
    assert view_thresholds(library) == ()
    assert verdict_lines(None) == ["Nothing is registered yet, so there is nothing to judge"]
    assert not Path(settings.tracking.removeprefix("sqlite:///")).exists()


def test_plots_hold_what_was_measured_and_say_where_there_is_nothing() -> None:
    figure = interval_plot(from_json(comparison(0.05)))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["tar@far=1e-3 (decides)"]
    runs = {"a": {"margin": 0.1, "head": "lda", "eer": 0.02}, "b": {"margin": 0.3, "head": "residual"}}
    lines = parallel_coordinates(runs, ["margin", "head", "eer"], best="a").axes[0].get_lines()
    assert lines[0].get_ydata().tolist() == [0, 0, 0.5]
    assert np.isnan(lines[1].get_ydata()[2])
    assert "Needs a run" in parallel_coordinates({}, ["margin"]).axes[0].texts[0].get_text()


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "parameters"),
    [("05_evaluate", {"fmr": 0.01}), ("07_compare", {})],
)
def test_the_notebook_runs(trained: Library, name: str, parameters: dict[str, Any], tmp_path: Path) -> None:
    done = tmp_path / f"{name}.ipynb"
    execute_notebook(
        REPO / "notebooks" / f"{name}.ipynb",
        done,
        parameters=parameters,
        environment={
            "FACEML_HOME": str(trained.settings.home),
            "FACEML_MODEL_PACK": "opencv-zoo",
            "MLFLOW_TRACKING_URI": trained.settings.tracking,
            "PYTHONPATH": ":".join(sys.path),
        },
        folder=tmp_path,
        on_cell=lambda _: None,
    )
    found = read_results(done)
    if name == "05_evaluate":
        assert (found["version"], type(found["promotes"])) == (2, bool)
        (evaluated,) = list_experiments(trained, kind="evaluate")
        assert evaluated.verdict == ("promotes" if found["promotes"] else "refuses")
        assert (evaluated.data, evaluated.code) == (
            list_experiments(trained)[0].data,
            list_experiments(trained)[0].code,
        )
    else:
        assert (found["runs"], found["measure"], found["promoted"]) == (2, "head.bcubed_f", False)
        assert found["version"] in (1, 2)
        assert "dropout" not in done.read_text(), "what is the same in all is not shown"
    assert done.read_text().count("image/png") >= 2
