"""Compare the vector index with SQL, both ways, and repair it (DESIGN D3; specification, `faces find-orphans`)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from faceml.errors import IndexDamaged, UnreadablePhoto
from faceml.library import Library
from faceml.progress import Progress, silent
from faceml.records import FoundFace, Measures, Rating
from faceml.services.index.drain import drain_outbox, index_width
from faceml.storage.index.vector_index import Payload, Point, VectorIndex
from faceml.storage.sql.repository import Repository
from faceml.vision.model_packs import rater_of
from faceml.vision.overlap import SAME_FACE_IOU, pair_boxes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceml.vision.quality import QualityModel

BATCH = 64  # photos a transaction
HASHED_AT = 4  # that part of a JPEG's size is decoded: two of its hash's bits may differ
PAGE = 2000  # points compared at a time
VECTOR_TOLERANCE = 1e-3  # the index normalises once more in float32; another face differs by far more


@dataclass(frozen=True, slots=True)
class Orphan:
    """A face of the database that the index does not answer for."""

    face_id: UUID
    asset_id: int
    qdrant_point_id: UUID


@dataclass(frozen=True, slots=True)
class OrphanReport:
    faces_checked: int
    orphans: tuple[Orphan, ...]  # faces without a point in the index
    affected_assets: tuple[tuple[int, int], ...]  # (asset id, orphans), most first
    stale_points: int  # points whose payload or vector differs from SQL
    stray_points: int  # points that SQL does not know
    centroids_missing: int


@dataclass(frozen=True, slots=True)
class RepairReport:
    points_restored: int = 0  # written from stored vectors
    points_removed: int = 0
    assets_processed: int = 0  # looked at again, because a vector was lost
    errors: int = 0
    faces_redetected: int = 0


@dataclass(slots=True)
class _Difference:
    checked: int = 0
    missing: list[UUID] = field(default_factory=list)
    stale: list[UUID] = field(default_factory=list)
    stray: list[UUID] = field(default_factory=list)


def find_orphans(library: Library, *, limit: int = 100, on_progress: Progress = silent) -> OrphanReport:
    """Check up to `limit` points in each direction; what only waits in the outbox is brought over first.

    Raises:
        IndexUnavailable: the index cannot be opened.
    """
    if library.repository.pack() is None:  # nothing was ever detected
        return _report(library.repository, _Difference())
    drain_outbox(library)
    return _report(library.repository, _compare(library, limit, on_progress))


def fix_orphans(
    library: Library, *, limit: int = 100, on_progress: Progress = silent
) -> tuple[OrphanReport, RepairReport]:
    """Repair what `find_orphans` finds: write points anew from SQL, remove strays, detect again where a vector is lost.

    A damaged embedded index is moved aside and built anew from the database.
    """
    if library.repository.pack() is None:
        return _report(library.repository, _Difference()), RepairReport()
    was_damaged = _start_anew_where_damaged(library)
    redetected = _restore_vectors(library)
    drain_outbox(library)
    difference = _compare(library, 2**62 if was_damaged else limit, on_progress)
    report = _report(library.repository, difference)
    with library.repository.begin() as unit:
        unit.outbox.push([*difference.missing, *difference.stale, *difference.stray])
    drained = drain_outbox(library, on_progress=on_progress)
    return report, replace(redetected, points_restored=drained.points_written, points_removed=drained.points_removed)


def _compare(library: Library, limit: int, on_progress: Progress) -> _Difference:
    found = _Difference()
    after: UUID | None = None
    with library.repository.read() as unit:
        total = unit.outbox.count_points()
    with library.index.open() as index:
        index.ensure_collection(index_width(library))
        while found.checked < limit:
            with library.repository.read() as unit:
                page = unit.outbox.point_ids(limit=min(PAGE, limit - found.checked), after=after)
                wanted = unit.outbox.points(page)
            if not page:
                break
            there = {point.id: point for point in index.retrieve(page, with_vectors=True)}
            found.missing += [point.id for point in wanted if point.id not in there]
            found.stale += _stale([(point, there[point.id]) for point in wanted if point.id in there])
            found.checked, after = found.checked + len(page), page[-1]
            on_progress(found.checked, min(limit, max(total, found.checked)))
        info = index.info()
        # An index that holds as many points as were found in it holds no others: no need to read them all once more.
        if found.checked < total or info is None or info.points_count != found.checked - len(found.missing):
            found.stray = _strays(library.repository, index, limit)
    return found


def _stale(pairs: Sequence[tuple[Point, Point]]) -> list[UUID]:
    """Those whose stored point, the second of a pair, is not the wanted one."""
    compared = [(one, other) for one, other in pairs if one.vector is not None and other.vector is not None]
    if not compared:
        return [wanted.id for wanted, _ in pairs]
    wanted_rows = np.stack([one.vector for one, _ in compared if one.vector is not None])
    stored_rows = np.stack([other.vector for _, other in compared if other.vector is not None])
    is_close = np.all(np.isclose(wanted_rows, stored_rows, atol=VECTOR_TOLERANCE), axis=1).tolist()
    same = {
        one.id
        for (one, other), close in zip(compared, is_close, strict=True)
        if close and _is_same_payload(one.payload, other.payload)
    }
    return [wanted.id for wanted, _ in pairs if wanted.id not in same]


def _is_same_payload(wanted: Payload, stored: Payload) -> bool:
    """Equal but for the last digit of a real number, which the engine's JSON may turn.

    A key that is not there is null: earlier versions left those out.

    >>> _is_same_payload({"quality_score": 0.1, "cluster_id": None}, {"quality_score": 0.1})
    True
    >>> _is_same_payload({"cluster_id": None}, {"cluster_id": "clu_a"})
    False
    """
    pairs = [(wanted.get(key), stored.get(key)) for key in wanted.keys() | stored.keys()]
    return all(math.isclose(a, b) if isinstance(a, float) and isinstance(b, int | float) else a == b for a, b in pairs)


def _strays(repository: Repository, index: VectorIndex, limit: int) -> list[UUID]:
    strays: list[UUID] = []
    offset: UUID | None = None
    seen = 0
    while seen < limit:
        points, offset = index.scroll(limit=min(PAGE, limit - seen), offset=offset)
        seen += len(points)
        with repository.read() as unit:
            known = unit.outbox.ought_to_be([point.id for point in points])
        strays += [point.id for point in points if point.id not in known]
        if offset is None:
            break
    return strays


def _report(repository: Repository, difference: _Difference) -> OrphanReport:
    with repository.read() as unit:
        faces = unit.faces.photo_of(difference.missing)
        lost = {face.id: face.asset_id for face in unit.faces.without_vector(limit=PAGE)}
    orphans = [Orphan(face_id, asset_id, face_id) for face_id, asset_id in (*faces.items(), *lost.items())]
    per_asset = Counter(orphan.asset_id for orphan in orphans)
    return OrphanReport(
        faces_checked=difference.checked + len(lost),
        orphans=tuple(sorted(orphans, key=lambda orphan: (orphan.asset_id, orphan.face_id))),
        affected_assets=tuple(sorted(per_asset.items(), key=lambda item: (-item[1], item[0]))),
        stale_points=len(difference.stale),
        stray_points=len(difference.stray),
        centroids_missing=len(difference.missing) - len(faces),
    )


def _restore_vectors(library: Library) -> RepairReport:
    """Detect again in photos of faces whose vector is lost; the face keeps its id and its labels."""
    with library.repository.read() as unit:
        lost = unit.faces.without_vector(limit=PAGE)
        assets = {asset.id: asset for asset in unit.assets.by_ids(sorted({face.asset_id for face in lost}))}
    if not lost:
        return RepairReport()
    pictures = sorted({(face.asset_id, face.frame_s or 0.0) for face in lost})
    from faceml.vision.stream import find_faces

    errors = 0
    found: list[tuple[UUID, FoundFace]] = []
    # Only boxes that are known already are taken, so looking loosely adds nothing wrong.
    for photo in find_faces(
        ((number, assets[asset_id].picture(at_s)) for number, (asset_id, at_s) in enumerate(pictures)),
        library.packs.load(),
        min_confidence=0.1,
        min_face_size=1,
    ):
        here = [face for face in lost if (face.asset_id, face.frame_s or 0.0) == pictures[photo.asset_id]]
        boxes = [face.bbox for face in photo.faces]
        pairs = pair_boxes([face.bbox for face in here], boxes, min_iou=SAME_FACE_IOU)
        found += [(here[row].id, replace(photo.faces[number], span=here[row].span)) for row, number in pairs.items()]
        errors += photo.error is not None
    with library.repository.begin() as unit:
        unit.faces.renew(found, pack=library.packs.load().contract.name)
        unit.outbox.push([face_id for face_id, _ in found])
    return RepairReport(assets_processed=len(assets), errors=errors, faces_redetected=len(found))


def measure_faces(library: Library, *, limit: int) -> int:
    """Measure faces that were found before faces were measured (`vision.quality`), on `limit` photos at most.

    Their photos are read, and nothing is looked for. Faces that the user's model has not rated are rated, too.
    Returns how many were measured.
    """
    rater = rater_of(library.packs.load()) if library.settings.quality_model else None
    if rater:
        with library.repository.begin() as unit:
            unit.vectors.keep_ratings_by(rater.name)
    with library.repository.read() as unit:
        unmeasured = unit.vectors.unmeasured(limit=max(0, limit), rated_by=rater.name if rater else None)
        paths = {asset.id: asset.path for asset in unit.assets.by_ids(sorted(unmeasured))}
    count = 0
    waiting = iter(sorted(unmeasured.items()))
    while batch := list(islice(waiting, BATCH)):
        measured = [one for asset_id, faces in batch for one in _measured(paths[asset_id], faces, rater)]
        with library.repository.begin() as unit:
            count += unit.vectors.set_measures(measured)
    return count


def hash_photos(library: Library, *, limit: int) -> int:
    """Hash photos that were looked at before photos were hashed (`vision.video.bursts`), so many at most.

    Those whose files cannot be read now wait. Returns how many were hashed.
    """
    with library.repository.read() as unit:
        waiting = iter(unit.shots.unhashed(limit=max(0, limit)))
    count = 0
    while batch := list(islice(waiting, BATCH)):
        hashes = {asset.id: found for asset in batch if (found := _hashed(asset.path)) is not None}
        with library.repository.begin() as unit:
            unit.shots.set_hashes(hashes)
        count += len(hashes)
    return count


def _hashed(path: Path) -> int | None:
    from faceml.vision.conversion import perceptual_hash
    from faceml.vision.image import load_photo

    try:
        return perceptual_hash(load_photo(path, shrink=HASHED_AT).known_pixels)
    except UnreadablePhoto:
        return None


def _measured(
    path: Path, faces: Mapping[UUID, NDArray[np.float32]], rater: QualityModel | None
) -> list[tuple[UUID, Measures, Rating | None]]:
    """Of each face by its (5, 2) points; of none where the photo cannot be read now."""
    from faceml.vision.crops import align_faces
    from faceml.vision.image import read_photo
    from faceml.vision.quality import measure_faces as measure

    try:
        pixels = read_photo(path)
    except UnreadablePhoto:
        return []
    kps = np.stack(list(faces.values()))
    crops = align_faces(pixels, kps)
    ratings = rater.rate(crops) if rater else (None,) * len(crops)
    return list(zip(faces, measure(crops, kps), ratings, strict=True))


def _start_anew_where_damaged(library: Library) -> bool:
    """Whether the embedded index was damaged, and is now an empty one."""
    if library.settings.qdrant_url:
        return False
    from faceml.storage.index.edge_index import reset_edge

    try:
        with library.index.open():
            return False
    except IndexDamaged:
        reset_edge(library.settings.index_folder)
        return True
