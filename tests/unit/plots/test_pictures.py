"""Contact sheets and the table of photos without faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from faceml.errors import WrongUse
from faceml.plots.colours import CARD, RULE
from faceml.plots.contact_sheet import FacelessPhoto, SheetRow, contact_sheet, photos_without_faces, pixelated
from faceml.plots.lettering import font, shorten

RED = np.full((40, 30, 3), (200, 30, 30), dtype=np.uint8)
MARGIN, GAP, HEADING = 24, 6, 30


def tile(sheet: Image.Image, column: int, *, thumb_px: int = 72, row: int = 0) -> tuple[int, ...]:
    """The colour at the lower middle of a thumbnail, away from text."""
    x = MARGIN + column * (thumb_px + GAP) + thumb_px // 2
    y = MARGIN + row * (HEADING + thumb_px + 18) + HEADING + thumb_px - 6
    return tuple(np.asarray(sheet)[y, x].tolist())


def test_a_sheet_shows_every_face_that_fits_and_no_more_tile() -> None:
    sheet = contact_sheet([SheetRow("Anna", [RED] * 3, 3)], columns=4)
    assert [tile(sheet, column) for column in range(3)] == [(200, 30, 30)] * 3
    assert tile(sheet, 3) == ImageColor.getrgb(CARD)


def test_a_full_row_counts_the_rest_in_its_last_place() -> None:
    sheet = contact_sheet([SheetRow("Anna", [RED] * 4, 41)], columns=4)
    assert tile(sheet, 2) == (200, 30, 30)
    assert tile(sheet, 3) == ImageColor.getrgb(RULE)


def test_faces_whose_pictures_are_missing_are_counted_too() -> None:
    sheet = contact_sheet([SheetRow("Anna", [RED], 5)], columns=4)
    assert tile(sheet, 1) == ImageColor.getrgb(RULE)
    assert tile(sheet, 2) == ImageColor.getrgb(CARD)


def test_a_row_may_have_exactly_as_many_faces_as_columns() -> None:
    assert tile(contact_sheet([SheetRow("Anna", [RED] * 4, 4)], columns=4), 3) == (200, 30, 30)


def test_a_face_that_stands_for_a_burst_says_for_how_many_photos() -> None:
    def drawn(*photos: int) -> np.ndarray:
        return np.asarray(contact_sheet([SheetRow("Anna", [RED] * 2, 2, photos=photos)], columns=4))

    assert np.array_equal(drawn(), drawn(1, 1))
    changed = np.argwhere((drawn(1, 4) != drawn()).any(axis=2))
    top, left = MARGIN + HEADING, MARGIN + 72 + GAP
    assert (changed.min(axis=0) >= (top, left + 36)).all(), "at the upper right of the second picture"
    assert (changed.max(axis=0) < (top + 36, left + 72)).all()
    assert not np.array_equal(drawn(1, 4), drawn(1, 5))


def test_whom_a_burst_stands_for_is_not_counted_once_more() -> None:
    sheet = contact_sheet([SheetRow("Anna", [RED] * 2, 5, photos=[1, 4]), SheetRow("Ben", [RED] * 2, 6, photos=[1, 4])])
    assert tile(sheet, 2) == ImageColor.getrgb(CARD)
    assert tile(sheet, 2, row=1) == ImageColor.getrgb(RULE)


def test_each_group_has_its_row() -> None:
    groups = [SheetRow("Anna", [RED], 1), SheetRow("noise", [np.zeros_like(RED)], 1, 0.4)]
    sheet = contact_sheet(groups, columns=4)
    assert tile(sheet, 0, row=1) == (0, 0, 0)


def test_a_sheet_of_nothing_says_so() -> None:
    assert len(np.unique(np.asarray(contact_sheet([])))) > 2  # text, not only paper


def test_names_that_are_too_long_are_cut_and_any_script_is_drawn() -> None:
    lettering = font(14)
    assert shorten("Élodie Ångström", lettering, 500) == "Élodie Ångström"
    cut = shorten("Wolfeschlegelsteinhausenbergerdorff " * 9, lettering, 200)
    assert cut.endswith("…")
    assert lettering.getlength(cut) <= 200
    assert font(14).getmask("Ж").getbbox() is not None
    contact_sheet([SheetRow("Wolfeschlegelsteinhausenbergerdorff " * 9, [RED], 1)], columns=2)


def test_pixelating_leaves_six_squares_a_side() -> None:
    face = np.random.default_rng(0).integers(0, 256, (112, 112, 3)).astype(np.uint8)
    hidden = pixelated(face)
    assert hidden.shape == face.shape
    assert len(np.unique(hidden.reshape(-1, 3), axis=0)) <= 36


@pytest.mark.parametrize("thumbnail", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_a_thumbnail_that_is_no_picture_is_refused(thumbnail: np.ndarray) -> None:
    with pytest.raises(WrongUse, match=r"pass an .* array of uint8"):
        contact_sheet([SheetRow("Anna", [thumbnail], 1)])


def test_a_sheet_without_room_is_refused() -> None:
    with pytest.raises(WrongUse, match="columns=1: a contact sheet needs 2"):
        contact_sheet([], columns=1)


def test_the_table_shows_photos_and_survives_broken_ones(tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), (10, 120, 200)).save(tmp_path / "sea.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    photos = [
        FacelessPhoto(tmp_path / "sea.png", "no face found"),
        FacelessPhoto(tmp_path / "broken.jpg", "not a picture"),
        FacelessPhoto(tmp_path / "gone.jpg", "the file is missing"),
    ]
    table = np.asarray(photos_without_faces(photos))
    assert (table == (10, 120, 200)).all(axis=-1).sum() > 20_000
    assert (table == ImageColor.getrgb(RULE)).all(axis=-1).sum() > 2 * 18_000


def test_the_table_stops_at_the_most_it_may_show(tmp_path: Path) -> None:
    photos = [FacelessPhoto(tmp_path / f"{n}.jpg", "missing") for n in range(30)]
    assert photos_without_faces(photos, most=10).height == photos_without_faces(photos[:10], most=10).height
    assert photos_without_faces([]).height < photos_without_faces(photos, most=10).height


@pytest.mark.parametrize("name", [r"$\\frac{$.jpg", "two\nlines.jpg", "tab\tand\x07bell.jpg", "not utf-8 \udce9.jpg"])
def test_a_photo_of_any_name_is_shown(tmp_path: Path, name: str) -> None:
    photos_without_faces([FacelessPhoto(tmp_path / name, "the file is missing")])
    assert contact_sheet([SheetRow(name, [], 3)], title=name).size
