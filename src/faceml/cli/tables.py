"""Tables and figures as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

MOST_LINES = 10  # of a list in a report


def table(names: Iterable[str], rows: Iterable[Iterable[Any]], *, widest: int | None = None) -> list[str]:
    """Columns as wide as what stands in them; numbers to the right, "-" where there is no value.

    Args:
        widest: letters of a cell; what is longer is cut, in front: of paths the end tells more.

    >>> table(("a", "b"), [(1.0, "xy"), (20.0, None)])
    [' a  b', ' 1  xy', '20  -']
    """
    shown = [[_cell(value, widest) for value in row] for row in rows]
    columns = [(name, *cells) for name, *cells in zip(names, *shown, strict=True)]
    aligned = [
        [f"{cell:{'>' if all(map(_is_number, column[1:])) else '<'}{max(map(len, column))}}" for cell in column]
        for column in columns
    ]
    return ["  ".join(row).rstrip() for row in zip(*aligned, strict=True)]


def listed(title: str, reasons: Sequence[str]) -> list[str]:
    """How many there are, and the first of them; empty without any."""
    if not reasons:
        return []
    more = [f"  ... and {len(reasons) - MOST_LINES} more (--json lists all)"] if len(reasons) > MOST_LINES else []
    return [f"{title}: {len(reasons)}", *(f"  - {one_line(reason)}" for reason in reasons[:MOST_LINES]), *more]


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
