"""Tables and messages in a terminal: as wide as it is, in colour where it has some."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from faceml.cli.tables import has_colour, table

PATH = "/home/somebody/pictures/2024/a very long folder/one.jpg"
ID = "0f3fbccc-b79c-4ec4-83ed-81df8ef15970"


def test_a_table_fits_the_width_and_ids_and_numbers_are_whole() -> None:
    rows = [("Ada Lovelace, Countess", 12345.5, ID, PATH), ("Eve", 1.0, ID, "/a.jpg")]
    wide = table(("Name", "Faces", "Id", "Photo"), rows)
    assert max(map(len, wide)) > 100
    narrow = table(("Name", "Faces", "Id", "Photo"), rows, width=80)
    assert max(map(len, narrow)) <= 80
    assert all(ID in line for line in narrow[1:])
    assert narrow[1].endswith("one.jpg"), "of paths the end tells more"
    assert "12345.50" in narrow[1]
    assert table(("Name", "Faces", "Id", "Photo"), rows, width=200) == wide


def test_columns_that_cannot_be_cut_are_left_as_they_are() -> None:
    assert table(("Id", "n"), [(ID, 1.0)], width=20)[1] == f"{ID}  1"
    assert table((), []) == []


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_no_colour_gets_none(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert has_colour(Terminal())
    assert not has_colour(io.StringIO()), "a file"
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert not has_colour(Terminal())


def in_terminal(folder: Path, *words: str, **variables: str) -> str:
    """What a command writes to a terminal of 60 columns."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    environment = {**kept, "TERM": "xterm", "COLUMNS": "60", "FACEML_HOME": str(folder / "library"), **variables}
    command = [sys.executable, "-m", "faceml", *words]
    subprocess.run(command, cwd=folder, env=environment, stdout=theirs, stderr=theirs, check=False)
    os.close(theirs)
    with os.fdopen(ours, "rb") as terminal:
        return terminal.read1(100_000).decode()


def test_a_refusal_is_red_in_a_terminal(tmp_path: Path) -> None:
    said = in_terminal(tmp_path, "people", "show", "Nobody")
    assert re.search("\x1b\\[31mfaceml:\x1b\\[0m nobody here is called", said)
    plain = in_terminal(tmp_path, "people", "show", "Nobody", NO_COLOR="1")
    assert "\x1b" not in plain
    assert "faceml: nobody here is called" in plain
