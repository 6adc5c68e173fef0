"""Fixtures every folder of tests may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]


def skip_or_fail(reason: str) -> None:
    """Skip a test whose surroundings are missing, but fail it where they are required (FACEML_REQUIRE_ALL=1)."""
    if os.environ.get("FACEML_REQUIRE_ALL") == "1":
        pytest.fail(f"FACEML_REQUIRE_ALL=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' folder of photos and weights; it is on no user's machine, so its tests skip there."""
    folder = Path(os.environ.get("FACEML_SHARED", REPO.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("the developers' data folder is not on this machine")
    return folder
