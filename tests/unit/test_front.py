"""The face grid's front end: its own tests, its types, and that what is committed is what its sources build to."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPO

FRONT = REPO / "front"
BUILT = REPO / "src" / "faceml" / "widgets"


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if not found or not (FRONT / "node_modules" / "esbuild").is_dir():
        pytest.skip("the front end's tests need node and `npm --prefix front ci`")  # a builder's tools, no service
    return str(found)


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=FRONT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_the_front_ends_own_tests_pass(node: str) -> None:
    said = run(node, "build.mjs", "--tests")
    passed = next(line for line in said.splitlines() if line.startswith(("# pass", "ℹ pass")))
    assert int(passed.split()[-1]) >= 20


def test_its_types_hold(node: str) -> None:
    run(node, "node_modules/typescript/bin/tsc", "--noEmit")


def test_what_is_committed_is_what_the_sources_build_to(node: str, tmp_path: Path) -> None:
    run(node, "build.mjs", "--out", str(tmp_path))
    for name in ("grid.js", "grid.css"):
        assert (tmp_path / name).read_text() == (BUILT / name).read_text(), f"{name} is out of date: `make front`"


def test_what_is_committed_fetches_nothing_from_elsewhere() -> None:
    for name in ("grid.js", "grid.css"):
        text = (BUILT / name).read_text()
        assert not any(word in text for word in ("@import", "http://cdn", "https://", "sourceMappingURL")), name


def test_no_source_writes_text_as_markup() -> None:
    for file in [*(FRONT / "src").glob("*.ts"), *(FRONT / "src").glob("*.tsx")]:
        text = file.read_text()
        assert not any(word in text for word in ("innerHTML", "insertAdjacentHTML", "eval(", "new Function")), file.name
