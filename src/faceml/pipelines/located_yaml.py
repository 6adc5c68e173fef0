"""YAML in which every value still knows its file and line, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from faceml.errors import FileNotReadable, WrongUse
from faceml.pipelines.suggest import known_names


@dataclass(frozen=True, slots=True)
class Located:
    """A value and where it stands; a mapping's values stand at the line of their key."""

    path: Path
    line: int  # from 1
    value: Any  # dict[str, Located], list[Located] or a scalar

    def wrong(self, message: str) -> WrongUse:
        return WrongUse(f"{self.path}, line {self.line}: {message}")

    def mapping(self, what: str) -> dict[str, Located]:
        if not isinstance(self.value, dict):
            raise self.wrong(f"{what} must be a mapping (key: value), not {self._kind()}")
        return self.value

    def keys(self, what: str, *, required: Collection[str] = (), optional: Collection[str] = ()) -> dict[str, Located]:
        """The mapping, when it has all required keys and no unknown one."""
        entries = self.mapping(what)
        for key, entry in entries.items():
            if key not in {*required, *optional}:
                raise entry.wrong(f"{what} has no key {key!r}; {known_names(key, [*required, *optional])}")
        for key in required:
            if key not in entries:
                raise self.wrong(f"{what} lacks the key {key!r}; add `{key}: …`")
        return entries

    def items(self, what: str) -> list[Located]:
        if not isinstance(self.value, list):
            raise self.wrong(f"{what} must be a list (lines that start with -), not {self._kind()}")
        return self.value

    def text(self, what: str) -> str:
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong(f"{what} must be a text, not {self._kind()}; put it in quotes")
        return self.value.strip()

    def plain(self) -> Any:
        """The value without its lines: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: entry.plain() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [entry.plain() for entry in self.value]
        # YAML reads an unquoted 2026-11-05 as a date; a notebook parameter is the text that was written.
        return self.value.isoformat() if isinstance(self.value, date) else self.value

    def _kind(self) -> str:
        if isinstance(self.value, dict | list):
            return "a mapping" if isinstance(self.value, dict) else "a list"
        return "empty" if self.value is None else repr(self.value)


def read_located(path: Path) -> Located:
    """Read one YAML document; raises FileNotReadable, or WrongUse with the line of a syntax error or doubled key."""
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FileNotReadable(f"The pipeline {path} cannot be read: {error}; check the path") from error
    except yaml.YAMLError as error:
        raise WrongUse(f"{path} is no YAML text: {error}") from error
    try:
        node = loader.get_single_node()
        if node is None:
            raise WrongUse(f"{path}, line 1: the file is empty; a pipeline needs name and steps")
        return _located(path, loader, node, line=1)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise WrongUse(f"{path}, line {line}: this is no YAML ({error.problem}); check quotes and indents") from error
    finally:
        loader.dispose()


def _located(path: Path, loader: yaml.SafeLoader, node: yaml.Node, *, line: int | None = None) -> Located:
    line = line or node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return Located(path, line, _entries(path, loader, node))
    if isinstance(node, yaml.SequenceNode):
        return Located(path, line, [_located(path, loader, item) for item in node.value])
    return Located(path, line, loader.construct_object(node))


def _entries(path: Path, loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[str, Located]:
    entries: dict[str, Located] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key in entries:
            raise WrongUse(
                f"{path}, line {line}: the key {key!r} stands twice (first in line {entries[key].line}); remove one"
            )
        entries[key] = _located(path, loader, value_node, line=line)
    return entries
