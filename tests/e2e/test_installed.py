"""faceml as `pip install` brings it: a wheel in an environment of its own, in a folder that is no checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

from faceml import __version__
from tests.conftest import REPO


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel's faceml; what faceml needs is lent by the environment of the tests."""

    bin: Path
    home: Path

    def run(self, folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
        ours = ("FACEML_", "MLFLOW_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        program, *rest = map(str, words)
        return subprocess.run(
            [self.bin / program, *rest],
            env={**kept, "HOME": str(self.home), "FACEML_MODEL_PACK": "opencv-zoo"},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=560,
            check=False,
        )

    def says(self, folder: Path, *words: str | Path) -> str:
        done = self.run(folder, *words)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ("wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir")
    subprocess.run([sys.executable, "-m", "pip", *build, folder, REPO], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    # The folders alone: what a .pth in them adds, such as an editable faceml, stays out.
    (packages / "lent.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
    python = folder / "bin" / "python"
    install = ("install", "--quiet", "--no-deps", "--no-index", "--ignore-installed", wheel)
    subprocess.run([sys.executable, "-m", "pip", "--python", python, *install], check=True)
    return Installed(folder / "bin", tmp_path_factory.mktemp("home"))


@pytest.fixture
def project(installed: Installed, tmp_path: Path) -> Path:
    said = installed.says(tmp_path, "faceml", "init", "faces")
    assert "faces holds" in said
    return tmp_path / "faces"


def test_it_is_the_wheels_and_starts_anywhere(installed: Installed, wheel: Path, tmp_path: Path) -> None:
    where = installed.says(
        tmp_path, "python", "-c", "import faceml, serving, sys; print(faceml.__file__, serving.__file__, *sys.path)"
    )
    assert where.count(str(installed.bin.parent)) >= 3
    assert str(REPO / "src") not in where.split()
    assert str(REPO) not in where.split()
    assert wheel.name.startswith(f"faceml-{__version__}-")
    assert installed.says(tmp_path, "faceml", "--version") == f"faceml, version {__version__}\n"
    assert "Serve the library over REST" in installed.says(tmp_path, "python", "-m", "serving", "--help")


@pytest.mark.nightly
def test_a_night_runs_in_a_project_that_init_laid_out(
    installed: Installed, project: Path, photos: Path, empty_mlflow: Path
) -> None:
    (project / "mlruns").mkdir()
    shutil.copy(empty_mlflow, project / "mlruns" / "mlflow.db")
    said = installed.says(project / "notebooks", "faceml", "pipeline", "run", "nightly", "-p", f"photos={photos}")
    assert "Pipeline nightly: done" in said
    for step in ("ingest", "detect", "assign", "cluster"):
        assert re.search(rf"^  {step} +done", said, re.MULTILINE), said
    assert "Total faces: 8" in installed.says(project, "faceml", "faces", "stats")
    assert (project / "library" / "faceml.db").is_file()
    assert f"{project} " in installed.says(project / "pipelines", "faceml", "settings").splitlines()[-1]
    again = installed.run(project, "faceml", "init", ".")
    assert again.returncode == 2
    assert again.stderr.count("\n") == 1
    assert "is there already, and nothing is overwritten" in again.stderr


@pytest.mark.nightly
def test_the_demo_runs_in_a_project_that_init_laid_out(installed: Installed, project: Path) -> None:
    said = installed.says(project, "faceml", "demo")
    assert "faceml demo: done" in said
    assert "FACEML_HOME=demo/library jupyter lab notebooks" in said
    assert (project / "demo" / "library" / "people.png").is_file()
    assert (project / "mlruns" / "mlflow.db").is_file()
