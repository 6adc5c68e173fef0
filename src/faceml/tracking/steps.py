"""What a step's run records, the same whether a notebook or a command records it: so both compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from faceml.options import AssignOptions, DetectOptions, SplitOptions, StepOptions


class Ingested(Protocol):
    @property
    def added(self) -> int: ...
    @property
    def changed(self) -> int: ...
    @property
    def moved(self) -> int: ...
    @property
    def missing(self) -> int: ...


class Detected(Protocol):
    @property
    def processed(self) -> int: ...
    @property
    def faces_added(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def seconds(self) -> float: ...


class Split(Protocol):
    @property
    def new_clusters(self) -> Sequence[str]: ...
    @property
    def faces_left_out(self) -> int: ...


class Assigned(Protocol):
    @property
    def processed(self) -> int: ...
    @property
    def assigned(self) -> int: ...
    @property
    def unassigned(self) -> int: ...
    @property
    def people_matched(self) -> int: ...
    @property
    def model_version(self) -> str: ...
    @property
    def seconds(self) -> float: ...


@dataclass(frozen=True, slots=True)
class StepRun:
    parameters: Mapping[str, Any]
    results: Mapping[str, int | float]  # what came of it
    more: Mapping[str, int | float] = field(default_factory=dict)  # measured besides, such as seconds

    @property
    def metrics(self) -> dict[str, float | None]:
        return {**self.results, **self.more}


def ingest_run(photos: str, report: Ingested | None, *, waiting: int) -> StepRun:
    """Args: report: None where nothing was taken in. waiting: photos that wait for detection."""
    new_photos = report.added + report.changed if report else 0
    moved, missing = (report.moved, report.missing) if report else (0, 0)
    return StepRun(
        {"photos": photos}, {"new_photos": new_photos, "moved": moved, "missing": missing, "waiting": waiting}
    )


def detect_run(options: DetectOptions, report: Detected, *, photos: str = "", new_photos: int = 0) -> StepRun:
    """Args: photos: the folder that was taken in first, with so many new or changed photos."""
    chosen = {name: getattr(options, name) for name in ("min_confidence", "min_face_size", "detection_size")}
    results = {"new_photos": new_photos, "processed": report.processed, "faces": report.faces_added}
    speed = {"seconds": report.seconds, "photos_per_s": report.processed / max(report.seconds, 1e-9)}
    return StepRun({"photos": photos, **chosen}, {**results, "errors": report.errors}, speed)


def cluster_run(
    mode: str, options: StepOptions, model: str, figures: Mapping[str, int | float], seconds: float
) -> StepRun:
    """Args: figures: see `services.cluster.dual.key_figures`. model: the version that compared the faces."""
    return StepRun({"mode": mode, **options.parameters(), "model": model}, figures, {"seconds": seconds})


def split_run(cluster_id: str, options: SplitOptions, report: Split) -> StepRun:
    results = {"parts": len(report.new_clusters), "faces_left_out": report.faces_left_out}
    return StepRun({"cluster_id": cluster_id, **options.parameters()}, results)


def assign_run(options: AssignOptions, report: Assigned) -> StepRun:
    chosen = {"since": options.since or "", "max_faces": options.max_faces, "threshold": options.threshold}
    results = {"processed": report.processed, "assigned": report.assigned, "unassigned": report.unassigned}
    more = {"people_matched": report.people_matched, "seconds": report.seconds}
    return StepRun({**chosen, "model": report.model_version}, results, more)


def calibrate_run(model: str, threshold: float, *, fmr: float) -> StepRun:
    """Args: model: the version whose threshold it is."""
    return StepRun({"fmr": fmr, "model": model}, {"threshold": threshold})
