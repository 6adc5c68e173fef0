"""Videos: faces followed through scenes made here, stored once each, resumed, and used as photos' faces are."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import create_engine, text

from faceml.config import Settings
from faceml.errors import WrongUse
from faceml.library import Library
from faceml.options import AssignOptions, DetectOptions
from faceml.records import Face, Frame, Span
from faceml.services.decisions.label import assign_faces_to
from faceml.services.decisions.private import erase_person
from faceml.services.exchange.annotations import export_fiftyone
from faceml.services.exchange.export import export_faces, export_xmp
from faceml.services.index.repair import fix_orphans
from faceml.services.photos import follow
from faceml.services.photos.detect import backfill_faces, detect_in_assets
from faceml.services.photos.drawn import Share, draw_face, look_at_asset
from faceml.services.photos.ingest import ingest_folder
from faceml.services.recognise.assign import assign_faces
from faceml.services.review.thumbnails import MARGIN, draw_thumbnail
from faceml.storage.sql.asset_rows import Looseness
from faceml.vision.crops import face_thumbnail
from faceml.vision.image import read_photo
from tests.conftest import REPO, copy_library
from tests.fakes import LoadedPack, library_with
from tests.films import GROUNDS, Moving, Scene, portraits, write_film
from tests.polling import until
from tests.rest import API, client_of

pytest.importorskip("av", reason="the extra video is not installed")
ME = "ada"
FIRST, SECOND, THIRD = range(3)  # scenes of the film
KEY = "a-key-of-sixteen-letters"


@pytest.fixture(scope="module")
def scenes(photo_folder: Path) -> list[Scene]:
    """Two people, one of whom moves; then one of them; then the other, just where she was."""
    who = portraits(photo_folder)
    collins = Moving(who["collins"], (20, 80), (20, 80))
    return [
        Scene(3, GROUNDS[0], [collins, Moving(who["hopper"], (440, 40), (300, 120))]),
        Scene(2, GROUNDS[1], [Moving(who["hopper"], (60, 80), (60, 80))]),
        Scene(2, GROUNDS[2], [collins]),
    ]


@pytest.fixture(scope="module")
def film(scenes: list[Scene], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", scenes, taken_at="2024-05-01T10:00:00Z")


@pytest.fixture(scope="module")
def looked(film: Path, photo_folder: Path, opencv_zoo: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a library of the film, and of a photo of each of its people, looked at."""
    for name in ("astronaut.jpg", "hopper.jpg"):
        shutil.copy(photo_folder / name, film.parent)
    home = tmp_path_factory.mktemp("looked") / "library"
    library = library_with(opencv_zoo, Settings(home=home, model_pack="opencv-zoo"))
    ingest_folder(library.repository, film.parent)
    backfill_faces(library)
    library.close()
    return home


@pytest.fixture
def known(looked: Path, settings: Settings, opencv_zoo: Any) -> Iterator[Library]:
    """A copy of that library."""
    copy_library(looked, settings.home)
    opened = library_with(opencv_zoo, settings)
    yield opened
    opened.close()


@dataclass
class CountingPack:
    """The real pack, which counts the pictures that it looks at."""

    pack: Any
    pictures: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pack, name)

    def detect(self, image: NDArray[np.uint8], **options: Any) -> Any:
        self.pictures += 1
        return self.pack.detect(image, **options)


@dataclass
class Dying:
    """A repository of a process that is killed as its so-manieth transaction begins."""

    repository: Any
    left: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.repository, name)

    def begin(self) -> Any:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return self.repository.begin()


def film_of(library: Library) -> int:
    with library.repository.read() as unit:
        return next(a.id for a in unit.assets.by_ids(list(range(1, 20))) if a.path.suffix in (".mp4", ".mkv"))


def faces_of(library: Library, asset_id: int | None = None) -> list[Face]:
    with library.repository.read() as unit:
        faces = unit.faces.in_assets([asset_id or film_of(library)])
    return sorted(faces, key=lambda face: (face.span.first_s if face.span else 0, face.bbox.x))


def ends(faces: Sequence[Face]) -> list[tuple[int, int]]:
    return [(int(face.span.first_s), int(face.span.last_s)) for face in faces if face.span]


def name_photos(library: Library) -> None:
    """A person says who is on the two photos."""
    with library.repository.read() as unit:
        for asset in unit.assets.by_ids(list(range(1, 20))):
            if name := {"astronaut.jpg": "Eileen Collins", "hopper.jpg": "Grace Hopper"}.get(asset.path.name):
                assign_faces_to(library, [face.id for face in unit.faces.in_assets([asset.id])], name, actor=ME)


def taken_in(library: Library, film: Path, folder: Path) -> Path:
    """A copy of the film in a folder of its own, taken in but not looked at; its path."""
    folder.mkdir()
    copy = Path(shutil.copy(film, folder))
    ingest_folder(library.repository, folder)
    return copy


def test_each_person_has_one_face_a_scene_with_its_time(known: Library) -> None:
    faces = faces_of(known)
    assert ends(faces) == [(0, 2), (0, 2), (3, 4), (5, 6)]
    assert len({face.bbox for face in faces}) == 4, "the same place in two scenes is two boxes"
    with known.repository.read() as unit:
        [asset] = unit.assets.by_ids([film_of(known)])
        vectors = unit.vectors.of([face.id for face in faces]).vectors
    assert (asset.duration_s, asset.width, asset.height) == (7.0, 640, 360)
    assert asset.taken_at is not None
    assert asset.taken_at.isoformat() == "2024-05-01T10:00:00+00:00"
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_people_are_named_in_a_film_also_where_they_come_back(known: Library) -> None:
    name_photos(known)
    assign_faces(known, AssignOptions(threshold=0.5))
    with known.repository.read() as unit:
        names = unit.people.names()
        shared = unit.films.shared_photo([face.id for face in faces_of(known)])
    named = [names[face.person_id] for face in faces_of(known) if face.person_id]
    assert sorted(named[:2]) == ["Eileen Collins", "Grace Hopper"]
    assert named[2:] == ["Grace Hopper", "Eileen Collins"]
    assert len(set(shared.values())) == 4, "one person may be in a film twice"


def test_a_run_that_was_killed_goes_on_where_it_was(
    library: Library, film: Path, tmp_path: Path, opencv_zoo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "STRETCH_S", 1.0)
    taken_in(library, film, tmp_path / "films")
    dying: Any = Dying(library.repository, left=6)  # the pack, the begin, and four stretches
    with pytest.raises(KeyboardInterrupt):
        backfill_faces(replace(library, repository=dying))
    assert ends(faces_of(library)) == [(0, 2), (0, 2)], "what ended before is there"
    counting = CountingPack(opencv_zoo)
    report = backfill_faces(replace(library, packs=LoadedPack(counting)))
    assert (report.processed, report.faces_added, report.errors) == (1, 2, 0)
    assert ends(faces_of(library)) == [(0, 2), (0, 2), (3, 4), (5, 6)]
    assert counting.pictures < 7, "what was settled is not looked at again"
    assert backfill_faces(library).processed == 0


WORK = """
from faceml.config import read_settings
from faceml.services.photos import follow
from faceml.services.photos.detect import backfill_faces
from faceml.wiring import open_library

follow.STRETCH_S = 2.0
backfill_faces(open_library(read_settings()))
"""


@pytest.mark.nightly
def test_a_process_killed_in_the_middle_of_a_film_leaves_what_a_whole_run_finds(
    settings: Settings, scenes: list[Scene], tmp_path: Path, opencv_zoo: Any
) -> None:
    (tmp_path / "films").mkdir()
    write_film(tmp_path / "films" / "film.mp4", scenes * 12)
    one, other = (library_with(opencv_zoo, replace(settings, home=tmp_path / name)) for name in ("one", "other"))
    for library in (one, other):
        ingest_folder(library.repository, tmp_path / "films")
    backfill_faces(other)
    own = {"FACEML_HOME": str(one.settings.home), "FACEML_MODEL_PACK": "opencv-zoo"}
    own |= {"PYTHONPATH": f"{REPO / 'src'}:{REPO}"}
    process = subprocess.Popen([sys.executable, "-c", WORK], env={**os.environ, **own})

    def settled_s() -> float:
        with one.repository.read() as unit:
            return unit.films.settled_s(film_of(one), Looseness(0.5, 20, 640))

    until(lambda: settled_s() > 10)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    done_s, counting = settled_s(), CountingPack(opencv_zoo)
    backfill_faces(replace(one, packs=LoadedPack(counting)))
    assert counting.pictures <= 85 - done_s
    found = [[(face.bbox, face.span) for face in faces_of(library)] for library in (one, other)]
    assert found[0] == found[1]
    assert len(found[0]) == 48
    for library in (one, other):
        library.close()


def test_looking_again_adds_nothing_and_a_name_stays(known: Library) -> None:
    before = faces_of(known)
    assign_faces_to(known, [before[2].id], "Grace Hopper", actor=ME)
    report = detect_in_assets(known, [film_of(known)], DetectOptions(min_confidence=0.4))
    assert (report.faces_added, report.total_faces) == (0, 4)
    assert [(face.id, face.bbox, face.span) for face in faces_of(known)] == [(f.id, f.bbox, f.span) for f in before]
    assert faces_of(known)[2].person_id is not None


def test_an_edited_film_keeps_its_names_and_a_moved_one_its_faces(
    library: Library, film: Path, scenes: list[Scene], tmp_path: Path
) -> None:
    copy = taken_in(library, film, tmp_path / "films")
    backfill_faces(library)
    asset_id, faces = film_of(library), faces_of(library)
    hopper = assign_faces_to(library, [faces[2].id], "Grace Hopper", actor=ME).person_id
    moved = copy.rename(copy.with_name("moved.mp4"))
    assert ingest_folder(library.repository, copy.parent).moved == 1
    assert [(face.id, face.span) for face in faces_of(library)] == [(face.id, face.span) for face in faces]
    write_film(moved, [scenes[SECOND]])
    assert ingest_folder(library.repository, copy.parent).changed == 1
    backfill_faces(library)
    [left] = faces_of(library, asset_id)
    assert (left.id, left.person_id, ends([left])) == (faces[2].id, hopper, [(0, 1)])


def test_somebody_who_was_erased_is_not_found_again_and_others_at_that_place_are(known: Library) -> None:
    faces = faces_of(known)
    collins = next(face for face in faces[:2] if face.bbox.x < 200)
    person = assign_faces_to(known, [collins.id], "Eileen Collins", actor=ME).person_id
    erase_person(known, person, is_confirmed=True, actor=ME)
    report = detect_in_assets(known, [film_of(known)])
    assert report.faces_added == 0
    assert dict(report.left_out) == {follow.ERASED: 1}
    assert {face.id for face in faces_of(known)} == {face.id for face in faces} - {collins.id}


def test_a_thumbnail_is_cut_from_the_picture_that_the_box_is_of(known: Library, film: Path) -> None:
    for face in faces_of(known):
        assert face.span is not None
        pixels = read_photo(Frame(film, face.span.frame_s))
        expected = face_thumbnail(pixels, face.bbox, size_px=112, margin=MARGIN)
        jpeg = np.frombuffer(draw_thumbnail(known.repository, face.id), np.uint8)
        assert np.abs(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[:, :, ::-1].astype(int) - expected).mean() < 6


def test_spans_are_exported_and_sidecars_say_what_they_leave_out(known: Library, tmp_path: Path) -> None:
    name_photos(known)
    assign_faces_to(known, [faces_of(known)[2].id], "Grace Hopper", actor=ME)
    export_faces(known.repository, tmp_path / "faces.csv")
    with (tmp_path / "faces.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["path"].endswith(".mp4")]
    assert list(rows[0])[-5:] == ["first_s", "last_s", "frame_s", "rating", "rated_by"]
    assert sorted(int(float(row["first_s"])) for row in rows) == [0, 0, 3, 5]
    assert export_fiftyone(known.repository, tmp_path / "fiftyone").photos == 2
    report = export_xmp(known.repository)
    assert (report.photos, report.sidecars_written, report.videos_left_out) == (2, 2, 1)


def test_a_vector_that_was_lost_is_found_again_in_its_picture(known: Library) -> None:
    face = faces_of(known)[2]
    with known.repository.read() as unit:
        before = unit.vectors.of([face.id]).vectors[0]
    engine = create_engine(known.settings.database)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM face_embeddings WHERE face_instance_id = :id"), {"id": face.id.hex})
    engine.dispose()
    assert fix_orphans(known)[1].faces_redetected == 1
    with known.repository.read() as unit:
        assert unit.vectors.of([face.id]).vectors[0] @ before > 0.9
    assert faces_of(known)[2].span == face.span


def test_what_cannot_be_read_is_told_in_a_line_and_the_rest_is_looked_at(
    library: Library, scenes: list[Scene], tmp_path: Path
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    (folder / "empty.mov").touch()
    whole = write_film(folder / "cut.mkv", [scenes[FIRST], Scene(5, GROUNDS[1])])
    whole.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.7)])
    ingest_folder(library.repository, folder)
    report = backfill_faces(library)
    said = {Path(one.path).name: one.reason for one in report.unreadable}
    assert said["empty.mov"] == "the file is empty"
    assert said["noise.mp4"] == "the file is damaged, cut short, or no video that can be read"
    [note] = report.read_in_part
    assert "of 8 seconds" in note or "damaged after" in note
    assert len(faces_of(library)) == 2


def test_a_face_is_drawn_on_photos_alone(known: Library) -> None:
    with pytest.raises(WrongUse, match="is a video"):
        draw_face(known, film_of(known), Share(0.1, 0.1, 0.2, 0.2), actor=ME)


def test_the_photo_view_plays_from_where_a_face_is(known: Library, film: Path) -> None:
    asset_id = film_of(known)
    sheet = look_at_asset(known.repository, asset_id)
    assert [face.span.first_s for face in sheet.faces if face.span] == sorted(
        face.span.first_s for face in faces_of(known) if face.span
    )
    with client_of(known) as client:
        view = client.get(f"{API}/assets/{asset_id}/view").json()
        assert view["durationS"] == 7.0
        span = view["faces"][2]["span"]
        assert Span(span["firstS"], span["lastS"], span["frameS"]) == faces_of(known)[2].span
        at = client.get(f"{API}/assets/{asset_id}/picture", params={"atS": span["frameS"]})
        shown = cv2.imdecode(np.frombuffer(at.content, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
        assert np.abs(shown.astype(int) - read_photo(Frame(film, span["frameS"]))).mean() < 6
        part = client.get(f"{API}/assets/{asset_id}/video", headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.headers["content-type"]) == (206, "video/mp4")
        assert part.content == film.read_bytes()[100:200]
        photo = next(one for one in range(1, 4) if one != asset_id)
        assert client.get(f"{API}/assets/{photo}/video").status_code == 404


def test_a_video_plays_behind_the_key_for_our_own_page_alone(known: Library) -> None:
    path = f"{API}/assets/{film_of(known)}/video"
    guarded = replace(known, settings=replace(known.settings, api_key=KEY))
    with client_of(guarded) as client:
        assert client.get(path).status_code == 401
        played = client.get(path, auth=("anybody", KEY))  # as a browser does for a <video>
        assert played.status_code == 200
        assert played.headers["cross-origin-resource-policy"] == "same-origin"
        assert client.get(path.replace("video", "view"), auth=("anybody", KEY)).status_code == 401
        assert client.get("/label", auth=("anybody", KEY)).headers["content-security-policy"].count("media-src 'self'")
