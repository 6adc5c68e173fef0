"""What notebooks take from faceml is there: no type checker reads them."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import nbformat
import pytest

from tests.conftest import REPO

NOTEBOOKS = sorted((REPO / "notebooks").glob("*.ipynb"))


def imported(notebook: Path) -> list[tuple[str, str]]:
    """(module, name) of everything that it takes from faceml."""
    cells = [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    nodes = [node for source in cells for node in ast.walk(ast.parse(source))]
    found = [node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("faceml")]
    return [(str(node.module), alias.name) for node in found for alias in node.names]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=[file.stem for file in NOTEBOOKS])
def test_every_name_that_a_notebook_imports_is_there(notebook: Path) -> None:
    names = imported(notebook)
    assert names
    assert [f"{module}.{name}" for module, name in names if not hasattr(import_module(module), name)] == []
