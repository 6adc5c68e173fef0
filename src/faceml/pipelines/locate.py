"""Where pipelines' files lie: in `pipelines/` of the working folder, or of faceml's checkout."""

from __future__ import annotations

from pathlib import Path

from faceml.errors import FileNotReadable

CHECKOUT = Path(__file__).resolve().parents[3]


def pipeline_files() -> list[Path]:
    """The files in `pipelines/` here, and those of faceml's checkout that are not here."""
    found: dict[str, Path] = {}
    for folder in _folders():
        for file in sorted(folder.glob("*.yaml")):
            found.setdefault(file.stem, file)
    return list(found.values())


def find_pipeline(name: str) -> Path:
    """The file of a pipeline: as it is named, or `pipelines/NAME.yaml` here or in faceml's checkout."""
    for place in (Path(name), *(folder / f"{name}.yaml" for folder in _folders())):
        if place.is_file():
            return place
    raise FileNotReadable(f"there is no pipeline {name}: name a .yaml file, or one of pipelines/ without its ending")


def _folders() -> tuple[Path, Path]:
    return Path("pipelines"), CHECKOUT / "pipelines"
