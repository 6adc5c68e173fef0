"""Files that viewers show although something is wrong with them: what is there is read, and what is not is said."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

MAX_FILE_BYTES = 256_000_000  # of a file that is in memory whole before it is decoded
FILL = 128  # libjpeg's grey, where a JPEG has nothing more to say
_END = b"\xff\xd9"
_ANY_DATA = bytes(range(255)) * 64  # an entropy decoder takes anything without 0xFF for data
_PNG = b"\x89PNG\r\n\x1a\n"
# A picture and its orientation. Texts and profiles of any length, or damaged, lie beside it.
_PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")


@dataclass(frozen=True, slots=True)
class Missing:
    """What of a picture is not in its file."""

    rows: int = 0  # at its bottom, as it is stored
    note: str | None = None
    is_top: bool = False  # the rows are at its top

    def known_rows(self, height: int) -> slice:
        return slice(self.rows, height) if self.is_top else slice(0, height - self.rows)


def has_end(jpeg: bytes) -> bool:
    """Whether an end-of-image marker follows the first scan; a thumbnail before it has one of its own."""
    return _end_of(jpeg) is not None


def complete_jpeg(data: bytes) -> tuple[bytes, Missing]:
    """The JPEG with an end marker, and what is missing of its picture.

    Decoders fill what is missing with grey and say nothing. So the file is decoded twice, at half size: as it stands,
    and with other data where it ends. Where the two pictures differ, the file does not say what is there.

    Raises:
        OSError: all of it is missing.
    """
    end = _end_of(data)
    complete = data + _END if end is None else data
    ours, other = (_half_size(one) for one in (complete, data[:end] + _ANY_DATA + _END))
    unsure = np.flatnonzero((ours != other).reshape(len(ours), -1).any(axis=1))
    if not len(unsure):
        return complete, Missing()
    with _open(complete) as image:
        height = image.height
        if image.info.get("progressive") and not (ours[-1] == FILL).all():
            return complete, Missing(0, "read in part: the finest detail is missing")
    return complete, _missing_from(2 * int(unsure[0]), height)


def first_scan(jpeg: BinaryIO) -> int | None:
    """Where the first scan's marker stands; None where there is no scan."""
    at = 2
    while True:
        jpeg.seek(at)
        head = jpeg.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            return None
        if head[1] == 0xDA:
            return at
        at += 1 if head[1] == 0xFF else 2 + int.from_bytes(head[2:], "big")


def _end_of(jpeg: bytes) -> int | None:
    scan = first_scan(io.BytesIO(jpeg))
    end = -1 if scan is None else jpeg.find(_END, scan)  # inside a scan 0xFF is escaped: it is the marker itself
    return end if end >= 0 else None


def _half_size(jpeg: bytes) -> NDArray[np.uint8]:
    with _open(jpeg) as image:
        image.draft(image.mode, (max(1, image.width // 2), max(1, image.height // 2)))
        return np.asarray(image)


def _open(data: bytes) -> Image:
    from PIL import Image

    return Image.open(io.BytesIO(data), formats=("JPEG",))


def _missing_from(row: int, height: int) -> Missing:
    if row == 0:
        raise OSError("image file is truncated")
    return Missing(height - row, _rows_missing("last", height - row, height))


def _rows_missing(which: str, rows: int, height: int) -> str:
    what = f"{which} row of {height} is" if rows == 1 else f"{which} {rows} rows of {height} are"
    return f"read in part: the {what} missing"


def load_what_is_there(image: ImageFile) -> Missing:
    """Decode a picture as far as its file goes; what is missing stays as Pillow makes it, all zero.

    Raises:
        OSError, ValueError, …: the decoder's own complaint, where no row is there.
    """
    order = _row_order(image)
    try:
        image.load()
    except MemoryError:
        raise
    except Exception:
        is_planar = getattr(image, "tag_v2", {}).get(284) == 2  # TIFF: a colour after the other, not row by row
        image.tile = []  # nothing more to decode: what is there is the picture
        last = next((row for row in reversed(order) if _has_something(image, row)), None)
        if is_planar or last is None:
            raise
        if last == order[-1]:
            return Missing()
        if order.step < 0:
            return Missing(last, _rows_missing("first", last, image.height), is_top=True)
        return _missing_from(last + 1, image.height)
    return Missing()


def _row_order(image: ImageFile) -> range:
    """The rows in the order in which their last pixels are stored."""
    height, arguments = image.height, (image.tile[0].args if image.tile else None) or ()
    if image.format == "BMP" and arguments[-1] == -1:
        return range(height - 1, -1, -1)
    is_interlaced = image.info.get("interlace") or (image.format == "GIF" and arguments[1])
    return range(1, height, 2) if is_interlaced else range(height)  # the last pass writes every second row


def _has_something(image: Image, row: int) -> bool:
    return bool(np.asarray(image.crop((0, row, image.width, row + 1))).any())


def bare_png(file: BinaryIO) -> BinaryIO | None:
    """A PNG without what lies beside its picture, where Pillow refuses the whole; None where it is no PNG, or too long.

    Pillow refuses a picture for a text or profile of over a megabyte, and for a wrong checksum of either.
    """
    file.seek(0)
    if file.read(8) != _PNG:
        return None
    bare = io.BytesIO()
    bare.write(_PNG)
    for kind, chunk in _chunks(file):
        if bare.tell() + len(chunk) > MAX_FILE_BYTES:
            return None
        bare.write(chunk)
        if kind == b"IEND":
            break
    bare.seek(0)
    return bare


def _chunks(png: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The chunks that are kept, each with its length, kind and checksum: critical ones as they are."""
    while len(head := png.read(8)) == 8:
        kind, length = head[4:], int.from_bytes(head[:4], "big")
        if kind not in _PNG_KEPT:
            png.seek(length + 4, io.SEEK_CUR)
            continue
        data, checksum = png.read(length), png.read(4)
        if kind[0] & 0x20:  # not critical: its data may do, whatever its checksum says (PNG 1.2, 5.4)
            checksum = zlib.crc32(kind + data).to_bytes(4, "big")
        yield kind, head + data + checksum
