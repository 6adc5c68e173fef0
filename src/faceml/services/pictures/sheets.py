"""Pictures of what the library holds, for people who would rather look than read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceml.library import Library
from faceml.records import Face
from faceml.services.pictures.thumbnails import Thumbnails
from faceml.services.review.review import Topic, ask
from faceml.storage.sql.clusters import ClusterSummary
from faceml.storage.sql.repository import Repository

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

    from faceml.services.cluster.sweep import SweepReport

FACES_A_ROW = 12
PEOPLE_SHOWN = 50
MAP_FACES = 3_000  # t-SNE of more takes minutes
FACELESS_SHOWN = 20
QUESTIONS_A_TOPIC = 4


@dataclass(frozen=True, slots=True)
class _Row:
    title: str
    faces: Sequence[Face]  # best first
    count: int | None = None  # faces in all; None: those that are shown
    mean_quality: float | None = None


def draw_clusters(library: Library, clusters: Sequence[ClusterSummary], *, title: str | None = None) -> Image:
    """A contact sheet: a row a cluster, its best faces first."""
    with library.repository.read() as unit:
        rows = [
            _Row(
                item.person_name or item.cluster_id,
                unit.faces.in_cluster(item.cluster_id)[:FACES_A_ROW],
                item.face_count,
                item.avg_quality,
            )
            for item in clusters
        ]
    return _sheet(library, rows, title)


def draw_parts(library: Library, cluster_ids: Sequence[str], *, title: str | None = None) -> Image:
    """A contact sheet: a row a cluster, named or not, in this order."""
    with library.repository.read() as unit:
        faces = {id_: unit.faces.in_cluster(id_) for id_ in cluster_ids}
    rows = [_Row(id_, found[:FACES_A_ROW], len(found)) for id_, found in faces.items()]
    return _sheet(library, rows, title)


def draw_people(library: Library, *, title: str | None = None) -> Image:
    """A contact sheet: a row a person, most faces first; of more than 50 people the first 50."""
    with library.repository.read() as unit:
        rows = [
            _Row(person.name, unit.faces.of_person(person.id)[:FACES_A_ROW], person.face_count)
            for person in unit.people.page(limit=PEOPLE_SHOWN)
            if person.face_count
        ]
    return _sheet(library, rows, title)


def draw_questions(library: Library, *, title: str | None = None) -> Image:
    """A contact sheet: a row a question that review would ask, what is asked about first."""
    questions = [question for topic in Topic for question in ask(library, topic, limit=QUESTIONS_A_TOPIC)]
    rows = []
    with library.repository.read() as unit:
        for question in questions:
            sides = [*question.one.face_ids, *question.other.face_ids]
            faces = {face.id: face for face in unit.faces.by_ids(sides)}
            names = f"{question.one.title} · {question.other.title}" if question.topic is Topic.SAME_PERSON else ""
            text = f"{question.text} {names}".strip()
            rows.append(_Row(f"{text} ({question.evidence})", [faces[side] for side in sides if side in faces]))
    return _sheet(library, rows, title)


def _sheet(library: Library, rows: Sequence[_Row], title: str | None) -> Image:
    from PIL import Image

    from faceml.plots.contact_sheet import SheetRow, contact_sheet

    made = Thumbnails(library).of([face for row in rows for face in row.faces])
    pictures = {face_id: np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")) for face_id, jpeg in made.items()}
    groups = []
    for row in rows:
        shown = [pictures[face.id] for face in row.faces if face.id in pictures]
        count = len(shown) if row.count is None else row.count
        groups.append(SheetRow(row.title, shown, count, row.mean_quality))
    return contact_sheet(groups, columns=FACES_A_ROW, title=title)


def draw_map(repository: Repository) -> Figure:
    """A 2-D map of the best faces' embeddings, coloured by person, or by cluster where nobody is named."""
    from faceml.plots.embedding_map import embedding_map

    with repository.read() as unit:
        faces = unit.vectors.best(limit=MAP_FACES)
        states = unit.faces.states(faces.face_ids)
        people = unit.people.names()
    groups = [
        people.get(state.person_id) if state.person_id else state.cluster_id
        for state in map(states.__getitem__, faces.face_ids)
    ]
    names = sorted({group for group in groups if group})
    labels = np.array([names.index(group) if group else -1 for group in groups], dtype=int)
    return embedding_map(faces.vectors, labels, names=dict(enumerate(names)))


def draw_sweep(report: SweepReport) -> Figure:
    """The settings of a sweep by their score, the best on top."""
    from faceml.plots.comparisons import ScoredSetting, sweep_scores

    by = "BCubed F against labels" if report.scored_by == "bcubed_f" else "stability (mean adjusted Rand)"
    runs = [
        ScoredSetting(str(run.setting), run.score, f"{run.clusters} clusters, {run.noise_share:.0%} noise")
        for run in report.runs
    ]
    return sweep_scores(runs, score_name=by)


def draw_photos_without_faces(repository: Repository) -> Image:
    """The photos in which nothing was found, with the reason where one could not be read."""
    from faceml.plots.contact_sheet import FacelessPhoto, photos_without_faces

    with repository.read() as unit:
        assets = unit.assets.without_faces(limit=10_000)
    photos = [FacelessPhoto(asset.path, asset.error or asset.note or "no face found") for asset in assets]
    return photos_without_faces(photos, most=FACELESS_SHOWN)
