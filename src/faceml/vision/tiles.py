"""A photo looked at a second time: in pieces, where faces are a few pixels of it; turned, where nobody is upright."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from faceml.records import BBox
from faceml.vision.detection import LONG, Detections, merge_passes, non_maximum_suppression

if TYPE_CHECKING:
    from numpy.typing import NDArray

# (H, W, 3) RGB and a canvas side → faces, before suppression.
DetectAt = Callable[["NDArray[np.uint8]", int], Detections]

MOST_SHRUNK = 10.0  # a camera's 24 megapixels (6000×4000) at 640 are shrunk 9.4 times, and looked at whole
TILE_SHRUNK = 6.0  # a face of 120 pixels is 20 then, which both detectors find; of 85 pixels 14
MAX_SHARED = 0.5  # of two faces the smaller: what shares more is one face, seen twice
LEAST_PART = 0.2  # what a tile cuts off a face leaves no less that still looks like one
SMALL_PX, MANY = 24.0, 3  # pixels of the canvas: so many faces as small as that have smaller ones behind them
LYING = 45.0  # degrees that a face is off upright, from which on the photo is looked at turned
QUARTERS = (1, 2, 3)  # turns of 90° counter-clockwise
GLANCE_PX, GLANCE = 320, 0.5  # a turned photo in which nobody is seen at a quarter of the cost is not looked at closely
LEAST_CONFIDENCE = 0.3  # whom a detector is less sure of is not even counted


@dataclass(frozen=True, slots=True)
class Looks:
    """How a photo is looked at."""

    sizes_px: tuple[int, ...]  # sides of the canvas for the whole photo; the largest is used for tiles and turns
    max_iou: float  # of two boxes that overlap more than this, the better one stays
    inclusive: bool = False  # see `detection.non_maximum_suppression`
    min_confidence: float = 0.0  # what is less sure is only counted, see `detection.keep_usable`
    sure: float = 0.0  # a score that upright faces reach and lying ones do not, as measured for a detector
    is_closer: bool = True  # into groups of small faces

    @property
    def size_px(self) -> int:
        return max(self.sizes_px)

    def merge(self, parts: Sequence[Detections]) -> Detections:
        """Each face once, best first."""
        return merge_passes(parts, max_iou=self.max_iou, inclusive=self.inclusive)


def detect_everywhere(image: NDArray[np.uint8], detect_at: DetectAt, looks: Looks) -> Detections:
    """All faces, each once, in pixels of `image`: of the whole photo, its tiles, and of it turned where that may help.

    A detector knows upright faces. Where it is sure of nobody, or where the five points of a face say that it lies, the
    photo is looked at turned by 90, 180 and 270 degrees; of these looks only what is sure, and upright there, counts.
    Behind them come those of which the first look was unsure.
    """
    found, unsure = _look(image, detect_at, looks)
    if looks.sure and _may_lie(found, looks.sure):
        lying = Detections.joined([_look_turned(image, turns, detect_at, looks) for turns in QUARTERS])
        if len(lying):
            both = Detections.joined([found, lying])
            found = both.take(non_maximum_suppression(both.boxes, both.scores, max_iou=MAX_SHARED, of_smaller=True))
    is_new = np.asarray(~(_shared(unsure.boxes, found.boxes) > MAX_SHARED).any(axis=1))
    return Detections.joined([found, unsure.take(is_new)])


def _may_lie(found: Detections, sure: float) -> bool:
    return not (found.scores >= sure).any() or bool((np.abs(rolls(found.kps)) > LYING).any())


def _look_turned(image: NDArray[np.uint8], turns: int, detect_at: DetectAt, looks: Looks) -> Detections:
    """Who stands upright, for sure, once the photo is turned."""
    turned = _turned(image, turns)
    height, width = image.shape[:2]
    if not tiles(width, height, size_px=looks.size_px):
        seen = detect_at(turned, GLANCE_PX if len(looks.sizes_px) > 1 else looks.size_px)
        if not len(_standing(seen, GLANCE)):
            return seen.take(np.empty(0, np.intp))
    found, _ = _look(turned, detect_at, looks)
    return turned_back(_standing(found, looks.sure), turns, width=width, height=height)


def _standing(found: Detections, least: float) -> Detections:
    return found.take((found.scores >= least) & (np.abs(rolls(found.kps)) <= LYING))


def _turned(image: NDArray[np.uint8], turns: int) -> NDArray[np.uint8]:
    """As `np.rot90`, but laid out anew: of 24 megapixels ten times as fast."""
    import cv2

    how = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}[turns]
    return cast("NDArray[np.uint8]", cv2.rotate(image, how))


def rolls(kps: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) degrees in (-180, 180] that each face's (5, 2) points are turned clockwise: 0 is upright, 180 on its head.

    From the middle of the eyes to that of the mouth: of a face in profile the eyes are one.

    >>> upright = np.array([[0, 0], [2, 0], [1, 1], [0, 2], [2, 2]], np.float32)
    >>> abs(rolls(np.stack([upright, upright @ np.array([[0, 1], [-1, 0]])]))).tolist()
    [0.0, 90.0]
    """
    down = kps[:, 3:].mean(axis=1) - kps[:, :2].mean(axis=1)
    return np.asarray(np.degrees(np.arctan2(-down[:, 0], down[:, 1])))


def turned_back(found: Detections, turns: int, *, width: int, height: int) -> Detections:
    """What was found on `np.rot90(image, turns)`, in pixels of the image.

    Args:
        turns: of 90° counter-clockwise, 1 to 3.
        width: of the image itself, pixels.
        height: likewise.
    """
    corners = found.boxes.reshape(-1, 2, 2)
    places = _unturned(corners, turns, width, height)
    boxes = np.concatenate([places.min(axis=1), places.max(axis=1)], axis=1)
    # Corners lie between pixels, points on them: the last pixel is at width - 1.
    return Detections(boxes, found.scores, _unturned(found.kps, turns, width - 1, height - 1))


def _unturned(places: NDArray[np.float32], turns: int, width: int, height: int) -> NDArray[np.float32]:
    x, y = places[..., 0], places[..., 1]
    back = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[turns]
    return np.stack(back, axis=-1).astype(np.float32)


def _look(image: NDArray[np.uint8], detect_at: DetectAt, looks: Looks) -> tuple[Detections, Detections]:
    """What the whole photo and its tiles show, as sure as it was asked for; and what the whole shows besides."""
    everything = looks.merge([detect_at(image, size_px) for size_px in looks.sizes_px])
    is_wanted = everything.scores >= looks.min_confidence
    whole, unsure = everything.take(is_wanted), everything.take(~is_wanted)
    height, width = image.shape[:2]
    parts = tiles(width, height, size_px=looks.size_px)
    if not parts and looks.is_closer:
        parts = closer_tiles(width, height, everything.boxes, size_px=looks.size_px)
    if not parts:
        return whole, unsure
    near = [looks.merge([_detect_in(tile, image, detect_at, looks, whole)]) for tile in parts]
    return looks.merge([_merged(whole, Detections.joined(near), parts[0])]), unsure


def _detect_in(
    tile: BBox, image: NDArray[np.uint8], detect_at: DetectAt, looks: Looks, whole: Detections
) -> Detections:
    """The faces in the middle of a tile, which the next tile may cut, but for those that this one cuts."""
    part = image[tile.y : tile.y + tile.h, tile.x : tile.x + tile.w]
    found = detect_at(part, looks.size_px).shifted(tile.x, tile.y)
    found = found.take(found.scores >= looks.min_confidence)
    height, width = image.shape[:2]
    first = np.array([tile.x, tile.y])
    size = np.array([tile.w, tile.h])
    last, margin = first + size, size / 4
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    is_mine = (first == 0) | (centres >= first + margin)
    is_mine &= (last == (width, height)) | (centres <= last - margin)
    is_cut = ((whole.boxes[:, :2] < first) | (whole.boxes[:, 2:] > last)).any(axis=1)
    cut = whole.boxes[is_cut]
    is_part = (_shared(found.boxes, cut) > MAX_SHARED) & (_areas(found.boxes)[:, None] >= LEAST_PART * _areas(cut))
    return found.take(is_mine.all(axis=1) & ~is_part.any(axis=1))


def _merged(whole: Detections, close: Detections, tile: BBox) -> Detections:
    """A face in the whole photo stands only where no tile shows one, unless it is too large for a tile."""
    both = Detections.joined([whole, close])
    sides = (whole.boxes[:, 2:] - whole.boxes[:, :2]).max(axis=1)
    is_large = sides > max(tile.w, tile.h) / 2
    trust = np.concatenate([np.where(is_large, whole.scores, whole.scores - 1), close.scores])
    return both.take(non_maximum_suppression(both.boxes, trust, max_iou=MAX_SHARED, of_smaller=True))


def _shared(ones: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, M) how much of the smaller of two boxes the other one covers, 0 to 1."""
    sides = np.minimum(ones[:, None, 2:], others[None, :, 2:]) - np.maximum(ones[:, None, :2], others[None, :, :2])
    smaller = np.minimum(_areas(ones)[:, None], _areas(others)[None])
    return np.asarray(np.maximum(sides, 0).prod(axis=2) / np.maximum(smaller, np.finfo(np.float32).tiny))


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))


def tiles(width: int, height: int, *, size_px: int) -> list[BBox]:
    """Squares, or as much of one as the photo is wide, that cover it; each shares half with the next.

    A face of up to half a tile is whole in one of them, and a larger one is large enough in the whole photo. An
    ordinary photo has no tiles.

    >>> tiles(6000, 4000, size_px=640)
    []
    >>> [(tile.x, tile.w) for tile in tiles(3000, 1000, size_px=640)]
    [(0, 1000), (500, 1000), (1000, 1000), (1500, 1000), (2000, 1000)]
    """
    shorter, longer = sorted((width, height))
    if longer <= LONG * shorter and longer <= MOST_SHRUNK * size_px:
        return []
    side = min(max(shorter, size_px), int(TILE_SHRUNK * size_px))
    return [
        BBox(x, y, min(side, width), min(side, height))
        for y in _starts(height, side)
        for x in _starts(width, side)
    ]  # fmt: skip


def closer_tiles(width: int, height: int, boxes: NDArray[np.float32], *, size_px: int) -> list[BBox]:
    """Tiles of half a photo's longer side, where what was seen in the whole of it is a group of small faces.

    Args:
        boxes: (N, 4) of them, unsure ones too.

    >>> group = np.tile(np.array([0, 0, 100, 100], np.float32), (3, 1))
    >>> len(closer_tiles(6000, 4000, group, size_px=640)), len(closer_tiles(6000, 4000, group * 3, size_px=640))
    (6, 0)
    """
    shrunk = max(width, height) / size_px
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) / shrunk
    if shrunk < 2 or (sides < SMALL_PX).sum() < MANY:
        return []
    side = -(-max(width, height) // 2)
    return [
        BBox(x, y, min(side, width), min(side, height))
        for y in _starts(height, min(side, height))
        for x in _starts(width, side)
    ]  # fmt: skip


def _starts(length: int, side: int) -> list[int]:
    """Evenly, half a side apart at most, the first at 0 and the last at the end."""
    if length <= side:
        return [0]
    count = int(np.ceil((length - side) / (side / 2))) + 1
    return [round(at) for at in np.linspace(0, length - side, count)]
