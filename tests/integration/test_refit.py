"""A matcher fitted anew when labels changed enough, and used where the gate lets it in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from faceml.cli.main import cli
from faceml.errors import ModelUnavailable
from faceml.jobs.context import JobContext, provided
from faceml.jobs.functions import cluster_dual_job, cluster_faces_job
from faceml.library import Library
from faceml.services.decisions.label import assign_faces_to
from faceml.services.learn.evaluate import view_matcher
from faceml.services.learn.fit_matcher import Question, RefitReport, is_due, refit_if_due, refit_matcher
from faceml.services.recognise.matching import open_matcher
from faceml.trial.comparison import Comparison, from_json
from tests.conftest import REPO
from tests.heads import comparison
from tests.rest import API, client_of
from tests.synthetic import copy_of, synthetic_library

ME = "ada"
LABELS = 5  # of each of 12 people, so 60: six more or fewer are a tenth


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made") / "library"
    synthetic_library(home, people=16, faces=10, known=12).close()
    return home


@pytest.fixture
def labelled(made_once: Path, mlflow_here: Path, tmp_path: Path) -> Iterator[Library]:
    library = copy_of(made_once, tmp_path / "library")
    yield library
    library.close()


def gains(value: float, question: Question) -> Comparison:
    found = from_json(comparison(value))
    return replace(
        found,
        candidates=tuple("matcher" if name == "head" else name for name in found.candidates),
        measured={("matcher" if name == "head" else name): one for name, one in found.measured.items()},
        gains=tuple(replace(gain, challenger="matcher") for gain in found.gains),
    )


def refit(library: Library, gain: float = 0.05, *, always: bool = False) -> RefitReport:
    return refit_matcher(library, actor=ME, always=always, measure=lambda asked: gains(gain, asked))


def label(library: Library, count: int) -> None:
    """More faces of people who have a name already."""
    with library.repository.read() as unit:
        everybody = unit.vectors.everybody()
        names = unit.people.names()
    free = [id_ for id_, person in zip(everybody.face_ids, everybody.labels, strict=True) if person is None]
    assign_faces_to(library, free[:count], next(iter(names.values())), actor=ME)


def champion(library: Library) -> int | None:
    found = library.matchers.state().champion
    return found.version if found else None


@pytest.mark.parametrize(
    ("before", "now", "due"),
    [
        (60, 65, False), (60, 66, True), (60, 54, True), (60, 55, False),  # a tenth
        (1000, 1019, False), (1000, 1020, True), (1000, 980, True),  # 20 labels
        (5, 5, False), (5, 6, True), (0, 0, False),
    ],
)  # fmt: skip
def test_a_tenth_or_twenty_labels_are_enough(before: int, now: int, due: bool) -> None:
    assert is_due(before, now) is due


def test_it_waits_until_labels_changed_and_the_gate_decides_what_is_used(labelled: Library) -> None:
    first = refit(labelled)
    assert first.promoted
    assert first.words.startswith("version 1 promoted: ")
    assert champion(labelled) == 1

    label(labelled, 5)
    waiting = refit(labelled)
    assert (waiting.fitted, waiting.promoted) == (None, False)
    assert waiting.words == "not due: 65 labelled faces, 60 when face-matcher/1 was fitted"

    label(labelled, 1)
    refused = refit(labelled, -0.05)
    assert refused.fitted is not None
    assert refused.words.startswith("version 2 refused: ")
    assert champion(labelled) == 1
    assert refit(labelled).words == "not due: 66 labelled faces, 66 when face-matcher/2 was fitted"
    assert refit(labelled, always=True).promoted
    assert champion(labelled) == 3


def test_clustering_fits_a_matcher_again_where_there_is_one_and_labels_changed(
    labelled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEML_HOME", str(labelled.settings.home))

    def cluster(*options: str) -> str:
        done = CliRunner().invoke(cli, ["faces", "cluster", *options], catch_exceptions=False)
        assert done.exit_code == 0
        assert "Clusters found: " in done.stdout
        return done.stderr

    assert "atcher" not in cluster(), "nobody asked for one"
    assert refit(labelled, -0.05).fitted is not None
    label(labelled, 5)
    assert "atcher" not in cluster()
    label(labelled, 1)
    told = cluster()
    assert "Labels changed enough since the newest matcher was fitted: fitting another" in told
    assert "Matcher: version 2 " in told
    assert "atcher" not in cluster()


def test_clustering_over_http_fits_a_matcher_again_unless_it_is_asked_not_to(labelled: Library) -> None:
    assert refit(labelled, -0.05).fitted is not None
    label(labelled, 6)
    with client_of(labelled) as api:
        for path, left in (("cluster", {"refit": False}), ("cluster/dual", {"refit": False})):
            assert "X-Note" not in api.post(f"{API}/{path}", json=left).headers
        assert len(labelled.matchers.state().versions) == 1
        told = api.post(f"{API}/cluster").headers["X-Note"]
        assert told.startswith("matcher: version 2 ")
        assert "X-Note" not in api.post(f"{API}/cluster/dual").headers, "its labels are what they were"
    assert len(labelled.matchers.state().versions) == 2


def test_the_clustering_notebook_and_jobs_fit_a_matcher_again_unless_they_are_asked_not_to(labelled: Library) -> None:
    told: dict[str, str] = {}
    notes: list[str] = []

    def notebook(**parameters: bool) -> None:
        cells = json.loads((REPO / "notebooks" / "02_cluster.ipynb").read_text())["cells"]
        exec("".join(cells[-1]["source"]), {"library": labelled, "report": told.update, "sweep": False, **parameters})

    assert refit(labelled, -0.05).fitted is not None
    label(labelled, 6)
    with provided(lambda: nullcontext(JobContext(labelled, on_note=notes.append))):
        cluster_faces_job(refit=False)
        cluster_dual_job(refit=False)
        notebook(refit=False)
        notebook(refit=True, sweep=True)
        assert (told, len(labelled.matchers.state().versions)) == ({}, 1)
        notebook(refit=True)
        assert told["matcher"].startswith("version 2 ")
        label(labelled, 7)
        cluster_faces_job()
    assert any("matcher: version 3 " in note for note in notes)


def test_a_lost_registry_is_no_reason_not_to_cluster(labelled: Library, caplog: pytest.LogCaptureFixture) -> None:
    class Lost:
        def state(self) -> None:
            raise ModelUnavailable("MLflow is away")

    assert refit_if_due(replace(labelled, matchers=cast(Any, Lost())), actor=ME) is None
    assert "MLflow is away; matchers are left as they are" in caplog.text


def test_a_library_without_enough_labels_says_so_and_goes_on(mlflow_here: Path, tmp_path: Path) -> None:
    library = synthetic_library(tmp_path / "library", people=4, faces=4, known=1)
    found = refit(library)
    assert (found.fitted, found.promoted) == (None, False)
    assert found.words.startswith("not fitted: 1 people are labelled; ")
    library.close()


def test_the_champion_of_another_library_stays_and_is_not_used_here(labelled: Library, tmp_path: Path) -> None:
    assert refit(labelled).promoted
    other = synthetic_library(tmp_path / "other", people=14, faces=6, known=12)
    assert open_matcher(other) is None, "its faces are not in this library"
    found = refit(other)
    assert found.fitted is not None
    assert found.words.startswith("version 2 let in, not promoted: face-matcher/1 is another library's champion: ")
    assert champion(other) == 1
    assert refit(other).words.startswith("not due: "), "its own newest is not the registry's champion"
    assert refit(labelled).words.startswith("not due: ")
    assert open_matcher(labelled) is not None
    other.close()


def test_what_was_learnt_is_shown_with_the_gain_and_who_is_near_everybody(mlflow_here: Path, tmp_path: Path) -> None:
    labelled = synthetic_library(tmp_path / "library", people=40, faces=12, known=30)
    assert view_matcher(labelled) is None, "none is registered"
    fitted = refit_matcher(labelled, actor=ME).fitted
    assert fitted is not None
    assert fitted.comparison is not None
    seen = view_matcher(labelled, fmr=0.01, with_names=True)
    assert seen is not None
    before, after = (fitted.comparison.measured[name]["wrong"].value for name in ("raw", "matcher"))
    assert f"{before:.1%} of decisions are wrong by plain cosines and {after:.1%} with the matcher" in seen.lines[0]
    assert seen.lines[1] == f"face-matcher/1: the gate {'lets it in' if fitted.verdict.promotes else 'refuses it'}"
    matching = open_matcher(labelled, 1)
    assert matching is not None
    near = matching.matcher.person_nearness
    assert [row["nearness"] for row in seen.people] == sorted(near.tolist(), reverse=True)
    assert {row["labelled"] for row in seen.people} == {6}
    assert seen.people[0]["person"].startswith("Person ")
    assert [view.space for view in seen.views] == ["raw", "face-matcher/1"]
    assert len(seen.views[1].genuine) == len(seen.views[1].impostor) == 30 * 6
    by_id = view_matcher(labelled, 1)
    assert by_id is not None
    assert str(matching.people[int(near.argmax())]).startswith(by_id.people[0]["person"])
    labelled.close()
