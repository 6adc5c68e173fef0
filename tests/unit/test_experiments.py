"""Recorded runs, ranked, in time and against each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceml.cli.experiment_reports import changed, history
from faceml.errors import NotFound, WrongUse
from faceml.plots.comparisons import over_time_plot
from faceml.plots.style import save_figure
from faceml.storage.studies import TrialRow
from faceml.tracking.difference import change_rows, difference, pair_to_explain
from faceml.tracking.experiment import (
    Experiment,
    experiment_table,
    history_of,
    is_lower_better,
    leading_measures,
    rank_experiments,
)
from faceml.tracking.presentation import trial_run
from faceml.trial.search_space import Space

THRESHOLD = {"assign.threshold": "auto", "train.head": "linear"}
DATA = {"hash": "h1", "faces_hash": "f1", "people_hash": "p1", "total_faces": "10"}


def run(number: int, *, kind: str = "cluster", metrics: dict[str, float] | None = None, **fields: Any) -> Experiment:
    """The number-th run of a day, an hour after the one before."""
    return Experiment(
        **{
            "run_id": f"{number:08d}" * 4,
            "kind": kind,
            "started": datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=number),
            "seconds": 1.0,
            "parameters": {},
            "metrics": metrics or {},
            "data": DATA,
            "code": "0.1.0 abc1234",
            "verdict": None,
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("measure", "is_lower"),
    [
        ("head.eer", True),
        ("head.wrong", True),
        ("final_val_loss", True),
        ("detect.errors", True),
        ("training_time_seconds", True),
        ("noise_count", True),
        ("unassigned", True),
        ("head.tar_far_1e-3", False),
        ("photos_per_s", False),
        ("bcubed_f", False),
        ("assigned", False),
    ],
)
def test_a_measures_name_tells_what_is_good(measure: str, is_lower: bool) -> None:
    assert is_lower_better(measure) is is_lower


def test_runs_are_ranked_by_what_is_good_of_a_measure_and_ties_go_to_the_newer() -> None:
    runs = [run(n, metrics={"eer": eer}) for n, eer in ((1, 0.2), (2, 0.1), (3, 0.1), (4, float("nan")))]
    ranked = rank_experiments([*runs, run(5)], "eer", lower_is_better=True)
    assert [found.short_id for found in ranked] == ["00000003", "00000002", "00000001"]
    assert rank_experiments(runs, "eer", lower_is_better=False)[0].short_id == "00000001"
    with pytest.raises(NotFound, match="no run measured 'luck': there are eer"):
        rank_experiments(runs, "luck", lower_is_better=False)
    assert rank_experiments([], "luck", lower_is_better=False) == []


def test_the_measures_to_look_at_first_are_those_that_a_kind_has() -> None:
    assert leading_measures([run(1, metrics={"seconds": 1, "noise_count": 2})]) == ["noise_count", "seconds"]
    assert leading_measures([run(1, kind="own", metrics={"b": 1, "a": 2})]) == ["a", "b"]
    assert leading_measures([]) == []


def test_the_table_shows_measures_and_only_what_differs() -> None:
    one = run(1, metrics={"noise_count": 3}, parameters={"model": "raw", "min_samples": "2"})
    two = run(2, parameters={"model": "raw", "min_samples": "3"}, data={**DATA, "hash": "h2"})
    rows = experiment_table([one, two], ["noise_count"])
    assert [list(row) for row in rows] == [["run", "started", "noise_count", "min_samples", "data"]] * 2
    assert [(row["noise_count"], row["min_samples"], row["data"]) for row in rows] == [
        (3, "2", "h1"),
        (None, "3", "h2"),
    ]


def test_what_changed_is_told_for_parameters_data_code_and_measures() -> None:
    before = run(1, parameters={"a": "1", "b": "2"}, metrics={"eer": 0.2, "n": 5, "old": 1})
    after = run(
        2,
        parameters={"a": "1", "c": "3"},
        metrics={"eer": 0.1, "n": 5},
        data={**DATA, "hash": "h2", "people_hash": "p2", "total_faces": "12"},
        code="0.1.0 def5678",
    )
    found = difference(before, after)
    assert [(c.name, c.before, c.after) for c in found.parameters] == [("b", "2", None), ("c", None, "3")]
    assert (found.same_parameters, found.same_metrics) == (1, 1)
    assert [(c.name, c.before, c.after) for c in found.counts] == [("total_faces", "10", "12")]
    assert found.data == "the same faces, under other people"
    assert found.code == "0.1.0 abc1234 → 0.1.0 def5678"
    assert {shift.name: shift.difference for shift in found.metrics} == {"eer": pytest.approx(-0.1), "old": None}
    assert {row["what"] for row in change_rows(found)} == {"parameter", "data", "code", "measure"}
    text = changed(found)
    assert "b  2 → not there" in text
    assert "-0.1000" in text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (DATA, "the same, hash h1"),
        ({**DATA, "hash": "h2"}, "the same faces under the same people, in other clusters"),
        ({**DATA, "hash": "h2", "people_hash": "p2"}, "the same faces, under other people"),
        ({**DATA, "hash": "h2", "faces_hash": "f2", "people_hash": "p2"}, "other faces"),
        ({"hash": "h2"}, "other faces, people or clusters"),
        ({}, "not recorded for both runs"),
    ],
)
def test_the_data_of_two_runs_are_told_apart(data: dict[str, str], words: str) -> None:
    assert difference(run(1), run(2, data=data)).data == words


def test_uncommitted_changes_and_missing_versions_are_not_taken_for_the_same_code() -> None:
    dirty = "0.1.0 abc1234+changes"
    assert "which changes nobody recorded" in difference(run(1, code=dirty), run(2, code=dirty)).code
    assert difference(run(1, code=""), run(2)).code == "not recorded for both runs"


def test_the_pair_to_explain_is_the_best_and_the_last_or_the_last_two() -> None:
    first, second, third = run(1), run(2), run(3)
    assert pair_to_explain([third, second, first], first) == (first, third)
    assert pair_to_explain([third, second, first], third) == (second, third)
    assert pair_to_explain([third, second, first], None) == (second, third)
    assert pair_to_explain([third], third) == (None, None)


def test_a_measure_over_time_says_what_else_changed() -> None:
    runs = [
        run(3, metrics={"n": 4.0}, code="0.2.0 abc1234"),
        run(2, metrics={"n": 1.0}, data={**DATA, "hash": "h2"}),
        run(1, metrics={"n": 2.0}),
    ]
    found = history_of(rank_experiments(runs, "n", lower_is_better=True), "n", lower_is_better=True)
    assert [(m.value, m.change, m.has_other_data, m.has_other_code, m.is_best) for m in found.moments] == [
        (2.0, None, False, False, False),
        (1.0, -1.0, True, False, True),
        (4.0, 3.0, True, True, False),
    ]
    lines = history(found).splitlines()
    assert lines[0] == "n of 3 cluster runs, oldest first (lower is better)"
    assert "+3" in lines[-1]
    assert lines[-1].endswith("other data, other code")
    assert [line.count("·", 0, line.index("●")) for line in lines[3:]] == [8, 0, 23]


def test_the_plot_over_time_marks_the_best_and_says_where_there_is_nothing(tmp_path: Path) -> None:
    runs = [run(n, metrics={"n": float(n)}) for n in (1, 2)]
    figure = over_time_plot(history_of(runs[::-1], "n", lower_is_better=False))
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert "best: 00000002, 2" in labels
    assert "No run measured" in over_time_plot(history_of([], "n", lower_is_better=False)).axes[0].texts[0].get_text()
    save_figure(figure, tmp_path / "n.png")
    assert (tmp_path / "n.png").stat().st_size > 5_000
    for name in ("n.docx", "nowhere/n.png"):
        with pytest.raises(WrongUse, match="cannot be written"):
            save_figure(figure, tmp_path / name)


@pytest.mark.parametrize(
    ("state", "by_fold", "why", "name", "outcome"),
    [
        ("complete", (0.5, 0.25), "", "trial 7 · wrong 0.2500", "FINISHED"),
        ("pruned", (0.5,), "", "trial 7 · given up after fold 1", "KILLED"),
        ("pruned", (), "too few people", "trial 7 · not measured", "FAILED"),
        ("fail", (0.5,), "", "trial 7 · its worker was killed", "KILLED"),
    ],
)
def test_only_a_trial_that_came_to_its_end_is_recorded_as_finished(
    state: str, by_fold: tuple[float, ...], why: str, name: str, outcome: str
) -> None:
    trial = TrialRow(7, by_fold[-1] if by_fold else None, state, THRESHOLD, 1.5, by_fold, why)
    told = trial_run(trial, "wrong")
    assert (told["name"], told["outcome"], told["seconds"]) == (name, outcome, 1.5)
    assert told["curves"].get("wrong", []) == list(by_fold)
    assert told["tags"].get("error", "") == why
    assert told["parameters"] == THRESHOLD  # what it was made with, and not how it ended


def test_a_trials_file_is_a_space_that_tries_it_again() -> None:
    import yaml

    told = trial_run(TrialRow(7, 0.25, "complete", THRESHOLD, 1.5, (0.25,)), "wrong")
    space = Space.of(yaml.safe_load(told["texts"]["space.yaml"]))
    assert space.objective == "wrong"
    assert {axis.name: axis.values for axis in space.axes} == {name: (value,) for name, value in THRESHOLD.items()}
