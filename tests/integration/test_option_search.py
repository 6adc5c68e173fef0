"""`faceml experiments search`: begun, killed, gone on with, judged, recorded, applied and taken back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from faceml.cli.main import cli
from faceml.errors import Conflict, FileNotReadable, NotFound, WrongUse
from faceml.library import Library
from faceml.services.exchange.import_labels import import_labels
from faceml.services.learn.evaluate import slice_library, write_page
from faceml.services.learn.fit_matcher import fit_library_matcher
from faceml.services.learn.search import apply_found, options_in_use, search_options
from faceml.storage import studies
from faceml.storage.own_options import own_options, set_own_options
from faceml.trial.search_space import Space
from tests.heads import unmeasured
from tests.polling import until
from tests.synthetic import copy_of, synthetic_library

ME = "ada"
SPACE = Space.of({"options": {"assign": {"threshold": ["auto", 0.4, 0.6, 0.9], "matcher": ["plain"]}}})
Says = Callable[..., Result]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made") / "library"
    library = synthetic_library(home, people=48, faces=6, spread=1.2)
    with library.repository.read() as unit:
        rows = [f"{face_id},Person {cluster_id}" for face_id, _, cluster_id in unit.faces.labels()]
    (home.parent / "labels.csv").write_text("\n".join(["face_id,person_name", *rows]))
    import_labels(replace(library, index_follower=lambda: None), home.parent / "labels.csv", actor=ME)
    library.close()
    return home


@pytest.fixture
def labelled(made_once: Path, mlflow_here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    monkeypatch.setenv("FACEML_HOME", str(tmp_path / "library"))
    library = copy_of(made_once, tmp_path / "library")
    yield library
    library.close()


@pytest.fixture
def says() -> Says:
    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, list(words))

    return run


def runs_of(library: Library) -> list[dict[str, str]]:
    client = library.tracking.store.client
    (experiment,) = [found for found in client.search_experiments() if found.name == "faceml"]
    return [{**run.data.tags, "id": run.info.run_id} for run in client.search_runs([experiment.experiment_id])]


def test_what_is_found_is_judged_on_others_recorded_applied_and_taken_back(
    labelled: Library, says: Says, tmp_path: Path
) -> None:
    (tmp_path / "space.yaml").write_text(
        "objective: wrong\noptions:\n  assign: {threshold: [auto, 0.4, 0.6, 0.9], matcher: [plain]}\n"
    )
    words = ["experiments", "search", str(tmp_path / "space.yaml"), "--trials", "4", "--json"]
    done = says(*words, "--plots", str(tmp_path / "plots"))
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["comparison"]["people"] >= 10
    assert report["verdict"]["promotes"], report["verdict"]
    assert report["options"]["assign.threshold"] != 0.6
    assert {file.name for file in (tmp_path / "plots").iterdir()} == {"importance.png", "trials.png", "progress.png"}
    _check_runs(labelled, report)
    again = json.loads(says(*words, "--apply").stdout)  # no trial more, and the same judgement
    assert (again["there_before"], len(again["trials"])) == (4, 4)
    assert again["comparison"] == report["comparison"]
    _check_commands_use_them(says, report["options"]["assign.threshold"])


def _check_runs(library: Library, report: dict[str, object]) -> None:
    found = runs_of(library)
    (parent,) = [run for run in found if run["kind"] == "search"]
    assert parent["mlflow.runName"].startswith("search · wrong · 4 trials · best 0.")
    assert parent["verdict"] == "promotes"
    assert "**The gate** promotes" in parent["mlflow.note.content"]
    trials = {run["mlflow.runName"] for run in found if run.get("mlflow.parentRunId") == parent["id"]}
    assert len(trials) == 4
    best = f"trial {report['best']} · wrong {report['trials'][report['best']]['score']:.4f}"  # type: ignore[index]
    assert best in trials
    names = {file.path for file in library.tracking.store.client.list_artifacts(parent["id"])}
    assert {"importance.png", "trials.png", "progress.png"} <= names


def _check_commands_use_them(says: Says, threshold: object) -> None:
    own = says("faces", "assign")
    assert f"Defaults of this library: threshold={threshold}, matcher=plain" in own.stderr
    given = says("faces", "assign", "--threshold", "0.7")
    assert "matcher=plain" in given.stderr
    assert "threshold=" not in given.stderr
    for command in ("cluster-dual", "assign"):
        assert f"[default: {threshold}]" in " ".join(says("faces", command, "--help").output.split())
    assert f"--threshold {threshold}" in says("experiments", "defaults").output
    assert "usual defaults" in says("experiments", "defaults", "--revert").output
    assert "Defaults of this library" not in says("faces", "assign").stderr


@pytest.mark.nightly
def test_a_search_that_was_killed_goes_on_and_tries_again_what_it_was_at(labelled: Library) -> None:
    code = """
import time
from faceml.services.learn.search import Problem, search_options
from faceml.wiring import open_library
from tests.integration.test_option_search import SPACE
first = Problem.objective
def slow(self, trial):
    if trial.number == 2:
        trial.suggest_categorical("assign.threshold", ["auto", 0.4, 0.6, 0.9])
        print("at the third", flush=True)
        time.sleep(600)
    return first(self, trial)
Problem.objective = slow
search_options(open_library(), SPACE, trials=4)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    until(lambda: "at the third" in process.stdout.readline())  # type: ignore[union-attr]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    report = search_options(labelled, SPACE, trials=4)
    assert (report.there_before, report.begun_again) == (3, 1)
    assert [row.state for row in report.trials].count("fail") == 1
    assert sum(row.state in ("complete", "pruned") for row in report.trials) == 4
    dead, after = report.trials[2], report.trials[3]
    assert dead.options["assign.threshold"] == after.options["assign.threshold"]


@pytest.mark.nightly
def test_two_workers_share_one_search(labelled: Library) -> None:
    report = search_options(labelled, SPACE, trials=8, workers=2)
    ended = [row for row in report.trials if row.state in ("complete", "pruned")]
    assert len(ended) >= 8
    assert report.best is not None


@pytest.mark.nightly
def test_what_the_gate_refuses_is_applied_only_for_a_reason(labelled: Library) -> None:
    home = labelled.settings.home
    with pytest.raises(NotFound, match="no search has come to its end"):
        apply_found(labelled, actor=ME)
    set_own_options(home, {"assign": {"threshold": "auto", "matcher": "plain"}}, actor=ME, why="by hand")
    only = Space.of({"options": {"assign": {"threshold": ["auto"]}}})
    report = search_options(labelled, only, trials=1)  # what is in use, tried against itself
    assert not report.verdict.promotes
    with pytest.raises(Conflict, match="--reason TEXT"):
        apply_found(labelled, actor=ME)
    assert apply_found(labelled, actor=ME, reason="I want it").why == "I want it"
    assert options_in_use(labelled)["assign.threshold"] == "auto"
    search_options(labelled, SPACE, trials=1)
    assert studies.count_judged(home, next(iter(_labels(labelled)))) == 2  # the second judgement pays for two


def _labels(library: Library) -> set[str]:
    with library.repository.read() as unit:
        return {unit.vectors.everybody().label_hash}


def test_a_damaged_file_of_own_defaults_is_one_line(labelled: Library, says: Says) -> None:
    (labelled.settings.home / "options.json").write_text("[{]")
    with pytest.raises(FileNotReadable, match="is damaged"):
        own_options(labelled.settings.home)
    done = says("faces", "assign")
    assert isinstance(done.exception, FileNotReadable)


def test_counts_below_one_are_refused(labelled: Library) -> None:
    with pytest.raises(WrongUse, match="trials=0, workers=1"):
        search_options(labelled, SPACE, trials=0)


@pytest.mark.nightly
def test_slices_by_own_groups_are_printed_and_stand_on_the_page_of_the_version_in_use(
    labelled: Library, says: Says, tmp_path: Path
) -> None:
    with labelled.repository.read() as unit:
        names = sorted(unit.people.names().values())
    rows = [f"{name},{'north' if number % 2 else 'south'}" for number, name in enumerate(names)]
    (tmp_path / "groups.csv").write_text("\n".join(["person,town", *rows]))
    shown = says("slices", "--groups", str(tmp_path / "groups.csv"))
    assert shown.exit_code == 0, shown.exception
    assert {line.split()[0] for line in shown.output.splitlines()[1:]} == {"all", "quality", "likeness", "town"}
    assert "north" in shown.output
    (tmp_path / "groups.csv").write_text("name,town\nAda,north\n")
    with pytest.raises(FileNotReadable, match="face_id or person"):
        slice_library(labelled, groups=tmp_path / "groups.csv")
    sliced = slice_library(labelled)
    assert write_page(labelled, sliced) is None
    fit_library_matcher(labelled, measure=unmeasured)
    assert write_page(labelled, sliced) is None  # a challenger is not in use
    labelled.matchers.set_alias("champion", 1)
    assert write_page(labelled, sliced) == "face-matcher/1"
    page = labelled.tracking.store.client.get_model_version("face-matcher", "1").description
    assert "for vectors of the pack opencv-zoo" in page
    assert "The gate refuses it" in page
    assert "| likeness | A |" in page
