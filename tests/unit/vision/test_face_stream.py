"""Many photos at once: order, batches, bounds, and a clean end. The models are a fake; the rest is real."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceml.records import PackContract
from faceml.vision.crops import ARCFACE_POINTS
from faceml.vision.detection import Detections
from faceml.vision.stream import find_faces, usable_workers


class PaintedFaces:
    """Finds as many faces as the photo's red says; an embedding tells the crop's green."""

    contract = PackContract("fake", 2, "0" * 64, "none", 0.5)
    provider = "CPUExecutionProvider"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def detect(
        self, image: np.ndarray, *, min_confidence: float, min_face_size: int, size_px: int | None = None
    ) -> Detections:
        if image[0, 0, 2] == 99:
            raise RuntimeError("the detector is broken")
        count = int(image[0, 0, 0])
        box = np.array([[-5.0, 0.0, 100.4, 90.0]], np.float32).repeat(count, axis=0)
        kps = ARCFACE_POINTS[None].repeat(count, axis=0).astype(np.float32)
        return Detections(box, np.full(count, 0.8, np.float32), kps)

    def embed(self, crops: np.ndarray) -> np.ndarray:
        self.batches.append(len(crops))
        green = crops[:, 56, 56, 1].astype(np.float32) / 255
        return np.stack([green, np.sqrt(1 - green**2)], axis=1)


def photo(folder: Path, number: int, *, faces: int, blue: int = 0) -> tuple[int, Path]:
    path = folder / f"{number}.png"
    Image.new("RGB", (120, 112), (faces, number, blue)).save(path)
    return number, path


def vision_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("faceml-vision")]


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_every_face_gets_its_own_embedding_in_the_photos_order(tmp_path: Path, batch_size: int) -> None:
    counts = [2, 0, 1, 5, 0, 0, 3]
    photos = [photo(tmp_path, number, faces=count) for number, count in enumerate(counts)]
    found = list(find_faces(photos, PaintedFaces(), batch_size=batch_size))
    assert [one.asset_id for one in found] == list(range(len(counts)))
    assert [len(one.faces) for one in found] == counts
    for one in found:
        for face in one.faces:
            assert face.embedding[0] == pytest.approx(one.asset_id / 255)


def test_a_face_is_described_inside_its_photo(tmp_path: Path) -> None:
    [one] = find_faces([photo(tmp_path, 7, faces=1)], PaintedFaces())
    [face] = one.faces
    assert (one.width, one.height, one.error) == (120, 112, None)
    assert (face.bbox.x, face.bbox.y, face.bbox.w, face.bbox.h) == (0, 0, 100, 90)
    assert face.detection_confidence == pytest.approx(0.8)
    assert face.quality_score == pytest.approx(9000 / 40000 / 2 + 0.4)


def test_crops_of_many_photos_are_embedded_together(tmp_path: Path) -> None:
    pack = PaintedFaces()
    photos = [photo(tmp_path, number, faces=2) for number in range(20)]
    assert len(list(find_faces(photos, pack, batch_size=8))) == 20
    assert pack.batches == [8, 8, 8, 8, 8]


def test_unreadable_photos_are_reported_in_place_and_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    photos = [
        photo(tmp_path, 0, faces=1),
        (1, tmp_path / "empty.jpg"),
        (2, tmp_path / "nowhere.jpg"),
        photo(tmp_path, 3, faces=1),
    ]
    found = list(find_faces(photos, PaintedFaces()))
    assert [one.error for one in found] == [None, "the file is empty", "the file is missing", None]
    assert [len(one.faces) for one in found] == [1, 0, 0, 1]
    assert (found[1].width, found[1].height) == (0, 0)


def test_no_photos_give_no_faces() -> None:
    assert list(find_faces([], PaintedFaces())) == []


def test_photos_are_taken_only_a_little_ahead(tmp_path: Path) -> None:
    taken = 0

    def endless() -> Iterator[tuple[int, Path]]:
        nonlocal taken
        item = photo(tmp_path, 1, faces=1)
        while True:
            taken += 1
            yield item

    found = find_faces(endless(), PaintedFaces(), batch_size=4, workers=2)
    for _ in range(10):
        next(found)
    found.close()  # type: ignore[attr-defined]
    assert taken <= 10 + 6 * 4


def test_closing_early_leaves_no_thread(tmp_path: Path) -> None:
    photos = [photo(tmp_path, number, faces=1) for number in range(200)]
    found = find_faces(photos, PaintedFaces(), batch_size=2, workers=4)
    next(found)
    assert vision_threads()
    found.close()  # type: ignore[attr-defined]
    assert vision_threads() == []


def test_a_broken_model_stops_the_run_and_leaves_no_thread(tmp_path: Path) -> None:
    photos = [photo(tmp_path, number, faces=1, blue=99 if number == 5 else 0) for number in range(30)]
    with pytest.raises(RuntimeError, match="broken"):
        list(find_faces(photos, PaintedFaces(), batch_size=2, workers=2))
    assert vision_threads() == []


def test_there_is_at_least_one_worker() -> None:
    assert 1 <= usable_workers() <= 8
