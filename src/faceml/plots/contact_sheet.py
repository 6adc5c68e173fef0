"""Sheets of pictures: a row of faces for each cluster or person, and the photos in which no face was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from faceml.errors import UnreadablePhoto, WrongUse
from faceml.path_text import name_text
from faceml.plots.colours import CARD, INK, MUTED, RULE
from faceml.plots.lettering import Pixels, as_image, font, rounded, shorten
from faceml.vision.image import read_photo

_BLOCKS = 6  # squares a side; a face of 6 × 6 squares is nobody's (see `pixelated`)
_MARGIN, _GAP, _HEADING, _TITLE, _FACE = 24, 6, 30, 46, 72
_PHOTO_GAP, _PHOTO, _CAPTION = 14, 150, 40


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One cluster or person."""

    title: str
    thumbnails: Sequence[Pixels]  # (H, W, 3) uint8 RGB each, best first
    count: int  # faces in all, at least the thumbnails given and whom they stand for
    mean_quality: float | None = None  # 0 to 1
    photos: Sequence[int] = ()  # how many of a burst each thumbnail stands for; empty: each for its own


def contact_sheet(groups: Sequence[SheetRow], *, columns: int = 12, title: str | None = None) -> Image.Image:
    """Draw a heading and up to `columns` faces for each group; the rest is counted as "+37 more".

    A face that stands for a burst says for how many photos: "×4".

    Raises:
        WrongUse: a thumbnail is not an RGB picture, or there is no room for a column.
    """
    if columns < 2:
        raise WrongUse(f"columns={columns}: a contact sheet needs 2 or more")
    width = 2 * _MARGIN + columns * (_FACE + _GAP) - _GAP
    row_px = _HEADING + _FACE + 18
    top = _MARGIN + (_TITLE if title else 0)
    sheet = Image.new("RGB", (width, top + max(1, len(groups)) * row_px + _MARGIN - 18), CARD)
    draw = ImageDraw.Draw(sheet)
    if title:
        lettering = font(20, bold=True)
        draw.text((_MARGIN, _MARGIN - 4), shorten(title, lettering, width - 2 * _MARGIN), INK, lettering)
    if not groups:
        draw.text((_MARGIN, top), "No faces to show yet.", MUTED, font(14))
    for number, group in enumerate(groups):
        y = top + number * row_px
        _heading(draw, group, y, width)
        _faces(sheet, group, y + _HEADING, columns)
    return sheet


@dataclass(frozen=True, slots=True)
class FacelessPhoto:
    path: Path
    reason: str  # "no face found", or why the file could not be read


def photos_without_faces(photos: Sequence[FacelessPhoto], *, columns: int = 5, most: int = 20) -> Image.Image:
    """A grid of thumbnails with file name and reason beneath; at most `most` photos, the rest is counted."""
    shown = photos[:most]
    rows = max(1, -(-len(shown) // columns))
    width = 2 * _MARGIN + columns * (_PHOTO + _PHOTO_GAP) - _PHOTO_GAP
    top = _MARGIN + 36
    table = Image.new("RGB", (width, top + rows * (_PHOTO + _CAPTION + _PHOTO_GAP) + _MARGIN - _PHOTO_GAP), CARD)
    draw = ImageDraw.Draw(table)
    draw.text((_MARGIN, _MARGIN - 4), _title(len(photos), len(shown)), INK, font(18, bold=True))
    for number, photo in enumerate(shown):
        x = _MARGIN + number % columns * (_PHOTO + _PHOTO_GAP)
        y = top + number // columns * (_PHOTO + _CAPTION + _PHOTO_GAP)
        tile = rounded(_thumbnail(photo.path), 8)
        table.paste(tile, (x, y), tile)
        draw.text(
            (x, y + _PHOTO + 6), shorten(name_text(photo.path), font(12, bold=True), _PHOTO), INK, font(12, bold=True)
        )
        draw.text((x, y + _PHOTO + 22), shorten(photo.reason, font(12), _PHOTO), MUTED, font(12))
    return table


def pixelated(thumbnail: Pixels) -> Pixels:
    """The picture as 6 × 6 squares of its own size: nobody can be told from it, by eye or by model.

    >>> noise = np.random.default_rng(0).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    >>> len(np.unique(pixelated(noise).reshape(-1, 3), axis=0))
    36
    """
    picture = as_image(thumbnail)
    squares = picture.resize((_BLOCKS, _BLOCKS), Image.Resampling.BOX)
    return np.asarray(squares.resize(picture.size, Image.Resampling.NEAREST))


def _heading(draw: ImageDraw.ImageDraw, group: SheetRow, y: int, width: int) -> None:
    name, detail = font(14, bold=True), font(13)
    facts = f"{group.count} face{'' if group.count == 1 else 's'}"
    if group.mean_quality is not None:
        facts += f" · quality {group.mean_quality:.2f}"
    room = width - 2 * _MARGIN
    title = shorten(group.title, name, room - detail.getlength(facts) - 12)
    draw.text((_MARGIN, y), title, INK, name)
    draw.text((_MARGIN + name.getlength(title) + 12, y + 1), facts, MUTED, detail)


def _faces(sheet: Image.Image, group: SheetRow, y: int, columns: int) -> None:
    count, stands = max(group.count, len(group.thumbnails)), list(group.photos) or [1] * len(group.thumbnails)
    shown = group.thumbnails[:columns]
    if count > sum(stands[:columns]) and len(shown) == columns:
        shown = shown[: columns - 1]
    for column, pixels in enumerate(shown):
        picture = as_image(pixels)
        tile = rounded(ImageOps.fit(picture, (_FACE, _FACE), Image.Resampling.LANCZOS), _FACE // 12)
        corner = (_MARGIN + column * (_FACE + _GAP), y)
        sheet.paste(tile, corner, tile)
        if stands[column] > 1:
            _times(sheet, stands[column], corner)
    if (hidden := count - sum(stands[: len(shown)])) > 0:
        _more(sheet, hidden, (_MARGIN + len(shown) * (_FACE + _GAP), y))


def _times(sheet: Image.Image, photos: int, corner: tuple[int, int]) -> None:
    """A mark at the upper right, where the forehead or hair is."""
    draw, lettering, text = ImageDraw.Draw(sheet), font(_FACE // 6, bold=True), f"×{photos}"
    right, top = corner[0] + _FACE - 4, corner[1] + 4
    left = right - round(lettering.getlength(text)) - 6
    draw.rounded_rectangle((left, top, right, top + _FACE // 6 + 5), 4, fill=CARD)
    draw.text(((left + right) / 2, top + (_FACE // 6 + 5) / 2), text, INK, lettering, anchor="mm")


def _more(sheet: Image.Image, hidden: int, corner: tuple[int, int]) -> None:
    tile = rounded(Image.new("RGB", (_FACE, _FACE), RULE), _FACE // 12)
    sheet.paste(tile, corner, tile)
    middle = (corner[0] + _FACE / 2, corner[1] + _FACE / 2)
    draw, lettering = ImageDraw.Draw(sheet), font(max(9, _FACE // 6))
    draw.multiline_text(middle, f"+{hidden}\nmore", MUTED, lettering, anchor="mm", align="center", spacing=2)


def _title(count: int, shown: int) -> str:
    if count == 0:
        return "Every photo has a face."
    more = f", the first {shown} of them" if shown < count else ""
    return f"{count} photo{'' if count == 1 else 's'} without a face{more}"


def _thumbnail(path: Path) -> Image.Image:
    try:
        photo = Image.fromarray(read_photo(path))
    except UnreadablePhoto:
        tile = Image.new("RGB", (_PHOTO, _PHOTO), RULE)
        ImageDraw.Draw(tile).text((_PHOTO / 2, _PHOTO / 2), "no preview", MUTED, font(12), anchor="mm")
        return tile
    return ImageOps.fit(photo, (_PHOTO, _PHOTO), Image.Resampling.LANCZOS)
