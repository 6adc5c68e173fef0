"""The notebooks as they ran, in docs/notebooks: with the code of now, and nothing of the machine that ran them."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.conftest import REPO

PAGES = REPO / "docs" / "notebooks"
NOTEBOOKS = sorted((REPO / "notebooks").glob("*.ipynb"))
NAMES = [file.stem for file in NOTEBOOKS]
CODE = re.compile(r"^```python\n(.*?)\n```$", re.DOTALL | re.MULTILINE)
PICTURE = re.compile(r"^!\[(.*)\]\((.*)\)$", re.MULTILINE)
MOST_BYTES = 1_000_000  # of a page and its pictures
# A test cannot see a face. Whoever makes these pages anew looks at them.


@pytest.fixture(scope="module")
def maker() -> Any:
    spec = importlib.util.spec_from_file_location("notebook_pages", REPO / "docs" / "site" / "notebook_pages.py")
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


def code_of(notebook: Path) -> list[str]:
    cells = nbformat.read(notebook, as_version=4).cells
    return [cell.source.rstrip() for cell in cells if cell.cell_type == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=NAMES)
def test_a_page_has_the_code_of_its_notebook(notebook: Path) -> None:
    page = (PAGES / f"{notebook.stem}.md").read_text()
    assert CODE.findall(page) == code_of(notebook), "run docs/site/notebook_pages.py, or with --cells to keep outputs"


def test_there_is_a_page_a_notebook_and_the_menu_has_all_of_them() -> None:
    assert sorted(page.stem for page in PAGES.glob("*.md")) == NAMES
    assert "notebooks/\n" in (REPO / "mkdocs.yml").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_small_names_its_pictures_and_no_place_of_who_made_it(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text()
    pictures = PICTURE.findall(page)
    assert all(words not in ("", "png") for words, _ in pictures)
    assert {file for _, file in pictures} == {f"{name}/{file.name}" for file in (PAGES / name).glob("*")}
    assert len(page) + sum((PAGES / file).stat().st_size for _, file in pictures) < MOST_BYTES
    assert re.findall(r"(?<![\w.])/(?:home|tmp|root|dev|work|Users)/|data:image|Traceback", page) == []


def test_a_page_takes_the_code_of_now_and_keeps_its_outputs(maker: Any, tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell("a = 1\n\nb = 2"), nbformat.v4.new_code_cell('print(r"\\1")')]
    nbformat.write(notebook, tmp_path / "x.ipynb")
    page = "# X\n\n```python\nold\n```\n\n    3\n\n```python\nolder\n\nstill\n```\n"
    now = maker.with_cells(page, tmp_path / "x.ipynb")
    assert CODE.findall(now) == code_of(tmp_path / "x.ipynb")
    assert "    3\n" in now
    with pytest.raises(ValueError, match="other cells"):
        maker.with_cells("# X\n\n```python\nold\n```\n", tmp_path / "x.ipynb")


def test_a_picture_is_named_after_its_heading_and_a_path_after_nobodys_folder(maker: Any, tmp_path: Path) -> None:
    body = "# X\n\n## The map\n\n```python\n# not a heading\n```\n\n![png](x/cell_1_0.png)\n"
    assert "![The map](x/cell_1_0.png)" in maker.readable("x", body)
    output = nbformat.v4.new_output("stream", text=f"Library: {tmp_path}/library")
    assert maker.shown(output, tmp_path).text == "Library: library"
