"""The pack `opencv-zoo` on real photos that installed packages ship."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image, ImageOps

from faceml.records import PhotoFaces
from faceml.vision.crops import align_faces
from faceml.vision.detection import YUNET_MAX_IOU, YUNET_OUTPUTS, YUNET_STRIDES, Detections, decode_yunet
from faceml.vision.float_models import float_model
from faceml.vision.image import read_photo
from faceml.vision.model_packs import read_contract
from faceml.vision.opencv_zoo import find_weights
from faceml.vision.stream import find_faces


def faces_in(path: Path, pack: Any) -> PhotoFaces:
    [one] = find_faces([(1, path)], pack)
    assert one.error is None
    return one


def assert_same_faces(one: PhotoFaces, other: PhotoFaces, *, min_iou: float, min_similarity: float) -> None:
    assert len(one.faces) == len(other.faces) > 0
    for face in one.faces:
        twin = max(other.faces, key=lambda candidate: face.bbox.iou(candidate.bbox))
        assert face.bbox.iou(twin.bbox) >= min_iou
        assert float(face.embedding @ twin.embedding) >= min_similarity


def test_six_people_stand_in_the_group_and_one_in_each_portrait(photo_folder: Path, opencv_zoo: Any) -> None:
    names = ("group.jpg", "astronaut.jpg", "hopper.jpg", "nobody.png")
    found = list(find_faces(((at, photo_folder / name) for at, name in enumerate(names)), opencv_zoo))
    assert [len(one.faces) for one in found] == [6, 1, 1, 0]


def test_faces_are_described_as_promised(photo_folder: Path, opencv_zoo: Any) -> None:
    one = faces_in(photo_folder / "group.jpg", opencv_zoo)
    for face in one.faces:
        box = face.bbox
        assert 0.5 <= face.detection_confidence <= 1
        assert 0 <= face.quality_score <= 1
        assert face.embedding.shape == (128,)
        assert np.linalg.norm(face.embedding) == pytest.approx(1, abs=1e-5)
        inside = (face.kps >= [box.x, box.y]) & (face.kps <= [box.x + box.w, box.y + box.h])
        assert inside.all()
        left_eye, right_eye, nose, left_mouth, right_mouth = face.kps
        assert left_eye[0] < nose[0] < right_eye[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_six_people_are_six_people(photo_folder: Path, opencv_zoo: Any) -> None:
    vectors = np.stack([face.embedding for face in faces_in(photo_folder / "group.jpg", opencv_zoo).faces])
    similarities = (vectors @ vectors.T)[np.triu_indices(6, 1)]
    assert similarities.max() < opencv_zoo.contract.match_threshold


def test_the_same_person_is_recognised_in_a_smaller_mirrored_grey_copy(
    photo_folder: Path, tmp_path: Path, opencv_zoo: Any
) -> None:
    with Image.open(photo_folder / "astronaut.jpg") as photo:
        ImageOps.mirror(photo.convert("L")).resize((300, 300)).save(tmp_path / "copy.png")
    [face] = faces_in(photo_folder / "astronaut.jpg", opencv_zoo).faces
    [copy] = faces_in(tmp_path / "copy.png", opencv_zoo).faces
    assert float(face.embedding @ copy.embedding) > 0.6


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_photo_gives_the_same_faces_as_the_upright_one(
    photo_folder: Path, tmp_path: Path, opencv_zoo: Any, orientation: int
) -> None:
    upright = read_photo(photo_folder / "group.jpg")
    Image.fromarray(upright).save(tmp_path / "upright.tif")
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(turned_away(upright, orientation)).save(tmp_path / "turned.tif", exif=exif)
    one, other = (faces_in(tmp_path / name, opencv_zoo) for name in ("upright.tif", "turned.tif"))
    assert (one.width, one.height) == (other.width, other.height)
    assert_same_faces(one, other, min_iou=1.0, min_similarity=0.9999)


def turned_away(upright: np.ndarray, orientation: int) -> np.ndarray:
    """What a camera held that way stores (EXIF 2.32)."""
    mirrored = upright[:, ::-1] if orientation in (2, 4, 5, 7) else upright
    turns = {2: 0, 3: 2, 4: 2, 5: 1, 6: 1, 7: 3, 8: 3}[orientation]
    return np.ascontiguousarray(np.rot90(mirrored, turns))


@pytest.mark.parametrize(
    ("suffix", "mode", "settings"),
    [
        ("jpg", "RGB", {"quality": 95}),
        ("webp", "RGB", {"quality": 95}),
        ("heic", "RGB", {"quality": 95}),
        ("tif", "RGB", {}),
        ("png", "RGBA", {}),
        ("jpg", "CMYK", {"quality": 95}),
        ("jpg", "L", {"quality": 95}),
    ],
)
def test_each_format_gives_the_same_faces(
    photo_folder: Path, tmp_path: Path, opencv_zoo: Any, suffix: str, mode: str, settings: dict[str, Any]
) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    path = tmp_path / f"photo.{suffix}"
    with Image.open(photo_folder / "hopper.jpg") as photo:
        photo.convert(mode).save(path, **settings)
    assert_same_faces(
        faces_in(photo_folder / "hopper.jpg", opencv_zoo),
        faces_in(path, opencv_zoo),
        min_iou=0.85,
        min_similarity=0.75 if mode == "L" else 0.93,
    )


def test_a_face_that_fills_the_photo_is_found(photo_folder: Path, tmp_path: Path, opencv_zoo: Any) -> None:
    photo = read_photo(photo_folder / "hopper.jpg")
    [face] = faces_in(photo_folder / "hopper.jpg", opencv_zoo).faces
    box = face.bbox
    close_up = Image.fromarray(photo[box.y : box.y + box.h, box.x : box.x + box.w]).resize((1500, 2000))
    close_up.save(tmp_path / "close.png")
    largest = max(faces_in(tmp_path / "close.png", opencv_zoo).faces, key=lambda found: found.bbox.w * found.bbox.h)
    assert largest.bbox.w * largest.bbox.h > 0.5 * 1500 * 2000


def test_a_batch_gives_what_single_crops_give(photo_folder: Path, opencv_zoo: Any) -> None:
    image = read_photo(photo_folder / "group.jpg")
    found = opencv_zoo.detect(image, min_confidence=0.5, min_face_size=20)
    crops = np.concatenate([align_faces(image, found.kps)] * 3)
    single = np.concatenate([opencv_zoo.embed(crop[None]) for crop in crops])
    np.testing.assert_allclose(opencv_zoo.embed(crops), single, atol=1e-5)
    assert opencv_zoo.embed(crops[:0]).shape == (0, 128)


def test_the_float_recogniser_computes_what_the_shipped_one_computes(photo_folder: Path, opencv_zoo: Any) -> None:
    image = read_photo(photo_folder / "group.jpg")
    crops = align_faces(image, opencv_zoo.detect(image, min_confidence=0.5, min_face_size=20).kps)
    model = onnx.load(find_weights(Path("nowhere")).recogniser)
    del model.graph.input[1:]  # weights that no node reads, listed as inputs
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    shipped = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for crop, ours in zip(crops, opencv_zoo.embed(crops), strict=True):
        raw = shipped.run(None, {"data": crop.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
        assert float(ours @ raw) / np.linalg.norm(raw) > 0.99999


def test_detection_is_that_of_opencvs_own_yunet(photo_folder: Path, model_cache: Path, opencv_zoo: Any) -> None:
    model = float_model(
        find_weights(model_cache).detector,
        cache_dir=model_cache,
        free_axes={"input": {2: "height", 3: "width"}},
    )
    canvas = np.ascontiguousarray(read_photo(photo_folder / "group.jpg")[:640, 400:1040])
    detector = cv2.FaceDetectorYN.create(str(model), "", (640, 640), 0.5, YUNET_MAX_IOU, 5000)
    theirs = detector.detect(canvas[:, :, ::-1].copy())[1]
    ours = opencv_zoo._detect_at(canvas, 640, 0.5)
    kept = ours.take(suppressed(ours))
    assert len(kept) == len(theirs) > 1
    order = np.argsort(-theirs[:, 14])
    np.testing.assert_allclose(kept.scores, theirs[order, 14], atol=1e-3)
    np.testing.assert_allclose(kept.boxes[:, :2], theirs[order, :2], atol=0.5)
    np.testing.assert_allclose(kept.boxes[:, 2:] - kept.boxes[:, :2], theirs[order, 2:4], atol=0.5)
    np.testing.assert_allclose(kept.kps.reshape(-1, 10), theirs[order, 4:14], atol=0.5)


def suppressed(found: Detections) -> np.ndarray:
    from faceml.vision.detection import non_maximum_suppression

    return non_maximum_suppression(found.boxes, found.scores, max_iou=YUNET_MAX_IOU)


def test_yunets_outputs_are_decoded_as_the_slow_version_does() -> None:
    chance = np.random.default_rng(0)
    widths = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    outputs = {
        name: chance.uniform(-0.5, 1.2, (1, (64 // int(stride)) ** 2, widths[kind])).astype(np.float32)
        for name in YUNET_OUTPUTS
        for kind, stride in [name.split("_")]
    }
    found = decode_yunet(outputs, size_px=64, min_confidence=0.6)
    expected = []
    for stride in YUNET_STRIDES:
        side = 64 // stride
        for cell in range(side * side):
            row, column = divmod(cell, side)
            cls, obj = (min(1.0, max(0.0, float(outputs[f"{kind}_{stride}"][0, cell, 0]))) for kind in ("cls", "obj"))
            if (cls * obj) ** 0.5 < 0.6:
                continue
            dx, dy, w, h = outputs[f"bbox_{stride}"][0, cell]
            x, y, w, h = (column + dx) * stride, (row + dy) * stride, np.exp(w) * stride, np.exp(h) * stride
            points = (outputs[f"kps_{stride}"][0, cell].reshape(5, 2) + np.array([column, row])) * stride
            expected.append([(cls * obj) ** 0.5, x - w / 2, y - h / 2, x + w / 2, y + h / 2, *points.ravel()])
    ours = np.concatenate([found.scores[:, None], found.boxes, found.kps.reshape(-1, 10)], axis=1)
    np.testing.assert_allclose(ours, np.array(expected), rtol=1e-4, atol=1e-3)
    assert len(expected) > 5


def test_any_picture_size_is_looked_at(opencv_zoo: Any) -> None:
    for height, width in ((1, 1), (1, 4000), (4000, 1), (7, 900)):
        image = np.full((height, width, 3), 128, np.uint8)
        assert len(opencv_zoo.detect(image, min_confidence=0.5, min_face_size=0)) == 0


def test_the_contract_is_the_same_with_and_without_opening_the_models(model_cache: Path, opencv_zoo: Any) -> None:
    assert read_contract("opencv-zoo", model_root=model_cache) == opencv_zoo.contract
    assert opencv_zoo.provider in onnxruntime.get_available_providers()
