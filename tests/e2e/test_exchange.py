"""Names and whole libraries leave and come back, by the commands a person types."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.test_command_line import Shell, ShellHere


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return ShellHere(tmp_path, tmp_path / "models")


def test_a_library_goes_into_one_file_and_its_names_beside_the_photos(shell: Shell, photos: Path) -> None:
    shell.says("ingest", photos)
    shell.says("faces", "backfill")
    labels = shell.folder / "labels.csv"
    labels.write_text(f"path,person_name\n{photos / 'hopper.jpg'},Grace Hopper\n{photos / 'astronaut.jpg'},Eileen\n")
    shell.says("faces", "import-labels", labels)

    assert "Sidecars written: 2" in shell.says("faces", "export-xmp", photos)
    assert (photos / "hopper.jpg.xmp").is_file()
    assert "there and not empty" in shell.refuses(1, "faces", "export-fiftyone", photos)
    assert "Faces: 8" in shell.says("faces", "export-fiftyone", shell.folder / "dataset")

    said = shell.says("backup", "faces.zip")
    assert "faces: 8, people: 2, decisions: 2" in said
    assert "every row the same" in said
    assert "is not empty" in shell.refuses(1, "restore", "faces.zip")
    shutil.rmtree(shell.home)
    assert "faces: 8, people: 2, decisions: 2" in shell.says("restore", "faces.zip")
    assert "Total faces: 8\nAssigned faces: 2" in shell.says("faces", "stats")
    assert "not a faceml backup" in shell.refuses(2, "restore", labels, FACEML_HOME=str(shell.folder / "none"))

    elsewhere = {"FACEML_HOME": str(shell.folder / "other")}
    assert "ingest it first" in shell.refuses(1, "faces", "import-xmp", photos, **elsewhere)
    shell.says("ingest", photos, **elsewhere)
    shell.says("faces", "backfill", **elsewhere)
    assert "Faces labeled: 2 (people: 2)" in shell.says("faces", "import-xmp", photos, **elsewhere)
    again = json.loads(shell.says("faces", "import-xmp", photos, "--json", **elsewhere))
    assert (again["faces_labeled"], again["already_labeled"]) == (0, 2)

    assert "Files: 1\nPhotos: 4\nFaces: 8" in shell.says("vectors", "export", "shards")
    third = {"FACEML_HOME": str(shell.folder / "third")}
    assert "not in the library: 4 (`faceml ingest`" in shell.says("vectors", "import", "shards", **third)
    shell.says("ingest", photos, **third)
    said = shell.says("vectors", "import", "shards", **third)
    assert said.startswith("Photos taken in: 4\nNew faces: 8\nLooked at before, left as is: 0")
    assert "New faces: 0" in shell.says("faces", "backfill", **third)
    assert "Decisions: 0" in shell.says("faces", "import-fiftyone", shell.folder / "dataset", **third)
    assert "Boxes: 0" in shell.says("faces", "import-label-studio", made_by_label_studio(shell.folder), **third)


def made_by_label_studio(folder: Path) -> Path:
    file = folder / "export.json"
    file.write_text("[]")
    return file
