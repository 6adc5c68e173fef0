"""`Run`: what a run records, kept in a folder until somebody logs it to MLflow."""

from __future__ import annotations

import csv
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from faceml.csv_cells import as_cell
from faceml.errors import WrongUse

logger = logging.getLogger(__name__)

HELD = "library."  # how the tags of what the library held begin
JUDGED = "judged"  # the tag of the registered version that a run looked at: face-projection/3
_EVENTS = "events.jsonl"
_ARTIFACTS = "artifacts"
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif"}


@dataclass(frozen=True, slots=True)
class Measurement:
    name: str
    value: float
    step: int
    at_ms: int  # since 1970


@dataclass(frozen=True, slots=True)
class Child:
    """A run within the run: one setting of a sweep, one trial of a search."""

    name: str
    parameters: dict[str, str]
    metrics: dict[str, float]
    curves: dict[str, list[float]] = field(default_factory=dict)  # metrics that have a value a step
    tags: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)  # by the names of their files
    outcome: str = "FINISHED"  # a word of MLflow's
    seconds: float | None = None  # that it took; None: nobody measured them


@dataclass(frozen=True, slots=True)
class Recorded:
    """What lies in a spool."""

    parameters: dict[str, str]
    metrics: tuple[Measurement, ...]
    tags: dict[str, str]
    pictures_allowed: bool
    artifacts: Path | None  # a folder, logged as it is
    children: tuple[Child, ...] = ()
    tables: Mapping[str, Mapping[str, list[Any]]] = field(default_factory=dict)  # by name, their columns


class Run:
    """Records parameters, metrics, tags, tables and pictures of one run. No call needs MLflow or a network."""

    def __init__(
        self,
        spool: Path,
        *,
        id: str | None,
        pictures_allowed: bool = False,
        on_note: Callable[[str], None] = logger.info,
    ) -> None:
        self.id = id  # MLflow's
        self._on_note = on_note
        self.pictures_allowed = pictures_allowed
        self._spool = spool
        self._noted = False
        (spool / _ARTIFACTS).mkdir(parents=True, exist_ok=True)
        self._write("pictures_allowed", pictures_allowed)

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Settings the run was made with: texts, numbers, None, paths, enums, lists and mappings."""
        self._write("parameters", _texts(values))

    def metrics(self, values: Mapping[str, float | None], *, step: int = 0) -> None:
        """Numbers the run measured; None is left out. Call again with another `step` for a curve."""
        self._write("metrics", _numbers(values), step=step, at_ms=int(time.time() * 1000))

    def child(
        self, name: str, *, parameters: Mapping[str, Any], metrics: Mapping[str, float | None], **more: Any
    ) -> None:
        """A run within this one, with what it was made with and what it measured; `more` as `Child` has it."""
        told = {"name": name, "parameters": _texts(parameters), "metrics": _numbers(metrics), **more}
        self._write("child", asdict(Child(**told)))

    def tags(self, values: Mapping[str, Any]) -> None:
        self._write("tags", _texts(values))

    def library(self, snapshot: Mapping[str, Any]) -> None:
        """What the library held: counts, pack, hash; becomes the tags `library.*`."""
        self.tags({f"{HELD}{name}": value for name, value in snapshot.items()})

    def figure(self, name: str, figure: Any) -> None:
        """A plot without faces: a matplotlib figure, a PIL image or an (H, W[, 3]) uint8 array. See `faces_picture`."""
        target = self._target(name if Path(name).suffix.lower() in {*_PICTURES, ".svg", ".pdf"} else f"{name}.png")
        if hasattr(figure, "savefig"):
            figure.savefig(target, bbox_inches="tight")
            return
        if not hasattr(figure, "save"):
            from PIL import Image

            figure = Image.fromarray(figure)
        figure.save(target)

    def faces_picture(self, name: str, picture: Any) -> None:
        """A picture that shows faces: biometric data, so it is dropped unless the run allows pictures."""
        if self.pictures_allowed:
            self.figure(name, picture)
        elif not self._noted:
            self._noted = True
            self._on_note("Pictures of faces stay out of MLflow; pictures_allowed=True for this run logs them")

    def table(self, name: str, rows: Any) -> None:
        """Rows as CSV and as a table that MLflow's pages compare: a pandas DataFrame, or mappings of equal keys."""
        name = name.removesuffix(".csv")
        target = self._target(f"{name}.csv")
        if hasattr(rows, "to_csv"):
            self._compared(name, json.loads(rows.to_json(orient="records")))
            rows.rename(columns=as_cell).map(as_cell).to_csv(target, index=False)
            return
        mappings = list(rows)
        self._compared(name, mappings)
        with target.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=[as_cell(name) for name in mappings[0]] if mappings else [])
            writer.writeheader()
            writer.writerows({as_cell(name): as_cell(value) for name, value in row.items()} for row in mappings)

    def _compared(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._write("tables", {name: {key: [_plain(row.get(key)) for row in rows] for key in rows[0]}})

    def _target(self, name: str) -> Path:
        folder = (self._spool / _ARTIFACTS).resolve()
        target = (folder / name).resolve()
        if not target.is_relative_to(folder):
            raise WrongUse(f"the artifact name {name!r} leads out of the run: use a plain name")
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def _write(self, kind: str, value: Any, **more: Any) -> None:
        with (self._spool / _EVENTS).open("a", encoding="utf-8") as events:
            events.write(json.dumps({"kind": kind, "value": value, **more}) + "\n")


def read_spool(spool: Path) -> Recorded:
    """What was recorded; a later parameter or tag replaces an earlier one of its name.

    Pictures are allowed where every run that wrote here allowed them. A last line that a dying process left
    unfinished is ignored.
    """
    settings: dict[str, dict[str, Any]] = {"parameters": {}, "tags": {}, "tables": {}}
    metrics: list[Measurement] = []
    allowed: list[bool] = []
    children: list[Child] = []
    for event in _events(spool / _EVENTS):
        if event["kind"] == "metrics":
            metrics += [Measurement(n, v, event["step"], event["at_ms"]) for n, v in event["value"].items()]
        elif event["kind"] == "pictures_allowed":
            allowed.append(event["value"])
        elif event["kind"] == "child":
            children.append(Child(**event["value"]))
        else:
            settings[event["kind"]] |= event["value"]
    artifacts = spool / _ARTIFACTS
    artifacts.mkdir(parents=True, exist_ok=True)
    is_allowed = bool(allowed) and all(allowed)
    return Recorded(
        settings["parameters"],
        tuple(metrics),
        settings["tags"],
        is_allowed,
        artifacts,
        children=tuple(children),
        tables=settings["tables"],
    )


def as_text(value: Any) -> str:
    """How a setting reads in MLflow.

    >>> as_text(None), as_text(Path("photos")), as_text([1, None])
    ('none', 'photos', '[1, null]')
    """
    if value is None:
        return "none"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, list | tuple | Mapping):
        return json.dumps(value, default=as_text, sort_keys=isinstance(value, Mapping))
    return str(value)


def _events(file: Path) -> Iterable[dict[str, Any]]:
    if not file.exists():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def _plain(value: Any) -> Any:
    """A cell as JSON has it; numpy's numbers are no numbers to it."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return float(value) if hasattr(value, "__float__") else as_text(value)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: as_text(value) for name, value in values.items()}


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: _as_number(name, value) for name, value in values.items() if value is not None}


def _as_number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise WrongUse(f"the metric {name}={value!r} is not a number: record text as a parameter or tag") from None
