"""The README's pictures of the face grid: `python docs/images/shoot_grid.py DEMO`, the folder that `faceml demo` made.

Works on a copy of its library, in chromium. As in all pictures of the project, faces that may not be shown are
pixelated past recognition (see draw_contact_sheet.py).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from draw_contact_sheet import unpublishable

import serving.app
from faceml.config import Settings
from faceml.demo.sources import ADMIRAL, ASTRONAUT
from faceml.library import Library
from faceml.services.decisions.undo import history, undo
from faceml.services.review.thumbnails import Thumbnails
from faceml.wiring import open_library
from tests.conftest import copy_library
from tests.e2e.grid_page import Somebody, expect, sitting_at
from tests.e2e.lab import browser

COLOURS = 256
MOST_GROUPS = 12  # to name, of the demo


def main(demo: Path, target: Path, *, is_published: bool = True) -> None:
    """Take every picture; `is_published`: faces are pixelated."""
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        library = open_library(Settings(home=copy_library(demo / "library", Path(folder) / "library")))
        faces = {name: faces_of(library, name) for name in (ADMIRAL.person, ASTRONAUT.person)}
        if is_published:
            hidden = unpublishable(library, demo / "photos")
            serving.app.Thumbnails = partial(Thumbnails, pixelate=hidden)  # type: ignore[misc, assignment]
        for name, theme, width, height, visit in PICTURES:
            if visit is name_a_group:
                unname(library, ADMIRAL.person)
            with sitting_at(
                chromium, library, viewport={"width": width, "height": height}, color_scheme=theme
            ) as somebody:
                visit(somebody)
                shoot(somebody, target / f"{name}.png")
        film(chromium, library, faces, target / "naming.gif")
        library.close()


def unname(library: Library, name: str) -> None:
    """Somebody who may be shown is a group to name again."""
    label = next(line for line in history(library.repository, limit=100) if line.text.endswith(f"as {name}"))
    undo(library, label.event_id, actor="demo")


def name_a_group(somebody: Somebody) -> None:
    somebody.press("ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")
    somebody.page.keyboard.type("Grace")


def confirm(somebody: Somebody) -> None:
    somebody.press("Alt+2")
    somebody.clicks(f".fg-group:has-text('{ASTRONAUT.person[:6]}')")
    box = somebody.page.locator(".fg-histogram input").bounding_box()
    somebody.page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + box["height"] - 4)


def review(somebody: Somebody) -> None:
    somebody.press("Alt+r")
    somebody.page.wait_for_selector(".fg-review:not([data-busy])")


def people(somebody: Somebody) -> None:
    somebody.press("Alt+4")


def a_person(somebody: Somebody) -> None:
    people(somebody)
    somebody.press("Enter", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")


PICTURES: tuple[tuple[str, Any, int, int, Any], ...] = (
    ("grid-confirm", "dark", 1280, 800, confirm),
    ("grid-review", "light", 1280, 800, review),
    ("grid-people", "dark", 1280, 800, people),
    ("grid-name", "light", 1280, 800, name_a_group),
)


def faces_of(library: Library, name: str) -> set[str]:
    with library.repository.read() as unit:
        person = unit.people.named(name)
        return {str(face.id) for face in unit.faces.of_person(person.id)} if person else set()


def film(chromium: Any, library: Library, faces: Mapping[str, set[str]], file: Path) -> None:
    """Two groups get the names of two people who may be shown, a frame a key."""
    frames: list[Image.Image] = []
    durations: list[int] = []
    for name in faces:
        if faces_of(library, name):
            unname(library, name)
    with sitting_at(chromium, library, viewport={"width": 960, "height": 540}, color_scheme="light") as somebody:

        def frame(milliseconds: int) -> None:
            somebody.rests()
            expect(somebody.page.locator("img.fg-portrait:not([src])")).to_have_count(0)
            frames.append(Image.open(BytesIO(somebody.page.screenshot())).convert("RGB"))
            durations.append(milliseconds)

        for name, theirs in faces.items():
            keys = iter(["Alt+ArrowUp"] * MOST_GROUPS + ["Alt+ArrowDown"] * MOST_GROUPS)
            while not theirs & set(somebody.tiles()):
                somebody.press(next(keys))
            frame(900)
            for letter in name:
                somebody.page.keyboard.type(letter)
                frame(60)
            frame(700)
            somebody.press("Enter")
        frame(1500)
    first, *others = in_one_palette(frames)
    first.save(file, save_all=True, append_images=others, duration=durations, loop=0, optimize=True)


def in_one_palette(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """Then only what changes from one frame to the next takes room."""
    width, height = frames[0].size
    some = [frames[at * (len(frames) - 1) // 3] for at in range(4)]
    sheet = Image.new("RGB", (width, height * len(some)))
    for row, frame in enumerate(some):
        sheet.paste(frame, (0, row * height))
    palette = sheet.quantize(COLOURS // 2, Image.Quantize.MEDIANCUT)
    return [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]


def shoot(somebody: Somebody, file: Path) -> None:
    """Once every picture in sight is there."""
    somebody.rests()
    expect(somebody.page.locator("img.fg-portrait:not([src])")).to_have_count(0)
    somebody.page.wait_for_load_state("networkidle")
    file.parent.mkdir(parents=True, exist_ok=True)
    somebody.page.screenshot(path=str(file))
    Image.open(file).convert("RGB").quantize(COLOURS, Image.Quantize.MEDIANCUT).save(file, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
