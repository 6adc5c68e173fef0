"""A picture as Pillow has it, of any mode → 8-bit RGB; and RGB → 64 bits by which nearly the same ones are found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

DOT_PX = 1.5  # of black and white pictures: what looks grey from afar is dots, in which detectors see nobody
# EXIF orientation → transpose first?, then cv2.flip code (EXIF 2.32, tag 0x0112).
UPRIGHT: dict[int, tuple[bool, int | None]] = {
    2: (False, 1),
    3: (False, -1),
    4: (False, 0),
    5: (True, None),
    6: (True, 1),
    7: (True, -1),
    8: (True, 0),
}
HASHED_PX = 128  # a side, to which pictures are brought before they are hashed: their low frequencies stay
ROWS_AT_ONCE = 64  # converted together: what a conversion needs beside the picture stays small


def to_rgb(image: Image) -> NDArray[np.uint8]:
    """(H, W, 3) RGB; transparency is laid over white, deeper values keep their tones, dots become greys.

    A few rows at a time: Pillow's conversions of the whole picture take up to 14 bytes a pixel beside it.
    """
    if image.mode == "1":
        from PIL.ImageFilter import GaussianBlur

        image = image.convert("L").filter(GaussianBlur(DOT_PX))
    scale = _deep_scale(image) if image.mode.startswith(("I", "F")) else None
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for rows, part in zip(_strips(image), _strips_of(pixels), strict=True):
        part[:] = _rows_to_rgb(rows) if scale is None else _deep_grey_to_rgb(rows, scale)
    return pixels


def _strips(image: Image) -> Iterator[Image]:
    for top in range(0, image.height, ROWS_AT_ONCE):
        yield image.crop((0, top, image.width, min(top + ROWS_AT_ONCE, image.height)))


def _strips_of(pixels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [pixels[top : top + ROWS_AT_ONCE] for top in range(0, len(pixels), ROWS_AT_ONCE)]


def _rows_to_rgb(image: Image) -> NDArray[np.uint8]:
    from PIL.Image import alpha_composite, new

    if image.has_transparency_data:
        white = new("RGBA", image.size, "white")
        image = alpha_composite(white, image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))


def _deep_scale(image: Image) -> float:
    """What turns its values into 0 to 255: cameras and scanners store 12 of 16 bits, floats end at 1, 255 or 65535.

    A 16-bit picture that ends at 255 is taken to be dark, not shallow.
    """
    top = max(float(_numbers(rows).max(initial=0.0)) for rows in _strips(image))
    if image.mode.startswith("I;16"):
        return 255.0 / 4095.0 if 255.0 < top <= 4095.0 else 255.0 / 65535.0
    if top <= 255.0:
        return 255.0 if top <= 1.0 else 1.0
    return 255.0 / (max(top, 65535.0) if image.mode == "I" else 65535.0)


def _numbers(rows: Image) -> NDArray[np.float32]:
    return np.nan_to_num(np.asarray(rows).astype(np.float32))


def _deep_grey_to_rgb(rows: Image, scale: float) -> NDArray[np.uint8]:
    """16-bit, 32-bit and float grey → 8 bits; Pillow's own conversion clips everything above 255 to white."""
    eight_bits = np.clip(np.rint(_numbers(rows) * scale), 0, 255).astype(np.uint8)
    return np.repeat(eight_bits[:, :, None], 3, axis=2)


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turned, in place where only flipped."""
    import cv2

    transpose, flip_code = UPRIGHT.get(orientation, (False, None))
    if transpose:
        pixels = cast("NDArray[np.uint8]", cv2.transpose(pixels))
    if flip_code is not None:
        pixels = cast("NDArray[np.uint8]", cv2.flip(pixels, flip_code, dst=pixels))
    return pixels


def perceptual_hash(pixels: NDArray[np.uint8]) -> int:
    """64 bits, signed as databases hold them: pHash, the signs of the lowest frequencies, as ImageHash counts them.

    Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010).

    Args:
        pixels: (H, W, 3) RGB, upright.
    """
    import cv2
    import imagehash
    from PIL import Image

    small = cv2.resize(pixels, (HASHED_PX, HASHED_PX), interpolation=cv2.INTER_AREA)
    bits = np.packbits(imagehash.phash(Image.fromarray(small)).hash)
    return int(bits.view(">i8")[0])
