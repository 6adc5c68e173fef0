"""Every worked example in a docstring is true."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from tests.conftest import REPO

ROOTS = (REPO / "src", REPO)
FILES = [
    (root, file)
    for root, package in zip(ROOTS, ("faceml", "serving"), strict=True)
    for file in sorted((root / package).rglob("*.py"))
    if ">>> " in file.read_text()
]


@pytest.mark.parametrize(("root", "file"), FILES, ids=[str(file.relative_to(root)) for root, file in FILES])
def test_the_examples_of_this_file_are_true(root: Path, file: Path) -> None:
    module = import_module(".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"))
    result = doctest.testmod(module)
    assert result.attempted, "the examples stand where doctest does not look"
    assert not result.failed, "see the output above"
