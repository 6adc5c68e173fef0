"""How one face differs from photo to photo: turned, mirrored, lit, blurred, partly covered.

Every person of the demo is one photograph, so what varies is what a camera varies, not age or expression: grouping
these faces is easier than grouping a family's. The demo says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from faceml.demo.sources import Portrait

Floats = NDArray[np.float32]
_FADE = 0.22  # share of the head's radius over which its edge fades out
_SQUARENESS = 2.7  # exponent of the head's outline: 2 is an ellipse, more is boxier
_SCARF_COLOUR = np.array([96, 60, 66], dtype=np.float32)
_PILLAR_COLOUR = np.array([58, 66, 62], dtype=np.float32)


class Cover(StrEnum):
    """What hides part of a face."""

    GLASSES = "glasses"
    SCARF = "scarf"
    PILLAR = "pillar"


@dataclass(frozen=True, slots=True)
class FaceLook:
    width_px: float  # of the face's box before it is turned
    turn_deg: float = 0.0  # clockwise
    is_mirrored: bool = False
    aspect: float = 1.0  # above 1 widens: a slight turn of the head
    shear: float = 0.0
    brightness: float = 1.0
    contrast: float = 1.0
    side_light: float = 0.0  # -1 to 1: light from the left or right, the other side in shade
    blur: float = 0.0  # Gaussian sigma as a share of width_px
    cover: Cover | None = None


@dataclass(frozen=True, slots=True)
class Cutout:
    """A head ready to be pasted: its pixels, how opaque each is, and where it lies from the face's centre."""

    rgb: Floats  # (h, w, 3) 0 to 255
    alpha: Floats  # (h, w) 0 to 1
    left: int  # pixels from the face's centre, negative
    top: int


def draw_look(rng: np.random.Generator, *, width_px: float) -> FaceLook:
    """A random look, as strong as a person can still tell who it is."""
    return FaceLook(
        width_px=width_px,
        turn_deg=float(np.clip(rng.normal(0, 10), -24, 24)),
        is_mirrored=bool(rng.random() < 0.4),
        aspect=float(rng.uniform(0.88, 1.12)),
        shear=float(rng.normal(0, 0.06)),
        brightness=float(rng.uniform(0.6, 1.25)),
        contrast=float(rng.uniform(0.7, 1.2)),
        side_light=float(rng.choice([0.0, rng.uniform(-0.5, 0.5)])),
        blur=float(rng.choice([0.0, rng.uniform(0.005, 0.03)])),
        cover=list(Cover)[rng.integers(len(Cover))] if rng.random() < 0.1 else None,
    )


def face_matrix(portrait: Portrait, look: FaceLook) -> NDArray[np.float64]:
    """(2, 2) that takes an offset from the face's centre in the source picture to one in the photo.

    >>> from faceml.demo.sources import PORTRAITS
    >>> face_matrix(PORTRAITS[0], FaceLook(width_px=226.0)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    scale = look.width_px / portrait.face.w
    turn = np.radians(look.turn_deg)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    mirror = -1.0 if look.is_mirrored else 1.0
    shape = np.array([[mirror * look.aspect, look.shear], [0.0, 1.0]])
    return np.asarray(scale * rotation @ shape)


def ellipse_reach(matrix: NDArray[np.float64], width: float, height: float) -> tuple[float, float]:
    """Half width and half height of the upright box around the ellipse inscribed in (width, height), transformed.

    A face is round: the box around its turned *corners* would be up to a third too large.

    >>> ellipse_reach(np.eye(2), 10.0, 20.0)
    (5.0, 10.0)
    """
    radii = np.array([width / 2, height / 2])
    across, down = np.hypot(*(matrix * radii).T)
    return float(across), float(down)


def cut_out(picture: Image.Image, portrait: Portrait, look: FaceLook) -> Cutout:
    """The head of `portrait`, taken from its `picture`, as `look` wants it."""
    matrix = face_matrix(portrait, look)
    face, head = portrait.face, portrait.head
    face_centre = np.array([face.x + face.w / 2, face.y + face.h / 2])
    head_centre = np.array([head.x + head.w / 2, head.y + head.h / 2])
    middle = matrix @ (head_centre - face_centre)
    # The boxier outline is a little wider than the ellipse.
    reach = np.asarray(ellipse_reach(matrix, head.w, head.h), dtype=np.float64) * 1.12 + 2
    left, top = np.floor(middle - reach).astype(int)
    width, height = np.ceil(2 * reach).astype(int) + 1

    back = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    origin = face_centre + back @ np.array([left, top], dtype=float)
    affine = (back[0, 0], back[0, 1], origin[0], back[1, 0], back[1, 1], origin[1])
    size = (int(width), int(height))
    warped = picture.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC)
    rgb = np.asarray(warped, dtype=np.float32)
    ys, xs = np.mgrid[0:height, 0:width]
    source = np.stack([xs, ys], axis=-1) @ back.T + origin
    alpha = _outline(source - head_centre, head.w / 2, head.h / 2)
    in_face = (source - face_centre) / [face.w / 2, face.h / 2]  # -1 to 1 over the face's box
    rgb = _cover(_light(_blur(rgb, look), look, in_face), look, in_face)
    return Cutout(np.clip(rgb, 0, 255), alpha, int(left), int(top))


def _outline(offsets: NDArray[np.float64], half_width: float, half_height: float) -> Floats:
    distance = (np.abs(offsets / [half_width, half_height]) ** _SQUARENESS).sum(axis=-1) ** (1 / _SQUARENESS)
    fade = np.clip((1 - distance) / _FADE, 0, 1)
    return np.asarray(fade * fade * (3 - 2 * fade), dtype=np.float32)


def _blur(rgb: Floats, look: FaceLook) -> Floats:
    if look.blur == 0:
        return rgb
    blurred = Image.fromarray(rgb.astype(np.uint8)).filter(ImageFilter.GaussianBlur(look.blur * look.width_px))
    return np.asarray(blurred, dtype=np.float32)


def _light(rgb: Floats, look: FaceLook, in_face: NDArray[np.float64]) -> Floats:
    ramp = 1 + look.side_light * np.clip(in_face[..., :1], -1, 1)
    return np.asarray((128 + (rgb - 128) * look.contrast) * look.brightness * ramp, dtype=np.float32)


def _cover(rgb: Floats, look: FaceLook, in_face: NDArray[np.float64]) -> Floats:
    """Paint what hides part of the face, in the face's own coordinates, so that it turns with the head."""
    x, y = in_face[..., 0], in_face[..., 1]
    if look.cover is Cover.GLASSES:
        lenses = ((np.abs(np.abs(x) - 0.42) / 0.36) ** 4 + (np.abs(y + 0.16) / 0.17) ** 4 < 1) & (y < 0.1)
        bridge = (np.abs(y + 0.22) < 0.035) & (np.abs(x) < 0.95)
        return np.where((lenses | bridge)[..., None], rgb * 0.25 + 12, rgb).astype(np.float32)
    if look.cover is Cover.SCARF:
        return np.where((y > 0.62 + 0.12 * np.cos(2 * x))[..., None], _SCARF_COLOUR, rgb)
    if look.cover is Cover.PILLAR:
        return np.where((x > 0.62 + 0.1 * y)[..., None], _PILLAR_COLOUR, rgb)
    return rgb
