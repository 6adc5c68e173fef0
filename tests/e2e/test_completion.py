"""Completion in a real shell: the printed script, sourced, completes commands, options, clusters and names."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceml.config import Settings
from faceml.library import Library
from faceml.services.decisions.label import assign_faces_to
from faceml.services.decisions.people import hide_person, merge_people
from tests.conftest import add_faces, unit_rows
from tests.e2e.test_command_line import FACEML, Shell
from tests.fakes import FakePack, library_with


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, tmp_path / "models")


@pytest.fixture
def named(shell: Shell) -> Iterator[Library]:
    """People with blanks and quotes in their names, and two clusters."""
    library = library_with(FakePack(), Settings(home=shell.home))
    ids = add_faces(library, unit_rows(6, seed=1))
    people = [
        assign_faces_to(library, [face_id], name, actor="t").person_id
        for face_id, name in zip(ids, ("Grace Hopper", "Grace O'Malley", "100 % Éva", "Gone"), strict=False)
    ]
    merge_people(library, people[3], people[0], actor="t")
    hide_person(library, people[2], actor="t")
    with library.repository.begin() as unit:
        unit.faces.set_clusters(
            [(ids[4], "clu_aaaaaaaaaaaa"), (ids[5], "clu_aaaaaaaaaaaa"), (ids[0], "clu_bbbbbbbbbbbb")]
        )
    yield library
    library.close()


def offered(shell: Shell, *words: str) -> list[str]:
    """What bash offers when Tab is pressed behind the last of these words, each as it is typed."""
    script = f"""
        eval "$({shlex.quote(str(FACEML))} completion bash)"
        COMP_WORDS=({" ".join(map(shlex.quote, words))}) COMP_CWORD={len(words) - 1}
        _faceml_completion {shlex.quote(str(FACEML))}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", script], env=shell.environment, cwd=shell.folder, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_options_clusters_and_names(shell: Shell, named: Library) -> None:
    assert offered(shell, "faceml", "ba") == ["backup"]
    assert "--min-cluster-size" in offered(shell, "faceml", "faces", "cluster", "--min")
    assert offered(shell, "faceml", "faces", "label", "clu_") == ["clu_aaaaaaaaaaaa", "clu_bbbbbbbbbbbb"]
    assert offered(shell, "faceml", "people", "show", "gr") == [r"Grace\ Hopper", r"Grace\ O\'Malley"]
    assert offered(shell, "faceml", "people", "merge", r"Grace\ H") == [r"Grace\ Hopper"]
    assert offered(shell, "faceml", "people", "show", "100") == [r"100\ %\ Éva"]
    assert offered(shell, "faceml", "people", "show", "Gone") == [""], "who was merged is offered no more"
    assert offered(shell, "faceml", "people", "show", "%") == [""]


def test_a_library_that_is_not_there_offers_nothing_and_is_not_made(shell: Shell) -> None:
    assert offered(shell, "faceml", "people", "show", "x") == [""]
    assert not shell.home.exists()


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: Shell, name: str) -> None:
    assert "_FACEML_COMPLETE" in shell.says("completion", name)


def test_completing_loads_nothing_heavy(shell: Shell, named: Library) -> None:
    code = (
        "import sys; from faceml.cli.main import cli; from faceml.cli.completion import people; people(None, None, 'g')"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(*sys.modules)"],
        env=shell.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"numpy", "sqlalchemy", "torch", "mlflow"} & set(done.stdout.split())
