"""A person at the page with the face grid, `/label`: what they press, click and read; and the service behind it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from faceml.library import Library
from tests.conftest import REPO
from tests.rest import served_here

AXE = REPO / "front" / "node_modules" / "axe-core" / "axe.min.js"
WAIT_MS = float(os.environ.get("FACEML_WAIT_MS", 180_000))


def expect(locator: Any) -> Any:
    """Playwright's, with a wait that a busy machine needs; unlike waiting for a function it evaluates no text."""
    from playwright.sync_api import expect

    expect.set_options(timeout=WAIT_MS)
    return expect(locator)


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

    def chosen(self) -> list[str]:
        return list(self.page.locator(".fg-tile.fg-chosen").evaluate_all("all => all.map(tile => tile.dataset.face)"))

    def violations(self, theme: str) -> list[Any]:
        """What axe-core finds."""
        if not AXE.is_file():
            pytest.skip("axe-core is not installed: `npm --prefix front ci`")
        if not self.page.evaluate("!!window.axe"):
            self.page.evaluate(AXE.read_text())
        self.page.emulate_media(color_scheme=theme)
        found = self.page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        return [(theme, item["id"], item["nodes"][0]["failureSummary"]) for item in found]

    def focused(self) -> str:
        """The face that has the keyboard."""
        return str(self.page.locator(".fg-tile:focus").get_attribute("data-face"))


@contextmanager
def sitting_at(chromium: Any, library: Library, fragment: str = "", **context: Any) -> Iterator[Somebody]:
    """The service in this process, and somebody at its page; nobody complained, and no other site was asked."""
    known = {"viewport": {"width": 1280, "height": 800}} | context
    with served_here(library) as url:
        opened = chromium.new_context(**known)
        opened.set_default_timeout(WAIT_MS)
        try:
            somebody = Somebody(opened.new_page(), url)
            somebody.open(fragment)
            yield somebody
            assert somebody.complaints == []
            assert all(asked.startswith((url, "data:", "blob:")) for asked in somebody.asked), somebody.asked
        finally:
            opened.close()
