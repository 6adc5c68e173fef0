"""Recorded runs, ranked, side by side and in time. Pure: `services.learn.experiments` reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite, nan
from typing import Any

from faceml.errors import NotFound

SHORT = 8  # letters of a run's id that people read
# What people look at first, the deciding one leading; of a kind that is not here, whatever its newest run measured.
MEASURES: Mapping[str, tuple[str, ...]] = {
    "train": ("head.wrong", "head.tar_far_1e-3", "head.tar_far_1e-2", "head.bcubed_f", "head.eer", "val_loss"),
    "evaluate": ("head.wrong", "head.tar_far_1e-3", "head.tar_far_1e-2", "head.bcubed_f", "head.eer"),
    "detect": ("photos_per_s", "faces", "processed", "errors"),
    "cluster": ("noise_count", "clusters_found", "total_faces", "seconds"),
    "assign": ("assigned", "unassigned", "processed", "seconds"),
    "pipeline": ("seconds",),
}
_MOST_SHOWN = 5
_LESS = {"loss", "eer", "error", "errors", "seconds", "noise", "unassigned", "waiting", "wrong"}


@dataclass(frozen=True, slots=True)
class Experiment:
    run_id: str
    kind: str
    started: datetime
    seconds: float
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]  # the last value of each
    data: Mapping[str, str]  # what the library held: counts, pack, hashes; empty where nobody recorded it
    code: str  # faceml's version and commit; empty where nobody recorded it
    verdict: str | None  # of the gate, where it was trained or evaluated

    @property
    def short_id(self) -> str:
        return self.run_id[:SHORT]

    def has_data_of(self, other: Experiment) -> bool | None:
        """Whether both began with the same faces, people and clusters; None where one of them did not record it."""
        hashes = self.data.get("hash"), other.data.get("hash")
        return hashes[0] == hashes[1] if all(hashes) else None


def is_lower_better(measure: str) -> bool:
    """What a measure's name tells: of losses, errors, seconds and what was left over, less is better.

    >>> is_lower_better("head.eer"), is_lower_better("val_loss"), is_lower_better("head.tar_far_1e-3")
    (True, True, False)
    """
    return not _LESS.isdisjoint(re.split(r"[^a-z]+", measure.rpartition(".")[2].lower()))


def measures_of(experiments: Iterable[Experiment]) -> list[str]:
    """Every name that was measured, in order of the alphabet."""
    return sorted({name for experiment in experiments for name in experiment.metrics})


def leading_measures(experiments: Sequence[Experiment]) -> list[str]:
    """The few to look at first, out of those that these runs (newest first) have; the first of them decides."""
    if not experiments:
        return []
    known = set(measures_of(experiments))
    named = [name for name in MEASURES.get(experiments[0].kind, ()) if name in known]
    return named or sorted(experiments[0].metrics)[:_MOST_SHOWN]


def rank_experiments(experiments: Sequence[Experiment], measure: str, *, lower_is_better: bool) -> list[Experiment]:
    """The runs that have a measure, best first; ties go to the newer.

    Raises:
        NotFound: no run has it; the message names what they have.
    """
    having = [experiment for experiment in experiments if isfinite(experiment.metrics.get(measure, nan))]
    if experiments and not having:
        known = ", ".join(measures_of(experiments))
        raise NotFound(f"no run measured {measure!r}: " + (f"there are {known}" if known else "they measured nothing"))
    newest_first = sorted(having, key=lambda experiment: experiment.started, reverse=True)
    return sorted(newest_first, key=lambda experiment: (1 if lower_is_better else -1) * experiment.metrics[measure])


def coordinates(experiments: Sequence[Experiment], names: Sequence[str]) -> dict[str, dict[str, float | str]]:
    """Parameters and measures of each run by its short id, numbers as numbers."""
    return {
        experiment.short_id: {
            **{name: _number_or_text(text) for name, text in experiment.parameters.items() if name in names},
            **{name: value for name, value in experiment.metrics.items() if name in names},
        }
        for experiment in experiments
    }


def differing_parameters(experiments: Sequence[Experiment]) -> list[str]:
    """The parameters that are not the same in all of these runs, in order of the alphabet."""
    names = sorted({name for experiment in experiments for name in experiment.parameters})
    return [n for n in names if len({experiment.parameters.get(n, "") for experiment in experiments}) > 1]


def experiment_table(experiments: Sequence[Experiment], measures: Sequence[str]) -> list[dict[str, Any]]:
    """One row a run: these measures, the gate's word where it spoke, and what differs in parameters, data and code."""
    differing = differing_parameters(experiments)
    rows = [
        {
            "run": experiment.short_id,
            "started": experiment.started.strftime("%Y-%m-%d %H:%M"),
            **{measure: experiment.metrics.get(measure) for measure in measures},
            "gate": experiment.verdict or "",
            **{name: experiment.parameters.get(name, "") for name in differing},
            "data": experiment.data.get("hash", "")[:SHORT],
            "code": experiment.code,
        }
        for experiment in experiments
    ]
    left_out = {name for name in ("data", "code") if len({row[name] for row in rows}) == 1}
    left_out |= set() if any(row["gate"] for row in rows) else {"gate"}
    return [{name: value for name, value in row.items() if name not in left_out} for row in rows]


@dataclass(frozen=True, slots=True)
class Moment:
    """One run in the history of a measure; what changed is against the run before it."""

    run: str  # short id
    started: datetime
    value: float
    change: float | None  # None: the first
    has_other_data: bool  # False where one of both did not record it
    has_other_code: bool
    is_best: bool


@dataclass(frozen=True, slots=True)
class MeasureHistory:
    """One measure over the runs of a kind, in time."""

    kind: str
    measure: str
    lower_is_better: bool
    moments: tuple[Moment, ...]  # oldest first


def history_of(ranked: Sequence[Experiment], measure: str, *, lower_is_better: bool) -> MeasureHistory:
    """How a measure went, of runs that have it, the best first (`rank_experiments`)."""
    in_time = sorted(ranked, key=lambda experiment: experiment.started)
    moments = tuple(
        Moment(
            run=run.short_id,
            started=run.started,
            value=run.metrics[measure],
            change=run.metrics[measure] - before.metrics[measure] if before else None,
            has_other_data=before is not None and before.has_data_of(run) is False,
            has_other_code=before is not None and before.code != run.code,
            is_best=run is ranked[0],
        )
        for before, run in zip([None, *in_time], in_time, strict=False)
    )
    return MeasureHistory(in_time[0].kind if in_time else "", measure, lower_is_better, moments)


def _number_or_text(text: str) -> float | str:
    """
    >>> _number_or_text("0.2"), _number_or_text("triplet")
    (0.2, 'triplet')
    """
    try:
        return float(text)
    except ValueError:
        return text
