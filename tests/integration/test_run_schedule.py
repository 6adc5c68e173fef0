"""Pipelines on a schedule: real processes, kernels, signals and a real webhook."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from faceml.config import Settings
from faceml.errors import Conflict, WrongUse
from faceml.pipelines.history import PipelineRun, RunStatus, StepRun, StepStatus, past_runs, run_lock
from faceml.pipelines.report import render
from faceml.pipelines.schedule import STATE, read_schedule, run_due, run_schedule
from faceml.services.index.repair import find_orphans
from faceml.wiring import open_library
from tests.integration.test_pipeline_runner import write_notebook
from tests.polling import until

FACEML = Path(sys.executable).with_name("faceml")
COUNT = "from faceml.pipelines.results import report\nreport(faces=3, best='Grace Hopper', fine=True)"


@pytest.fixture
def place(settings: Settings, mlflow_here: Path) -> Settings:
    return settings


def write_pipeline(folder: Path, *cells: tuple[str, str], cron: str = "0 3 * * *", name: str = "small") -> Path:
    write_notebook(folder / f"{name}.ipynb", "who = ''", *cells)
    file = folder / f"{name}.yaml"
    file.write_text(
        f'name: {name}\ncron: "{cron}"\nparameters:\n  who: {{type: str}}\nsteps:\n  - name: look\n'
        f"    notebook: {name}.ipynb\n    parameters: {{who: '${{parameters.who}}'}}\n"
    )
    return file


def missed(home: Path, file: Path, *, cron: str = "0 3 * * *") -> None:
    """Leave the record of a schedule that was last awake two days ago."""
    home.mkdir(parents=True, exist_ok=True)
    ago = datetime.now().astimezone() - timedelta(days=2)
    (home / STATE).write_text(json.dumps({file.stem: {"cron": cron, "handled": ago.isoformat()}}))


@pytest.fixture
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook's address, and what it was told."""
    told: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/done", told
    server.shutdown()
    server.server_close()


def schedule(folder: Path, settings: Settings, *words: str) -> subprocess.Popen[str]:
    """`faceml pipeline schedule`, as its own process."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FACEML_")},
        "FACEML_HOME": str(settings.home),
        "FACEML_MODEL_PACK": "opencv-zoo",
        "MLFLOW_TRACKING_URI": settings.tracking_uri,
    }
    return subprocess.Popen(
        [FACEML, "pipeline", "schedule", *words], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )


def test_a_run_is_reported_and_the_webhook_gets_counts_alone(
    place: Settings, tmp_path: Path, hook: tuple[str, list[dict[str, Any]]]
) -> None:
    url, told = hook
    plan = read_schedule([write_pipeline(tmp_path, ("# Look", COUNT))], {"who": "Ada Lovelace"}, webhook=url)
    done = run_due(place, plan, plan.entries[0])
    assert done is not None
    assert done.folder is not None
    assert "Grace Hopper" in (done.folder / "report.html").read_text(), "the page stays in the library's folder"
    (body,) = told
    assert (body["pipeline"], body["status"], body["failed_step"]) == ("small", "done", None)
    assert body["steps"][0]["numbers"] == {"faces": 3, "fine": True}
    for secret in ("Grace", "Ada", str(tmp_path)):
        assert secret not in json.dumps(body)


def test_a_failed_run_is_told_and_a_webhook_that_is_down_fails_nothing(
    place: Settings, tmp_path: Path, hook: tuple[str, list[dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    url, told = hook
    file = write_pipeline(tmp_path, ("# Look", "raise ValueError(f'no {who}')"))
    plan = read_schedule([file], {"who": "Ada"}, webhook=url)
    failed = run_due(place, plan, plan.entries[0])
    assert failed is not None
    assert failed.status is RunStatus.FAILED
    assert (told[0]["status"], told[0]["failed_step"]) == ("failed", "look")
    assert "Ada" not in json.dumps(told)
    assert 'cell [3] "Look": ValueError: no Ada' in caplog.text
    assert failed.folder is not None
    assert "ValueError: no Ada" in (failed.folder / "report.html").read_text()
    down = replace(plan, webhook="http://127.0.0.1:9/x")
    assert run_due(place, down, plan.entries[0]) is not None
    assert "did not take the run" in caplog.text


def test_a_run_of_somebody_else_is_waited_for_by_the_schedule_and_refused_by_hand(
    place: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    plan = read_schedule([write_pipeline(tmp_path, ("# Look", COUNT))], {"who": "x"})
    with run_lock(place.home, "by hand"):
        with (
            pytest.raises(Conflict, match=r"another run is going on in .* \(by hand, pid \d+\): wait until it is done"),
            run_lock(place.home, "me"),
        ):
            pass
        waiting = threading.Thread(target=run_due, args=(place, plan, plan.entries[0]))
        waiting.start()
        until(lambda: "waiting for the run that is going on (by hand, pid" in caplog.text)
        assert waiting.is_alive()
        assert past_runs(place.home) == []
    waiting.join(timeout=60)
    assert [run.status for run in past_runs(place.home)] == [RunStatus.DONE]


def test_a_lock_that_nothing_came_of_leaves_nothing_behind(tmp_path: Path) -> None:
    home = tmp_path / "library"
    with pytest.raises(RuntimeError), run_lock(home, "me"):
        raise RuntimeError
    assert not home.exists()
    (home / "runs" / "kept").mkdir(parents=True)
    with pytest.raises(RuntimeError), run_lock(home, "me"):
        raise RuntimeError
    assert (home / "runs" / "kept").is_dir()


def test_a_second_schedule_of_one_library_is_refused(place: Settings, tmp_path: Path) -> None:
    plan = read_schedule([write_pipeline(tmp_path, ("# Look", COUNT))], {"who": "x"})
    with (
        run_lock(place.home, "faceml pipeline schedule", name="schedule"),
        pytest.raises(Conflict, match="another schedule is going on"),
    ):
        run_schedule(place, plan)


@pytest.mark.nightly
def test_sigterm_in_the_middle_ends_the_kernel_and_leaves_the_library_consistent(
    place: Settings, tmp_path: Path, photos: Path
) -> None:
    pipe = tmp_path / "pid"
    os.mkfifo(pipe)
    cell = f"""
import os, time
from pathlib import Path
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from faceml.wiring import open_library
library = open_library()
ingest_folder(library.repository, Path({str(photos)!r}))
backfill_faces(library)
with library.repository.begin() as unit:
    unit.people.add("half a transaction")
    open({str(pipe)!r}, "w").write(str(os.getpid()))
    time.sleep(600)
"""
    file = write_pipeline(tmp_path, ("# Look", cell))
    missed(place.home, file)
    with schedule(tmp_path, place, str(file), "-p", "who=x") as process:
        kernel = psutil.Process(int(pipe.read_text()))  # what was missed runs at once; waits until the cell does
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0
        assert process.stderr is not None
        said = process.stderr.read()
    kernel.wait(timeout=60)
    assert said.splitlines()[-1].endswith("stopped")
    assert "Traceback" not in said
    (stopped,) = past_runs(place.home)
    assert stopped.status is RunStatus.STOPPED
    with sqlite3.connect(place.home / "faceml.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    library = open_library(place)
    with library.repository.read() as unit:
        assert (unit.people.count(), unit.faces.count()) == (0, 8)
    report = find_orphans(library)
    assert (report.orphans, report.stale_points, report.stray_points) == ((), 0, 0)
    library.close()


def test_sigterm_while_waiting_ends_it_at_once(place: Settings, tmp_path: Path) -> None:
    file = write_pipeline(tmp_path, ("# Look", COUNT))
    with schedule(tmp_path, place, str(file), "-p", "who=x") as process:
        assert process.stderr is not None
        assert "waiting; first is small" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert past_runs(place.home) == []


@pytest.mark.nightly
def test_a_real_minute_comes(place: Settings, tmp_path: Path) -> None:
    file = write_pipeline(tmp_path, ("# Look", COUNT), cron="* * * * *")
    first_minute = time.time() // 60
    with schedule(tmp_path, place, str(file), "-p", "who=x") as process:

        def two_are_done() -> bool:
            assert process.poll() is None
            return len([run for run in past_runs(place.home) if run.status is RunStatus.DONE]) >= 2

        until(two_are_done, within_s=300)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0
    assert len(past_runs(place.home)) <= time.time() // 60 - first_minute, "none but at the turn of a minute"


@pytest.mark.parametrize(
    ("change", "parameters", "webhook", "expected"),
    [
        (("cron:", "# cron:"), {"who": "x"}, None, r"no pipeline of .*small.yaml has a cron line"),
        (("0 3 * * *", "0 25 * * *"), {"who": "x"}, None, r"small.yaml, line 2: cron: hour '25'"),
        (("", ""), {}, None, r"needs the parameter who .*add -p who="),
        (
            ("", ""),
            {"who": "x", "whom": "y"},
            None,
            r"no scheduled pipeline has a parameter 'whom'; did you mean who\?",
        ),
        (("", ""), {"who": "x"}, "ftp://host", "is not an http address"),
    ],
)
def test_what_cannot_be_scheduled_is_told_before_anything_waits(
    tmp_path: Path, change: tuple[str, str], parameters: dict[str, str], webhook: str | None, expected: str
) -> None:
    file = write_pipeline(tmp_path, ("# Look", COUNT))
    file.write_text(file.read_text().replace(*change, 1) if change[0] else file.read_text())
    with pytest.raises(WrongUse, match=expected):
        read_schedule([file], parameters, webhook=webhook)


def test_pictures_are_in_the_report_only_where_the_run_allows_them(tmp_path: Path) -> None:
    notebook = tmp_path / "01_look.ipynb"
    cell = {"cell_type": "code", "outputs": [{"data": {"image/png": "aGFsbG8=\n"}}], "source": ""}
    notebook.write_text(json.dumps({"cells": [cell]}))
    step = StepRun("look", StepStatus.DONE, results={"<b>": "<script>"}, notebook=notebook)
    run = PipelineRun("small", RunStatus.DONE, datetime.now().astimezone(), {}, (step,), folder=tmp_path)
    assert "aGFsbG8=" not in render(run)
    assert "<script>" not in render(run)
    assert 'href="01_look.ipynb"' in render(run)
    assert "base64,aGFsbG8=" in render(replace(run, parameters={"pictures_allowed": True}))
