"""Photos whose names are not UTF-8, and what is no file at all, at every door; the same on both databases."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from faceml.cli.main import cli
from faceml.config import Settings
from faceml.errors import UnreadablePhoto
from faceml.library import Library
from faceml.path_text import path_text
from faceml.records import Face
from faceml.services.decisions.label import assign_faces_to
from faceml.services.exchange.annotations import export_fiftyone
from faceml.services.exchange.export import export_faces, export_xmp
from faceml.services.exchange.import_labels import import_labels
from faceml.services.exchange.import_xmp import import_xmp
from faceml.services.exchange.vectors import export_vectors
from faceml.services.learn.evaluate import evaluate_labels
from faceml.services.operate.backup import back_up
from faceml.services.photos.detect import backfill_faces, detect_in_photo
from faceml.services.photos.ingest import ingest_folder
from faceml.services.recognise.identify import identify_photo
from faceml.services.review.browse import list_unreadable
from faceml.services.review.sheets import draw_photos_without_faces
from faceml.services.review.thumbnails import Thumbnails, draw_photo
from tests.fakes import library_with
from tests.rest import API, client_of

LATIN = os.fsdecode(b"caf\xe9")
ME = "tester"


@pytest.fixture
def anywhere(database_url: str, tmp_path: Path, opencv_zoo: Any) -> Iterator[Library]:
    """A library on SQLite, then on PostgreSQL."""
    settings = Settings(
        home=tmp_path / "library",
        model_pack="opencv-zoo",
        database_url=database_url,
        tracking_uri=f"sqlite:///{tmp_path / 'm.db'}",
    )
    opened = library_with(opencv_zoo, settings)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def portrait(photo_folder: Path) -> Image.Image:
    return Image.open(photo_folder / "hopper.jpg").resize((240, 290))


@pytest.fixture
def folder(portrait: Image.Image, tmp_path: Path) -> Path:
    """Its own name is in Latin-1, as are those of a photo with a face and of one that is empty."""
    folder = tmp_path / f"{LATIN}s"
    folder.mkdir()
    portrait.save(folder / f"{LATIN}.jpg")
    (folder / f"leer{LATIN}.jpg").touch()
    Image.new("RGB", (40, 30)).save(folder / f"{LATIN}.gif")
    return folder


@pytest.fixture
def known(anywhere: Library, folder: Path) -> Library:
    ingest_folder(anywhere.repository, folder)
    backfill_faces(anywhere)
    return anywhere


def only_face(library: Library, photo: Path) -> Face:
    with library.repository.read() as unit:
        [face] = unit.faces.in_assets([unit.assets.at_paths([photo])[photo].asset_id])
    return face


def test_a_folder_in_latin_1_is_taken_in_known_again_and_followed(anywhere: Library, folder: Path) -> None:
    assert ingest_folder(anywhere.repository, folder).added == 3
    assert ingest_folder(anywhere.repository, folder).unchanged == 3
    (folder / f"{LATIN}.jpg").rename(folder / f"{LATIN}2.jpg")
    assert ingest_folder(anywhere.repository, folder.parent).moved == 1
    assert backfill_faces(anywhere).faces_added == 1
    assert only_face(anywhere, folder / f"{LATIN}2.jpg")


def test_its_faces_are_shown_and_its_unreadable_photo_is_named(known: Library, folder: Path) -> None:
    face, named = only_face(known, folder / f"{LATIN}.jpg"), f"file://{folder.parent}/caf%E9s/leercaf%E9.jpg"
    assert [photo.path for photo in list_unreadable(known.repository).items] == [named]
    assert Thumbnails(known).of([face])
    assert draw_photo(known.repository, face.asset_id).startswith(b"\xff\xd8")
    assert draw_photos_without_faces(known.repository).height > 0
    with client_of(known) as api:
        assert [item["path"] for item in api.get(f"{API}/unreadable").json()["items"]] == [named]
        assert api.get(f"{API}/faces/{face.id}/thumbnail").status_code == 200


def test_a_name_travels_through_a_sidecar_in_latin_1(known: Library, folder: Path) -> None:
    face = only_face(known, folder / f"{LATIN}.jpg")
    assign_faces_to(known, [face.id], "Grace", actor=ME)
    assert export_xmp(known.repository, folder).sidecars_written == 1
    assert (folder / f"{LATIN}.jpg.xmp").is_file()
    assert import_xmp(known, folder, actor=ME).already_labeled == 1
    (folder / f"{LATIN}.jpg.xmp").write_bytes(b"no xmp")
    [skipped] = import_xmp(known, folder, actor=ME).skipped
    assert skipped.encode().startswith(b"file:///")


def test_a_table_names_such_a_photo_and_is_read_back(known: Library, folder: Path, tmp_path: Path) -> None:
    export_faces(known.repository, tmp_path / "faces.csv")
    export_faces(known.repository, tmp_path / f"{LATIN}.parquet")
    export_vectors(known.repository, tmp_path / f"{LATIN}.npz")
    assert back_up(known, tmp_path / f"{LATIN}.zip").faces == 1
    export_fiftyone(known.repository, tmp_path / "fiftyone")
    with (tmp_path / "faces.csv").open(newline="", encoding="utf-8") as stream:
        [row] = csv.DictReader(stream)
    assert row["path"] == path_text(folder / f"{LATIN}.jpg")
    labels = tmp_path / f"{LATIN}.csv"
    labels.write_text(f"path,person_name\n{row['path']},Grace\n", encoding="utf-8")
    assert import_labels(known, labels, actor=ME).faces_labeled == 1
    assert evaluate_labels(known.repository, labels).faces_found == 1


def test_the_command_line_shows_such_names_in_utf_8(folder: Path, tmp_path: Path) -> None:
    """A process of its own: Python holds the arguments as the system gives them."""
    environment = {**os.environ, "FACEML_HOME": str(tmp_path / "library"), "PYTHONIOENCODING": "utf-8"}
    (folder / f"{LATIN}.psd").touch()
    os.symlink("nowhere", folder / LATIN)
    done = subprocess.run(
        [sys.executable, "-m", "faceml.cli.main", "ingest", os.fsencode(folder)],
        env=environment, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Added: 3" in done.stdout
    assert "caf%E9s/caf%E9.psd" in done.stdout
    missing = CliRunner().invoke(cli, ["ingest", str(folder / LATIN)], env=environment)
    assert "caf%E9s/nowhere is not there" in str(missing.exception)


# --- what is no file


@pytest.fixture
def never_waits(folder: Path) -> Iterator[None]:
    """Who waits for a pipe is let go, and the test fails."""

    def let_go(*_: object) -> None:
        for pipe in folder.rglob("*"):
            if pipe.is_fifo():
                with suppress(OSError):
                    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        raise AssertionError("it waits for the other end of a pipe")

    before = signal.signal(signal.SIGALRM, let_go)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_a_photo_that_became_a_pipe_is_waited_for_nowhere(known: Library, folder: Path, never_waits: None) -> None:
    photo = folder / f"{LATIN}.jpg"
    face = only_face(known, photo)
    assign_faces_to(known, [face.id], "Grace", actor=ME)
    photo.unlink()
    os.mkfifo(photo)
    report = ingest_folder(known.repository, folder)
    assert [item.what for item in report.left_out] == ["pipes, sockets and devices"]
    with pytest.raises(UnreadablePhoto, match="a pipe"):
        identify_photo(known, photo)
    with pytest.raises(UnreadablePhoto, match="a pipe"):
        detect_in_photo(known, face.asset_id)
    with client_of(known) as api:
        assert "a pipe" in api.get(f"{API}/faces/{face.id}/thumbnail").json()["detail"]
        assert api.post(f"{API}/detect/{face.asset_id}").status_code == 422
    assert Thumbnails(known).of([face]) == {}
    export_xmp(known.repository, folder)
    import_xmp(known, folder, actor=ME)
    draw_photos_without_faces(known.repository)


def test_a_sidecar_that_is_a_pipe_or_leads_to_one_is_named(library: Library, folder: Path, never_waits: None) -> None:
    ingest_folder(library.repository, folder)
    backfill_faces(library)
    face = only_face(library, folder / f"{LATIN}.jpg")
    assign_faces_to(library, [face.id], "Grace", actor=ME)
    os.mkfifo(folder / "pipe")
    (folder / f"{LATIN}.jpg.xmp").symlink_to("pipe")
    for skipped in (import_xmp(library, folder, actor=ME).skipped, export_xmp(library.repository).skipped):
        assert [reason.partition("caf%E9.jpg.xmp ")[2] for reason in skipped] != [""]
        assert "it is a pipe, a socket or a device" in skipped[0]
    assert (folder / "pipe").is_fifo(), "it stays what it is"
