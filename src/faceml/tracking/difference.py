"""What changed between two recorded runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faceml.tracking.experiment import Experiment
from faceml.tracking.provenance import CHANGED

HASHES = ("hash", "faces_hash", "people_hash")  # of the data; see `services.snapshot`


@dataclass(frozen=True, slots=True)
class Change:
    """A parameter or count with two values; None where a run has none of that name."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Shift:
    """A measure with two values; None where a run did not measure it."""

    name: str
    before: float | None
    after: float | None
    difference: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that is not the same in two runs, and how much is."""

    before: Experiment
    after: Experiment
    parameters: tuple[Change, ...]
    same_parameters: int
    data: str  # in words
    counts: tuple[Change, ...]  # of the library: photos, faces, people, …
    code: str  # in words
    metrics: tuple[Shift, ...]
    same_metrics: int


def difference(before: Experiment, after: Experiment) -> Difference:
    parameters = _changes(before.parameters, after.parameters)
    names = sorted(before.metrics.keys() | after.metrics.keys())
    shifts = [_shift(name, before.metrics.get(name), after.metrics.get(name)) for name in names]
    moved = tuple(shift for shift in shifts if shift.difference != 0)
    return Difference(
        before=before,
        after=after,
        parameters=parameters,
        same_parameters=len(before.parameters.keys() | after.parameters.keys()) - len(parameters),
        data=_told_of_data(before.data, after.data),
        counts=_changes(_without_hashes(before.data), _without_hashes(after.data))
        if before.data and after.data
        else (),
        code=_told_of_code(before.code, after.code),
        metrics=moved,
        same_metrics=len(shifts) - len(moved),
    )


def change_rows(found: Difference) -> list[dict[str, str | float | None]]:
    """One row a change, for a table."""
    rows = [("parameter", change) for change in found.parameters] + [("data", change) for change in found.counts]
    return [
        *(_row(what, change.name, change.before, change.after, None) for what, change in rows),
        _row("data", "which faces, under whom", None, found.data, None),
        _row("code", "faceml", None, found.code, None),
        *(_row("measure", shift.name, shift.before, shift.after, shift.difference) for shift in found.metrics),
    ]


def pair_to_explain(
    newest_first: Sequence[Experiment], best: Experiment | None
) -> tuple[Experiment | None, Experiment | None]:
    """Which two runs to look at where nobody says: the best and the last, or the last two where these are one."""
    if len(newest_first) < 2:
        return None, None
    last = newest_first[0]
    return (best if best is not None and best.run_id != last.run_id else newest_first[1]), last


def is_same_data(before: Experiment, after: Experiment) -> bool | None:
    """Whether two runs began with the same faces under the same people and clusters; None where nobody recorded it."""
    hashes = before.data.get("hash"), after.data.get("hash")
    return hashes[0] == hashes[1] if all(hashes) else None


def _told_of_data(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """
    >>> _told_of_data({"hash": "a", "faces_hash": "f"}, {"hash": "b", "faces_hash": "g"})
    'other faces'
    """
    if not (before.get("hash") and after.get("hash")):
        return "not recorded for both runs"
    if before["hash"] == after["hash"]:
        return f"the same, hash {after['hash']}"
    if not (before.get("faces_hash") and after.get("faces_hash")):
        return "other faces, people or clusters"
    if before["faces_hash"] != after["faces_hash"]:
        return "other faces"
    if before.get("people_hash") != after.get("people_hash"):
        return "the same faces, under other people"
    return "the same faces under the same people, in other clusters"


def _told_of_code(before: str, after: str) -> str:
    """
    >>> _told_of_code("0.1.0 abc", "0.1.0 abc"), _told_of_code("0.1.0 abc", "0.2.0 def")
    ('the same, 0.1.0 abc', '0.1.0 abc → 0.2.0 def')
    """
    if not (before and after):
        return "not recorded for both runs"
    if before != after:
        return f"{before} → {after}"
    if after.endswith(CHANGED):
        return f"{after} in both, and which changes nobody recorded"
    return f"the same, {after}"


def _without_hashes(data: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in data.items() if name not in HASHES}


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    names = sorted(before.keys() | after.keys())
    pairs = ((name, before.get(name), after.get(name)) for name in names)
    return tuple(Change(name, old, new) for name, old, new in pairs if old != new)


def _row(
    what: str, name: str, before: str | float | None, after: str | float | None, difference: float | None
) -> dict[str, str | float | None]:
    return {"what": what, "name": name, "before": before, "after": after, "difference": difference}


def _shift(name: str, before: float | None, after: float | None) -> Shift:
    return Shift(name, before, after, None if before is None or after is None else after - before)
