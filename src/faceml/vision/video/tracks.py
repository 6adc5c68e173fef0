"""Faces followed from picture to picture of a video: one track, one face (docs/decisions/0052-video.md)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceml.records import BBox, FoundFace, Span
from faceml.vision.edited import same_picture
from faceml.vision.frames import Film
from faceml.vision.image import Photo
from faceml.vision.overlap import SAME_FACE_IOU, pair_boxes
from faceml.vision.stream import find_faces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceml.vision.model_packs import FacePack

MOST_GAP_S = 2.5  # somebody who turned away for a moment
MOST_TRACK_S = 300.0  # so that a film is never settled less than this behind the picture looked at
NEAR = 2.0  # sides of a face, that it moves in a second at most
AT_ONCE = 4  # faces that are embedded together; of pictures three times as many are in memory


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One face, followed through one scene."""

    face: FoundFace  # as in its best picture, with the mean vector (D,), unit length, and its span
    boxes: Mapping[float, BBox]  # where it is in each picture that it was found in, by its time


@dataclass(frozen=True, slots=True, eq=False)
class StoredTrack:
    """A face of a video as it was stored, or as that of somebody who was erased, whose vector is gone."""

    bbox: BBox
    span: Span
    embedding: NDArray[np.float32] | None = None  # (D,) unit vector


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """What a part of a video shows."""

    tracks: tuple[Track, ...]  # that ended in it
    settled_s: float  # whole seconds: whatever begins before is among the tracks so far
    width: int  # upright pixels
    height: int
    is_last: bool
    note: str | None = None  # what is missing of the video
    left_out: Mapping[str, int] = field(default_factory=dict)  # faces seen that were not wanted: why, how often


def find_tracks(
    path: Path,
    pack: FacePack,
    *,
    from_s: float = 0.0,
    stretch_s: float,
    min_confidence: float = 0.5,
    min_face_size: int = 20,
    size_px: int | None = None,
) -> Iterator[Stretch]:
    """Find and follow the faces of a video, in bounded memory; the last stretch is always there.

    Args:
        from_s: where a former run had settled it.
        stretch_s: of film, that are told at once.
        min_confidence, min_face_size, size_px: as of `stream.find_faces`.
    Raises:
        UnreadablePhoto: nothing of the video can be read.
    """
    film, looks = Film(path), deque[tuple[float, int, tuple[int, int]]]()

    def pictures() -> Iterator[tuple[int, Photo]]:
        for look in film.looks(from_s=from_s):
            looks.append((look.at_s, look.scene, (look.pixels.shape[1], look.pixels.shape[0])))
            yield 0, Photo.whole(look.pixels)

    follower, ended, told_s, size = Follower(pack.contract.match_threshold), list[Track](), from_s, (0, 0)
    left_out: dict[str, int] = {}
    thresholds = {"min_confidence": min_confidence, "min_face_size": min_face_size, "size_px": size_px}
    for picture in find_faces(pictures(), pack, batch_size=AT_ONCE, **thresholds):  # type: ignore[arg-type]
        at_s, scene, size = looks.popleft()
        ended += follower.see(at_s, scene, picture.faces)
        for why, count in picture.left_out:
            left_out[why] = left_out.get(why, 0) + count
        if at_s >= told_s + stretch_s:
            yield Stretch(tuple(ended), follower.settled_s(at_s), *size, is_last=False, left_out=left_out)
            ended, told_s, left_out = [], at_s, {}
    ended += follower.close()
    yield Stretch(tuple(ended), told_s, *size, is_last=True, note=film.note, left_out=left_out)


class Follower:
    """Puts the faces of one picture after the other to the tracks that they go on."""

    def __init__(self, match_threshold: float) -> None:
        self._threshold = match_threshold
        self._open: list[_Open] = []
        self._scene = 0

    def see(self, at_s: float, scene: int, faces: Sequence[FoundFace]) -> list[Track]:
        """Take a picture in; returns the tracks that ended before it."""
        is_cut, self._scene = scene != self._scene, scene
        ended = [track for track in self._open if is_cut or track.is_over(at_s)]
        self._open = [track for track in self._open if track not in ended]
        before = [_Seen(track.last, self._threshold) for track in self._open]
        now = [_Seen(face, self._threshold) for face in faces]
        pairs = pair_boxes(before, now, min_iou=self._threshold)
        for row, number in pairs.items():
            self._open[row].go_on(at_s, faces[number])
        new = (face for number, face in enumerate(faces) if number not in pairs.values())
        self._open += [_Open(at_s, face) for face in new]
        return [track.ended() for track in ended]

    def close(self) -> list[Track]:
        """The tracks that are open at the video's end."""
        ended, self._open = [track.ended() for track in self._open], []
        return ended

    def settled_s(self, at_s: float) -> float:
        """Whole seconds: before it every track has ended."""
        return float(int(min([at_s, *(track.first_s for track in self._open)])))


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A face in one picture, compared with those of the next: by its look, and by its place where that is less sure."""

    face: FoundFace
    threshold: float

    def iou(self, other: _Seen) -> float:
        """How alike they are, -1 to 1; 0 where they are too far apart to be one."""
        likeness = float(self.face.embedding @ other.face.embedding)
        one, two = self.face.bbox, other.face.bbox
        side = NEAR * max(one.w, one.h)
        across, down = one.x + one.w / 2 - two.x - two.w / 2, one.y + one.h / 2 - two.y - two.h / 2
        return likeness if max(abs(across), abs(down)) <= side or likeness >= same_picture(self.threshold) else 0.0


class _Open:
    """A track that may go on."""

    def __init__(self, at_s: float, face: FoundFace) -> None:
        self.first_s = self._last_s = self._best_s = at_s
        self.last = self._best = face
        self._sum = face.embedding.astype(np.float64)
        self._boxes = {at_s: face.bbox}

    def is_over(self, at_s: float) -> bool:
        return at_s - self._last_s > MOST_GAP_S or at_s - self.first_s >= MOST_TRACK_S

    def go_on(self, at_s: float, face: FoundFace) -> None:
        self.last, self._last_s = face, at_s
        self._sum += face.embedding
        self._boxes[at_s] = face.bbox
        if _worth(face) > _worth(self._best):
            self._best, self._best_s = face, at_s

    def ended(self) -> Track:
        mean = (self._sum / np.linalg.norm(self._sum)).astype(np.float32)
        span = Span(self.first_s, self._last_s, self._best_s)
        return Track(replace(self._best, embedding=mean, span=span), self._boxes)


def _worth(face: FoundFace) -> float:
    """By which the best picture of a face is chosen: how large and sure it is, and how sharp."""
    return face.quality_score + (face.measures.sharpness if face.measures else 0.0)


def pair_tracks(
    tracks: Sequence[Track], stored: Sequence[StoredTrack], *, match_threshold: float, was_edited: bool = False
) -> dict[int, int]:
    """Pair tracks with faces that were stored already, each with one at most.

    Those are one that were at the same place in the same picture, or that look the same at the same time.

    Args:
        was_edited: `stored` are of the video before an edit: times and places say nothing.
    Returns:
        row of `tracks` → row of `stored`.
    """
    least = same_picture(match_threshold)
    ones = [_Tracked(track=track, least=least, was_edited=was_edited) for track in tracks]
    return pair_boxes(ones, [_Tracked(stored=one) for one in stored], min_iou=SAME_FACE_IOU)


def shows_erased(track: Track, erased: Sequence[StoredTrack], *, from_s: float) -> bool:
    """Whether this is somebody who was erased.

    Where their picture comes before `from_s` and was not looked at again, whoever is seen at that time counts as them.
    """
    return any(
        _at_one_place(track, one) > 0 or (one.span.frame_s < from_s and _at_one_time(track, one)) for one in erased
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Tracked:
    """One side of a pair: a track, or a stored face."""

    track: Track | None = None
    stored: StoredTrack | None = None
    least: float = 1.0
    was_edited: bool = False

    def iou(self, other: _Tracked) -> float:
        """2 and more: one place in one picture; below: alike, in the same seconds; 0: another face."""
        track, stored = self.track, other.stored
        if track is None or stored is None:
            return 0.0
        if not self.was_edited and (overlap := _at_one_place(track, stored)):
            return 1 + overlap
        if stored.embedding is None or not (self.was_edited or _at_one_time(track, stored)):
            return 0.0
        likeness = float(track.face.embedding @ stored.embedding)
        return likeness if likeness >= self.least else 0.0


def _at_one_place(track: Track, stored: StoredTrack) -> float:
    """How far their boxes overlap in the stored face's picture; 0 where they are two faces there, or it shows one."""
    there = track.boxes.get(stored.span.frame_s)
    overlap = there.iou(stored.bbox) if there else 0.0
    return overlap if overlap >= SAME_FACE_IOU else 0.0


def _at_one_time(track: Track, stored: StoredTrack) -> bool:
    span = track.face.span
    return span is not None and span.first_s <= stored.span.last_s and stored.span.first_s <= span.last_s


def free_box(box: BBox, taken: set[BBox]) -> BBox:
    """The box, or one a pixel narrower: a video's faces are told apart by their boxes too, as a photo's."""
    while box in taken:
        box = replace(box, w=box.w - 1) if box.w > 1 else replace(box, w=box.w + 1, h=box.h + 1)
    taken.add(box)
    return box
