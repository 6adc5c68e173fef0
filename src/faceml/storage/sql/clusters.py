"""Clusters as pages to look through; and clusters that nobody named, and people, one in memory at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, Subquery, and_, cast, func, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute

from faceml.decisions.about_faces import GroupKey
from faceml.decisions.replay import survivor
from faceml.decisions.states import is_split_part
from faceml.records import Embeddings, Face, PersonStatus
from faceml.storage.sql.assets import photo_is_there
from faceml.storage.sql.chunks import Store, chunks
from faceml.storage.sql.face_rows import faces_page
from faceml.storage.sql.people import People
from faceml.storage.sql.tables import FaceEmbedding, FaceInstance, FaceRejection, PersonRow
from faceml.storage.sql.vectors import as_embeddings

PAGE_ROWS = 2000  # vectors read at a time
SAMPLES = 5  # face ids shown of a cluster, best quality first


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    cluster_id: str
    face_count: int
    sample_face_ids: tuple[UUID, ...]
    avg_quality: float
    person_id: UUID | None  # whom most of its faces are under; None where nobody is
    person_name: str | None


class Clusters(Store):
    def page(
        self, *, limit: int, offset: int = 0, include_labeled: bool = False, after: tuple[int, str] | None = None
    ) -> tuple[list[ClusterSummary], int]:
        """Clusters largest first, and how many there are; labelled ones (a face under a person) only where asked for.

        Args:
            after: faces and id of a cluster: only those that come behind it.
        """
        sizes = (
            _grouped(include_labeled)
            .add_columns(func.count().label("face_count"), func.avg(FaceInstance.quality_score).label("avg_quality"))
            .cte("sizes")  # asked twice, and made once
        )
        total = select(func.count()).select_from(sizes).scalar_subquery()
        statement = select(sizes, total.label("total")).order_by(sizes.c.face_count.desc(), sizes.c.cluster_id)
        if after is not None:
            is_tied = and_(sizes.c.face_count == after[0], sizes.c.cluster_id > after[1])
            statement = statement.where(or_(sizes.c.face_count < after[0], is_tied))
        rows = self._session.execute(statement.limit(limit).offset(offset)).all()
        names = [row.cluster_id for row in rows]
        samples, people = self._samples(names), self._people(names) if include_labeled else {}
        found = [
            ClusterSummary(
                row.cluster_id,
                row.face_count,
                tuple(samples[row.cluster_id]),
                float(row.avg_quality),
                *people.get(row.cluster_id, (None, None)),
            )
            for row in rows
        ]
        return found, rows[0].total if rows else self._session.execute(select(total)).scalar_one()

    def faces(self, cluster_id: str, *, limit: int, offset: int = 0, after: UUID | None = None) -> list[Face]:
        """A page of a cluster's faces, see `faces_page`."""
        return faces_page(self._session, FaceInstance.cluster_id == cluster_id, limit=limit, offset=offset, after=after)

    def owners(self, cluster_id: str) -> dict[UUID | None, int]:
        """How many of a cluster's faces are under whom, None: under nobody; empty where there is no such cluster."""
        counts = select(FaceInstance.person_id, func.count()).group_by(FaceInstance.person_id)
        rows = self._session.execute(counts.where(FaceInstance.cluster_id == cluster_id, photo_is_there()))
        return {row[0]: row[1] for row in rows}

    def _samples(self, names: Sequence[str]) -> dict[str, list[UUID]]:
        """The best few of each cluster: a walk along the index a cluster, however large it is, in one statement."""
        samples: dict[str, list[UUID]] = defaultdict(list)
        if names:
            for row in self._session.execute(union_all(*map(_best_of, names))):
                samples[row.cluster_id].append(row.id)
        return samples

    def _people(self, names: Sequence[str]) -> dict[str, tuple[UUID, str]]:
        counted = (
            select(FaceInstance.cluster_id, FaceInstance.person_id, func.count().label("faces"))
            .where(photo_is_there(), FaceInstance.cluster_id.in_(names), FaceInstance.person_id.is_not(None))
            .group_by(FaceInstance.cluster_id, FaceInstance.person_id)
            .subquery()
        )
        rows = self._session.execute(
            select(counted.c.cluster_id, PersonRow.id, PersonRow.name)
            .join(PersonRow, PersonRow.id == counted.c.person_id)
            .order_by(counted.c.faces, PersonRow.id)
        )
        return {row.cluster_id: (row.id, row.name) for row in rows}


def _best_of(name: str) -> Select[Any]:
    best = (
        select(FaceInstance.cluster_id, FaceInstance.id)
        .where(FaceInstance.cluster_id == name, photo_is_there())
        .order_by(FaceInstance.quality_score.desc(), FaceInstance.id.desc())
        .limit(SAMPLES)
        .subquery()
    )
    return select(best.c.cluster_id, best.c.id)


def _grouped(include_labeled: bool) -> Select[Any]:
    statement = select(FaceInstance.cluster_id).where(FaceInstance.cluster_id.is_not(None), photo_is_there())
    statement = statement.group_by(FaceInstance.cluster_id)
    return statement if include_labeled else statement.having(func.count(FaceInstance.person_id) == 0)


class Groups(Store):
    def largest(self) -> list[tuple[GroupKey, int]]:
        """Every cluster, with its faces that are under nobody, and every active person: how many faces, most first."""
        active = FaceInstance.person_id.in_(select(PersonRow.id).where(PersonRow.status == PersonStatus.ACTIVE))
        found: list[tuple[GroupKey, int]] = []
        for column, where in ((FaceInstance.cluster_id, _in_a_cluster()), (FaceInstance.person_id, [active])):
            counts = select(column, func.count()).where(photo_is_there(), *where).group_by(column)
            found += [(row[0], row[1]) for row in self._session.execute(counts) if row[0] is not None]
        return sorted(found, key=lambda group: (-group[1], isinstance(group[0], UUID), group[0]))

    def sampled(self, keys: Collection[GroupKey], *, most: int) -> Iterator[tuple[GroupKey, Embeddings]]:
        """These groups, clusters first, with their faces; of more than `most` some, the same each time.

        These are the first by their random ids, which are in the index of clusters. They are not in that of people: so
        of a person they are the first of those on some photos, or all of a large person's rows would be read for them.
        """
        clusters = sorted(key for key in keys if isinstance(key, str))
        people = sorted(key for key in keys if isinstance(key, UUID))
        for names in chunks(clusters):
            in_these = FaceInstance.cluster_id.in_(names)
            yield from self._grouped(FaceInstance.cluster_id, in_these, *_in_a_cluster(), most=most)
        for ids in chunks(people):
            photos = _some_photos(ids, most)
            of_them = FaceInstance.asset_id == photos.c.asset_id, FaceInstance.person_id == photos.c.person_id
            yield from self._grouped(FaceInstance.person_id, *of_them, most=most)

    def of(self, key: GroupKey) -> Embeddings:
        """The faces of one of them, in order of id; empty where it is gone."""
        column = FaceInstance.person_id if isinstance(key, UUID) else FaceInstance.cluster_id
        where = [] if isinstance(key, UUID) else _in_a_cluster()
        return next((faces for _, faces in self._grouped(column, column == key, *where)), as_embeddings(()))

    def sizes(self, keys: Collection[GroupKey]) -> dict[GroupKey, int]:
        """Faces of each of these clusters that are under nobody; people are left out."""
        statement = (
            select(FaceInstance.cluster_id, func.count())
            .where(photo_is_there(), is_under_nobody())
            .group_by(FaceInstance.cluster_id)
        )
        clusters = sorted({key for key in keys if isinstance(key, str)})
        rows = self._rows(statement, FaceInstance.cluster_id, clusters)
        return {row[0]: row[1] for row in rows if row[0]}

    def holding(self, face_ids: Collection[UUID]) -> dict[UUID, GroupKey]:
        """The group that each of these faces is in; faces outside any group are left out."""
        statement = select(FaceInstance.id, FaceInstance.person_id, FaceInstance.cluster_id)
        rows = self._rows(statement, FaceInstance.id, sorted(face_ids))
        return {row.id: row.person_id or row.cluster_id for row in rows if row.person_id or row.cluster_id}

    def ruled_out(self) -> Iterator[tuple[GroupKey, UUID]]:
        """(group, person) once for each face of the group for which somebody ruled that person out."""
        merged = People(self._session).merged()
        statement = (
            select(FaceInstance.cluster_id, FaceInstance.person_id, FaceRejection.person_id.label("not_person"))
            .join(FaceInstance, FaceInstance.id == FaceRejection.face_instance_id)
            .where(photo_is_there())
        )
        for row in self._session.execute(statement):
            if row.person_id or row.cluster_id:
                yield row.person_id or row.cluster_id, survivor(row.not_person, merged)

    def split_parts(self) -> Iterator[tuple[GroupKey, str]]:
        """(group, part of a person's split that its faces are in)."""
        names = self._session.scalars(select(FaceInstance.cluster_id).distinct())  # along the index of clusters
        parts = [name for name in names if is_split_part(name)]
        statement = select(FaceInstance.person_id, FaceInstance.cluster_id).distinct()
        for row in self._rows(statement, FaceInstance.cluster_id, parts):
            yield row.person_id or row.cluster_id, row.cluster_id

    def _grouped(
        self, column: InstrumentedAttribute[Any], *where: ColumnElement[bool], most: int | None = None
    ) -> Iterator[Any]:
        """(key, faces in order of id), in order of key: ids are sorted first, vectors follow a page at a time."""
        number = func.row_number().over(partition_by=column, order_by=FaceInstance.id).label("number")
        found = select(FaceInstance.id, column.label("key"), number).where(photo_is_there(), *where).subquery()
        statement = select(found.c.id, found.c.key).order_by(found.c.key, found.c.id)
        if most is not None:
            statement = statement.where(found.c.number <= most)
        pages = self._session.execute(statement.execution_options(yield_per=PAGE_ROWS)).partitions()
        for key, rows in groupby(self._with_vectors(pages), key=itemgetter(0)):
            yield key, as_embeddings((face_id, vector) for _, face_id, vector in rows)

    def _with_vectors(self, pages: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, UUID, bytes]]:
        """(key, face, vector) of each member that has one, in the order given."""
        statement = select(FaceEmbedding.face_instance_id, FaceEmbedding.vector)
        for page in pages:
            found = self._rows(statement, FaceEmbedding.face_instance_id, [row.id for row in page])
            vectors = {row.face_instance_id: row.vector for row in found}
            for row in page:
                if row.id in vectors:
                    yield row.key, row.id, vectors[row.id]


def _some_photos(person_ids: Sequence[UUID], most: int) -> Subquery:
    """`most` photos of each person, as if drawn at random: those next to each other are seldom of one day."""
    shuffled = cast(FaceInstance.asset_id, BigInteger) * 40_503 % 65_521
    place = func.dense_rank().over(partition_by=FaceInstance.person_id, order_by=(shuffled, FaceInstance.asset_id))
    shown = select(FaceInstance.person_id, FaceInstance.asset_id, place.label("place"))
    found = shown.where(photo_is_there(), FaceInstance.person_id.in_(person_ids)).subquery()
    return select(found.c.person_id, found.c.asset_id).where(found.c.place <= most).distinct().subquery()


def _in_a_cluster() -> list[ColumnElement[bool]]:
    return [FaceInstance.cluster_id.is_not(None), is_under_nobody()]


def is_under_nobody() -> ColumnElement[bool]:
    """Spelled so that SQLite does not look for a cluster's faces among all under nobody, by the index of people."""
    return func.coalesce(FaceInstance.person_id, FaceInstance.person_id).is_(None)
