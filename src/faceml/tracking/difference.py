"""What changed between two recorded runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from faceml.tracking.experiment import Experiment
from faceml.tracking.provenance import CHANGED

HASHES = ("hash", "faces_hash", "people_hash")  # of the data; see `services.operate.status`


@dataclass(frozen=True, slots=True)
class Change:
    """A parameter, count or measure with two values; None where a run has none of that name."""

    name: str
    before: str | float | None
    after: str | float | None
    difference: float | None = None  # of a measure that both have


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
    metrics: tuple[Change, ...]
    same_metrics: int


def difference(before: Experiment, after: Experiment) -> Difference:
    parameters = _changes(before.parameters, after.parameters)
    metrics = _changes(before.metrics, after.metrics)
    is_known = before.data and after.data
    return Difference(
        before=before,
        after=after,
        parameters=parameters,
        same_parameters=len(before.parameters.keys() | after.parameters.keys()) - len(parameters),
        data=_data_in_words(before, after),
        counts=_changes(_without_hashes(before.data), _without_hashes(after.data)) if is_known else (),
        code=_code_in_words(before.code, after.code),
        metrics=metrics,
        same_metrics=len(before.metrics.keys() | after.metrics.keys()) - len(metrics),
    )


def change_rows(found: Difference) -> list[dict[str, str | float | None]]:
    """One row a change, for a table."""
    data = Change("which faces, under whom", None, found.data)
    rows = [
        *(("parameter", change) for change in found.parameters),
        *(("data", change) for change in (*found.counts, data)),
        ("code", Change("faceml", None, found.code)),
        *(("measure", change) for change in found.metrics),
    ]
    return [{"what": what, **asdict(change)} for what, change in rows]


def pair_to_explain(
    newest_first: Sequence[Experiment], best: Experiment | None
) -> tuple[Experiment | None, Experiment | None]:
    """Which two runs to look at where nobody says: the best and the last, or the last two where these are one."""
    if len(newest_first) < 2:
        return None, None
    last = newest_first[0]
    return (best if best is not None and best.run_id != last.run_id else newest_first[1]), last


def _data_in_words(before: Experiment, after: Experiment) -> str:
    is_same, old, new = before.has_data_of(after), before.data, after.data
    if is_same is None:
        return "not recorded for both runs"
    if is_same:
        return f"the same, hash {new['hash']}"
    if not (old.get("faces_hash") and new.get("faces_hash")):
        return "other faces, people or clusters"
    if old["faces_hash"] != new["faces_hash"]:
        return "other faces"
    if old.get("people_hash") != new.get("people_hash"):
        return "the same faces, under other people"
    return "the same faces under the same people, in other clusters"


def _code_in_words(before: str, after: str) -> str:
    """
    >>> _code_in_words("0.1.0 abc", "0.1.0 abc"), _code_in_words("0.1.0 abc", "0.2.0 def")
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


def _changes(before: Mapping[str, str | float], after: Mapping[str, str | float]) -> tuple[Change, ...]:
    names = sorted(before.keys() | after.keys())
    changes = (_change(name, before.get(name), after.get(name)) for name in names)
    return tuple(change for change in changes if change.before != change.after)


def _change(name: str, before: str | float | None, after: str | float | None) -> Change:
    if isinstance(before, int | float) and isinstance(after, int | float):
        return Change(name, before, after, after - before)
    return Change(name, before, after)
