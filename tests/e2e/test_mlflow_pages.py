"""MLflow's own pages after the demo, two more trainings and a search: what a person sees there, with nothing empty.

`FACEML_SHOTS=folder` keeps the pictures, two of which are in docs/images; `FACEML_DEMO=folder` keeps the library and
the runs, to look again without making them anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from faceml.addresses import sqlite_url
from faceml.tracking.mlflow_store import MlflowStore
from faceml.tracking.moved import follow_move
from faceml.tracking.run_search import RunQuery, search_runs
from tests.e2e.grid_page import WAIT_MS, expect
from tests.e2e.lab import browser
from tests.polling import until
from tests.ports import free_port
from tests.synthetic import labelled_library

pytestmark = [pytest.mark.nightly, pytest.mark.browser, pytest.mark.timeout(1800)]
EMPTY = re.compile(
    r"No (?:common )?\w+ (?:yet|recorded|found|available|to display)|No description|No schema|not found|\bundefined\b"
    r"|\bNaN\b|\bnone\)",
    re.I,
)
HEADS = ("whitening", "residual")
TRIALS = 16
START_S = 600  # on a busy machine
MEASURED = "head.tar_far_1e-2"


@dataclass(frozen=True)
class Pages:
    url: str
    store: MlflowStore
    page: Any
    shots: Path

    def run(self, kind: str) -> str:
        """The id of a kind's newest run."""
        return search_runs(self.store, RunQuery(10, kind))[0].run_id

    @property
    def experiment(self) -> str:
        found = self.store.client.get_experiment_by_name("faceml")
        return f"experiments/{found.experiment_id}"

    def opens(self, place: str, *words: str) -> None:
        self.page.goto("about:blank")  # the address alone differs behind its #: that would load nothing anew
        self.page.goto(f"{self.url}/#/{place}?workflowType=machine_learning")
        self.tells(*words)

    def tells(self, *words: str) -> None:
        for word in words:
            expect(self.page.locator("body")).to_contain_text(word)

    def row(self, name: str) -> Any:
        return self.page.locator(".ag-row", has_text=name)

    def compares(self, *names: str) -> None:
        for name in names:
            self.row(name).first.locator("input[type=checkbox]").first.click(force=True)
        self.page.get_by_role("button", name="Compare").first.click()
        self.tells(f"Comparing {len(names)} Runs")
        expect(self.page.locator(".mlflow-compare-table td").filter(has_text=re.compile(r"^\s*$"))).to_have_count(0)

    def shows(self, name: str) -> str:
        """Keep the page's picture; returns all that stands there, of which nothing says that it is empty."""
        expect(self.page.locator("[class*=skeleton i], [class*=spinner i]")).to_have_count(0)
        expect(self.page.get_by_text(re.compile(r"\bloading\b", re.I))).to_have_count(0)  # a grey field's own words
        self.page.screenshot(path=self.shots / f"{name}.png", animations="disabled")
        text = str(self.page.locator("body").inner_text())
        assert EMPTY.findall(text) == [], name
        return text


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `mlruns` after a demo, two more trainings and a search among more people than the demo has."""
    folder = Path(os.environ.get("FACEML_DEMO") or tmp_path_factory.mktemp("demo")).resolve()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FACEML_", "MLFLOW_"))}

    def faceml(*words: str, **more: str) -> None:
        subprocess.run([sys.executable, "-m", "faceml", *words], cwd=folder, env={**kept, **more}, check=True)

    if not (folder / "searched").exists():
        folder.mkdir(exist_ok=True)
        faceml("demo")
        for head in HEADS:
            words = ("--head", head, "--epochs", "10", "--min-faces", "3")
            faceml("faces", "train-matching", *words, FACEML_HOME="demo/library")
        labelled_library(folder / "searched")
        faceml("experiments", "search", "--trials", str(TRIALS), FACEML_HOME="searched")
    return folder / "mlruns"


@pytest.fixture(scope="module")
def pages(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    port, uri = free_port(), follow_move(sqlite_url(runs / "mlflow.db"))
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen([*command, "--backend-store-uri", uri], cwd=runs.parent, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(url), within_s=START_S)
        shots = Path(os.environ.get("FACEML_SHOTS") or tmp_path_factory.mktemp("shots"))
        shots.mkdir(exist_ok=True)
        with browser() as chromium:
            page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
            page.set_default_timeout(WAIT_MS)
            page.goto(url)
            page.get_by_role("button", name="Close").click()  # the assistant's
            yield Pages(url, MlflowStore(uri, runs / "artifacts", on_note=print), page, shots)
    finally:
        server.terminate()
        server.wait()


def _answers(url: str) -> bool:
    with suppress(requests.ConnectionError, requests.Timeout):
        return requests.get(f"{url}/health", timeout=10).ok
    return False


def test_the_experiment_says_what_it_holds(pages: Pages) -> None:
    pages.opens("experiments", "faceml", "Runs of faceml")
    pages.shows("experiments")


def test_the_runs_page_tells_runs_apart(pages: Pages) -> None:
    pages.opens(pages.experiment, "train · residual · 10 epochs", "search · ", "demo")
    pages.row("demo").first.locator("button").first.click()  # its steps
    pages.tells("detect · ", "cluster · hdbscan 5/3", "label · ", "assign · threshold 0.6")
    text = pages.shows("runs")
    for word in ("library (opencv-zoo)", "library (nothing detected yet)", "faceml faces train-matching"):
        assert word in text, word


def test_a_trainings_page_says_what_it_was_and_on_what(pages: Pages) -> None:
    pages.opens(f"{pages.experiment}/runs/{pages.run('train')}", MEASURED, "face-projection", "library (opencv-zoo)")
    text = pages.shows("training")
    for word in ("The gate", "residual", "Duration", "Created by", "Registered models", "v3"):
        assert word in text, word
    pages.opens(f"{pages.experiment}/runs/{pages.run('train')}/artifacts", "roc.png")
    pages.page.get_by_text("epochs.png").click()
    expect(pages.page.locator("img[src*='blob:'], img[src*='epochs.png'], .image-outer-container")).not_to_have_count(0)
    pages.shows("training-picture")


def test_the_models_page_says_what_each_is_registered_as(pages: Pages) -> None:
    pages.opens(f"{pages.experiment}/models", "face-matcher", "face-projection", "train · residual")
    assert "v3" in pages.shows("models")


def test_a_versions_page_says_what_it_is_for_and_what_the_gate_said(pages: Pages) -> None:
    pages.opens("models/face-projection/versions/3", "challenger", "The gate refuses it", "for vectors of the pack")
    pages.shows("version")


def test_two_trainings_are_compared(pages: Pages) -> None:
    pages.opens(f"{pages.experiment}/runs", "train · residual")
    pages.compares(*(f"train · {head}" for head in HEADS))
    pages.tells(MEASURED, *HEADS)
    pages.shows("comparison")


def test_a_search_shows_what_it_tried(pages: Pages) -> None:
    pages.opens(f"{pages.experiment}/runs/{pages.run('search')}", "search · ", f"{TRIALS} trials", "The gate")
    pages.shows("search")
    pages.opens(f"{pages.experiment}/runs/{pages.run('search')}/artifacts", "trials.png")
    pages.page.get_by_text("trials.png").click()
    expect(pages.page.locator("img[src*='blob:'], img[src*='trials.png'], .image-outer-container")).not_to_have_count(0)
    pages.shows("search-picture")


def test_the_trials_of_a_search_that_came_to_their_end_are_compared(pages: Pages) -> None:
    pages.opens(f"{pages.experiment}/runs", "search · ")
    pages.row("search · ").first.locator("button").first.click()
    pages.tells("not measured")  # the library is too small for some settings, which are no part of what compares
    searched = pages.page.get_by_placeholder("metrics.rmse")
    searched.fill('tags.kind = "child" and attributes.status = "FINISHED"')
    searched.press("Enter")
    expect(pages.page.get_by_text("not measured")).to_have_count(0)
    trials = pages.page.locator(".ag-row a", has_text=re.compile(r"^trial \d")).all_inner_texts()
    assert len(trials) >= 3
    pages.compares(*trials)
    pages.tells("Parameters:", "assign.threshold", "space.yaml", *trials)
    # What MLflow draws unasked is the score: a line a trial ends on its axis.
    expect(pages.page.locator(".parcoords .axis-title").last).to_have_text("wrong")
    pages.shows("search-comparison")
