"""Taking pictures out of an executed notebook: they show faces, and MLflow is read by others (DESIGN D9)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from faceml.pipelines.results import MIME_TYPE

# Everything else may carry pixels: image/*, widgets, plotly, PDF, JavaScript, any JSON.
_KEPT_TYPES = {"text/plain", "text/html", "text/markdown", "text/latex", MIME_TYPE}
_DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+[^,\"'()<>]*,[^\"'()<>]*", re.IGNORECASE)
_DRAWING = re.compile(r"<(svg|canvas|script)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_PLACEHOLDER = "[picture left out: biometric data]"


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


def _kept(data: dict[str, Any]) -> dict[str, Any]:
    kept = {kind: _scrubbed(value) for kind, value in data.items() if kind in _KEPT_TYPES}
    if len(kept) < len(data):
        kept["text/plain"] = f"{_as_text(kept.get('text/plain', ''))}\n{_PLACEHOLDER}".lstrip()
    return kept


def _scrubbed(value: Any) -> Any:
    """Texts without the pictures that are written inside them (`<img src="data:…">`, drawings)."""
    if isinstance(value, str):
        return _DRAWING.sub(_PLACEHOLDER, _DATA_URI.sub("", value))
    if isinstance(value, list):
        # A text may be stored as lines, and a picture may run over them.
        return _scrubbed("".join(value)) if all(isinstance(item, str) for item in value) else value
    return value


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else "".join(value)
