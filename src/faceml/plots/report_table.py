"""A service's report as a small table, for notebooks."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from html import escape
from typing import Any

LONG = 200  # characters of a cell


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
    """Shows one field a row; what is long is cut, what is empty is left out."""

    def __init__(self, report: Any) -> None:
        self._rows = {name: _cell(value) for name, value in named_values(report).items()}

    def __repr__(self) -> str:
        width = max(map(len, self._rows), default=0)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in self._rows.items()) or "nothing to do"

    def _repr_html_(self) -> str:
        cells = ((escape(name), escape(value)) for name, value in self._rows.items())
        rows = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in cells)
        return f"<table>{rows}</table>" if rows else "<i>nothing to do</i>"


def _cell(value: Any) -> str:
    """
    >>> _cell(1.2345), _cell(7)
    ('1.23', '7')
    """
    if isinstance(value, tuple):
        is_short = len(str(value)) <= LONG and not any(map(is_dataclass, value))
        return str(value) if is_short else f"{len(value)} (see the record)"
    return f"{value:.2f}" if isinstance(value, float) else str(value)[:LONG]
