"""Look at what the library holds, a page at a time: clusters, people, and what is left to name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from faceml.errors import WrongUse
from faceml.identity.cluster_labels import likeness_to_others, mean_pair_similarity, mean_similarity
from faceml.records import AssetStatus, Face, Person, PersonStatus
from faceml.services.decisions.decide import counted_as, faces_of_cluster, find_person
from faceml.storage.sql.asset_rows import UnreadableAsset
from faceml.storage.sql.clusters import ClusterSummary
from faceml.storage.sql.people import PersonSummary
from faceml.storage.sql.repository import Repository

LARGEST_PAGE = 100
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    items: tuple[Item, ...]
    total: int  # on all pages
    page: int
    page_size: int


ClusterPage = Page[ClusterSummary]
PeoplePage = Page[PersonSummary]
UnreadablePage = Page[UnreadableAsset]


def list_clusters(
    repository: Repository, *, page: int = 1, page_size: int = 20, include_labeled: bool = False
) -> ClusterPage:
    """Clusters, largest first.

    Raises:
        WrongUse: a page below 1, or a page size outside 1 to 100.
    """
    offset = _offset(page, page_size)
    with repository.read() as unit:
        items = unit.clusters.page(limit=page_size, offset=offset, include_labeled=include_labeled)
        return Page(tuple(items), unit.clusters.count(include_labeled=include_labeled), page, page_size)


@dataclass(frozen=True, slots=True)
class ClusterDetails:
    cluster_id: str
    faces: tuple[Face, ...]  # best quality first
    names: Mapping[UUID, str]  # of the people that its faces are under
    person_id: UUID | None  # whom most of its faces are under


def show_cluster(repository: Repository, cluster_id: str) -> ClusterDetails:
    """One cluster with all its faces.

    Raises:
        NotFound: no face is in such a cluster.
    """
    with repository.read() as unit:
        faces = faces_of_cluster(unit, cluster_id)
        people = Counter(face.person_id for face in faces if face.person_id is not None)
        names = unit.people.names(sorted(people))
    person_id = max(people, key=lambda id_: (people[id_], id_), default=None)
    return ClusterDetails(cluster_id, tuple(faces), names, person_id)


@dataclass(frozen=True, slots=True)
class PersonDetails:
    person: PersonSummary
    also_called: tuple[str, ...]  # names of people merged into them
    exemplars: tuple[UUID, ...]
    has_centroid: bool
    faces: tuple[Face, ...]  # best quality first


def list_people(
    repository: Repository, *, status: PersonStatus | None = None, page: int = 1, page_size: int = 20
) -> PeoplePage:
    """People, most faces first.

    Args:
        status: only people of this status; None lists all.
    Raises:
        WrongUse: a page below 1, or a page size outside 1 to 100.
    """
    offset = _offset(page, page_size)
    with repository.read() as unit:
        items = unit.people.page(status=status, limit=page_size, offset=offset)
        return Page(tuple(items), unit.people.count(status), page, page_size)


def list_unreadable(repository: Repository, *, page: int = 1, page_size: int = 20) -> UnreadablePage:
    """Photos that could not be read when they were looked at last, by path.

    Raises:
        WrongUse: a page below 1, or a page size outside 1 to 100.
    """
    offset = _offset(page, page_size)
    with repository.read() as unit:
        items = unit.assets.unreadable(limit=page_size, offset=offset)
        return Page(tuple(items), unit.assets.count(AssetStatus.FAILED), page, page_size)


def _offset(page: int, page_size: int) -> int:
    if page < 1 or not 1 <= page_size <= LARGEST_PAGE:
        raise WrongUse(f"page={page}, page_size={page_size}: pages count from 1 and hold 1 to {LARGEST_PAGE} items")
    return (page - 1) * page_size


def show_person(repository: Repository, name_or_id: str | UUID) -> PersonDetails:
    """One person; who was merged answers with whom they became.

    Raises:
        NotFound: nobody has this name or id.
    """
    with repository.read() as unit:
        person = find_person(unit, name_or_id)
        others = unit.people.names(sorted(counted_as(unit, person.id) - {person.id}))
        return PersonDetails(
            unit.people.summary(person.id),
            tuple(sorted(others.values())),
            tuple(sorted(unit.prototypes.exemplar_faces([person.id])[person.id])),
            bool(unit.prototypes.people_with_centroid([person.id])),
            tuple(unit.faces.of_person(person.id)),
        )


def find(repository: Repository, name_or_id: str | UUID) -> Person:
    """The person of this name or id, see `show_person`."""
    with repository.read() as unit:
        return find_person(unit, name_or_id)


@dataclass(frozen=True, slots=True)
class OpenCluster:
    cluster_id: str
    faces: tuple[Face, ...]  # those nobody was named for, those that fit best first
    odd: frozenset[UUID]  # less like the others together than the pack recommends for one person; they come last
    is_mixed: bool  # so are its pairs of faces on average: it may be several people
    named_faces: int  # others of the cluster
    mean_quality: float  # of the open faces
    cohesion: float  # mean cosine of the open faces to their centroid


@dataclass(frozen=True, slots=True)
class LabelProgress:
    faces: int  # in the library
    faces_named: int
    people: int


def list_open_clusters(repository: Repository) -> list[tuple[str, int]]:
    """(cluster id, faces to name) of every cluster that has some, most faces first."""
    with repository.read() as unit:
        return unit.clusters.open()


def look_at_cluster(repository: Repository, cluster_id: str) -> OpenCluster | None:
    """A cluster as it is now; None where nothing of it is left to name."""
    with repository.read() as unit:
        members = unit.faces.in_cluster(cluster_id)
        faces = [face for face in members if face.person_id is None and face.assigned_by is None]
        known, pinned = unit.vectors.of([face.id for face in faces]), unit.contract.pinned()
    if not faces:
        return None
    least = pinned.match_threshold if pinned else -1.0
    fit = dict(zip(known.face_ids, likeness_to_others(known.vectors).tolist(), strict=True))
    return OpenCluster(
        cluster_id,
        tuple(sorted(faces, key=lambda face: -fit.get(face.id, 0.0))),
        odd=frozenset(face_id for face_id, likeness in fit.items() if likeness < least),
        is_mixed=mean_pair_similarity(known.vectors) < least,
        named_faces=len(members) - len(faces),
        mean_quality=sum(face.quality_score for face in faces) / len(faces),
        cohesion=mean_similarity(known.vectors) if len(known.vectors) else 0.0,
    )


def label_progress(repository: Repository) -> LabelProgress:
    with repository.read() as unit:
        counts = unit.faces.counts()
        return LabelProgress(counts.faces, counts.assigned, unit.people.count())
