"""Which extra brings a package that faceml imports, and one clear line where it is not installed.

The core needs no extra; each part of faceml imports its packages where it uses them. Python asks `sys.meta_path` in
order, so the finder below is asked last, for what nobody found; it speaks up only for imports in faceml's own code.
"""

from __future__ import annotations

import sys
from types import FrameType

from faceml.errors import MissingExtra

EXTRA_OF = {
    "IPython": "notebooks",
    "anywidget": "notebooks",
    "apscheduler": "notebooks",
    "ipywidgets": "notebooks",
    "jupyter_client": "notebooks",
    "jupyter_core": "notebooks",
    "matplotlib": "notebooks",
    "mlflow": "notebooks",
    "papermill": "notebooks",
    "yaml": "notebooks",
    "pytorch_lightning": "train",
    "pytorch_metric_learning": "train",
    "torch": "train",
    "fastapi": "serve",
    "prometheus_client": "serve",
    "pydantic": "serve",
    "starlette": "serve",
    "uvicorn": "serve",
    "redis": "jobs",
    "rq": "jobs",
    "onnxruntime": "cpu",
}
OURS = {"faceml", "serving"}
INSIGHTFACE = "pip install --no-deps insightface==2.1, or set FACEML_MODEL_PACK=opencv-zoo"


class MissingExtraFinder:
    """Finds nothing; says what to install."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        del path, target
        importer = _importer() if name in EXTRA_OF or name == "insightface" else ""
        if importer.partition(".")[0] not in OURS:
            return
        if name == "insightface":  # its opencv-python collides with the headless one, so it can be in no extra
            raise MissingExtra(f"{importer} needs insightface: {INSIGHTFACE}", name=name)
        extra = EXTRA_OF[name]
        raise MissingExtra(f"{importer} needs faceml[{extra}]: pip install 'faceml[{extra}]'", name=name)


def _importer() -> str:
    """The module whose import this is; empty where somebody only asks whether there is such a package."""
    frame = sys._getframe(2)
    while frame.f_back is not None and _name_of(frame).startswith(("importlib", "_frozen_importlib")):
        if frame.f_code.co_name == "find_spec":  # importlib.util's
            return ""
        frame = frame.f_back
    return _name_of(frame)


def _name_of(frame: FrameType) -> str:
    spec = frame.f_globals.get("__spec__")  # `python -m serving` runs as __main__, but its spec knows better
    return str(getattr(spec, "name", None) or frame.f_globals.get("__name__", ""))
