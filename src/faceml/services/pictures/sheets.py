"""Pictures of what the library holds, for people who would rather look than read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from faceml.library import Library
from faceml.records import Face
from faceml.services.pictures.thumbnails import Thumbnails
from faceml.services.review.review import Topic, ask
from faceml.storage.sql.clusters import ClusterSummary
from faceml.storage.sql.repository import Repository

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from PIL.Image import Image

    from faceml.services.cluster.sweep import SweepReport

FACES_A_ROW = 12
PEOPLE_SHOWN = 50
MAP_FACES = 3_000  # t-SNE of more takes minutes
FACELESS_SHOWN = 20
QUESTIONS_A_TOPIC = 4


def draw_clusters(library: Library, clusters: Sequence[ClusterSummary], *, title: str | None = None) -> Image:
    """A contact sheet: a row a cluster, its best faces first."""
    from faceml.plots.contact_sheet import SheetRow, contact_sheet

    with library.repository.read() as unit:
        members = {item.cluster_id: unit.faces.in_cluster(item.cluster_id)[:FACES_A_ROW] for item in clusters}
    pictures = thumbnails(library, [face for faces in members.values() for face in faces])
    rows = [
        SheetRow(
            title=item.person_name or item.cluster_id,
            thumbnails=[pictures[face.id] for face in members[item.cluster_id] if face.id in pictures],
            count=item.face_count,
            mean_quality=item.avg_quality,
        )
        for item in clusters
    ]
    return contact_sheet(rows, columns=FACES_A_ROW, title=title)


def draw_people(library: Library, *, title: str | None = None) -> Image:
    """A contact sheet: a row a person, most faces first; of more than 50 people the first 50."""
    from faceml.plots.contact_sheet import SheetRow, contact_sheet

    with library.repository.read() as unit:
        people = [person for person in unit.people.page(limit=PEOPLE_SHOWN) if person.face_count]
        shown = {person.id: unit.faces.of_person(person.id)[:FACES_A_ROW] for person in people}
    pictures = thumbnails(library, [face for faces in shown.values() for face in faces])
    rows = [
        SheetRow(person.name, [pictures[f.id] for f in shown[person.id] if f.id in pictures], person.face_count)
        for person in people
    ]
    return contact_sheet(rows, columns=FACES_A_ROW, title=title)


def draw_questions(library: Library, *, title: str | None = None) -> Image:
    """A contact sheet: a row a question that review would ask, what is asked about first."""
    from faceml.plots.contact_sheet import SheetRow, contact_sheet

    questions = [question for topic in Topic for question in ask(library, topic, limit=QUESTIONS_A_TOPIC)]
    sides = {question.key: [*question.one.face_ids, *question.other.face_ids] for question in questions}
    with library.repository.read() as unit:
        faces = unit.faces.by_ids([face_id for ids in sides.values() for face_id in ids])
    pictures = thumbnails(library, faces)
    rows = []
    for question in questions:
        shown = [pictures[face_id] for face_id in sides[question.key] if face_id in pictures]
        names = f"{question.one.title} · {question.other.title}" if question.topic is Topic.SAME_PERSON else ""
        text = f"{question.text} {names}".strip()
        rows.append(SheetRow(f"{text} ({question.evidence})", shown, len(shown)))
    return contact_sheet(rows, columns=FACES_A_ROW, title=title)


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
        ScoredSetting(str(run.setting), run.score, f"{run.clusters} clusters, {run.noise_share:.0%} in none")
        for run in report.runs
    ]
    return sweep_scores(runs, score_name=by)


def draw_photos_without_faces(repository: Repository) -> Image:
    """The photos in which nothing was found, with the reason where one could not be read."""
    from faceml.plots.contact_sheet import FacelessPhoto, photos_without_faces

    with repository.read() as unit:
        assets = unit.assets.without_faces(limit=10_000)
    photos = [FacelessPhoto(asset.path, asset.error or "no face found") for asset in assets]
    return photos_without_faces(photos, most=FACELESS_SHOWN)


def thumbnails(library: Library, faces: Sequence[Face]) -> dict[UUID, NDArray[np.uint8]]:
    """A square picture of each face, by its id; faces whose photo cannot be read now are left out."""
    from PIL import Image

    made = Thumbnails(library).of(faces)
    return {face_id: np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")) for face_id, jpeg in made.items()}
