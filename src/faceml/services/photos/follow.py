"""Faces known before, found again: those of edited photos, of videos from stretch to stretch, and of shots in a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from faceml.errors import UnreadablePhoto, WrongUse
from faceml.library import Library
from faceml.options import USUAL_SIZE_PX, DetectOptions
from faceml.records import Asset, Face, FoundFace, PackContract
from faceml.services.decisions.decide import refresh_centroids
from faceml.services.photos.missing import CHANGED, holds
from faceml.storage.sql.asset_rows import LookedAt, Looseness
from faceml.storage.sql.repository import Repository, UnitOfWork

if TYPE_CHECKING:
    from faceml.vision.video.tracks import Stretch

STRETCH_S = 30.0  # of film, that are stored at once
MOST_BURSTS = 1_000  # listed at once
ERASED = "of somebody who was erased"


def leave(unit: UnitOfWork, faces: Sequence[Face]) -> None:
    """Take faces off changed photos that are not on them any more.

    What a person decided about stays with the content that it was found in, and comes back with that.
    """
    ids = [face.id for face in faces]
    decided = unit.faces.decided_by_a_person(ids)
    unit.faces.remove(sorted(set(ids) - decided))
    kept = [face for face in faces if face.id in decided]
    former = unit.assets.keep_former(sorted({face.asset_id for face in kept}))
    places = {(face.asset_id, face.bbox): face.id for face in unit.faces.in_assets(sorted(former.values()))}
    in_the_way = [places[place] for face in kept if (place := (former[face.asset_id], face.bbox)) in places]
    nameless = set(in_the_way) - unit.faces.decided_by_a_person(in_the_way)
    unit.faces.remove(sorted(nameless))  # the same face, found anew on a copy of that content
    taken = {place for place, id_ in places.items() if id_ not in nameless}
    unit.faces.move({f.id: former[f.asset_id] for f in kept if (former[f.asset_id], f.bbox) not in taken})
    blank = unit.erasure.boxes(sorted(former))
    unit.erasure.keep_blank([(former[id_], box, None) for id_, boxes in blank.items() for box in boxes])
    refresh_centroids(unit, sorted({face.person_id for face in faces if face.person_id}))
    unit.outbox.push([*ids, *in_the_way])


def renew(unit: UnitOfWork, renewed: Mapping[UUID, FoundFace], on: Mapping[UUID, int], pack: str) -> None:
    """Give known faces the box and vector that they have on the photo they are on now."""
    before = unit.faces.by_ids(list(renewed))
    unit.faces.renew(list(renewed.items()), pack=pack, photos=on)
    unit.assets.remove_emptied(sorted({face.asset_id for face in before} - set(on.values())))
    people = sorted({face.person_id for face in before if face.person_id})
    refresh_centroids(unit, people)
    unit.outbox.push([*(face.id for face in before), *unit.prototypes.centroid_points(people)])


# --- videos


@dataclass(slots=True)
class FilmFaces:
    """What looking at a video has brought."""

    error: str | None = None
    note: str | None = None  # what is missing of it
    added: int = 0
    total: int = 0  # faces in it, known ones too
    left_out: Counter[str] = field(default_factory=Counter)


def look_through(library: Library, film: Asset, options: DetectOptions) -> FilmFaces:
    """Find the faces of a video, and store those of a stretch with how far it was looked at: a later run goes on there.

    Until it has ended the video waits for the rest.
    """
    found = FilmFaces()
    try:
        for stretch in _stretches(library, film, options, found):
            found.note = stretch.note
    except UnreadablePhoto as error:
        found.error = str(error)
        if found.error != CHANGED:
            with library.repository.begin() as unit:
                _record(unit, LookedAt(film.id, 0, 0, found.error), options)
    with library.repository.read() as unit:
        found.total = len(unit.faces.in_assets([film.id]))
    return found


def _stretches(library: Library, film: Asset, options: DetectOptions, found: FilmFaces) -> Iterator[Stretch]:
    from faceml.vision.video.tracks import find_tracks

    pack, looseness = library.packs.load(), _looseness(options)
    with library.repository.begin() as unit:
        from_s = _begin(unit, film, looseness)
    for stretch in find_tracks(
        film.path,
        pack,
        from_s=from_s,
        stretch_s=STRETCH_S,
        min_confidence=options.min_confidence,
        min_face_size=options.min_face_size,
        size_px=options.size_px,
    ):
        with library.repository.begin() as unit:
            _store(unit, film, stretch, from_s, pack.contract, found)
            unit.films.settle(film.id, stretch.settled_s, looseness, width=stretch.width, height=stretch.height)
            if stretch.is_last:
                unit.films.end(film.id)
                _record(unit, LookedAt(film.id, stretch.width, stretch.height, None, stretch.note), options)
        yield stretch


def _looseness(options: DetectOptions) -> Looseness:
    return Looseness(options.min_confidence, options.min_face_size, options.size_px or USUAL_SIZE_PX)


def _record(unit: UnitOfWork, seen: LookedAt, options: DetectOptions) -> None:
    unit.assets.record_detection(
        [seen],
        min_confidence=options.min_confidence,
        min_face_size=options.min_face_size,
        size_px=options.size_px or USUAL_SIZE_PX,
    )


def _begin(unit: UnitOfWork, film: Asset, looseness: Looseness) -> float:
    """From where on a video is to be looked at; faces of a former content step aside."""
    unit.events.lock()
    unit.assets.lock([film.id])
    if unit.assets.content_changed([film.id]):
        leave(unit, unit.faces.in_assets([film.id]))
        unit.films.start_anew(film.id)
    return unit.films.settled_s(film.id, looseness)


def _store(
    unit: UnitOfWork, film: Asset, stretch: Stretch, from_s: float, pack: PackContract, found: FilmFaces
) -> None:
    """Store the faces of a stretch that are not there yet. Raises UnreadablePhoto: the file is another by now."""
    from faceml.vision.video.tracks import free_box, pair_tracks, shows_erased

    unit.events.lock()
    unit.assets.lock([film.id])
    there = unit.assets.with_hashes([film.content_hash]).get(film.content_hash)
    if there is None or there.asset_id != film.id or there.is_missing or not _is_still(film):
        raise UnreadablePhoto(CHANGED)
    stored, erased, threshold = unit.films.stored([film.id]), unit.films.erased(film.id), pack.match_threshold
    before = [old.asset_id for old in unit.assets.missing_at([film.path]).get(film.path, ())]
    former = unit.films.stored(before if unit.assets.unseen([film.id]) else [])
    known = pair_tracks(stretch.tracks, list(stored.values()), match_threshold=threshold)
    rest = [track for row, track in enumerate(stretch.tracks) if row not in known]
    back = pair_tracks(rest, list(former.values()), match_threshold=threshold, was_edited=True)
    taken = {face.bbox for face in stored.values()}
    faces = [replace(track.face, bbox=free_box(track.face.bbox, taken)) for track in rest]
    renewed = {list(former)[number]: faces[row] for row, number in back.items()}
    new = [row for row in range(len(rest)) if row not in back]
    fresh = [row for row in new if not shows_erased(rest[row], erased, from_s=from_s)]
    found.left_out.update(stretch.left_out)
    if len(fresh) < len(new):
        found.left_out[ERASED] += len(new) - len(fresh)
    renew(unit, renewed, dict.fromkeys(renewed, film.id), pack.name)
    unit.outbox.push(unit.faces.add([(film.id, faces[row]) for row in fresh], pack=pack.name))
    found.added += len(fresh)


def _is_still(film: Asset) -> bool:
    try:
        return holds(film)
    except OSError:
        return False


# --- bursts


@dataclass(frozen=True, slots=True)
class BurstPhoto:
    asset_id: int
    path: Path
    taken: datetime | None  # by the clock of where


@dataclass(frozen=True, slots=True)
class Burst:
    """Photos with faces that are nearly the same, in order of time."""

    photos: tuple[BurstPhoto, ...]


def list_bursts(repository: Repository, *, limit: int = 20) -> list[Burst]:
    """Photos with faces that were taken in a row, or are copies of each other; the largest bursts first.

    Photos that were looked at before this was known of them join in with the next `faceml faces backfill`.

    Raises:
        WrongUse: a limit outside 1 to 1,000.
    """
    from faceml.vision.video.bursts import find_bursts

    if not 1 <= limit <= MOST_BURSTS:
        raise WrongUse(f"limit={limit}: ask for 1 to {MOST_BURSTS} bursts")
    with repository.read() as unit:
        shots = unit.shots.all()
        found = sorted(find_bursts(shots), key=lambda rows: -len(rows))[:limit]
        places = unit.shots.places([shots[row].asset_id for rows in found for row in rows])
    return [
        Burst(
            tuple(BurstPhoto(shot.asset_id, places[shot.asset_id], shot.taken) for shot in map(shots.__getitem__, rows))
        )
        for rows in found
    ]
