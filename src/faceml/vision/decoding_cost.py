"""What decoding a picture costs in memory, told from its header: what costs too much is never begun.

Bytes a pixel, measured as the peak of `image.load_photo` (tests/unit/vision/test_decoding_cost.py measures again):
Pillow's picture (1 to 4) and ours (3) stand side by side, and each decoder keeps something of its own before that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from faceml.errors import UnreadablePhoto
from faceml.vision.damaged import MAX_FILE_BYTES, first_scan

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 1_200_000_000  # of one picture, beside its file; a 150-megapixel camera fits, and 100 megapixels of HEIC
MAX_PIXELS = 170_000_000  # Pillow refuses 179 million
MAX_SIDE_PX = 32_766  # cv2.warpAffine addresses its source in 16 bits

_OURS = 3.0
_READ_IN_PIECES = (b"II", b"MM", b"BM", b"\x89P")  # TIFF, BMP, PNG: any length, of which little is in memory at once
# What these hold beside Pillow's picture, in YUV and in RGB.
_DECODERS = {"WEBP": 12.0, "AVIF": 11.0, "HEIF": 7.0, "JXL": 12.0}
_DEEP_HEIF = 17.0
_ORIENTATION, _BITS, _SAMPLES, _STRIP_ROWS, _PLANAR, _TILE_W, _TILE_H = 0x0112, 258, 277, 278, 284, 322, 323


def check_file_size(size_bytes: int, start: bytes) -> None:
    """Refuse a file that is empty, or too long for a format that is read whole.

    Args:
        start: its first bytes.
    Raises:
        UnreadablePhoto: it would take more memory than there may be.
    """
    if not size_bytes:
        raise UnreadablePhoto("the file is empty")
    if size_bytes > MAX_FILE_BYTES and not start.startswith(_READ_IN_PIECES):
        raise UnreadablePhoto(f"{size_bytes / 1e6:,.0f} MB; at most {MAX_FILE_BYTES / 1e6:.0f} MB are read")


def check_cost(image: Image, file: BinaryIO) -> None:
    """Refuse a picture that would take more than `MAX_BYTES`, by its header.

    Raises:
        UnreadablePhoto.
    """
    width, height = image.size
    if max(width, height) > MAX_SIDE_PX:
        raise UnreadablePhoto(f"{width}×{height} pixels; a side of at most {MAX_SIDE_PX} is read")
    cost = bytes_a_pixel(image, file)
    most = min(MAX_PIXELS, MAX_BYTES / cost)
    if width * height > most:
        what = "" if most == MAX_PIXELS else f" of such a {image.format} ({image.mode}, {cost:.0f} bytes a pixel)"
        raise UnreadablePhoto(f"{width}×{height} pixels; at most {most / 1e6:.0f} million are read{what}")


def bytes_a_pixel(image: Image, file: BinaryIO) -> float:
    """The most memory that reading a picture takes, a pixel; `image` is opened, but not loaded.

    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGBA", (8, 8)).save(file, "PNG")
    >>> bytes_a_pixel(Image.open(file), file)
    7.0
    """
    pillows = 1.0 if image.mode in ("1", "L", "P") else 2.0 if image.mode.startswith("I;16") else 4.0
    if image.format in ("JPEG", "MPO"):
        beside = _kept_coefficients(image, file)
    elif image.format == "TIFF":
        beside = max(_unit_bytes(image) / (image.width * image.height), _turning(image))
    elif image.info.get("bit_depth", 8) > 8 and image.info.get("chroma") != 420:
        beside = _DEEP_HEIF
    else:
        beside = _DECODERS.get(image.format or "", 0.0)
    return max(2 * _OURS, pillows + max(_OURS, beside))  # twice ours: as it is stored, and turned upright


def _kept_coefficients(image: Any, file: BinaryIO) -> float:
    """Of a JPEG whose scans do not hold all colours whole: 2 bytes a sample, until the last scan."""
    scan = first_scan(file)
    if scan is not None and not image.info.get("progressive"):
        file.seek(scan + 4)
        if file.read(1) == bytes([len(image.layer)]):
            return 0.0
    factors: list[int] = [across * down for _, across, down, _ in image.layer]
    widest: int = max(across for _, across, _, _ in image.layer) * max(down for _, _, down, _ in image.layer)
    return 2.0 * sum(factors) / max(1, widest)


def _unit_bytes(tiff: Any) -> float:
    """The strip or tile that libtiff decodes at once; whole pictures lie in one."""
    tags = tiff.tag_v2
    if all(tile.codec_name == "raw" for tile in tiff.tile):
        return 0.0
    if _TILE_W in tags:
        pixels = tags[_TILE_W] * tags.get(_TILE_H, tags[_TILE_W])
    else:
        pixels = tiff.width * min(tiff.height, tags.get(_STRIP_ROWS, tiff.height))
    planes = tags.get(_SAMPLES, 1) if tags.get(_PLANAR) == 2 else 1
    return float(pixels * max(4.0, sum(tags.get(_BITS, (1,))) / 8 / planes))


def _turning(tiff: Any) -> float:
    """Pillow turns a TIFF itself, into a second picture, and keeps the first."""
    return _OURS + 4.0 if tiff.tag_v2.get(_ORIENTATION, 1) in range(2, 9) else 0.0
