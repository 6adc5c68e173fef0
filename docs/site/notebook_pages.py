"""The notebooks as pages with their outputs: `python docs/site/notebook_pages.py`, run on the demo's photos.

Two faces may be shown, both of works in the public domain; every other face is pixelated (see
docs/images/draw_contact_sheet.py). `--cells` runs nothing: pages get the code as it is now, and keep their outputs.
"""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter
from PIL import Image

from faceml.config import Settings
from faceml.demo.build import build_demo
from faceml.services.review.browse import list_clusters
from faceml.wiring import open_library
from tests.synthetic import labelled_library

REPO = Path(__file__).resolve().parents[2]
NOTEBOOKS, PAGES = REPO / "notebooks", REPO / "docs" / "notebooks"
WIDEST_PX, COLOURS = 1200, 256
CELL = re.compile(r"```python\n.*?\n```", re.DOTALL)
APART, ALIKE, SEARCHED = "apart", "library", "searched"  # libraries: to split a group in, of the demo, to search in
# Run before each notebook, and shown nowhere.
HIDE = """
import sys
from pathlib import Path
sys.path.insert(0, {images!r})
from draw_contact_sheet import unpublishable
from faceml.services.review import sheets

class Hidden(sheets.Thumbnails):
    def __init__(self, library, **more):
        super().__init__(library, pixelate=unpublishable(library, Path("photos")), **more)

sheets.Thumbnails = Hidden
"""


@dataclass(frozen=True, slots=True)
class Step:
    notebook: str
    given: Mapping[str, Any] = field(default_factory=dict)
    library: str = ALIKE
    has_page: bool = True


COARSE = {"method": "linkage", "min_similarity": 0.0, "min_cluster_size": 2}
BEFORE = (Step("00_ingest", {"photos": "photos/photos"}), Step("01_detect"))
SPLIT = Step("02_cluster", COARSE, APART, has_page=False)
AFTER = (
    Step("02_cluster"),
    Step("03_label", {"interactive": False, "labels_csv": "photos/truth.csv", "actor": "ada"}),
    Step("09_matcher", {"actor": "ada"}),
    Step("04_train", {"epochs": 10}),
    Step("05_evaluate", {"fmr": 0.01}),
    Step("04_train", {"epochs": 10, "head": "whitening"}, has_page=False),
    Step("01_detect", {"photos": "photos/later"}, has_page=False),
    Step("06_assign", {"threshold": 0.6}),
    Step("07_compare"),
    Step("08_promote", {"actor": "ada"}),
    Step("11_search", {"trials": 20}, SEARCHED),
)


def main() -> None:
    PAGES.mkdir(exist_ok=True)
    if sys.argv[1:] == ["--cells"]:
        for page in PAGES.glob("[0-9]*.md"):
            page.write_text(with_cells(page.read_text(), NOTEBOOKS / f"{page.stem}.ipynb"))
        return
    with tempfile.TemporaryDirectory() as folder:
        run_all(Path(folder).resolve())


def run_all(folder: Path) -> None:
    build_demo(folder / "photos")
    for step in BEFORE:
        run(step, folder)
    shutil.copytree(folder / ALIKE, folder / APART)
    run(SPLIT, folder)
    run(Step("10_split", {"cluster_id": largest_cluster(folder / APART), "actor": "ada"}, APART), folder)
    labelled_library(folder / SEARCHED)
    for step in AFTER:
        run(step, folder)


def largest_cluster(home: Path) -> str:
    library = open_library(Settings(home=home))
    found = list_clusters(library.repository).items[0].cluster_id
    library.close()
    return found


def run(step: Step, folder: Path) -> None:
    """Run a notebook in `folder`, and write its page."""
    print(step.notebook, *(f"{name}={value}" for name, value in step.given.items()), flush=True)
    notebook = nbformat.read(NOTEBOOKS / f"{step.notebook}.ipynb", as_version=4)
    at = next(n for n, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ())) + 1
    given = [f"{name} = {value!r}" for name, value in step.given.items()]
    notebook.cells.insert(at, nbformat.v4.new_code_cell("\n".join(given)))
    notebook.cells.insert(0, nbformat.v4.new_code_cell(HIDE.format(images=str(REPO / "docs" / "images"))))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FACEML_", "MLFLOW_"))}
    library = {"FACEML_HOME": step.library, "FACEML_MODEL_PACK": "opencv-zoo", "LOGNAME": "ada", "USER": "ada"}
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": folder}}).execute(env={**kept, **library})
    del notebook.cells[at + 1], notebook.cells[0]
    if step.has_page:
        if given:
            words = "Here it ran with " + ", ".join(f"`{text}`" for text in given) + "."
            notebook.cells.insert(at, nbformat.v4.new_markdown_cell(words))
        write_page(step.notebook, notebook, folder)


def write_page(name: str, notebook: Any, folder: Path) -> None:
    shutil.rmtree(PAGES / name, ignore_errors=True)
    for cell in notebook.cells:
        cell.outputs = [shown(output, folder) for output in cell.get("outputs", ())]
    body, resources = MarkdownExporter().from_notebook_node(
        notebook, resources={"unique_key": "cell", "output_files_dir": name}
    )
    for file, content in resources["outputs"].items():
        (PAGES / file).parent.mkdir(exist_ok=True)
        (PAGES / file).write_bytes(content)
    (PAGES / f"{name}.md").write_text(readable(name, body))


def shown(output: Any, folder: Path) -> Any:
    """An output without this machine's paths, its tables without styles, its picture small."""
    if "text" in output:
        output.text = plain(output.text, folder)
    if data := output.get("data"):
        for kind in ("text/plain", "text/html"):
            if kind in data:
                data[kind] = plain(data[kind], folder)
        if "text/html" in data:
            html = re.sub(r"<style.*?</style>\s*", "", data["text/html"], flags=re.DOTALL)
            data["text/html"] = re.sub(r"<(table|tr)[^>]*>", r"<\1>", html)
        data.pop("image/jpeg", None)  # of the same picture
        if "image/png" in data:
            data["image/png"] = small(data["image/png"])
    return output


def plain(text: str, folder: Path) -> str:
    return text.replace(f"{folder}/", "").replace("\r", "\n")


def small(png: str) -> str:
    with Image.open(io.BytesIO(base64.b64decode(png))) as picture:
        picture.thumbnail((WIDEST_PX, 10 * WIDEST_PX))
        kept = io.BytesIO()
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.MEDIANCUT).save(kept, "PNG", optimize=True)
    return base64.b64encode(kept.getvalue()).decode()


def readable(name: str, body: str) -> str:
    """The page with a word on where it comes from, and pictures that are named after what they are below."""
    heading, lines = "", []
    for line in re.sub(r"\n{3,}", "\n\n", body).splitlines():
        heading = line.lstrip("# ") if line.startswith("#") and not in_code(lines) else heading
        lines.append(re.sub(r"!\[(?:png|jpeg)\]", f"![{heading}]", line).rstrip())
    title, *rest = lines
    made_of = f"`notebooks/{name}.ipynb` with its outputs ([all notebooks](../notebooks.md))."
    return "\n".join([title, "", made_of, *rest]).rstrip() + "\n"


def in_code(lines: Sequence[str]) -> bool:
    return sum(line.startswith("```") for line in lines) % 2 == 1


def with_cells(page: str, notebook: Path) -> str:
    """A page with the code of a notebook as it is now.

    Raises:
        ValueError: there are more or fewer cells than when it ran.
    """
    cells = cells_of(notebook)
    if len(CELL.findall(page)) != len(cells):
        raise ValueError(f"{notebook.name} has other cells than its page: run it again")
    following = iter(cells)
    return CELL.sub(lambda _: f"```python\n{next(following)}\n```", page)


def cells_of(notebook: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


if __name__ == "__main__":
    main()
