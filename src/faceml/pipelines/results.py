"""How a notebook reports to its pipeline what it found.

The last cell of a step says `report(photos=12, faces=31)`. People see a small table; the runner reads the same values
from the executed notebook, where they lie beside the table under a type of their own. Without a pipeline the table is
all there is, so a notebook needs no second path.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from faceml.errors import WrongUse
from faceml.plots.report_table import html_table, readable, text_table

MIME_TYPE = "application/vnd.faceml.results+json"


def report(**values: Any) -> None:
    """Show results and hand them to the pipeline as `${steps.STEP.NAME}`; a later call adds to an earlier one.

    Args:
        values: JSON values; also numpy scalars, paths and enums. NaN and infinities, which JSON lacks, become null.
    Raises:
        WrongUse: a value that JSON cannot hold.
    """
    from IPython.display import display

    found = {name: _json_value(name, value) for name, value in values.items()}
    rows = {name: readable(value) for name, value in found.items()}
    display({"text/plain": text_table(rows), "text/html": html_table(rows), MIME_TYPE: found}, raw=True)


def _json_value(name: str, value: Any) -> Any:
    """Turn what notebooks hold into what JSON holds.

    >>> from pathlib import Path
    >>> _json_value("share", float("nan")), _json_value("file", Path("a.csv"))
    (None, 'a.csv')
    """

    def scalar(item: Any) -> Any:
        if getattr(item, "shape", None) != ():  # of numpy, without importing it
            raise TypeError
        return item.item()

    try:
        return json.loads(to_json(value, inf_nan_mode="null", fallback=scalar))
    except PydanticSerializationError as error:
        kind = type(value).__name__
        raise WrongUse(f"The result {name} is a {kind}; report numbers, texts, lists or mappings of these") from error
