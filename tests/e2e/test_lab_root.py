"""`make lab` as the demo advises it: a relative FACEML_HOME, no tracking URI, and a kernel that runs in notebooks/."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from tests.conftest import REPO
from tests.e2e.lab import Lab, running_lab
from tests.synthetic import synthetic_library

HOME = "demo/library"
IN_THE_KERNEL = """
import json, os
from faceml.services.review.browse import list_people
from faceml.wiring import open_library

library = open_library()
with library.tracking.run("ingest") as run:
    run.tags({"by": "the kernel"})
print(json.dumps({
    "folder": os.getcwd(),
    "people": [person.name for person in list_people(library.repository).items],
    "home": str(library.settings.home),
    "level": library.settings.log_level,
}))
"""


@pytest.fixture
def checkout(tmp_path: Path, empty_mlflow: Path) -> Path:
    """faceml's checkout with a demo library of two people; its `.venv` is this one, installed already."""
    folder = tmp_path / "checkout"
    for name in ("notebooks", "pipelines"):
        shutil.copytree(REPO / name, folder / name)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPO / name, folder / name)
    (folder / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        if not entry.name.startswith("installed-"):
            (folder / ".venv" / entry.name).symlink_to(entry)
    (folder / ".venv" / "installed-cpu").touch()  # newer than what it depends on
    (folder / ".env").write_text("LOG_LEVEL=ERROR\n")
    (folder / "mlruns").mkdir()
    shutil.copy(empty_mlflow, folder / "mlruns" / "mlflow.db")
    synthetic_library(folder / HOME, people=3, faces=4, known=2).close()
    return folder


@pytest.fixture
def environment() -> dict[str, str]:
    return {"FACEML_HOME": HOME, "EXTRA": "cpu"}


@pytest.fixture
def lab(checkout: Path, environment: dict[str, str]) -> Iterator[Lab]:
    with running_lab(checkout, environment, command=("make", "lab")) as started:
        yield started


def run_in_kernel(lab: Lab, code: str) -> str:
    """What the code prints in the kernel that JupyterLab starts for a notebook."""
    session = lab.post(
        "/api/sessions",
        {"path": "03_label.ipynb", "name": "03_label.ipynb", "type": "notebook", "kernel": {"name": "python3"}},
    )
    client = BlockingKernelClient(connection_file=str(lab.runtime / f"kernel-{session['kernel']['id']}.json"))
    client.load_connection_file()
    client.start_channels()
    printed: list[str] = []

    def keep(message: Mapping[str, Any]) -> None:
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            printed.append(message["content"]["text"])

    try:
        client.wait_for_ready(timeout=180)
        reply = client.execute_interactive(code, timeout=180, output_hook=keep)
    finally:
        client.stop_channels()
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(printed)


def shell(checkout: Path, environment: Mapping[str, str], *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [Path(sys.executable).with_name("faceml"), *words, "--json"],
        cwd=checkout, env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_kernel_sees_the_people_settings_and_runs_of_the_shell(
    lab: Lab, checkout: Path, environment: dict[str, str]
) -> None:
    seen = json.loads(run_in_kernel(lab, IN_THE_KERNEL).splitlines()[-1])
    assert seen["folder"] == str(checkout / "notebooks")
    people = [person["name"] for person in shell(checkout, environment, "people", "list")["items"]]
    assert len(people) == 2
    assert seen["people"] == people
    assert seen["home"] == str(checkout / HOME)
    assert seen["level"] == "ERROR", "of the root's .env"
    recorded = shell(checkout, environment, "experiments", "list")
    assert "ingest" in json.dumps(recorded)
    assert {path.suffix for path in (checkout / "notebooks").iterdir()} == {".ipynb"}, "no second library, no mlruns"
