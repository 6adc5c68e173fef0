"""The map and tuning in a real browser: what is drawn round is named, and what is tried is done and taken back.

And the map of a notebook, in JupyterLab: a point says what it is when the mouse is on it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from faceml.library import Library
from faceml.records import Dismissal
from faceml.services.decisions.label import label_cluster
from tests.conftest import REPO
from tests.e2e.grid_page import WAIT_MS, Somebody, expect, sitting_at
from tests.e2e.lab import browser, lab_folder, open_notebook, running_lab
from tests.synthetic import synthetic_library

pytestmark = pytest.mark.browser
AXE = REPO / "front" / "node_modules" / "axe-core" / "axe.min.js"
PEOPLE, FACES = 4, 6
VIEWED = ".fg-view:not([data-busy])"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Four people with six faces each in a group of their own, none of them named."""
    opened = synthetic_library(tmp_path / "library", people=PEOPLE, faces=FACES)
    yield opened
    opened.close()


def named(library: Library, name: str) -> int:
    with library.repository.read() as unit:
        (person_id,) = [id_ for id_, known in unit.people.names().items() if known == name]
        return len(unit.faces.of_person(person_id))


def dismissed(library: Library) -> list[UUID]:
    with library.repository.read() as unit:
        states = unit.faces.states([face_id for face_id, _, _ in unit.faces.labels()])
    return [face_id for face_id, state in states.items() if state.dismissed_as is Dismissal.NOT_A_FACE]


def looks_at(somebody: Somebody, view: str, title: str) -> None:
    somebody.press("Alt+m" if view == "map" else "Alt+t")
    somebody.page.wait_for_selector(VIEWED)
    somebody.sees(title)


def draws_round_everything(somebody: Somebody) -> None:
    box = somebody.page.locator(".fg-map canvas").bounding_box()
    corners = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.05)]
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    somebody.page.mouse.move(*points[0])
    somebody.page.mouse.down()
    for point in points[1:]:
        somebody.page.mouse.move(*point, steps=4)
    somebody.page.mouse.up()


@pytest.mark.nightly
def test_what_is_drawn_round_on_the_map_is_selected_in_the_grid_and_named(chromium: Any, library: Library) -> None:
    with sitting_at(chromium, library) as somebody:
        looks_at(somebody, "map", "Map")
        draws_round_everything(somebody)
        somebody.clicks("[data-action=show]")
        somebody.is_told(f"{PEOPLE * FACES} faces from the map, all selected")
        somebody.press("Escape")  # the selection; then back
        looks_at(somebody, "map", "Map")
        groups = somebody.page.get_by_label("Groups, the largest first")  # the same by keyboard
        groups.select_option(index=1)
        somebody.clicks("[data-action=show]")
        somebody.is_told(f"{FACES} faces from the map")
        somebody.types("Ada", "Shift+Enter")
        somebody.is_told("Ada")
    assert named(library, "Ada") == FACES


@pytest.mark.nightly
def test_bounds_are_tried_applied_and_taken_back_and_groups_made_anew(chromium: Any, library: Library) -> None:
    label_cluster(library, "clu_00000", "Ada", actor="ada")
    with sitting_at(chromium, library, "#view=tune") as somebody:
        page = somebody.page
        page.wait_for_selector(VIEWED)
        expect(page.locator(".fg-outcome")).to_contain_text(f"{(PEOPLE - 1) * FACES} faces, compared in raw")
        page.locator("[data-name=minClusterSize]").fill("7")
        expect(page.locator(".fg-facts")).to_contain_text(f"{(PEOPLE - 1) * FACES} would leave theirs")
        page.keyboard.press("Tab")
        page.locator("#fg-tab-grouping").focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#fg-tab-detection")).to_have_attribute("aria-selected", "true")
        page.locator("[data-name=minFaceSize]").fill("300")
        expect(page.locator("[data-action=apply]")).to_contain_text(f"Dismiss {(PEOPLE - 1) * FACES} faces")
        somebody.clicks("[data-action=apply]")
        somebody.is_told("Dismissed as not a face: 18 faces")
        assert len(dismissed(library)) == (PEOPLE - 1) * FACES
        somebody.press("Control+z")
        somebody.is_told("Undone")
        assert dismissed(library) == []


@pytest.mark.nightly
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is installed by `npm --prefix front ci`")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_no_view_is_closed_to_who_cannot_see_or_point(chromium: Any, library: Library, theme: str, width: int) -> None:
    size = {"width": width, "height": 800}
    with sitting_at(chromium, library, "#view=map&place=all", color_scheme=theme, viewport=size) as somebody:
        page = somebody.page
        page.evaluate(AXE.read_text())
        for view in ("map", "tune"):
            looks_at(somebody, view, view.title())
            for tab in ("detection", "grouping", "recognition") if view == "tune" else ("",):
                if tab:
                    somebody.clicks(f"#fg-tab-{tab}")
                page.wait_for_selector(VIEWED)
                found = page.evaluate("axe.run()")["violations"]
                assert [(item["id"], item["nodes"][0]["target"]) for item in found] == []
                assert page.evaluate("document.documentElement.scrollWidth") <= width


MAP = """
from faceml.services.review.sheets import draw_map
from faceml.wiring import open_library
draw_map(open_library(), model="raw")
"""
CONTRAST = """label => {
  const light = colour => { const [r, g, b] = colour.match(/\\d+/g).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
  const fill = of => light(getComputedStyle(label.querySelector(of)).fill)
  const [dark, pale] = [fill("path"), fill("text")].sort((a, b) => a - b)
  return (pale + 0.05) / (dark + 0.05)
}"""


@pytest.mark.nightly
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_a_point_of_a_notebooks_map_says_what_it_is(
    chromium: Any, library: Library, tmp_path: Path, theme: str
) -> None:
    label_cluster(library, "clu_00001", "<b>Ada</b>", actor="ada")
    folder, environment = lab_folder(tmp_path, library, [MAP])
    asked: list[str] = []
    with running_lab(folder, environment, theme=theme) as lab:
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(WAIT_MS)
        page.on("request", lambda request: asked.append(request.url))
        open_notebook(page, lab, "03_label.ipynb")
        plot = page.locator(".jp-RenderedPlotly")
        expect(plot.locator("img")).to_be_visible()  # the picture, until somebody comes
        box = plot.bounding_box()
        page.mouse.move(box["x"] + 20, box["y"] + 20)
        expect(plot.locator(".point")).to_have_count(PEOPLE * FACES)
        said = set()
        for number in range(PEOPLE * FACES):
            point = plot.locator(".point").nth(number).bounding_box()
            page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
            expect(plot.locator(".hovertext")).to_have_count(1)
            said.add(str(plot.locator(".hovertext text").first.text_content()).partition(" faces")[0])
        assert plot.locator(".hovertext").evaluate(CONTRAST) >= 4.5
        page.screenshot(
            path=str(Path(os.environ.get("FACEML_SCREENSHOTS", tmp_path)) / f"map-{theme.split()[-1].lower()}.png")
        )
        away = [url for url in asked if not url.startswith((lab.url, lab.url.replace("http", "ws"), "data:", "blob:"))]
    assert said == {f"<b>Ada</b>, {FACES}", *(f"clu_{other:05}, {FACES}" for other in (0, 2, 3))}
    assert away == []
