"""Detection with the real models on real photos, stored once."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from PIL import Image

from faceml.config import Settings
from faceml.errors import ModelMismatch, NotFound, WrongUse
from faceml.library import Library
from faceml.options import DetectOptions
from faceml.records import AssetStatus, BBox
from faceml.services.exchange.import_labels import import_labels
from faceml.services.index.drain import drain_outbox, index_width
from faceml.services.index.repair import find_orphans, fix_orphans
from faceml.services.operate.status import read_stats
from faceml.services.photos.detect import backfill_faces, detect_in_assets, detect_in_photo
from faceml.services.photos.ingest import ingest_folder
from faceml.storage.index.edge_index import open_edge
from faceml.storage.index.stores import EdgeStore
from faceml.vision.detection import Detections
from faceml.wiring import open_library
from tests.fakes import WIDTH, FakePack, library_with


@pytest.fixture
def detected(library: Library, photos: Path) -> Library:
    ingest_folder(library.repository, photos)
    backfill_faces(library)
    return library


def face_ids(library: Library) -> set[UUID]:
    with library.repository.read() as unit:
        return {face_id for face_id, _, _ in unit.faces.labels()}


def by_photo(library: Library) -> dict[str, int]:
    with library.repository.read() as unit:
        names = {asset.id: asset.path.name for asset in unit.assets.by_ids(list(range(1, 50)))}
        counts = dict.fromkeys(names.values(), 0)
        for face in unit.faces.in_assets(list(names)):
            counts[names[face.asset_id]] += 1
    return counts


def test_every_face_is_found_stored_and_indexed(detected: Library) -> None:
    assert by_photo(detected) == {"astronaut.jpg": 1, "hopper.jpg": 1, "group.jpg": 6, "nobody.png": 0}
    stats = read_stats(detected)
    assert (stats.total_faces, stats.points, stats.index_backlog) == (8, 8, 0)


def test_stored_vectors_are_unit_vectors_of_the_packs_width(detected: Library) -> None:
    with detected.repository.read() as unit:
        vectors = unit.vectors.of(sorted(face_ids(detected))).vectors
    assert vectors.shape == (8, detected.packs.contract().width)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_second_run_looks_at_nothing(detected: Library) -> None:
    before = face_ids(detected)
    report = backfill_faces(detected)
    assert (report.processed, report.faces_added) == (0, 0)
    assert face_ids(detected) == before


def test_detecting_again_finds_the_same_faces(detected: Library) -> None:
    before = face_ids(detected)
    report = detect_in_assets(detected, [1, 2, 3, 4])
    assert (report.processed, report.total_faces, report.faces_added) == (4, 8, 0)
    assert face_ids(detected) == before


def test_looser_thresholds_add_only_new_faces(library: Library, photos: Path) -> None:
    ingest_folder(library.repository, photos)
    strict = backfill_faces(library, DetectOptions(min_face_size=120))
    before = face_ids(library)
    loose = backfill_faces(library)
    assert strict.faces_added < 8
    assert strict.faces_added + loose.faces_added == 8
    assert before < face_ids(library)


def test_limit_and_offset_take_a_part_of_the_waiting_photos(library: Library, photos: Path) -> None:
    ingest_folder(library.repository, photos)
    assert backfill_faces(library, DetectOptions(limit=1, offset=1)).processed == 1
    assert backfill_faces(library).processed == 3


def test_broken_files_are_counted_with_their_reason_and_stop_nothing(library: Library, photos: Path) -> None:
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "text.jpg").write_bytes(b"this is no picture")
    (photos / "cut.jpg").write_bytes((photos / "hopper.jpg").read_bytes()[:3000])
    ingest_folder(library.repository, photos)
    (photos / "astronaut.jpg").unlink()
    report = backfill_faces(library)
    assert (report.processed, report.errors, report.total_faces) == (7, 4, 7), report.reasons
    assert sum(count for _, count in report.reasons) == 4
    with library.repository.read() as unit:
        failed = [asset for asset in unit.assets.by_ids(list(range(1, 9))) if asset.status == AssetStatus.FAILED]
    assert len(failed) == 4
    assert all(asset.error for asset in failed)
    assert backfill_faces(library).processed == 0


def test_an_edited_photo_renews_its_faces_and_keeps_what_a_person_said(library: Library, photos: Path) -> None:
    only = photos / "one"
    only.mkdir()
    (photos / "hopper.jpg").rename(only / "hopper.jpg")
    ingest_folder(library.repository, only)
    backfill_faces(library)
    labels = only / "labels.csv"
    labels.write_text("path,person_name\nhopper.jpg,Grace Hopper\n")
    import_labels(library, labels, actor="me")
    before = face_ids(library)
    with Image.open(only / "hopper.jpg") as photo:
        photo.convert("L").save(only / "hopper.jpg")
    ingest_folder(library.repository, only)
    assert backfill_faces(library).faces_added == 0
    assert face_ids(library) == before
    Image.new("RGB", (600, 600)).save(only / "hopper.jpg")
    ingest_folder(library.repository, only)
    backfill_faces(library)
    with library.repository.read() as unit:
        assert {face.id for face in unit.faces.by_ids(list(before))} == before, "what a person named is not thrown away"
    assert face_ids(library) == set(), "but it is not on this picture"


def test_a_face_that_is_gone_from_an_edited_photo_goes(library: Library, photos: Path) -> None:
    ingest_folder(library.repository, photos)
    backfill_faces(library)
    Image.new("RGB", (600, 600)).save(photos / "group.jpg")
    ingest_folder(library.repository, photos)
    backfill_faces(library)
    assert by_photo(library)["group.jpg"] == 0
    assert read_stats(library).points == 2


@dataclass(frozen=True)
class FindsBoxes(FakePack):
    """Finds the same boxes (x1, y1, x2, y2) on every photo, each with a vector of its own."""

    boxes: tuple[tuple[int, int, int, int], ...] = ()

    def detect(
        self, image: Any, *, min_confidence: float, min_face_size: int, size_px: int | None = None
    ) -> Detections:
        kps = np.random.default_rng(0).uniform(10, 90, (len(self.boxes), 5, 2)).astype(np.float32)
        return Detections(np.array(self.boxes, np.float32), np.full(len(self.boxes), 0.9, np.float32), kps)

    def embed(self, crops: Any) -> Any:
        return np.eye(WIDTH, dtype=np.float32)[: len(crops)]


def test_two_found_faces_never_become_one_stored_face(settings: Settings, tmp_path: Path) -> None:
    def look(colour: str, *boxes: tuple[int, int, int, int]) -> list[BBox]:
        Image.new("RGB", (100, 100), colour).save(tmp_path / "photos" / "one.png")
        library = library_with(FindsBoxes(boxes=boxes), settings)
        ingest_folder(library.repository, tmp_path / "photos")
        detect_in_assets(library, [1])
        with library.repository.read() as unit:
            found = unit.faces.in_assets([1])
        library.close()
        return sorted((face.bbox for face in found), key=lambda box: box.x)

    (tmp_path / "photos").mkdir()
    assert look("red", (10, 10, 40, 20)) == [BBox(10, 10, 30, 10)]
    two = [BBox(10, 10, 16, 10), BBox(23, 10, 17, 10)]
    assert look("blue", (10, 10, 26, 20), (23, 10, 40, 20)) == two, "the better one is the stored face, the other new"
    assert look("blue", (10, 10, 26, 20), (23, 10, 40, 20)) == two


def test_another_pack_is_refused_and_changes_nothing(detected: Library, shared: Path) -> None:
    other = open_library(
        Settings(
            home=detected.settings.home,
            model_pack="scrfd500m_edgeface_xs",
            model_root=shared / "models" / "insightface",
        )
    )
    with pytest.raises(ModelMismatch, match="FACEML_MODEL_PACK=opencv-zoo"):
        detect_in_assets(other, [1])
    assert len(face_ids(detected)) == 8


def test_unknown_assets_are_counted_and_silly_thresholds_refused(detected: Library) -> None:
    report = detect_in_assets(detected, [1, 99, 1])
    assert (report.processed, report.errors, report.reasons) == (1, 1, (("not in this library", 1),))
    with pytest.raises(NotFound, match="asset 99"):
        detect_in_photo(detected, 99)
    with pytest.raises(WrongUse, match=r"min_confidence=1\.5"):
        backfill_faces(detected, DetectOptions(min_confidence=1.5))
    with pytest.raises(WrongUse, match="min_face_size=0"):
        backfill_faces(detected, DetectOptions(min_face_size=0))


# --- the index follows


def test_an_index_held_by_another_fails_no_detection(library: Library, photos: Path) -> None:
    import multiprocessing

    ingest_folder(library.repository, photos)
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    holder = context.Process(target=hold_index, args=(library.settings.index_folder, ready, release))
    holder.start()
    assert ready.wait(60)
    library = replace(library, index=EdgeStore(library.settings.index_folder, wait_s=0.2))
    report = backfill_faces(library)
    assert (report.faces_added, report.index_backlog) == (8, 8)
    assert read_stats(library).index_problem
    release.set()
    holder.join(60)
    assert drain_outbox(library).backlog == 0
    assert read_stats(library).points == 8


def hold_index(folder: Path, ready, release) -> None:
    with open_edge(folder):
        ready.set()
        release.wait(60)


def test_orphans_of_both_directions_are_found_and_mended(detected: Library) -> None:
    ids = sorted(face_ids(detected))
    with detected.index.open() as index:
        index.delete(ids[:2])
        stray = UUID(int=7)
        index.upsert([stray], np.eye(1, index_width(detected), dtype=np.float32), [{"asset_id": "9"}])
        index.upsert([ids[3]], np.eye(1, index_width(detected), dtype=np.float32), [{"asset_id": "9"}])
    found = find_orphans(detected)
    assert {orphan.face_id for orphan in found.orphans} == set(ids[:2])
    assert (found.faces_checked, found.stale_points, found.stray_points) == (8, 1, 1)
    _, repaired = fix_orphans(detected)
    assert (repaired.points_restored, repaired.points_removed, repaired.faces_redetected) == (3, 1, 0)
    again = find_orphans(detected)
    assert (again.orphans, again.stale_points, again.stray_points) == ((), 0, 0)


def test_a_lost_vector_is_detected_again_for_the_same_face(detected: Library) -> None:
    ids = sorted(face_ids(detected))
    with detected.repository.read() as unit:
        before = unit.vectors.of(ids).vectors
    with sqlite3.connect(detected.settings.home / "faceml.db") as database:
        database.execute("DELETE FROM face_embeddings WHERE face_instance_id = ?", (ids[0].hex,))
    assert {orphan.face_id for orphan in find_orphans(detected).orphans} >= {ids[0]}
    _, repaired = fix_orphans(detected)
    assert (repaired.assets_processed, repaired.faces_redetected, repaired.errors) == (1, 1, 0)
    with detected.repository.read() as unit:
        np.testing.assert_allclose(unit.vectors.of(ids).vectors, before, atol=1e-4)


@pytest.mark.parametrize("damage", ["gone", "torn"])
def test_a_lost_or_damaged_index_is_built_anew_without_detecting(detected: Library, damage: str) -> None:
    folder = detected.settings.index_folder
    if damage == "gone":
        import shutil

        shutil.rmtree(folder)
    else:
        for file in folder.rglob("*"):
            if file.is_file():
                file.write_bytes(b"torn")
        assert read_stats(detected).index_problem
    _, repaired = fix_orphans(detected)
    assert (repaired.points_restored, repaired.assets_processed) == (8, 0)
    stats = read_stats(detected)
    assert (stats.points, stats.index_problem) == (8, None)
