"""A newcomer's test: the words of a question lead to the file that answers it, by names of folders and files alone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.conftest import REPO

PAGE = REPO / "docs" / "architecture.md"
ROW = re.compile(r"^\| (?P<question>.+\?) \| `(?P<place>[^`]+)` \| `(?P<name>\w+)` \|$", re.MULTILINE)
QUESTIONS = [(match["question"], match["place"], match["name"]) for match in ROW.finditer(PAGE.read_text())]
FILE = re.compile(r"`((?:\w+/)+(?:\w+\.py)?)`")
STEM = 4  # letters by which words are recognised: clusters, clustering


def below_its_root(file: Path) -> str:
    return file.relative_to(REPO / "src" / "faceml" if REPO / "src" in file.parents else REPO).as_posix()


FILES = {below_its_root(file): file for root in ("src/faceml", "serving") for file in (REPO / root).rglob("*.py")}


def stems(text: str) -> set[str]:
    return {word[:STEM] for word in re.findall(r"[a-z]{3,}", text.lower())} - {"py", "the"}


def led_to(question: str) -> set[str]:
    """The files whose path holds the most words of the question."""
    words = {path: len(stems(question) & stems(path.removesuffix(".py"))) for path in FILES}
    return {path for path, count in words.items() if count == max(words.values())}


def names_in(place: str) -> set[str]:
    files = [FILES[place]] if place in FILES else [file for path, file in FILES.items() if path.startswith(place)]
    nodes = [node for file in files for node in ast.parse(file.read_text()).body]
    return {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}


def test_ten_questions_are_asked() -> None:
    assert len(QUESTIONS) == 10


@pytest.mark.parametrize(("question", "place", "name"), QUESTIONS, ids=[question for question, _, _ in QUESTIONS])
def test_the_words_of_a_question_lead_to_its_answer(question: str, place: str, name: str) -> None:
    found = led_to(question)
    assert found == {place} if place in FILES else any(path.startswith(place) for path in found)
    assert name in names_in(place)


def test_every_place_on_the_page_is_there() -> None:
    places = {place for place in FILE.findall(PAGE.read_text()) if not (REPO / place).exists()}
    assert {place for place in places if not (REPO / "src" / "faceml" / place).exists()} == set()
