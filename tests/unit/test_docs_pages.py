"""The pages say what the program is: every command, option, setting and notebook is in them, and nothing else."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from faceml.cli.main import cli
from faceml.cli.reference import commands, reference_page
from faceml.cli.show import TaskGroup
from faceml.config import setting_names
from tests.conftest import REPO

BESIDE_IT = ("CONTRIBUTING.md", "SECURITY.md", "THIRD_PARTY.md")
PAGES = [REPO / "README.md", *map(REPO.joinpath, BESIDE_IT), *sorted((REPO / "docs").rglob("*.md"))]
CODE = re.compile(r"```(?P<language>\w*)\n(?P<block>.*?)```|`(?P<span>[^`\n]+)`", re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)(?P<target>[^)#]+)")
OWN_FILE = re.compile(r"^(?:benchmarks|docs|notebooks|pipelines|serving|src|tests)/[\w./-]+\.\w+$")


def shell_lines(page: Path) -> list[str]:
    """What a page says in code, a command a line."""
    found = [match for match in CODE.finditer(page.read_text()) if match["language"] in (None, "", "bash")]
    return [line.strip() for match in found for line in (match["block"] or match["span"]).splitlines()]


def mentions(page: Path, program: str) -> list[list[str]]:
    """The words after `program` wherever code calls it."""
    found = []
    for line in shell_lines(page):
        words = re.search(rf"(?:^|[\s(/\"'=]){program} ([^#|;&)]*)", line)
        if words and not line.startswith(("image:", "ExecStart")):
            try:
                found.append(shlex.split(words[1].strip("\"' ")))
            except ValueError:  # half of a quoted command
                found.append(words[1].split())
    return found


def problem(words: list[str]) -> str | None:
    """Why `faceml WORDS` is no command, if it is none."""
    command: click.Command = cli
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        if rest[0] == "…" or rest[0].isupper():
            return None  # `faceml people …`
        found = command.commands.get(rest.pop(0))
        if found is None:
            return f"no such command: faceml {' '.join(words)}"
        command = found
    known = {"-h", "--help", *(name for parameter in command.params for name in parameter.opts)}
    known |= {"--debug", "--version"}
    unknown = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known]
    return f"no such option: faceml {' '.join(words)}" if unknown else None


def test_the_page_of_the_command_line_is_up_to_date() -> None:
    page = (REPO / "docs" / "cli.md").read_text()
    assert page == reference_page(), "make it anew: python -m faceml.cli.reference > docs/cli.md"


def test_every_command_and_option_is_documented() -> None:
    page = (REPO / "docs" / "cli.md").read_text()
    for path, command in commands():
        section = page.partition(f"### `{path}`\n")[2].partition("\n### ")[0]
        assert section, f"{path} is not in docs/cli.md"
        assert (command.help or "").strip(), f"{path} says nothing of itself"
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{path} {parameter.opts[0]} says nothing of itself"
                assert f"`{parameter.opts[-1]}`" in section, f"{path} {parameter.opts[-1]}"


@pytest.mark.parametrize("words", [[], ["faces"], ["people"]])
def test_the_help_lists_every_command_once_under_what_it_is_for(words: list[str]) -> None:
    group: click.Command = cli
    for word in words:
        assert isinstance(group, click.Group)
        group = group.commands[word]
    assert isinstance(group, TaskGroup)
    told = [name for names in group.tasks.values() for name in names.split()]
    assert sorted(told) == sorted(group.commands)
    shown = CliRunner().invoke(cli, [*words, "--help"]).output
    assert [heading for heading in group.tasks if f"\n{heading}:\n" in shown] == list(group.tasks)
    assert "Further" not in shown


def test_every_setting_is_in_the_readme_and_in_no_other_spelling() -> None:
    table = (REPO / "README.md").read_text().partition("\n## Settings\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([A-Z_]+)`", table, re.MULTILINE) == setting_names()
    others = {"FACEML_POSTGRES_PASSWORD", "FACEML_REQUIRE_ALL"}
    for page in PAGES:
        for name in re.findall(r"\bFACEML_[A-Z_]+\b", page.read_text()):
            assert name in {*setting_names(), *others}, f"{page.name} names {name}"


@pytest.mark.parametrize(
    ("folder", "ending", "page"), [("notebooks", "ipynb", "notebooks"), ("pipelines", "yaml", "schedule")]
)
def test_every_notebook_and_pipeline_has_its_place(folder: str, ending: str, page: str) -> None:
    text = (REPO / "docs" / f"{page}.md").read_text()
    for file in (REPO / folder).glob(f"*.{ending}"):
        assert file.stem in text, f"{file.name} is not in docs/{page}.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_what_a_page_tells_to_type_exists(page: Path) -> None:
    assert [found for words in mentions(page, "faceml") if (found := problem(words))] == []
    makefile = (REPO / "Makefile").read_text()
    for words in mentions(page, "make"):
        for target in words[:1]:
            if re.fullmatch(r"[a-z-]+", target):
                assert f"\n{target}:" in makefile, f"make {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_what_a_page_points_at_is_there(page: Path) -> None:
    text = page.read_text()
    for target in LINK.findall(text):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for line in shell_lines(page):
        places = (REPO / line, REPO / "src" / "faceml" / line)  # pages on code shorten what lies in src/faceml
        assert not OWN_FILE.match(line) or any(map(Path.exists, places)), f"{page.name} names {line}"


def test_every_page_is_found_from_the_readme() -> None:
    readme = (REPO / "README.md").read_text()
    beside = map(REPO.joinpath, BESIDE_IT)
    for page in [*beside, *(REPO / "docs").glob("*.md"), *(REPO / "docs" / "results").glob("*.md")]:
        assert f"({page.relative_to(REPO)})" in readme, page.name


def test_decisions_are_numbered_once_and_named_rightly() -> None:
    pages = sorted((REPO / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert page.read_text().startswith(f"# {int(page.name[:4])} · "), page.name
    names = {page.stem for page in pages}
    for folder in ("src", "serving", "docs", "benchmarks", "tests"):
        for file in [file for ending in ("py", "md") for file in (REPO / folder).rglob(f"*.{ending}")]:
            for name in re.findall(r"docs/decisions/(\d{4}[\w-]*)", file.read_text()):
                assert name in names, f"{file.relative_to(REPO)} names decision {name}"
