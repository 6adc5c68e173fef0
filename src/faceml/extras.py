"""Which extra brings a package that faceml imports, and one clear line where it is not installed.

The core needs no extra; each part of faceml imports its packages where it uses them. Python asks `sys.meta_path` in
order, so the finder below is asked last, for what nobody found; it speaks up only for imports in faceml's own code.
"""

from __future__ import annotations

import sys
from types import FrameType

from faceml.errors import MissingExtra

BROUGHT_BY = {  # importable names; the distributions are in pyproject.toml
    "notebooks": "anywidget cronsim ipywidgets IPython jupyter_client jupyter_core "
    "matplotlib mlflow optuna pandas papermill plotly tzlocal yaml",
    "train": "pytorch_lightning pytorch_metric_learning torch",
    "serve": "fastapi fastapi_offline httptools prometheus_client pydantic starlette uvicorn",
    "jobs": "redis rq",
    "raw": "pillow_jxl rawpy",
    "video": "av",
    "ray": "ray",
    "cpu": "onnxruntime",
}
EXTRA_OF = {package: extra for extra, packages in BROUGHT_BY.items() for package in packages.split()}
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
