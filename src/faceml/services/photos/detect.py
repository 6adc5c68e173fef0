"""Find the faces of photos and videos, and store each face once (DESIGN D5)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from uuid import UUID

from faceml.errors import UnreadablePhoto
from faceml.library import Library
from faceml.options import USUAL_SIZE_PX, DetectOptions
from faceml.path_text import path_text
from faceml.progress import Progress, silent, told
from faceml.records import Asset, BBox, Face, FoundFace, PhotoFaces
from faceml.services.index.drain import drain_outbox
from faceml.services.index.repair import hash_photos, measure_faces
from faceml.services.photos.drawn import faces_of_photo, find_asset, not_there_yet
from faceml.services.photos.follow import ERASED, FilmFaces, leave, look_through, renew
from faceml.services.photos.missing import CHANGED, follow_edits
from faceml.storage.sql.asset_rows import LookedAt, UnreadableAsset
from faceml.storage.sql.repository import Repository, UnitOfWork
from faceml.vision.edited import Followed
from faceml.vision.model_packs import rater_of
from faceml.vision.overlap import SAME_FACE_IOU

BATCH = 64  # photos a transaction
DRAIN_EVERY_S = 20.0  # the index follows a long run at this pace
UNKNOWN = "not in this library"  # why nothing can be read


@dataclass(frozen=True, slots=True)
class DetectReport:
    processed: int  # photos looked at
    total_faces: int  # faces in them, known ones too
    faces_added: int
    errors: int  # photos that could not be read, and ids of no photo
    seconds: float
    index_backlog: int
    reasons: tuple[tuple[str, int], ...] = ()  # why photos could not be read, how often
    unreadable: tuple[UnreadableAsset, ...] = ()  # the photos that could not be read
    read_in_part: tuple[str, ...] = ()  # photos of which something is missing: path and what
    left_out: tuple[tuple[str, int], ...] = ()  # faces that were seen, but not wanted: why, how many
    faces_measured: int = 0  # that were found before faces were measured, or rated by another model or by nobody


@dataclass(slots=True)
class Tally:
    processed: int = 0
    total_faces: int = 0
    added: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)

    def count_film(self, seen: FilmFaces) -> None:
        self.processed += 1
        self.total_faces += seen.total
        self.added += seen.added
        self.left_out.update(seen.left_out)
        self.reasons.update([seen.error] if seen.error else [])


@told
def backfill_faces(
    library: Library, options: DetectOptions = DetectOptions(), *, on_progress: Progress = silent
) -> DetectReport:
    """Detect in photos not looked at yet, or only with stricter thresholds; what was stored before stays.

    Raises:
        ModelUnavailable, ModelMismatch, DatabaseUnavailable: of the library's pack and database.
    """
    if library.settings.quality_model:  # a wrong file is told before anything is done
        library.packs.load()
    report = _detect(library, waiting_photos(library.repository, options), options, on_progress)
    left = options.limit - report.processed
    hash_photos(library, limit=left)
    return replace(report, faces_measured=measure_faces(library, limit=left))


def waiting_photos(repository: Repository, options: DetectOptions) -> list[Asset]:
    """The photos that `backfill_faces` would look at: `limit` at most, without the `offset` that arrived first."""
    with repository.read() as unit:
        return unit.assets.waiting(
            min_confidence=options.min_confidence,
            min_face_size=options.min_face_size,
            size_px=options.size_px or USUAL_SIZE_PX,
            limit=options.limit,
            offset=options.offset,
        )


@told
def detect_in_assets(
    library: Library,
    asset_ids: Sequence[int],
    options: DetectOptions = DetectOptions(),
    *,
    on_progress: Progress = silent,
) -> DetectReport:
    """Detect in these photos, each once, looked at before or not; `limit` and `offset` are not used.

    An id of no photo is one of the report's errors, and stops nothing.
    """
    ids = sorted(set(asset_ids))
    with library.repository.read() as unit:
        assets = unit.assets.by_ids(ids)
    return _detect(library, assets, options, on_progress, unknown=len(ids) - len(assets))


def _detect(
    library: Library, assets: Sequence[Asset], options: DetectOptions, on_progress: Progress, *, unknown: int = 0
) -> DetectReport:
    started = drained = time.monotonic()
    tally = Tally(reasons=Counter({UNKNOWN: unknown} if unknown else {}))
    paths = {asset.id: path_text(asset.path) for asset in assets}
    unreadable, read_in_part = list[UnreadableAsset](), list[str]()
    stills, films = ([asset for asset in assets if asset.is_video is is_video] for is_video in (False, True))
    if assets:
        from faceml.vision.stream import find_faces_on

        pack = library.packs.load()
        with library.repository.begin() as unit:
            unit.contract.pin(pack.contract)
            if rater := rater_of(pack):
                unit.vectors.keep_ratings_by(rater.name)
        photos = find_faces_on(
            library.machines,
            [(asset.id, asset.path) for asset in stills],
            library.packs,
            min_confidence=options.min_confidence,
            min_face_size=options.min_face_size,
            size_px=options.size_px,
        )
        contents = {asset.id: asset.content_hash for asset in assets}
        while batch := list(islice(photos, BATCH)):
            batch, followed = follow_edits(library, batch, contents)
            with library.repository.begin() as unit:
                stored = store_found(unit, batch, followed, contents, pack.contract.name, tally)
                unit.assets.record_detection(
                    [LookedAt(p.asset_id, p.width, p.height, p.error, p.note, p.perceptual_hash) for p in stored],
                    min_confidence=options.min_confidence,
                    min_face_size=options.min_face_size,
                    size_px=options.size_px or USUAL_SIZE_PX,
                )
            unreadable += [UnreadableAsset(one.asset_id, paths[one.asset_id], one.error) for one in batch if one.error]
            read_in_part += [f"{paths[photo.asset_id]}: {photo.note}" for photo in batch if photo.note]
            on_progress(tally.processed, len(assets))
            if time.monotonic() - drained > DRAIN_EVERY_S:
                drain_outbox(library)
                drained = time.monotonic()
        for film in films:
            seen = look_through(library, film, options)
            tally.count_film(seen)
            unreadable += [UnreadableAsset(film.id, paths[film.id], seen.error)] if seen.error else []
            read_in_part += [f"{paths[film.id]}: {seen.note}"] if seen.note else []
            on_progress(tally.processed, len(assets))
            drain_outbox(library)
    drain = drain_outbox(library)
    return DetectReport(
        processed=tally.processed,
        total_faces=tally.total_faces,
        faces_added=tally.added,
        errors=tally.reasons.total(),
        seconds=time.monotonic() - started,
        index_backlog=drain.backlog,
        reasons=tuple(sorted(tally.reasons.items())),
        unreadable=tuple(unreadable),
        read_in_part=tuple(read_in_part),
        left_out=tuple(sorted(tally.left_out.items())),
    )


def store_found(
    unit: UnitOfWork,
    photos: Sequence[PhotoFaces],
    followed: Mapping[int, Followed],
    contents: Mapping[int, str],
    pack: str,
    tally: Tally,
) -> list[PhotoFaces]:
    """Store what was found; returns the photos that were still what they were when they were looked at."""
    unit.events.lock()  # no face goes, and none is decided about, between our look at them and our writing
    unit.assets.lock([photo.asset_id for photo in photos])
    tally.processed += len(photos)
    photos = _unchanged(unit, photos, contents, tally)
    readable = [photo for photo in photos if photo.error is None]
    tally.reasons.update(photo.error for photo in photos if photo.error is not None)
    ids = [photo.asset_id for photo in readable]
    changed, unseen = unit.assets.content_changed(ids), unit.assets.unseen(ids)
    stored = unit.faces.by_asset(ids)
    blank = unit.erasure.boxes(ids)
    drawn = unit.drawn.among([face.id for faces in stored.values() for face in faces])
    new: list[tuple[int, FoundFace]] = []
    renewed: dict[UUID, FoundFace] = {}
    on: dict[UUID, int] = {}
    left_over: list[Face] = []
    for photo in readable:
        here = stored[photo.asset_id]
        if photo.asset_id in unseen and photo.asset_id in followed:
            known, unknown = followed[photo.asset_id].known, followed[photo.asset_id].new
            renewed |= known
            on |= dict.fromkeys(known, photo.asset_id)
            if photo.asset_id in changed:
                left_over += [face for face in here if face.id not in known]
        else:
            unknown = not_there_yet(photo.faces, here, drawn)
        fresh = [face for face in unknown if not _is_blank(face, blank.get(photo.asset_id, []))]
        new += [(photo.asset_id, face) for face in fresh]
        tally.left_out.update(dict(photo.left_out))
        if erased := len(unknown) - len(fresh):
            tally.left_out[ERASED] += erased
    leave(unit, left_over)
    renew(unit, renewed, on, pack)
    unit.outbox.push(unit.faces.add(new, pack=pack))
    tally.added += len(new)
    tally.total_faces += len(unit.faces.in_assets(ids))
    return photos


def _unchanged(
    unit: UnitOfWork, photos: Sequence[PhotoFaces], contents: Mapping[int, str], tally: Tally
) -> list[PhotoFaces]:
    """Those that are still what they were when they were looked at; the others are gone, or wait for a new look."""
    there = unit.assets.with_hashes([contents[photo.asset_id] for photo in photos]).values()
    still = {file.asset_id for file in there if not file.is_missing}
    left = [photo for photo in photos if photo.asset_id in still]
    if len(left) < len(photos):
        tally.reasons[CHANGED] += len(photos) - len(left)
    return left


def _is_blank(face: FoundFace, boxes: Sequence[BBox]) -> bool:
    """Whether this is the face of a person who was erased."""
    return any(box.iou(face.bbox) >= SAME_FACE_IOU for box in boxes)


def detect_in_photo(library: Library, asset_id: int, options: DetectOptions = DetectOptions()) -> tuple[Face, ...]:
    """Look at one photo, again if need be, and return its faces, known and new.

    Raises:
        NotFound: the library has no such photo.
        UnreadablePhoto: its file cannot be read; the reason is kept with the photo.
    """
    with library.repository.read() as unit:
        find_asset(unit, asset_id)
    report = detect_in_assets(library, [asset_id], options)
    if report.reasons:
        raise UnreadablePhoto(f"asset {asset_id}: {report.reasons[0][0]}")
    return faces_of_photo(library.repository, asset_id).faces
