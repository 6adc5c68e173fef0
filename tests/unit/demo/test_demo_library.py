"""The demo's photos and their truth."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from draw_contact_sheet import who
from PIL import Image, ImageOps

from faceml.demo.build import build_demo, truth_faces
from faceml.demo.library import DemoPhotos
from faceml.demo.montage import Placement, render, truth_box
from faceml.demo.plan import plan_library
from faceml.demo.sources import ADMIRAL, PORTRAITS, STRANGER, Portrait, open_picture
from faceml.demo.variations import Cover, FaceLook, cut_out, draw_look
from faceml.errors import FileNotReadable, Unavailable, WrongUse
from faceml.identity.hdbscan.exact import fit
from faceml.records import BBox, FoundFace
from faceml.storage.known_labels import KnownLabel, read_known_labels
from faceml.vision.model_packs import OPENCV_ZOO, load_pack
from faceml.vision.stream import find_faces

EXIF_IFD, DATE_TIME_ORIGINAL, ORIENTATION = 0x8769, 0x9003, 0x0112


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> DemoPhotos:
    return build_demo(tmp_path_factory.mktemp("demo"))


def labels_in(library: DemoPhotos, folder: Path) -> list[KnownLabel]:
    return [label for label in read_known_labels(library.truth) if label.path.parent == folder]


def digests(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_demo_has_nine_people_and_150_faces_at_once(library: DemoPhotos) -> None:
    first = labels_in(library, library.photos)
    assert len({label.person for label in first}) == 9
    assert len(first) >= 150
    assert len(first) + len(labels_in(library, library.later)) == len(read_known_labels(library.truth))


def test_everybody_is_seen_often_enough_to_be_a_cluster(library: DemoPhotos) -> None:
    seen = Counter(label.person for label in labels_in(library, library.photos))
    assert min(seen.values()) >= 10


def test_photos_held_back_show_known_people_and_a_stranger(library: DemoPhotos) -> None:
    first, later = (
        {label.person for label in labels_in(library, folder)} for folder in (library.photos, library.later)
    )
    assert later == first | {STRANGER.person}
    assert STRANGER.person not in first


def test_every_photo_lies_where_the_record_says(library: DemoPhotos) -> None:
    photos = {file for folder in (library.photos, library.later) for file in folder.iterdir()}
    in_truth = {face.path for face in read_known_labels(library.truth)}
    assert len(photos) == len(plan_library(7))
    assert in_truth < photos
    assert len(photos - in_truth) >= 3  # landscapes: photos without a face
    assert {file.suffix for file in library.photos.iterdir()} == {".jpg", ".png", ".webp"}


def test_boxes_lie_inside_the_upright_photo_and_apart(library: DemoPhotos) -> None:
    truth = read_known_labels(library.truth)
    for path in {face.path for face in truth}:
        with Image.open(library.photos.parent / path) as photo:
            width, height = ImageOps.exif_transpose(photo).size
        assert 400 <= min(width, height) <= max(width, height) <= 1600
        boxes = [face.bbox for face in truth if face.path == path]
        assert all(b.x >= 0 and b.y >= 0 and b.x + b.w <= width and b.y + b.h <= height for b in boxes)
        assert all(a.iou(b) == 0 for a, b in combinations(boxes, 2))


def test_photos_say_when_they_were_taken_over_some_months(library: DemoPhotos) -> None:
    days: dict[str, list[datetime]] = {"photos": [], "later": []}
    for file in (*library.photos.iterdir(), *library.later.iterdir()):
        with Image.open(file) as photo:
            text = photo.getexif().get_ifd(EXIF_IFD)[DATE_TIME_ORIGINAL]
        days[file.parent.name].append(datetime.strptime(text, "%Y:%m:%d %H:%M:%S"))
    assert max(days["photos"]) - min(days["photos"]) > timedelta(days=120)
    assert min(days["later"]) > max(days["photos"])


def test_some_photos_are_stored_turned_each_way(library: DemoPhotos) -> None:
    orientations = set()
    for file in library.photos.glob("*.jpg"):
        with Image.open(file) as photo:
            orientations.add(photo.getexif()[ORIENTATION])
    assert orientations == {1, 3, 6, 8}


def test_a_turned_photo_is_the_same_picture_once_its_tag_is_applied(tmp_path: Path, library: DemoPhotos) -> None:
    plan = next(p for p in plan_library(7) if p.orientation == 6)
    painted = render(plan, {portrait.person: open_picture(portrait) for portrait in (*PORTRAITS, STRANGER)})
    with Image.open(library.photos.parent / plan.path) as photo:
        upright = np.asarray(ImageOps.exif_transpose(photo), dtype=float)
    assert np.abs(upright - np.asarray(painted)).mean() < 12  # JPEG and grain only; turned wrongly it is far above


def test_a_second_build_writes_no_photo_again(library: DemoPhotos) -> None:
    before = {file: file.stat().st_mtime_ns for file in library.photos.iterdir()}
    assert build_demo(library.photos.parent) == library
    assert {file: file.stat().st_mtime_ns for file in library.photos.iterdir()} == before


def test_an_interrupted_build_is_completed_with_the_same_bytes(library: DemoPhotos, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(library.photos.parent, folder)
    for name in ("photos/IMG_0003.jpg", "photos/IMG_0005.png", "photos/IMG_0011.webp", "later/IMG_0001.jpg"):
        (folder / name).unlink()
    (folder / "truth.csv").unlink()
    (folder / "photos" / ".IMG_0003.jpg.part").write_bytes(b"half a photo")
    steps: list[tuple[int, int]] = []
    build_demo(folder, on_progress=lambda done, total: steps.append((done, total)))
    assert steps == [(107, 110), (108, 110), (109, 110), (110, 110)]
    assert digests(folder) == digests(library.photos.parent)


def test_another_seed_replaces_the_photos_but_not_a_guest(library: DemoPhotos, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(library.photos.parent, folder)
    guest = folder / "photos" / "mine.jpg"
    guest.write_bytes(b"mine")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_demo(folder, seed=8, on_progress=stop)
    assert sorted(file.name for file in (folder / "photos").iterdir()) == ["IMG_0001.jpg", "mine.jpg"]
    assert not (folder / "truth.csv").exists()
    assert (folder / "photos/IMG_0001.jpg").read_bytes() != (library.photos / "IMG_0001.jpg").read_bytes()


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WrongUse, match=r"cannot be built in .*file.*choose a folder"):
        build_demo(tmp_path / "file")


def test_a_picture_that_a_package_no_longer_ships_is_named() -> None:
    gone = Portrait("Nobody", "skimage", "data/gone.png", BBox(0, 0, 1, 1), BBox(0, 0, 1, 1))
    with pytest.raises(Unavailable, match=r"data/gone\.png of the package skimage.*scikit-image"):
        open_picture(gone)


def test_a_turned_face_has_a_box_around_it() -> None:
    """Against the slow way: turn every point of the face's outline and take the extremes."""
    look = FaceLook(width_px=120, turn_deg=20, is_mirrored=True, aspect=1.1, shear=0.05)
    box = truth_box(Placement(ADMIRAL, look, (300, 300), (0, 0, 0)), (600, 600))
    angle = np.linspace(0, 2 * np.pi, 2000)
    outline = np.stack([np.cos(angle) * ADMIRAL.face.w / 2, np.sin(angle) * ADMIRAL.face.h / 2])
    shaped = np.array([[-1.1, 0.05], [0, 1]]) @ outline * 120 / ADMIRAL.face.w
    turn = np.radians(20)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ shaped + 300
    assert [box.x, box.y] == np.round(turned.min(axis=1)).tolist()
    assert [box.x + box.w, box.y + box.h] == np.round(turned.max(axis=1)).tolist()


@pytest.mark.parametrize("cover", list(Cover))
def test_a_cover_hides_a_part_of_the_face_and_not_most_of_it(cover: Cover) -> None:
    picture = open_picture(ADMIRAL)
    bare = cut_out(picture, ADMIRAL, FaceLook(width_px=120)).rgb
    covered = cut_out(picture, ADMIRAL, FaceLook(width_px=120, cover=cover)).rgb
    hidden = (np.abs(bare - covered).max(axis=-1) > 8).mean()
    assert 0.01 < hidden < 0.4


def test_looks_drawn_for_the_demo_use_every_cover() -> None:
    rng = np.random.default_rng(0)
    assert {draw_look(rng, width_px=100).cover for _ in range(400)} == {None, *Cover}


def test_truth_is_read_back_as_it_was_planned(library: DemoPhotos) -> None:
    labels = read_known_labels(library.truth)
    read = [(str(label.path.relative_to(library.photos.parent)), label.bbox, label.person) for label in labels]
    assert read == [(str(face.path), face.bbox, face.person) for plan in plan_library(7) for face in truth_faces(plan)]


def test_a_truth_file_written_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    file = tmp_path / "truth.csv"
    file.write_text("\ufeffperson,path,x,y,w,h\r\nAnna,a.jpg,1,2,3,4\r\n", encoding="utf-8")
    assert read_known_labels(file) == [KnownLabel(tmp_path / "a.jpg", BBox(1, 2, 3, 4), "Anna")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("path,x,y,w,h\n", "needs path and person"),
        ("path,x,y,w,h,person\na.jpg,1,2,3,wide,Anna\n", "line 2"),
    ],
)
def test_a_truth_file_that_is_none_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "truth.csv"
    file.write_text(text)
    with pytest.raises(FileNotReadable, match=complaint):
        read_known_labels(file)


def test_a_missing_truth_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotReadable, match=r"gone\.csv cannot be read"):
        read_known_labels(tmp_path / "gone.csv")


def test_a_face_is_who_its_box_overlaps_most() -> None:
    truth = [KnownLabel(Path("a.jpg"), BBox(0, 0, 10, 10), "Anna"), KnownLabel(Path("a.jpg"), BBox(8, 0, 10, 10), "Ben")]
    assert who(BBox(6, 0, 10, 10), truth) == "Ben"
    assert who(BBox(40, 40, 10, 10), truth) is None
    assert who(BBox(0, 0, 10, 10), []) is None


def found_by_demo_models(library: DemoPhotos, folder: Path, cache_dir: Path) -> list[tuple[FoundFace, str | None]]:
    """Every face that the demo's own pack finds, with the person whom the truth has there."""
    pack = load_pack(OPENCV_ZOO, model_root=cache_dir, cache_dir=cache_dir)
    truth = read_known_labels(library.truth)
    photos = sorted(folder.iterdir())
    named: list[tuple[FoundFace, str | None]] = []
    for photo in find_faces(enumerate(photos), pack):
        assert photo.error is None
        here = [face for face in truth if face.path == photos[photo.asset_id]]
        named += [(face, who(face.bbox, here)) for face in photo.faces]
    return named


def test_nearly_every_face_is_found_where_the_truth_says(library: DemoPhotos, tmp_path: Path) -> None:
    faces = found_by_demo_models(library, library.later, tmp_path)
    found = [face for face, person in faces if person]
    true = len(labels_in(library, library.later))
    assert 0.94 * true <= len(found) <= true
    assert np.mean([face.quality_score >= 0.5 for face in found]) > 0.9


@pytest.mark.nightly
def test_the_documented_defaults_group_the_demo_well(library: DemoPhotos, tmp_path: Path) -> None:
    from sklearn.metrics import adjusted_rand_score

    faces = found_by_demo_models(library, library.photos, tmp_path)
    good = [(face, person) for face, person in faces if person and face.quality_score >= 0.5]
    labels = fit(np.stack([face.embedding for face, _ in good]), min_cluster_size=5, min_samples=3).labels
    assert 9 <= labels.max() + 1 <= 11
    assert adjusted_rand_score([person for _, person in good], labels) > 0.85
