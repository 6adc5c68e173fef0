"""Fonts and small pieces for pictures painted with Pillow."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from faceml.errors import WrongUse

Pixels = NDArray[np.uint8]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_SUPERSAMPLING = 4


@lru_cache
def font(size_px: int, *, bold: bool = False) -> Font:
    """DejaVu, which matplotlib ships: people's names need more letters than Pillow's own font has."""
    spec = find_spec("matplotlib")
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    if spec and spec.origin:
        file = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / name
        if file.is_file():
            return ImageFont.truetype(str(file), size_px)
    return ImageFont.load_default(size_px)


def shorten(text: str, lettering: Font, width_px: float) -> str:
    """The text in one line, or as much of it as fits, with an ellipsis; what cannot be drawn is a question mark."""
    text = " ".join(text.encode(errors="replace").decode().split())  # file names hold what they like
    if lettering.getlength(text) <= width_px:
        return text
    while text and lettering.getlength(f"{text}…") > width_px:
        text = text[:-1]
    return f"{text.rstrip()}…"


def rounded(thumbnail: Image.Image, radius_px: int) -> Image.Image:
    """The picture with round corners, as RGBA."""
    width, height = thumbnail.size
    mask = Image.new("L", (width * _SUPERSAMPLING, height * _SUPERSAMPLING))
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, mask.width - 1, mask.height - 1), radius_px * _SUPERSAMPLING, fill=255
    )
    picture = thumbnail.convert("RGBA")
    picture.putalpha(mask.resize(thumbnail.size, Image.Resampling.LANCZOS))
    return picture


def as_image(pixels: Pixels) -> Image.Image:
    """Raises WrongUse unless `pixels` is (H, W, 3) uint8."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
        raise WrongUse(f"a thumbnail is {pixels.dtype} {pixels.shape}: pass an (H, W, 3) array of uint8")
    return Image.fromarray(pixels)
