"""What may import what, and what a door loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from shutil import copyfile

import pytest

from faceml.config import Settings
from tests.conftest import REPO, add_faces, people_vectors
from tests.fakes import FakePack, library_with

SOURCE = REPO / "src" / "faceml"
LEVELS = (  # a room imports from its own level and from those above it in this list
    {"errors", "records", "progress", "once", "addresses", "names", "config", "option", "options", "files", "csv_cells"}
    | {"path_text", "photo_files", "offline", "home", "extras", "project", "machines"},
    ("decisions", "vision", "identity", "metrics", "training", "trial", "xmp", "annotation"),
    ("storage", "tracking", "plots"),
    ("library", "wiring"),
    ("services",),
    ("pipelines", "jobs", "widgets", "vector", "demo", "cli", "client"),
    ("scripts", "faces", "queue", "__main__"),  # the specification's names
)
PURE = LEVELS[1]
OUTSIDE = {"sqlalchemy", "qdrant_client", "qdrant_edge", "mlflow", "fastapi", "IPython"}
TRAINING_ONLY = {"torch", "lightning", "pytorch_lightning"}
MOST_MODULES = 20  # a folder holds: more are no longer seen at a glance

# What takes longer to import than a command may take, and which of it each command that looks or labels needs.
HEAVY = {
    "alembic",
    "cv2",
    "hdbscan",
    "insightface",
    "matplotlib",
    "mlflow",
    "numpy",
    "onnxruntime",
    "pandas",
    "pydantic",
}
HEAVY |= {"scipy", "skimage", "sklearn", "torch", "qdrant_edge", "sqlalchemy.dialects.postgresql"}
LIGHT: dict[str, set[str]] = {
    "faces stats": {"qdrant_edge"},
    "people list": set(),
    "people history": set(),
    "photos missing": set(),
    "faces clusters": {"numpy"},
    "faces label clu_x Ada": set(),
    "faces suggest --kind uncertain": {"numpy"},
    "models list": {"numpy"},
    "experiments list": {"numpy"},
}

MODULES = {
    ".".join(("faceml", *file.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__"): file
    for file in SOURCE.rglob("*.py")
}


def imports(file: Path) -> set[str]:
    """Every module that a file imports, also late and for types alone."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in whole}
    return found


def tops(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(file)}


def room_of(module: str) -> str:
    """The folder of a module; a module at the top is a room of its own."""
    folder = MODULES[module].parent.relative_to(SOURCE).as_posix()
    return module.removeprefix("faceml.") if folder == "." else folder


def level_of(room: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if room.partition("/")[0] in rooms)


ARROWS = {
    (room_of(module), room_of(target))
    for module, file in MODULES.items()
    for target in imports(file) & set(MODULES)
    if module != "faceml" != target and room_of(module) != room_of(target)
}


def test_no_two_rooms_need_each_other() -> None:
    try:
        TopologicalSorter({room: {to for by, to in ARROWS if by == room} for room, _ in ARROWS}).prepare()
    except CycleError as error:
        pytest.fail(f"these rooms stand in a circle: {' → '.join(reversed(error.args[1]))}")


def test_the_list_of_rooms_is_complete() -> None:
    rooms = {room_of(module).partition("/")[0] for module in MODULES if module != "faceml"}
    assert {room for level in LEVELS for room in level} == rooms


def test_every_arrow_points_inward() -> None:
    outward = [(room, target) for room, target in sorted(ARROWS) if level_of(target) > level_of(room)]
    assert outward == []


def test_no_folder_holds_more_than_can_be_seen_at_a_glance() -> None:
    folders = Counter(file.parent.relative_to(REPO) for file in MODULES.values() if file.name != "__init__.py")
    assert {folder: count for folder, count in folders.items() if count > MOST_MODULES} == {}


@pytest.mark.parametrize("room", PURE)
def test_pure_rooms_know_nothing_of_stores_servers_and_notebooks(room: str) -> None:
    for file in (SOURCE / room).rglob("*.py"):
        assert not tops(file) & OUTSIDE, file


def test_only_training_knows_torch() -> None:
    for file in SOURCE.rglob("*.py"):
        if file.relative_to(SOURCE).parts[0] != "training" and file.name != "cuda.py":  # which makes products with it
            assert not tops(file) & TRAINING_ONLY, file


def test_services_know_no_entry_point() -> None:
    for file in (SOURCE / "services").rglob("*.py"):
        assert not tops(file) & {"click", "fastapi", "IPython", "ipywidgets", "serving"}, file


def test_serving_knows_services_but_no_store() -> None:
    for file in (REPO / "serving").rglob("*.py"):
        assert not tops(file) & (OUTSIDE - {"fastapi"} | TRAINING_ONLY), file
        assert not any(name.startswith(("faceml.cli", "faceml.storage.sql.tables")) for name in imports(file)), file


def test_importing_the_app_opens_nothing_heavy() -> None:
    assert not loaded_by("import serving.app") & {"torch", "mlflow", "insightface", "hdbscan", "sklearn"}


def test_modules_are_short() -> None:
    files = [*SOURCE.rglob("*.py"), *(REPO / "serving").rglob("*.py")]
    written = {str(file): text for file in files if not (text := file.read_text()).startswith('"""Made by')}
    long = {name: lines for name, text in written.items() if (lines := len(text.splitlines())) > 300}
    assert long == {}


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint()\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    return {name.partition(".")[0] for name in loaded} | (loaded & HEAVY)


def others_loaded_by(code: str) -> set[str]:
    """What the installed packages bring, that a bare interpreter does not."""
    return loaded_by(code) - loaded_by("pass") - set(sys.stdlib_module_names)


def test_importing_faceml_loads_nothing_else() -> None:
    """How long doors take to open is measured by benchmarks/doors.py."""
    assert others_loaded_by("import faceml") == {"faceml"}


def test_the_help_loads_click_alone() -> None:
    code = "from faceml.cli.main import cli\ntry: cli(['--help'])\nexcept SystemExit: pass"
    assert others_loaded_by(code) == {"faceml", "click"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Path:
    """A folder with a library of two faces and an MLflow store."""
    folder = tmp_path_factory.mktemp("light")
    copyfile(empty_mlflow, folder / "mlflow.db")
    library = library_with(FakePack(), Settings(home=folder / "library", model_pack="opencv-zoo"))
    add_faces(library, people_vectors(1, 2))
    library.close()
    return folder


@pytest.mark.parametrize(("command", "allowed"), LIGHT.items())
def test_a_command_that_looks_or_labels_loads_only_what_it_needs(command: str, allowed: set[str], home: Path) -> None:
    """How long they take is measured by benchmarks/shell.py."""
    places = {"FACEML_HOME": str(home / "library"), "MLFLOW_TRACKING_URI": f"sqlite:///{home / 'mlflow.db'}"}
    code = (
        f"import os; os.environ |= {places}\n"
        "from faceml.cli.main import cli\nfrom faceml.errors import NotFound\n"
        f"try: cli({command.split()!r}, standalone_mode=False)\nexcept NotFound: pass"
    )
    assert loaded_by(code) & HEAVY == allowed


def test_a_sheet_of_faces_loads_no_matplotlib() -> None:
    """It is what each night ends with, and matplotlib costs a quarter of a second."""
    assert "matplotlib" not in loaded_by("import faceml.plots.contact_sheet")


def test_who_writes_a_csv_writes_no_formula() -> None:
    ways = ("csv.writer(", "DictWriter(", ".to_csv(")
    writers = [file for file in MODULES.values() if any(way in file.read_text() for way in ways)]
    assert len(writers) >= 3
    assert [file.name for file in writers if "faceml.csv_cells" not in imports(file)] == []
