"""One measure over the runs of a kind, in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from faceml.tracking.difference import is_same_data
from faceml.tracking.experiment import Experiment, rank_experiments


@dataclass(frozen=True, slots=True)
class Moment:
    """One run in the course of a measure; what changed is against the run before it."""

    run: str  # short id
    started: datetime
    value: float
    change: float | None  # None: the first
    has_other_data: bool  # False where one of both did not record it
    has_other_code: bool
    is_best: bool


@dataclass(frozen=True, slots=True)
class Course:
    kind: str
    measure: str
    lower_is_better: bool
    moments: tuple[Moment, ...]  # oldest first


def course_of(experiments: Sequence[Experiment], measure: str, *, lower_is_better: bool) -> Course:
    """The runs that have a measure, oldest first.

    Raises:
        NotFound: runs, but none that has it.
    """
    ranked = rank_experiments(experiments, measure, lower_is_better=lower_is_better)
    in_time = sorted(ranked, key=lambda experiment: experiment.started)
    moments = tuple(
        Moment(
            run=run.short_id,
            started=run.started,
            value=run.metrics[measure],
            change=run.metrics[measure] - before.metrics[measure] if before else None,
            has_other_data=before is not None and is_same_data(before, run) is False,
            has_other_code=before is not None and before.code != run.code,
            is_best=run is ranked[0],
        )
        for before, run in zip([None, *in_time], in_time, strict=False)
    )
    return Course(in_time[0].kind if in_time else "", measure, lower_is_better, moments)
