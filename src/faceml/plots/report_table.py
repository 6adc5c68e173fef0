"""A service's report as a small table, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any

LONG = 200  # characters of a line
LONG_ITEM = 40  # characters of an item that has a line of its own
MOST_LINES = 10  # of a list


def named_values(report: Any) -> dict[str, Any]:
    """What a report says, by the names of its fields in words; what is empty is left out. No report says nothing."""
    values = {field.name: getattr(report, field.name) for field in fields(report)} if report is not None else {}
    return {in_words(name): value for name, value in values.items() if value is not None and value != ()}


def in_words(name: str) -> str:
    """
    >>> in_words("faces_added")
    'Faces added'
    """
    return name.replace("_", " ").capitalize()


class ReportTable:
    """Shows one field a row; of long lists the first lines, and what is empty is left out."""

    def __init__(self, report: Any) -> None:
        self._rows = {name: readable(value) for name, value in named_values(report).items()}

    def __repr__(self) -> str:
        return text_table(self._rows) or "nothing to do"

    def _repr_html_(self) -> str:
        return html_table(self._rows) if self._rows else "<i>nothing to do</i>"


def text_table(rows: Mapping[str, Sequence[str]]) -> str:
    """Names and the lines beside them."""
    width = max(map(len, rows), default=0)
    indented = "\n" + " " * (width + 2)
    return "\n".join(f"{name:<{width}}  {indented.join(lines)}" for name, lines in rows.items())


def html_table(rows: Mapping[str, Sequence[str]]) -> str:
    cells = ((escape(name), "<br>".join(map(escape, lines))) for name, lines in rows.items())
    return "<table>" + "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in cells) + "</table>"


def readable(value: Any) -> list[str]:
    """A value as a person reads it: a line, or of a list or mapping a line an item.

    >>> readable(0.1234567890123), readable(1234.5678), readable((3, 2)), readable({"a": 1.0})
    (['0.1235'], ['1234.57'], ['3, 2'], ['a: 1'])
    >>> readable((("the file is empty", 2), ("the file is damaged", 1)))
    ['2 × the file is empty', '1 × the file is damaged']
    """
    if isinstance(value, Mapping):
        return _first([f"{name}: {_words(item)}" for name, item in value.items()])
    if not isinstance(value, tuple | list):
        return [_words(value)]
    texts = [_words(item) for item in value]
    together = ", ".join(texts)
    return [together] if _is_plain(value) and len(together) <= LONG else _first(texts)


def _words(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) >= 100 else f"{value:.4g}"
    if is_dataclass(value) and type(value).__str__ is object.__str__:
        return " · ".join(_words(getattr(value, field.name)) for field in fields(value) if field.repr)
    match value:
        case (str(what), int(count)):
            return f"{count} × {what}"
        case tuple() | list():
            return ", ".join(map(_words, value))
    text = str(value)
    return text if len(text) <= LONG else f"{text[:LONG]} …"


def _is_plain(items: Sequence[Any]) -> bool:
    return not any(is_dataclass(item) or isinstance(item, tuple | list) or len(str(item)) > LONG_ITEM for item in items)


def _first(lines: Sequence[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], f"… and {more} more"] if more > 0 else list(lines)
