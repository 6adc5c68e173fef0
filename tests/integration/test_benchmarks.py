"""`make bench` on a machine that lacks what some benchmarks need, and where one fails."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO

LEAVES = "from fixtures.left_out import leave_out\nleave_out('no such data: give --people FOLDER')\n"


@pytest.fixture
def benchmarks(tmp_path: Path) -> Path:
    """The runner with small benchmarks of the tests' own."""
    folder = tmp_path / "benchmarks"
    shutil.copytree(REPO / "benchmarks" / "fixtures", folder / "fixtures")
    shutil.copy(REPO / "benchmarks" / "__main__.py", folder)
    (folder / "brisk.py").write_text("print('3 ms')\n")
    (folder / "data.py").write_text(LEAVES)
    (folder / "zeal.py").write_text("print('4 ms')\n")
    return folder


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=300, check=False)


def summary(done: subprocess.CompletedProcess[str]) -> list[str]:
    return done.stdout.partition("== summary\n")[2].splitlines()


def test_what_is_left_out_is_said_and_stops_nothing(benchmarks: Path) -> None:
    done = run(benchmarks)
    left_out = "data: left out: no such data: give --people FOLDER"
    assert (done.returncode, summary(done)) == (0, ["brisk: measured", left_out, "zeal: measured"])
    assert "4 ms" in done.stdout


@pytest.mark.parametrize("code", ["raise SystemExit(1)", "1 / 0"])
def test_one_that_fails_is_said_and_the_next_ones_run(benchmarks: Path, code: str) -> None:
    (benchmarks / "claims.py").write_text(f"print('claim: 5 times: DOES NOT HOLD', flush=True)\n{code}\n")
    done = run(benchmarks)
    assert done.returncode == 1
    said = {line.partition(":")[0]: line for line in summary(done)}
    assert list(said) == ["brisk", "claims", "data", "zeal"]
    assert said["claims"].startswith("claims: FAILED (1): ")
    assert said["claims"].endswith("DOES NOT HOLD" if code.startswith("raise") else "division by zero")


def test_some_are_chosen_by_name(benchmarks: Path) -> None:
    assert summary(run(benchmarks, "zeal data"))[1] == "zeal: measured"
    done = run(benchmarks, "zest")
    assert (done.returncode, done.stderr) == (2, "there is no benchmark 'zest': there are brisk, data, zeal\n")


@pytest.mark.parametrize(
    "name",
    [
        "expectations",
        *(
            pytest.param(name, marks=pytest.mark.nightly)
            for name in ("gate", "heads", "identities", "recognition", "thresholds")
        ),
    ],
)
def test_those_that_need_photos_of_people_say_so(name: str) -> None:
    done = run("benchmarks", name)
    assert done.returncode == 0
    assert [line.partition(" --")[0] for line in summary(done)] == [f"{name}: left out: it needs"]


@pytest.mark.nightly  # torch
def test_groups_by_torchs_products_are_those_of_the_processor() -> None:
    done = run("benchmarks/gpu.py", "--device", "cpu", "--faces", "3000", "--only", "grouping")
    assert done.returncode == 0
    assert "| exact groups of 3,000 faces |" in done.stdout
    assert "| the same |" in done.stdout


@pytest.mark.nightly
def test_a_card_that_is_asked_for_and_not_there_is_said() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a card")
    done = run("benchmarks/gpu.py", "--device", "cuda")
    assert (done.returncode, done.stdout.partition(":")[0]) == (77, "left out")


def test_detection_takes_the_pack_there_is(tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(REPO / "benchmarks")
    detection = importlib.import_module("detection")
    assert detection.pack_there(None, tmp_path) == "opencv-zoo"
    assert detection.pack_there(None, shared / "models" / "insightface") == "scrfd500m_edgeface_xs"
    asked = run("benchmarks/detection.py", "--pack", "buffalo_l", "--model-root", tmp_path)
    assert asked.returncode == 77
    assert asked.stdout.startswith("left out: model pack buffalo_l: looked in ")


@pytest.mark.nightly
def test_detection_says_which_pack_it_measured(photos: Path, tmp_path: Path) -> None:
    measured = run("benchmarks/detection.py", "--photos", photos, "--model-root", tmp_path, "--count", "2",
                   "--repeats", "1", "--widths", "0")  # fmt: skip
    assert measured.returncode == 0, measured.stderr
    first, *sides, ratio = measured.stdout.splitlines()
    assert first == "pack opencv-zoo, as there is no buffalo_l"
    assert [side.split()[0] for side in sides] == ["plain", "faceml"]
    assert "times as fast" in ratio
