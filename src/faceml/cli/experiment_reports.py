"""What `faceml experiments …` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from faceml.cli.tables import figure, signed, table

if TYPE_CHECKING:
    from faceml.services.learn.experiments import RunComparison
    from faceml.services.learn.search import SearchReport
    from faceml.storage.own_options import OwnOptions
    from faceml.tracking.difference import Change, Difference
    from faceml.tracking.experiment import Experiment, MeasureHistory
    from faceml.trial.comparison import Comparison
    from faceml.trial.slices import Sliced

NOTHING = "No finished run is recorded: notebooks, `faceml pipeline run` and `faceml faces train-matching` record runs"
WIDEST = 28  # letters of a cell
STRIP = 24  # places of a value between the least and the greatest


def listing(runs: Sequence[Experiment]) -> str:
    from faceml.tracking.experiment import leading_measures

    if not runs:
        return NOTHING
    rows = []
    for run in runs:
        measured = ", ".join(f"{name} {figure(run.metrics[name])}" for name in leading_measures([run])[:3])
        rows.append((run.short_id, run.kind, f"{run.started:%Y-%m-%d %H:%M}", f"{run.seconds:.1f}", measured))
    return "\n".join(table(("Run", "Kind", "Started (UTC)", "Seconds", "Measured"), rows, widest=90))


def comparison(compared: RunComparison, *, tells_how: bool) -> str:
    """A row a run; below it the best, and how to let it in."""
    from faceml.tracking.experiment import experiment_table

    if not compared.runs:
        return NOTHING
    best, measure = compared.best, compared.measure
    order = f"best {measure} first ({_direction(compared.lower_is_better)})" if best else "newest first"
    rows = experiment_table(compared.runs, compared.shown)
    lines = [
        f"{_count(len(rows), compared.kind)}, {order}",
        "",
        *table(rows[0], [row.values() for row in rows], widest=WIDEST),
    ]
    if compared.unmeasured:
        lines += ["", f"Left out, as they did not measure {measure}: {compared.unmeasured}"]
    states = len({run.data.get("hash", "") for run in compared.runs})
    if states > 1:
        lines += ["", f"On {states} states of the library (data): only runs on the same one compare as they stand"]
    if best and measure:
        lines += ["", *_best_lines(compared, best, measure, tells_how=tells_how)]
    return "\n".join(lines)


def _best_lines(compared: RunComparison, best: Experiment, measure: str, *, tells_how: bool) -> list[str]:
    value = best.metrics[measure]
    level = sum(run.metrics[measure] == value for run in compared.runs) - 1
    also = f", level with {level} more: the newest of them is named" if level else ""
    lines = [f"Best: run {best.short_id}, {measure} {figure(value)}{also}"]
    if compared.version and tells_how:
        ask = f"`faceml models promote {compared.version}` asks the gate to let it in"
        lines.append(f"It registered version {compared.version}: {ask}")
    if len(compared.runs) > 1:
        command = f"faceml experiments diff {compared.runs[1].short_id} {best.short_id}"
        lines.append(f"What sets it apart from the next: `{command}`")
    return lines


def history(found: MeasureHistory) -> str:
    """A row a run, its value as a number and as a place between the least and the greatest."""
    if not found.moments:
        return NOTHING
    values = [moment.value for moment in found.moments]
    low, high = min(values), max(values)
    names = ("Started (UTC)", "Run", found.measure, "Change", f"{figure(low)} … {figure(high)}", "")
    rows = [
        (
            f"{moment.started:%Y-%m-%d %H:%M}",
            moment.run,
            moment.value,
            "" if moment.change is None else signed(moment.change),
            strip(moment.value, low, high),
            _notes({"best": moment.is_best, "other data": moment.has_other_data, "other code": moment.has_other_code}),
        )
        for moment in found.moments
    ]
    head = f"{found.measure} of {_count(len(rows), found.kind)}, oldest first ({_direction(found.lower_is_better)})"
    return "\n".join([head, "", *table(names, rows, widest=WIDEST)])


def changed(found: Difference) -> str:
    before, after = found.before, found.after
    lines = [f"From {_run(before)}", f"to   {_run(after)}", "", "Parameters"]
    lines += [*(_lines(found.parameters) or ["  no change"]), f"  the same: {found.same_parameters}", ""]
    lines += ["Data", f"  {found.data}", *_lines(found.counts), "", "Code", f"  {found.code}", ""]
    if before.verdict != after.verdict:
        lines += ["Gate", f"  {before.verdict or 'not asked'} → {after.verdict or 'not asked'}", ""]
    lines += ["Measures", *_measures(found.metrics), f"  the same: {found.same_metrics}"]
    return "\n".join(lines)


def searched(report: SearchReport) -> str:
    """What a search tried, which options matter, and what the gate says of the best."""
    ended = sum(row.state == "complete" for row in report.trials)
    better = "lower" if report.objective == "wrong" else "higher"
    lines = [
        f"Search {report.study}: {len(report.trials)} trials, {ended} to their end, {report.there_before} from before",
        f"Best: trial {report.best}, {report.objective} {report.score:.4f} on the people tried on ({better} is better)",
        *(f"  {name}  {value}" for name, value in report.options.items()),
    ]
    if report.importance:
        lines += ["What matters", *(f"  {name}  {share:.2f}" for name, share in report.importance.items())]
    if report.comparison:
        found = report.comparison
        lines += [f"On {found.people} people whom no trial saw", *_figures(found)]
    lines += [f"The gate {'lets it in' if report.verdict.promotes else 'refuses it'}"]
    lines += [f"  - {reason}" for reason in report.verdict.reasons]
    if report.verdict.promotes:
        lines.append("`faceml experiments apply` makes these this library's defaults")
    return "\n".join(lines)


def _figures(found: Comparison) -> list[str]:
    rows = [
        (name, *(f"{measured[m].value:.4f} ({measured[m].low:.4f} to {measured[m].high:.4f})" for m in measured))
        for name, measured in found.measured.items()
    ]
    measures = next(iter(found.measured.values()))
    return [f"  {line}" for line in table(("", *measures), rows, widest=60)]


def own_defaults(step: OwnOptions | None) -> str:
    """A library's own defaults, and how they came to be."""
    if step is None:
        return "This library has the usual defaults: `faceml experiments search` looks for better ones"
    lines = [f"Defaults of this library, set by {step.set_by}, {step.set_at}", f"  why: {step.why}"]
    for command, options in step.options.items():
        flags = (f"--{name.replace('_', '-')} {value}" for name, value in options.items())
        lines.append(f"  faceml faces {command} {' '.join(flags)}")
    return "\n".join([*lines, "`faceml experiments defaults --revert` takes them back"])


def sliced(found: Sliced) -> str:
    """A row a part of the library."""
    rows = found.rows()
    return "\n".join(table(tuple(rows[0]), [tuple(row.values()) for row in rows], widest=40))


def _notes(told: Mapping[str, bool]) -> str:
    return ", ".join(note for note, holds in told.items() if holds)


def _run(run: Experiment) -> str:
    return f"run {run.short_id}, {run.kind}, {run.started:%Y-%m-%d %H:%M} UTC"


def _lines(changes: Sequence[Change]) -> list[str]:
    width = max((len(change.name) for change in changes), default=0)
    return [f"  {c.name:{width}}  {_shown(c.before)} → {_shown(c.after)}" for c in changes]


def _shown(value: str | float | None) -> str:
    return "not there" if value is None else str(value) or "empty"


def _measures(changes: Sequence[Change]) -> list[str]:
    if not changes:
        return ["  no change"]
    rows = [(c.name, c.before, c.after, "" if c.difference is None else signed(c.difference)) for c in changes]
    return [f"  {line}" for line in table(("Measure", "Before", "After", "Difference"), rows, widest=60)]


def _count(runs: int, kind: str) -> str:
    return f"{runs} {kind} run{'' if runs == 1 else 's'}"


def _direction(lower_is_better: bool) -> str:
    return "lower is better" if lower_is_better else "higher is better"


def strip(value: float, low: float, high: float) -> str:
    """Where a value lies between the least and the greatest.

    >>> strip(0.5, 0.0, 1.0)
    '············●···········'
    """
    place = round((value - low) / (high - low) * (STRIP - 1)) if high > low else 0
    return "·" * place + "●" + "·" * (STRIP - 1 - place)
