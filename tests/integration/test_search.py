"""Photos with several people, faces and photos like others, who is with whom, events; through every door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import update

from faceml.cli.main import cli
from faceml.config import Settings
from faceml.decisions.states import FaceState
from faceml.errors import NotFound, WrongUse
from faceml.identity.once_a_photo import likeness_of_photos
from faceml.library import Library
from faceml.records import AssignedBy, Dismissal
from faceml.services.decisions.decide import find_person
from faceml.services.decisions.label import assign_faces_to, dismiss_faces
from faceml.services.decisions.people import hide_person, merge_people
from faceml.services.index.drain import drain_outbox
from faceml.services.recognise.spaces import search_faces, search_photos
from faceml.services.review.browse import find, list_events, list_together, photos_with
from faceml.services.review.review import Topic, ask
from faceml.storage.sql.tables import ImageAsset
from tests.conftest import add_photo, found_face, people_vectors
from tests.fakes import FakePack, library_with
from tests.rest import API, client_of

ME = "ada"
SHOWN = ("ABC", "AB", "A", "BC", "AB", "D")  # who is on each photo, from left to right


@dataclass
class Made:
    library: Library
    face: dict[tuple[int, str], UUID]  # by photo and letter
    assets: list[int]


both = pytest.mark.parametrize(
    "made", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    """Ada, Bea and Cleo on photos together, D unnamed; photo 4 without a date, the others of two days."""
    is_server = getattr(request, "param", "sqlite") == "postgresql"
    url = request.getfixturevalue("postgres_library_url") if is_server else ""
    runs = f"sqlite:///{tmp_path}/m.db"
    settings = Settings(home=tmp_path / "library", model_pack="opencv-zoo", tracking_uri=runs, database_url=url)
    library = library_with(FakePack(), settings)
    vectors = people_vectors(4, len(SHOWN), seed=3).reshape(4, len(SHOWN), -1)
    faces: dict[tuple[int, str], UUID] = {}
    with library.repository.begin() as unit:
        unit.contract.pin(library.packs.contract())
        assets = [add_photo(unit, f"{'trip' if photo < 3 else 'home'}/p{photo}.jpg") for photo in range(len(SHOWN))]
        for photo, people in enumerate(SHOWN):
            rows = [
                (assets[photo], found_face(vectors["ABCD".index(letter), photo], x=10 + 150 * place))
                for place, letter in enumerate(people)
            ]
            ids = unit.faces.add(rows, pack="opencv-zoo")
            unit.outbox.push(ids)
            faces |= {(photo, letter): id_ for letter, id_ in zip(people, ids, strict=True)}
            taken = None if photo == 4 else datetime(2020, 5, 1 + photo // 3, 12, photo, tzinfo=UTC)
            dated = update(ImageAsset).where(ImageAsset.id == assets[photo]).values(taken_at=taken, taken_clock=taken)
            unit.faces._session.execute(dated)
    for name in ("Ada", "Bea", "Cleo"):
        assign_faces_to(library, [id_ for (_, letter), id_ in faces.items() if letter == name[0]], name, actor=ME)
    drain_outbox(library)
    yield Made(library, faces, assets)
    library.close()


@both
def test_photos_with_all_of_some_people_the_newest_first(made: Made) -> None:
    def shown(*people: str) -> list[int]:
        return [made.assets.index(photo.asset_id) for photo in photos_with(made.library.repository, people).items]

    assert shown("Ada", "Bea") == [1, 0, 4]  # without a date last
    assert shown("ada", "BEA", "Cleo") == [0]
    assert shown("Cleo") == [3, 0]
    assert shown("Ada", "Ada") == [2, 1, 0, 4]
    page = photos_with(made.library.repository, ["Ada", "Bea"], page=2, page_size=2)
    assert (page.total, len(page.items)) == (3, 1)
    with pytest.raises(NotFound):
        shown("Ada", "Nobody")
    with pytest.raises(WrongUse):
        shown()


@both
def test_who_is_together_is_counted_by_photos_and_follows_merges(made: Made) -> None:
    repository = made.library.repository
    pairs = {(pair.one.name, pair.other.name): pair.photos for pair in list_together(repository)}
    assert {frozenset(names): count for names, count in pairs.items()} == {
        frozenset({"Ada", "Bea"}): 3,
        frozenset({"Ada", "Cleo"}): 1,
        frozenset({"Bea", "Cleo"}): 2,
    }
    of_cleo = list_together(repository, "Cleo")
    assert [(pair.one.name, pair.other.name, pair.photos) for pair in of_cleo] == [
        ("Cleo", "Bea", 2),
        ("Cleo", "Ada", 1),
    ]
    assert (str(of_cleo[0].first), str(of_cleo[0].last)) == ("2020-05-01", "2020-05-02")
    hide_person(made.library, find(repository, "Ada").id, actor=ME)
    assert len(list_together(repository)) == 1
    merge_people(made.library, find(repository, "Cleo").id, find(repository, "Bea").id, actor=ME)
    assert list_together(repository) == []  # nobody is with themselves


@both
def test_events_are_days_and_folders_with_who_is_there(made: Made) -> None:
    found = list_events(made.library.repository)
    told = [(str(event.day), event.folder.name, event.photos, event.people) for event in found.items]
    assert told == [("2020-05-02", "home", 2, ("Bea", "Cleo")), ("2020-05-01", "trip", 3, ("Ada", "Bea", "Cleo"))]
    assert list_events(made.library.repository, page=2, page_size=1).items == found.items[1:]


def test_faces_like_others_are_found_named_or_not(made: Made) -> None:
    found = search_faces(made.library, [made.face[0, "A"]], limit=4).found
    assert {face.face_id for face in found} == {made.face[photo, "A"] for photo in (0, 1, 2, 4)}
    assert found[0].similarity == pytest.approx(1.0, abs=1e-3)
    assert search_faces(made.library, [made.face[5, "D"]], limit=1).found[0].person_name is None
    dismiss_faces(made.library, [made.face[5, "D"]], Dismissal.NOT_A_FACE, actor=ME)
    assert search_faces(made.library, [made.face[5, "D"]], limit=1).found[0].face_id != made.face[5, "D"]
    for refused in (lambda: search_faces(made.library), lambda: search_faces(made.library, [uuid4()])):
        with pytest.raises((NotFound, WrongUse)):
            refused()


def test_photos_like_several_faces_come_with_most_of_them_first(made: Made) -> None:
    asked = [made.face[0, "A"], made.face[0, "B"], made.face[0, "C"]]
    found = search_photos(made.library, asked).found
    assert (found[0].asset_id, found[0].faces) == (made.assets[0], 3)
    assert {made.assets.index(photo.asset_id): photo.faces for photo in found} == {0: 3, 1: 2, 3: 2, 4: 2, 2: 1}


def test_two_asked_faces_of_one_person_need_two_faces_on_the_photo() -> None:
    alike = np.array([[0.9, 0.9], [0.9, 0.8]], np.float32)
    photos, counts, means = likeness_of_photos(alike, [7, 8], least=0.5)
    assert (photos.tolist(), counts.tolist()) == ([7, 8], [1, 1])
    assert means.tolist() == pytest.approx([0.45, 0.45])
    assert likeness_of_photos(alike, [7, 7], least=0.5)[1].tolist() == [2]
    assert len(likeness_of_photos(alike, [7, 7], least=0.95)[0]) == 0
    assert len(likeness_of_photos(np.empty((2, 0), np.float32), [], least=0.5)[0]) == 0


def test_rest_and_command_say_the_same(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bea = (find(made.library.repository, name).id for name in ("Ada", "Bea"))
    with client_of(made.library) as client:
        photos = client.get(f"{API}/search/photos", params={"personId": [str(ada), str(bea)]}).json()
        assert (photos["total"], photos["items"][0]["assetId"]) == (3, made.assets[1])
        pairs = client.get(f"{API}/search/together", params={"personId": str(ada)}).json()["pairs"]
        assert (pairs[0]["otherName"], pairs[0]["photos"]) == ("Bea", 3)
        assert client.get(f"{API}/search/events").json()["items"][0]["people"] == ["Bea", "Cleo"]
        body = {"faceIds": [str(made.face[0, "A"]), str(made.face[0, "B"])]}
        alike = client.post(f"{API}/search/photos", json=body).json()
        assert (alike["asked"], alike["photos"][0]["faces"], alike["comparedIn"]) == (2, 2, "raw")
        assert len(client.post(f"{API}/search/faces", json=body).json()["faces"]) == len(made.face)
        assert client.post(f"{API}/search/faces", json={"faceIds": [str(uuid4())]}).status_code == 404
    monkeypatch.setenv("FACEML_HOME", str(made.library.settings.home))
    monkeypatch.setenv("FACEML_MODEL_PACK", "opencv-zoo")
    told = [
        CliRunner().invoke(cli, words.split()) for words in ("faces photos Ada Bea", "people together", "people events")
    ]
    assert [run.exit_code for run in told] == [0, 0, 0], [run.output for run in told]
    assert "Page 1, 3 of 3 photos" in told[0].output
    assert all(word in told[1].output for word in ("Ada", "Bea", "Photos"))
    assert "2020-05-02" in told[2].output
    run = CliRunner().invoke(cli, ["faces", "like", str(made.face[0, "A"]), "--photos", "--json"])
    assert json.loads(run.stdout)["found"][0]["faces"] == 1, run.output


@both
def test_review_says_who_on_the_photo_is_often_with_the_person(made: Made) -> None:
    repository = made.library.repository
    with repository.begin() as unit:
        vector = people_vectors(4, len(SHOWN), seed=3).reshape(4, len(SHOWN), -1)[0, 5]
        (face,) = unit.faces.add([(made.assets[3], found_face(vector, x=500))], pack="opencv-zoo")
        ada = find_person(unit, "Ada")
        unit.faces.set_states([(face, FaceState(ada.id, AssignedBy.PROTOTYPE, None, similarity=0.9))])
    (question,) = ask(made.library, Topic.RECOGNISED)
    assert question.company == "often seen with Bea, who is on this photo", "with Cleo on one other photo only"
    with client_of(made.library) as api:
        (told,) = api.get(f"{API}/review?topic=recognised").json()["questions"]
        assert told["company"] == question.company
    hide_person(made.library, find(repository, "Bea").id, actor=ME)
    assert ask(made.library, Topic.RECOGNISED)[0].company == ""


def test_who_was_together_once_is_no_company_and_two_are_both_named(made: Made) -> None:
    vectors = people_vectors(4, len(SHOWN), seed=3).reshape(4, len(SHOWN), -1)
    with made.library.repository.begin() as unit:
        for photo, letter, name in ((3, "A", "Ada"), (1, "C", "Cleo")):
            found = found_face(vectors["ABC".index(letter), 5], x=500)
            (face,) = unit.faces.add([(made.assets[photo], found)], pack="opencv-zoo")
            state = FaceState(find_person(unit, name).id, AssignedBy.PROTOTYPE, None, similarity=0.9)
            unit.faces.set_states([(face, state)])
    told = {question.text: question.company for question in ask(made.library, Topic.RECOGNISED)}
    assert told == {
        "Is this Ada?": "often seen with Bea and Cleo, who are on this photo",
        "Is this Cleo?": "often seen with Ada and Bea, who are on this photo",
    }
