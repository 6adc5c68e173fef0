"""Photos that are nearly the same: found by look and time, hashed once, shown as one on sheets and in review."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor
from sqlalchemy import select, update

from faceml.cli.main import cli
from faceml.config import Settings
from faceml.errors import WrongUse
from faceml.library import Library
from faceml.plots.colours import CARD
from faceml.services.decisions.label import assign_faces_to
from faceml.services.index.repair import hash_photos
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.follow import list_bursts
from faceml.services.photos.ingest import ingest_folder
from faceml.services.review.review import _person_side
from faceml.services.review.sheets import draw_people
from faceml.storage.sql.asset_rows import LookedAt, PhotoFile
from faceml.storage.sql.tables import FaceInstance, ImageAsset
from faceml.vision.conversion import perceptual_hash
from faceml.vision.detection import Detections
from faceml.vision.video.bursts import BURST_BITS, BURST_S, COPY_BITS, Shot, find_bursts
from tests.conftest import add_photo, found_face, people_vectors
from tests.fakes import WIDTH, FakePack, library_with
from tests.rest import API, client_of

NOON = datetime(2020, 5, 1, 12, tzinfo=UTC)
MARGIN, HEADING = 24, 30  # of a contact sheet, pixels
FAR = -1  # all 64 bits of 0 differ
HALF = 0x0F0F0F0F0F0F0F0F  # 32 of them


def flipped(bits: int) -> int:
    return (1 << bits) - 1


def shot(number: int, after_s: float | None, bits: int) -> Shot:
    return Shot(number, bits, None if after_s is None else NOON + timedelta(seconds=after_s))


def test_shots_in_a_row_that_look_alike_are_one_burst() -> None:
    row = [shot(0, 0, 0), shot(1, BURST_S, flipped(BURST_BITS)), shot(2, BURST_S + 1, flipped(BURST_BITS))]
    assert find_bursts(row) == [[0, 1, 2]]
    assert find_bursts([shot(0, 0, 0), shot(1, BURST_S + 0.1, flipped(BURST_BITS))]) == []
    assert find_bursts([shot(0, 0, 0), shot(1, 1, flipped(BURST_BITS + 1))]) == []


def test_a_copy_is_one_whenever_it_was_made() -> None:
    assert find_bursts([shot(0, None, 0), shot(1, 1e6, flipped(COPY_BITS)), shot(2, 2e6, FAR)]) == [[1, 0]]
    assert find_bursts([shot(0, None, 0), shot(1, 1e6, flipped(COPY_BITS + 1))]) == []
    assert find_bursts([]) == []


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.floats(0, 20)), st.lists(st.integers(0, 63), max_size=20)), max_size=12)
)
def test_bursts_are_those_of_comparing_each_with_each(given_: list[tuple[float | None, list[int]]]) -> None:
    shots = [
        shot(number, after_s, int(np.array(sum(1 << bit for bit in set(bits)), np.uint64).view(np.int64)))
        for number, (after_s, bits) in enumerate(given_)
    ]
    group = list(range(len(shots)))
    for one in shots:
        for other in shots:
            bits = bin((one.perceptual_hash ^ other.perceptual_hash) & (2**64 - 1)).count("1")
            near = one.taken and other.taken and abs((one.taken - other.taken).total_seconds()) <= BURST_S
            if bits <= COPY_BITS or (near and bits <= BURST_BITS):
                old, new = group[one.asset_id], group[other.asset_id]
                group = [new if each == old else each for each in group]
    slow = {frozenset(row for row, each in enumerate(group) if each == number) for number in group}
    assert {frozenset(rows) for rows in find_bursts(shots)} == {rows for rows in slow if len(rows) > 1}


def test_a_picture_saved_anew_made_smaller_or_lighter_keeps_its_hash_nearly(photo_folder: Path) -> None:
    image = Image.open(photo_folder / "astronaut.jpg").convert("RGB")
    whole = perceptual_hash(np.asarray(image))
    lighter = np.clip(np.asarray(image).astype(int) + 20, 0, 255).astype(np.uint8)
    other = perceptual_hash(np.asarray(Image.open(photo_folder / "hopper.jpg").convert("RGB")))

    def bits(found: int) -> int:
        return bin((found ^ whole) & (2**64 - 1)).count("1")

    assert -(2**63) <= whole < 2**63
    assert bits(perceptual_hash(np.asarray(image.resize((256, 256))))) <= COPY_BITS
    assert bits(perceptual_hash(lighter)) <= COPY_BITS
    assert bits(perceptual_hash(np.asarray(image)[12:, 12:])) <= BURST_BITS < bits(other)


@dataclass
class Made:
    library: Library
    assets: list[int]
    faces: list[UUID]


@pytest.fixture
def made(library_url: str, tmp_path: Path) -> Iterator[Made]:
    """Ada on three shots of one second, the third the best, and on two photos of other days; a film beside them."""
    url = "" if library_url.startswith("sqlite") else library_url
    library = library_with(FakePack(), Settings(home=tmp_path / "library", model_pack="opencv-zoo", database_url=url))
    vectors = people_vectors(1, 5, seed=3)
    with library.repository.begin() as unit:
        unit.contract.pin(library.packs.contract())
        assets = [add_photo(unit, f"p{number}.jpg") for number in range(5)]
        ids = unit.faces.add(
            [
                (asset, found_face(vector, quality=0.5 + number / 10))
                for number, (asset, vector) in enumerate(zip(assets, vectors, strict=True))
            ],
            pack="opencv-zoo",
        )
        unit.outbox.push(ids)
        for number, asset in enumerate(assets):
            taken = NOON + timedelta(seconds=number / 3 if number < 3 else number * 90_000)
            dated = update(ImageAsset).where(ImageAsset.id == asset).values(taken_at=taken, taken_clock=taken)
            unit.faces._session.execute(dated)
        seen = [LookedAt(asset, 9, 9, None, None, (0, 3, 7, HALF, FAR)[row]) for row, asset in enumerate(assets)]
        unit.assets.record_detection(seen, min_confidence=0.5, min_face_size=20)
    assign_faces_to(library, ids, "Ada", actor="ada")
    yield Made(library, assets, ids)
    library.close()


def numbers(made: Made, photos: Sequence[int]) -> list[int]:
    return [made.assets.index(asset_id) for asset_id in photos]


def test_bursts_are_listed_and_stand_as_one_by_their_best_face(made: Made) -> None:
    (burst,) = list_bursts(made.library.repository)
    assert numbers(made, [photo.asset_id for photo in burst.photos]) == [0, 1, 2]
    assert burst.photos[0].path.name == "p0.jpg"
    with made.library.repository.read() as unit:
        best_first = sorted(unit.faces.in_assets(made.assets), key=lambda face: -face.quality_score)
        shown = unit.shots.one_a_burst(best_first)
        assert {made.faces.index(face.id): photos for face, photos in shown.items()} == {4: 1, 3: 1, 2: 3}
        assert [made.faces.index(face.id) for face in shown] == [4, 3, 2]
        person = best_first[0].person_id
        assert person is not None
    side = _person_side(made.library.repository, person, without=[made.faces[4]])
    assert len(side.face_ids) == 2, "one of the burst, and that of another day"
    assert made.faces[3] in side.face_ids
    (stands,) = side.bursts
    assert side.bursts == {stands: 3}
    assert made.faces.index(stands) in (0, 1, 2)
    for limit in (0, 1001):
        with pytest.raises(WrongUse, match="bursts"):
            list_bursts(made.library.repository, limit=limit)


def test_a_missing_photo_is_in_no_burst(made: Made) -> None:
    with made.library.repository.begin() as unit:
        unit.assets.set_missing(made.assets[1:2], missing=True)
    (burst,) = list_bursts(made.library.repository)
    assert numbers(made, [photo.asset_id for photo in burst.photos]) == [0, 2]


def test_two_faces_of_one_photo_both_stay(made: Made) -> None:
    with made.library.repository.begin() as unit:
        vector = people_vectors(1, 1, seed=9)[0]
        unit.faces.add([(made.assets[2], found_face(vector, x=300, quality=0.1))], pack="opencv-zoo")
    with made.library.repository.read() as unit:
        faces = sorted(unit.faces.in_assets(made.assets), key=lambda face: -face.quality_score)
        left = unit.shots.one_a_burst(faces)
    assert [made.assets.index(face.asset_id) for face in left] == [4, 3, 2, 2]
    assert list(left.values()) == [1, 1, 3, 3], "a photo with two of these faces counts once"


def test_a_sheet_and_the_review_say_how_many_photos_a_face_stands_for(made: Made, tmp_path: Path) -> None:
    """The pictures are plain, so a mark is whatever is of the sheet's own colour in a corner."""
    with made.library.repository.begin() as unit:
        for number, asset in enumerate(made.assets):
            picture = tmp_path / f"p{number}.png"
            Image.new("RGB", (200, 200), (40 * number, 90, 90)).save(picture)
            there, content = picture.stat(), sha256(picture.read_bytes()).hexdigest()
            file = PhotoFile(picture, content, there.st_size, there.st_mtime_ns, NOON)
            unit.assets.rewrite([(asset, file)], is_changed=False)
        unit.faces._session.execute(update(ImageAsset).values(detected_hash=ImageAsset.content_hash))
    sheet = np.asarray(draw_people(made.library))
    top = MARGIN + HEADING
    corners = [sheet[top : top + 36, x + 36 : x + 66] for x in (MARGIN, MARGIN + 78, MARGIN + 156)]
    is_marked = [(corner == ImageColor.getrgb(CARD)).all(axis=2).sum() > 50 for corner in corners]
    assert is_marked == [False, False, True], "the shots of one second are the third picture"
    unasked = made.faces[4]
    with made.library.repository.begin() as unit:
        unit.faces._session.execute(
            update(FaceInstance).where(FaceInstance.id == unasked).values(assigned_by="prototype", similarity=0.5)
        )
    with client_of(made.library) as api:
        answer = api.get(f"{API}/review", params={"topic": "recognised"}).json()
        (question,) = answer["questions"]
        assert question["one"]["faceIds"] == [str(unasked)]
        ((stands, photos),) = answer["bursts"].items()
        assert (stands in question["other"]["faceIds"], photos) == (True, 3)
        said = {"topic": "recognised", "one": question["one"], "other": question["other"], "isYes": True}
        assert api.post(f"{API}/review/answer", json=said).status_code == 200


def test_photos_of_an_older_library_are_hashed_by_the_next_backfill(made: Made, tmp_path: Path) -> None:
    picture = tmp_path / "p.png"
    Image.fromarray(np.linspace(0, 255, 64 * 64, dtype=np.uint8).reshape(64, 64)).save(picture)
    with made.library.repository.begin() as unit:
        unit.faces._session.execute(update(ImageAsset).values(perceptual_hash=None))
        unit.assets.rewrite([(made.assets[0], PhotoFile(picture, "c" * 64, 1, 1, NOON))], is_changed=False)
        unit.faces._session.execute(update(ImageAsset).values(detected_hash=ImageAsset.content_hash))
    assert hash_photos(made.library, limit=10) == 1, "the files of the others are not there"
    with made.library.repository.read() as unit:
        assert [one.asset_id for one in unit.shots.all()] == made.assets[:1]
        assert len(unit.shots.unhashed(limit=10)) == 4
    assert list_bursts(made.library.repository) == []


def test_a_photo_is_hashed_when_its_faces_are_looked_for(settings: Settings, photo_folder: Path) -> None:
    @dataclass(frozen=True)
    class Nobody(FakePack):
        def detect(self, image: Any, **_: Any) -> Detections:
            return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 5, 2), np.float32))

        def embed(self, crops: Any) -> Any:
            return np.empty((0, WIDTH), np.float32)

    library = library_with(Nobody(), settings)
    ingest_folder(library.repository, photo_folder)
    backfill_faces(library)
    with library.repository.read() as unit:
        rows = unit.faces._session.execute(select(ImageAsset.path, ImageAsset.perceptual_hash))
        hashes = {Path(path).name: found for path, found in rows}
    image = Image.open(photo_folder / "astronaut.jpg").convert("RGB")
    assert bin((hashes["astronaut.jpg"] ^ perceptual_hash(np.asarray(image))) & (2**64 - 1)).count("1") <= COPY_BITS
    assert None not in hashes.values()
    assert list_bursts(library.repository) == [], "photos without faces say nothing of people"
    library.close()


def test_bursts_over_rest_and_in_the_shell(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    with client_of(made.library) as api:
        (burst,) = api.get(f"{API}/search/bursts").json()["bursts"]
        assert numbers(made, [photo["assetId"] for photo in burst["photos"]]) == [0, 1, 2]
        assert api.get(f"{API}/search/bursts?limit=0").status_code == 422
    if made.library.settings.database_url:
        monkeypatch.setenv("DATABASE_URL", made.library.settings.database_url)
    monkeypatch.setenv("FACEML_HOME", str(made.library.settings.home))
    told = json.loads(CliRunner().invoke(cli, ["photos", "bursts", "--json"], catch_exceptions=False).stdout)
    assert [len(each["photos"]) for each in told["bursts"]] == [3]
    assert "3 photos, 2020-05-01 12:00:00:" in CliRunner().invoke(cli, ["photos", "bursts"]).stdout
