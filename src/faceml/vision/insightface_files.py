"""Where an InsightFace pack's two models lie on disk, and how they get there."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from faceml.errors import ModelUnavailable
from faceml.records import PackContract
from faceml.vision.float_models import sha256_of

LICENCE = "InsightFace: non-commercial research, unless the pack's own files say otherwise"
MATCH_THRESHOLD = 0.25  # best single threshold of a 512-d pack on LFW crops; calibrate it on one's own library
_TIMEOUT_S = 15

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PackFiles:
    """The two models of a pack that faceml uses."""

    name: str
    folder: Path
    detector: Path
    recogniser: Path
    width: int  # D
    has_manifest: bool  # InsightFace's model-package manifest, version 2

    def contract(self) -> PackContract:
        return PackContract(self.name, self.width, sha256_of(self.recogniser), LICENCE, MATCH_THRESHOLD)


def find_pack(name_or_dir: str, *, model_root: Path) -> PackFiles:
    """Look a pack up by name below `model_root/models`, or by the path of its folder.

    Raises:
        ModelUnavailable: no such folder, or no detector or recogniser in it.
    """
    folder = pack_folder(name_or_dir, model_root=model_root)
    if not has_models(folder):
        raise ModelUnavailable(_missing(folder.name, folder, "its files are not on this machine"))
    nested = folder / folder.name  # antelopev2's archive holds a folder of its own name
    folder = nested if not any(folder.glob("*.onnx")) and nested.is_dir() else folder
    try:
        return _manifest_files(folder) or _routed_files(folder)
    except ModelUnavailable:
        raise
    except Exception as error:  # protobuf's, the manifest parser's: all mean unusable files
        raise ModelUnavailable(f"model pack {folder.name}: the files in {folder} are damaged ({error})") from error


def pack_folder(name_or_dir: str, *, model_root: Path) -> Path:
    """A name is looked up below the root; anything with a separator is a path."""
    is_path = os.sep in name_or_dir or "/" in name_or_dir or name_or_dir in (".", "..")
    return Path(name_or_dir).expanduser().resolve() if is_path else model_root.expanduser() / "models" / name_or_dir


def has_models(folder: Path) -> bool:
    return any(folder.glob("*.onnx")) or any((folder / folder.name).glob("*.onnx"))


def fetch_pack(name: str, *, model_root: Path) -> None:
    """Let InsightFace download a pack into `model_root/models`.

    Raises:
        ModelUnavailable: InsightFace has no such pack, or its server is out of reach.
    """
    import requests
    from insightface.utils.storage import ensure_available, model_zoo_download_url

    folder = pack_folder(name, model_root=model_root)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ModelUnavailable(_missing(name, folder, "no pack has such a name"))
    try:
        # Asked first: InsightFace has no timeout, and leaves an empty folder behind that passes for the pack next time.
        answer = requests.head(model_zoo_download_url(f"{name}.zip"), allow_redirects=True, timeout=_TIMEOUT_S)
        if answer.status_code == 404:
            raise ModelUnavailable(
                _missing(name, folder, "it is not there and InsightFace offers no pack of this name")
            )
        answer.raise_for_status()
        log.warning("downloading model pack %s (licence: %s)", name, LICENCE)
        with contextlib.suppress(OSError):
            folder.rmdir()  # empty, from an attempt that failed
        with contextlib.redirect_stdout(io.StringIO()):
            ensure_available("models", name, root=str(model_root.expanduser()))
        _share(folder)
    except ModelUnavailable:
        raise
    except Exception as error:  # requests', zipfile's, and InsightFace's bare RuntimeError
        reason = f"it is not there and downloading it failed ({type(error).__name__})"
        raise ModelUnavailable(_missing(name, folder, reason)) from error


def _share(folder: Path) -> None:
    """Weights are nobody's secret: other users of this machine may read what was fetched for all."""
    for path in (folder, *folder.rglob("*")) if folder.is_dir() else ():
        path.chmod(0o755 if path.is_dir() else 0o644)


def _missing(name: str, folder: Path, reason: str) -> str:
    return (
        f"model pack {name}: looked in {folder}: {reason}; "
        f"put the pack's .onnx files there, or use FACEML_MODEL_PACK=opencv-zoo, which needs no download"
    )


def _manifest_files(folder: Path) -> PackFiles | None:
    from insightface.model_zoo import has_model_package_manifest, load_model_package

    if not has_model_package_manifest(folder):
        return None
    package = load_model_package(folder)
    detector, recogniser = package.task("detection"), package.task("recognition")
    width = int(recogniser.metadata["embedding_dimension"])
    return PackFiles(folder.name, folder, detector.path, recogniser.path, width, has_manifest=True)


def _routed_files(folder: Path) -> PackFiles:
    """As InsightFace's ModelRouter does: of the files in name order, the first of each task."""
    first: dict[str, tuple[Path, int]] = {}
    for path in sorted(folder.glob("*.onnx")):
        task, width = _task_and_width(path)
        first.setdefault(task, (path, width))
    for part in ("detector", "recogniser"):
        if part not in first:
            raise ModelUnavailable(f"model pack {folder.name}: no {part} among the .onnx files in {folder}; add it")
    (detector, _), (recogniser, width) = first["detector"], first["recogniser"]
    return PackFiles(folder.name, folder, detector, recogniser, width, has_manifest=False)


def _task_and_width(path: Path) -> tuple[str, int]:
    """What a model is for, by its inputs and outputs, and how wide its last output is; of a recogniser that is D."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    weights = {one.name for one in graph.initializer}
    inputs = [one for one in graph.input if one.name not in weights]
    sides = [dimension.dim_value for dimension in inputs[0].type.tensor_type.shape.dim]
    height, width = sides[2:4] if len(sides) == 4 else (0, 0)
    last = graph.output[0].type.tensor_type.shape.dim
    if len(graph.output) >= 5:
        task = "detector"
    elif len(inputs) == 1 and height == width and height >= 112 and height % 16 == 0 and height != 192:
        task = "recogniser"
    else:
        task = "another"  # 192 pixels a side are landmarks
    return task, last[-1].dim_value if last else 0
