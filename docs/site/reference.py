"""Hook of mkdocs: a page of reference for each room of the package, from its docstrings, and the menu's lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PACKAGE = Path("src/faceml")
TITLES = {  # in order of the data flow
    "": "Library",
    "vision": "Photo to face",
    "identity": "Face to person",
    "identity/hdbscan": "Exact and approximate HDBSCAN",
    "training": "Heads and losses",
    "metrics": "Measures",
    "trial": "Held-out comparisons",
    "decisions": "Decisions",
    "services/photos": "Verbs: photos",
    "services/index": "Verbs: the vector index",
    "services/cluster": "Verbs: grouping",
    "services/decisions": "Verbs: naming and correcting",
    "services/review": "Verbs: looking and asking",
    "services/recognise": "Verbs: recognising",
    "services/learn": "Verbs: learning",
    "services/exchange": "Verbs: in and out",
    "services/operate": "Verbs: looking after it",
}
AT_THE_TOP = ("library", "wiring", "config", "options", "records", "errors", "progress")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for folder, title in TITLES.items():
        modules = AT_THE_TOP if not folder else sorted(file.stem for file in (PACKAGE / folder).glob("[a-z]*.py"))
        dotted = ".".join(("faceml", *folder.split("/"))) if folder else "faceml"
        body = "\n\n".join(f"::: {dotted}.{module}" for module in modules)
        files.append(File.generated(config, _page(folder), content=f"# {title}\n\n{body}\n"))
    config.nav = [_filled(entry, Path(config.docs_dir)) for entry in config.nav or []]
    return files


def _page(folder: str) -> str:
    return f"reference/{folder.replace('/', '-') or 'library'}.md"


def _filled(entry: Any, docs: Path) -> Any:
    """A menu's entry with the pages of a folder where it names one."""
    if isinstance(entry, dict):
        return {title: _filled(inner, docs) for title, inner in entry.items()}
    if isinstance(entry, list):
        filled = [_filled(inner, docs) for inner in entry]
        return [page for inner in filled for page in (inner if isinstance(inner, list) else [inner])]
    if entry == "reference/":
        return [{title: _page(folder)} for folder, title in TITLES.items()]
    if entry.endswith("/"):
        return sorted(str(page.relative_to(docs)) for page in (docs / entry).glob("*.md"))
    return entry
