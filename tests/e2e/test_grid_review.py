"""What the face grid asks and shows before it is done: review, splits, history, portraits; by keyboard and by mouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faceml.library import Library
from faceml.services.decisions.undo import history
from faceml.services.review.browse import show_person
from tests.e2e.grid_page import Somebody, expect, sitting_at
from tests.e2e.lab import browser
from tests.synthetic import synthetic_library

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Six clusters of eight faces, the last two thrown together; half of the first three are named: the others ask."""
    opened = synthetic_library(tmp_path / "library", people=6, faces=8, known=3)
    with opened.repository.begin() as unit:
        ids = [face.id for face in unit.faces.in_cluster("clu_00005")]
        unit.faces.set_clusters([(face_id, "clu_00004") for face_id in ids])
    yield opened
    opened.close()


def count(library: Library, name: str) -> int:
    return show_person(library.repository, name).person.face_count


def asked(somebody: Somebody) -> str:
    """Whom the question is about."""
    return str(somebody.page.inner_text(".fg-half >> nth=0 >> h2"))


@pytest.mark.nightly
def test_questions_are_answered_put_off_and_taken_back_by_keyboard(chromium: Any, library: Library) -> None:
    with sitting_at(chromium, library) as somebody:
        somebody.press("Alt+r")
        somebody.sees("Same person?")
        expect(somebody.page.locator(".fg-half img[src]").first).to_be_visible()
        assert somebody.violations("light") == []
        first = asked(somebody)
        somebody.press("y")
        somebody.is_told(f"4 faces: {first}")
        assert count(library, first) == 8
        second = asked(somebody)
        somebody.press("n")
        somebody.is_told("are different people")
        somebody.press("Control+z")
        somebody.is_told("Undone")
        assert asked(somebody) == second
        somebody.press("ArrowRight")
        assert asked(somebody) != second
        somebody.press("Space")
        somebody.page.wait_for_selector(".fg-photo-view img")
        somebody.press("Escape")
        expect(somebody.page.locator(".fg-review:focus")).to_be_visible()
        assert somebody.violations("dark") == []
        somebody.page.set_viewport_size({"width": 320, "height": 256})  # 1,280 px at 400 %
        assert somebody.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        somebody.press("Escape")
        somebody.sees("Who is this?")


@pytest.mark.nightly
def test_a_split_is_seen_first_and_history_takes_anything_back_by_keyboard(chromium: Any, library: Library) -> None:
    before = len(history(library.repository))
    with sitting_at(chromium, library, "#place=to_name&clusterId=clu_00004") as somebody:
        somebody.press("Alt+s")
        expect(somebody.page.locator(".fg-split h3")).to_have_count(2)
        assert somebody.violations("light") == []
        somebody.press("Escape")
        assert len(history(library.repository)) == before
        somebody.press("Alt+s", "Enter")
        somebody.is_told("Split into 2 parts")
        expect(somebody.page.locator(".fg-title")).to_contain_text("8 faces")
        somebody.press("Alt+h")
        line = history(library.repository)[0]
        button = somebody.page.locator(f"[data-event='{line.event_id}']")
        expect(button).to_have_text("Undo")
        assert somebody.violations("dark") == []
        button.press("Enter")
        somebody.is_told("Undone: split")
        expect(button).to_have_text("Redo")
        with library.repository.read() as unit:
            assert len(unit.faces.in_cluster("clu_00004")) == 16


@pytest.mark.nightly
def test_portraits_reasons_and_days_by_mouse(chromium: Any, library: Library) -> None:
    with sitting_at(chromium, library) as somebody:
        somebody.clicks("[data-view=review]")
        first = asked(somebody)
        somebody.clicks("[data-action=yes]")
        somebody.is_told(f"4 faces: {first}")
        somebody.clicks("[data-place=people]")
        somebody.clicks(f".fg-card:has-text('{first}')")
        face = somebody.tiles()[3]
        somebody.clicks(f"[data-face='{face}']")
        somebody.clicks("text=More")
        somebody.clicks("[data-action=cover]")
        somebody.is_told(f"Portrait of {first}")
        somebody.clicks("[data-action=exemplars]")
        somebody.is_told(f"{first} is recognised by 1 face")
        somebody.clicks("[data-action=why]")
        expect(somebody.page.locator(".fg-why")).to_contain_text(f"{first}, by a person")
        somebody.clicks("text=Details")
        expect(somebody.page.locator(".fg-details")).to_contain_text("Recognised by")
        assert somebody.violations("light") == []
        somebody.clicks("[data-view=days]")
        expect(somebody.page.locator(".fg-view h1")).to_have_text("Events")
    details = show_person(library.repository, first)
    assert [str(face_id) for face_id in details.exemplars] == [face]


@pytest.mark.nightly
def test_an_empty_place_says_where_faces_wait(chromium: Any, tmp_path: Path) -> None:
    library = synthetic_library(tmp_path / "few", people=5, faces=2)  # groups of two are with the unknown
    with sitting_at(chromium, library) as somebody:
        expect(somebody.page.locator(".fg-nothing")).to_contain_text("Every group has a name")
        somebody.clicks("[data-waiting=unknown]")
        somebody.sees("Unknown")
        assert len(somebody.tiles()) == 10
    library.close()
