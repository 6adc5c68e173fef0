"""A model of the user's own rates faces: its file, what goes in, where its word is kept and asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, save
from sqlalchemy import update

from faceml.cli.main import cli
from faceml.config import Settings, read_settings
from faceml.errors import ModelUnavailable
from faceml.library import Library
from faceml.records import Rating
from faceml.services.exchange.export import export_faces
from faceml.services.operate.check_stores import Level
from faceml.services.operate.doctor import check_quality_model
from faceml.services.photos.detect import backfill_faces, detect_in_assets
from faceml.services.photos.ingest import ingest_folder
from faceml.services.review.grid import FaceGrid
from faceml.storage.grid.face_query import FaceQuery
from faceml.storage.sql.tables import FaceInstance, ImageAsset
from faceml.vision.crops import align_faces
from faceml.vision.image import read_photo
from faceml.vision.model_packs import RatedPack
from faceml.vision.quality import QualityModel
from faceml.wiring import ConfiguredPacks
from tests.fakes import OtherMachines, library_with
from tests.rest import API, client_of

COLOURS = (1.0, 10.0, 100.0)  # what the mean of red, green and blue counts


def quality_model(file: Path, *, batch: str | int = "N", start: float = 0.0, numbers: int = 1) -> Path:
    """A network in eDifFIQA's format: the weighted mean of the pixels, and `start`; with more numbers it is another."""
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["product"]),
        helper.make_node("Add", ["product", "start"], ["output"]),
    ]
    weights = [
        helper.make_tensor("weights", TensorProto.FLOAT, [3, numbers], np.repeat(COLOURS, numbers)),
        helper.make_tensor("start", TensorProto.FLOAT, [1], [start]),
    ]
    crops = helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, 112, 112])
    found = helper.make_tensor_value_info("output", TensorProto.FLOAT, [batch, numbers])
    graph = helper.make_graph(nodes, "rates", [crops], [found], weights)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), file)
    return file


def slowly(crop: np.ndarray[Any, Any]) -> float:
    """What that network says of one crop, in the words of the format."""
    return float(sum(weight * ((crop[..., at] / 255 - 0.5) / 0.5).mean() for at, weight in enumerate(COLOURS)))


@pytest.fixture
def rated(settings: Settings, opencv_zoo: Any, photos: Path, tmp_path: Path) -> Iterator[Library]:
    """Two portraits and a group, found by the real models, none of them rated yet."""
    file = quality_model(tmp_path / "mean.onnx")
    pack = RatedPack(opencv_zoo, QualityModel.load(file))
    library = library_with(pack, replace(settings, quality_model=str(file)))
    ingest_folder(library.repository, photos)
    yield library
    library.close()


def ratings(library: Library) -> list[tuple[float | None, str | None]]:
    with library.repository.read() as unit:
        return [(row.rating, row.rated_by) for row in unit.export_rows()]


@pytest.mark.parametrize("batch", ["N", 1])
def test_crops_are_rated_as_the_format_has_it(tmp_path: Path, batch: str | int) -> None:
    model = QualityModel.load(quality_model(tmp_path / "mean.onnx", batch=batch))
    crops = np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3)).astype(np.uint8)
    crops[:, :, :, 2] //= 2
    found = model.rate(crops)
    assert [one.rating for one in found] == pytest.approx([slowly(crop) for crop in crops], abs=1e-3)
    assert {one.rated_by for one in found} == {model.name}
    assert model.name.startswith("mean@")
    assert model.rate(crops[:0]) == ()


def test_another_file_of_the_same_name_is_another_model(tmp_path: Path) -> None:
    first = QualityModel.load(quality_model(tmp_path / "mean.onnx"))
    second = QualityModel.load(quality_model(tmp_path / "mean.onnx", start=1.0))
    assert first.name != second.name


def test_what_is_no_number_is_no_rating(tmp_path: Path) -> None:
    model = QualityModel.load(quality_model(tmp_path / "mean.onnx", start=float("nan")))
    assert model.rate(np.zeros((1, 112, 112, 3), np.uint8)) == (Rating(None, model.name),)


def test_a_file_that_rates_nobody_is_refused_in_one_line(tmp_path: Path) -> None:
    wrong = {
        "none.onnx": "cannot be read",
        "text.onnx": "does not rate faces",
        "pointer.onnx": "git lfs pull",
        "embeds.onnx": "N×3×112×112",
    }
    (tmp_path / "text.onnx").write_text("<html>")
    (tmp_path / "pointer.onnx").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    quality_model(tmp_path / "embeds.onnx", numbers=4)
    for name, reason in wrong.items():
        with pytest.raises(ModelUnavailable, match=reason) as refused:
            QualityModel.load(tmp_path / name)
        assert str(refused.value).startswith(f"FACEML_QUALITY_MODEL={tmp_path / name} ")
        assert "\n" not in str(refused.value)


def test_the_doctor_looks_at_the_file(rated: Library, tmp_path: Path) -> None:
    (finding,) = check_quality_model(rated)
    assert (finding.level, finding.detail.partition("@")[0]) == (Level.OK, "mean")
    (tmp_path / "mean.onnx").unlink()
    (finding,) = check_quality_model(rated)
    assert finding.level is Level.FAIL
    assert finding.fix == "give the path of an .onnx file, or leave it empty"
    assert list(check_quality_model(replace(rated, settings=no_model(rated)))) == []


def test_a_wrong_file_is_told_before_any_photo_is_looked_at(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("FACEML_HOME=library\nFACEML_MODEL_PACK=opencv-zoo\nFACEML_QUALITY_MODEL=no.onnx\n")
    assert read_settings({}).quality_model == str(tmp_path / "no.onnx")
    assert CliRunner().invoke(cli, ["ingest", str(photos)]).exit_code == 0
    for _ in range(2):
        done = CliRunner().invoke(cli, ["faces", "backfill"])
        assert done.exit_code != 0
        assert f"{tmp_path / 'no.onnx'} cannot be read" in str(done.exception)
    monkeypatch.setenv("FACEML_QUALITY_MODEL", "")
    assert "Photos processed: 4" in CliRunner().invoke(cli, ["faces", "backfill"], catch_exceptions=False).stdout
    monkeypatch.delenv("FACEML_QUALITY_MODEL")
    name = QualityModel.load(quality_model(tmp_path / "no.onnx")).name
    for command in ("faces backfill", "faces export faces.csv"):
        CliRunner().invoke(cli, command.split(), catch_exceptions=False)
    assert all(line.endswith(f",{name}") for line in (tmp_path / "faces.csv").read_text().splitlines()[1:])


def test_faces_are_rated_when_they_are_found(rated: Library, photos: Path, tmp_path: Path) -> None:
    backfill_faces(rated)
    name = QualityModel.load(tmp_path / "mean.onnx").name
    with rated.repository.read() as unit:
        rows = {Path(row.path).name: row for row in unit.export_rows() if "group" not in row.path}
        faces = unit.vectors.unmeasured(limit=9, rated_by="another")
    assert {row.rated_by for row in rows.values()} == {name}
    for file, row in rows.items():
        (kps,) = faces[row.asset_id].values()
        (crop,) = align_faces(read_photo(photos / file), kps[None])
        assert row.rating == pytest.approx(slowly(crop), abs=1.0)  # landmarks are stored with two decimals
        assert row.quality <= 1, "the documented score is another thing"
    assert backfill_faces(rated).faces_measured == 0


def test_a_wrong_file_is_told_before_photos_of_an_older_library_are_hashed(rated: Library, tmp_path: Path) -> None:
    backfill_faces(rated)
    with rated.repository.begin() as unit:
        unit.faces._session.execute(update(ImageAsset).values(perceptual_hash=None))
    settings = replace(rated.settings, quality_model=str(tmp_path / "none.onnx"))
    wrong = replace(rated, settings=settings, packs=ConfiguredPacks(settings, rated.repository))
    with pytest.raises(ModelUnavailable, match=r"none\.onnx cannot be read"):
        backfill_faces(wrong)
    with rated.repository.read() as unit:
        assert unit.shots.all() == []
    assert None not in {rating for rating, _ in ratings(rated)}


def test_other_machines_rate_as_this_one(rated: Library) -> None:
    """They open the pack and the model by where both lie."""
    here = rated.settings
    packs = ConfiguredPacks(here, rated.repository)
    away = replace(rated, packs=packs, machines=OtherMachines())
    backfill_faces(away)
    found = sorted(rating for rating, _ in ratings(rated) if rating is not None)
    assert len(found) == len(ratings(rated)) > 0
    assert packs.source().quality_model == here.quality_model


def test_ratings_are_exported_and_asked_for(rated: Library, tmp_path: Path) -> None:
    backfill_faces(rated)
    found = [rating for rating, _ in ratings(rated) if rating is not None]
    best = max(found)
    assert len(found) >= 3
    assert FaceGrid(rated).page(FaceQuery(min_rating=best + 1)).total == 0
    assert FaceGrid(rated).page(FaceQuery(min_rating=best)).total == 1
    with client_of(rated) as api:
        everybody = api.get(f"{API}/grid", params={"minRating": min(found)}).json()
        assert everybody["total"] == len(found)
        assert api.get(f"{API}/grid", params={"minRating": best}).json()["total"] == 1
    export_faces(rated.repository, tmp_path / "faces.csv")
    head, first, *_ = (tmp_path / "faces.csv").read_text().splitlines()
    assert head.endswith(",rating,rated_by")
    assert first.rpartition(",")[2].startswith("mean@")


def test_faces_of_before_are_rated_by_the_next_backfill(rated: Library) -> None:
    unrated = replace(rated, packs=replace(rated.packs, pack=rated.packs.load().pack), settings=no_model(rated))
    backfill_faces(unrated)
    assert {rating for rating, _ in ratings(rated)} == {None}
    assert backfill_faces(rated).faces_measured == len(ratings(rated)) > 0
    assert None not in {rating for rating, _ in ratings(rated)}
    before = ratings(rated)
    with rated.repository.begin() as unit:
        unit.faces._session.execute(update(FaceInstance).values(sharpness=None))
    assert backfill_faces(unrated).faces_measured == len(before)
    assert ratings(rated) == before, "who measures without a model takes no rating away"


def no_model(library: Library) -> Settings:
    return replace(library.settings, quality_model="")


def test_numbers_of_two_models_never_stand_side_by_side(rated: Library, photos: Path, tmp_path: Path) -> None:
    backfill_faces(rated)
    before = ratings(rated)
    model = QualityModel.load(quality_model(tmp_path / "other.onnx", start=1000.0))
    other = replace(rated, packs=replace(rated.packs, pack=RatedPack(rated.packs.load().pack, model)))
    detect_in_assets(other, [1])
    assert ratings(rated) == [(None, None)] * len(before), "what was there is kept as it is, and waits to be rated"
    assert backfill_faces(other).faces_measured == len(before)
    assert {by for _, by in ratings(rated)} == {model.name}
    assert [rating for rating, _ in ratings(rated)] == pytest.approx([old + 1000 for old, _ in before], abs=1.0)
