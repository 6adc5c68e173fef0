"""Every file a photo folder may hold: pixels upright, or a reason."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from faceml.errors import UnreadablePhoto
from faceml.vision.decoding_cost import MAX_PIXELS, MAX_SIDE_PX
from faceml.vision.image import read_embedded_xmp, read_orientation, read_photo

H, W = 60, 80
ORIENTATION = 0x0112


def picture() -> np.ndarray:
    """Smooth, lopsided in both directions: no turn or flip of it looks like another."""
    y, x = np.mgrid[0:H, 0:W]
    return np.stack([x * 3, y * 4, 120 + x // 2 - y // 2], axis=-1).astype(np.uint8)


def assert_close(pixels: np.ndarray, expected: np.ndarray, *, by: float) -> None:
    assert pixels.dtype == np.uint8
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected.astype(int)).mean() <= by


def orientation_tag(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    return exif


@pytest.mark.parametrize(
    ("suffix", "settings", "by"),
    [
        ("jpg", {"quality": 95}, 3),
        ("png", {}, 0),
        ("webp", {"lossless": True}, 0),
        ("heic", {"quality": 95}, 6),
        ("tif", {}, 0),
        ("tif", {"compression": "tiff_lzw"}, 0),
        ("bmp", {}, 0),
        ("avif", {"quality": 95}, 6),
    ],
)
def test_each_format_gives_its_pixels(tmp_path: Path, suffix: str, settings: dict[str, object], by: float) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(picture()).save(path, **settings)
    assert_close(read_photo(path), picture(), by=by)


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(picture()).save(path, format="PNG")
    assert_close(read_photo(path), picture(), by=0)


def test_jpeg_pixels_are_those_of_opencv(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(picture()).save(path, quality=70)
    np.testing.assert_array_equal(read_photo(path), cv2.imread(str(path))[:, :, ::-1])


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_read_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    stored = {  # what a camera held that way writes, so that the tag's turn gives the upright picture (EXIF 2.32)
        1: lambda upright: upright,
        2: np.fliplr,
        3: lambda upright: np.rot90(upright, 2),
        4: np.flipud,
        5: lambda upright: upright.transpose(1, 0, 2),
        6: lambda upright: np.rot90(upright, 1),
        7: lambda upright: np.rot90(upright.transpose(1, 0, 2), 2),
        8: lambda upright: np.rot90(upright, -1),
    }[orientation](picture())
    path = tmp_path / f"photo.{suffix}"
    settings = {"jpg": {"quality": 95}, "webp": {"lossless": True}}.get(suffix, {})
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=orientation_tag(orientation), **settings)
    assert_close(read_photo(path), picture(), by=3)


def test_an_orientation_that_does_not_exist_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(picture()).save(path, exif=orientation_tag(77))
    assert_close(read_photo(path), picture(), by=0)


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif", "png"])
def test_an_orientation_in_xmp_alone_is_ignored_as_viewers_do(tmp_path: Path, suffix: str) -> None:
    """Editors turn the pixels and leave it behind."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    path = tmp_path / f"edited.{suffix}"
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    settings = {"tif": {"tiffinfo": {700: xmp}}, "png": {"pnginfo": text}}.get(suffix, {"xmp": xmp, "quality": 95})
    Image.fromarray(picture()).save(path, **settings)
    assert_close(read_photo(path), picture(), by=4)
    assert read_orientation(path) == 1
    assert read_embedded_xmp(path) == xmp


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadablePhoto, match="it is a pipe, a socket or a device, not a file"):
        read_photo(tmp_path / "pipe.jpg")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_grey_becomes_three_equal_channels(tmp_path: Path, suffix: str) -> None:
    grey = Image.fromarray(picture()).convert("L")
    grey.save(tmp_path / f"grey.{suffix}")
    assert_close(read_photo(tmp_path / f"grey.{suffix}"), np.asarray(grey)[:, :, None].repeat(3, axis=2), by=1)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_grey_keeps_its_tones(tmp_path: Path, suffix: str) -> None:
    grey = picture()[:, :, 0]
    path = tmp_path / f"deep.{suffix}"
    Image.fromarray(grey.astype(np.uint16) * 257).save(path)
    assert_close(read_photo(path), grey[:, :, None].repeat(3, axis=2), by=0)


def test_a_dark_sixteen_bit_photo_stays_dark(tmp_path: Path) -> None:
    Image.fromarray(np.full((H, W), 200, np.uint16)).save(tmp_path / "dark.png")
    assert read_photo(tmp_path / "dark.png").max() <= 1


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bit_colour_keeps_its_tones(tmp_path: Path, channels: int) -> None:
    deep = picture()[:, :, ::-1].astype(np.uint16) * 257
    if channels == 4:
        deep = np.dstack([deep, np.full((H, W), 65535, np.uint16)])
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    assert_close(read_photo(tmp_path / "deep.png"), picture(), by=1)


def test_floating_point_grey_is_read_from_zero_to_one(tmp_path: Path) -> None:
    Image.fromarray(np.full((H, W), 0.5, np.float32)).save(tmp_path / "float.tif")
    assert_close(read_photo(tmp_path / "float.tif"), np.full((H, W, 3), 128), by=1)


def test_twelve_bits_of_sixteen_keep_their_tones(tmp_path: Path) -> None:
    """Scanners and instruments store them so; read as sixteen, the picture is black."""
    grey = picture()[:, :, 0]
    Image.fromarray(grey.astype(np.uint16) * 16).save(tmp_path / "instrument.png")
    assert_close(read_photo(tmp_path / "instrument.png"), grey[:, :, None].repeat(3, axis=2), by=1)


@pytest.mark.parametrize("scale", [1, 257, 257 * 32768])
def test_whole_numbers_of_thirty_two_bits_keep_their_tones(tmp_path: Path, scale: int) -> None:
    grey = picture()[:, :, 0]
    grey[0, 0] = 255
    Image.fromarray(grey.astype(np.int32) * scale).save(tmp_path / "deep.tif")
    assert_close(read_photo(tmp_path / "deep.tif"), grey[:, :, None].repeat(3, axis=2), by=1)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_becomes_rgb(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"print.{suffix}"
    Image.fromarray(picture()).convert("CMYK").save(path)
    assert_close(read_photo(path), picture(), by=5)


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    alpha = np.full((H, W), 255, np.uint8)
    alpha[:, : W // 2] = 0
    Image.fromarray(np.dstack([picture(), alpha])).save(tmp_path / "cutout.png")
    pixels = read_photo(tmp_path / "cutout.png")
    assert (pixels[:, : W // 2] == 255).all()
    np.testing.assert_array_equal(pixels[:, W // 2 :], picture()[:, W // 2 :])


def test_a_palette_with_transparency_is_laid_over_white(tmp_path: Path) -> None:
    indexed = Image.new("P", (W, H), 0)
    indexed.putpalette([10, 20, 30, 200, 100, 50])
    indexed.paste(1, (0, 0, W // 2, H))
    indexed.save(tmp_path / "logo.gif", transparency=0)
    pixels = read_photo(tmp_path / "logo.gif")
    assert pixels[0, 0].tolist() == [200, 100, 50]
    assert pixels[0, -1].tolist() == [255, 255, 255]


def png_that_claims(width: int, height: int) -> bytes:
    """A tiny file with a huge size in its header."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"), [(20_000, MAX_PIXELS // 20_000 + 1), (60_000, 60_000), (MAX_SIDE_PX + 1, 10)]
)
def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "bomb.png").write_bytes(png_that_claims(width, height))
    with pytest.raises(UnreadablePhoto, match=r"pixels; (at most|a side)"):
        read_photo(tmp_path / "bomb.png")


def test_bytes_after_the_picture_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(picture()).save(path)
    path.write_bytes(path.read_bytes() + b"motion photo" * 100)
    assert read_photo(path).shape == (H, W, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"this is no picture", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (b"\xff\xd8\xff", "not a picture|damaged|truncated"),
        (b"\xff\xd8\xff\xe0" + b"\x00" * 100, "not a picture|damaged|truncated"),
    ],
)
def test_what_is_no_photo_has_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "file.jpg"
    path.write_bytes(content)
    with pytest.raises(UnreadablePhoto, match=reason):
        read_photo(path)


def test_missing_files_and_folders_have_a_reason(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePhoto, match="missing"):
        read_photo(tmp_path / "nowhere.jpg")
    with pytest.raises(UnreadablePhoto, match="folder"):
        read_photo(tmp_path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "heic"])
def test_damage_never_escapes_as_another_error_nor_names_the_path(tmp_path: Path, suffix: str) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(picture()).save(path)
    whole, chance = path.read_bytes(), np.random.default_rng(0)
    outcomes = set()
    reasons = []
    for _ in range(60):
        damaged = bytearray(whole)
        for at in (*chance.integers(0, len(whole), 6), chance.integers(0, 40)):
            damaged[at] = chance.integers(0, 256)
        path.write_bytes(bytes(damaged))
        try:
            outcomes.add(read_photo(path).ndim)
        except UnreadablePhoto as error:
            reasons.append(str(error))
    assert outcomes <= {3}
    assert reasons
    assert not any(str(tmp_path) in reason or len(reason) > 100 for reason in reasons)
