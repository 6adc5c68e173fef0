"""Clusters as pages: what a person looks through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, union_all

from faceml.storage.sql.assets import photo_is_there
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.tables import FaceInstance, PersonRow

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
    def page(self, *, limit: int, offset: int = 0, include_labeled: bool = False) -> list[ClusterSummary]:
        """Clusters largest first; labelled ones (a face under a person) only where asked for."""
        sizes = (
            _grouped(include_labeled)
            .add_columns(func.count().label("face_count"), func.avg(FaceInstance.quality_score).label("avg_quality"))
            .order_by(func.count().desc(), FaceInstance.cluster_id)
            .limit(limit)
            .offset(offset)
        )
        rows = self._session.execute(sizes).all()
        names = [row.cluster_id for row in rows]
        samples, people = self._samples(names), self._people(names) if include_labeled else {}
        return [
            ClusterSummary(
                row.cluster_id,
                row.face_count,
                tuple(samples[row.cluster_id]),
                float(row.avg_quality),
                *people.get(row.cluster_id, (None, None)),
            )
            for row in rows
        ]

    def open(self) -> list[tuple[str, int]]:
        """Clusters with faces that are under nobody and undecided, and how many; most such faces first."""
        statement = (
            select(FaceInstance.cluster_id, func.count())
            .where(
                photo_is_there(),
                FaceInstance.cluster_id.is_not(None),
                FaceInstance.person_id.is_(None),
                FaceInstance.assigned_by.is_(None),
            )
            .group_by(FaceInstance.cluster_id)
            .order_by(func.count().desc(), FaceInstance.cluster_id)
        )
        return [(row[0], row[1]) for row in self._session.execute(statement) if row[0]]

    def count(self, *, include_labeled: bool = False) -> int:
        clusters = _grouped(include_labeled).subquery()
        return self._session.execute(select(func.count()).select_from(clusters)).scalar_one()

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
