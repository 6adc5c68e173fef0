"""Tables and figures as a terminal shows them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from math import isfinite
from shutil import get_terminal_size
from typing import IO, Any

import click

MOST_LINES = 10  # of a list in a report
NARROWEST = 8  # letters that a column is cut to
IDS = ("Id", "Cluster", "Run", "Version")  # columns that somebody copies from


def has_colour(stream: IO[str] | None = None) -> bool:
    """Whether a stream (stdout) is a terminal whose reader wants colours, see https://no-color.org."""
    is_wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return is_wanted and (stream or sys.stdout).isatty()


def terminal_width() -> int | None:
    """Columns of the terminal that stdout is; None: it is a file or a pipe, which takes any line."""
    return get_terminal_size().columns if sys.stdout.isatty() else None


def table(
    names: Iterable[str],
    rows: Iterable[Iterable[Any]],
    *,
    widest: int | None = None,
    width: int | None = None,
) -> list[str]:
    """Columns as wide as what stands in them; numbers to the right, "-" where there is no value.

    Args:
        widest: letters of a cell; what is longer is cut, in front: of paths the end tells more.
        width: letters of a line, by default the terminal's: the widest texts are cut to fit, but no ids.

    >>> table(("a", "b"), [(1.0, "xy"), (20.0, None)])
    [' a  b', ' 1  xy', '20  -']
    >>> table(("n", "path"), [(1, "/home/me/pictures/one.jpg")], width=16)
    ['n  path', '1  …ures/one.jpg']
    """
    shown = [[_cell(value, widest) for value in row] for row in rows]
    columns = [(name, *cells) for name, *cells in zip(names, *shown, strict=True)]
    columns = _fitted(columns, width or terminal_width())
    aligned = [
        [f"{cell:{'>' if all(map(_is_number, column[1:])) else '<'}{max(map(len, column))}}" for cell in column]
        for column in columns
    ]
    lines = ["  ".join(row).rstrip() for row in zip(*aligned, strict=True)]
    return [click.style(lines[0], bold=True), *lines[1:]] if lines and has_colour() else lines


def _fitted(columns: Sequence[tuple[str, ...]], width: int | None) -> list[tuple[str, ...]]:
    """With the widest columns of texts cut until a line is no longer than `width`, or nothing more can be cut."""
    widths = [max(map(len, column)) for column in columns]
    may_be_cut = [c[0] not in IDS and not all(map(_is_number, c[1:])) for c in columns]
    while width and sum(widths) + 2 * (len(widths) - 1) > width:
        number = max(range(len(widths)), key=lambda n: widths[n] if may_be_cut[n] else 0)
        if not may_be_cut[number] or widths[number] <= NARROWEST:
            break
        widths[number] -= 1
    return [
        tuple(_cell(cell, most) for cell in column) if may else column
        for column, most, may in zip(columns, widths, may_be_cut, strict=True)
    ]


def listed(title: str, reasons: Sequence[str]) -> list[str]:
    """How many there are, and the first of them; empty without any."""
    if not reasons:
        return []
    more = [f"  ... and {len(reasons) - MOST_LINES} more (--json lists all)"] if len(reasons) > MOST_LINES else []
    head = f"{title}: {len(reasons)}"
    head = click.style(head, fg="yellow") if has_colour() else head
    return [head, *(f"  - {one_line(reason)}" for reason in reasons[:MOST_LINES]), *more]


def one_line(text: str) -> str:
    r"""A name may hold line ends, and what steers a terminal.

    >>> one_line("new\nline.jpg")
    'new\\nline.jpg'
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def figure(value: float) -> str:
    """
    >>> figure(198.0), figure(0.95215), figure(1234.5678), figure(0.00062429)
    ('198', '0.9522', '1234.57', '0.000624')
    """
    if not isfinite(value) or abs(value) >= 1e15:
        return str(value)
    if value == int(value):
        return str(int(value))
    if abs(value) < 0.01:
        return f"{value:.3g}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def signed(value: float) -> str:
    """
    >>> signed(0.25), signed(-3.0), signed(0.0)
    ('+0.2500', '-3', '±0')
    """
    return f"+{figure(value)}" if value > 0 else figure(value) if value else "±0"


def _cell(value: Any, widest: int | None) -> str:
    text = figure(value) if isinstance(value, float) else "-" if value is None else str(value)
    return text if widest is None or len(text) <= widest else f"…{text[1 - widest :]}"


def _is_number(text: str) -> bool:
    return text in ("", "-") or text.lstrip("+-±").replace(".", "", 1).replace("e-", "", 1).isdigit()
