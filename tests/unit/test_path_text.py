"""A path as text that everything can hold."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceml.path_text import name_text, path_of, path_text

NAMES = st.binary(min_size=1, max_size=20).filter(lambda name: not {0, ord("/")} & {*name} and {*name} != {ord(".")})


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_every_name_that_a_disk_can_hold_comes_back_from_text_that_a_database_can_hold(names: list[bytes]) -> None:
    path = Path("/", *map(os.fsdecode, names))
    text = path_text(path)
    assert path_of(json.loads(json.dumps(text, ensure_ascii=False).encode().decode())) == path
    assert "/" not in name_text(path).encode().decode()


@given(st.lists(NAMES, min_size=1, max_size=4), st.lists(NAMES, min_size=1, max_size=4))
def test_two_paths_never_share_a_text(one: list[bytes], other: list[bytes]) -> None:
    first, second = (Path("/", *map(os.fsdecode, names)) for names in (one, other))
    assert (path_text(first) == path_text(second)) == (first == second)


@pytest.mark.parametrize("name", ["plain.jpg", "café.jpg", "写.jpg", "%E9.jpg", "file:.jpg", "new\nline.jpg"])
def test_a_name_in_utf_8_stays_as_it_is(name: str) -> None:
    assert path_text(Path("/photos") / name) == f"/photos/{name}"


def test_a_file_uri_that_somebody_typed_is_understood() -> None:
    assert path_of("file:///photos/caf%C3%A9.jpg") == Path("/photos/café.jpg")
