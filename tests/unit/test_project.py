"""`faceml init`: a folder with everything to work in, and nothing overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from faceml.cli.library import init
from faceml.config import find_root, read_settings, setting_names
from faceml.errors import WrongUse
from faceml.pipelines.definition import read_pipeline
from faceml.pipelines.locate import find_pipeline
from faceml.project import lay_out_project, shipped_folder
from tests.conftest import REPO


def test_a_project_holds_every_notebook_and_pipeline_as_they_are(tmp_path: Path) -> None:
    made = lay_out_project(tmp_path / "faces")
    files = [*(REPO / "notebooks").glob("*.ipynb"), *(REPO / "pipelines").glob("*.yaml")]
    for file in files:
        assert (made.folder / file.relative_to(REPO)).read_bytes() == file.read_bytes()
    assert made.notebooks + made.pipelines == len(files)


def test_its_dotenv_names_every_setting_and_sets_none(tmp_path: Path) -> None:
    lay_out_project(tmp_path)
    text = (tmp_path / ".env").read_text()
    assert all(f"\n# {name}=" in text for name in setting_names())
    assert {*read_settings({}, folder=tmp_path).sources.values()} == {"default"}
    (tmp_path / ".env").write_text(text.replace("# LOG_LEVEL=WARNING", "LOG_LEVEL=INFO"))
    assert read_settings({}, folder=tmp_path / "notebooks").log_level == "INFO"


def test_the_projects_own_pipeline_runs_its_own_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out_project(tmp_path)
    monkeypatch.chdir(tmp_path / "notebooks")
    nightly = find_pipeline("nightly")
    assert nightly == tmp_path / "pipelines" / "nightly.yaml"
    assert {step.notebook.parent for step in read_pipeline(nightly).steps} == {tmp_path / "notebooks"}
    (tmp_path / "pipelines" / "retrain.yaml").unlink()
    assert find_pipeline("retrain") == shipped_folder() / "pipelines" / "retrain.yaml"


@pytest.mark.parametrize("name", [".env", "notebooks/03_label.ipynb", "pipelines/demo.yaml"])
def test_nothing_is_overwritten(name: str, tmp_path: Path) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(WrongUse, match="is there already, and nothing is overwritten") as refusal:
        lay_out_project(tmp_path)
    assert str(mine) in str(refusal.value)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [mine]
    assert mine.read_text() == "mine"


def test_a_file_is_no_folder_to_lay_out_in(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(WrongUse, match="taken cannot be written"):
        lay_out_project(tmp_path / "taken")


def test_the_command_says_what_it_made_and_what_comes_next(tmp_path: Path) -> None:
    done = CliRunner().invoke(init, [str(tmp_path / "faces")], catch_exceptions=False)
    assert "3 pipelines and a .env" in done.output
    for command in (f"cd {tmp_path / 'faces'}", "faceml demo", "jupyter lab notebooks", "faceml pipeline run nightly"):
        assert command in done.output
    assert find_root(tmp_path / "faces" / "notebooks").folder == tmp_path / "faces"
