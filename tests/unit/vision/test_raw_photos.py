"""Raw photos, made here: read at the sensor's size and upright, with the preview that a camera put in or without."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
import tifffile
from PIL import Image

from faceml.errors import UnreadablePhoto
from faceml.vision import raw
from faceml.vision.image import load_photo, read_orientation, read_photo
from faceml.vision.stream import find_faces_in

rawpy = pytest.importorskip("rawpy", reason="the extra raw is not installed")
# CIE XYZ → linear sRGB, which says that the file's values are that (DNG 1.4, tag ColorMatrix1).
TO_SRGB = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)


def dng(picture: np.ndarray, *, orientation: int = 1, preview: np.ndarray | None = None) -> bytes:
    """A linear DNG of an RGB picture."""
    linear = (np.clip(picture / 255, 0, 1) ** 2.2 * 65535).astype(np.uint16)
    version = (50706, "B", 4, (1, 4, 0, 0), True)
    turned = (274, "H", 1, orientation, True)
    of_raw = [
        (50721, "2i", 9, sum(((int(value * 10000), 10000) for value in TO_SRGB), ()), True),
        (50728, "2I", 3, (1, 1, 1, 1, 1, 1), True),
        (50778, "H", 1, 21, True),
        (50717, "I", 1, 65535, True),
    ]
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        if preview is not None:
            tiff.write(preview, photometric="rgb", subfiletype=1, subifds=1, extratags=[version, turned], metadata=None)
            tiff.write(linear, photometric=34892, subfiletype=0, extratags=of_raw, metadata=None)
        else:
            tiff.write(linear, photometric=34892, extratags=[version, turned, *of_raw], metadata=None)
    return file.getvalue()


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.ascontiguousarray(skimage.data.astronaut()[:300, 60:460])


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_raw_photo_is_upright_by_its_own_tag(portrait: np.ndarray, tmp_path: Path, orientation: int) -> None:
    turns = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]  # how the sensor saw it: counter-clockwise
    file = tmp_path / "photo.DNG"
    file.write_bytes(dng(np.rot90(portrait, turns), orientation=orientation))
    assert read_orientation(file) == orientation
    pixels = read_photo(file).astype(int)
    assert pixels.shape == portrait.shape
    assert np.abs(pixels - portrait).mean() < 25


def test_the_face_of_a_raw_photo_is_where_it_is_in_the_full_picture(
    portrait: np.ndarray, tmp_path: Path, opencv_zoo: Any
) -> None:
    file, jpeg = tmp_path / "photo.dng", io.BytesIO()
    file.write_bytes(dng(portrait))
    Image.fromarray(portrait).save(jpeg, "JPEG", quality=95)
    [expected] = find_faces_in(load_photo(jpeg.getvalue()), opencv_zoo)
    [face] = find_faces_in(load_photo(file), opencv_zoo)
    assert face.bbox.iou(expected.bbox) > 0.8
    assert float(face.embedding @ expected.embedding) > 0.8


def test_a_preview_is_taken_and_brought_to_the_sensors_size(portrait: np.ndarray, tmp_path: Path) -> None:
    file = tmp_path / "photo.dng"
    half = np.ascontiguousarray(portrait[::2, ::2])
    file.write_bytes(dng(np.full_like(portrait, 128), preview=half))
    pixels = read_photo(file).astype(int)
    assert pixels.shape == portrait.shape
    assert np.abs(pixels - cv2.resize(half, portrait.shape[1::-1]).astype(int)).mean() < 5


def test_a_tiny_preview_is_left_alone(portrait: np.ndarray, tmp_path: Path) -> None:
    file = tmp_path / "photo.dng"
    file.write_bytes(dng(np.full_like(portrait, 128), preview=np.ascontiguousarray(portrait[::8, ::8])))
    assert read_photo(file).std() < 5


def test_what_is_no_raw_photo_says_so(tmp_path: Path) -> None:
    file = tmp_path / "broken.nef"
    file.write_bytes(b"II*\0" + bytes(100))
    with pytest.raises(UnreadablePhoto, match="damaged"):
        read_photo(file)


def test_without_the_extra_one_line_says_what_to_install(
    portrait: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "can_read_raw", lambda: False)
    file = tmp_path / "photo.dng"
    file.write_bytes(dng(portrait))
    with pytest.raises(UnreadablePhoto, match=r"pip install 'faceml\[raw\]'"):
        read_photo(file)


def test_a_jpeg_xl_photo_is_read(portrait: np.ndarray, tmp_path: Path) -> None:
    pytest.importorskip("pillow_jxl", reason="the extra raw is not installed")
    Image.fromarray(portrait).save(tmp_path / "photo.jxl", quality=95)
    pixels = read_photo(tmp_path / "photo.jxl").astype(int)
    assert np.abs(pixels - portrait).mean() < 5
