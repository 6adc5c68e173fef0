"""Look at what the library holds, a page at a time: clusters, people, and what is left to name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from uuid import UUID

from faceml.errors import WrongUse
from faceml.path_text import path_of, path_text
from faceml.records import AssetStatus, Face, Person, PersonStatus
from faceml.services.decisions.decide import counted_as, find_person, no_such_cluster
from faceml.services.decisions.private import Relative, relatives_of
from faceml.storage.pages import Page, number, page_of, place_of, rows_of
from faceml.storage.sql.asset_rows import UnreadableAsset
from faceml.storage.sql.chunks import gone
from faceml.storage.sql.clusters import ClusterSummary
from faceml.storage.sql.lives import About, PhotoAt
from faceml.storage.sql.people import PersonSummary
from faceml.storage.sql.repository import Repository

MOST_FACES, MOST_TOGETHER = 1_000, 1_000  # most faces of a person or cluster at a time
MOST_FILES = 20  # named of a person

ClusterPage = Page[ClusterSummary]
PeoplePage = Page[PersonSummary]
UnreadablePage = Page[UnreadableAsset]


def list_clusters(
    repository: Repository,
    *,
    page: int = 1,
    page_size: int = 20,
    include_labeled: bool = False,
    after: str | None = None,
) -> ClusterPage:
    """Clusters, largest first.

    Args:
        after: `next` of another page: only what comes behind it, also where clusters came and went meanwhile.
    Raises:
        WrongUse: a page below 1, a page size outside 1 to 100, or such an `after`.
    """
    rows, place = rows_of(page, page_size), place_of(after, number, str)
    with repository.read() as unit:
        items, total = unit.clusters.page(**rows, include_labeled=include_labeled, after=place)
    return page_of(items, total, page, page_size, lambda last: f"{last.face_count}.{last.cluster_id}")


@dataclass(frozen=True, slots=True)
class ClusterDetails:
    cluster_id: str
    faces: tuple[Face, ...]  # best quality first
    names: Mapping[UUID, str]  # of the people that its faces are under
    person_id: UUID | None  # whom most of its faces are under
    total: int  # faces on all pages
    next: str | None  # see `Page`


def show_cluster(
    repository: Repository, cluster_id: str, *, page: int = 1, page_size: int = MOST_FACES, after: str | None = None
) -> ClusterDetails:
    """One cluster with a page of its faces.

    Raises:
        NotFound: no face is in such a cluster. WrongUse: a page that cannot be, see `list_clusters`.
    """
    rows, place = rows_of(page, page_size, MOST_FACES), place_of(after, UUID)
    with repository.read() as unit:
        owners = unit.clusters.owners(cluster_id)
        if not owners:
            raise no_such_cluster(cluster_id)
        faces = unit.clusters.faces(cluster_id, **rows, after=place)
        people = {id_: count for id_, count in owners.items() if id_ is not None}
        names = unit.people.names(sorted(people))
    person_id = max(people, key=lambda id_: (people[id_], id_), default=None)
    shown = page_of(faces, sum(owners.values()), page, page_size, lambda last: str(last.id))
    return ClusterDetails(cluster_id, shown.items, names, person_id, shown.total, shown.next)


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
    next: str | None  # see `Page`

    @property
    def total(self) -> int:
        return self.person.face_count


def list_people(
    repository: Repository,
    *,
    status: PersonStatus | None = None,
    page: int = 1,
    page_size: int = 20,
    after: str | None = None,
) -> PeoplePage:
    """People, most faces first.

    Args:
        status: only people of this status; None lists all.
        after: see `list_clusters`.
    Raises:
        WrongUse: as of `list_clusters`. NotFound: whom the page before ended with was erased.
    """
    rows, place = rows_of(page, page_size), place_of(after, number, UUID)
    with repository.read() as unit:
        items = unit.people.page(status=status, **rows, after=place)
        total = unit.people.count(status)
    return page_of(items, total, page, page_size, lambda last: f"{last.face_count}.{last.id}")


def list_unreadable(
    repository: Repository, *, page: int = 1, page_size: int = 20, after: str | None = None
) -> UnreadablePage:
    """Photos that could not be read when they were looked at last, by path.

    Raises:
        WrongUse: as of `list_clusters`. NotFound: what the page before ended with was forgotten.
    """
    rows, place = rows_of(page, page_size), place_of(after, number)
    with repository.read() as unit:
        items = unit.assets.unreadable(**rows, after=place)
        total = unit.assets.count(AssetStatus.FAILED)
    return page_of(items, total, page, page_size, lambda last: str(last.asset_id))


def show_person(
    repository: Repository,
    name_or_id: str | UUID,
    *,
    page: int = 1,
    page_size: int = MOST_FACES,
    after: str | None = None,
) -> PersonDetails:
    """One person with a page of their faces; who was merged answers with whom they became.

    Raises:
        NotFound: nobody has this name or id. WrongUse: a page that cannot be, see `list_clusters`.
    """
    rows, place = rows_of(page, page_size, MOST_FACES), place_of(after, UUID)
    with repository.read() as unit:
        person = find_person(unit, name_or_id)
        others = unit.people.names(sorted(counted_as(unit, person.id) - {person.id}))
        about, summary = unit.lives.about([person.id])[person.id], unit.people.summary(person.id)
        found = unit.people.faces(person.id, **rows, after=place)
        shown = page_of(found, summary.face_count, page, page_size, lambda last: str(last.id))
        faces = shown.items
        days = unit.lives.days([face.id for face in faces]) if about.born else {}
        best = [face.asset_id for face in faces[:MOST_FILES]]
        paths = {asset.id: path_text(asset.path) for asset in unit.assets.by_ids(sorted(set(best)))}
        return PersonDetails(
            summary,
            tuple(sorted(others.values())),
            tuple(sorted(unit.prototypes.exemplar_faces([person.id])[person.id])),
            bool(unit.prototypes.people_with_centroid([person.id])),
            faces,
            about,
            relatives_of(unit, person.id),
            {id_: age for id_, day in days.items() if (age := about.lifetime.age(day)) is not None},
            tuple(paths[asset_id] for asset_id in best),
            shown.next,
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
    repository: Repository,
    people: Sequence[str | UUID],
    *,
    page: int = 1,
    page_size: int = 20,
    after: str | None = None,
) -> Page[PhotoAt]:
    """Photos on which all of these people are, the newest first.

    Raises:
        NotFound: nobody has such a name or id. WrongUse: nobody is named, or a page that cannot be.
    """
    rows, place = rows_of(page, page_size), place_of(after, number)
    if not people:
        raise WrongUse("nobody is named: say who is to be on the photos")
    with repository.read() as unit:
        ids = list(dict.fromkeys(find_person(unit, name).id for name in people))
        items, total = unit.lives.photos_with(ids, **rows, after=place)
    return page_of(items, total, page, page_size, lambda last: str(last.asset_id))


@dataclass(frozen=True, slots=True)
class PhotoEvent:
    """The photos of one day that lie in one folder."""

    day: date  # by the clock of where they were taken
    folder: Path
    photos: int
    people: tuple[str, ...]  # names, those on most photos first


EventsPage = Page[PhotoEvent]


def list_events(repository: Repository, *, page: int = 1, page_size: int = 20, after: str | None = None) -> EventsPage:
    """Days and the folders that photos of them lie in, the newest first; photos without a date are left out.

    Raises:
        WrongUse, NotFound: as of `list_unreadable`.
    """
    rows, place = rows_of(page, page_size), place_of(after, number)
    with repository.read() as unit:
        last = _event_of(unit.lives.photo(place)) if place is not None else None
        shown, total, behind = list[tuple[tuple[date, Path], list[PhotoAt]]](), 0, -rows["offset"]
        for event in _events(unit.lives.dated_photos()):
            total += 1
            if last is None or event[0] < last:
                if 0 <= behind < rows["limit"]:
                    shown.append(event)
                behind += 1
        on = unit.lives.people_on([photo.asset_id for _, photos in shown[:page_size] for photo in photos])
        names = unit.people.names(sorted({id_ for ids in on.values() for id_ in ids}))
    found = []
    for (day, folder), photos in shown[:page_size]:
        counts = Counter(names[id_] for photo in photos for id_ in on.get(photo.asset_id, ()))
        who = sorted(counts, key=lambda name: (-counts[name], name))
        found.append(PhotoEvent(day, folder, len(photos), tuple(who)))
    follows = str(shown[page_size - 1][1][0].asset_id) if len(shown) > page_size else None
    return Page(tuple(found), total, page, page_size, follows)


def _event_of(photo: PhotoAt) -> tuple[date, Path]:
    if photo.taken is None:
        raise gone(photo.asset_id)
    return photo.taken.date(), path_of(photo.path).parent


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
