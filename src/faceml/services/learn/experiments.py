"""The runs that were recorded: found, compared, and the best one let in (DESIGN D9)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from faceml.csv_cells import from_cell
from faceml.errors import NotFound, WrongUse
from faceml.library import Library
from faceml.services.learn.promote import PromotionReport, promote
from faceml.tracking.experiment import SHORT, Experiment, is_lower_better, leading_measures, rank_experiments
from faceml.tracking.mlflow_store import stored_name
from faceml.tracking.run_search import RunQuery, search_runs
from faceml.trial.comparison import RAW

if TYPE_CHECKING:
    from faceml.plots.curves import MatchCurve

ROC_TABLE = "roc.csv"  # candidate, far, tar, threshold: what a training run measured on people held out
HEAD = "head"  # the new projection's name in that table
CHILD = "child"  # kind of a sweep's settings: shown where asked for
_COUNTED = 1000  # newest runs in which kinds are looked for


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Runs of one kind, and the best of them."""

    kind: str
    measure: str | None  # that decides; None: nobody asked for one
    lower_is_better: bool
    runs: tuple[Experiment, ...]  # best first where a measure decides, otherwise newest first
    unmeasured: int  # runs left out, as they lack this measure
    shown: tuple[str, ...]  # measures worth a column, the deciding one first
    version: int | None  # that the best run registered

    @property
    def best(self) -> Experiment | None:
        return self.runs[0] if self.measure and self.runs else None


def list_experiments(
    library: Library, *, kind: str | None = "train", limit: int = 100, since: datetime | None = None
) -> tuple[Experiment, ...]:
    """The newest finished runs of one kind, or of all but a sweep's settings, newest first.

    Raises:
        NotFound: runs, but none of this kind; the message names the kinds there are.
        WrongUse: a kind of other characters than letters, digits, _ and -, or a limit below 1.
        Unavailable: MLflow does not answer.
    """
    if kind is not None and not re.fullmatch(r"[\w-]+", kind):
        raise WrongUse(f"--kind {kind!r} is not a kind of run: write detect, cluster, train, evaluate or assign")
    if limit < 1:
        raise WrongUse(f"limit={limit}: ask for 1 run or more")
    store, other = library.tracking.store, None if kind else CHILD
    found = search_runs(store, RunQuery(limit, kind, other, since))
    if not found and kind:
        recorded = search_runs(store, RunQuery(_COUNTED, other_than=""))
        kinds = Counter(experiment.kind for experiment in recorded)
        if kinds and kind not in kinds:
            known = ", ".join(f"{name} ({count})" for name, count in sorted(kinds.items()))
            raise NotFound(f"no finished run of kind {kind!r} is recorded: there are {known}")
    return found


def compare_experiments(
    library: Library,
    *,
    kind: str = "train",
    by: str | None = None,
    also: Sequence[str] = (),
    lower_is_better: bool | None = None,
    limit: int = 100,
    since: datetime | None = None,
) -> RunComparison:
    """The newest runs of a kind, the best first where `by` names a measure, with the version that the best registered.

    How the measure went from run to run: `tracking.experiment.history_of`.

    Args:
        by: a measure as a run or `faceml models show` spells it.
        also: further measures worth a column.
        lower_is_better: None leaves it to the measure's name.
    Raises:
        NotFound: no run of this kind, or none that has this measure.
        WrongUse, Unavailable.
    """
    runs = list_experiments(library, kind=kind, limit=limit, since=since)
    measure = stored_name(by) if by else None
    is_lower = bool(measure and is_lower_better(measure)) if lower_is_better is None else lower_is_better
    ordered = tuple(rank_experiments(runs, measure, lower_is_better=is_lower)) if measure else runs
    others = list(map(stored_name, also)) or leading_measures(runs)
    shown = tuple(dict.fromkeys([measure, *others] if measure else others))
    version = None  # only trainings register one
    if measure and ordered:
        made = [model.version for model in library.registry.state().versions if model.run_id == ordered[0].run_id]
        version = made[-1] if made else None
    return RunComparison(kind, measure, is_lower, ordered, len(runs) - len(ordered), shown, version)


def find_experiment(library: Library, run: str) -> Experiment:
    """A run, finished or not, by its id or the first letters of it.

    Raises:
        WrongUse: no id, or several runs begin so.
        NotFound: no run does.
        Unavailable: MLflow does not answer.
    """
    if not re.fullmatch(r"[0-9a-f]{4,32}", run):
        raise WrongUse(f"{run!r} is not a run: write 4 or more letters of an id that `faceml experiments list` shows")
    found = search_runs(library.tracking.store, RunQuery(5, is_finished=False, begins=run))
    if not found:
        raise NotFound(f"no run begins with {run}: `faceml experiments list` shows them")
    if len(found) > 1:
        ids = ", ".join(experiment.run_id[: max(SHORT, len(run) + 4)] for experiment in found)
        raise WrongUse(f"several runs begin with {run}: {ids}; write more letters")
    return found[0]


def promote_best(library: Library, compared: RunComparison, *, actor: str) -> PromotionReport:
    """Ask the gate to let the best run's version in, as `faceml models promote` does; nothing forces it here.

    Raises:
        WrongUse: no measure decides which run is the best.
        NotFound: no run, or one that registered nothing.
        Conflict, ModelMismatch, ModelUnavailable, Unavailable: as `promote`.
    """
    if compared.measure is None:
        raise WrongUse("to promote the best run say by which measure: --by MEASURE")
    if compared.best is None:
        raise NotFound(f"no finished {compared.kind} run is recorded: there is nothing to promote")
    if compared.version is None:
        raise NotFound(f"run {compared.best.short_id} registered no version, as only trainings do: --kind train")
    reason = f"best {compared.kind} run by {compared.measure}"
    return promote(library, compared.version, actor=actor, reason=reason)


def read_curves(library: Library, experiments: Sequence[Experiment]) -> list[MatchCurve]:
    """The ROC on held-out people of each run's head, and before them that of raw vectors as the first run measured it.

    Runs that left no curve are left out.
    """
    curves: list[MatchCurve] = []
    for experiment in experiments:
        found = _curves_of(library, experiment.run_id)
        if HEAD in found:
            curves += [found[RAW]] if RAW in found and not curves else []
            curves.append(replace(found[HEAD], name=f"{experiment.short_id} {HEAD}"))
    return curves


def _curves_of(library: Library, run_id: str) -> dict[str, MatchCurve]:
    import pandas

    from faceml.plots.curves import MatchCurve

    store = library.tracking.store
    with store.errors("the query"), TemporaryDirectory(prefix="faceml-roc-") as folder:
        if ROC_TABLE not in {file.path for file in store.client.list_artifacts(run_id)}:
            return {}
        path = store.client.download_artifacts(run_id, ROC_TABLE, folder)
        points = pandas.read_csv(path, converters={"candidate": from_cell}).groupby("candidate", sort=False)
    # Runs of before kept no thresholds.
    return {
        name: MatchCurve(
            name, of.far.to_numpy(), of.tar.to_numpy(), of.threshold.to_numpy() if "threshold" in of else None
        )
        for name, of in points
    }
