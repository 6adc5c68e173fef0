"""`${parameters.photos}` and `${steps.detect.faces}`: how a pipeline's values refer to other values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_FORM = re.compile(r"\s*(?:parameters\.(?P<parameter>\w+)|steps\.(?P<step>[\w-]+)\.(?P<result>\w+))\s*\Z")


class StepWasSkipped(Exception):
    """A referenced step did not run, so it has no results."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One `${…}`: a parameter of the pipeline (step is None) or a result of an earlier step."""

    step: str | None
    name: str

    def __str__(self) -> str:
        return f"parameters.{self.name}" if self.step is None else f"steps.{self.step}.{self.name}"


def parse_reference(text: str) -> Reference:
    """Read the text between the braces.

    Raises:
        ValueError: it names neither a parameter nor a step's result.

    >>> parse_reference("steps.detect.faces")
    Reference(step='detect', name='faces')
    """
    match = _FORM.match(text)
    if match is None:
        raise ValueError(f"${{{text}}} is neither ${{parameters.NAME}} nor ${{steps.STEP.RESULT}}")
    return Reference(match["step"], match["parameter"] or match["result"])


def one_reference(text: Any) -> Reference:
    """Read a text that is one `${…}` and nothing else; raises ValueError."""
    match = _REFERENCE.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"{text!r} must be one reference, as in ${{steps.detect.new_photos}}")
    return parse_reference(match[1])


def references_in(value: Any) -> Iterator[Reference]:
    """Every reference in a value, its lists and mappings included; raises ValueError as `parse_reference`."""
    if isinstance(value, str):
        yield from (parse_reference(text) for text in _REFERENCE.findall(value))
    elif isinstance(value, list):
        for item in value:
            yield from references_in(item)
    elif isinstance(value, dict):
        yield from references_in(list(value.values()))


def fill(value: Any, lookup: Callable[[Reference], Any]) -> Any:
    """Put values in the place of references.

    A text that is one reference becomes the value itself, type and all; within a longer text it is written out.

    >>> fill("${parameters.n}", lambda reference: 3), fill("top ${parameters.n}", lambda reference: 3)
    (3, 'top 3')
    """
    if isinstance(value, list):
        return [fill(item, lookup) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, lookup) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value.strip())
    if whole:
        return lookup(parse_reference(whole[1]))
    return _REFERENCE.sub(lambda match: str(lookup(parse_reference(match[1]))), value)


def known_names(word: str, known: Iterable[str]) -> str:
    """For somebody who wrote an unknown name: the known ones, after the likeliest as a question.

    >>> known_names("notebok", ["notebook", "when"])
    'did you mean notebook? Known: notebook, when'
    >>> known_names("xyz", [])
    'there are none'
    """
    names = sorted(known)
    if not names:
        return "there are none"
    likeliest = get_close_matches(word, names, n=1)
    question = f"did you mean {likeliest[0]}? " if likeliest else ""
    return f"{question}Known: {', '.join(names)}"
