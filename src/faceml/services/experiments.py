"""The runs that were recorded, for comparing them (DESIGN D9)."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from faceml.errors import NotFound
from faceml.plots.curves import MatchCurve
from faceml.tracking.mlflow_store import EXPERIMENT
from faceml.wiring import Library

ROC_TABLE = "roc.csv"  # candidate, far, tar: what a training run measured on people held out
_KIND = "kind"  # tag: detect, cluster, train, …


@dataclass(frozen=True, slots=True)
class Experiment:
    """One finished run."""

    run_id: str
    kind: str
    started: datetime
    seconds: float
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]  # the last value of each
    verdict: str | None  # of the gate, where it was trained


def list_experiments(library: Library, *, kind: str = "train", limit: int = 100) -> tuple[Experiment, ...]:
    """The newest finished runs of one kind, newest first; none where nothing was recorded yet.

    Raises:
        Unavailable.
    """
    store = library.tracking.store
    if store.is_missing:
        return ()
    with store.errors("the question"):
        experiment = store.client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return ()
        runs = store.client.search_runs(
            [experiment.experiment_id],
            filter_string=f"tags.{_KIND} = '{kind}' and attributes.status = 'FINISHED'",
            order_by=["attributes.start_time DESC"],
            max_results=limit,
        )
    return tuple(_experiment(run) for run in runs)


def rank_experiments(
    experiments: Sequence[Experiment], measure: str, *, lower_is_better: bool = False
) -> list[Experiment]:
    """The runs that have a measure, best first; ties go to the newer.

    Raises:
        NotFound: runs, but none that has it; the message names what they have.
    """
    having = [experiment for experiment in experiments if measure in experiment.metrics]
    if experiments and not having:
        known = ", ".join(sorted({name for experiment in experiments for name in experiment.metrics})) or "none"
        raise NotFound(f"no run measured {measure!r}: there are {known}")
    sign = 1 if lower_is_better else -1
    return sorted(having, key=lambda experiment: sign * experiment.metrics[measure])


def coordinates(experiments: Sequence[Experiment], names: Sequence[str]) -> dict[str, dict[str, float | str]]:
    """Parameters and measures of each run by its short id, numbers as numbers."""
    found: dict[str, dict[str, float | str]] = {}
    for experiment in experiments:
        values: dict[str, float | str] = {n: _number_or_text(v) for n, v in experiment.parameters.items() if n in names}
        found[experiment.run_id[:8]] = {**values, **{n: v for n, v in experiment.metrics.items() if n in names}}
    return found


def experiment_table(experiments: Sequence[Experiment], measures: Sequence[str]) -> list[dict[str, Any]]:
    """One row a run: the parameters in which they differ, and these measures."""
    names = sorted({name for experiment in experiments for name in experiment.parameters})
    differing = [n for n in names if len({experiment.parameters.get(n, "") for experiment in experiments}) > 1]
    return [
        {
            "run": experiment.run_id[:8],
            "started": experiment.started.strftime("%Y-%m-%d %H:%M"),
            **{name: experiment.parameters.get(name, "") for name in differing},
            **{measure: experiment.metrics.get(measure) for measure in measures},
            "gate": experiment.verdict or "",
        }
        for experiment in experiments
    ]


def read_curves(
    library: Library, experiments: Sequence[Experiment], *, candidate: str = "head", rivals: Sequence[str] = ("raw",)
) -> list[MatchCurve]:
    """The ROC of each run's candidate on held-out people, and of the rivals as the first of these runs measured them.

    Runs that left no curve are passed over.
    """
    curves: list[MatchCurve] = []
    for experiment in experiments:
        found = _curves_of(library, experiment.run_id)
        if candidate in found:
            if not curves:
                curves += [found[rival] for rival in rivals if rival in found]
            head = found[candidate]
            curves.append(MatchCurve(f"{experiment.run_id[:8]} {candidate}", head.far, head.tar))
    return curves


def _number_or_text(text: str) -> float | str:
    """
    >>> _number_or_text("0.2"), _number_or_text("triplet")
    (0.2, 'triplet')
    """
    try:
        return float(text)
    except ValueError:
        return text


def _curves_of(library: Library, run_id: str) -> dict[str, MatchCurve]:
    store = library.tracking.store
    with store.errors("the question"), TemporaryDirectory(prefix="faceml-roc-") as folder:
        if ROC_TABLE not in {file.path for file in store.client.list_artifacts(run_id)}:
            return {}
        path = store.client.download_artifacts(run_id, ROC_TABLE, folder)
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        points.setdefault(row["candidate"], []).append((float(row["far"]), float(row["tar"])))
    return {name: MatchCurve(name, *np.array(found).T) for name, found in points.items()}


def _experiment(run: Any) -> Experiment:
    return Experiment(
        run_id=run.info.run_id,
        kind=run.data.tags.get(_KIND, ""),
        started=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        seconds=((run.info.end_time or run.info.start_time) - run.info.start_time) / 1000,
        parameters=dict(run.data.params),
        metrics=dict(run.data.metrics),
        verdict=run.data.tags.get("verdict"),
    )
