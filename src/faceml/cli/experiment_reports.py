"""What `faceml experiments …` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from faceml.cli.columns import figure, signed, strip, table

if TYPE_CHECKING:
    from faceml.services.learn.experiments import RunComparison
    from faceml.services.learn.promote import PromotionReport
    from faceml.tracking.course import Course
    from faceml.tracking.difference import Change, Difference, Shift
    from faceml.tracking.experiment import Experiment

NOTHING = "No finished run is recorded: notebooks, `faceml pipeline run` and `faceml faces train-matching` record runs"


def as_mapping(run: Experiment) -> dict[str, Any]:
    return asdict(run)


def comparison_as_mapping(compared: RunComparison, promoted: PromotionReport | None) -> dict[str, Any]:
    best = compared.best.run_id if compared.best else None
    return {**asdict(compared), "best": best, "promotion": asdict(promoted) if promoted else None}


def listing(runs: Sequence[Experiment]) -> str:
    if not runs:
        return NOTHING
    from faceml.tracking.experiment import leading_measures

    rows = []
    for run in runs:
        told = ", ".join(f"{name} {figure(run.metrics[name])}" for name in leading_measures([run])[:3])
        rows.append(
            {
                "Run": run.short_id,
                "Kind": run.kind,
                "Started (UTC)": f"{run.started:%Y-%m-%d %H:%M}",
                "Seconds": f"{run.seconds:.1f}",
                "Measured": told,
            }
        )
    return "\n".join(table(rows, widest=90))


def comparison(compared: RunComparison, *, tells_how: bool) -> str:
    """A row a run; below it the best, and how to let it in."""
    if not compared.runs:
        return NOTHING
    from faceml.tracking.experiment import experiment_table

    best = compared.best
    rows = [
        {
            name: figure(value) if isinstance(value, float) else "-" if value is None else str(value)
            for name, value in row.items()
        }
        for row in experiment_table(compared.runs, compared.shown)
    ]
    order = f"best {compared.measure} first ({_direction(compared.lower_is_better)})" if best else "newest first"
    lines = [f"{_count(len(rows), compared.kind)}, {order}", "", *table(rows)]
    if compared.unmeasured:
        lines += ["", f"Left out, as they did not measure {compared.measure}: {compared.unmeasured}"]
    snapshots = {run.data.get("hash", "") for run in compared.runs}
    if len(snapshots) > 1:
        lines += [
            "",
            f"On {len(snapshots)} states of the library (data): only runs on the same one compare as they stand",
        ]
    if best and compared.measure:
        value = figure(best.metrics[compared.measure])
        level = sum(run.metrics[compared.measure] == best.metrics[compared.measure] for run in compared.runs) - 1
        also = f", level with {level} more: the newest of them is named" if level else ""
        lines += ["", f"Best: run {best.short_id}, {compared.measure} {value}{also}"]
        if compared.version and tells_how:
            ask = f"`faceml models promote {compared.version}` asks the gate to let it in"
            lines.append(f"It registered version {compared.version}: {ask}")
        if len(compared.runs) > 1:
            command = f"faceml experiments diff {compared.runs[1].short_id} {best.short_id}"
            lines.append(f"What sets it apart from the next: `{command}`")
    return "\n".join(lines)


def course(found: Course) -> str:
    """A row a run, its value as a number and as a place between the least and the greatest."""
    if not found.moments:
        return NOTHING
    values = [moment.value for moment in found.moments]
    low, high = min(values), max(values)
    rows = [
        {
            "Started (UTC)": f"{moment.started:%Y-%m-%d %H:%M}",
            "Run": moment.run,
            found.measure: figure(moment.value),
            "Change": "" if moment.change is None else signed(moment.change),
            f"{figure(low)} … {figure(high)}": strip(moment.value, low, high),
            "": ", ".join(_notes(moment.is_best, moment.has_other_data, moment.has_other_code)),
        }
        for moment in found.moments
    ]
    head = f"{found.measure} of {_count(len(rows), found.kind)}, oldest first ({_direction(found.lower_is_better)})"
    return "\n".join([head, "", *table(rows)])


def changed(found: Difference) -> str:
    before, after = found.before, found.after
    lines = [f"From {_run(before)}", f"to   {_run(after)}", ""]
    lines += [
        "Parameters",
        *(_lines(found.parameters) or ["  none changed"]),
        f"  the same: {found.same_parameters}",
        "",
    ]
    lines += ["Data", f"  {found.data}", *_lines(found.counts), "", "Code", f"  {found.code}", ""]
    if before.verdict != after.verdict:
        lines += ["Gate", f"  {before.verdict or 'not asked'} → {after.verdict or 'not asked'}", ""]
    lines += ["Measures", *_shifts(found.metrics), f"  the same: {found.same_metrics}"]
    return "\n".join(lines)


def _notes(is_best: bool, has_other_data: bool, has_other_code: bool) -> list[str]:
    told = {"best": is_best, "other data": has_other_data, "other code": has_other_code}
    return [note for note, holds in told.items() if holds]


def _run(run: Experiment) -> str:
    return f"run {run.short_id}, {run.kind}, {run.started:%Y-%m-%d %H:%M} UTC"


def _lines(changes: Sequence[Change]) -> list[str]:
    width = max((len(change.name) for change in changes), default=0)
    return [f"  {c.name:{width}}  {_told(c.before)} → {_told(c.after)}" for c in changes]


def _told(value: str | None) -> str:
    return "not there" if value is None else value or "empty"


def _shifts(shifts: Sequence[Shift]) -> list[str]:
    if not shifts:
        return ["  none changed"]
    rows = [
        {
            "Measure": shift.name,
            "Before": "-" if shift.before is None else figure(shift.before),
            "After": "-" if shift.after is None else figure(shift.after),
            "Difference": "" if shift.difference is None else signed(shift.difference),
        }
        for shift in shifts
    ]
    return [f"  {line}" for line in table(rows, widest=60)]


def _count(runs: int, kind: str) -> str:
    return f"{runs} {kind} run{'' if runs == 1 else 's'}"


def _direction(lower_is_better: bool) -> str:
    return "lower is better" if lower_is_better else "higher is better"
