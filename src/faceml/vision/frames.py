"""Pictures out of videos, upright and in bounded memory, and what a video's file says of itself.

PyAV (FFmpeg) reads them, an optional extra: `faceml[video]`. A picture that no other depends on is left undecoded
(`NONREF`), so that reading one alone finds the same pictures as reading all.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceml.errors import UnreadablePhoto
from faceml.files import require_file
from faceml.records import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Named, because FFmpeg also "opens" lists of addresses on the network.
FORMATS = "mov,mp4,matroska,webm,avi"
MAX_PIXELS = 40_000_000  # of a picture; 8K has 33 million
SAME_SCENE = 0.5  # of their pixels two pictures have in the same colours: below it the scene has changed
MOST_AT_ONCE_S = 2.0  # that may be missing at the end of a whole file
NEVER_SET = ("1904-01-01", "1970-01-01")  # where clocks of files begin
MOMENTS = ("com.apple.quicktime.creationdate", "creation_time")  # the first has the zone of where it was taken


@dataclass(frozen=True, slots=True)
class VideoFacts:
    duration_s: float  # 0 where its file does not say
    taken_at: datetime | None  # UTC where no zone is written


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A picture of a video."""

    at_s: float  # from the video's first picture, to the millisecond
    pixels: NDArray[np.uint8]  # (H, W, 3) RGB, upright
    scene: int  # counts up where the colours change at once


class Film:
    """The pictures of a video that are looked at."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.note: str | None = None  # what is missing, once all that is there was read

    def looks(self, *, from_s: float = 0.0) -> Iterator[Look]:
        """One picture of each second that has one: its first keyframe, or its first picture.

        Args:
            from_s: whole seconds from the video's first picture.
        Raises:
            UnreadablePhoto: nothing of it can be read.
        """
        until_s, scene, before = -1.0, 0, None
        with _opened(self._path) as (container, stream):
            for at_s, picture in _one_a_second(self._whole(_pictures(container, stream, from_s)), from_s):
                pixels, until_s = upright_pixels(picture, stream), at_s
                colours = _colours(pixels)
                if before is not None and float(np.minimum(colours, before).sum()) < SAME_SCENE:
                    scene += 1
                before = colours
                yield Look(at_s, pixels, scene)
            duration_s = _duration_s(container, stream)
        if until_s < 0 and not from_s:
            raise UnreadablePhoto("no picture of the video can be read")
        if self.note is None and until_s >= 0 and until_s + 1 + MOST_AT_ONCE_S < duration_s:
            self.note = f"it ends after {until_s:.0f} of {duration_s:.0f} seconds"

    def _whole(self, pictures: Iterator[tuple[float, Any]]) -> Iterator[tuple[float, Any]]:
        """As far as the file can be read."""
        import av

        at_s = 0.0
        try:
            for at_s, picture in pictures:
                yield at_s, picture
        except (av.error.FFmpegError, OSError):
            self.note = f"it is damaged after {at_s:.0f} seconds"


def can_read_videos() -> bool:
    return importlib.util.find_spec("av") is not None


def read_facts(path: Path) -> VideoFacts:
    """What the file says; of one that cannot be read nothing."""
    with suppress(UnreadablePhoto), _opened(path) as (container, stream):
        said = {**container.metadata, **stream.metadata}
        return VideoFacts(_duration_s(container, stream), _moment(said))
    return VideoFacts(0.0, None)


def read_frame(frame: Frame) -> NDArray[np.uint8]:
    """(H, W, 3) RGB, upright: the picture at a moment, or the first one after it.

    Raises:
        UnreadablePhoto: the video cannot be read, or ends before it.
    """
    import av

    with _opened(frame.path) as (container, stream):
        try:
            for at_s, picture in _pictures(container, stream, frame.at_s):
                if at_s >= frame.at_s:
                    return upright_pixels(picture, stream)
        except av.error.FFmpegError as error:
            raise UnreadablePhoto(f"the video is damaged ({type(error).__name__})") from error
    raise UnreadablePhoto(f"the video has no picture at {frame.at_s:.1f} seconds")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its moving picture. Raises UnreadablePhoto."""
    if not can_read_videos():
        raise UnreadablePhoto("videos need faceml[video]: pip install 'faceml[video]'")
    import av

    try:
        require_file(path)
        file = path.open("rb")
    except OSError as error:
        why = "the file is missing" if isinstance(error, FileNotFoundError) else f"the file cannot be read ({error})"
        raise UnreadablePhoto((error.strerror and why) or "it is no file") from error
    with file:
        try:
            container = av.open(file, options={"format_whitelist": FORMATS}, metadata_errors="replace")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            empty = "the file is empty" if not path.stat().st_size else ""
            raise UnreadablePhoto(empty or "the file is damaged, cut short, or no video that can be read") from error
        with container:
            yield container, _moving_picture(container)


def _moving_picture(container: Any) -> Any:
    """Its video stream: a cover is none."""
    import av

    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context is not None:
            if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
                size = f"{stream.codec_context.width}×{stream.codec_context.height}"
                raise UnreadablePhoto(f"pictures of {size} pixels are more than are read of a video")
            stream.codec_context.skip_frame = "NONREF"
            return stream
    raise UnreadablePhoto("the file holds no moving picture that can be read")


def _pictures(container: Any, stream: Any, from_s: float) -> Iterator[tuple[float, Any]]:
    """Time and picture from the last keyframe at or before a moment on; pictures that are damaged are left out."""
    import av

    begin = stream.start_time or 0
    if from_s > 0:
        with suppress(av.error.FFmpegError):  # without an index: all of it is read
            container.seek(begin + int(from_s / stream.time_base), stream=stream)
    for packet in container.demux(stream):
        with suppress(av.error.InvalidDataError):
            for picture in packet.decode():
                ticks = picture.pts if picture.pts is not None else picture.dts
                if ticks is not None and not picture.is_corrupt:
                    yield round(float((ticks - begin) * stream.time_base), 3), picture


def _one_a_second(pictures: Iterator[tuple[float, Any]], from_s: float) -> Iterator[tuple[float, Any]]:
    chosen: tuple[float, Any] | None = None
    for at_s, picture in pictures:
        if at_s < from_s or (chosen and int(at_s) < int(chosen[0])):
            continue
        if chosen and int(at_s) > int(chosen[0]):
            yield chosen
            chosen = None
        if chosen is None or (picture.key_frame and not chosen[1].key_frame):
            chosen = (at_s, picture)
    if chosen:
        yield chosen


def upright_pixels(picture: Any, stream: Any) -> NDArray[np.uint8]:
    """(H, W, 3) RGB as a player shows it: turned by the display matrix, with square pixels."""
    shape = stream.sample_aspect_ratio or 1
    width = max(1, round(picture.width * shape))
    pixels = picture.to_ndarray(format="rgb24", width=width, height=picture.height)
    matrix = next((bytes(data) for data in picture.side_data if data.type.name == "DISPLAYMATRIX"), None)
    return turned(pixels, np.frombuffer(matrix, np.int32)) if matrix else np.ascontiguousarray(pixels)


def turned(pixels: NDArray[np.uint8], matrix: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Turned and mirrored by quarters.

    Args:
        matrix: (9,) of QuickTime: a picture's (x, y) is shown at (ax + cy, bx + dy).

    >>> turned(np.array([[[1], [2]]], np.uint8), np.array([0, 1, 0, -1, 0, 0, 0, 0, 1], np.int32))[:, :, 0].tolist()
    [[1], [2]]
    """
    a, b, _, c, d = matrix[:5].tolist()
    if abs(b) > abs(a):
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def _colours(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(64,) the share of each of 64 colours."""
    few = pixels[::8, ::8].reshape(-1, 3).astype(np.int64) >> 6
    return np.bincount(few @ np.array([16, 4, 1]), minlength=64) / max(1, len(few))


def _duration_s(container: Any, stream: Any) -> float:
    if stream.duration:
        return round(float(stream.duration * stream.time_base), 3)
    return round(container.duration / 1e6, 3) if container.duration else 0.0


def _moment(said: dict[str, str]) -> datetime | None:
    for name in MOMENTS:
        written = said.get(name, "")
        with suppress(ValueError):
            if written and not written.startswith(NEVER_SET):
                moment = datetime.fromisoformat(written)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
