"""Model packs by name: what one promises, and how to get it (DESIGN D1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faceml.records import PackContract
    from faceml.vision.detection import Detections
    from faceml.vision.quality import QualityModel

OPENCV_ZOO = "opencv-zoo"


class FacePack(Protocol):
    """A detector and a recogniser that belong together; safe to call from several threads."""

    @property
    def contract(self) -> PackContract:
        """What embeddings of this pack are worth to others."""

    @property
    def provider(self) -> str:
        """Where it runs, as ONNX Runtime's session reports it, e.g. `CPUExecutionProvider`."""

    def detect(
        self, image: NDArray[np.uint8], *, min_confidence: float, min_face_size: int, size_px: int | None = None
    ) -> Detections:
        """Find faces, best first.

        Args:
            image: (H, W, 3) RGB, upright.
            min_confidence: 0 to 1.
            min_face_size: pixels, for width and height.
            size_px: side of the square that a photo is shrunk or enlarged to; None: the pack's own, and closer looks
                where faces are small.
        Raises:
            WrongUse: the detector takes pictures of another size only.
        """

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, 112, 112, 3) aligned RGB crops → (N, D) unit rows, N >= 0."""


@dataclass(frozen=True, slots=True)
class RatedPack:
    """A pack with a model of the user's own that rates the faces it finds."""

    pack: FacePack
    rater: QualityModel

    @property
    def contract(self) -> PackContract:
        return self.pack.contract

    @property
    def provider(self) -> str:
        return self.pack.provider

    def detect(
        self, image: NDArray[np.uint8], *, min_confidence: float, min_face_size: int, size_px: int | None = None
    ) -> Detections:
        return self.pack.detect(image, min_confidence=min_confidence, min_face_size=min_face_size, size_px=size_px)

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.pack.embed(crops)


def rater_of(pack: FacePack) -> QualityModel | None:
    return pack.rater if isinstance(pack, RatedPack) else None


class Packs(Protocol):
    """The models that a library works with."""

    def load(self) -> FacePack:
        """Raises ModelUnavailable, ModelMismatch."""

    def contract(self) -> PackContract:
        """What they promise. Raises ModelUnavailable."""

    def source(self) -> PackSource:
        """From where another process opens the same."""


@dataclass(frozen=True, slots=True)
class PackSource:
    """The arguments of `load_pack`, and the model that rates faces."""

    name_or_dir: str
    model_root: Path
    cache_dir: Path
    provider: str = "auto"
    quality_model: str = ""  # its file; empty: faces are not rated

    def load(self) -> FacePack:
        """Raises ModelUnavailable, WrongUse."""
        from faceml.vision.quality import QualityModel

        rater = QualityModel.load(Path(self.quality_model), provider=self.provider) if self.quality_model else None
        pack = load_pack(self.name_or_dir, model_root=self.model_root, cache_dir=self.cache_dir, provider=self.provider)
        return RatedPack(pack, rater) if rater else pack


def load_pack(name_or_dir: str, *, model_root: Path, cache_dir: Path, provider: str = "auto") -> FacePack:
    """Open a pack, fetching it where it can be fetched.

    Args:
        name_or_dir: `opencv-zoo`; or the name of an InsightFace pack below `model_root/models`, downloaded to there
            where InsightFace offers it (`buffalo_l`); or the path of a folder with a pack's ONNX files.
        model_root: an InsightFace root, usually `~/.insightface`.
        cache_dir: converted models are kept here.
        provider: where they run, as `FACEML_PROVIDER` has it.

    Raises:
        ModelUnavailable: the weights are neither here nor to be had.
        WrongUse: this ONNX Runtime does not offer the provider.
    """
    if name_or_dir == OPENCV_ZOO:
        from faceml.vision.opencv_zoo import OpenCVZooPack

        return OpenCVZooPack.load(model_root=model_root, cache_dir=cache_dir, provider=provider)
    from faceml.vision.insightface_pack import InsightFacePack

    return InsightFacePack.load(name_or_dir, model_root=model_root, provider=provider)


def read_contract(name_or_dir: str, *, model_root: Path) -> PackContract:
    """A pack's contract without opening its models; nothing is downloaded.

    Raises:
        ModelUnavailable: the weights are not on this machine.
    """
    if name_or_dir == OPENCV_ZOO:
        from faceml.vision.opencv_zoo import find_weights

        return find_weights(model_root).contract()
    from faceml.vision.insightface_files import find_pack

    return find_pack(name_or_dir, model_root=model_root).contract()
