"""What a notebook's file says before it is run, where it failed afterwards, and a copy without pictures.

Pictures show faces, and MLflow is read by others (DESIGN D9).
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from faceml.errors import WrongUse
from faceml.pipelines.results import MIME_TYPE

_MARKERS = "papermill-error-cell-tag"  # papermill inserts cells with this tag into a notebook that failed
_NOT_RUN = {"injected-parameters", "skip-execution"}
# Everything else may carry pixels: image/*, widgets, plotly, PDF, JavaScript, any JSON.
_KEPT_TYPES = {"text/plain", "text/html", "text/markdown", "text/latex", MIME_TYPE}
_DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+[^,\"'()<>]*,[^\"'()<>]*", re.IGNORECASE)
_DRAWING = re.compile(r"<(svg|canvas|script)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_PLACEHOLDER = "[picture left out: biometric data]"


def read_cells(notebook: Path) -> list[dict[str, Any]]:
    """The cells as they were executed; raises WrongUse where the file is not a notebook."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [cell for cell in cells if _MARKERS not in _tags(cell)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WrongUse(f"{notebook} is not a Jupyter notebook ({error!r}); save it again in JupyterLab") from error


def declared_parameters(notebook: Path) -> tuple[str, ...]:
    """The names its first cell tagged `parameters` sets.

    Read from the syntax tree: papermill's own inspection goes line by line and loses a default that contains "=".
    """
    for cell in read_cells(notebook):
        if cell["cell_type"] == "code" and "parameters" in _tags(cell):
            try:
                return tuple(_assigned(ast.parse(_text(cell["source"]))))
            except SyntaxError as error:
                raise WrongUse(
                    f"{notebook}: the cell tagged `parameters` is not Python (its line {error.lineno}: {error.msg})"
                ) from error
    return ()


def count_cells(notebook: Path, *, with_parameters: bool) -> int:
    """How many cells will run; papermill adds one where parameters are given."""
    cells = [cell for cell in read_cells(notebook) if cell["cell_type"] == "code" and _text(cell["source"]).strip()]
    return sum(not _NOT_RUN & set(_tags(cell)) for cell in cells) + with_parameters


def describe_cell(notebook: Path, index: int, *, count: int) -> str:
    """Name a cell as a person finds it: its number as In [count], and its heading or first line."""
    cells = read_cells(notebook)
    heading = next((_heading(cell) for cell in reversed(cells[:index]) if _heading(cell)), "")
    first_line = next((line for line in _text(cells[index]["source"]).splitlines() if line.strip()), "")
    return f'cell [{count}] "{heading or first_line.strip()}"'


def displayed(notebook: Path, kind: str) -> list[Any]:
    """What an executed notebook displays of a MIME type, in order; nothing where its kernel did not even start."""
    cells = read_cells(notebook) if notebook.exists() else []
    shown = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return [data[kind] for data in shown if kind in data]


def read_results(notebook: Path) -> dict[str, Any]:
    """What an executed notebook reported; a later report adds to an earlier one."""
    results: dict[str, Any] = {}
    for reported in displayed(notebook, MIME_TYPE):
        results |= reported
    return results


def without_pictures(notebook: Path, copy: Path) -> None:
    """Write a copy of a notebook whose outputs hold no pictures; texts, tables and errors stay."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    content.get("metadata", {}).pop("widgets", None)  # the widgets' state holds their images
    for cell in content["cells"]:
        cell.pop("attachments", None)
        for output in cell.get("outputs", []):
            if "data" in output:
                output["data"] = _kept(output["data"])
            if "text" in output:
                output["text"] = _scrubbed(output["text"])
    copy.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def _assigned(tree: ast.Module) -> list[str]:
    names = []
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        names += [target.id for target in targets if isinstance(target, ast.Name)]
    return names


def _heading(cell: dict[str, Any]) -> str:
    if cell["cell_type"] != "markdown":
        return ""
    lines = [line.lstrip("#").strip() for line in _text(cell["source"]).splitlines() if line.startswith("#")]
    return lines[-1] if lines else ""


def _tags(cell: dict[str, Any]) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


def _kept(data: dict[str, Any]) -> dict[str, Any]:
    kept = {kind: _scrubbed(value) for kind, value in data.items() if kind in _KEPT_TYPES}
    if len(kept) < len(data):
        kept["text/plain"] = f"{_text(kept.get('text/plain', ''))}\n{_PLACEHOLDER}".lstrip()
    return kept


def _scrubbed(value: Any) -> Any:
    """Texts without the pictures that are written inside them (`<img src="data:…">`, drawings)."""
    if isinstance(value, str):
        return _DRAWING.sub(_PLACEHOLDER, _DATA_URI.sub("", value))
    if isinstance(value, list):
        # A text may be stored as lines, and a picture may run over them.
        return _scrubbed("".join(value)) if all(isinstance(item, str) for item in value) else value
    return value


def _text(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "".join(value)  # nbformat allows a list of lines
