"""What the picture of a face is worth, each thing by a number of its own: sharpness, pose, light, what hides it.

All is read off the aligned crop, in which eyes are 35 pixels apart, and off the five points: so a face is as sharp as
its eyes are, however large the photo, and a small one that had to be enlarged is not sharp. `quality_score` is
another thing, and the specification's (`vision.detection`). Who has a model that rates faces may add its word, see
`QualityModel`.

By some of the measures a picture is refused that somebody is to be known by, see `look_at`.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from faceml.errors import ModelUnavailable, UnreadablePhoto
from faceml.photo_files import RAW_SUFFIXES, VIDEO_SUFFIXES
from faceml.records import BBox, FoundFace, Measures, Rating
from faceml.vision.crops import CROP_PX

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from faceml.vision.model_packs import FacePack

# Rows and columns of a crop.
EYES = (slice(40, 66), slice(22, 90))
MOUTH = (slice(80, 106), slice(32, 80))
FACE = (slice(30, 108), slice(20, 92))
BLUR_PX = 9  # a quarter of the distance between the eyes
# How far the points lie in front of the eyes, in crop pixels of 1.8 mm: the nose's tip 30 mm, the mouth's corners 5.
FRONTAL = np.array(
    [[37.6, 52.2], [74.4, 52.2], [56.0, 73.4], [40.4, 90.7], [71.6, 90.7]]
)  # two detectors' mean, on LFW
DEPTHS = np.array([0.0, 0.0, 17.0, 3.0, 3.0])
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a face looks, degrees."""

    yaw: NDArray[np.float64]  # (N,) -180 to 180: towards the right edge of the (upright) photo is positive
    pitch: NDArray[np.float64]  # (N,) -90 to 90: upwards is positive
    roll: NDArray[np.float64]  # (N,) -180 to 180: the head tilted clockwise is positive


def measure_faces(crops: NDArray[np.uint8], kps: NDArray[np.float32]) -> tuple[Measures, ...]:
    """All measures of some faces.

    Args:
        crops: (N, 112, 112, 3) aligned RGB, see `crops.align_faces`.
        kps: (N, 5, 2) of the photo that they were cut out of.
    """
    if not len(crops):
        return ()
    grey = crops @ LUMA
    pose = head_pose(kps)
    columns = (sharpness(grey), pose.yaw, pose.pitch, pose.roll, exposure(grey), occlusion(grey))
    return tuple(Measures(*(round(float(value), 3) for value in row)) for row in zip(*columns, strict=True))


def sharpness(grey: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) how sharp the eyes are, 0 to 1: the share of the differences between neighbours that a blur takes away.

    1 less the blur of Crété-Roffet et al., "The Blur Effect: Perception and Estimation with a New No-reference
    Perceptual Blur Metric" (2007), of the band around the eyes: blurring again what is blurred changes little.
    The worse of both directions counts. A flat band has 0.

    Args:
        grey: (N, 112, 112) crops, 0 to 255.
    """
    eyes = grey[:, *EYES].astype(np.float64)
    return np.minimum(_kept_from_blur(eyes), _kept_from_blur(eyes.transpose(0, 2, 1)))


def _kept_from_blur(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) by a blur down the rows; differences are Sobel's, without the outermost pixels, which lack neighbours."""
    around = np.pad(images, ((0, 0), (BLUR_PX // 2 + 1, BLUR_PX // 2), (0, 0)), mode="symmetric")
    sums = np.cumsum(around, axis=1)
    blurred = (sums[:, BLUR_PX:] - sums[:, :-BLUR_PX]) / BLUR_PX
    steps, left = _sobel(images), _sobel(blurred)
    lost, total = np.maximum(0.0, steps - left).sum(axis=(1, 2)), steps.sum(axis=(1, 2))
    return np.asarray(np.where(total > 0, lost / np.maximum(total, 1e-9), 0.0))


def _sobel(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, H - 3, W - 3) absolute differences down the rows, smoothed across."""
    down = images[:, 3:-1] - images[:, 1:-3]
    return np.abs(down[:, :, 1:-3] + 2 * down[:, :, 2:-2] + down[:, :, 3:-1])


def head_pose(kps: NDArray[np.float32]) -> Pose:
    """Yaw, pitch and roll of heads, from their five points.

    The scaled orthography of DeMenthon and Davis, "Model-Based Object Pose in 25 Lines of Code" (1995), without its
    iterations: a mean face, turned, scaled and seen from afar, is fitted to the points by least squares. Its depths
    are a mean adult's, so a person's own nose moves pitch by some degrees.

    Args:
        kps: (N, 5, 2) photo pixels.
    """
    model = np.column_stack([FRONTAL, -DEPTHS])  # x to the right, y down, z away from the camera
    model = model - model.mean(axis=0)
    points = kps.astype(np.float64) - kps.mean(axis=1, keepdims=True)
    linear = points.transpose(0, 2, 1) @ np.linalg.pinv(model).T  # (N, 2, 3)
    left, _, right = np.linalg.svd(linear, full_matrices=False)
    across, down = (left @ right).transpose(1, 0, 2)  # the nearest two rows of a rotation
    away = np.cross(across, down)
    # The rotation is roll · pitch · yaw: how a head is tilted is read off the line from its eyes to its mouth.
    return Pose(
        yaw=np.degrees(np.arctan2(away[:, 0], away[:, 2])),
        pitch=-np.degrees(np.arcsin(np.clip(away[:, 1], -1, 1))),
        roll=np.degrees(np.arctan2(-across[:, 1], down[:, 1])),
    )


def exposure(grey: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) how light the face is, 0 to 1: the median of its pixels; below 0.15 it is dark, above 0.85 burnt out.

    Args:
        grey: (N, 112, 112) crops, 0 to 255.
    """
    return np.asarray(np.median(grey[:, *FACE].astype(np.float64), axis=(1, 2)) / 255)


def occlusion(grey: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) a hint that something hides the eyes or the mouth, 0 (nothing) to 1 (one of them shows nothing at all).

    1 less the contrast (standard deviation) around the eyes, or the mouth, whichever is less, over that of the whole
    face: dark glasses and masks are plain. Hair, hands and beards go unnoticed.

    Args:
        grey: (N, 112, 112) crops, 0 to 255.
    """
    whole = grey[:, *FACE].astype(np.float64).std(axis=(1, 2))
    least = np.minimum(*(grey[:, *part].astype(np.float64).std(axis=(1, 2)) for part in (EYES, MOUTH)))
    return np.asarray(np.clip(1 - least / np.maximum(whole, 1e-9), 0, 1))


# --- a model of the user's own

SETTING = "FACEML_QUALITY_MODEL"
FINGERPRINT = 12  # of the 64 hex digits of a file's SHA-256
POINTER = b"version https://git-lfs"  # how the file that Git has in place of a large one begins


class QualityModel:
    """A network that rates aligned crops by one number each, higher is better; safe to call from several threads.

    The format is that of eDifFIQA in the OpenCV zoo (Babnik et al., "eDifFIQA: Towards Efficient Face Image Quality
    Assessment Based on Denoising Diffusion Probabilistic Models", 2024): (N, 3, 112, 112) RGB crops, each value x as
    (x / 255 - 0.5) / 0.5.
    """

    def __init__(self, session: InferenceSession, name: str, *, one_by_one: bool) -> None:
        self._session, self.name, self._one_by_one = session, name, one_by_one
        self._input = session.get_inputs()[0].name

    @classmethod
    def load(cls, file: Path, *, provider: str = "auto") -> QualityModel:
        """
        Raises:
            ModelUnavailable: there is no such file, or it does not rate crops.
            WrongUse: as of `sessions.open_session`.
        """
        from faceml.vision.sessions import open_session

        try:
            content = file.read_bytes()
        except OSError as error:
            raise ModelUnavailable(
                f"{SETTING}={file} cannot be read ({error.strerror}): give the path of an .onnx file, or leave it empty"
            ) from error
        if content.startswith(POINTER):
            raise ModelUnavailable(f"{SETTING}={file} is Git's pointer to a model: fetch it by `git lfs pull`")
        name = f"{file.stem}@{hashlib.sha256(content).hexdigest()[:FINGERPRINT]}"
        with contextlib.suppress(ModelUnavailable):
            session = open_session(content, provider=provider)
            for model in (cls(session, name, one_by_one=False), cls(session, name, one_by_one=True)):
                with contextlib.suppress(Exception):  # ONNX Runtime's have no public common base
                    model.rate(np.zeros((2, CROP_PX, CROP_PX, 3), np.uint8))
                    return model
        raise ModelUnavailable(
            f"{SETTING}={file} does not rate faces (N×3×112×112 numbers in, N out): give a model in the format of "
            "eDifFIQA of the OpenCV zoo"
        )

    def rate(self, crops: NDArray[np.uint8]) -> tuple[Rating, ...]:
        """(N, 112, 112, 3) aligned RGB, see `crops.align_faces`; one by one where the network takes one at a time."""
        from faceml.vision.sessions import network_input

        if not len(crops):
            return ()
        values = network_input(crops, mean=127.5, std=127.5)
        pieces = np.split(values, len(values)) if self._one_by_one else [values]
        found = [np.asarray(self._session.run(None, {self._input: piece})[0]).reshape(-1) for piece in pieces]
        numbers = np.concatenate(found).astype(np.float64)
        if len(numbers) != len(crops):
            raise ValueError(f"{len(numbers)} numbers for {len(crops)} crops")
        return tuple(Rating(round(one, 6) if np.isfinite(one) else None, self.name) for one in numbers.tolist())


# --- pictures that somebody is to be known by

SMALLEST_PX = 32  # a side of the box: at 28 pixels a face has a cosine of 0.91 with itself at 95, at 42 of 0.98
BLURRED = 0.3  # sharpness: blurred so far, faces have a cosine of 0.75 with themselves as they were
SUFFIXES = {"HEIF": ".heic", "MPO": ".jpg", "JPEG": ".jpg", "TIFF": ".tif"}  # by Pillow's formats; else their own name


class Refusal(StrEnum):
    """Why a picture enrols nobody."""

    NOT_A_PICTURE = "not_a_picture"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    NO_SUCH_FACE = "no_such_face"
    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    TWICE = "twice"
    ALREADY_THEIRS = "already_theirs"
    DECIDED_OTHERWISE = "decided_otherwise"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is on a picture."""

    width: int = 0  # upright pixels; 0: no picture
    height: int = 0
    boxes: tuple[BBox, ...] = ()  # from left to right
    face: BBox | None = None  # by which somebody may be known; None: refused
    suffix: str = ""  # of a file with this content
    refused: Refusal | None = None
    reason: str | None = None  # with the fix


def look_at(content: bytes, name: str, pack: FacePack, *, face: int | None = None) -> Seen:
    """Find the one face of a picture, and judge whether somebody may be known by it.

    Args:
        content: of the file.
        name: of the file, for its kind alone.
        face: which of several faces is meant, 1 being the leftmost.
    """
    from faceml.vision.image import load_photo, open_header
    from faceml.vision.stream import find_faces_in

    try:
        if PurePath(name).suffix.lower() in RAW_SUFFIXES | VIDEO_SUFFIXES:
            raise UnreadablePhoto("raw photos and videos are taken in by `faceml ingest`: send a JPEG")
        photo = load_photo(content)
        with open_header(content) as header:
            suffix = SUFFIXES.get(header.format or "", f".{header.format}".lower())
    except UnreadablePhoto as error:
        return Seen(refused=Refusal.NOT_A_PICTURE, reason=str(error))
    found = sorted(find_faces_in(photo, pack), key=lambda each: (each.bbox.x, each.bbox.y))
    boxes, (height, width) = tuple(each.bbox for each in found), photo.pixels.shape[:2]
    fault = _which_is_meant(len(found), face) or _fault(found[(face or 1) - 1])
    if fault:
        return Seen(width, height, boxes, suffix=suffix, refused=fault[0], reason=fault[1])
    return Seen(width, height, boxes, boxes[(face or 1) - 1], suffix)


def _which_is_meant(count: int, face: int | None) -> tuple[Refusal, str] | None:
    if not count:
        return Refusal.NO_FACE, "no face was found on it: send one that shows the face larger, and from the front"
    if face is not None and face > count:
        return Refusal.NO_SUCH_FACE, f"it shows {count} faces: face={face} is not among them"
    if face is None and count > 1:
        which = f"say which is meant, face=1 (leftmost) to {count}, or send one that shows them alone"
        return Refusal.SEVERAL_FACES, f"it shows {count} faces: {which}"
    return None


def _fault(face: FoundFace) -> tuple[Refusal, str] | None:
    width, height = face.bbox.w, face.bbox.h
    if min(width, height) < SMALLEST_PX:
        return (
            Refusal.TOO_SMALL,
            f"the face has {width}×{height} pixels, {SMALLEST_PX} a side are needed: send a larger one",
        )
    if face.measures is not None and face.measures.sharpness < BLURRED:
        sharp = f"sharpness {face.measures.sharpness:.2f}, {BLURRED} is needed"
        return Refusal.BLURRED, f"the eyes are blurred ({sharp}): send a sharper one"
    return None
