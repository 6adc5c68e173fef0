"""Small pictures of faces, and the whole photo that a face is on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from itertools import groupby
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from faceml.errors import NotFound, UnreadablePhoto, WrongUse
from faceml.library import Library
from faceml.records import Asset, BBox, Face
from faceml.services.photos.missing import check_faces_on
from faceml.storage.cache_files import ThumbnailFiles
from faceml.storage.sql.repository import Repository

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST_PX, LARGEST_PX = 16, 512
JPEG_QUALITY = 88


def draw_thumbnail(repository: Repository, face_id: UUID, *, size_px: int = 112) -> bytes:
    """A square JPEG of a face with some of its surroundings; no EXIF.

    Args:
        size_px: side, 16 to 512.
    Raises:
        NotFound: there is no such face, or its photo cannot be read now.
        WrongUse: a size outside its range.
    """
    if not SMALLEST_PX <= size_px <= LARGEST_PX:
        raise WrongUse(f"size={size_px}: a thumbnail has {SMALLEST_PX} to {LARGEST_PX} pixels a side")
    with repository.read() as unit:
        face = unit.faces.get(face_id)
        asset = unit.assets.by_ids([face.asset_id])[0]
    try:
        return draw_thumbnails(asset, [face], size_px=size_px)[face_id]
    except UnreadablePhoto as error:
        raise NotFound(f"the photo of face {face_id} (asset {asset.id}) cannot be read now: {error}") from error


SIDE_PX = 128
MARGIN = 0.3  # of the box's longer side, on each side of it; as `face_thumbnail`
THREADS = 4  # decoding runs outside Python's lock
IN_MEMORY = 4_000  # pictures, some 5 KB each


class Thumbnails:
    """The pictures of one library's faces, as JPEG bytes; safe to use from several threads.

    Made once, and kept in `storage.cache_files`.
    """

    def __init__(
        self, library: Library, *, side_px: int = SIDE_PX, pixelate: Callable[[Face], bool] | None = None
    ) -> None:
        """`pixelate` tells which faces to make unrecognisable, for screenshots that may be published."""
        self._library = library
        self._side_px = side_px
        self._most = IN_MEMORY * SIDE_PX**2 // side_px**2
        self._files = ThumbnailFiles(library.settings.cache_folder, side_px=side_px)
        self._pixelate = pixelate
        self._memory: dict[UUID, tuple[BBox, bytes]] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="faceml-thumbnails")

    def at_hand(self, faces: Sequence[Face]) -> dict[UUID, bytes]:
        """Those of the pictures that are in memory."""
        return {face.id: kept[1] for face in faces if (kept := self._memory.get(face.id)) and kept[0] == face.bbox}

    def of(self, faces: Sequence[Face]) -> dict[UUID, bytes]:
        """Pictures by face id; faces whose photo cannot be read now are left out."""
        found = self.at_hand(faces)
        missing = [face for face in faces if face.id not in found]
        if missing:
            made = self._load(missing, self._threads.map)
            self._remember(missing, made)
            found |= made
        return found

    def _remember(self, faces: Sequence[Face], pictures: Mapping[UUID, bytes]) -> None:
        with self._lock:
            self._memory |= {face.id: (face.bbox, pictures[face.id]) for face in faces if face.id in pictures}
            for oldest in list(self._memory)[: max(0, len(self._memory) - self._most)]:
                del self._memory[oldest]

    def _load(self, faces: Sequence[Face], each: Callable[..., Iterable[dict[UUID, bytes]]]) -> dict[UUID, bytes]:
        with self._library.repository.read() as unit:
            newest = unit.erasure.newest()
            there = unit.faces.photo_of([face.id for face in faces])  # somebody may have been erased since
            assets = {asset.id: asset for asset in unit.assets.by_ids(list({face.asset_id for face in faces}))}
        by_photo: dict[int, list[Face]] = {}
        for face in faces:
            if face.asset_id in assets and face.id in there:
                by_photo.setdefault(face.asset_id, []).append(face)
        jobs = each(lambda asset_id: self._of_photo(assets[asset_id], by_photo[asset_id], newest), by_photo)
        return {face_id: data for part in jobs for face_id, data in part.items()}

    def _of_photo(self, asset: Asset, faces: Sequence[Face], newest_erasure: str) -> dict[UUID, bytes]:
        hidden = {face.id for face in faces if self._pixelate and self._pixelate(face)}
        shown = [face for face in faces if face.id not in hidden]
        found = {face.id: data for face in shown if (data := self._files.read(asset, face))}
        missing = [face for face in faces if face.id not in found]
        if not missing:
            return found
        try:
            shrink = _shrink(asset, missing, self._side_px)
            made = draw_thumbnails(asset, missing, size_px=self._side_px, shrink=shrink, pixelate=hidden)
        except UnreadablePhoto:
            return found
        kept = {face: made[face.id] for face in shown if face.id in made}
        self._files.write(asset, kept, newest_erasure=newest_erasure)
        return found | made


def draw_thumbnails(
    asset: Asset, faces: Sequence[Face], *, size_px: int = SIDE_PX, shrink: int = 1, pixelate: Collection[UUID] = ()
) -> dict[UUID, bytes]:
    """Square JPEGs of the faces of one photo, which is decoded once, or of one video; no EXIF.

    Args:
        shrink: decode the photo smaller: 1, 2, 4 or 8 times.
        pixelate: which of the faces to make unrecognisable.
    Raises:
        UnreadablePhoto.
    """
    from faceml.plots.contact_sheet import pixelated
    from faceml.vision.crops import face_thumbnail
    from faceml.vision.image import read_photo

    check_faces_on(asset)
    pictures: dict[UUID, bytes] = {}
    for frame_s, here in groupby(sorted(faces, key=_moment), key=_moment):
        photo = read_photo(asset.picture(frame_s), shrink=shrink)
        scale = photo.shape[1] / asset.width if asset.width and shrink > 1 else 1.0
        for face in here:
            bbox = BBox(*(round(side * scale) for side in astuple(face.bbox)))
            picture = face_thumbnail(photo, bbox, size_px=size_px, margin=MARGIN)
            pictures[face.id] = encode_jpeg(pixelated(picture) if face.id in pixelate else picture)
    return pictures


def _moment(face: Face) -> float:
    return face.frame_s or 0.0


def encode_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) RGB as a JPEG file."""
    import cv2

    _, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return bytes(data)


def _shrink(asset: Asset, faces: Iterable[Face], side_px: int) -> int:
    """The most a photo can be shrunk with its smallest face still three quarters of its picture's size or more."""
    if not asset.width:
        return 1
    side = min(max(face.bbox.w, face.bbox.h) * (1 + 2 * MARGIN) for face in faces)
    return next((shrink for shrink in (8, 4, 2) if side >= shrink * 0.75 * side_px), 1)


LARGEST_SIDE_PX = 1280


def draw_photo(
    repository: Repository, asset_id: int, *, size_px: int = LARGEST_SIDE_PX, at_s: float | None = None
) -> bytes:
    """A photo as a JPEG, upright, its longer side `size_px` at most; no EXIF.

    Args:
        at_s: which picture of a video, seconds from its first one.
    Raises:
        NotFound: there is no such photo, or it cannot be read now.
    """
    from PIL import Image

    from faceml.vision.image import read_photo

    with repository.read() as unit:
        assets = unit.assets.by_ids([asset_id])
    if not assets:
        raise NotFound(f"asset {asset_id} is not in this library: `faceml ingest DIR` takes photos in")
    longer = max(assets[0].width or 0, assets[0].height or 0)
    try:
        check_faces_on(assets[0])
        shrink = next((by for by in (8, 4, 2) if longer >= by * size_px), 1)
        pixels = read_photo(assets[0].picture(at_s), shrink=shrink)
    except UnreadablePhoto as error:
        raise NotFound(f"the photo of asset {asset_id} cannot be shown: {error}") from error
    image = Image.fromarray(pixels)
    image.thumbnail((size_px, size_px))
    return encode_jpeg(np.asarray(image))
