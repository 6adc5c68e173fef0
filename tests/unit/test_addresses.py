"""The URL of a SQLite file leads to that file, whatever letters its path has; and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from faceml.addresses import sqlite_file, sqlite_url, with_absolute_file
from faceml.config import read_settings

LETTERS = st.characters(exclude_characters="/\0", exclude_categories=["Cs"])
BYTES = st.integers(0xDC80, 0xDCFF).map(chr)  # of a name that is not UTF-8
NAMES = st.text(st.one_of(LETTERS, st.sampled_from("?%=&#"), BYTES), min_size=1)


@given(NAMES, NAMES)
def test_sqlalchemy_and_faceml_find_the_file_of_its_url(folder: str, name: str) -> None:
    file = Path("/", folder, name)
    assert make_url(sqlite_url(file)).database == str(file)
    assert sqlite_file(sqlite_url(file)) == file
    assert with_absolute_file(sqlite_url(file), Path("/elsewhere")) == sqlite_url(file.resolve())


@pytest.mark.parametrize("name", ["Who? 2024", "a%41b", "a?mode=ro", "50%", "c#d", "u:me@host", "José"])
def test_the_stores_of_a_folder_lie_in_it(name: str, tmp_path: Path) -> None:
    settings = read_settings({}, folder=tmp_path / name)
    assert make_url(settings.database).database == str(tmp_path / name / "library" / "faceml.db")
    assert make_url(settings.tracking).database == str(tmp_path / name / "mlruns" / "mlflow.db")


@pytest.mark.parametrize(
    ("url", "file", "query"),
    [
        ("sqlite:///runs/m.db", "{root}/runs/m.db", {}),
        ("sqlite:///runs/m.db?timeout=9&check_same_thread=false", "{root}/runs/m.db", "kept"),
        ("sqlite:////srv/Who? 2024/m.db", "/srv/Who? 2024/m.db", {}),
        ("sqlite:////srv/Who? 2024/m.db?timeout=9", "/srv/Who? 2024/m.db", "kept"),
        ("sqlite+pysqlite:////srv/Who%3F 2024/m.db", "/srv/Who? 2024/m.db", {}),
        ("sqlite:////srv/100%25/m.db", "/srv/100%/m.db", {}),
    ],
)
def test_a_url_of_the_user_is_read_as_sqlalchemy_does_and_a_stray_question_mark_is_a_letter(
    url: str, file: str, query: object, tmp_path: Path
) -> None:
    root = tmp_path / "Who? %41"
    for name in ("DATABASE_URL", "MLFLOW_TRACKING_URI"):
        settings = read_settings({name: url}, folder=root)
        read = make_url(settings.database if name == "DATABASE_URL" else settings.tracking)
        assert read.database == file.format(root=root)
        assert bool(read.query) == (query == "kept")


@pytest.mark.parametrize(
    "url", ["", "sqlite://", "sqlite:///:memory:", "sqlite:///file:/a.db?uri=true", "http://host/sqlite:///a.db"]
)
def test_what_names_no_file_has_none_and_stays(url: str) -> None:
    assert sqlite_file(url) is None
    assert with_absolute_file(url, Path("/elsewhere")) == url
