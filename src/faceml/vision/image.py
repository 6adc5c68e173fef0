"""One photo file → upright RGB pixels, or a short reason why not."""

from __future__ import annotations

import io
import warnings
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from faceml.errors import UnreadablePhoto
from faceml.files import read_file, require_file

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

# A 150-megapixel camera fits. Decoding takes up to 7 bytes a pixel, so this bounds memory; Pillow refuses 179 million.
MAX_PIXELS = 170_000_000
MAX_SIDE_PX = 32_766  # cv2.warpAffine addresses its source in 16 bits
# Named, because Pillow also "opens" formats that run programs (EPS starts Ghostscript).
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF", "BMP", "GIF")

_EXIF_IFD = 0x8769
_ORIENTATION = 0x0112
_DATE_TIME_ORIGINAL = 0x9003
_OFFSET_TIME_ORIGINAL = 0x9011
# EXIF orientation → transpose first?, then cv2.flip code (EXIF 2.32, tag 0x0112).
_UPRIGHT: dict[int, tuple[bool, int | None]] = {
    2: (False, 1),
    3: (False, -1),
    4: (False, 0),
    5: (True, None),
    6: (True, 1),
    7: (True, -1),
    8: (True, 0),
}


def read_photo(path: Path, *, shrink: int = 1) -> NDArray[np.uint8]:
    """Read a photo as (H, W, 3) RGB, EXIF orientation applied.

    JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP and GIF (first frame). Grey, palette, CMYK and 16-bit pictures become 8-bit
    RGB; transparency is laid over white. JPEG pixels equal those of `cv2.imread`.

    Args:
        shrink: 1, 2, 4 or 8: a JPEG is decoded at that part of its size, several times as fast; other files whole.
    Raises:
        UnreadablePhoto: missing, empty, truncated, damaged, not a picture, or too large; the message is a short reason
            without the path, fit for storing.
    """
    return decode_photo(_read_bytes(path), shrink=shrink)


def decode_photo(data: bytes, *, shrink: int = 1) -> NDArray[np.uint8]:
    """`read_photo` of a file's content. Raises UnreadablePhoto."""
    try:
        with _open(io.BytesIO(data)) as image:
            _check_size(*image.size)
            is_colour_jpeg = image.format in ("JPEG", "MPO") and image.mode == "RGB"
            pixels = _decode_jpeg(data, shrink) if is_colour_jpeg else _decode(image)
            return _turn_upright(pixels, _orientation(image))
    except UnreadablePhoto:
        raise
    except MemoryError as error:
        raise UnreadablePhoto("decoding it needs more memory than there is") from error
    except Exception as error:  # decoders raise what they like on damaged files: OSError, ValueError, struct.error, …
        raise UnreadablePhoto(_reason(error)) from error


def read_taken_at(path: Path) -> datetime | None:
    """When the photo was taken, by its EXIF (DateTimeOriginal, OffsetTimeOriginal); None where it does not say.

    The result is always aware. Most cameras write local time without an offset; it is then taken as UTC, so such times
    of one library compare with each other but may be hours off.
    """
    try:
        with _open(path) as image:
            tags = image.getexif().get_ifd(_EXIF_IFD)
            taken = datetime.strptime(str(tags[_DATE_TIME_ORIGINAL]).strip(" \0"), "%Y:%m:%d %H:%M:%S")
            offset = str(tags.get(_OFFSET_TIME_ORIGINAL, "")).strip(" \0")
    except Exception:  # a date is a nicety: whatever is wrong with the file is read_photo's to report
        return None
    try:
        zone = datetime.strptime(offset, "%z").tzinfo
    except ValueError:
        zone = UTC
    return taken.replace(tzinfo=zone)


def read_orientation(path: Path) -> int:
    """The EXIF orientation of the picture as it is stored, 1 to 8; 1 where it does not say. Reads the header only."""
    try:
        with _open(path) as image:
            orientation = _orientation(image)
            return orientation if 1 <= orientation <= 8 else 1
    except Exception:  # whatever is wrong with the file is read_photo's to report
        return 1


def read_embedded_xmp(path: Path) -> bytes | None:
    """The XMP packet inside the photo's file; None where there is none, or the file cannot be read."""
    try:
        with _open(path) as image:
            packet = image.info.get("xmp")
            return packet if isinstance(packet, bytes) else None
    except Exception:
        return None


def _read_bytes(path: Path) -> bytes:
    try:
        data = read_file(path)
    except OSError as error:
        reasons: dict[type[OSError], str] = {
            FileNotFoundError: "the file is missing",
            IsADirectoryError: "it is a folder, not a file",
            PermissionError: "no permission to read the file",
        }
        raise UnreadablePhoto(reasons.get(type(error), f"the file cannot be read ({error.strerror})")) from error
    if not data:
        raise UnreadablePhoto("the file is empty")
    return data


@cache
def _prepare_pillow() -> None:
    from pillow_heif import register_heif_opener

    register_heif_opener()
    # Pillow warns above 89 million pixels and of each damaged tag; our own limit and reasons take the place of that.
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _open(source: Path | io.BytesIO) -> Image:
    from PIL import Image

    _prepare_pillow()
    if isinstance(source, Path):
        require_file(source)
    return Image.open(source, formats=FORMATS)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UnreadablePhoto(f"{width}×{height} pixels; at most {MAX_PIXELS // 1_000_000} million are read")
    if max(width, height) > MAX_SIDE_PX:
        raise UnreadablePhoto(f"{width}×{height} pixels; a side of at most {MAX_SIDE_PX} is read")


def _decode_jpeg(data: bytes, shrink: int) -> NDArray[np.uint8]:
    """The common case, by OpenCV: the same pixels as Pillow, without its copy (a tenth to a third of the time)."""
    import cv2

    if _is_cut_off(data):
        raise UnreadablePhoto("the file is truncated")
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


def _is_cut_off(jpeg: bytes) -> bool:
    """Whether no end-of-image marker follows the first scan: OpenCV fills the rest with grey and says nothing."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        if jpeg[at + 1] == 0xDA:  # start of scan; inside it 0xFF is escaped, so this is the marker itself
            return jpeg.find(b"\xff\xd9", at) < 0
        at += 1 if jpeg[at + 1] == 0xFF else 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return True


def _decode(image: Image) -> NDArray[np.uint8]:
    from PIL.Image import alpha_composite, new

    image.load()
    if image.mode.startswith(("I", "F")):
        return _deep_grey_to_rgb(np.asarray(image))
    if image.has_transparency_data:
        white = new("RGBA", image.size, "white")
        image = alpha_composite(white, image.convert("RGBA"))
    return np.array(image.convert("RGB"))


def _deep_grey_to_rgb(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """16-bit and float grey → 8 bits; Pillow's own conversion clips everything above 255 to white."""
    values = np.nan_to_num(grey.astype(np.float32))
    top = 65535.0 if grey.dtype == np.uint16 else float(values.max(initial=0.0))
    scale = 255.0 if top <= 1.0 else 1.0 if top <= 255.0 else 255.0 / 65535.0
    eight_bits = np.clip(np.rint(values * scale), 0, 255).astype(np.uint8)
    return np.repeat(eight_bits[:, :, None], 3, axis=2)


def _orientation(image: Image) -> int:
    """Read after decoding: Pillow's TIFF and HEIC readers turn the picture themselves, and then the tag says 1."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF in a readable picture
        return 1


def _turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    import cv2

    transpose, flip_code = _UPRIGHT.get(orientation, (False, None))
    if transpose:
        pixels = cast("NDArray[np.uint8]", cv2.transpose(pixels))
    if flip_code is not None:
        pixels = cast("NDArray[np.uint8]", cv2.flip(pixels, flip_code))
    return pixels


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
