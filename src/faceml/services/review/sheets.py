"""Pictures of what the library holds, for people who would rather look than read."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.library import Library
from faceml.metrics.face_map import FaceMap
from faceml.records import Face
from faceml.services.recognise.spaces import Space, open_space, space_in_use
from faceml.services.review.review import Topic, ask
from faceml.services.review.thumbnails import Thumbnails
from faceml.storage.grid.face_query import FaceQuery, Place, grouped
from faceml.storage.grid.face_table import FaceTable
from faceml.storage.live_table import LiveTable
from faceml.storage.registry.records import CHAMPION
from faceml.storage.sql.clusters import ClusterSummary
from faceml.storage.sql.repository import Repository, UnitOfWork

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

FACES_A_ROW = 12
MOST_COMPARED = 500  # the best faces of a row, among which those of bursts are told
PEOPLE_SHOWN = 50
MAP_FACES = 3_000  # t-SNE of more takes minutes
FACELESS_SHOWN = 20
QUESTIONS_A_TOPIC = 4
LANDMARKS = 1_500  # faces that the map of all is drawn of: three seconds
MOST_ON_MAP = 20_000  # faces sent as points
GROUPS_ON_MAP = 300  # that are named, the largest
MANY_MORE = 1.25  # times the faces from which on the map is drawn anew


@dataclass(frozen=True, slots=True)
class _Row:
    title: str
    faces: Mapping[Face, int]  # best first, with how many photos of a burst each stands for
    count: int | None = None  # faces in all; None: those that are shown
    mean_quality: float | None = None


def draw_clusters(library: Library, clusters: Sequence[ClusterSummary], *, title: str | None = None) -> Image:
    """A contact sheet: a row a cluster, its best faces first."""
    with library.repository.read() as unit:
        rows = [
            _Row(
                item.person_name or item.cluster_id,
                _shown(unit, unit.clusters.faces(item.cluster_id, limit=MOST_COMPARED)),
                item.face_count,
                item.avg_quality,
            )
            for item in clusters
        ]
    return _sheet(library, rows, title)


def draw_parts(library: Library, cluster_ids: Sequence[str], *, title: str | None = None) -> Image:
    """A contact sheet: a row a cluster, named or not, in this order."""
    with library.repository.read() as unit:
        faces = {id_: _shown(unit, unit.clusters.faces(id_, limit=MOST_COMPARED)) for id_ in cluster_ids}
        counts = {id_: sum(unit.clusters.owners(id_).values()) for id_ in cluster_ids}
    rows = [_Row(id_, found, counts[id_]) for id_, found in faces.items()]
    return _sheet(library, rows, title)


def draw_people(library: Library, *, title: str | None = None) -> Image:
    """A contact sheet: a row a person, most faces first; of more than 50 people the first 50."""
    with library.repository.read() as unit:
        rows = [
            _Row(person.name, _shown(unit, unit.people.faces(person.id, limit=MOST_COMPARED)), person.face_count)
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
            sides = [id_ for side in (question.one, question.other) for id_ in side.face_ids]
            faces = {face.id: face for face in unit.faces.by_ids(sides)}
            stands = {id_: count for side in (question.one, question.other) for id_, count in side.bursts.items()}
            names = f"{question.one.title} · {question.other.title}" if question.topic is Topic.SAME_PERSON else ""
            text = f"{question.text} {names}".strip()
            shown = {faces[id_]: stands.get(id_, 1) for id_ in sides if id_ in faces}
            rows.append(_Row(f"{text} ({question.evidence})", shown))
    return _sheet(library, rows, title)


def _shown(unit: UnitOfWork, faces: Sequence[Face]) -> dict[Face, int]:
    """The best of some faces, best first, one a burst, with how many of its photos show them."""
    return dict(islice(unit.shots.one_a_burst(faces).items(), FACES_A_ROW))


def _sheet(library: Library, rows: Sequence[_Row], title: str | None) -> Image:
    from PIL import Image

    from faceml.plots.contact_sheet import SheetRow, contact_sheet

    made = Thumbnails(library).of([face for row in rows for face in row.faces])
    pictures = {face_id: np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")) for face_id, jpeg in made.items()}
    groups = []
    for row in rows:
        shown = [face for face in row.faces if face.id in pictures]
        count = len(shown) if row.count is None else row.count
        stands = [row.faces[face] for face in shown]
        groups.append(SheetRow(row.title, [pictures[face.id] for face in shown], count, row.mean_quality, stands))
    return contact_sheet(groups, columns=FACES_A_ROW, title=title)


def draw_map(library: Library, *, model: str | int = CHAMPION) -> Figure:
    """A 2-D map of the best faces' embeddings, coloured by person, or by cluster where nobody is named.

    Args:
        model: the vectors to compare, see `open_space`.
    """
    from faceml.plots.embedding_map import embedding_map

    space = open_space(library, model)
    with library.repository.read() as unit:
        faces = space.embeddings(unit.vectors.best(limit=MAP_FACES))
        states = unit.faces.states(faces.face_ids)
        people = unit.people.names()
    groups = [
        people.get(state.person_id) if state.person_id else state.cluster_id
        for state in map(states.__getitem__, faces.face_ids)
    ]
    names = sorted({group for group in groups if group})
    labels = np.array([names.index(group) if group else -1 for group in groups], dtype=int)
    return embedding_map(faces.vectors, labels, names=dict(enumerate(names)))


@dataclass(frozen=True, slots=True)
class MapGroup:
    key: str  # of a person or cluster
    label: str
    is_person: bool
    faces: int  # of it that are on the map
    x: float  # the middle of them, 0 to 1
    y: float


@dataclass(frozen=True, slots=True, eq=False)
class FacesOnMap:
    """Some faces as points on a plane; row for row."""

    total: int  # that the query means: those on the map are drawn by chance where they are more
    face_ids: tuple[UUID, ...]
    places: NDArray[np.float64]  # (N, 2) each from 0 to 1
    groups: NDArray[np.int64]  # (N,) number in `largest`, or above where it is none of them; -1: in no group
    largest: tuple[MapGroup, ...]  # largest first
    model_version: str  # the vectors that were compared


class FaceMaps:
    """The map of one library's faces; safe to use from several threads.

    It is drawn once, of some by chance; all others lie beside those that they resemble, so that a face stays where it
    is whatever is asked for. It is drawn anew for other vectors, for many more faces, and where somebody was erased.
    """

    def __init__(self, library: Library, live: LiveTable) -> None:
        self._library, self._live, self._lock = library, live, threading.Lock()
        self._drawn: tuple[tuple[str, ...], int, FaceMap] | None = None  # of what, of how many faces in all
        self._places: dict[UUID, tuple[float, float]] = {}

    def of(self, query: FaceQuery, *, most: int = MOST_ON_MAP) -> FacesOnMap:
        """The faces that a query means.

        Raises:
            ModelUnavailable: the champion's file is damaged.
        """
        table = self._live.now()
        rows = self._live.rows(table, query)
        total = len(rows)
        if total > most:
            rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
        with self._lock:
            space = self._renewed(table)
            places = self._placed(table.uuids(rows), space)
        rows = rows[np.isfinite(places[:, 0])] if len(rows) else rows
        places = places[np.isfinite(places[:, 0])]
        groups, largest = _groups_on_map(table, rows, places)
        return FacesOnMap(total, tuple(table.uuids(rows)), places, groups, largest, space.name)

    def _renewed(self, table: FaceTable) -> Space:
        space = space_in_use(self._library)
        with self._library.repository.read() as unit:
            key = (space.name, space.checksum, str(unit.erasure.newest()))
        count = len(table)
        if self._drawn and self._drawn[0] == key and self._drawn[1] <= count <= MANY_MORE * self._drawn[1]:
            return space
        rows = self._live.rows(table, FaceQuery(Place.ALL))
        if len(rows) > LANDMARKS:
            rows = np.sort(np.random.default_rng(0).choice(rows, LANDMARKS, replace=False))
        with self._library.repository.read() as unit:
            vectors = space.embeddings(unit.vectors.of(table.uuids(rows))).vectors
        self._drawn, self._places = (key, count, FaceMap.drawn(vectors)), {}
        return space

    def _placed(self, face_ids: Sequence[UUID], space: Space) -> NDArray[np.float64]:
        """(N, 2); NaN for a face whose vector is lost."""
        unknown = [face_id for face_id in face_ids if face_id not in self._places]
        if unknown and self._drawn:
            with self._library.repository.read() as unit:
                found = space.embeddings(unit.vectors.of(unknown))
            where = self._drawn[2].place(found.vectors) if found.face_ids else np.empty((0, 2))
            self._places.update(zip(found.face_ids, map(tuple, where.tolist()), strict=True))
        lost = (np.nan, np.nan)
        return np.array([self._places.get(face_id, lost) for face_id in face_ids], np.float64).reshape(-1, 2)


def _groups_on_map(
    table: FaceTable, rows: NDArray[np.intp], places: NDArray[np.float64]
) -> tuple[NDArray[np.int64], tuple[MapGroup, ...]]:
    people = len(table.person_codes.texts)
    person, cluster = table.person[rows].astype(np.int64), table.cluster[rows].astype(np.int64)
    codes = np.where(person >= 0, person, np.where(cluster >= 0, cluster + people, -1))
    found = grouped(np.arange(len(rows)), codes)
    order = np.argsort(-found.sizes, kind="stable")
    groups = np.full(len(rows), -1, np.int64)
    largest = []
    for rank, number in enumerate(order.tolist()):
        members, code = found.of(number), int(found.codes[number])
        groups[members] = rank
        if rank < GROUPS_ON_MAP:
            x, y = np.median(places[members], axis=0).tolist()
            who = table.people.get(code) if code < people else None
            key = str(table.person_id(code)) if code < people else str(table.cluster_id(code - people))
            largest.append(MapGroup(key, who.name if who else key, code < people, len(members), x, y))
    return groups, tuple(largest)


def draw_photos_without_faces(repository: Repository) -> Image:
    """The photos in which nothing was found, with the reason where one could not be read."""
    from faceml.plots.contact_sheet import FacelessPhoto, photos_without_faces

    with repository.read() as unit:
        assets = unit.assets.without_faces(limit=10_000)
    photos = [FacelessPhoto(asset.path, asset.error or asset.note or "no face found") for asset in assets]
    return photos_without_faces(photos, most=FACELESS_SHOWN)
