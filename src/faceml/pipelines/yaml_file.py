"""A YAML file that knows the line of each value, so that an error can point at it."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from faceml.errors import FileNotReadable, WrongUse
from faceml.pipelines.references import known_names

MOST_BYTES, MOST_VALUES = 200_000, 10_000  # a pipeline has a few thousand bytes, and some hundred values
Place = tuple[Hashable, ...]  # keys and positions on the way to a value; () is the whole file


class Section(BaseModel):
    """A mapping in the file; a key that it does not know is an error that names the known ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _knows_all_keys(cls, value: Any) -> Any:
        for key in value if isinstance(value, dict) else ():
            if key not in cls.model_fields:
                text = f"a {cls.__name__.lower()} has no key {key!r}; {known_names(key, cls.model_fields)}"
                raise PydanticCustomError("unknown_key", "{text}", {"key": key, "text": text})
        return value


E = TypeVar("E", bound=Section)
_OF_KEY = "[key]"  # where pydantic found a mapping's key to be wrong


@dataclass(frozen=True, slots=True)
class YamlFile:
    path: Path
    content: Any  # dicts whose keys are texts, lists and scalars; a date stays the text that was written
    lines: dict[Place, int]  # from 1; a mapping's values stand at the line of their key

    def wrong(self, place: Place, message: str) -> WrongUse:
        """An error that points at a place."""
        return _wrong(self.path, self.line_of(place), message)

    def line_of(self, place: Place) -> int:
        """Of a place that is not in the file: the line of what lacks it."""
        while place not in self.lines:
            place = place[:-1]
        return self.lines[place]

    def read_as(self, kind: type[E]) -> E:
        """The content as a record; validators get `path` as their context.

        Raises:
            WrongUse: names the first mistake in the file.
        """
        try:
            return kind.model_validate(self.content, context=self.path)
        except ValidationError as error:
            first = min(error.errors(), key=lambda item: self.line_of(_place(item)))
            raise self.wrong(_place(first), _sentence(first)) from error


def read_yaml(path: Path) -> YamlFile:
    """Read one YAML document.

    Raises:
        FileNotReadable: there is no such file.
        WrongUse: with the line of a syntax error or doubled key, or of what is too large or deep to be a pipeline.
    """
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise WrongUse(f"{path} has {size:,} bytes, and a pipeline {MOST_BYTES:,} at most: name another file")
        loader = _Loader(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FileNotReadable(f"The pipeline {path} cannot be read: {error}; check the path") from error
    except yaml.YAMLError as error:
        raise WrongUse(f"{path} is not a text file: {error}; save it as YAML in UTF-8") from error
    lines: dict[Place, int] = {(): 1}
    try:
        node = loader.get_single_node()
        if node is None:
            raise _wrong(path, 1, "the file is empty; a pipeline needs name and steps")
        return YamlFile(path, loader.plain(path, node, (), lines), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise _wrong(path, line, f"this is not YAML ({error.problem}); check quotes and indents") from error
    except RecursionError as error:  # brackets in brackets, or an alias to what it is in
        raise _wrong(path, max(lines.values()), "it is nested too deeply; write it flat") from error
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Leaves an unquoted 2026-11-05 the text that was written, as a notebook's parameter wants it."""

    yaml_implicit_resolvers = {  # noqa: RUF012  as PyYAML has it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def plain(self, path: Path, node: yaml.Node, place: Place, lines: dict[Place, int]) -> Any:
        """A node's value; the lines of what is in it are added to `lines`."""
        line = node.start_mark.line + 1
        lines.setdefault(place, line)
        if len(lines) > MOST_VALUES:  # each alias stands for all that its anchor holds
            raise _wrong(path, line, f"the file has more than {MOST_VALUES:,} values, aliases (*name) written out")
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(path, item, (*place, number), lines) for number, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            try:
                return self.construct_object(node)
            except ValueError as error:
                raise _wrong(path, line, f"this is not a value ({error}); put it in quotes") from error
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise _wrong(path, line, "a key must be a text, not a list or mapping")
            key = str(key_node.value)
            if key in values:
                first = lines[*place, key]
                raise _wrong(path, line, f"the key {key!r} is there twice (first in line {first}); remove one")
            lines[*place, key] = line
            values[key] = self.plain(path, value_node, (*place, key), lines)
        return values


def _wrong(path: Path, line: int, message: str) -> WrongUse:
    return WrongUse(f"{path}, line {line}: {message}")


def _place(error: ErrorDetails) -> Place:
    if error["type"] == "unknown_key":
        return (*error["loc"], error["ctx"]["key"])
    return error["loc"][:-1] if error["loc"][-1:] == (_OF_KEY,) else error["loc"]


def _sentence(error: ErrorDetails) -> str:
    key = error["loc"][-1] if error["loc"] else "a pipeline"
    if isinstance(key, int):
        key = f"item {key + 1} of {error['loc'][-2]}"
    elif key == _OF_KEY:
        key = "name"
    found = error["input"]
    shown = {dict: "a mapping", list: "a list", type(None): "empty"}.get(type(found), repr(found))
    match error["type"]:
        case "unknown_key":
            return error["msg"]
        case "missing":
            return f"the key {key!r} is missing; add `{key}: …`"
        case "string_type" | "string_too_short" | "path_type":
            return f"{key} must be a text, not {shown or 'empty'}; put it in quotes"
        case "tuple_type":
            return f"{key} must be a list (lines that start with -), not {shown}"
        case "dict_type" | "model_type":
            return f"{key} must be a mapping (key: value), not {shown}"
        case "enum":
            known = re.findall("'([^']*)'", error["ctx"]["expected"])
            return f"{key} {found!r} is not known; {known_names(str(found), known)}"
    return f"{key}: {error['msg'].removeprefix('Value error, ')}"
