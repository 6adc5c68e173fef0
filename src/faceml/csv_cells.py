"""Cells of CSV files that a spreadsheet opens as text: a name such as `=HYPERLINK(…)` is never run as a formula.

Spreadsheets take a cell for a formula that begins with = + - @, a tab or a carriage return, and for text that begins
with ' (OWASP, "CSV Injection"). What faceml writes is read back by faceml as it was.
"""

from __future__ import annotations

import re
from typing import Any

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def as_cell(value: Any) -> Any:
    """How a value is written; numbers as they are.

    >>> as_cell("=1+1"), as_cell("Ada"), as_cell(-0.5), as_cell("'=1+1")
    ("'=1+1", 'Ada', -0.5, "''=1+1")
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def from_cell(text: str) -> str:
    """What was written.

    >>> [from_cell(as_cell(name)) for name in ("=1+1", "'=1+1", "'t Hart", "O'Hara")]
    ['=1+1', "'=1+1", "'t Hart", "O'Hara"]
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
