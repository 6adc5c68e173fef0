"""A video at the page: its faces with their times, the picture of each, and playing from where one is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faceml.config import Settings
from faceml.library import Library
from faceml.services.decisions.label import assign_faces_to
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from tests.e2e.grid_page import expect, sitting_at
from tests.e2e.lab import browser
from tests.fakes import library_with
from tests.films import GROUNDS, Moving, Scene, portraits, write_film
from tests.polling import until

pytest.importorskip("av", reason="the extra video is not installed")
pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture
def library(tmp_path: Path, photo_folder: Path, settings: Settings, opencv_zoo: Any) -> Iterator[Library]:
    """One film of two scenes, in a format that every browser plays."""
    (tmp_path / "films").mkdir()
    who = portraits(photo_folder)
    collins, hopper = Moving(who["collins"], (20, 80), (200, 80)), Moving(who["hopper"], (440, 60), (440, 60))
    scenes = [Scene(2, GROUNDS[0], [collins]), Scene(3, GROUNDS[1], [hopper])]
    write_film(tmp_path / "films" / "film.webm", scenes, codec="libvpx")
    opened = library_with(opencv_zoo, settings)
    ingest_folder(opened.repository, tmp_path / "films")
    backfill_faces(opened)
    with opened.repository.read() as unit:
        faces = unit.faces.in_assets([1])
    later = next(face for face in faces if face.span and face.span.first_s >= 2)
    assign_faces_to(opened, [later.id], "Grace Hopper", actor="ada")
    yield opened
    opened.close()


def test_a_video_plays_from_where_a_face_is_seen(chromium: Any, library: Library) -> None:
    with sitting_at(chromium, library, "#place=all") as somebody:
        somebody.clicks(".fg-tile >> nth=0", click_count=2)
        moments = somebody.page.locator(".fg-moments button")
        expect(moments).to_have_text(["nobody yet 0:00–0:01", "Grace Hopper 0:02–0:04"])
        somebody.page.wait_for_selector(".fg-photo img[src]")
        moments.nth(1).click()
        expect(somebody.page.locator(".fg-photo .fg-box")).to_have_text("Grace Hopper")
        assert somebody.page.locator("text=Draw a face").count() == 0
        assert somebody.violations("light") == []
        somebody.page.locator(".fg-photo-head button", has_text="Play").click()
        video = somebody.page.locator(".fg-photo video")
        expect(video).to_be_visible()
        until(lambda: video.evaluate("video => video.currentTime") >= 2)
        expect(somebody.page.locator(".fg-photo .fg-box")).to_have_count(0)
        somebody.page.locator(".fg-photo-head button", has_text="Still").click()
        expect(somebody.page.locator(".fg-photo .fg-box")).to_have_count(1)
        assert any("/video" in asked for asked in somebody.asked)
