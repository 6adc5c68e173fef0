"""`faceml experiments`: runs of several kinds, recorded by notebooks and trainings, compared in a shell."""

from __future__ import annotations

import json
import math
import re
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from faceml.addresses import sqlite_file
from faceml.cli.main import cli
from faceml.config import Settings, read_settings
from faceml.errors import FacemlError, NotFound, WrongUse
from faceml.library import Library
from faceml.pipelines.definition import read_pipeline
from faceml.pipelines.execution import execute_notebook
from faceml.pipelines.notebooks import read_results
from faceml.pipelines.runner import run_pipeline
from faceml.services.learn.experiments import find_experiment, list_experiments
from faceml.services.learn.promote import list_models
from faceml.services.operate.status import library_snapshot
from faceml.tracking.experiment import Experiment
from faceml.tracking.mlflow_store import MlflowStore
from faceml.tracking.run_search import RunQuery, ask_server, search_runs
from tests.conftest import REPO, copy_library
from tests.fakes import FakePack, library_with
from tests.heads import card_for, comparison, deep_head

PIPELINE = """
name: study
description: Detect once, group twice
parameters:
  photos: {{type: str, help: "folder of photos"}}
steps:
  - name: detect
    notebook: {notebooks}/01_detect.ipynb
    parameters: {{photos: "${{parameters.photos}}"}}
  - name: coarse
    notebook: {notebooks}/02_cluster.ipynb
    parameters: {{min_cluster_size: 6, model: raw}}
  - name: fine
    notebook: {notebooks}/02_cluster.ipynb
    parameters: {{min_cluster_size: 2, min_samples: 1, model: raw}}
  - name: tried
    notebook: {notebooks}/02_cluster.ipynb
    parameters: {{sweep: true, sweep_min_cluster_sizes: "2, 3"}}
"""
Says = Callable[..., str]


@pytest.fixture(scope="module")
def recorded(
    tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path, photo_folder: Path, opencv_zoo: Any
) -> Library:
    """A library after a pipeline of four notebooks, and three trainings of made-up worth: better, best, worse."""
    folder = tmp_path_factory.mktemp("recorded")
    settings = Settings(
        home=folder / "library",
        model_pack="opencv-zoo",
        model_root=folder / "no-models",
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}",
    )
    copyfile(empty_mlflow, folder / "mlflow.db")
    library = library_with(opencv_zoo, settings)
    (folder / "study.yaml").write_text(PIPELINE.format(notebooks=REPO / "notebooks"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_pipeline(
            read_pipeline(folder / "study.yaml"),
            parameters={"photos": str(photo_folder)},
            home=settings.home,
            tracking=library.tracking,
            environment=environment(library),
            library=library_snapshot(library.repository),
        )
        for margin, gain in ((0.1, 0.02), (0.2, 0.05), (0.3, -0.05)):
            train(library, margin, gain)
    return library


def environment(library: Library) -> dict[str, str]:
    return {
        "FACEML_HOME": str(library.settings.home),
        "FACEML_MODEL_PACK": "opencv-zoo",
        "MLFLOW_TRACKING_URI": library.settings.tracking,
        "PYTHONPATH": ":".join(sys.path),
    }


def train(library: Library, margin: float, gain: float) -> int:
    """What a training leaves behind, its hours left out."""
    with library.tracking.run(
        "train", parameters={"margin": margin}, library=library_snapshot(library.repository)
    ) as run:
        run.metrics({"head.tar@far=1e-3": 0.9 + gain, "head.eer": 0.1 - gain})
        assert run.id
        return library.registry.register(
            deep_head(0), card_for(library), comparison=comparison(gain), run_id=run.id
        ).version


@pytest.fixture
def says(recorded: Library, monkeypatch: pytest.MonkeyPatch) -> Says:
    for name in ("FACEML_HOME", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, environment(recorded)[name])

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(cli, ["experiments", *words])
        if isinstance(done.exception, FacemlError):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.output

    return run


def of_kind(library: Library, kind: str) -> list[Experiment]:
    """Oldest first."""
    return list(list_experiments(library, kind=kind))[::-1]


@pytest.mark.nightly
def test_every_run_knows_its_data_and_code_also_within_a_pipeline_and_a_sweep(recorded: Library) -> None:
    runs = [*list_experiments(recorded, kind=None), *of_kind(recorded, "child")]
    assert {run.kind for run in runs} == {"pipeline", "detect", "cluster", "sweep", "train", "child"}
    for run in runs:
        assert {"hash", "faces_hash", "people_hash", "total_faces"} <= run.data.keys(), run.kind
        assert re.match(r"\d+\.\d+\.\d+", run.code), run.kind
    detect, coarse, fine = of_kind(recorded, "detect")[0], *of_kind(recorded, "cluster")
    assert detect.data["total_faces"] == "0", "what it began with, not what it found"
    assert detect.data["faces_hash"] != coarse.data["faces_hash"]
    assert coarse.data["faces_hash"] == fine.data["faces_hash"]
    (tried,) = of_kind(recorded, "sweep")
    assert {child.data["hash"] for child in of_kind(recorded, "child")} == {tried.data["hash"]}


def test_runs_are_listed_with_what_they_measured(says: Says, recorded: Library) -> None:
    lines = says("list").splitlines()
    assert len(lines) == 1 + 1 + 4 + 3
    assert lines[0].startswith("Run")
    assert re.search(r"detect .* faces 8", says("list", "--kind", "detect"))
    assert len(says("list", "--limit", "2").splitlines()) == 3
    assert says("list", "--since", "2999-01-01").startswith("No finished run")
    told = json.loads(says("list", "--kind", "train", "--json"))["runs"]
    assert [run["parameters"] for run in told] == [{"margin": margin} for margin in ("0.3", "0.2", "0.1")]


def test_clusterings_are_compared_by_what_differs(says: Says, recorded: Library) -> None:
    coarse, fine = of_kind(recorded, "cluster")
    said = says("compare", "--kind", "cluster", "--by", "noise_count").splitlines()
    assert said[0] == "2 cluster runs, best noise_count first (lower is better)"
    columns = said[2].split()
    assert columns[:3] == ["run", "started", "noise_count"]
    assert {"min_cluster_size", "min_samples"} <= set(columns)
    assert not {"mode", "model", "max_faces"} & set(columns), "the same in both"
    assert said[3].startswith(fine.short_id)
    assert f"Best: run {fine.short_id}, noise_count" in "\n".join(said)
    assert f"`faceml experiments diff {coarse.short_id} {fine.short_id}`" in said[-1]
    backwards = says("compare", "--kind", "cluster", "--by", "noise_count", "--higher-is-better")
    assert f"Best: run {coarse.short_id}" in backwards
    newest = says("compare", "--kind", "cluster", "--show", "seconds").splitlines()
    assert newest[0] == "2 cluster runs, newest first"
    assert newest[2].split()[:4] == ["run", "started", "seconds", "min_cluster_size"]


def test_a_diff_says_what_changed_between_two_runs(says: Says, recorded: Library) -> None:
    coarse, fine = of_kind(recorded, "cluster")
    said = says("diff", coarse.run_id[:6], fine.run_id)
    assert re.search(r"min_cluster_size +6 → 2\n", said)
    assert re.search(r"noise_count +\d+ +\d+ +-\d+\n", said)
    assert "Code\n  the same" in said or "+changes in both" in said
    assert "Data\n  the same" in said
    told = json.loads(says("diff", coarse.run_id, of_kind(recorded, "detect")[0].run_id, "--json"))
    assert told["after"]["kind"] == "detect"
    assert any(change["name"] == "min_face_size" for change in told["parameters"])


def test_a_measure_goes_over_time_in_text_and_as_a_plot(says: Says, recorded: Library, tmp_path: Path) -> None:
    plot = tmp_path / "tar.png"
    lines = says("over-time", "head.tar@far=1e-3", "--plot", str(plot)).splitlines()
    assert lines[0] == "head.tar_far_1e-3 of 3 train runs, oldest first (higher is better)"
    assert [run.short_id in line for run, line in zip(of_kind(recorded, "train"), lines[3:6], strict=True)] == [
        True
    ] * 3
    assert "+0.0300" in lines[4]
    assert lines[4].endswith("best")
    assert "-0.1000" in lines[5]
    assert plot.stat().st_size > 5_000
    told = json.loads(says("over-time", "head.eer", "--json"))
    assert told["lower_is_better"]
    assert [moment["is_best"] for moment in told["moments"]] == [False, True, False]


def test_runs_read_out_of_the_database_are_those_that_mlflow_itself_finds(recorded: Library) -> None:
    store = recorded.tracking.store
    every = search_runs(store, RunQuery(1000, other_than=""))
    doomed = store.open_run("deleted", parent=None, tags={"kind": "train"})
    store.client.delete_run(doomed)
    odd = store.open_run("odd", parent=None, tags={"kind": "odd"})
    store.client.log_metric(odd, "loss", float("nan"))
    queries = (
        RunQuery(1000, kind="cluster"),
        RunQuery(2, other_than="child"),
        RunQuery(1000, other_than="", since=every[2].started),
        RunQuery(1000, kind="odd", is_finished=False),
        RunQuery(5, is_finished=False, begins=every[0].run_id[:6]),
        RunQuery(5, kind="train", is_finished=False, begins=doomed[:8]),
    )
    found = [search_runs(store, query) for query in queries]
    with store.errors():
        wanted = [ask_server(store.client, query) for query in queries]
    store.client.delete_run(odd)
    assert [len(runs) for runs in found] == [2, 2, 3, 1, 1, 0]
    assert math.isnan(found[3][0].metrics["loss"]), "which equals nothing"
    assert found[:3] + found[4:] == wanted[:3] + wanted[4:]
    assert [run.run_id for run in found[3]] == [run.run_id for run in wanted[3]] == [odd]


def test_a_store_without_a_table_has_no_runs(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "mlflow.db").close()
    store = MlflowStore(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path, on_note=lambda _: None)
    assert search_runs(store, RunQuery(5, kind="train")) == ()


def test_a_run_is_named_by_its_first_letters(recorded: Library) -> None:
    runs = list_experiments(recorded, kind=None)
    assert find_experiment(recorded, runs[0].run_id) == find_experiment(recorded, runs[0].run_id[:8]) == runs[0]
    with pytest.raises(
        WrongUse, match=r"'zz%' is not a run: write 4 or more letters of an id that `faceml experiments"
    ):
        find_experiment(recorded, "zz%")
    unused = next(f"{n:04x}" for n in range(10_000) if not any(r.run_id.startswith(f"{n:04x}") for r in runs))
    with pytest.raises(NotFound, match=f"no run begins with {unused}: `faceml experiments list` shows them"):
        find_experiment(recorded, unused)


def test_several_runs_that_begin_alike_are_told_apart(library: Library, mlflow_here: Path) -> None:
    one, other = (library.tracking.store.open_run("x", parent=None, tags={"kind": "x"}) for _ in range(2))
    alike = one[:8] + other[8:]
    with sqlite3.connect(mlflow_here / "mlruns" / "mlflow.db") as database:
        for table in ("runs", "tags"):
            database.execute(f"UPDATE {table} SET run_uuid = ? WHERE run_uuid = ?", (alike, other))
    with pytest.raises(WrongUse, match=f"several runs begin with {one[:8]}: .*{one[:12]}.*; write more letters"):
        find_experiment(library, one[:8])
    assert find_experiment(library, alike).run_id == alike


def test_wrong_words_are_told_in_one_line(says: Says) -> None:
    with pytest.raises(NotFound, match=r"no finished run of kind 'trian' is recorded: there are .*cluster \(2\).*"):
        says("compare", "--kind", "trian")
    with pytest.raises(NotFound, match="no run measured 'luck': there are head"):
        says("compare", "--by", "luck")
    with pytest.raises(WrongUse, match="is not a kind of run"):
        says("compare", "--kind", "a' or 'b")
    with pytest.raises(WrongUse, match="say by which measure: --by MEASURE"):
        says("compare", "--promote")
    with pytest.raises(NotFound, match="registered no version, as only trainings do"):
        says("compare", "--kind", "cluster", "--by", "noise_count", "--promote")
    with pytest.raises(WrongUse, match="is not a day"):
        says("list", "--since", "yesterday")


@pytest.mark.nightly  # by day the next test runs it on trainings
def test_the_notebook_compares_clusterings_too(recorded: Library, tmp_path: Path) -> None:
    found, text = compared_in_the_notebook(recorded, tmp_path, kind="cluster")
    fine = of_kind(recorded, "cluster")[1]
    assert (found["runs"], found["measure"], found["best"], found["version"]) == (2, "noise_count", fine.run_id, None)
    assert "min_cluster_size" in text
    assert text.count("image/png") >= 2


@pytest.mark.nightly
def test_the_best_is_let_in_by_the_gate_alone(says: Says, recorded: Library, tmp_path: Path) -> None:
    assert list_models(recorded).champion is None
    said = says("compare", "--by", "head.tar@far=1e-3")
    assert "It registered version 2: `faceml models promote 2` asks the gate to let it in" in said
    assert list_models(recorded).champion is None, "nobody asked"
    refused = says("compare", "--by", "head.eer", "--higher-is-better", "--promote", code=1)
    assert "Not promoted: version 3" in refused
    assert list_models(recorded).champion is None
    found, _ = compared_in_the_notebook(recorded, tmp_path, measure="head.tar_far_1e-3")
    assert (found["version"], found["promoted"]) == (2, False)
    let_in = says("compare", "--by", "head.tar@far=1e-3", "--promote")
    assert "Version 2 is the champion now; before: raw embeddings" in let_in
    models = list_models(recorded)
    assert models.champion == 2
    assert models.history[-1]["why"] == "best train run by head.tar_far_1e-3"
    # The third training was not measured against version 2, so the gate refuses it in the notebook too.
    worse, text = compared_in_the_notebook(
        recorded, tmp_path, measure="head.eer", better="higher", promote_the_best=True
    )
    assert (worse["version"], worse["promoted"]) == (3, False)
    assert "Not promoted." in text
    assert list_models(recorded).champion == 2


def compared_in_the_notebook(library: Library, folder: Path, **parameters: Any) -> tuple[dict[str, Any], str]:
    done = folder / "07_compare.ipynb"
    execute_notebook(
        REPO / "notebooks" / "07_compare.ipynb",
        done,
        parameters=parameters,
        environment=environment(library),
        folder=folder,
        on_cell=lambda _: None,
    )
    return read_results(done), done.read_text()


def test_an_empty_store_says_how_runs_come_about(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", settings.tracking)
    for words in (["list"], ["compare"], ["compare", "--by", "x"], ["over-time", "x"]):
        done = CliRunner().invoke(cli, ["experiments", *words])
        assert done.output.startswith("No finished run is recorded"), done.output
    assert not Path(settings.tracking.removeprefix("sqlite:///")).exists()


@pytest.fixture
def copied(recorded: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """The same library and its runs, of which a test may make more."""
    (tmp_path / "mlruns").mkdir()
    copyfile(sqlite_file(recorded.settings.tracking) or "", tmp_path / "mlruns" / "mlflow.db")
    settings = replace(
        recorded.settings,
        home=copy_library(recorded.settings.home, tmp_path / "library"),
        tracking_uri=f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}",
    )
    library = library_with(FakePack(), settings)
    for name, value in environment(library).items():
        monkeypatch.setenv(name, value)
    return library


def faceml(*words: str) -> str:
    done = CliRunner().invoke(cli, words)
    if isinstance(done.exception, FacemlError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_commands_record_what_notebooks_record_where_somebody_asks(
    copied: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebooks = {kind: of_kind(copied, kind)[0] for kind in ("detect", "cluster")}
    before = len(list_experiments(copied, kind=None))
    faceml("faces", "cluster", "--min-cluster-size", "3")
    assert len(list_experiments(copied, kind=None)) == before, "nobody asked"
    faceml("faces", "backfill", "--track")
    faceml("faces", "cluster", "--min-cluster-size", "3", "--track")
    monkeypatch.setenv("FACEML_TRACK", "yes")
    faceml("faces", "assign")
    monkeypatch.setenv("FACEML_TRACK", "no")
    for kind, told in notebooks.items():
        (shell,) = list_experiments(copied, kind=kind, limit=1)
        assert shell.run_id != told.run_id
        assert (shell.parameters.keys(), shell.metrics.keys()) == (told.parameters.keys(), told.metrics.keys())
        assert shell.data.keys() == told.data.keys()
    assert shell.parameters["min_cluster_size"] == "3"
    (assigned,) = list_experiments(copied, kind="assign")
    assert (assigned.metrics["processed"], assigned.metrics["assigned"]) == (8, 0), "nobody is named"
    assert copied.tracking.store.client.get_run(assigned.run_id).data.tags["mlflow.source.type"] == "LOCAL"


def test_taking_photos_in_and_splitting_are_recorded_where_somebody_asks(copied: Library, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "more" / "sea.png")
    faceml("ingest", str(tmp_path / "more"), "--track")
    (taken,) = list_experiments(copied, kind="ingest", limit=1)
    assert taken.parameters == {"photos": str(tmp_path / "more")}
    assert taken.metrics == {"new_photos": 1, "moved": 0, "missing": 0, "waiting": 1}
    with copied.repository.read() as unit:
        cluster_id = next(cluster for _, _, cluster in unit.faces.labels() if cluster)
    faceml("people", "split", cluster_id, "--preview", "--track")
    with pytest.raises(NotFound, match="no finished run of kind 'split'"):  # a preview changes nothing
        list_experiments(copied, kind="split")
    with pytest.raises(WrongUse, match="leave it out with --queue"):
        faceml("people", "split", cluster_id, "--queue", "--track")
    faceml("people", "split", cluster_id, "--min-cluster-size", "2", "--track")
    (split,) = list_experiments(copied, kind="split")
    assert split.parameters == {"cluster_id": cluster_id, "min_cluster_size": "2"}
    assert split.metrics.keys() == {"parts", "faces_left_out"}


def test_an_evaluation_is_linked_to_the_model_that_it_judged(copied: Library) -> None:
    client = copied.tracking.store.client
    with copied.tracking.run("evaluate", library=library_snapshot(copied.repository)) as run:
        run.metrics({"head.eer": 0.125})
        run.tags({"judged": "face-projection/2"})
    assert run.id
    (judged,) = client.get_run(run.id).inputs.model_inputs
    made_by = client.get_run(client.get_model_version("face-projection", "2").run_id)
    assert [judged.model_id] == [made.model_id for made in made_by.outputs.model_outputs]
    told = {metric.run_id: metric for metric in client.get_logged_model(judged.model_id).metrics}
    assert (told[run.id].key, told[run.id].value) == ("head.eer", 0.125)
    assert told[run.id].dataset_digest == library_snapshot(copied.repository)["hash"]
    with copied.tracking.run("evaluate") as run:
        run.tags({"judged": "raw"})
    assert client.get_run(run.id).inputs.model_inputs == []


def test_what_a_worker_does_is_not_recorded_and_a_failed_command_leaves_a_failed_run(copied: Library) -> None:
    with pytest.raises(WrongUse, match="--track records what this command does itself: leave it out with --queue"):
        faceml("faces", "assign", "--track", "--queue")
    with pytest.raises(FacemlError):
        faceml("faces", "calibrate", "--track")
    (run,) = search_runs(copied.tracking.store, RunQuery(5, "calibrate", is_finished=False))
    assert copied.tracking.store.client.get_run(run.run_id).info.status == "FAILED"


def test_the_setting_is_yes_or_no() -> None:
    assert read_settings({"FACEML_TRACK": "yes"}).track == "yes"
    with pytest.raises(WrongUse, match="FACEML_TRACK='maybe': write yes or no"):
        read_settings({"FACEML_TRACK": "maybe"})
