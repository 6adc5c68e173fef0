"""Find the faces of photos, and store each face once (DESIGN D5)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from uuid import UUID

from faceml.errors import NotFound, UnreadablePhoto
from faceml.library import Library
from faceml.options import DetectOptions
from faceml.path_text import path_text
from faceml.progress import Progress, silent, told
from faceml.records import Asset, BBox, Face, FoundFace, PhotoFaces
from faceml.services.decisions.decide import refresh_centroids
from faceml.services.index.drain import drain_outbox
from faceml.storage.sql.assets import LookedAt, UnreadableAsset
from faceml.storage.sql.repository import Repository, UnitOfWork
from faceml.vision.overlap import SAME_FACE_IOU, pair_boxes

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


@dataclass(slots=True)
class _Tally:
    processed: int = 0
    total_faces: int = 0
    added: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


@told
def backfill_faces(
    library: Library, options: DetectOptions = DetectOptions(), *, on_progress: Progress = silent
) -> DetectReport:
    """Detect in photos not looked at yet, or only with stricter thresholds; what was stored before stays.

    Raises:
        ModelUnavailable, ModelMismatch, DatabaseUnavailable.
    """
    return _detect(library, waiting_photos(library.repository, options), options, on_progress)


def waiting_photos(repository: Repository, options: DetectOptions) -> list[Asset]:
    """The photos that `backfill_faces` would look at: `limit` at most, without the `offset` that arrived first."""
    with repository.read() as unit:
        return unit.assets.waiting(**asdict(options))


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
    tally = _Tally(reasons=Counter({UNKNOWN: unknown} if unknown else {}))
    paths = {asset.id: path_text(asset.path) for asset in assets}
    unreadable, read_in_part = list[UnreadableAsset](), list[str]()
    if assets:
        from faceml.vision.stream import find_faces

        with library.repository.begin() as unit:
            unit.contract.pin(library.packs.load().contract)
        photos = find_faces(
            ((asset.id, asset.path) for asset in assets),
            library.packs.load(),
            min_confidence=options.min_confidence,
            min_face_size=options.min_face_size,
        )
        while batch := list(islice(photos, BATCH)):
            with library.repository.begin() as unit:
                _store(unit, batch, library.packs.load().contract.name, tally)
                unit.assets.record_detection(
                    [LookedAt(photo.asset_id, photo.width, photo.height, photo.error, photo.note) for photo in batch],
                    min_confidence=options.min_confidence,
                    min_face_size=options.min_face_size,
                )
            unreadable += [UnreadableAsset(one.asset_id, paths[one.asset_id], one.error) for one in batch if one.error]
            read_in_part += [f"{paths[photo.asset_id]}: {photo.note}" for photo in batch if photo.note]
            on_progress(tally.processed, len(assets))
            if time.monotonic() - drained > DRAIN_EVERY_S:
                drain_outbox(library)
                drained = time.monotonic()
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
    )


def _store(unit: UnitOfWork, photos: Sequence[PhotoFaces], pack: str, tally: _Tally) -> None:
    unit.events.lock()  # no face goes, and none is decided about, between our look at them and our writing
    unit.assets.lock([photo.asset_id for photo in photos])
    ids = [photo.asset_id for photo in photos if photo.error is None]
    changed = unit.assets.content_changed(ids)
    known = unit.faces.by_asset(ids)
    blank = unit.erasure.boxes(ids)
    new: list[tuple[int, FoundFace]] = []
    renewed: list[tuple[UUID, FoundFace]] = []
    left_over: list[Face] = []
    for photo in photos:
        tally.processed += 1
        if photo.error is not None:
            tally.reasons[photo.error] += 1
            continue
        stored = known[photo.asset_id]
        boxes = [face.bbox for face in photo.faces]
        same = pair_boxes(boxes, [face.bbox for face in stored], min_iou=SAME_FACE_IOU)
        unknown = [face for row, face in enumerate(photo.faces) if row not in same]
        fresh = [(photo.asset_id, face) for face in unknown if not _is_blank(face, blank.get(photo.asset_id, []))]
        new += fresh
        tally.total_faces += len(stored) + len(fresh)
        if photo.asset_id in changed:
            renewed += [(stored[number].id, photo.faces[row]) for row, number in same.items()]
            left_over += [face for number, face in enumerate(stored) if number not in same.values()]
    # A changed photo loses the faces that are gone from it, but never one that a person decided about.
    gone = [face.id for face in left_over]
    removed = sorted(set(gone) - unit.faces.decided_by_a_person(gone))
    unit.faces.remove(removed)
    refresh_centroids(unit, sorted({face.person_id for face in left_over if face.id in removed and face.person_id}))
    unit.faces.renew(renewed, pack=pack)
    tally.added += len(new)
    tally.total_faces -= len(removed)
    unit.outbox.push(unit.faces.add(new, pack=pack) + [id_ for id_, _ in renewed] + removed)


def _assets(unit: UnitOfWork, asset_ids: Sequence[int]) -> list[Asset]:
    assets = unit.assets.by_ids(asset_ids)
    missing = sorted(set(asset_ids) - {asset.id for asset in assets})
    if missing:
        raise NotFound(f"asset {missing[0]} is not in this library: `faceml ingest DIR` takes photos in")
    return assets


def _is_blank(face: FoundFace, boxes: Sequence[BBox]) -> bool:
    """Whether this is the face of a person who was erased."""
    return any(box.iou(face.bbox) >= SAME_FACE_IOU for box in boxes)


@dataclass(frozen=True, slots=True)
class NamedFaces:
    faces: tuple[Face, ...]
    names: Mapping[UUID, str]  # of the people they are under


def faces_of_photo(repository: Repository, asset_id: int) -> NamedFaces:
    """Raises NotFound where the library has no such photo."""
    with repository.read() as unit:
        _assets(unit, [asset_id])
        faces = sorted(unit.faces.in_assets([asset_id]), key=lambda face: (face.bbox.x, face.bbox.y, face.id))
        return NamedFaces(tuple(faces), unit.people.names(sorted({face.person_id for face in faces if face.person_id})))


def detect_in_photo(library: Library, asset_id: int, options: DetectOptions = DetectOptions()) -> tuple[Face, ...]:
    """Look at one photo, again if need be, and return its faces, known and new.

    Raises:
        NotFound: the library has no such photo.
        UnreadablePhoto: its file cannot be read; the reason is kept with the photo.
    """
    with library.repository.read() as unit:
        _assets(unit, [asset_id])
    report = detect_in_assets(library, [asset_id], options)
    if report.reasons:
        raise UnreadablePhoto(f"asset {asset_id}: {report.reasons[0][0]}")
    return faces_of_photo(library.repository, asset_id).faces
