"""Where pipelines' files lie: in `pipelines/` of the project's root, or in what faceml ships."""

from __future__ import annotations

from pathlib import Path

from faceml.config import find_root
from faceml.errors import FileNotReadable
from faceml.project import shipped_folder


def pipeline_files() -> list[Path]:
    """The files in the project's `pipelines/`, and those that faceml ships and the project lacks."""
    found: dict[str, Path] = {}
    for folder in _folders():
        for file in sorted(folder.glob("*.yaml")):
            found.setdefault(file.stem, file)
    return list(found.values())


def find_pipeline(name: str) -> Path:
    """The file of a pipeline: as it is named, else `pipelines/NAME.yaml` of the project, else the one faceml ships."""
    for place in (Path(name), *(folder / f"{name}.yaml" for folder in _folders())):
        if place.is_file():
            return place
    raise FileNotReadable(f"there is no pipeline {name}: name a .yaml file, or one of pipelines/ without its ending")


def _folders() -> tuple[Path, Path]:
    root = find_root().folder
    # Relative where it can be: messages and lists show these paths.
    here = Path("pipelines") if root == Path.cwd() else root / "pipelines"
    return here, shipped_folder() / "pipelines"
