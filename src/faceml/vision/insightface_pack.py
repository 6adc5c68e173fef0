"""InsightFace packs: the boxes and embeddings of `insightface.app.FaceAnalysis`, without its other models."""

from __future__ import annotations

import contextlib
import io
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceml.errors import ModelUnavailable, WrongUse
from faceml.records import PackContract
from faceml.vision.crops import CROP_PX
from faceml.vision.detection import SCRFD_MAX_IOU, Detections, decode_scrfd, keep_usable, letterbox
from faceml.vision.insightface_files import LICENCE, PackFiles, fetch_pack, find_pack, has_models, pack_folder
from faceml.vision.sessions import (
    CPU,
    log_once,
    network_input,
    preferred_providers,
    provider_of,
    session_options,
    unit_rows,
)
from faceml.vision.tiles import LEAST_CONFIDENCE, Looks, detect_everywhere

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The specification's 640×640, and InsightFace 2's pass that finds faces which fill the photo.
PASS_SIZES_PX = (128, 640)
SURE = 0.8  # of 100 LFW photos upright faces score 0.82 and more; lying, sideways or on their head 0.79 and less
CPU_CROPS_A_CALL = 8  # a third faster than one by one; more are no faster on a CPU, and take more memory
GPU_CROPS_A_CALL = 64


@dataclass(frozen=True, slots=True)
class InsightFacePack:
    """See `model_packs.FacePack`."""

    contract: PackContract
    provider: str
    _detector: Any  # insightface.model_zoo.SCRFD: how to feed it, and its session
    _recogniser: Any  # insightface.model_zoo.ArcFaceONNX
    _sizes_px: tuple[int, ...]
    _crops_a_call: int

    @classmethod
    def load(cls, name_or_dir: str, *, model_root: Path, provider: str = "auto") -> InsightFacePack:
        folder = pack_folder(name_or_dir, model_root=model_root)
        if not has_models(folder) and folder.name == name_or_dir:
            fetch_pack(name_or_dir, model_root=model_root)
        files = find_pack(name_or_dir, model_root=model_root)
        log_once(logging.WARNING, f"model pack {files.name}: licence: {LICENCE}")
        detector, recogniser = _models(files, provider)
        runs_on = provider_of(files.name, recogniser.session, asked=provider)
        sizes_px, crops_a_call = _pass_sizes(detector, files), _crops_a_call(recogniser, runs_on)
        return cls(files.contract(), runs_on, detector, recogniser, sizes_px, crops_a_call)

    def detect(
        self, image: NDArray[np.uint8], *, min_confidence: float, min_face_size: int, size_px: int | None = None
    ) -> Detections:
        detect_at = partial(self._detect_at, min_confidence=min(min_confidence, LEAST_CONFIDENCE))
        looks = Looks(
            self._at(size_px),
            SCRFD_MAX_IOU,
            inclusive=True,
            min_confidence=min_confidence,
            sure=SURE,
            is_closer=size_px is None,
        )
        found = detect_everywhere(image, detect_at, looks)
        height, width = image.shape[:2]
        return keep_usable(
            found, width=width, height=height, min_confidence=min_confidence, min_face_size=min_face_size
        )

    def _at(self, size_px: int | None) -> tuple[int, ...]:
        if size_px is None or self._sizes_px == (size_px,):
            return self._sizes_px
        if len(self._sizes_px) == 1:
            raise WrongUse(
                f"detection_size={size_px}: the detector of pack {self.contract.name} takes "
                f"{self._sizes_px[0]}×{self._sizes_px[0]} pixels only: leave it at auto"
            )
        return self._sizes_px[0], size_px

    def _detect_at(self, image: NDArray[np.uint8], size_px: int, min_confidence: float) -> Detections:
        model = self._detector
        fitted = letterbox(image, size_px)
        blob = _blob(fitted.canvas[None], model)
        outputs = model.session.run(model.output_names, {model.input_name: blob})
        found = decode_scrfd(
            [one[0] for one in outputs] if model.batched else outputs,
            size_px=size_px,
            strides=model._feat_stride_fpn,
            anchors=model._num_anchors,
            min_confidence=min_confidence,
        )
        return fitted.in_photo(found)

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        model, step = self._recogniser, self._crops_a_call
        blobs = (_blob(crops[at : at + step], model) for at in range(0, len(crops), step))
        rows = [model.session.run(model.output_names, {model.input_name: blob})[0] for blob in blobs]
        return unit_rows(np.concatenate([np.empty((0, self.contract.width), np.float32), *rows]))


def _models(files: PackFiles, provider: str) -> tuple[Any, Any]:
    from insightface.model_zoo import get_model

    settings = {"providers": list(preferred_providers(provider)), "sess_options": session_options()}
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # InsightFace and ONNX Runtime print
            if files.has_manifest:
                folder = str(files.folder)
                return (
                    get_model(folder, model_task="detection", **settings),
                    get_model(folder, model_task="recognition", **settings),
                )
            return get_model(str(files.detector), **settings), get_model(str(files.recogniser), **settings)
    except Exception as error:  # ONNX Runtime's exceptions have no public common base
        raise ModelUnavailable(
            f"model pack {files.name}: ONNX Runtime cannot load the files in {files.folder} "
            f"({type(error).__name__}); fetch them again"
        ) from error


def _pass_sizes(detector: Any, files: PackFiles) -> tuple[int, ...]:
    if not detector.use_kps:
        raise ModelUnavailable(
            f"model pack {files.name}: {files.detector} gives no five points to align by; use another"
        )
    fixed = detector.static_input_size
    if fixed is None:
        return PASS_SIZES_PX
    if fixed[0] != fixed[1]:
        raise ModelUnavailable(
            f"model pack {files.name}: {files.detector} wants {fixed}; only square inputs are supported"
        )
    return (int(fixed[0]),)


def _crops_a_call(recogniser: Any, provider: str) -> int:
    if recogniser.input_size != (CROP_PX, CROP_PX):
        raise ModelUnavailable(
            f"{recogniser.model_file} wants crops of {recogniser.input_size}; only {CROP_PX}×{CROP_PX} is supported"
        )
    if recogniser.input_shape[0] == 1:  # exported with a fixed batch
        return 1
    return CPU_CROPS_A_CALL if provider == CPU else GPU_CROPS_A_CALL


def _blob(images: NDArray[np.uint8], model: Any) -> NDArray[np.float32]:
    """Normalised as the model was trained, in InsightFace's reading of its file or manifest."""
    blob = network_input(images, mean=model.input_mean, std=model.input_std)
    return np.ascontiguousarray(blob, dtype=getattr(model, "input_dtype", np.float32))
