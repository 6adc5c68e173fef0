"""Folders of any name: each library, its runs, models and backups lie where they were put, and nowhere else."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import nbformat
import pytest
from sqlalchemy import make_url

from faceml.cli.demo import what_to_try
from faceml.config import read_settings
from faceml.library import Library
from faceml.pipelines.execution import execute_notebook
from faceml.services.operate.backup import back_up
from faceml.services.operate.restore import restore
from faceml.storage.registry.records import CHAMPION
from faceml.tracking import Tracking
from tests.fakes import FakePack, library_with
from tests.heads import deep_head, register

ODD = ["Who? 2024", "a%41b?mode=ro", "{a} @:é #&;'\""]


def open_in(folder: Path) -> Library:
    folder.mkdir()
    return library_with(FakePack(), read_settings({"FACEML_MODEL_PACK": "opencv-zoo"}, folder=folder))


def test_two_libraries_in_folders_that_begin_alike_share_nothing(tmp_path: Path) -> None:
    for name in ("Who? 2024", "Who? 2025", "Who%3F 2024"):
        library = open_in(tmp_path / name)
        with library.repository.begin() as unit:
            unit.people.add(name)
        with library.repository.read() as unit:
            assert unit.people.active_names() == [name]
        library.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["Who%3F 2024", "Who? 2024", "Who? 2025"]


@pytest.mark.parametrize("name", ODD)
def test_runs_models_and_backups_lie_in_the_folder(name: str, tmp_path: Path, empty_mlflow: Path) -> None:
    library = open_in(tmp_path / name)
    (tmp_path / name / "mlruns").mkdir()
    shutil.copy(empty_mlflow, tmp_path / name / "mlruns" / "mlflow.db")
    with library.repository.begin() as unit:
        unit.people.add("Ada")
    version = register(library, deep_head(0)).version
    library.registry.set_alias(CHAMPION, version)
    shutil.rmtree(library.settings.cache_folder, ignore_errors=True)
    assert library.registry.load("champion").model.version == version
    assert list((tmp_path / name / "mlruns" / "artifacts").rglob("*.onnx"))
    report = back_up(library, tmp_path / name / "a?b%41.zip")
    library.close()
    again = read_settings({"FACEML_HOME": "re?stored%41", "FACEML_MODEL_PACK": "opencv-zoo"}, folder=tmp_path / name)
    assert restore(again, report.file).people == 1
    assert (tmp_path / name / "re?stored%41" / "faceml.db").is_file()
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_mlflows_database_is_made_from_any_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "it's {a} :x? 100%41"
    here.mkdir()
    monkeypatch.chdir(here)
    tracking = Tracking("sqlite:///mlruns/mlflow.db", Path("mlruns/artifacts"))
    with tracking.run("look") as run:
        run.table("rows", [{"a": 1}])
    assert len(list((here / "mlruns" / "artifacts").rglob("rows.csv"))) == 1
    assert [file.name for file in tmp_path.iterdir()] == [here.name]


def test_a_notebook_runs_in_a_folder_with_braces(tmp_path: Path) -> None:
    folder = tmp_path / "{a} {0} {}"
    folder.mkdir()
    cell = nbformat.v4.new_code_cell("a = 1", metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "look.ipynb")
    output = folder / "executed.ipynb"
    execute_notebook(
        folder / "look.ipynb", output, parameters={"a": 2}, environment={}, folder=folder, on_cell=lambda _: None
    )
    assert "a = 2" in output.read_text()


def test_the_demo_prints_commands_that_a_shell_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "it's Who? 2024"
    (project / "elsewhere").mkdir(parents=True)
    (project / ".env").write_text("#FACEML_HOME=\n")
    monkeypatch.chdir(project / "elsewhere")
    words = [shlex.split(line) for line in what_to_try(project / "my library")]
    assert all("FACEML_HOME=my library" in line for line in words[:2])
    url = words[2][words[2].index("--backend-store-uri") + 1]
    assert make_url(url).database == str(project / "mlruns" / "mlflow.db")
