"""Try clustering parameters side by side and score each: against labels where there are some, else by its stability.

Nothing is written. One neighbour graph serves all settings of a `min_samples`, so most of them cost next to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, WrongUse
from faceml.identity.hdbscan.exact import cut, fit
from faceml.identity.hdbscan.reachability_graph import Graph
from faceml.library import Library
from faceml.metrics.agreement import Agreement, bcubed, stability, subsamples
from faceml.progress import Progress, silent, told
from faceml.records import AssignedBy, Embeddings
from faceml.services.cluster.grouping import Note, announce, log, without_loose
from faceml.services.recognise.spaces import RAW, open_space
from faceml.storage.known_labels import match_known_labels, read_known_labels
from faceml.storage.registry.records import CHAMPION
from faceml.storage.sql.repository import UnitOfWork

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS, SHARE = 5, 0.8  # random parts of the faces that stability is measured on
LEAST_LABELS = 10  # labelled faces; with fewer a score against them says nothing


@dataclass(frozen=True, slots=True)
class Setting:
    min_cluster_size: int
    min_samples: int
    min_cohesion: float | None

    def __str__(self) -> str:
        cohesion = "" if self.min_cohesion is None else f", cohesion {self.min_cohesion:g}"
        return f"size {self.min_cluster_size}, samples {self.min_samples}{cohesion}"


@dataclass(frozen=True, slots=True)
class SweepRun:
    setting: Setting
    clusters: int
    noise_share: float
    precision: float | None  # BCubed, on the labelled faces; None where there are no labels
    recall: float | None
    score: float  # BCubed F, or the stability

    def metrics(self, scored_by: str) -> dict[str, float | None]:
        return {
            scored_by: self.score,
            "bcubed_precision": self.precision,
            "bcubed_recall": self.recall,
            "clusters_found": self.clusters,
            "noise_share": self.noise_share,
        }


@dataclass(frozen=True, slots=True)
class SweepReport:
    """Settings tried and how well they did."""

    scored_by: str  # "bcubed_f" or "stability"
    faces: int
    labelled: int
    runs: tuple[SweepRun, ...]  # best score first; of equals the one that leaves fewer faces out
    model_version: str = RAW  # of the vectors that were compared
    seconds: float = 0.0

    def children(self) -> list[dict[str, Any]]:
        """Each setting as a run within a run, see `tracking.spool.Run.child`."""
        return [
            {"name": str(run.setting), "parameters": asdict(run.setting), "metrics": run.metrics(self.scored_by)}
            for run in self.runs
        ]


NO_SWEEP = SweepReport("stability", 0, 0, ())


def parse_values(text: str) -> list[float | None]:
    """Values as they are typed: "3, 5, 8"; `none` for no value.

    >>> parse_values("none, 0.35")
    [None, 0.35]
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    try:
        return [None if word.lower() == "none" else float(word) for word in words]
    except ValueError as error:
        raise WrongUse(f"{text!r} holds something that is not a number: write values like 3, 5, 8") from error


def parse_counts(text: str) -> list[int]:
    """Whole numbers as they are typed.

    >>> parse_counts("3, 5")
    [3, 5]
    """
    values = parse_values(text)
    if any(value is None or value % 1 for value in values):  # of NaN and infinity NaN, which is true
        raise WrongUse(f"{text!r} holds something that is not a whole number: write values like 3, 5, 8")
    return [int(value) for value in values if value is not None]


@told
def sweep_clusters(
    library: Library,
    *,
    min_cluster_sizes: Sequence[int] = (3, 5, 8),
    min_samples: Sequence[int] = (2, 3),
    min_cohesions: Sequence[float | None] = (None,),
    quality_threshold: float = 0.5,
    max_faces: int = 10_000,
    labels: Path | None = None,
    model: str = CHAMPION,
    on_progress: Progress = silent,
    on_note: Note = log.info,
) -> SweepReport:
    """Cluster the best faces, named ones too, with every combination of these parameters.

    Args:
        min_cohesions: see `cluster_faces`; None keeps all faces.
        max_faces: the best take part where there are more.
        labels: CSV of who is on which photo; None takes what people labelled in the library.
        model: the vectors to compare, see `open_space`.
    Raises:
        WrongUse: a parameter outside its range or without values, or more faces than the memory can hold.
        NotEnoughData: no face is good enough.
        FileNotReadable: the CSV cannot be read as one.
        NotFound, ModelMismatch, Unavailable: of the model.
    """
    started = time.monotonic()
    settings = [Setting(*values) for values in product(min_cluster_sizes, min_samples, min_cohesions)]
    if not settings:
        raise WrongUse("a sweep over no values: give one or more for each parameter")
    space = open_space(library, model)
    with library.repository.read() as unit:
        faces = space.embeddings(unit.vectors.best(limit=max_faces, min_quality=quality_threshold))
        truth = _truth(unit, faces, labels)
    if not faces.face_ids:
        raise NotEnoughData(
            f"no face has a quality of {quality_threshold} or more: `faceml faces backfill` finds faces"
        )
    announce(faces.vectors, method="hdbscan", on_note=on_note)
    rows = np.flatnonzero(truth >= 0)
    has_labels = len(rows) >= LEAST_LABELS and len(np.unique(truth[rows])) > 1
    runs: list[SweepRun] = []
    for samples in dict.fromkeys(min_samples):
        same_graph = [setting for setting in settings if setting.min_samples == samples]
        found = _against(faces, same_graph, truth, rows) if has_labels else _by_stability(faces, same_graph)
        for run in found:
            runs.append(run)
            on_progress(len(runs), len(settings))
    best_first = sorted(runs, key=lambda run: (-run.score, run.noise_share))
    scored_by = "bcubed_f" if has_labels else "stability"
    seconds = time.monotonic() - started
    return SweepReport(scored_by, len(faces.face_ids), len(rows), tuple(best_first), space.name, seconds)


def _against(
    faces: Embeddings, settings: Sequence[Setting], truth: NDArray[np.int64], rows: NDArray[np.intp]
) -> Iterator[SweepRun]:
    graph = fit(faces.vectors, min_samples=settings[0].min_samples).graph
    for setting in settings:
        found = _labels(faces.vectors, graph, setting)
        agreed = bcubed(truth[rows], found[rows])
        yield _run(setting, found, agreed.f, agreed)


def _by_stability(faces: Embeddings, settings: Sequence[Setting]) -> Iterator[SweepRun]:
    samples = settings[0].min_samples
    graph = fit(faces.vectors, min_samples=samples).graph
    parts = subsamples(len(graph), share=SHARE, times=PARTS)
    graphs = [fit(faces.vectors[rows], min_samples=samples).graph for rows in parts]
    for setting in settings:
        found = _labels(faces.vectors, graph, setting)
        again = [(rows, _labels(faces.vectors[rows], part, setting)) for rows, part in zip(parts, graphs, strict=True)]
        yield _run(setting, found, stability(found, again))


def _labels(vectors: NDArray[np.float32], graph: Graph, setting: Setting) -> NDArray[np.int64]:
    size = setting.min_cluster_size
    found = cut(graph, min_cluster_size=size).labels
    return without_loose(vectors, found, min_cohesion=setting.min_cohesion, min_cluster_size=size)


def _run(setting: Setting, labels: NDArray[np.int64], score: float, agreed: Agreement | None = None) -> SweepRun:
    precision, recall = (agreed.precision, agreed.recall) if agreed else (None, None)
    clusters = len(np.unique(labels[labels >= 0]))
    return SweepRun(setting, clusters, float((labels < 0).mean()), precision, recall, score)


def _truth(unit: UnitOfWork, faces: Embeddings, labels: Path | None) -> NDArray[np.int64]:
    """(N,) a number a person, -1 for faces of whom nobody said who they are."""
    if labels is not None:
        known = match_known_labels(unit, read_known_labels(labels))
        people: dict[object, object] = {item.face.id: item.person for item in known}
    else:
        states = unit.faces.states(faces.face_ids)
        people = {
            id_: state.person_id
            for id_, state in states.items()
            if state.assigned_by is AssignedBy.MANUAL and state.person_id is not None
        }
    numbers = {person: number for number, person in enumerate(dict.fromkeys(people.values()))}
    return np.array([numbers[people[id_]] if id_ in people else -1 for id_ in faces.face_ids], dtype=np.int64)


def draw_sweep(report: SweepReport) -> Figure:
    """The settings of a sweep by their score, the best on top."""
    from faceml.plots.comparisons import ScoredSetting, sweep_scores

    by = "BCubed F against labels" if report.scored_by == "bcubed_f" else "stability (mean adjusted Rand)"
    runs = [
        ScoredSetting(str(run.setting), run.score, f"{run.clusters} clusters, {run.noise_share:.0%} noise")
        for run in report.runs
    ]
    return sweep_scores(runs, score_name=by)
