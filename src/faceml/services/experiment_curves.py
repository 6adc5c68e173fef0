"""The ROC curves that training runs left, for laying them over each other."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from faceml.plots.curves import MatchCurve
from faceml.tracking.experiment import Experiment
from faceml.wiring import Library

ROC_TABLE = "roc.csv"  # candidate, far, tar: what a training run measured on people held out


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
            curves.append(MatchCurve(f"{experiment.short_id} {candidate}", head.far, head.tar))
    return curves


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
