"""A person at the keyboard: JupyterLab, a real browser, real faces, and what the database says afterwards."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from PIL import Image

from faceml.config import Settings
from faceml.demo.build import build_demo
from faceml.library import Library
from faceml.options import DetectOptions
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from faceml.services.photos.known_labels import match_known_labels, read_known_labels
from faceml.services.review.browse import list_open_clusters
from faceml.wiring import open_library
from tests.conftest import copy_library
from tests.e2e.lab import WORKBENCH, Person, assert_no_face_in, browser, lab_folder, running_lab, sit_down
from tests.fakes import library_with
from tests.synthetic import synthetic_library

pytestmark = pytest.mark.browser
MIXED = "clu_mixed"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory, model_cache: Path, opencv_zoo: Any) -> Path:
    """The demo's photos, and a library with their faces found and grouped; two groups are thrown together."""
    folder = tmp_path_factory.mktemp("workbench")
    demo = build_demo(folder / "photos")
    library = library_with(
        opencv_zoo, Settings(home=folder / "library", model_pack="opencv-zoo", model_root=model_cache)
    )
    ingest_folder(library.repository, demo.photos)
    backfill_faces(library, DetectOptions(limit=1000))
    cluster_faces(library)
    first, second = (cluster_id for cluster_id, _ in list_open_clusters(library.repository)[-2:])
    with library.repository.begin() as unit:
        mixed = [face.id for id_ in (first, second) for face in unit.faces.in_cluster(id_)]
        unit.faces.set_clusters([(face_id, MIXED) for face_id in mixed])
        unit.outbox.push(mixed)
    library.close()
    return folder


@pytest.fixture
def demo_library(demo_folder: Path, tmp_path: Path) -> Iterator[Library]:
    """A copy to work in."""
    library = open_library(Settings(home=copy_library(demo_folder / "library", tmp_path / "library")))
    yield library
    library.close()


@pytest.fixture
def truth(demo_folder: Path, demo_library: Library) -> dict[UUID, str]:
    """Who each face is."""
    known = read_known_labels(demo_folder / "photos" / "truth.csv")
    with demo_library.repository.read() as unit:
        return {item.face.id: item.person for item in match_known_labels(unit, known)}


def test_a_person_labels_the_demo_by_keyboard_and_the_database_says_exactly_that(
    chromium: Any, demo_library: Library, truth: dict[UUID, str], tmp_path: Path
) -> None:
    folder, environment = lab_folder(tmp_path, demo_library, [])
    with running_lab(folder, environment) as lab:
        person = sit_down(chromium, lab)
        assert person.page.evaluate(IS_SEEN), "after Run All one types into a field that is on the screen"
        said = name_everything(person, truth)
        person.press("Alt+3")
        slips(person)
        merged = merge(person, "Grace Hopper", "Eileen Collins")
        rejected = reject_first_face(person, "Person A")
        person.page.screenshot(path=str(tmp_path / "people.png"))
        undo_line(person, "merged Grace Hopper into Eileen Collins")
        kill_kernel()
    check(demo_library, said, rejected)
    assert merged == "Eileen Collins"
    assert_no_face_in(folder / "03_label.ipynb", demo_library)


IS_SEEN = """() => {
    const entry = document.activeElement, at = entry.getBoundingClientRect();
    const shown = document.elementFromPoint((at.left + at.right) / 2, (at.top + at.bottom) / 2);
    return entry.className === "fb-entry" && shown === entry;
}"""


def name_everything(person: Person, truth: dict[UUID, str]) -> dict[UUID, str]:
    said: dict[UUID, str] = {}
    splits = 0
    while person.title() in ("Who is this?", "One person?"):
        faces = person.faces()
        names = Counter(truth.get(face, "nobody") for face in faces)
        name, count = names.most_common(1)[0]
        if count <= 0.7 * len(faces):
            splits += 1
            assert splits == 1, f"{names} was split already"
            person.press("Alt+s")
            assert person.title() == "Split into 2 parts?"
            person.press("Enter")
            continue
        person.press("Enter", text=name)
        assert name in person.sees("notice")
        said |= dict.fromkeys(faces, name)
    assert person.title() == "All done"
    assert splits == 1
    return said


def slips(person: Person) -> None:
    """Enter takes the completion that is shown; a slip is asked about; Esc leaves letters what they are."""
    keyboard = person.page.keyboard
    keyboard.type("eil")
    assert person.sees("likely").startswith("⏎")
    person.press("Enter")
    assert person.title() == "Eileen Collins"
    person.press("Enter", text="Grace Hoper")
    assert "Did you mean Grace Hopper?" in person.sees("notice")
    person.press("Enter")
    assert person.title() == "Grace Hopper"
    keyboard.press("Escape")
    keyboard.press("Escape")
    keyboard.press("ArrowDown")  # from the entry into the sheet, where letters type a name too
    person.press("Enter", text="Eileen Collins")
    assert person.title() == "Eileen Collins"
    assert person.sees("notice") == ""


def merge(person: Person, source: str, target: str) -> str:
    person.press("Enter", text=source)
    assert person.title() == source
    person.press("Alt+m")
    person.press("Enter", text="nobody at all")
    assert person.page.locator(".fb-entry").input_value() == "nobody at all", "an error loses no text"
    person.page.keyboard.press("Escape")
    person.page.keyboard.type(target[:6])
    assert person.sees("likely") == f"⏎\nmerge into {target}"
    person.press("Enter")
    return person.title()


def reject_first_face(person: Person, name: str) -> UUID:
    person.press("Enter", text=name)
    keyboard = person.page.keyboard
    keyboard.press("ArrowDown")  # from the entry into the sheet
    face = UUID(person.page.evaluate("document.activeElement.dataset.face"))
    keyboard.press("Space")
    person.press("Alt+n")
    assert f"not {name}" in person.sees("notice")
    return face


def undo_line(person: Person, text: str) -> None:
    """Go to the Undo button of a decision in the history, with the tab key."""
    keyboard = person.page.keyboard
    for _ in range(80):
        keyboard.press("Tab")
        row = person.page.evaluate(
            "document.activeElement.closest('.fb-history .fb-row')?.firstChild.textContent ?? ''"
        )
        if row.startswith(text):
            person.press("Enter")
            assert person.sees("notice").startswith("✓\nUndone") or "Undone" in person.sees("notice")
            return
    raise AssertionError(f"no line of the history says {text!r}: {person.sees('history')}")


def kill_kernel() -> None:
    """As the power does: nothing that was shown as done may be lost by it."""
    kernels = [child for child in psutil.Process().children(recursive=True) if "ipykernel_launcher" in child.cmdline()]
    assert kernels
    for kernel in kernels:
        kernel.send_signal(signal.SIGKILL)


def check(library: Library, said: dict[UUID, str], rejected: UUID) -> None:
    with library.repository.read() as unit:
        names = unit.people.names()
        ids = [face_id for face_id, _, _ in unit.faces.labels()]
        states = unit.faces.states(ids)
        ruled_out = unit.people.ruled_out(ids)
        kinds = Counter(event.kind for event in unit.events.latest(1000))
        statuses = {unit.people.get(id_).status for id_ in names}
        faces = {id_: names[state.person_id] for id_, state in states.items() if state.person_id}
    name = said.pop(rejected)
    assert faces == said
    assert {id_: {names[p] for p in people} for id_, people in ruled_out.items()} == {rejected: {name}}
    assert statuses == {"active"}
    labels = kinds.pop("label")
    assert labels >= len(set(said.values()))
    assert kinds == {"split": 1, "merge": 1, "reject": 1, "undo": 1}


@pytest.mark.nightly
@pytest.mark.parametrize("people", [50, 2500])
def test_each_decision_shows_one_next_screen(chromium: Any, tmp_path: Path, people: int) -> None:
    """How long that takes is measured by benchmarks/workbench.py."""
    library = synthetic_library(tmp_path / "library", people=people, faces=20, known=people // 5)
    folder, environment = lab_folder(tmp_path, library, WORKBENCH)
    with running_lab(folder, environment) as lab:
        person = sit_down(chromium, lab)
        before = person.page.evaluate("window.shown.length")
        for number in range(10):
            person.press("Enter", text=f"Somebody {number}")
        assert person.page.evaluate("window.shown.length") - before == 10
    with library.repository.read() as unit:
        assert sum(name.startswith("Somebody") for name in unit.people.names().values()) == 10


PUBLISHED = """from pathlib import Path
from draw_contact_sheet import unpublishable
from faceml.widgets.views import open_workbench
from faceml.wiring import open_library

library = open_library()
open_workbench(library, actor="ada", pixelate=unpublishable(library, Path({demo!r})))"""


@pytest.mark.nightly
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_screenshots_that_may_be_published(
    chromium: Any, demo_folder: Path, demo_library: Library, truth: dict[UUID, str], tmp_path: Path, theme: str
) -> None:
    """The README's pictures, written to FACEML_SCREENSHOTS where that is set."""
    target = Path(os.environ.get("FACEML_SCREENSHOTS", tmp_path))
    folder, environment = lab_folder(tmp_path, demo_library, [PUBLISHED.format(demo=str(demo_folder / "photos"))])
    with running_lab(folder, environment, theme=theme) as lab:
        person = sit_down(chromium, lab, height=1500)
        while truth.get(person.faces()[0]) != "Grace Hopper":
            person.press("Enter", text=truth.get(person.faces()[0], "Somebody"))
        leave_out(person, 10)
        person.press("Enter", text="Grace Hopper")
        assert person.sees("choices").startswith("⏎")
        shoot(person, target / f"label-{theme.split()[-1].lower()}.png")
        person.press("Enter")
        while person.title() == "Who is this?":
            person.press("Enter", text=truth.get(person.faces()[0], "Somebody"))
        person.press("Alt+3")
        person.press("Enter", text="Eileen Collins")
        shoot(person, target / f"people-{theme.split()[-1].lower()}.png")


def leave_out(person: Person, count: int) -> None:
    keyboard = person.page.keyboard
    keyboard.press("ArrowDown")
    for _ in range(count):
        keyboard.press("Space")
        keyboard.press("ArrowRight")
    keyboard.press("Enter")  # back to the entry


def shoot(person: Person, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    person.page.locator(".fb-root").screenshot(path=str(file))
    picture = Image.open(file).convert("RGB")
    picture.quantize(256, Image.Quantize.MEDIANCUT).save(file, optimize=True)
    assert 10_000 < file.stat().st_size < 300_000
