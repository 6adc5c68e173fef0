"""The face grid in a browser: frames a second while it scrolls, the first screen, and a name given to 5,000 faces.

    python benchmarks/grid_page.py                   50,000 and 500,000 faces in chromium

The service runs in this process, on loopback; frames are those that the browser presented, told by its own clock.
"""

from __future__ import annotations

import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pytest
from fixtures.left_out import leave_out

from benchmarks.labelling import libraries_asked_for
from faceml.library import Library
from tests.e2e.grid_page import Somebody, expect, sitting_at
from tests.e2e.lab import browser

SIZES = (50_000, 500_000)
TURNS = 120  # of the wheel, one a frame or so
NAMED = 5_000
FRAMES = """() => {
    const times = window.frames_ = [];
    const frame = (now) => { times.push(now); window.next_ = requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
}"""

TO_ROW_OF = """(faces) => {
    const grid = document.querySelector(".fg-grid"), of = (name) => Number(grid.getAttribute(name));
    const row = Math.floor(faces / of("aria-colcount"));
    grid.scrollTop = (grid.scrollHeight * row) / of("aria-rowcount");
    return row + 2;
}"""


def main() -> None:
    try:
        measure_all()
    except pytest.skip.Exception as error:  # as the tests say that there is no browser
        leave_out(str(error))


def measure_all() -> None:
    with browser() as chromium:
        for faces, library in libraries_asked_for(__doc__, SIZES):
            print(f"{faces:,} faces: {measure(chromium, library)}")


def measure(chromium: Any, library: Library) -> str:
    with sitting_at(chromium, library, "#place=all") as somebody:
        started = time.perf_counter()
        somebody.page.reload()
        somebody.page.wait_for_selector(".fg-tile img[src]")
        first_s = time.perf_counter() - started
        gaps = scrolled(somebody)
        rate = 1000 / statistics.mean(gaps)
        named_s = named(somebody)
        heap = somebody.page.evaluate("performance.memory?.usedJSHeapSize ?? 0") / 1e6
    slow = sorted(gaps)[int(0.95 * len(gaps))]
    return (
        f"first screen {first_s:.2f} s, scrolling {rate:.0f} frames a second ({slow:.0f} ms the 95th percentile), "
        f"{NAMED:,} named in {named_s:.2f} s, {heap:.0f} MB of the page's memory"
    )


def scrolled(somebody: Somebody) -> list[float]:
    """Milliseconds from each frame to the next while the wheel turns."""
    box = somebody.page.locator(".fg-grid").bounding_box()
    somebody.page.mouse.move(box["x"] + 200, box["y"] + 200)
    somebody.page.evaluate(FRAMES)
    for _ in range(TURNS):
        somebody.page.mouse.wheel(0, 600)
    times = somebody.page.evaluate("() => { cancelAnimationFrame(window.next_); return window.frames_; }")
    return [after - before for before, after in pairwise(times)]


def named(somebody: Somebody) -> float:
    """Seconds to give a name to some 5,000 faces, selected as one range with the mouse."""
    page = somebody.page
    somebody.press("Home")
    page.click(".fg-row-of-tiles[aria-rowindex='1'] .fg-tile >> nth=0")
    row = page.evaluate(TO_ROW_OF, NAMED)
    page.wait_for_selector(f".fg-row-of-tiles[aria-rowindex='{row}'] img[src]")
    page.locator(".fg-grid").click(position={"x": 60, "y": 300}, modifiers=["Shift"])
    expect(page.locator(".fg-title")).to_contain_text("selected")
    started = time.perf_counter()
    somebody.types("Somebody", "Shift+Enter")
    somebody.is_told(": Somebody")
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
