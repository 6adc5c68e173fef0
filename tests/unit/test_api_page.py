"""docs/api.md is what the API says of itself, and every endpoint is in it."""

from __future__ import annotations

from faceml.config import Settings
from serving.__main__ import serve
from serving.app import create_app
from serving.describe import api_page
from tests.conftest import REPO


def test_the_page_is_up_to_date_and_leaves_no_endpoint_out() -> None:
    page = (REPO / "docs" / "api.md").read_text()
    assert page == api_page(), "make it anew: python -m serving.describe > docs/api.md"
    for path, item in create_app(Settings()).openapi()["paths"].items():
        for method in item:
            assert f"### `{method.upper()} {path}`" in page


def test_every_option_of_the_service_is_on_the_page() -> None:
    page = (REPO / "docs" / "api.md").read_text()
    assert all(f"- `{option.opts[0]}`" in page for option in serve.params)
