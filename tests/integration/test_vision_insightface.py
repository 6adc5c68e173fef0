"""InsightFace packs give what `FaceAnalysis` gives: on the developers' photos and weights."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from faceml.vision.crops import align_faces
from faceml.vision.image import read_photo
from faceml.vision.model_packs import load_pack, read_contract
from faceml.vision.sessions import log_once
from faceml.vision.stream import find_faces

PACK = "scrfd500m_edgeface_xs"


@pytest.fixture(scope="module")
def model_root(shared: Path) -> Path:
    return shared / "models" / "insightface"


@pytest.fixture(scope="module")
def pack(model_root: Path, model_cache: Path) -> Any:
    return load_pack(PACK, model_root=model_root, cache_dir=model_cache)


@pytest.fixture(scope="module")
def analysis(model_root: Path) -> Any:
    from insightface.app import FaceAnalysis

    app = FaceAnalysis(name=PACK, root=str(model_root), providers=["CPUExecutionProvider"])
    app.prepare(ctx_id=0, det_thresh=0.5)
    return app


@pytest.fixture(scope="module")
def faces_photos(shared: Path, photo_folder: Path) -> list[Path]:
    return [*sorted((shared / "data" / "lfw-color").rglob("*.jpg"))[::4], photo_folder / "group.jpg"]


@pytest.mark.filterwarnings("ignore:`estimate` is deprecated:FutureWarning")
def test_boxes_points_and_embeddings_are_those_of_face_analysis(
    pack: Any, analysis: Any, faces_photos: list[Path]
) -> None:
    compared = 0
    for path in faces_photos:
        expected = analysis.get(cv2.imread(str(path)))
        image = read_photo(path)
        found = pack.detect(image, min_confidence=0.5, min_face_size=0)
        embeddings = pack.embed(align_faces(image, found.kps))
        assert len(found) == len(expected)
        for theirs, box, score, kps, embedding in zip(
            expected, found.boxes, found.scores, found.kps, embeddings, strict=True
        ):
            np.testing.assert_allclose(box, theirs.bbox, atol=0.01)
            np.testing.assert_allclose(kps, theirs.kps, atol=0.01)
            assert score == pytest.approx(theirs.det_score, abs=1e-4)
            assert float(embedding @ theirs.normed_embedding) >= 0.9999
            compared += 1
    assert compared > 25


def test_a_stream_gives_what_single_photos_give(pack: Any, faces_photos: list[Path]) -> None:
    together = list(find_faces(enumerate(faces_photos), pack, batch_size=5))
    alone = [next(iter(find_faces([(at, path)], pack))) for at, path in enumerate(faces_photos)]
    assert [one.asset_id for one in together] == [one.asset_id for one in alone]
    for one, other in zip(together, alone, strict=True):
        assert [face.bbox for face in one.faces] == [face.bbox for face in other.faces]
        for face, twin in zip(one.faces, other.faces, strict=True):
            assert float(face.embedding @ twin.embedding) >= 0.99999


def test_many_unsure_detections_are_decoded_as_insightface_does(
    pack: Any, analysis: Any, faces_photos: list[Path]
) -> None:
    """At a low threshold thousands of cells pass: decoding and suppression must still agree."""
    image = read_photo(faces_photos[0])
    boxes, _ = analysis.det_model.detect(cv2.imread(str(faces_photos[0])), det_thresh=0.02)
    found = pack.detect(image, min_confidence=0.02, min_face_size=0)
    usable = {tuple(row) for row in np.round(boxes[:, :4], 1).tolist()}
    assert len(found) > 5
    assert {tuple(row) for row in np.round(found.boxes, 1).tolist()} <= usable


def test_the_contract_is_read_without_opening_the_models(pack: Any, model_root: Path, model_cache: Path) -> None:
    contract = read_contract(PACK, model_root=model_root)
    assert contract == pack.contract
    assert (contract.name, contract.width) == (PACK, 512)
    assert "non-commercial" in contract.licence


def test_a_folder_works_like_a_name_even_nested_as_some_archives_are(
    model_root: Path, model_cache: Path, tmp_path: Path
) -> None:
    by_name = read_contract(PACK, model_root=model_root)
    folder = model_root / "models" / PACK
    assert read_contract(str(folder), model_root=tmp_path) == by_name
    shutil.copytree(folder, tmp_path / "models" / PACK / PACK)
    assert read_contract(PACK, model_root=tmp_path) == by_name


def test_loading_prints_nothing_and_names_licence_and_provider_once(
    model_root: Path, model_cache: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    log_once.cache_clear()
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            load_pack(PACK, model_root=model_root, cache_dir=model_cache)
    licence = [record for record in caplog.records if "non-commercial" in record.message]
    provider = [record for record in caplog.records if "ExecutionProvider" in record.message]
    assert [record.levelno for record in licence] == [logging.WARNING]
    assert len(provider) == 1
    assert capsys.readouterr().out == ""
