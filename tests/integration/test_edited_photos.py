"""Photos edited after labelling: the label follows the face, box and vector are renewed, and nothing doubles."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from faceml.errors import NotFound
from faceml.library import Library
from faceml.records import BBox, Face
from faceml.services.decisions.label import assign_faces_to
from faceml.services.exchange.annotations import export_fiftyone
from faceml.services.exchange.export import export_faces, export_xmp
from faceml.services.exchange.import_xmp import import_xmp
from faceml.services.operate.status import read_stats
from faceml.services.photos.detect import backfill_faces, detect_in_assets
from faceml.services.photos.ingest import ingest_folder
from faceml.services.review.browse import list_people
from faceml.services.review.thumbnails import MARGIN, SIDE_PX, Thumbnails, draw_photo, draw_thumbnail
from faceml.vision.crops import face_thumbnail
from faceml.vision.image import Photo, read_orientation, read_photo
from faceml.vision.stream import find_faces_in
from faceml.xmp.areas import Area, Size, bbox_of, upright
from faceml.xmp.regions import read_regions

Edit = Callable[[Image.Image], Image.Image]
TURN = Image.Transpose


def whole(pixels: NDArray[np.uint8]) -> Photo:
    height, width = pixels.shape[:2]
    return Photo(pixels, BBox(0, 0, width, height))


def look(library: Library, folder: Path) -> None:
    ingest_folder(library.repository, folder)
    backfill_faces(library)


def faces_on(library: Library, photo: Path) -> list[Face]:
    with library.repository.read() as unit:
        found = unit.faces.in_assets([unit.assets.at_paths([photo])[photo].asset_id])
    return sorted(found, key=lambda face: face.bbox.x)


@pytest.fixture
def grace(library: Library, photos: Path) -> Path:
    """A portrait whose face is named, in a folder of its own."""
    photo = photos / "one" / "grace.jpg"
    photo.parent.mkdir()
    with Image.open(photos / "hopper.jpg") as portrait:
        canvas = Image.new("RGB", (900, 700), (90, 90, 90))
        canvas.paste(portrait, (30, 40))
        canvas.save(photo, quality=95)
    look(library, photo.parent)
    (face,) = faces_on(library, photo)
    assign_faces_to(library, [face.id], "Grace", actor="me")
    return photo


def edit(photo: Path, change: Edit, *, orientation: int = 1) -> None:
    """Save it anew as an editor does."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(photo) as before:
        after = change(before.convert("RGB"))
    after.save(photo, quality=95, exif=exif)


def names_in(library: Library, photo: Path) -> dict[str, str | None]:
    with library.repository.read() as unit:
        return {row.face_id: row.person_name for row in unit.export_rows() if row.path == str(photo)}


def upright_face(library: Library, photo: Path, turn: int) -> float:
    """How like Grace the picture looks where her box is, once that is turned upright; 1 is the same."""
    (face,) = faces_on(library, photo)
    box, pixels = face.bbox, read_photo(photo)
    margin = box.w // 2
    part = pixels[max(0, box.y - margin) : box.y + box.h + margin, max(0, box.x - margin) : box.x + box.w + margin]
    upright = np.ascontiguousarray(np.rot90(part, turn))
    found = find_faces_in(whole(upright), library.packs.load())
    with library.repository.read() as unit:
        (vector,) = unit.vectors.of([face.id]).vectors
    return max((float(one.embedding @ vector) for one in found), default=-1.0)


EDITS: dict[str, tuple[Edit, int, int]] = {  # what an editor does, the EXIF orientation it writes, how the face lies
    "metadata alone": (lambda image: image.copy(), 1, 0),
    "brighter": (lambda image: ImageEnhance.Brightness(image).enhance(1.2), 1, 0),
    "grey": (lambda image: image.convert("L").convert("RGB"), 1, 0),
    "smaller": (lambda image: image.resize((450, 350)), 1, 0),
    "cropped": (lambda image: image.crop((100, 60, 620, 700)), 1, 0),
    "mirrored": (lambda image: image.transpose(TURN.FLIP_LEFT_RIGHT), 1, 0),
    "turned a quarter": (lambda image: image.transpose(TURN.ROTATE_270), 1, 1),
    "turned by its tag": (lambda image: image, 3, 2),
    "turned by its tag, a quarter": (lambda image: image, 6, 1),
    "turned and smaller": (lambda image: image.transpose(TURN.ROTATE_90).resize((350, 450)), 1, 3),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_label_follows_its_face_through_an_edit(library: Library, grace: Path, name: str) -> None:
    change, orientation, lies = EDITS[name]
    (before,) = faces_on(library, grace)
    edit(grace, change, orientation=orientation)
    look(library, grace.parent)
    (after,) = faces_on(library, grace)
    assert after.id == before.id
    assert names_in(library, grace) == {str(before.id): "Grace"}
    assert upright_face(library, grace, lies) > 0.8, "box and vector are where and what the face is now"
    assert read_stats(library).points == 1
    detect_in_assets(library, [after.asset_id])
    assert faces_on(library, grace) == [after], "another look changes nothing"


def test_another_picture_of_another_face_takes_no_name_over(library: Library, grace: Path, photos: Path) -> None:
    """Portraits are cut alike: what lies at the same place need not be the same face."""
    (before,) = faces_on(library, grace)
    box = before.bbox
    with Image.open(photos / "astronaut.jpg") as other:
        face = find_faces_in(whole(np.asarray(other)), library.packs.load())[0].bbox
        there = other.resize([round(side * box.w / face.w) for side in other.size])
    scale = box.w / face.w
    canvas = Image.new("RGB", (900, 700), (90, 90, 90))
    canvas.paste(there, (round(box.x - face.x * scale), round(box.y - face.y * scale)))
    shutil.copy2(grace, photos / "kept.jpg")
    canvas.save(grace, quality=95)
    look(library, grace.parent)
    (after,) = faces_on(library, grace)
    assert after.bbox.iou(box) > 0.5
    assert names_in(library, grace) == {str(after.id): None}
    assert after.id != before.id
    (photos / "kept.jpg").rename(grace)
    look(library, grace.parent)
    assert names_in(library, grace) == {str(before.id): "Grace"}, "with its picture the label is back"


def test_who_was_cropped_away_comes_back_with_the_whole_picture(library: Library, photos: Path) -> None:
    photo = photos / "one" / "group.jpg"
    photo.parent.mkdir()
    (photos / "group.jpg").rename(photo)
    shutil.copy2(photo, photos / "whole.jpg")
    look(library, photo.parent)
    faces = faces_on(library, photo)
    names = {face.id: f"Person {number}" for number, face in enumerate(faces)}
    for face_id, name in names.items():
        assign_faces_to(library, [face_id], name, actor="me")
    left = [face for face in faces if face.bbox.x + face.bbox.w < faces[3].bbox.x - 10]
    assert left
    edit(photo, lambda image: image.crop((0, 0, faces[3].bbox.x - 10, image.height)))
    look(library, photo.parent)
    assert names_in(library, photo) == {str(face.id): names[face.id] for face in left}
    assert read_stats(library).faces_missing == len(faces) - len(left)
    shutil.copy2(photos / "whole.jpg", photo)
    look(library, photo.parent)
    assert names_in(library, photo) == {str(id_): name for id_, name in names.items()}
    stats = read_stats(library)
    assert (stats.total_photos, stats.photos_missing, stats.total_faces, stats.points) == (1, 0, 6, 6)


def test_a_photo_restored_under_another_name_has_its_label(library: Library, grace: Path, photos: Path) -> None:
    shutil.copy2(grace, photos / "kept.jpg")
    shutil.copyfile(photos / "group.jpg", grace)
    look(library, grace.parent)
    assert set(names_in(library, grace).values()) == {None}
    (photos / "kept.jpg").rename(grace.with_name("restored.jpg"))
    look(library, grace.parent)
    assert list(names_in(library, grace.with_name("restored.jpg")).values()) == ["Grace"]
    assert len(faces_on(library, grace)) == 6


def test_an_edit_saved_a_day_after_the_photo_was_deleted_has_its_label(
    library: Library, grace: Path, photos: Path
) -> None:
    (before,) = faces_on(library, grace)
    shutil.copyfile(photos / "nobody.png", grace.with_name("nobody.png"))
    with Image.open(grace) as image:
        cropped = image.crop((100, 60, 620, 700))
    grace.unlink()
    look(library, grace.parent)
    assert read_stats(library).photos_missing == 1
    cropped.save(grace)
    look(library, grace.parent)
    assert names_in(library, grace) == {str(before.id): "Grace"}
    assert read_stats(library).photos_missing == 0


def test_a_photo_edited_before_it_is_taken_in_again_is_not_mistaken(
    library: Library, grace: Path, photos: Path
) -> None:
    """Between an edit and `ingest`: no face of the new picture is added to the old one, and none is cut out of it."""
    (before,) = faces_on(library, grace)
    shutil.copyfile(photos / "group.jpg", grace)
    report = detect_in_assets(library, [before.asset_id])
    assert report.errors == 1
    assert "ingest" in report.reasons[0][0]
    assert faces_on(library, grace) == [before]
    assert Thumbnails(library).of([before]) == {}
    look(library, grace.parent)
    assert len(faces_on(library, grace)) == 6


def test_a_label_goes_through_ten_edits(library: Library, grace: Path, photos: Path, tmp_path: Path) -> None:
    """At each step the table, the sheet and the sidecar say what the photo shows."""
    (labelled,) = faces_on(library, grace)
    kept, elsewhere, bare = tmp_path / "kept.jpg", grace.parent / "moved", photos / "nobody.png"
    shutil.copyfile(bare, grace.with_name("nobody.png"))  # a folder with nothing in it may be a disk that is away

    def says(photo: Path, name: str | None, *, faces: int = 1) -> None:
        look(library, grace.parent)
        assert list(names_in(library, photo).values()) == [name] * faces
        export_xmp(library.repository)
        sidecar = photo.with_name(f"{photo.name}.xmp")
        regions = read_regions(sidecar.read_bytes()).regions if sidecar.exists() else ()
        assert [region.name for region in regions] == ([name] if name else [])
        (row,) = [item for item in list_people(library.repository).items if item.name == "Grace"]
        assert row.face_count == (1 if name else 0)
        if name:
            (face,) = faces_on(library, photo)
            assert face.id == labelled.id
            area = regions[0].area
            assert area is not None
            assert_sheet_shows(Thumbnails(library).of([face])[face.id], face, photo)
            assert_region_is(area, face, photo)

    says(grace, "Grace")
    edit(grace, lambda image: image, orientation=6)
    says(grace, "Grace")
    edit(grace, lambda image: image.transpose(TURN.ROTATE_270))
    says(grace, "Grace")
    edit(grace, lambda image: image.transpose(TURN.ROTATE_90))
    says(grace, "Grace")
    edit(grace, lambda image: image.crop((100, 60, 620, 640)))
    says(grace, "Grace")
    edit(grace, lambda image: ImageEnhance.Brightness(image).enhance(1.2))
    says(grace, "Grace")
    renamed = grace.rename(grace.with_name("renamed.jpg"))
    says(renamed, "Grace")
    elsewhere.mkdir()
    moved = renamed.rename(elsewhere / "moved.jpg")
    says(moved, "Grace")
    shutil.copy2(moved, kept)
    shutil.copyfile(photos / "group.jpg", moved)
    says(moved, None, faces=6)
    shutil.copyfile(kept, moved)
    says(moved, "Grace")
    (elsewhere / "else.txt").touch()
    moved.unlink()
    look(library, grace.parent)
    assert names_in(library, moved) == {}
    assert read_stats(library).photos_missing == 2, "it, and the group that lay in its place"
    shutil.copyfile(kept, moved)
    says(moved, "Grace")
    assert read_stats(library).points == 1


def assert_sheet_shows(picture: bytes, face: Face, photo: Path) -> None:
    expected = face_thumbnail(read_photo(photo), face.bbox, size_px=SIDE_PX, margin=MARGIN)
    shown = np.asarray(Image.open(io.BytesIO(picture))).astype(int)
    assert np.abs(shown - expected).mean() < 10  # decoded small, and JPEG's; another place differs by 40


def assert_region_is(area: Area, face: Face, photo: Path) -> None:
    height, width = read_photo(photo).shape[:2]
    place = bbox_of(upright(area, read_orientation(photo)), Size(width, height))
    assert place.iou(face.bbox) > 0.95


@pytest.mark.parametrize("what", ["cut short", "its folder is away"])
def test_a_named_photo_whose_last_look_failed_is_told_at_every_door(
    library: Library, grace: Path, tmp_path: Path, what: str
) -> None:
    (face,) = faces_on(library, grace)
    content = grace.read_bytes()
    export_xmp(library.repository)
    if what == "cut short":
        grace.write_bytes(content[:300])
        ingest_folder(library.repository, grace.parent)
    else:
        grace.parent.rename(tmp_path / "away")
    assert detect_in_assets(library, [face.asset_id]).errors == 1
    export_fiftyone(library.repository, tmp_path / "fiftyone")
    (sample,) = json.loads((tmp_path / "fiftyone" / "samples.json").read_text())["samples"]
    assert sample["metadata"]["width"] == 900, "what its boxes are measured in"
    assert export_faces(library.repository, tmp_path / "faces.csv").faces == 1
    assert [line.split(":")[0] for line in export_xmp(library.repository).skipped] == [str(grace)]
    with pytest.raises(NotFound, match="cannot be shown"):
        draw_photo(library.repository, face.asset_id)
    with pytest.raises(NotFound, match="cannot be read now"):
        draw_thumbnail(library.repository, face.id)
    if what == "cut short":
        assert import_xmp(library, grace.parent, actor="me").faces_labeled == 0
        grace.write_bytes(content)
    else:
        (tmp_path / "away").rename(grace.parent)
    look(library, grace.parent)
    assert names_in(library, grace) == {str(face.id): "Grace"}
    assert export_xmp(library.repository).skipped == ()
