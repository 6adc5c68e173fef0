"""One photo file, or a picture of a video → upright RGB pixels and what is missing, or a short reason why not."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from faceml.errors import UnreadablePhoto
from faceml.files import require_file
from faceml.photo_files import is_video
from faceml.records import BBox, Frame
from faceml.vision import damaged
from faceml.vision.conversion import UPRIGHT, to_rgb, upright
from faceml.vision.damaged import MAX_FILE_BYTES, Missing
from faceml.vision.decoding_cost import MAX_PIXELS, check_cost, check_file_size
from faceml.vision.frames import read_frame
from faceml.vision.raw import is_raw, raw_orientation, read_raw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile as Image

# Named, because Pillow also "opens" formats that run programs (EPS starts Ghostscript).
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "BMP", "GIF")

_ORIENTATION, _EXIF_IFD = 0x0112, 0x8769
_XMP = ("xmp", "XML:com.adobe.xmp", "Raw profile type xmp")


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that was read, whole or in part."""

    pixels: NDArray[np.uint8]  # (H, W, 3) RGB, upright
    known: BBox  # what of it was in the file; the rest is one flat colour, in which nobody is to be looked for
    note: str | None = None  # what is missing, fit for storing; None where nothing is

    @classmethod
    def whole(cls, pixels: NDArray[np.uint8]) -> Photo:
        return cls(pixels, BBox(0, 0, pixels.shape[1], pixels.shape[0]))

    @property
    def known_pixels(self) -> NDArray[np.uint8]:
        """The part that was in the file, (h, w, 3): a view of `pixels`."""
        box = self.known
        return self.pixels[box.y : box.y + box.h, box.x : box.x + box.w]


def read_photo(path: Path | Frame, *, shrink: int = 1) -> NDArray[np.uint8]:
    """The pixels of `load_photo`: (H, W, 3) RGB, upright. Raises UnreadablePhoto."""
    return load_photo(path, shrink=shrink).pixels


def load_photo(source: Path | Frame | bytes, *, shrink: int = 1) -> Photo:
    """Read a photo, EXIF orientation applied, or a picture of a video: without a moment its first.

    JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP and GIF (first frame), and where installed raw photos and JPEG XL. Grey,
    palette, CMYK and deeper pictures become 8-bit RGB; transparency is laid over white. JPEG pixels equal those of
    `cv2.imread`. Of a file that was cut short the rows that are there are read. Memory is bounded, see
    `vision.decoding_cost`.

    Args:
        source: a file, a moment of one, or a photo's content.
        shrink: 1, 2, 4 or 8: a JPEG is decoded at that part of its size, several times as fast; other files whole.
    Raises:
        UnreadablePhoto: missing, empty, damaged, not a picture, or too large; the message is a short reason without
            the path, fit for storing.
    """
    if isinstance(source, Path) and is_video(source):
        source = Frame(source, 0.0)
    if isinstance(source, Frame):
        return Photo.whole(read_frame(source))
    with _opened(source) as file:
        try:
            return _load_raw(file) if is_raw(source) else _load(file, shrink)
        except UnreadablePhoto:
            raise
        except MemoryError as error:
            raise UnreadablePhoto("decoding it needs more memory than there is") from error
        except Exception as error:  # decoders raise what they like: OSError, ValueError, struct.error, …
            raise UnreadablePhoto(_reason(error)) from error


def read_orientation(path: Path) -> int:
    """The EXIF orientation of the picture as it is stored, 1 to 8; 1 where it does not say. Reads the header only."""
    try:
        if is_raw(path):
            with _opened(path) as file:
                return raw_orientation(file)
        with open_header(path) as image:
            orientation = _orientation(image)
            return orientation if 1 <= orientation <= 8 else 1
    except Exception:  # whatever is wrong with the file is load_photo's to report
        return 1


def read_embedded_xmp(path: Path) -> bytes | None:
    """The XMP packet inside the photo's file; None where there is none, or the file cannot be read."""
    try:
        with open_header(path) as image:
            packet = image.info.get("xmp")
            return packet if isinstance(packet, bytes) else None
    except Exception:
        return None


@contextmanager
def open_header(path: Path | bytes) -> Iterator[Image]:
    """The picture before its pixels are read: size, mode, EXIF. Raises UnreadablePhoto and what decoders raise."""
    with _opened(path) as file, _open(file) as image:
        yield image


class _CarefulFile(io.BufferedReader):
    """A file of which little is read before the cost of its picture is known: a TIFF's tags may claim gigabytes."""

    most_bytes: float = MAX_FILE_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.most_bytes -= len(data)
        if self.most_bytes < 0:
            raise UnreadablePhoto(f"its header is longer than {MAX_FILE_BYTES // 1_000_000} MB")
        return data


@contextmanager
def _opened(source: Path | bytes) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        check_file_size(len(source), source[:16])
        yield io.BytesIO(source)
        return
    try:
        status = source.stat()
        require_file(source)
        file = _CarefulFile(io.FileIO(source))
    except OSError as error:
        reasons: dict[type[OSError], str] = {
            FileNotFoundError: "the file is missing",
            IsADirectoryError: "it is a folder, not a file",
            PermissionError: "no permission to read the file",
        }
        raise UnreadablePhoto(reasons.get(type(error), f"the file cannot be read ({error.strerror})")) from error
    with file:
        try:
            check_file_size(status.st_size, file.read(16))
        except OSError as error:
            raise UnreadablePhoto(f"the file cannot be read ({error.strerror})") from error
        file.seek(0)
        yield file


@cache
def _prepare_pillow() -> None:
    from pillow_heif import register_heif_opener

    register_heif_opener()
    if find_spec("pillow_jxl"):
        import pillow_jxl  # noqa: F401  # registers itself
    # Pillow warns above 89 million pixels and of each damaged tag; our own limit and reasons take the place of that.
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _open(file: BinaryIO) -> Image:
    from PIL import Image

    _prepare_pillow()
    try:
        return Image.open(file, formats=(*FORMATS, *(["JXL"] if "JXL" in Image.OPEN else [])))
    except Exception:
        bare = damaged.bare_png(file)  # what Pillow stumbles over may be beside the picture
        if bare is None:
            raise
        return Image.open(bare, formats=("PNG",))


def _load(file: BinaryIO, shrink: int) -> Photo:
    pixels, orientation, missing = _decode(file, shrink)  # Pillow's picture is gone by now
    is_known = np.zeros((len(pixels), 1), np.uint8)
    is_known[missing.known_rows(len(pixels))] = 1
    turned, is_known = upright(pixels, orientation), upright(is_known, orientation)
    height, width = turned.shape[:2]
    first, count = int(np.flatnonzero(is_known)[0]), int(is_known.sum())
    is_across = UPRIGHT.get(orientation, (False, None))[0]  # the stored rows are columns now
    known = BBox(first, 0, count, height) if is_across else BBox(0, first, width, count)
    return Photo(turned, known, missing.note)


def _load_raw(file: BinaryIO) -> Photo:
    return Photo.whole(read_raw(file))


def _decode(file: BinaryIO, shrink: int) -> tuple[NDArray[np.uint8], int, Missing]:
    """(H, W, 3) RGB as it is stored, the orientation, and what is missing."""
    with _open(file) as image:
        check_cost(image, file)
        _forget_xmp(image)
        if isinstance(file, _CarefulFile):
            if image.format == "TIFF":
                _read_tags(image)
            file.most_bytes = float("inf")
        if image.format in ("JPEG", "MPO"):
            pixels, missing = _decode_jpeg(image, file, shrink)
        else:
            missing = damaged.load_what_is_there(image)
            pixels = to_rgb(image)
        return pixels, _orientation(image), missing


def _decode_jpeg(image: Image, file: BinaryIO, shrink: int) -> tuple[NDArray[np.uint8], Missing]:
    file.seek(0)
    data, missing = file.read(), Missing()
    if not damaged.has_end(data):
        data, missing = damaged.complete_jpeg(data)
    if image.mode == "RGB" and not missing.note:
        pixels = _decode_colour_jpeg(data, shrink)
    else:
        pixels = _decode_other_jpeg(data, shrink)
    if not missing.note and (pixels[-4:, -4:] == damaged.FILL).all():  # cut short, and an end put to it
        _, missing = damaged.complete_jpeg(data)
    return pixels, replace(missing, rows=missing.rows // shrink)


def _decode_other_jpeg(data: bytes, shrink: int) -> NDArray[np.uint8]:
    """Grey, CMYK or damaged, which OpenCV would complain of to the terminal."""
    with _open(io.BytesIO(data)) as image:
        image.draft(image.mode, (max(1, image.width // shrink), max(1, image.height // shrink)))
        image.load()
        return to_rgb(image)


def _decode_colour_jpeg(data: bytes, shrink: int) -> NDArray[np.uint8]:
    """The common case, by OpenCV: the same pixels as Pillow, without its copy (a tenth to a third of the time)."""
    import cv2

    colour = {
        1: cv2.IMREAD_COLOR,
        2: cv2.IMREAD_REDUCED_COLOR_2,
        4: cv2.IMREAD_REDUCED_COLOR_4,
        8: cv2.IMREAD_REDUCED_COLOR_8,
    }[shrink]
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), colour | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise UnreadablePhoto("the file is damaged")
    return cast("NDArray[np.uint8]", cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels))


def _orientation(image: Image) -> int:
    """Read after decoding: Pillow's TIFF and HEIC readers turn the picture themselves, and then the tag says 1."""
    _forget_xmp(image)
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF in a readable picture
        return 1


def _read_tags(tiff: Image) -> None:
    """Now, with care: Pillow reads them again together with the picture."""
    try:
        tiff.getexif().get_ifd(_EXIF_IFD)
    except UnreadablePhoto:
        raise
    except Exception:  # damaged EXIF in a readable picture
        return


def _forget_xmp(image: Image) -> None:
    """Pillow alone would believe its orientation, which editors leave behind: viewers and OpenCV go by the EXIF."""
    for name in _XMP:
        image.info.pop(name, None)


def _reason(error: Exception) -> str:
    """A decoder's complaint without its details: those may hold the file's path."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "not a picture faceml can read (JPEG, PNG, WebP, HEIC, TIFF)"
    if isinstance(error, Image.DecompressionBombError):
        return f"too many pixels; at most {MAX_PIXELS // 1_000_000} million are read"
    if "truncated" in str(error):
        return "the file is truncated"
    return f"the file is damaged ({type(error).__name__})"
