"""Look at what the library holds, a page at a time: clusters, people, and what is left to name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Generic, TypeVar
from uuid import UUID

from faceml.errors import WrongUse
from faceml.path_text import path_of, path_text
from faceml.records import AssetStatus, Face, Person, PersonStatus
from faceml.services.decisions.decide import counted_as, faces_of_cluster, find_person
from faceml.services.decisions.private import Relative, relatives_of
from faceml.storage.sql.asset_rows import UnreadableAsset
from faceml.storage.sql.clusters import ClusterSummary
from faceml.storage.sql.lives import About, PhotoAt
from faceml.storage.sql.people import PersonSummary
from faceml.storage.sql.repository import Repository

LARGEST_PAGE, MOST_TOGETHER = 100, 1_000
MOST_FILES = 20  # named of a person
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
    about: About
    relatives: tuple[Relative, ...]
    ages: Mapping[UUID, int]  # in years by face, where both birth and photo have a date
    files: tuple[str, ...]  # the photos of the best faces, as text, in their order


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
        about, faces = unit.lives.about([person.id])[person.id], unit.faces.of_person(person.id)
        days = unit.lives.days([face.id for face in faces]) if about.born else {}
        best = [face.asset_id for face in faces[:MOST_FILES]]
        paths = {asset.id: path_text(asset.path) for asset in unit.assets.by_ids(sorted(set(best)))}
        return PersonDetails(
            unit.people.summary(person.id),
            tuple(sorted(others.values())),
            tuple(sorted(unit.prototypes.exemplar_faces([person.id])[person.id])),
            bool(unit.prototypes.people_with_centroid([person.id])),
            tuple(faces),
            about,
            relatives_of(unit, person.id),
            {id_: age for id_, day in days.items() if (age := about.lifetime.age(day)) is not None},
            tuple(paths[asset_id] for asset_id in best),
        )


def find(repository: Repository, name_or_id: str | UUID) -> Person:
    """The person of this name or id, see `show_person`."""
    with repository.read() as unit:
        return find_person(unit, name_or_id)


@dataclass(frozen=True, slots=True)
class Companions:
    """Two people, and the photos that show both."""

    one: Person
    other: Person
    photos: int
    first: date | None  # day of the first of them, by the clock of where
    last: date | None


def list_together(repository: Repository, name_or_id: str | UUID | None = None, *, limit: int = 20) -> list[Companions]:
    """Who is on photos with whom, most photos first: of one person, or of all.

    Raises:
        NotFound: nobody has this name or id. WrongUse: a limit outside 1 to 1,000.
    """
    if not 1 <= limit <= MOST_TOGETHER:
        raise WrongUse(f"limit={limit}: ask for 1 to {MOST_TOGETHER} pairs")
    with repository.read() as unit:
        person_id = find_person(unit, name_or_id).id if name_or_id is not None else None
        pairs = unit.lives.together(person_id, limit=limit)
        people = unit.people.existing(sorted({id_ for pair in pairs for id_ in (pair.one_id, pair.other_id)}))
    return [
        Companions(people[pair.one_id], people[pair.other_id], pair.photos, _day(pair.first), _day(pair.last))
        for pair in pairs
    ]


def photos_with(
    repository: Repository, people: Sequence[str | UUID], *, page: int = 1, page_size: int = 20
) -> Page[PhotoAt]:
    """Photos on which all of these people are, the newest first.

    Raises:
        NotFound: nobody has such a name or id. WrongUse: nobody is named, or a page that cannot be.
    """
    offset = _offset(page, page_size)
    if not people:
        raise WrongUse("nobody is named: say who is to be on the photos")
    with repository.read() as unit:
        ids = list(dict.fromkeys(find_person(unit, name).id for name in people))
        items, total = unit.lives.photos_with(ids, limit=page_size, offset=offset)
    return Page(tuple(items), total, page, page_size)


@dataclass(frozen=True, slots=True)
class PhotoEvent:
    """The photos of one day that lie in one folder."""

    day: date  # by the clock of where they were taken
    folder: Path
    photos: int
    people: tuple[str, ...]  # names, those on most photos first


def list_events(repository: Repository, *, page: int = 1, page_size: int = 20) -> Page[PhotoEvent]:
    """Days and the folders that photos of them lie in, the newest first; photos without a date are left out."""
    offset = _offset(page, page_size)
    with repository.read() as unit:
        shown, total = list[tuple[tuple[date, Path], list[PhotoAt]]](), 0
        for event in _events(unit.lives.dated_photos()):
            if offset <= total < offset + page_size:
                shown.append(event)
            total += 1
        on = unit.lives.people_on([photo.asset_id for _, photos in shown for photo in photos])
        names = unit.people.names(sorted({id_ for ids in on.values() for id_ in ids}))
    found = []
    for (day, folder), photos in shown:
        counts = Counter(names[id_] for photo in photos for id_ in on.get(photo.asset_id, ()))
        who = sorted(counts, key=lambda name: (-counts[name], name))
        found.append(PhotoEvent(day, folder, len(photos), tuple(who)))
    return Page(tuple(found), total, page, page_size)


def _events(newest: Iterable[PhotoAt]) -> Iterator[tuple[tuple[date, Path], list[PhotoAt]]]:
    """Photos of one day and folder, day by day; those of one day are in memory at a time."""
    for day, photos in groupby(newest, key=lambda photo: _day(photo.taken)):
        folders: dict[Path, list[PhotoAt]] = {}
        for photo in photos:
            folders.setdefault(path_of(photo.path).parent, []).append(photo)
        for folder in sorted(folders, reverse=True):
            if day is not None:
                yield (day, folder), folders[folder]


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
