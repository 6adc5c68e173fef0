"""Many photos → their faces: reading, detecting and embedding overlap on a few threads, in bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain
from pathlib import Path
from platform import node
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from faceml.errors import ModelMismatch, UnreadablePhoto
from faceml.machines.here import HERE, Machines
from faceml.records import FoundFace, Frame, Measures, PhotoFaces, Rating
from faceml.vision.conversion import perceptual_hash
from faceml.vision.crops import align_faces
from faceml.vision.detection import Detections, pixel_boxes, quality_score
from faceml.vision.image import Photo, load_photo
from faceml.vision.model_packs import rater_of
from faceml.vision.quality import measure_faces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceml.vision.model_packs import FacePack, Packs, PackSource
    from faceml.vision.quality import QualityModel

BATCH_SIZE = 16
CHUNK = 16  # photos that another machine looks at at a time
MAX_WORKERS = 8  # beyond it, Python's own share of the work is the limit

Item = TypeVar("Item")
Result = TypeVar("Result")
Look = Callable[["NDArray[np.uint8]"], Detections]


@dataclass(frozen=True, slots=True)
class _Examined:
    """One photo after detection; its pixels are gone but for the aligned crops."""

    asset_id: int
    width: int
    height: int
    found: Detections | None
    crops: NDArray[np.uint8]  # (N, 112, 112, 3)
    measures: tuple[Measures, ...] = ()
    error: str | None = None
    note: str | None = None
    perceptual_hash: int | None = None


def find_faces(
    photos: Iterable[tuple[int, Path | Frame | Photo]],
    pack: FacePack,
    *,
    min_confidence: float = 0.5,
    min_face_size: int = 20,
    size_px: int | None = None,
    batch_size: int = BATCH_SIZE,
    workers: int | None = None,
) -> Iterator[PhotoFaces]:
    """Find and embed the faces of many photos.

    A photo that cannot be read yields its reason and never stops the run. Results come in the order of the photos,
    while the next ones are already worked on. Closing the iterator (or Ctrl-C) waits only for the photos in work.

    Args:
        photos: asset id and file, or what was read of it; read as they are needed, at most a few batches ahead.
        min_confidence: of a detection, 0 to 1.
        min_face_size: pixels, for width and height.
        size_px: see `model_packs.FacePack.detect`.
        batch_size: crops, of several photos, that are embedded together.
        workers: threads; None is one a usable core, at most `MAX_WORKERS`. Each holds one decoded photo.
    """
    pool = ThreadPoolExecutor(workers or usable_workers(), thread_name_prefix="faceml-vision")
    try:
        look = partial(pack.detect, min_confidence=min_confidence, min_face_size=min_face_size, size_px=size_px)
        examine = partial(_examine, look=look)
        examined = _in_order(pool, examine, photos, ahead=2 * batch_size)
        embed = partial(_embed, pack=pack, rater=rater_of(pack))
        for group in _in_order(pool, embed, _groups(examined, batch_size), ahead=1):
            yield from group
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def find_faces_on(
    machines: Machines,
    photos: Sequence[tuple[int, Path]],
    packs: Packs,
    *,
    min_confidence: float,
    min_face_size: int,
    size_px: int | None,
) -> Iterator[PhotoFaces]:
    """`find_faces`, here on all cores, or on other machines, which have photos and models at the same places.

    Raises:
        ModelUnavailable: the models are not on one of these machines.
        ModelMismatch: one of them has others.
        MachinesUnavailable: they are away, or went away too often.
    """
    wanted = Wanted(min_confidence, min_face_size, size_px)
    if machines is HERE:
        return wanted.found(photos, packs.load())
    chunks = [list(photos[start : start + CHUNK]) for start in range(0, len(photos), CHUNK)]
    shared = wanted, packs.source(), packs.load().contract.fingerprint
    return chain.from_iterable(machines.map(find_faces_of, shared, chunks))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which faces are looked for."""

    min_confidence: float
    min_face_size: int
    size_px: int | None

    def found(
        self, photos: Iterable[tuple[int, Path]], pack: FacePack, workers: int | None = None
    ) -> Iterator[PhotoFaces]:
        return find_faces(
            photos,
            pack,
            min_confidence=self.min_confidence,
            min_face_size=self.min_face_size,
            size_px=self.size_px,
            workers=workers,
        )


def find_faces_of(
    wanted: Wanted, source: PackSource, fingerprint: str, photos: Sequence[tuple[int, Path]]
) -> list[PhotoFaces]:
    """What another process finds on a few photos, on one thread; `fingerprint`: of the models it is to have."""
    pack = _opened(source)
    if pack.contract.fingerprint != fingerprint:
        raise ModelMismatch(f"the models {source.name_or_dir} on {node()} are not the library's: copy those there")
    return list(wanted.found(photos, pack, workers=1))


@cache
def _opened(source: PackSource) -> FacePack:
    """Once a process, however many pieces of work it gets."""
    return source.load()


def find_faces_in(
    photo: Photo,
    pack: FacePack,
    *,
    min_confidence: float = 0.5,
    min_face_size: int = 20,
    size_px: int | None = None,
) -> tuple[FoundFace, ...]:
    """The faces of one photo that is read already, best first; nothing rates them."""
    look = partial(pack.detect, min_confidence=min_confidence, min_face_size=min_face_size, size_px=size_px)
    examined = _examine_photo(0, photo, look)
    return _embed([examined], pack)[0].faces


def usable_workers() -> int:
    """One worker a core this process may use, at most `MAX_WORKERS`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_WORKERS)


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int
) -> Iterator[Result]:
    """`map` over a pool that never has more than `ahead` results waiting."""
    pending: deque[Future[Result]] = deque()
    for item in items:
        pending.append(pool.submit(work, item))
        if len(pending) > ahead:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _groups(examined: Iterable[_Examined], batch_size: int) -> Iterator[list[_Examined]]:
    """Photos whose crops together fill a batch; of photos without faces, at most as many as a batch has crops."""
    group: list[_Examined] = []
    crops = 0
    for one in examined:
        group.append(one)
        crops += len(one.crops)
        if max(crops, len(group)) >= batch_size:
            yield group
            group, crops = [], 0
    if group:
        yield group


def _examine(photo: tuple[int, Path | Frame | Photo], look: Look) -> _Examined:
    asset_id, source = photo
    try:
        read = source if isinstance(source, Photo) else load_photo(source)
    except UnreadablePhoto as error:
        return _Examined(asset_id, 0, 0, None, np.empty((0, 112, 112, 3), np.uint8), error=str(error))
    examined = _examine_photo(asset_id, read, look)
    if not isinstance(source, Path):
        return examined
    return replace(examined, perceptual_hash=perceptual_hash(read.known_pixels))


def _examine_photo(asset_id: int, photo: Photo, look: Look) -> _Examined:
    """Faces are looked for, and cut out of, what is known: where rows are missing the photo ends."""
    height, width = photo.pixels.shape[:2]
    image, known = photo.known_pixels, photo.known
    found = look(image)
    crops = align_faces(image, found.kps)
    measures = measure_faces(crops, found.kps)
    if photo.note:
        found = found.clipped(width=known.w, height=known.h).shifted(known.x, known.y)
    return _Examined(asset_id, width, height, found, crops, measures, note=photo.note)


def _embed(group: list[_Examined], pack: FacePack, rater: QualityModel | None = None) -> list[PhotoFaces]:
    crops = np.concatenate([one.crops for one in group])
    embeddings = pack.embed(crops)
    ratings = rater.rate(crops) if rater else (None,) * len(crops)
    ends = np.cumsum([len(one.crops) for one in group]).tolist()
    return [
        _faces(one, embeddings[end - len(one.crops) : end], ratings[end - len(one.crops) : end])
        for one, end in zip(group, ends, strict=True)
    ]


def _faces(one: _Examined, embeddings: NDArray[np.float32], ratings: Sequence[Rating | None]) -> PhotoFaces:
    if one.found is None:
        return PhotoFaces(one.asset_id, 0, 0, (), one.error)
    boxes = pixel_boxes(one.found.boxes, width=one.width, height=one.height)
    faces = tuple(
        FoundFace(
            bbox=bbox,
            kps=kps,
            detection_confidence=float(score),
            quality_score=quality_score(bbox.w, bbox.h, float(score)),
            embedding=embedding,
            measures=measures,
            rating=rating,
        )
        for bbox, kps, score, embedding, measures, rating in zip(
            boxes, one.found.kps, one.found.scores, embeddings, one.measures, ratings, strict=True
        )
    )
    left_out = tuple(one.found.left_out.items())
    return PhotoFaces(
        one.asset_id,
        one.width,
        one.height,
        faces,
        note=one.note,
        left_out=left_out,
        perceptual_hash=one.perceptual_hash,
    )
