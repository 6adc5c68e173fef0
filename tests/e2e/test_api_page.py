"""`/docs` in a browser: it draws the API, answers a request tried on it, and asks no other site for anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.lab import START_S, browser
from tests.rest import served

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("key", ["a key", pytest.param("", marks=pytest.mark.nightly)])
def test_a_request_is_tried_on_the_page(tmp_path: Path, key: str) -> None:
    given = {"FACEML_API_KEY": key, "FACEML_MODEL_PACK": "opencv-zoo"}
    with served(tmp_path, **given) as server, browser() as chromium:
        known: dict[str, Any] = {"http_credentials": {"username": "me", "password": key}} if key else {}
        page = chromium.new_context(**known).new_page()
        page.set_default_timeout(START_S * 1000)
        complaints: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{server.url}/docs")
        page.wait_for_selector(".opblock")
        if key:
            page.click(".authorize")
            page.locator(".auth-container input").nth(1).fill(key)
            page.locator(".auth-btn-wrapper .authorize").nth(1).click()
            page.click(".btn-done")
        project = page.locator("#operations-model-project")
        project.locator(".opblock-summary-control").click()
        project.locator(".try-out__btn").click()
        project.locator(".execute").click()
        page.wait_for_selector(".live-responses-table pre")
        assert '"modelVersion": "raw"' in project.locator(".live-responses-table pre").first.inner_text()
        assert complaints == []  # of its policy, first of all
        assert all(url.startswith((server.url, "data:", "blob:")) for url in asked), asked
