"""Settings: where they come from, and what is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceml.config import read_settings, show_settings, without_password
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


@pytest.mark.parametrize("url", ["postgresql://a:secret@[::1", "no url secret", "redis://:secret@host"])
def test_a_password_never_survives_showing(url: str) -> None:
    assert "secret" not in without_password(url) or "://" not in url


def test_a_level_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="LOG_LEVEL='loud'"):
        read_settings({"LOG_LEVEL": "loud"}, folder=tmp_path)
