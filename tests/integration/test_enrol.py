"""Somebody is known by pictures that are handed in: taken, refused with a reason, undone, erased; at every door."""

from __future__ import annotations

import io
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image, ImageFilter

from faceml.cli.main import cli
from faceml.config import Settings
from faceml.errors import NotFound, WrongUse
from faceml.library import Library
from faceml.records import Dismissal
from faceml.services.decisions.label import assign_faces_to, dismiss_faces, reject_person
from faceml.services.decisions.private import erase_person
from faceml.services.decisions.undo import history, undo
from faceml.services.exchange.import_labels import MOST_PICTURES, EnrolReport, enrol
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from faceml.services.photos.missing import list_missing
from faceml.services.recognise.identify import identify_photo
from faceml.services.review.browse import find, show_person
from faceml.storage.enrolled import FOLDER
from tests.fakes import library_with
from tests.rest import API, UNLIMITED, client_of

ME = "ada"


def as_jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return file.getvalue()


@pytest.fixture(scope="session")
def eileen(photo_folder: Path) -> bytes:
    return (photo_folder / "astronaut.jpg").read_bytes()


@pytest.fixture(scope="session")
def grace(photo_folder: Path) -> bytes:
    return (photo_folder / "hopper.jpg").read_bytes()


def refusals(report: EnrolReport) -> list[str | None]:
    return [picture.seen.refused for picture in report.pictures]


def own_pictures(library: Library) -> list[Path]:
    return sorted((library.settings.home / FOLDER).glob("*"))


def test_pictures_are_taken_by_one_decision_and_recognise_the_person(library: Library, eileen: bytes) -> None:
    mirrored = as_jpeg(Image.open(io.BytesIO(eileen)).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    report = enrol(library, "Eileen", [("a.jpg", eileen), ("b.jpg", mirrored), ("again.jpg", eileen)], actor=ME)
    assert (report.person_name, report.enrolled, report.prototypes_created) == ("Eileen", 2, 2)
    assert refusals(report) == [None, None, "twice"]
    smaller = as_jpeg(Image.open(io.BytesIO(eileen)).resize((400, 400)))
    assert identify_photo(library, smaller).faces[0].best.person_name == "Eileen"  # type: ignore[union-attr]
    assert [line.text for line in history(library.repository)] == ["assigned 2 faces to Eileen"]
    files = own_pictures(library)
    assert {file.read_bytes() for file in files} == {eileen, mirrored}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (*files, files[0].parent)}
    assert modes <= {0o600, 0o700} or os.name != "posix"
    assert ingest_folder(library.repository, files[0].parent).unchanged == 2, "photos of the library like any others"
    undo(library, report.event_id, actor=ME)
    with pytest.raises(NotFound):
        find(library.repository, "Eileen")


def test_what_shows_nobody_well_is_refused_with_the_reason_and_not_kept(
    library: Library, eileen: bytes, photo_folder: Path
) -> None:
    image = Image.open(io.BytesIO(eileen))
    sent = {
        "letter.jpg": b"Dear Eileen",
        "nobody.png": (photo_folder / "nobody.png").read_bytes(),
        "small.jpg": as_jpeg(image.resize((130, 130))),
        "blurred.jpg": as_jpeg(image.filter(ImageFilter.GaussianBlur(6))),
        "camera.nef": eileen,
    }
    report = enrol(library, "Eileen", list(sent.items()), actor=ME)
    assert refusals(report) == ["not_a_picture", "no_face", "too_small", "blurred", "not_a_picture"]
    assert (report.person_id, report.enrolled, report.event_id) == (None, 0, None)
    reasons = [picture.seen.reason or "" for picture in report.pictures]
    assert "32 a side" in reasons[2]
    assert "sharpness 0." in reasons[3]
    assert "ingest" in reasons[4]
    assert own_pictures(library) == []
    with library.repository.read() as unit:
        assert (unit.assets.count(), unit.people.names()) == (0, {})


def test_one_of_several_faces_is_chosen_by_its_place(library: Library, photo_folder: Path) -> None:
    group = (photo_folder / "group.jpg").read_bytes()
    second = enrol(library, "Second", [("group.jpg", group)], face=2, actor=ME)
    (picture,) = second.pictures
    with library.repository.read() as unit:
        box = unit.faces.get(picture.face_id).bbox  # type: ignore[arg-type]
    assert sorted(picture.seen.boxes, key=lambda each: each.x)[1] == box
    assert refusals(enrol(library, "Nobody", [("group.jpg", group)], face=7, actor=ME)) == ["no_such_face"]
    assert len(own_pictures(library)) == 1
    with pytest.raises(WrongUse, match="alone"):
        enrol(library, "Two", [("a", group), ("b", group)], face=1, actor=ME)


def test_what_a_person_decided_stays(library: Library, eileen: bytes, grace: bytes, photos: Path) -> None:
    for other in ("group.jpg", "nobody.png"):
        (photos / other).unlink()
    ingest_folder(library.repository, photos)
    backfill_faces(library)
    with library.repository.read() as unit:
        places = unit.assets.at_paths([photos / "astronaut.jpg", photos / "hopper.jpg"])
        ids = {path.stem: unit.faces.in_assets([file.asset_id])[0].id for path, file in places.items()}
    assign_faces_to(library, [ids["astronaut"]], "Somebody", actor=ME)
    sent = [("eileen.jpg", eileen)]
    (picture,) = enrol(library, "Eileen", sent, actor=ME).pictures
    assert picture.seen.refused == "decided_otherwise"
    assert "Somebody" in str(picture.seen.reason)
    assert refusals(enrol(library, "somebody", sent, actor=ME)) == ["already_theirs"]
    dismiss_faces(library, [ids["astronaut"]], Dismissal.STRANGER, actor=ME)
    assert refusals(enrol(library, "Eileen", sent, actor=ME)) == ["decided_otherwise"]
    eve = enrol(library, "Eve", [("grace.jpg", grace)], actor=ME)
    assert eve.pictures[0].face_id == ids["hopper"]
    reject_person(library, [ids["hopper"]], "Eve", actor=ME)
    assert refusals(enrol(library, "Eve", [("grace.jpg", grace)], actor=ME)) == ["decided_otherwise"]
    assert own_pictures(library) == [], "they lie among the library's photos already"


def test_a_machines_name_gives_way_and_a_face_that_was_taken_away_may_be_named(library: Library, eileen: bytes) -> None:
    first = enrol(library, "Eileen", [("a.jpg", eileen)], actor=ME)
    undo(library, first.event_id, actor=ME)
    again = enrol(library, "Eileen", [("a.jpg", eileen)], actor=ME)
    assert (again.enrolled, again.pictures[0].face_id) == (1, first.pictures[0].face_id)


def test_what_was_killed_between_keeping_and_deciding_is_completed_by_the_same_picture(
    library: Library, eileen: bytes
) -> None:
    class Killed(BaseException):
        pass

    class Packs:
        calls = 0

        def load(self) -> object:
            Packs.calls += 1
            if Packs.calls == 2:  # after the picture is kept, before it is looked at as a photo
                raise Killed
            return library.packs.load()

        def contract(self) -> object:
            return library.packs.contract()

    with pytest.raises(Killed):
        enrol(replace(library, packs=Packs()), "Eileen", [("a.jpg", eileen)], actor=ME)  # type: ignore[arg-type]
    assert len(own_pictures(library)) == 1
    own_pictures(library)[0].unlink()  # as a kill just before it takes its place leaves it
    report = enrol(library, "Eileen", [("a.jpg", eileen)], actor=ME)
    assert report.enrolled == 1
    assert [file.read_bytes() for file in own_pictures(library)] == [eileen]
    with library.repository.read() as unit:
        assert unit.assets.count() == 1


def test_pictures_of_who_is_erased_go_and_do_not_come_back(library: Library, eileen: bytes, grace: bytes) -> None:
    enrol(library, "Grace", [("g.jpg", grace)], actor=ME)
    enrol(library, "Eileen", [("e.jpg", eileen)], actor=ME)
    half = library.settings.home / FOLDER / ".half.jpg.0000.part"
    half.write_bytes(eileen)  # left by a kill
    report = erase_person(library, "Eileen", is_confirmed=True, actor=ME)
    assert (report.faces_erased, report.pictures_erased, report.not_gone_yet) == (1, 1, ())
    assert [file.read_bytes() for file in own_pictures(library)] == [grace]
    assert refusals(enrol(library, "Eileen", [("e.jpg", eileen)], actor=ME)) == ["erased"]
    assert [file.read_bytes() for file in own_pictures(library)] == [grace]
    backfill_faces(library)
    assert find(library.repository, "Grace").name == "Grace"


@pytest.mark.nightly
def test_others_on_a_picture_that_goes_step_aside(library: Library, photo_folder: Path) -> None:
    group = (photo_folder / "group.jpg").read_bytes()
    for number, name in ((1, "Ann"), (2, "Ben")):
        enrol(library, name, [("group.jpg", group)], face=number, actor=ME)
    erase_person(library, "Ann", is_confirmed=True, actor=ME)
    assert own_pictures(library) == []
    assert [photo.faces for photo in list_missing(library.repository)] == [5]
    assert show_person(library.repository, "Ben").faces == ()


@pytest.mark.postgres
def test_enrolment_on_postgresql(tmp_path: Path, opencv_zoo: object, postgres_library_url: str, eileen: bytes) -> None:
    library = library_with(
        opencv_zoo, Settings(home=tmp_path / "library", model_pack="opencv-zoo", database_url=postgres_library_url)
    )
    assert enrol(library, "Eileen", [("e.jpg", eileen)], actor=ME).enrolled == 1
    assert refusals(enrol(library, "Eileen", [("e.jpg", eileen)], actor=ME)) == ["already_theirs"]
    assert erase_person(library, "Eileen", is_confirmed=True, actor=ME).pictures_erased == 1
    assert own_pictures(library) == []
    library.close()


def test_enrolment_over_rest(library: Library, eileen: bytes, photo_folder: Path) -> None:
    group = (photo_folder / "group.jpg").read_bytes()
    with client_of(library) as api:
        files = [("photos", ("e.jpg", eileen)), ("photos", ("group.jpg", group))]
        answer = api.post(f"{API}/persons/enrol", files=files, data={"name": "Eileen"})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["personName"], told["enrolled"], told["refused"]) == ("Eileen", 1, 1)
        assert answer.headers["X-Event-Id"] == str(told["eventId"])
        assert told["pictures"][1]["refused"] == "several_faces"
        lefts = [box["x"] for box in told["pictures"][1]["faces"]]
        assert len(lefts) == 6
        assert lefts == sorted(lefts)
        again = api.post(f"{API}/persons/enrol", files=files[:1], data={"personId": told["personId"]}).json()
        assert again["pictures"][0]["refused"] == "already_theirs"
        for wrong in ({}, {"name": "A", "personId": told["personId"]}, {"name": " "}):
            assert api.post(f"{API}/persons/enrol", files=files[:1], data=wrong).status_code == 422
        unknown = {"personId": "00000000-0000-0000-0000-000000000001"}
        assert api.post(f"{API}/persons/enrol", files=files[:1], data=unknown).status_code == 404
        assert api.post(f"{API}/undo", json={"eventId": told["eventId"]}).status_code == 200


def test_enrolment_over_rest_is_bounded_and_no_reading(settings: Settings, library: Library, eileen: bytes) -> None:
    keyed = replace(library, settings=replace(settings, api_key="full", api_read_key="read"))
    with client_of(keyed, replace(UNLIMITED, upload_bytes=200_000), **{"X-API-Key": "read"}) as api:
        files, data = {"photos": eileen}, {"name": "Eileen"}
        assert api.post(f"{API}/persons/enrol", files=files, data=data).status_code == 403
        full = {"X-API-Key": "full"}
        large = {"photos": b"x" * 300_000}
        assert api.post(f"{API}/persons/enrol", files=large, data=data, headers=full).status_code == 413
        many = [("photos", (str(number), b"x")) for number in range(MOST_PICTURES + 1)]
        assert api.post(f"{API}/persons/enrol", files=many, data=data, headers=full).status_code == 400
    assert own_pictures(library) == []


@pytest.mark.nightly  # it opens the models anew
def test_enrolment_in_the_shell(settings: Settings, photo_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEML_HOME", str(settings.home))
    monkeypatch.setenv("FACEML_MODEL_PACK", "opencv-zoo")
    portrait, nobody = str(photo_folder / "astronaut.jpg"), str(photo_folder / "nobody.png")
    done = CliRunner().invoke(cli, ["people", "enrol", "Eileen", portrait, nobody, "--json"], catch_exceptions=False)
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert [picture["seen"]["refused"] for picture in told["pictures"]] == [None, "no_face"]
    again = CliRunner().invoke(cli, ["people", "enrol", "Eileen", portrait], catch_exceptions=False)
    assert "refused (already_theirs)" in again.stdout
    with pytest.raises(WrongUse, match="cannot be read"):
        CliRunner().invoke(cli, ["people", "enrol", "Eileen", "nowhere.jpg"], catch_exceptions=False)
