"""The face grid at `/label` in a real browser, by keyboard and by mouse, and what the database says then."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from faceml.library import Library
from faceml.options import AssignOptions
from faceml.records import AssignedBy
from faceml.services.decisions.label import label_cluster
from faceml.services.recognise.assign import assign_faces
from tests.e2e.grid_page import WAIT_MS, Somebody, expect, sitting_at
from tests.e2e.lab import assert_no_face_in, browser, lab_folder, open_notebook, running_lab
from tests.synthetic import synthetic_library

pytestmark = pytest.mark.browser
NAMES = ["Ada", "Bob", "Cleo", "Dan"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


def names_of(library: Library) -> dict[UUID, str]:
    """Who each face is under, by name."""
    with library.repository.read() as unit:
        names = unit.people.names()
        ids = [face_id for face_id, _, _ in unit.faces.labels()]
        states = unit.faces.states(ids)
    return {face_id: names[state.person_id] for face_id, state in states.items() if state.person_id}


def confirmed(library: Library) -> int:
    """How many faces a person put under somebody."""
    with library.repository.read() as unit:
        states = unit.faces.states([face_id for face_id, _, _ in unit.faces.labels()])
    return sum(state.assigned_by == AssignedBy.MANUAL for state in states.values())


@pytest.fixture
def strangers(tmp_path: Path) -> Iterator[Library]:
    """Four people with six faces each, none of them named."""
    library = synthetic_library(tmp_path / "library", people=4, faces=6)
    yield library
    library.close()


@pytest.fixture
def acquaintances(tmp_path: Path) -> Iterator[Library]:
    """Three of four people are known: six faces of each by a person, six by the machine."""
    library = synthetic_library(tmp_path / "library", people=4, faces=12, known=3)
    with library.repository.begin() as unit:
        open_ids = [face.id for n in range(3) for face in unit.faces.in_cluster(f"clu_{n:05}") if not face.person_id]
        unit.faces.set_clusters([(face_id, None) for face_id in open_ids])
        unit.outbox.push(open_ids)
    assert assign_faces(library, AssignOptions(threshold=0.3)).assigned == 18
    yield library
    library.close()


def test_everybody_is_named_from_nothing_by_keyboard(chromium: Any, strangers: Library) -> None:
    with sitting_at(chromium, strangers) as somebody:
        for typed, name in (
            ("Grace Hopper", "Grace Hopper"),
            ("Eileen Collins", "Eileen Collins"),
            ("gra", "Grace Hopper"),
        ):
            somebody.sees("Who is this?")
            somebody.types(typed, "Enter")
            somebody.is_told(f"6 faces: {name}")
        somebody.types("Eilen Collins", "Enter")
        somebody.is_told("Did you mean Eileen Collins?")
        somebody.press("Enter")
        somebody.is_told("6 faces: Eileen Collins")
        expect(somebody.page.locator(".fg-nothing")).to_contain_text("Every group has a name")
    assert Counter(names_of(strangers).values()) == {"Grace Hopper": 12, "Eileen Collins": 12}


@pytest.mark.nightly
def test_everybody_is_named_from_nothing_by_mouse(chromium: Any, strangers: Library) -> None:
    with sitting_at(chromium, strangers) as somebody:
        for name in NAMES:
            somebody.sees("Who is this?")
            by_mouse(somebody, name)
            somebody.is_told(f"6 faces: {name}")
        expect(somebody.page.locator(".fg-nothing")).to_contain_text("Every group has a name")
    assert Counter(names_of(strangers).values()) == dict.fromkeys(NAMES, 6)


def by_mouse(somebody: Somebody, name: str) -> None:
    somebody.clicks(".fg-bar .fg-entry")
    somebody.page.keyboard.type(name)
    somebody.clicks("[data-action=take]")


def test_faces_are_confirmed_moved_ignored_and_recovered_by_keyboard(chromium: Any, acquaintances: Library) -> None:
    before = confirmed(acquaintances)
    with sitting_at(chromium, acquaintances) as somebody:
        somebody.press("Alt+2")
        somebody.page.wait_for_selector(".fg-histogram")
        somebody.press("Enter")
        somebody.is_told("6 faces confirmed")
        assert confirmed(acquaintances) == before + 6
        somebody.press("Control+z")
        somebody.is_told("Undone: 6 faces confirmed")
        assert confirmed(acquaintances) == before
        somebody.press("Control+Shift+z")
        somebody.is_told("Done again")
        assert confirmed(acquaintances) == before + 6

        somebody.press("Alt+4")
        somebody.page.wait_for_selector(".fg-card:focus")
        somebody.press("Enter")
        somebody.focused()
        somebody.press(*["Shift+ArrowRight"] * 3)
        expect(somebody.page.locator(".fg-title")).to_contain_text("4 selected")
        moved = somebody.chosen()
        owner = somebody.page.inner_text(".fg-title h1")
        other = "Person 00001" if owner != "Person 00001" else "Person 00002"
        somebody.types(other, "Enter")
        somebody.is_told(f"4 faces: {other}")
        expect(somebody.page.locator(".fg-title")).to_contain_text("8 faces")

        somebody.press("Alt+1")
        ignored = somebody.focused()
        somebody.press("Control+Space", "Alt+i")
        somebody.is_told("1 face ignored")
        somebody.press("Alt+5")
        assert somebody.tiles() == [ignored]
        somebody.press("Alt+b")
        somebody.is_told("1 face brought back")
        somebody.counts("ignored", "0")
    assert {names_of(acquaintances)[UUID(face_id)] for face_id in moved} == {other}


@pytest.mark.nightly
def test_faces_are_confirmed_moved_ignored_and_recovered_by_mouse(chromium: Any, acquaintances: Library) -> None:
    before = confirmed(acquaintances)
    with sitting_at(chromium, acquaintances) as somebody:
        somebody.clicks("[data-place=unconfirmed]")
        box = somebody.page.locator(".fg-histogram input").bounding_box()
        somebody.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        below = somebody.page.locator(".fg-tile.fg-below")
        expect(below.first).to_be_visible()
        expect(somebody.page.locator("[data-action=reject-below]")).to_have_text(f"Reject the {below.count()} below")
        passing = 6 - below.count()
        somebody.clicks(".fg-threshold [data-action=confirm]")
        somebody.is_told("confirmed")
        assert confirmed(acquaintances) == before + passing
        somebody.clicks("text=Undo")
        somebody.is_told("Undone")
        assert confirmed(acquaintances) == before

        somebody.clicks("[data-place=people]")
        somebody.clicks(".fg-card >> nth=0")
        ids = somebody.tiles()[:4]
        somebody.clicks(f"[data-face='{ids[0]}']")
        somebody.clicks(f"[data-face='{ids[3]}']", modifiers=["Shift"])
        expect(somebody.page.locator(".fg-title")).to_contain_text("4 selected")
        by_mouse(somebody, "Cleo")
        somebody.is_told("4 faces: Cleo")

        somebody.clicks("[data-place=to_name]")
        ignored = somebody.tiles()[0]
        somebody.clicks(f"[data-face='{ignored}']")
        somebody.clicks("[data-action=stranger]")
        somebody.is_told("1 face ignored")
        somebody.clicks("[data-place=ignored]")
        somebody.clicks(f"[data-face='{ignored}']")
        somebody.clicks("[data-action=restore]")
        somebody.is_told("1 face brought back")
    assert {names_of(acquaintances)[UUID(face_id)] for face_id in ids} == {"Cleo"}


@pytest.mark.nightly
def test_a_box_on_the_photo_is_named_and_what_others_decide_shows_by_itself(chromium: Any, strangers: Library) -> None:
    with sitting_at(chromium, strangers) as somebody:
        label_cluster(strangers, "clu_00003", "Ada", actor="ada")
        somebody.counts("to_name", "3")
        face = somebody.focused()
        somebody.press("Space")
        expect(somebody.page.locator(".fg-photo .fg-box")).to_have_count(4)
        somebody.types("Bob", "Enter")
        somebody.is_told("1 face: Bob")
        expect(somebody.page.locator(".fg-photo .fg-asked")).to_have_text("Bob")
        somebody.press("Escape")
        somebody.focused()
    names = names_of(strangers)
    assert names[UUID(face)] == "Bob"
    assert Counter(names.values()) == {"Ada": 6, "Bob": 1}


@pytest.mark.nightly
def test_no_place_is_closed_to_who_cannot_see_or_point(chromium: Any, acquaintances: Library) -> None:
    with sitting_at(chromium, acquaintances) as somebody:
        for number in (3, 4, 5, 2, 1):
            somebody.press(f"Alt+{number}")
            assert somebody.violations("dark" if number != 2 else "light") == []
        somebody.press("Alt+f")
        assert somebody.violations("light") == []
        somebody.press("Escape", "Alt+k")
        assert somebody.violations("dark") == []
        somebody.press("Escape", "Space")
        somebody.page.wait_for_selector(".fg-photo img")
        assert somebody.violations("light") == []
        somebody.press("Escape")
        somebody.focused()
        somebody.page.set_viewport_size({"width": 320, "height": 256})  # 1,280 px at 400 %
        for number in (1, 2, 4):
            somebody.press(f"Alt+{number}")
            assert somebody.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


CELLS = [
    "from faceml.wiring import open_library",
    "from serving.notebook import label_faces\nlabel_faces(open_library(), actor='ada')",
]


@pytest.mark.nightly
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_same_grid_names_faces_in_jupyterlab(chromium: Any, strangers: Library, tmp_path: Path, theme: str) -> None:
    folder, environment = lab_folder(tmp_path, strangers, CELLS)
    with running_lab(folder, environment, theme=theme) as lab:
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(WAIT_MS)
        open_notebook(page, lab, "03_label.ipynb")
        somebody = Somebody(page, lab.url)
        somebody.clicks(".fg-tile >> nth=0")
        somebody.press("Escape")
        somebody.types("Ada", "Enter")  # no letter is a command of the notebook's
        somebody.is_told("6 faces: Ada")
        somebody.press("Shift+ArrowRight")
        somebody.types("Bob", "Enter")
        somebody.is_told("2 faces: Bob")
        somebody.press("Control+z")
        somebody.is_told("Undone: 2 faces: Bob")
        page.screenshot(
            path=str(Path(os.environ.get("FACEML_SCREENSHOTS", tmp_path)) / f"grid-{theme.split()[-1].lower()}.png")
        )
    assert Counter(names_of(strangers).values()) == {"Ada": 6}
    assert_no_face_in(folder / "03_label.ipynb", strangers)
