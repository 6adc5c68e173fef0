"""Where a pipeline's file lies."""

from __future__ import annotations

from pathlib import Path

from faceml.errors import FileNotReadable


def find_pipeline(name: str) -> Path:
    """The file of a pipeline: as it is named, or `pipelines/NAME.yaml` here or in faceml's checkout."""
    checkout = Path(__file__).resolve().parents[3]
    places = [Path(name), Path("pipelines") / f"{name}.yaml", checkout / "pipelines" / f"{name}.yaml"]
    for place in places:
        if place.is_file():
            return place
    raise FileNotReadable(f"there is no pipeline {name}: name a .yaml file, or one of pipelines/ without its ending")
