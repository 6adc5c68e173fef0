"""Settings: where they come from, and what is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from faceml.addresses import without_password, without_secrets
from faceml.cli.main import _line, cli
from faceml.config import find_root, read_settings, show_settings
from faceml.errors import WrongUse


def test_environment_goes_over_dotenv_and_dotenv_over_defaults(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FACEML_MODEL_PACK=from-file\nLOG_LEVEL=debug\n")
    settings = read_settings({"FACEML_MODEL_PACK": "from-environment"}, folder=tmp_path)
    assert settings.model_pack == "from-environment"
    assert settings.log_level == "DEBUG"
    assert settings.home == tmp_path / "library"
    assert settings.sources["LOG_LEVEL"] == ".env"
    assert settings.sources["FACEML_HOME"] == "default"


def test_an_empty_variable_switches_a_setting_of_dotenv_off(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://a@b/c\n")
    assert read_settings({"DATABASE_URL": ""}, folder=tmp_path).database.startswith("sqlite:///")


def test_secrets_are_hidden(tmp_path: Path) -> None:
    environment = {"FACEML_API_KEY": "k3y", "DATABASE_URL": "postgresql://me:s3cret@db/faces"}
    shown = " ".join(item.value for item in show_settings(read_settings(environment, folder=tmp_path)))
    assert "k3y" not in shown
    assert "s3cret" not in shown
    assert "postgresql://me:***@db/faces" in shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://a:secret@[::1", "postgresql://a:***@[::1"),
        ("redis://:secret@host/1", "redis://:***@host/1"),
        ("postgresql://me:sec/r?e#t@db/faces?sslmode=require", "postgresql://me:***@db/faces?sslmode=require"),
        ("postgresql://db:5432/f?user=me&password=secret", "postgresql://db:5432/f?user=me&password=***"),
        ("postgresql://db/f?sslkey=/k.pem&sslpassword=secret", "postgresql://db/f?sslkey=/k.pem&sslpassword=***"),
        ("postgresql://db/f?Pass%77ord=secret;options=-c%20x", "postgresql://db/f?Pass%77ord=***;options=-c%20x"),
        ("redis://host:6379/0?socket_timeout=3&password=secret", "redis://host:6379/0?socket_timeout=3&password=***"),
        ("http://qdrant:6333?api-key=secret", "http://qdrant:6333?api-key=***"),
        ("https://secret@mlflow/runs?token=secret#secret", "https://***@mlflow/runs?token=***"),
        ("https://mlflow/#secret", "https://mlflow/#***"),
        ("http://mlflow?secret", "http://mlflow?***"),
        ("host=db user=me password=secret", "host=db user=me password=***"),
        ("host=db password = 'a secret'", "host=db password =***"),
        ("me:secret@db", "me:***@db"),
        ("sqlite:////home/a#b@c/faceml.db", "sqlite:////home/a#b@c/faceml.db"),
        ("sqlite:////faceml.db?mode=ro&uri=true&key=secret", "sqlite:////faceml.db?mode=ro&uri=true&key=***"),
        ("postgresql://a:secret@one:5432,two:5432/f", "postgresql://a:***@one:5432,two:5432/f"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_a_secret_never_survives_showing(url: str, shown: str) -> None:
    assert without_password(url) == shown
    assert "secret" not in without_secrets(f"no answer from {url}") or "://" not in url


def test_no_command_shows_a_secret_of_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, url in {
        "DATABASE_URL": "postgresql://me@127.0.0.1:1/faces?password=s3cret&sslpassword=s3cret",
        "REDIS_URL": "redis://127.0.0.1:1/0?password=s3cret",
        "QDRANT_URL": "http://127.0.0.1:1?api-key=s3cret",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:1/?token=s3cret",
    }.items():
        monkeypatch.setenv(name, url)
    for words in (["settings"], ["doctor"], ["faces", "stats"], ["jobs", "list"], ["models", "list"]):
        done = CliRunner().invoke(cli, words)
        said = f"{done.output} {done.exception}"
        assert "127.0.0.1:1" in said, words
        assert "s3cret" not in said, words
    monkeypatch.setenv("DATABASE_URL", "host=127.0.0.1:1 password=s3cret")
    assert "s3cret" not in str(CliRunner().invoke(cli, ["faces", "stats"]).exception)
    assert "s3cret" not in repr(read_settings())


def test_a_level_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="LOG_LEVEL='loud'"):
        read_settings({"LOG_LEVEL": "loud"}, folder=tmp_path)


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    """A folder one below a project's root, as a kernel's."""
    folder = tmp_path / "project" / "notebooks"
    folder.mkdir(parents=True)
    return folder


def test_a_kernel_in_a_subfolder_reads_the_roots_dotenv_and_the_shells_relative_paths(notebooks: Path) -> None:
    root = notebooks.parent
    (root / ".env").write_text("FACEML_MODEL_ROOT=weights\nDATABASE_URL=sqlite:///db/faces.db\n")
    environment = {"FACEML_HOME": "demo/library", "FACEML_MODEL_PACK": "./mine"}
    in_the_kernel, in_the_shell = (read_settings(environment, folder=folder) for folder in (notebooks, root))
    assert in_the_kernel == in_the_shell
    assert in_the_kernel.home == root / "demo" / "library"
    assert in_the_kernel.model_root == root / "weights"
    assert in_the_kernel.model_pack == str(root / "mine")
    assert in_the_kernel.database == f"sqlite:///{root / 'db' / 'faces.db'}"
    assert in_the_kernel.tracking == f"sqlite:///{root / 'mlruns' / 'mlflow.db'}"
    assert in_the_kernel.artifact_folder == root / "mlruns" / "artifacts"


@pytest.mark.parametrize(
    ("uri", "read"),
    [
        ("sqlite:///runs/a.db", "sqlite:///{root}/runs/a.db"),
        ("sqlite:////runs/a.db", "sqlite:////runs/a.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_a_relative_file_of_mlflow_starts_at_the_root(uri: str, read: str, notebooks: Path) -> None:
    (notebooks.parent / ".env").write_text(f"#FACEML_HOME=\nMLFLOW_TRACKING_URI={uri}\n")
    assert read_settings({}, folder=notebooks).tracking == read.format(root=notebooks.parent)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".env", "FACEML_HOME=library\n"),
        (".env", "# FACEML_HOME=library\n"),
        (".env", "SECRET=x\n  export  FACEML_MODEL_PACK = opencv-zoo\n"),
        ("pyproject.toml", '[project]\nname = "faceml"\n'),
    ],
)
def test_a_dotenv_with_a_setting_and_the_checkout_mark_the_root(file: str, text: str, notebooks: Path) -> None:
    (notebooks.parent / file).write_text(text)
    root = find_root(notebooks)
    assert (root.folder, root.marker) == (notebooks.parent, file)


@pytest.mark.parametrize(
    ("file", "text"),
    [(".env", "DATABASE_URL=postgresql://shop@db/shop\n"), ("pyproject.toml", '[project]\nname = "album"\n')],
)
def test_files_of_another_project_mark_nothing(file: str, text: str, notebooks: Path) -> None:
    (notebooks.parent / file).write_text(text)
    root = find_root(notebooks)
    assert (root.folder, root.marker) == (notebooks, "working folder")
    assert read_settings({}, folder=notebooks).database == f"sqlite:///{notebooks / 'library' / 'faceml.db'}"


def test_the_nearest_root_counts(notebooks: Path) -> None:
    (notebooks.parent / ".env").write_text("FACEML_HOME=outer\n")
    (notebooks / ".env").write_text("FACEML_HOME=inner\n")
    assert read_settings({}, folder=notebooks).home == notebooks / "inner"


def test_without_a_mark_paths_start_at_the_working_folder(notebooks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(notebooks)
    settings = read_settings({"FACEML_HOME": "faces"})
    assert settings.home == notebooks / "faces"
    assert settings.artifact_folder == notebooks / "mlruns" / "artifacts"


@pytest.mark.parametrize(
    "content",
    [
        "FACEML_HOME=libé\nLOG_LEVEL=INFO\n".encode("utf-8-sig"),
        "FACEML_HOME=libé\r\nLOG_LEVEL=INFO\r\n".encode(),
        "FACEML_HOME=libé\r\nLOG_LEVEL=INFO\r\n".encode("utf-16"),
        b"# caf\xe9\n" + "FACEML_HOME=libé\nLOG_LEVEL=INFO\n".encode(),
    ],
    ids=["BOM", "CRLF", "UTF-16", "a comment in Latin-1"],
)
def test_a_dotenv_is_read_as_any_editor_saves_it(content: bytes, notebooks: Path) -> None:
    (notebooks.parent / ".env").write_bytes(content)
    settings = read_settings({}, folder=notebooks)
    assert (settings.home, settings.log_level) == (notebooks.parent / "libé", "INFO")


def test_a_setting_that_is_not_in_utf_8_is_refused_rather_than_guessed(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"FACEML_HOME=lib\xe9\n")
    with pytest.raises(WrongUse, match=r"FACEML_HOME in .*\.env is not in UTF-8: save the file as UTF-8"):
        read_settings({}, folder=tmp_path)


def test_a_deleted_working_folder_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for words in (["settings"], ["faces", "stats"], ["ingest", str(tmp_path)], ["init", "x"]):
        error = CliRunner().invoke(cli, words).exception
        assert isinstance(error, Exception)
        assert _line(error) == "the working folder was deleted: change to one that is there (cd), and try again"
