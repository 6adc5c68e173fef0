"""docker-compose.yml and Dockerfile name what there is: settings, commands, extras, files. Docker itself is not run."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
import yaml

from faceml.config import read_settings, setting_names
from faceml.errors import WrongUse
from serving.__main__ import serve
from serving.security import check_binding
from tests.conftest import REPO
from tests.unit.test_docs_pages import problem

STORES = {"postgres", "qdrant", "redis", "mlflow"}
OURS = ("worker", "serve")
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")
DOCKERFILE = (REPO / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """As compose reads it where no variable is set."""
    text = (REPO / "docker-compose.yml").read_text()
    read: dict[str, Any] = yaml.safe_load(DEFAULT.sub(r"\1", text))
    return read


def test_only_the_stores_start_by_default(compose: dict[str, Any]) -> None:
    assert {name for name, service in compose["services"].items() if "profiles" not in service} == STORES


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_gets_settings_that_there_are(compose: dict[str, Any], name: str) -> None:
    given = compose["services"][name]["environment"]
    assert set(given) == set(setting_names())
    settings = read_settings({key: value for key, value in given.items() if value is not None})
    assert settings.database == "postgresql+psycopg://faceml:faceml@postgres:5432/faceml"
    assert settings.sources["FACEML_MODEL_PACK"] == "default", "the pinned pack is taken"


def test_the_addresses_are_those_of_the_stores(compose: dict[str, Any]) -> None:
    services = compose["services"]
    given = services["worker"]["environment"]
    for setting in ("DATABASE_URL", "QDRANT_URL", "REDIS_URL", "MLFLOW_TRACKING_URI"):
        address = urlsplit(given[setting])
        published = [port.split(":")[-1] for port in services[address.hostname]["ports"]]
        assert published == [str(address.port)], setting
    assert set(services["worker"]["depends_on"]) == STORES
    allowed = services["mlflow"]["command"]
    tracking = urlsplit(given["MLFLOW_TRACKING_URI"]).netloc
    assert tracking in allowed[allowed.index("--allowed-hosts") + 1].split(","), "MLflow refuses other names with 403"


def test_everything_is_published_on_loopback_alone(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_photos_are_mounted_read_only_at_their_own_path(compose: dict[str, Any]) -> None:
    home, models, photos = (place.split(":") for place in compose["services"]["worker"]["volumes"])
    given = compose["services"]["worker"]["environment"]
    assert home == ["library", given["FACEML_HOME"]]
    assert models[1:] == [given["FACEML_MODEL_ROOT"], "ro"]
    assert photos[0] == photos[1]
    assert photos[2] == "ro"
    assert set(compose["volumes"]) == STORES | {"library"}


def test_the_commands_are_real_ones(compose: dict[str, Any]) -> None:
    worker = compose["services"]["worker"]["command"]
    assert worker[0] == "faceml"
    assert problem(worker[1:]) is None
    python, dash_m, module, *options = compose["services"]["serve"]["command"]
    assert (python, dash_m, module) == ("python", "-m", "serving")
    context = click.Context(serve)
    host = serve.parse_args(context, options) or context.params["host"]
    with pytest.raises(WrongUse, match="FACEML_API_KEY"):
        check_binding(host, read_settings({}))


def test_the_image_is_built_of_what_there_is_as_the_makefile_does_it() -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    (extra,) = re.findall(r"^ARG EXTRA=(\w+)", DOCKERFILE, re.MULTILINE)
    assert extra in project["optional-dependencies"]
    makefile = (REPO / "Makefile").read_text()
    for pinned in re.findall(r"\b[a-z]+==[\d.]+", DOCKERFILE):
        assert pinned in makefile
    taken = re.findall(r"^!(\S+)", (REPO / ".dockerignore").read_text(), re.MULTILINE)
    assert {"constraints.txt", "pyproject.toml", project["readme"], "src/", "serving/", "notebooks/"} <= set(taken)
    assert all((REPO / name).exists() for name in taken)


def test_the_image_runs_as_somebody_without_rights_over_the_machine() -> None:
    (user,) = re.findall(r"^USER (\w+)", DOCKERFILE, re.MULTILINE)
    assert f"--uid 1000 {user}" in DOCKERFILE
    (command,) = re.findall(r"^CMD (.*)", DOCKERFILE, re.MULTILINE)
    assert problem(json.loads(command)[1:]) is None
