"""The face grid at `/label` in a real browser, by keyboard and by mouse, and what the database says then."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import uvicorn

from faceml.library import Library
from faceml.options import AssignOptions
from faceml.services.recognise.assign import assign_faces
from serving.app import create_app
from tests.conftest import REPO, skip_or_fail
from tests.e2e.lab import browser
from tests.polling import until
from tests.ports import free_port
from tests.rest import UNLIMITED
from tests.synthetic import synthetic_library

pytestmark = pytest.mark.browser
AXE = REPO / "front" / "node_modules" / "axe-core" / "axe.min.js"
WAIT_MS = float(os.environ.get("FACEML_WAIT_MS", 60_000))
NAMES = ["Ada", "Bob", "Cleo", "Dan"]
PLACES = ["to_name", "unconfirmed", "unknown", "people", "ignored", "hidden", "missing", "all"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@dataclass
class Somebody:
    """A person at the page: what they press, click and read."""

    page: Any
    url: str
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, fragment: str = "") -> None:
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"{self.url}/label{fragment}")
        self.rests()

    def rests(self) -> None:
        """Until nothing is being loaded or decided."""
        self.page.wait_for_selector(".fg-root:not([data-busy])")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.rests()

    def types(self, text: str, *keys: str) -> None:
        self.page.keyboard.type(text)
        self.press(*keys)

    def clicks(self, selector: str, **given: Any) -> None:
        self.page.click(selector, **given)
        self.rests()

    def is_told(self, text: str) -> None:
        expect(self.page.locator(".fg-notice")).to_contain_text(text)
        self.rests()

    def sees(self, title: str) -> None:
        expect(self.page.locator(".fg-title h1")).to_have_text(title)
        self.rests()

    def counts(self, place: str, count: str) -> None:
        expect(self.page.locator(f"[data-place={place}] small")).to_have_text(count)

    def tiles(self) -> list[str]:
        """The ids of the faces in sight, once they are there."""
        self.page.wait_for_selector(".fg-tile[data-face]:not([data-face=''])")
        return list(self.page.locator(".fg-tile").evaluate_all("all => all.map(tile => tile.dataset.face)"))

    def focused(self) -> str:
        """The face that has the keyboard."""
        return str(self.page.locator(".fg-tile:focus").get_attribute("data-face"))


@contextmanager
def sitting_at(chromium: Any, library: Library, fragment: str = "", **context: Any) -> Iterator[Somebody]:
    """The service in this process, and somebody at its page; nobody complained, and no other site was asked."""
    port = free_port()
    app = create_app(library=library, limits=UNLIMITED)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    known = {"viewport": {"width": 1280, "height": 800}} | context
    opened = chromium.new_context(**known)
    opened.set_default_timeout(WAIT_MS)
    try:
        until(lambda: server.started)
        somebody = Somebody(opened.new_page(), f"http://127.0.0.1:{port}")
        somebody.open(fragment)
        try:
            yield somebody
        except Exception:
            opened.pages[0].screenshot(path="/tmp/w/h8f-dev/fail.png"); print(somebody.page.inner_text(".fg-root"), somebody.complaints)
            raise
        assert somebody.complaints == []
        assert all(url.startswith((somebody.url, "data:", "blob:")) for url in somebody.asked), somebody.asked
    finally:
        opened.close()
        server.should_exit = True
        thread.join()


def names_of(library: Library) -> dict[UUID, str]:
    """Who each face is under, by name."""
    with library.repository.read() as unit:
        names = unit.people.names()
        ids = [face_id for face_id, _, _ in unit.faces.labels()]
        states = unit.faces.states(ids)
    return {face_id: names[state.person_id] for face_id, state in states.items() if state.person_id}


def confirmed(library: Library) -> int:
    with library.repository.read() as unit:
        return sum(1 for _ in unit.faces.labels())


@pytest.fixture
def strangers(tmp_path: Path) -> Iterator[Library]:
    """Four people with six faces each, none of them named."""
    library = synthetic_library(tmp_path / "library", people=4, faces=6)
    yield library
    library.close()


@pytest.fixture
def acquaintances(tmp_path: Path) -> Iterator[Library]:
    """Two of four people are known, half of their faces by a person, the others by the machine."""
    library = synthetic_library(tmp_path / "library", people=4, faces=12, known=2)
    assign_faces(library, AssignOptions())
    yield library
    library.close()


# --- naming from nothing


def by_keys(somebody: Somebody, name: str) -> None:
    somebody.types(name, "Enter")


def by_mouse(somebody: Somebody, name: str) -> None:
    somebody.clicks(".fg-entry")
    somebody.page.keyboard.type(name)
    somebody.clicks("[data-action=take]")


@pytest.mark.parametrize("give", [by_keys, by_mouse])
def test_everybody_is_named_from_nothing(
    chromium: Any, strangers: Library, give: Callable[[Somebody, str], None]
) -> None:
    with sitting_at(chromium, strangers) as somebody:
        for name in NAMES:
            somebody.sees("Who is this?")
            give(somebody, name)
            somebody.is_told(f"6 faces: {name}")
        somebody.sees("To name")
        assert "Every group has a name" in somebody.page.inner_text(".fg-nothing")
    assert Counter(names_of(strangers).values()) == dict.fromkeys(NAMES, 6)


def test_a_known_name_is_taken_by_its_beginning_and_a_slip_is_asked_about(chromium: Any, strangers: Library) -> None:
    with sitting_at(chromium, strangers) as somebody:
        somebody.types("Grace Hopper", "Enter")
        somebody.is_told("6 faces: Grace Hopper")
        somebody.types("gra", "Enter")
        somebody.counts("to_name", "2")
        somebody.types("Grace Hoper", "Enter")
        somebody.is_told("Did you mean Grace Hopper?")
        somebody.press("Enter")
        somebody.counts("to_name", "1")
    assert Counter(names_of(strangers).values()) == {"Grace Hopper": 18}


# --- moving faces to somebody else


def select_four_by_keys(somebody: Somebody) -> list[str]:
    somebody.press("Alt+4")
    somebody.page.wait_for_selector(".fg-card:focus")
    somebody.press("Enter")
    first = somebody.focused()
    somebody.press(*["Shift+ArrowRight"] * 3)
    assert "4 selected" in somebody.page.inner_text(".fg-title")
    return [first, *somebody.tiles()[1:4]]


def select_four_by_mouse(somebody: Somebody) -> list[str]:
    somebody.clicks("[data-place=people]")
    somebody.clicks(".fg-card")
    ids = somebody.tiles()[:4]
    somebody.clicks(f"[data-face='{ids[0]}']")
    somebody.clicks(f"[data-face='{ids[3]}']", modifiers=["Shift"])
    expect(somebody.page.locator(".fg-title")).to_contain_text("4 selected")
    return ids


@pytest.mark.parametrize(("select", "give"), [(select_four_by_keys, by_keys), (select_four_by_mouse, by_mouse)])
def test_four_faces_are_moved_to_another_person(
    chromium: Any,
    acquaintances: Library,
    select: Callable[[Somebody], list[str]],
    give: Callable[[Somebody, str], None],
) -> None:
    with sitting_at(chromium, acquaintances) as somebody:
        ids = select(somebody)
        owner = somebody.page.inner_text(".fg-title h1")
        other = {"Person 00000": "Person 00001", "Person 00001": "Person 00000"}[owner]
        give(somebody, other)
        somebody.is_told(f"4 faces: {other}")
        expect(somebody.page.locator(".fg-title")).to_contain_text("8 faces")
    assert {names_of(acquaintances)[UUID(face_id)] for face_id in ids} == {other}


# --- confirming


def test_recognised_faces_are_confirmed_in_one_step_and_one_undo_takes_it_back_by_keys(
    chromium: Any, acquaintances: Library
) -> None:
    before = confirmed(acquaintances)
    with sitting_at(chromium, acquaintances) as somebody:
        somebody.press("Alt+2")
        somebody.page.wait_for_selector(".fg-histogram")
        somebody.press("Enter")
        somebody.is_told("6 faces confirmed")
        assert confirmed(acquaintances) == before + 6
        somebody.press("Control+z")
        somebody.is_told("Undone")
        assert confirmed(acquaintances) == before
        somebody.press("Control+Shift+z")
        somebody.is_told("Done again")
    assert confirmed(acquaintances) == before + 6


def test_faces_above_a_threshold_are_confirmed_and_those_below_rejected_by_mouse(
    chromium: Any, acquaintances: Library
) -> None:
    before = confirmed(acquaintances)
    with sitting_at(chromium, acquaintances) as somebody:
        somebody.clicks("[data-place=unconfirmed]")
        box = somebody.page.locator(".fg-histogram input").bounding_box()
        somebody.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        somebody.page.wait_for_selector("[data-action=reject-below]")
        somebody.page.wait_for_selector(".fg-tile.fg-below")
        below = somebody.page.locator(".fg-tile.fg-below").count()
        assert somebody.page.inner_text("[data-action=reject-below]") == f"Reject the {below} below"
        somebody.clicks(".fg-threshold [data-action=confirm]")
        somebody.is_told(f"{6 - below} faces confirmed" if below < 5 else "1 face confirmed")
        assert confirmed(acquaintances) == before + 6 - below
        somebody.clicks("text=Undo")
        somebody.is_told("Undone")
    assert confirmed(acquaintances) == before


# --- ignoring, and back


def ignore_by_keys(somebody: Somebody) -> str:
    face = somebody.focused()
    somebody.press("Control+Space", "Alt+i")
    somebody.is_told("1 face ignored")
    somebody.press("Alt+5")
    assert somebody.tiles() == [face]
    somebody.press("Alt+b")
    return face


def ignore_by_mouse(somebody: Somebody) -> str:
    face = somebody.tiles()[0]
    somebody.clicks(f"[data-face='{face}']")
    somebody.clicks("[data-action=stranger]")
    somebody.is_told("1 face ignored")
    somebody.clicks("[data-place=ignored]")
    somebody.clicks(f"[data-face='{face}']")
    somebody.clicks("[data-action=restore]")
    return face


@pytest.mark.parametrize("ignore", [ignore_by_keys, ignore_by_mouse])
def test_an_ignored_face_is_recovered(chromium: Any, strangers: Library, ignore: Callable[[Somebody], str]) -> None:
    with sitting_at(chromium, strangers) as somebody:
        ignore(somebody)
        somebody.is_told("1 face brought back")
        somebody.counts("ignored", "0")
    with strangers.repository.read() as unit:
        assert [event.kind for event in unit.events.latest(10)][-1:] == ["dismiss"]


# --- what others decide, and what everybody can read


def test_what_somebody_else_decides_shows_by_itself(chromium: Any, strangers: Library) -> None:
    from faceml.services.decisions.label import label_cluster

    with sitting_at(chromium, strangers) as somebody:
        label_cluster(strangers, "clu_00003", "Ada", actor="ada")
        somebody.counts("to_name", "3")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_place_is_closed_to_who_cannot_see_or_point(chromium: Any, acquaintances: Library, theme: str) -> None:
    if not AXE.is_file():
        skip_or_fail("axe-core is not installed: `npm --prefix front ci`")
    with sitting_at(chromium, acquaintances, color_scheme=theme) as somebody:
        for number, _ in enumerate(PLACES, start=1):
            somebody.press(f"Alt+{number}")
            violations(somebody)
        somebody.press("Alt+f")
        violations(somebody)
        somebody.press("Escape", "Alt+k")
        violations(somebody)
        somebody.press("Escape", "Alt+1", "Space")
        somebody.page.wait_for_selector(".fg-photo img")
        violations(somebody)
        somebody.press("Escape")
        somebody.focused()


def violations(somebody: Somebody) -> None:
    if not somebody.page.evaluate("!!window.axe"):
        somebody.page.evaluate(AXE.read_text())
    found = somebody.page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    told = [(item["id"], [node["failureSummary"] for node in item["nodes"][:2]]) for item in found]
    assert told == [], somebody.page.inner_text(".fg-title")


def test_at_four_hundred_percent_nothing_has_to_be_scrolled_sideways(chromium: Any, acquaintances: Library) -> None:
    with sitting_at(chromium, acquaintances, viewport={"width": 320, "height": 256}) as somebody:
        for number in (1, 2, 4):
            somebody.press(f"Alt+{number}")
            assert somebody.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
