"""The demo: the whole pipeline on faces that the installed packages bring along, or on one's own photos."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import dataclass, fields, replace
from pathlib import Path
from uuid import UUID

from faceml.config import Settings
from faceml.decisions.about_faces import Label
from faceml.demo.library import DemoPhotos
from faceml.errors import Conflict
from faceml.library import Library
from faceml.pipelines.definition import read_pipeline
from faceml.pipelines.history import PipelineRun
from faceml.pipelines.runner import OnProgress, run_pipeline
from faceml.services.decisions.undo import undo
from faceml.services.learn.evaluate import EvaluationReport, Recognition, evaluate_labels, recognise_again
from faceml.services.operate.status import StatsReport, library_snapshot, read_stats
from faceml.services.review.sheets import draw_clusters, draw_people
from faceml.services.recognise.gallery import open_way
from faceml.services.review.browse import list_clusters
from faceml.storage.pages import LARGEST_PAGE
from faceml.storage.sql.clusters import ClusterSummary
from faceml.wiring import open_library

ACTOR = "demo"  # who labels in the demo's notebooks
SHOWN_CLUSTERS = 20
LEFT_TO_NAME = 3  # people whose names are taken back at the end, so that there is something to do


@dataclass(frozen=True, slots=True)
class DemoReport:
    seconds: float
    stats: StatsReport
    clusters: int
    first: EvaluationReport | None  # of the photos that were clustered; None without truth
    later: EvaluationReport | None  # of the photos that were held back
    gate: str | None  # what it said of the projection trained on the demo's labels; None: nothing was trained
    matcher: str | None  # what became of the matcher fitted on the demo's labels; None: there are none
    with_matcher: Recognition | None  # what it recognises of the photos held back, whatever the gate said
    run: PipelineRun
    pictures: tuple[Path, ...]
    home: Path
    left_to_name: int = 0  # groups whose names were taken back at the end, after everything was measured
    left_to_confirm: int = 0  # faces that have their name from the machine


def demo_settings(settings: Settings, folder: Path) -> Settings:
    """The demo's own library below `folder`: embedded stores only, whatever the environment points at."""
    is_default = settings.sources.get("FACEML_MODEL_PACK") == "default"
    return replace(
        settings,
        home=(folder / "library").resolve(),
        database_url="",
        qdrant_url="",
        model_pack="opencv-zoo" if is_default else settings.model_pack,
    )


def run_demo(settings: Settings, photos: DemoPhotos, pipeline: Path, *, on_progress: OnProgress) -> DemoReport:
    """Run the demo pipeline in a library of its own, which is made anew each time.

    Raises:
        Conflict: somebody labelled in that library since; it is not thrown away.
        PipelineFailed: a notebook failed.
    """
    started = time.monotonic()
    _clear(settings)
    library = open_library(settings)
    folders = {part.name: str(getattr(photos, part.name) or "") for part in fields(photos)}
    run = run_pipeline(
        read_pipeline(pipeline),
        parameters={**folders, "actor": ACTOR},
        home=settings.home,
        tracking=library.tracking,
        environment={"FACEML_MODEL_PACK": settings.model_pack, "DATABASE_URL": "", "QDRANT_URL": ""},
        library=library_snapshot(library.repository),
        on_progress=on_progress,
    )
    clusters = list_clusters(library.repository, page_size=LARGEST_PAGE, include_labeled=True)
    truth = photos.truth
    report = DemoReport(
        seconds=time.monotonic() - started,
        stats=read_stats(library),
        clusters=clusters.total,
        first=evaluate_labels(library.repository, truth, photos=photos.photos) if truth else None,
        later=evaluate_labels(library.repository, truth, photos=photos.later) if truth and photos.later else None,
        gate=_gate(run),
        matcher=_said_of_matcher(run),
        with_matcher=_with_matcher(library, run, photos),
        run=run,
        pictures=_draw(library, clusters.items[:SHOWN_CLUSTERS]),
        home=settings.home,
    )
    left = _leave_some(library) if truth else 0
    with library.repository.read() as unit:
        return replace(report, left_to_name=left, left_to_confirm=unit.faces.count_recognised())


def _leave_some(library: Library) -> int:
    """Take the names of a few people back, of those with the fewest faces; returns how many groups have none now."""
    with library.repository.read() as unit:
        labels = [(event.id, event.decision.person_id) for event in unit.events.of(Label)]
        faces = unit.events.changed_faces([event_id for event_id, _ in labels])
    named: Counter[UUID] = Counter()
    for event_id, person_id in labels:
        named[person_id] += faces[event_id]
    chosen = {person_id for person_id, _ in named.most_common()[-LEFT_TO_NAME:]}
    for event_id, person_id in labels:
        if person_id in chosen:
            undo(library, event_id, actor=ACTOR)
    return list_clusters(library.repository).total


def _gate(run: PipelineRun) -> str | None:
    step = run.step("evaluate")
    if step is None or "verdict" not in step.results:
        return None
    word = "let in" if step.results["promotes"] else "refused"
    return f"version {step.results['version']} {word}: {step.results['verdict']}"


def _said_of_matcher(run: PipelineRun) -> str | None:
    step = run.step("matcher")
    return str(step.results["matcher"]) if step is not None and "matcher" in step.results else None


def _with_matcher(library: Library, run: PipelineRun, photos: DemoPhotos) -> Recognition | None:
    """On the same faces, and at the threshold that as many strangers reach, as the assignment without it."""
    step, assign = run.step("matcher"), run.step("assign")
    version = step.results.get("version") if step is not None else None
    if version is None or assign is None or photos.truth is None or photos.later is None:
        return None
    threshold = assign.parameters["threshold"]
    way = open_way(library, matcher=version)
    return recognise_again(library, photos.truth, way, threshold=threshold, photos=photos.later)


def _clear(settings: Settings) -> None:
    """Throw the last demo's library away, unless a person has worked in it."""
    if not (settings.home / "faceml.db").exists():
        return
    library = open_library(settings)
    with library.repository.read() as unit:
        decisions = unit.events.count(by_other_than=ACTOR)
    library.close()
    if decisions:
        raise Conflict(
            f"the demo library {settings.home} holds {decisions} decisions that you made: move the folder away, or "
            "choose another one with --folder"
        )
    shutil.rmtree(settings.home)


def _draw(library: Library, clusters: tuple[ClusterSummary, ...]) -> tuple[Path, ...]:
    home = library.settings.home
    draw_clusters(library, clusters, title="Clusters").save(home / "clusters.png")
    draw_people(library, title="People").save(home / "people.png")
    return home / "clusters.png", home / "people.png"
