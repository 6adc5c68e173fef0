"""Raw photos of cameras: the picture that the camera put into the file, else what the sensor saw.

rawpy (LibRaw) reads them, an optional extra: `faceml[raw]`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from faceml.errors import UnreadablePhoto
from faceml.photo_files import RAW_SUFFIXES
from faceml.vision.conversion import upright
from faceml.vision.decoding_cost import MAX_BYTES, MAX_SIDE_PX

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_PREVIEW = 0.25  # of the sensor's longer side: a smaller picture in the file is for the camera's menu
BYTES_A_PIXEL = 17.0  # LibRaw's four 16-bit values, the sensor's own, its picture and ours
# LibRaw's flip → EXIF orientation.
ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}


def is_raw(source: Path | bytes) -> bool:
    """Whether a file's name says that it is one; many are TIFFs by their content."""
    return isinstance(source, Path) and source.suffix.lower() in RAW_SUFFIXES


def can_read_raw() -> bool:
    return importlib.util.find_spec("rawpy") is not None


def read_raw(file: BinaryIO) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of a raw photo, of the sensor's size, upright by the raw file's own tag.

    A preview that is smaller than the sensor is brought to its size, so boxes are the photo's.

    Raises:
        UnreadablePhoto: rawpy is not installed, or the picture is too large. What LibRaw raises is rawpy.LibRawError.
    """
    with _opened(file) as raw:
        sizes = raw.sizes
        if max(sizes.width, sizes.height) > MAX_SIDE_PX or sizes.width * sizes.height * BYTES_A_PIXEL > MAX_BYTES:
            raise UnreadablePhoto(f"{sizes.width}×{sizes.height} pixels of a raw photo are more than are read")
        orientation = ORIENTATIONS.get(sizes.flip, 1)
        preview = _preview(raw)
        if preview is None or max(preview.shape) < LEAST_PREVIEW * max(sizes.width, sizes.height):
            return upright(raw.postprocess(use_camera_wb=True, user_flip=0, output_bps=8), orientation)
        size = (sizes.width, sizes.height)
        if (size[0] > size[1]) != (preview.shape[1] > preview.shape[0]):  # the camera turned it already
            return _brought_to(preview, size[::-1])
        return upright(_brought_to(preview, size), orientation)


def raw_orientation(file: BinaryIO) -> int:
    """EXIF's, 1 to 8, of the raw file itself."""
    with _opened(file) as raw:
        return ORIENTATIONS.get(raw.sizes.flip, 1)


def _opened(file: BinaryIO) -> Any:
    if not can_read_raw():
        raise UnreadablePhoto("raw photos need faceml[raw]: pip install 'faceml[raw]'")
    import rawpy

    return rawpy.imread(file)


def _preview(raw: Any) -> NDArray[np.uint8] | None:
    import cv2
    import rawpy

    try:
        found = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    if found.format != rawpy.ThumbFormat.JPEG:
        return cast("NDArray[np.uint8]", found.data) if found.format == rawpy.ThumbFormat.BITMAP else None
    data = np.frombuffer(found.data, np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if pixels is None else cast("NDArray[np.uint8]", cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels))


def _brought_to(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    import cv2

    if pixels.shape[1::-1] == size:
        return pixels
    return cast("NDArray[np.uint8]", cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR))
