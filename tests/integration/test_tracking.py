"""Runs as a notebook by hand records them, in a real MLflow store."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import matplotlib
import numpy as np
import pandas
import pytest
from matplotlib.figure import Figure

import faceml
from faceml.addresses import sqlite_url
from faceml.errors import Unavailable, WrongUse
from faceml.pipelines.notebooks import read_results, without_pictures
from faceml.pipelines.results import MIME_TYPE
from faceml.tracking import Run, Tracking
from faceml.tracking.moved import follow_move
from faceml.tracking.presentation import source
from faceml.tracking.spool import read_spool

matplotlib.use("Agg")
PIXELS = np.zeros((4, 4, 3), np.uint8)


class Method(Enum):
    HDBSCAN = "hdbscan"


FIRST_RUN = """
import sys
from pathlib import Path
from faceml.tracking import Tracking
assert "mlflow" not in sys.modules
tracking = Tracking("sqlite:///runs/mlflow.db", Path("runs"), on_note=lambda note: print("note:", note))
with tracking.run("detect") as run:
    run.metrics({"faces": 1})
"""


@dataclass(frozen=True)
class FirstRun:
    folder: Path
    stdout: str
    stderr: str
    made: list[str]  # names in the folder


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """A process that makes a new store: seconds, so it is done once."""
    folder = tmp_path_factory.mktemp("first")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    done = subprocess.run(
        [sys.executable, "-c", FIRST_RUN], cwd=folder, env=variables, capture_output=True, text=True, check=True
    )
    return FirstRun(folder, done.stdout, done.stderr, [path.name for path in folder.iterdir()])


@pytest.fixture(scope="module")
def tracking(first_run: FirstRun) -> Tracking:
    return Tracking(f"sqlite:///{first_run.folder}/runs/mlflow.db", first_run.folder / "runs")


@pytest.fixture
def spooled(tmp_path: Path) -> tuple[Run, Path]:
    return Run(tmp_path / "spool", id=None), tmp_path / "spool"


def logged(tracking: Tracking, run_id: str | None) -> Any:
    import mlflow

    return mlflow.MlflowClient(tracking.store.uri).get_run(run_id)


def artifacts(tracking: Tracking, run_id: str | None) -> Path:
    return Path(unquote(logged(tracking, run_id).info.artifact_uri.removeprefix("file://")))


def test_a_run_holds_all_that_was_recorded(tracking: Tracking, tmp_path: Path) -> None:
    figure = Figure()
    figure.subplots().hist([1, 2, 2])
    with tracking.run("cluster", parameters={"min_samples": 2}, library={"faces": 12, "pack": "sface"}) as run:
        run.parameters({"method": Method.HDBSCAN, "since": None, "folder": Path("a"), "long": "x" * 9000})
        for epoch in range(3):
            run.metrics({"loss": 1 / (epoch + 1), "tar@far=1e-3": None}, step=epoch)
        run.metrics({"tar@far=1e-3": np.float32(0.5)})
        run.tags({"note": "first"})
        run.figure("plots/quality", figure)
        run.table("worst", [{"face": "a", "distance": 0.5}])

    stored = logged(tracking, run.id)
    assert stored.info.status == "FINISHED"
    assert stored.info.run_name == stored.data.tags["kind"] == "cluster"
    long = stored.data.params.pop("long")
    assert len(long) == 6000
    assert long.endswith("… (9000 characters)")
    assert stored.data.params == {"min_samples": "2", "method": "hdbscan", "since": "none", "folder": "a"}
    assert stored.data.metrics == {"loss": pytest.approx(1 / 3), "tar_far_1e-3": 0.5}
    assert stored.data.tags["library.faces"] == "12"
    assert stored.data.tags["faceml_version"] == faceml.__version__
    folder = artifacts(tracking, run.id)
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*.*")) == [
        "plots/quality.png",
        "tables/worst.json",
        "worst.csv",
    ]
    assert (folder / "worst.csv").read_text().split() == ["face,distance", "a,0.5"]


def test_a_run_says_what_it_was_on_which_data_and_who_started_it(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setattr(sys, "argv", ["/usr/bin/faceml", "faces", "train-matching", "--epochs", "10"])

    held = {"total_faces": 12, "active_persons": 2, "pack": "sface", "hash": "c3505c55f44442de", "faces_hash": "1b70"}
    digests = []
    for _ in range(2):
        with tracking.run("train", parameters={"head": "linear", "epochs": 10}, library=held) as run:
            run.metrics({"head.tar_far_1e-2": 0.98123})
            run.tags({"verdict": "refuses", "verdict.reasons": "two people"})
        stored = logged(tracking, run.id)
        data = stored.inputs.dataset_inputs[0].dataset
        digests.append(data.digest)
    assert stored.info.run_name == "train · linear · 10 epochs · TAR@FAR=1% 0.981 · refuses"
    tags = stored.data.tags
    assert "12 faces, 2 people, pack sface" in tags["mlflow.note.content"]
    assert "refuses: two people" in tags["mlflow.note.content"]
    assert tags["mlflow.source.type"] == "LOCAL"
    assert tags["mlflow.source.name"] == "faceml faces train-matching"
    assert tags["mlflow.user"]
    assert digests == ["c3505c55f44442de"] * 2, "the same data"
    assert json.loads(data.profile) == {"total_faces": 12, "active_persons": 2, "pack": "sface"}
    client = mlflow.MlflowClient(tracking.store.uri)
    assert len(client.search_runs([stored.info.experiment_id], f"dataset.digest = '{data.digest}'")) == 2
    experiment = client.get_experiment(stored.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert experiment.tags["mlflow.note.content"].startswith("Runs of faceml")


def test_a_run_on_an_empty_library_does_not_name_a_pack(tracking: Tracking) -> None:
    with tracking.run("pipeline", library={"total_faces": 0, "pack": None, "hash": "e3b0c44298fc1c14"}) as run:
        pass
    stored = logged(tracking, run.id)
    assert stored.inputs.dataset_inputs[0].dataset.name == "library (nothing detected yet)"
    assert stored.data.tags["mlflow.note.content"].endswith("**Data**: 0 faces")


def test_a_command_is_named_as_a_person_types_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("/opt/bin/faceml", "/opt/lib/faceml/__main__.py"):  # python -m faceml
        monkeypatch.setattr(sys, "argv", [program, "faces", "train-matching", "--epochs", "3"])
        assert source()["mlflow.source.name"] == "faceml faces train-matching"


def test_tables_are_logged_as_the_interface_compares_them(tracking: Tracking) -> None:
    with tracking.run("evaluate") as run:
        run.table("thresholds", [{"model": "=raw", "threshold": 0.5, "far": np.float32(0.25), "note": None}])
        run.table("frame.csv", pandas.DataFrame({"a": [1, 2], "b": [0.5, float("nan")]}))
        run.table("nothing", [])
    told = logged(tracking, run.id).data.tags["mlflow.loggedArtifacts"]
    assert json.loads(told) == [{"path": f"tables/{name}.json", "type": "table"} for name in ("thresholds", "frame")]
    tables = [
        json.loads((artifacts(tracking, run.id) / f"tables/{name}.json").read_text())
        for name in ("thresholds", "frame")
    ]
    assert tables == [
        {"columns": ["model", "threshold", "far", "note"], "data": [["=raw", 0.5, 0.25, None]]},
        {"columns": ["a", "b"], "data": [[1, 0.5], [2, None]]},
    ]


@pytest.mark.parametrize("is_copy", [True, False])
def test_runs_that_were_moved_or_copied_open_with_their_artifacts(mlflow_here: Path, is_copy: bool) -> None:
    before, after = mlflow_here / "mlruns", mlflow_here / "else where?" / "mlruns"
    first = Tracking(f"sqlite:///{before}/mlflow.db", before / "artifacts")
    with first.run("evaluate") as run:
        run.table("worst", [{"face": "a"}])
    after.parent.mkdir()
    shutil.copytree(before, after)
    if not is_copy:
        shutil.rmtree(before)
    uri = sqlite_url(after / "mlflow.db")
    there = Tracking(uri, after / "artifacts")
    with there.run("evaluate") as second:
        second.table("worst", [{"face": "b"}])
    for one, cell in ((run, "a"), (second, "b")):
        assert artifacts(there, one.id).is_relative_to(after)
        assert Path(there.store.client.download_artifacts(one.id, "worst.csv")).read_text().split() == ["face", cell]
    if is_copy:
        assert artifacts(first, run.id).is_relative_to(before), "the original is as it was"
        assert len(list((before / "artifacts").iterdir())) == 1


def test_addresses_of_a_store_that_was_not_moved_stay(mlflow_here: Path) -> None:
    runs = mlflow_here / "mlruns"
    elsewhere = mlflow_here / "elsewhere"  # artifacts that somebody keeps on another disk
    tracking = Tracking(f"sqlite:///{runs}/mlflow.db", elsewhere)
    with tracking.run("evaluate") as run:
        run.table("worst", [{"face": "a"}])
    (runs / "artifacts").mkdir()
    follow_move(tracking.store.uri)
    assert artifacts(tracking, run.id).is_relative_to(elsewhere)


def test_the_commit_is_known_in_a_checkout(tracking: Tracking) -> None:
    head = subprocess.run(
        ["git", "-C", str(Path(faceml.__file__).parent), "rev-parse", "HEAD"], capture_output=True, text=True
    )
    if head.returncode:
        pytest.skip("faceml does not run from a checkout here")
    with tracking.run("detect") as run:
        pass
    assert logged(tracking, run.id).data.tags["mlflow.source.git.commit"] == head.stdout.strip()
    assert logged(tracking, run.id).data.tags["git_dirty"] in {"true", "false"}


def test_faces_are_logged_only_where_the_run_allows_it(tmp_path: Path) -> None:
    notes: list[str] = []
    tracking = Tracking(f"sqlite:///{tmp_path}/never.db", tmp_path, on_note=notes.append)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEML_RUN_SPOOL", str(tmp_path / "closed"))
        with tracking.run("cluster") as run:
            run.faces_picture("sheet.png", PIXELS)
            run.faces_picture("again.png", PIXELS)
        patch.setenv("FACEML_RUN_SPOOL", str(tmp_path / "open"))
        with tracking.run("cluster", pictures_allowed=True) as run:
            run.faces_picture("sheet.png", PIXELS)
    assert list((tmp_path / "closed" / "artifacts").iterdir()) == []
    assert (tmp_path / "open" / "artifacts" / "sheet.png").exists()
    assert notes == ["Pictures of faces stay out of MLflow; pictures_allowed=True for this run logs them"]
    assert not (tmp_path / "never.db").exists()


def test_a_table_stays_inside_the_run(spooled: tuple[Run, Path]) -> None:
    run, _ = spooled
    with pytest.raises(WrongUse, match="leads out of the run"):
        run.table("../../worst", [])


def test_no_cell_of_a_table_is_a_formula(spooled: tuple[Run, Path]) -> None:
    run, spool = spooled
    rows = [{"=name": "@SUM(A1)", "share": -0.5}]
    run.table("mappings", rows)
    run.table("frame", pandas.DataFrame(rows))
    for file in ("mappings.csv", "frame.csv"):
        assert (spool / "artifacts" / file).read_text().split() == ["'=name,share", "'@SUM(A1),-0.5"]


def test_an_error_marks_the_run_failed_and_goes_on(tracking: Tracking) -> None:
    runs = []

    def assign() -> None:
        with tracking.run("assign") as run:
            runs.append(run)
            run.metrics({"assigned": 3})
            raise ValueError("no faces")

    with pytest.raises(ValueError, match="no faces"):
        assign()
    stored = logged(tracking, runs[0].id)
    assert stored.info.status == "FAILED"
    assert stored.data.tags["error"] == "ValueError: no faces"
    assert stored.data.metrics == {"assigned": 3.0}


def test_a_run_may_be_part_of_another(tracking: Tracking) -> None:
    with tracking.run("evaluate") as parent, tracking.run("fold 1", parent=parent.id) as child:
        pass
    assert logged(tracking, child.id).data.tags["mlflow.parentRunId"] == parent.id


def test_a_run_recorded_without_mlflow_may_hold_runs_of_its_own(tracking: Tracking) -> None:
    import mlflow

    with tracking.run("cluster") as parent:
        parent.child("size 3", parameters={"size": 3, "cohesion": None}, metrics={"f": 0.5, "nothing": None})
        parent.child("size 5", parameters={"size": 5}, metrics={"f": 0.25})
        parent.child(
            "size 9",
            parameters={"size": 9},
            metrics={},
            curves={"f": [0.5, 0.125]},
            tags={"error": "too few faces"},
            texts={"size.txt": "9"},
            outcome="KILLED",
            seconds=90.0,
        )
    client = mlflow.MlflowClient(tracking.store.uri)
    experiment = logged(tracking, parent.id).info.experiment_id
    found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent.id}'", order_by=["metrics.f"])
    assert [(run.info.run_name, run.data.metrics, run.info.status) for run in found] == [
        ("size 9", {"f": 0.125}, "KILLED"),
        ("size 5", {"f": 0.25}, "FINISHED"),
        ("size 3", {"f": 0.5}, "FINISHED"),
    ]
    assert found[2].data.params == {"size": "3", "cohesion": "none"}
    given_up = found[0]
    history = client.get_metric_history(given_up.info.run_id, "f")
    assert sorted((value.step, value.value) for value in history) == [(0, 0.5), (1, 0.125)]
    assert given_up.info.end_time - given_up.info.start_time == 90_000  # its own, and not that of recording it
    assert "**It failed**: too few faces" in given_up.data.tags["mlflow.note.content"]
    assert [file.path for file in client.list_artifacts(given_up.info.run_id)] == ["size.txt"]


def test_a_metric_must_be_a_number(spooled: tuple[Run, Path]) -> None:
    with pytest.raises(WrongUse, match="metric pack='sface' is not a number"):
        spooled[0].metrics({"pack": "sface"})  # type: ignore[dict-item]


def test_a_spool_survives_a_process_that_died_while_writing(spooled: tuple[Run, Path]) -> None:
    run, folder = spooled
    run.metrics({"faces": 3})
    with (folder / "events.jsonl").open("a") as events:
        events.write('{"kind": "metri')
    assert [(m.name, m.value) for m in read_spool(folder).metrics] == [("faces", 3.0)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow does not pause between its tries."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")


def test_a_server_that_hangs_up_is_asked_three_times_at_most(impatient: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        calls: list[object] = []

        def hang_up() -> None:
            with suppress(OSError):  # closed at the end of the block
                while True:
                    caller, address = server.accept()
                    calls.append(address)
                    caller.close()

        threading.Thread(target=hang_up, daemon=True).start()
        tracking = Tracking(f"http://127.0.0.1:{server.getsockname()[1]}", Path("nowhere"))
        with pytest.raises(Unavailable, match="does not take the run"), tracking.run("detect"):
            pytest.fail("no work starts where it cannot be recorded")
    assert 1 < len(calls) <= 3, "left to itself, MLflow asks eight times, over four minutes"


def test_an_unreachable_server_is_one_clear_line(impatient: None) -> None:
    tracking = Tracking("http://user:secret@127.0.0.1:9", Path("nowhere"))
    with pytest.raises(Unavailable) as caught, tracking.run("detect"):
        pytest.fail("no work starts where it cannot be recorded")
    message = str(caught.value)
    assert "http://user:***@127.0.0.1:9 does not take the run: [Errno 111] Connection refused" in message
    assert "secret" not in message
    assert "\n" not in message


def test_a_database_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    tracking = Tracking(f"sqlite:///{tmp_path}/file/mlflow.db", tmp_path)
    with (
        pytest.raises(Unavailable, match=r"file/mlflow.db does not take the run: .*; start it or correct"),
        tracking.run("detect"),
    ):
        pass


def test_a_database_server_that_does_not_answer_is_told_without_trying_again(caplog: pytest.LogCaptureFixture) -> None:
    tracking = Tracking("postgresql+psycopg://me:s3cret@127.0.0.1:9/runs", Path("nowhere"))
    with pytest.raises(Unavailable, match=r"does not take the run: .*refused") as caught, tracking.run("detect"):
        pytest.fail("no work starts where it cannot be recorded")
    assert "s3cret" not in str(caught.value)
    assert "retried" not in caplog.text


def test_a_folder_whose_name_is_not_utf_8_is_told(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xe9d"))
    tracking = Tracking("sqlite:///mlflow.db", folder)
    with (
        pytest.raises(Unavailable, match=r"can keep nothing in .*b.d, whose name is not UTF-8: name"),
        tracking.run("detect"),
    ):
        pytest.fail("no work starts where it cannot be recorded")


def test_what_could_not_be_logged_is_kept(tracking: Tracking) -> None:
    import mlflow

    def detect() -> None:
        with tracking.run("detect") as run:
            run.metrics({"faces": 3})
            mlflow.MlflowClient(tracking.store.uri).delete_run(run.id)

    with pytest.raises(Unavailable, match="what was recorded is kept in") as caught:
        detect()
    kept = Path(str(caught.value).rpartition(" ")[2])
    assert read_spool(kept).metrics[0].value == 3.0
    shutil.rmtree(kept)


def test_a_new_store_is_made_quietly_and_nowhere_else(first_run: FirstRun) -> None:
    database = first_run.folder / "runs" / "mlflow.db"
    assert first_run.stdout == f"note: Making MLflow's database {database} (once, some seconds)\n"
    assert first_run.stderr == ""
    assert first_run.made == ["runs"]


def test_a_published_notebook_keeps_its_texts_and_loses_its_pictures(tmp_path: Path) -> None:
    secret = "iVBORw0KGgoAAAANSUhEUg"
    html = f'<b>Ann</b><img src="data:image/png;base64,{secret}\n{secret}"/><svg><image href="{secret}"/></svg>'
    data = {
        "image/png": secret,
        "text/plain": ["<Figure>", ""],
        "text/html": html.splitlines(keepends=True),
        "application/vnd.plotly.v1+json": {"image": secret},
        MIME_TYPE: {"faces": 3},
    }
    cells = [
        {"cell_type": "markdown", "source": "# Faces", "attachments": {"a.png": {"image/png": secret}}},
        {
            "cell_type": "code",
            "source": "show()",
            "outputs": [{"output_type": "display_data", "data": data}, {"output_type": "stream", "text": "3 faces"}],
        },
    ]
    original, copy = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    original.write_text(json.dumps({"cells": cells, "metadata": {"widgets": {"state": secret}}}))
    without_pictures(original, copy)
    text = copy.read_text()
    assert secret not in text
    assert "3 faces" in text
    assert "<b>Ann</b>" in text
    assert read_results(copy) == {"faces": 3}
