"""Whatever faceml writes of people is for its owner alone, under any umask."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from faceml.config import ProjectRoot, Settings
from faceml.files import open_to_others
from faceml.services.operate.check_stores import Level
from faceml.services.operate.doctor import examine
from faceml.wiring import open_library
from tests.conftest import REPO

WITH_ANY_UMASK = """
import json, os, sys
os.umask(int(sys.argv[1], 8))
from faceml.cli.main import main
for arguments in json.loads(sys.argv[2]):
    sys.argv[1:] = arguments
    main()
"""
PIPELINE = """
name: look
steps:
  - name: look
    notebook: look.ipynb
"""
NOTEBOOK = """
from pathlib import Path
from PIL import Image
from faceml.wiring import open_library
library = open_library()
with library.tracking.run("look", pictures_allowed=True) as run:
    run.table("people", [{"person": "Ada"}])
    run.faces_picture("sheet.png", Image.new("RGB", (8, 8), "red"))
display(Image.new("RGB", (8, 8), "red"))
"""


def run(folder: Path, umask: str, *commands: Sequence[object]) -> None:
    """Commands one after the other in a project of its own, each as a user types it."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("FACEML", "MLFLOW"))}
    settings = {"FACEML_HOME": "library", "FACEML_MODEL_PACK": "opencv-zoo", "PYTHONPATH": f"{REPO / 'src'}:{REPO}"}
    typed = json.dumps([[str(word) for word in command] for command in commands])
    subprocess.run(
        [sys.executable, "-c", WITH_ANY_UMASK, umask, typed], cwd=folder, env={**known, **settings}, check=True
    )


def open_modes(folder: Path) -> dict[str, str]:
    """What others may enter, read or write."""
    modes = {path: path.lstat().st_mode for path in folder.rglob("*") if not path.is_symlink()}
    return {str(path.relative_to(folder)): oct(mode) for path, mode in modes.items() if mode & 0o077}


@pytest.mark.parametrize("umask", ["0", pytest.param("22", marks=pytest.mark.nightly)])
def test_every_file_of_every_command_is_its_owners_alone(photos: Path, tmp_path: Path, umask: str) -> None:
    project = tmp_path / "project"
    project.mkdir(mode=0o755)
    (photos / "hopper.jpg").chmod(0o640)
    for name, text in (("look.yaml", PIPELINE), ("look.ipynb", json.dumps(notebook(NOTEBOOK)))):
        (project / name).touch(mode=0o600)
        (project / name).write_text(text)
    run(project, umask, ["init", "."], ["ingest", photos], ["faces", "backfill"], ["faces", "export", "faces.csv"])
    with (project / "faces.csv").open(newline="") as stream:
        face = next(row["face_id"] for row in csv.DictReader(stream) if row["path"].endswith("hopper.jpg"))
    run(
        project, umask, ["people", "assign", "Grace", face],
        ["faces", "export", "faces.parquet"], ["faces", "export", "faces.npz", "--vectors"], ["faces", "export-xmp"],
        ["faces", "export-fiftyone", "fiftyone"], ["faces", "export-label-studio", "studio"],
        ["vectors", "export", "shards"], ["backup", "faces.zip", "--no-check"],
        ["pipeline", "run", "look.yaml"], ["jobs", "list"],
    )  # fmt: skip
    written = {path.suffix for path in project.rglob("*")}
    assert {".csv", ".npz", ".parquet", ".json", ".xml", ".zip", ".db", ".html", ".ipynb"} <= written
    assert open_modes(project) == {}
    (sidecar,) = photos.glob("*.xmp")
    assert sidecar.stat().st_mode & 0o777 == 0o640, "as its photo: other programs read it"
    assert open_to_others(project / "library") is None


def notebook(source: str) -> dict[str, object]:
    cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


def test_the_doctor_tells_what_others_may_read_and_its_fix_closes_it(settings: Settings, tmp_path: Path) -> None:
    settings = replace(settings, root=ProjectRoot(tmp_path))

    def told() -> dict[Level, list[str]]:
        found = [item for item in examine(open_library(settings)).findings if item.subject == "privacy"]
        return {level: [item.fix or "" for item in found if item.level is level] for level in {f.level for f in found}}

    assert list(told()) == [Level.OK]
    (settings.home / "cache").mkdir(parents=True, mode=0o755)
    settings.home.chmod(0o755)
    (settings.home / "cache").chmod(0o755)
    (settings.home / "cache" / "face.jpg").write_bytes(b"")
    assert list(told()) == [Level.OK], "nothing in it is open"
    (settings.home / "cache" / "face.jpg").chmod(0o640)
    (settings.artifact_folder).mkdir(parents=True)
    assert told() == {Level.WARN: [f"chmod -R go= {settings.home}"]}
    (settings.home / "cache").chmod(0o700)
    assert list(told()) == [Level.OK], "nobody else gets there"
    (settings.home / "cache").chmod(0o755)
    subprocess.run(told()[Level.WARN][0].split(), check=True)
    assert list(told()) == [Level.OK]
