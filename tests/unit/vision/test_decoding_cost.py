"""What reading a picture takes: within the bound that its header told, whatever its format and mode."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from faceml.errors import UnreadablePhoto
from faceml.vision.damaged import MAX_FILE_BYTES
from faceml.vision.decoding_cost import MAX_BYTES, MAX_PIXELS, bytes_a_pixel, check_cost
from faceml.vision.image import load_photo, read_orientation
from faceml.vision.taken_at import read_taken_at

W, H = 2000, 1400
SLACK_BYTES = 10_000_000  # strips in conversion, the file itself, what the allocator keeps
# Each file is read by a child of its own: the peak of a process never falls.
MEASURE = """
import json, os, resource, sys
from pathlib import Path
from faceml.vision.image import load_photo
folder = Path(sys.argv[1])
for warm in sorted(folder.glob("warm.*")):
    load_photo(warm)
peaks = {}
for path in sorted(folder.glob("photo*")):
    receiver, sender = os.pipe()
    if os.fork() == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        load_photo(path)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        os.write(sender, str(after - before).encode())
        os._exit(0)
    os.wait()
    peaks[path.name] = int(os.read(receiver, 20)) * 1024
print(json.dumps(peaks))
"""


def ramps() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(H, W, 3): compresses to almost nothing, as bombs do."""
    x, y = np.arange(W) % 256, np.arange(H) % 256
    return np.stack(np.broadcast_arrays(x[None], y[:, None], 255 - x[None]), axis=-1).astype(np.uint8)


def write_photos(folder: Path) -> None:
    pixels = ramps()
    photo, deep = Image.fromarray(pixels), pixels.astype(np.uint16) * 257
    one_strip: dict[str, Any] = {"compression": "tiff_adobe_deflate", "tiffinfo": {278: H}}
    turned = Image.Exif()
    turned[0x0112] = 6
    photo.save(folder / "photo-turned.jpg", exif=turned)
    photo.save(folder / "photo-progressive.jpg", progressive=True, subsampling=0)
    photo.convert("CMYK").save(folder / "photo-cmyk.jpg", progressive=True)
    photo.convert("RGBA").save(folder / "photo-rgba.png", compress_level=1, exif=turned)
    photo.convert("LA").save(folder / "photo-la.png", compress_level=1)
    photo.convert("P").save(folder / "photo-palette.png", transparency=3, compress_level=1)
    cv2.imwrite(str(folder / "photo-16bit.png"), deep, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    cv2.imwrite(str(folder / "photo-16bit-strip.tif"), deep, [cv2.IMWRITE_TIFF_ROWSPERSTRIP, H])
    photo.convert("CMYK").save(folder / "photo-cmyk.tif", **one_strip)
    photo.convert("RGBA").save(folder / "photo-turned.tif", compression="tiff_lzw", tiffinfo={0x0112: 6})
    Image.fromarray(pixels[:, :, 0].astype(np.float32)).save(folder / "photo-float.tif")
    photo.save(folder / "photo.webp", method=0, exif=turned)
    half = photo.crop((0, 0, W, H // 2))  # slow to write
    half.convert("RGBA").save(folder / "photo-rgba.avif", speed=10)
    half.save(folder / "photo.heic", quality=40)
    photo.save(folder / "photo.bmp")
    photo.convert("P").save(folder / "photo.gif", transparency=3)
    cut = (folder / "photo-progressive.jpg").read_bytes()
    (folder / "photo-cut.jpg").write_bytes(cut[: len(cut) // 2])
    for suffix in ("jpg", "png", "tif", "webp", "avif", "heic"):  # what a decoder loads once is no photo's cost
        photo.resize((64, 48)).save(folder / f"warm.{suffix}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import pillow_heif

    pillow_heif.register_heif_opener()
    made = tmp_path_factory.mktemp("costs")
    write_photos(made)
    return made


def cost_of(path: Path) -> float:
    with path.open("rb") as file, Image.open(file) as image:
        return bytes_a_pixel(image, file) * image.width * image.height


@pytest.mark.skipif(sys.platform != "linux", reason="the peak's unit is Linux's")
def test_no_format_or_mode_takes_more_memory_than_its_header_told(folder: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", MEASURE, str(folder)], capture_output=True, text=True, check=True)
    peaks = json.loads(ran.stdout)
    assert len(peaks) == 17
    told = {name: cost_of(folder / name) + SLACK_BYTES for name in peaks}
    assert {name: peak for name, peak in peaks.items() if peak > told[name]} == {}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak's unit is Linux's")
def test_a_long_sparse_file_costs_what_its_picture_costs(tmp_path: Path) -> None:
    Image.fromarray(ramps()[:48, :64]).save(tmp_path / "photo.tif")
    Image.fromarray(ramps()[:48, :64]).save(tmp_path / "warm.tif")
    os.truncate(tmp_path / "photo.tif", 3 * 1024**3)
    ran = subprocess.run([sys.executable, "-c", MEASURE, str(tmp_path)], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["photo.tif"] < SLACK_BYTES


def test_tags_that_claim_gigabytes_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "claims.tif"
    Image.fromarray(ramps()[:48, :64]).save(path, tiffinfo={65000: b"x" * 100})
    data = bytearray(path.read_bytes())
    entry = data.index((65000).to_bytes(2, "little"))
    data[entry + 4 : entry + 8] = (2_900_000_000).to_bytes(4, "little")
    path.write_bytes(data)
    os.truncate(path, 3 * 1024**3)
    with pytest.raises(UnreadablePhoto, match="its header is longer than"):
        load_photo(path)
    assert read_taken_at(path) is None


@pytest.mark.parametrize("suffix", ["jpg", "webp", "heic", "gif"])
def test_a_file_that_would_be_read_whole_is_refused_by_its_size(tmp_path: Path, suffix: str) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    path = tmp_path / f"long.{suffix}"
    Image.fromarray(ramps()[:48, :64]).save(path)
    os.truncate(path, 3 * 1024**3)
    with pytest.raises(UnreadablePhoto, match=rf"3,221 MB; at most {MAX_FILE_BYTES // 10**6} MB"):
        load_photo(path)
    assert read_orientation(path) == 1
    assert read_taken_at(path) is None


@pytest.mark.parametrize(
    ("kind", "mode", "settings", "most"),
    [
        ("PNG", "RGB", {}, MAX_PIXELS),
        ("PNG", "RGBA", {}, MAX_PIXELS),
        ("JPEG", "RGB", {}, MAX_PIXELS),
        ("JPEG", "RGB", {"progressive": True, "subsampling": 0}, 120_000_000),
        ("WEBP", "RGB", {}, 75_000_000),
        ("HEIF", "RGB", {}, 109_000_000),
        ("TIFF", "CMYK", {"compression": "tiff_lzw", "tiffinfo": {0x0112: 6}}, 109_000_000),
    ],
)
def test_the_bound_of_pixels_follows_the_bound_of_bytes(
    kind: str, mode: str, settings: dict[str, Any], most: int
) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    file = io.BytesIO()
    Image.new(mode, (64, 48)).save(file, kind, **settings)
    with Image.open(file) as image:
        cost = bytes_a_pixel(image, file)
        assert min(MAX_PIXELS, MAX_BYTES / cost) == pytest.approx(most, rel=0.01)
        side = int(min(MAX_PIXELS, MAX_BYTES / cost) ** 0.5)
        image._size = (side - 100, side)
        check_cost(image, file)
        image._size = (side + 100, side)
        with pytest.raises(UnreadablePhoto, match=rf"at most {most // 10**6}"):
            check_cost(image, file)


def test_one_strip_or_tile_that_claims_to_be_huge_is_refused() -> None:
    file = io.BytesIO()
    Image.new("RGB", (64, 48)).save(file, "TIFF", compression="tiff_lzw")
    with Image.open(file) as image:
        check_cost(image, file)
        image.tag_v2[322], image.tag_v2[323] = 100_000, 100_000
        with pytest.raises(UnreadablePhoto, match="bytes a pixel"):
            check_cost(image, file)


def test_a_jpeg_whose_first_scan_lacks_colours_is_known_before_it_is_read() -> None:
    """Sequential, but with a scan a colour: libjpeg keeps the whole picture's coefficients for it too."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48)).save(file, "JPEG", subsampling=0)
    with Image.open(file) as image:
        whole = bytes_a_pixel(image, file)
        data = bytearray(file.getvalue())
        scan = data.index(b"\xff\xda")
        data[scan + 4] = 1
        assert bytes_a_pixel(image, io.BytesIO(bytes(data))) == 10 > whole
