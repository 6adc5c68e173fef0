"""Photos in which no face was found, to look at: some of them should have one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from faceml.errors import UnreadablePhoto
from faceml.plots.colours import CARD, INK, MUTED, RULE
from faceml.plots.lettering import font, rounded, shorten
from faceml.vision.image import read_photo

_MARGIN, _GAP, _THUMB, _CAPTION = 24, 14, 150, 40


@dataclass(frozen=True, slots=True)
class FacelessPhoto:
    path: Path
    reason: str  # "no face found", or why the file could not be read


def photos_without_faces(photos: Sequence[FacelessPhoto], *, columns: int = 5, most: int = 20) -> Image.Image:
    """A grid of thumbnails with file name and reason beneath; at most `most` photos, the rest is counted."""
    shown = photos[:most]
    rows = max(1, -(-len(shown) // columns))
    width = 2 * _MARGIN + columns * (_THUMB + _GAP) - _GAP
    top = _MARGIN + 36
    table = Image.new("RGB", (width, top + rows * (_THUMB + _CAPTION + _GAP) + _MARGIN - _GAP), CARD)
    draw = ImageDraw.Draw(table)
    draw.text((_MARGIN, _MARGIN - 4), _title(len(photos), len(shown)), INK, font(18, bold=True))
    for number, photo in enumerate(shown):
        x = _MARGIN + number % columns * (_THUMB + _GAP)
        y = top + number // columns * (_THUMB + _CAPTION + _GAP)
        tile = rounded(_thumbnail(photo.path), 8)
        table.paste(tile, (x, y), tile)
        draw.text((x, y + _THUMB + 6), shorten(photo.path.name, font(12, bold=True), _THUMB), INK, font(12, bold=True))
        draw.text((x, y + _THUMB + 22), shorten(photo.reason, font(12), _THUMB), MUTED, font(12))
    return table


def _title(count: int, shown: int) -> str:
    if count == 0:
        return "Every photo has a face."
    more = f", the first {shown} of them" if shown < count else ""
    return f"{count} photo{'' if count == 1 else 's'} without a face{more}"


def _thumbnail(path: Path) -> Image.Image:
    try:
        photo = Image.fromarray(read_photo(path))
    except UnreadablePhoto:
        tile = Image.new("RGB", (_THUMB, _THUMB), RULE)
        ImageDraw.Draw(tile).text((_THUMB / 2, _THUMB / 2), "no preview", MUTED, font(12), anchor="mm")
        return tile
    return ImageOps.fit(photo, (_THUMB, _THUMB), Image.Resampling.LANCZOS)
