"""Files with something wrong: what is there is read, and what is not is said and not looked at."""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from faceml.errors import UnreadablePhoto
from faceml.vision.image import load_photo, read_embedded_xmp, read_orientation

H, W = 200, 304
NOISE = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
END = b"\xff\xd9"


def encoded(kind: str, *, mode: str = "RGB", **settings: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(NOISE).convert(mode).save(file, kind, **settings)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def before_the_picture(png: bytes, more: bytes) -> bytes:
    return png[:33] + more + png[33:]  # signature and IHDR


JPEGS: dict[str, dict[str, Any]] = {
    "colour": {},
    "progressive": {"progressive": True},
    "grey": {"mode": "L"},
    "cmyk": {"mode": "CMYK"},
    "restarts": {"restart_marker_rows": 1},
}


@pytest.mark.parametrize("settings", JPEGS.values(), ids=JPEGS)
def test_a_jpeg_without_its_end_marker_is_read_whole(settings: dict[str, Any]) -> None:
    whole = encoded("JPEG", **settings)
    assert whole.endswith(END)
    expected = load_photo(whole)
    for data in (whole[:-2], whole[:-1], whole[:-2] + bytes(4000)):
        photo = load_photo(data)
        np.testing.assert_array_equal(photo.pixels, expected.pixels)
        assert photo.note is None
        assert photo.known == expected.known


# In CMYK an early end looks like any other grey.
CUTS = [("colour", b""), ("grey", b""), ("cmyk", b""), ("restarts", b""), ("colour", END), ("grey", END)]


@pytest.mark.parametrize(("kind", "tail"), CUTS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_jpeg_that_was_cut_short_is_read_as_far_as_it_goes(kind: str, tail: bytes, share: float) -> None:
    settings = JPEGS[kind]
    whole = encoded("JPEG", **settings)
    photo = load_photo(whole[: int(len(whole) * share)] + tail)
    missing = H - photo.known.h
    assert photo.pixels.shape == (H, W, 3)
    assert (1 - share) * H - 20 < missing < (1 - share) * H + 20
    assert photo.note == f"read in part: the last {missing} rows of {H} are missing"
    rows = photo.known.h - 16  # the last row of blocks may mix with what is not there
    np.testing.assert_array_equal(photo.pixels[:rows], load_photo(whole).pixels[:rows])


def test_a_progressive_jpeg_without_its_last_scans_is_read_whole_but_coarser() -> None:
    whole = encoded("JPEG", progressive=True)
    photo = load_photo(whole[: int(len(whole) * 0.7)])
    assert photo.note == "read in part: the finest detail is missing"
    assert photo.known.h == H
    assert np.abs(photo.pixels.astype(int) - load_photo(whole).pixels).mean() < 40


def test_a_jpeg_of_which_nothing_is_left_is_unreadable() -> None:
    whole = encoded("JPEG")
    with pytest.raises(UnreadablePhoto, match="truncated"):
        load_photo(whole[: whole.index(b"\xff\xda") + 20])


def test_a_thumbnails_end_marker_is_not_the_pictures() -> None:
    small = io.BytesIO()
    Image.fromarray(NOISE).resize((16, 12)).save(small, "JPEG")
    whole = encoded("JPEG", comment=small.getvalue())
    assert load_photo(whole).note is None
    assert load_photo(whole[:-5000]).note is not None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_of_a_turned_photo_the_known_part_is_turned_too(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    whole = encoded("JPEG", exif=exif)
    photo, expected = load_photo(whole[: len(whole) // 2]), load_photo(whole)
    assert photo.pixels.shape == expected.pixels.shape
    is_same = (photo.pixels == expected.pixels).all(axis=2)
    known = photo.known
    here = slice(known.y, known.y + known.h), slice(known.x, known.x + known.w)
    assert 0.4 < known.w * known.h / is_same.size < 0.6
    assert is_same[here].mean() > 0.9  # but for the last row of blocks
    is_same[here] = False
    assert is_same.mean() < 0.1


def big_text(**settings: Any) -> dict[str, Any]:
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", "x" * 3_000_000, **settings)
    return {"pnginfo": info}


def big_itxt() -> dict[str, Any]:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("workflow", "y" * 3_000_000, zip=True)
    return {"pnginfo": info}


def test_what_lies_beside_a_png_of_any_length_or_damaged_does_no_harm() -> None:
    plain = encoded("PNG")
    wrong = bytearray(chunk(b"tEXt", b"Title\0a picture"))
    wrong[-1] ^= 0xFF
    profile = b"icc\0\0" + zlib.compress(bytes(3_000_000))
    late = chunk(b"zTXt", b"prompt\0\0" + zlib.compress(bytes(3_000_000)))
    variants = {
        "zTXt": encoded("PNG", **big_text(zip=True)),
        "iTXt": encoded("PNG", **big_itxt()),
        "iCCP": before_the_picture(plain, chunk(b"iCCP", profile)),
        "wrong checksum": before_the_picture(plain, bytes(wrong)),
        "after the picture": plain[:-12] + late + plain[-12:],
        "bytes after the end": plain + b"junk" * 100,
        "no end": plain[:-12],
    }
    for name, data in variants.items():
        photo = load_photo(data)
        np.testing.assert_array_equal(photo.pixels, NOISE, err_msg=name)
        assert photo.note is None, name


def test_a_png_with_a_long_text_keeps_its_orientation_and_transparency(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "long.png").write_bytes(encoded("PNG", exif=exif, **big_text(zip=True)))
    assert load_photo(tmp_path / "long.png").pixels.shape == (W, H, 3)
    assert read_orientation(tmp_path / "long.png") == 6
    assert read_embedded_xmp(tmp_path / "long.png") is None
    indexed = Image.new("P", (8, 8), 0)
    indexed.putpalette([10, 20, 30])
    indexed.save(tmp_path / "logo.png", transparency=0, **big_text(zip=True))
    assert (load_photo(tmp_path / "logo.png").pixels == 255).all()


ROWWISE: dict[str, tuple[str, dict[str, Any]]] = {
    "png": ("PNG", {}),
    "png rgba": ("PNG", {"mode": "RGBA"}),
    "png grey": ("PNG", {"mode": "L"}),
    "bmp": ("BMP", {}),
    "tiff": ("TIFF", {}),
    "gif": ("GIF", {"interlace": 0}),
}


@pytest.mark.parametrize(("kind", "settings"), ROWWISE.values(), ids=ROWWISE)
def test_other_formats_that_were_cut_short_are_read_as_far_as_they_go(kind: str, settings: dict[str, Any]) -> None:
    whole = encoded(kind, **settings)
    photo, expected = load_photo(whole[: int(len(whole) * 0.6)]), load_photo(whole)
    missing = H - photo.known.h
    which, known = "last", slice(0, H - missing)
    if kind == "BMP":  # stored from its bottom up
        which, known = "first", slice(missing, H)
    assert photo.note == f"read in part: the {which} {missing} rows of {H} are missing"
    assert 50 < missing < 110
    np.testing.assert_array_equal(photo.known_pixels[1:-1], expected.pixels[known][1:-1])


def test_of_an_interlaced_picture_only_whole_rows_count() -> None:
    """Its last pass writes every second row, from the top."""
    whole = encoded("GIF", interlace=1)
    photo, expected = load_photo(whole[: int(len(whole) * 0.7)]), load_photo(whole)
    assert 50 < photo.known.h < 110
    np.testing.assert_array_equal(photo.known_pixels[:-2], expected.pixels[: photo.known.h - 2])
    with pytest.raises(UnreadablePhoto, match="truncated"):
        load_photo(whole[: int(len(whole) * 0.3)])


def test_a_png_with_a_wrong_check_at_its_end_is_read() -> None:
    data = bytearray(encoded("PNG"))
    data[-20] ^= 0xFF
    photo = load_photo(bytes(data))
    assert photo.known.h >= H - 1
    assert photo.note in (None, f"read in part: the last row of {H} is missing")


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "HEIF"])
def test_formats_that_nothing_reads_in_part_have_a_reason(kind: str) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    whole = encoded(kind)
    with pytest.raises(UnreadablePhoto, match=r"damaged|truncated|not a picture"):
        load_photo(whole[: len(whole) // 2])


def test_nothing_is_printed_about_a_photo_that_was_cut_short(capfd: pytest.CaptureFixture[str]) -> None:
    whole = encoded("JPEG")
    load_photo(whole[: len(whole) // 2])
    assert capfd.readouterr() == ("", "")


def test_reading_smaller_reads_the_same_part(tmp_path: Path) -> None:
    whole = encoded("JPEG")
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    photo, small = load_photo(tmp_path / "cut.jpg"), load_photo(tmp_path / "cut.jpg", shrink=4)
    assert small.pixels.shape == (H // 4, W // 4, 3)
    assert abs(small.known.h - photo.known.h / 4) <= 1
    assert os.listdir(tmp_path) == ["cut.jpg"]
