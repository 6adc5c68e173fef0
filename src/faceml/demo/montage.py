"""A photo of the demo: what is on it (pure geometry), and how it is painted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from PIL import Image, ImageDraw

from faceml.demo.backgrounds import Colour, Scene, paint
from faceml.demo.sources import Portrait
from faceml.demo.variations import Cutout, FaceLook, cut_out, ellipse_reach, face_matrix
from faceml.records import BBox


@dataclass(frozen=True, slots=True)
class Placement:
    portrait: Portrait
    look: FaceLook
    centre: tuple[float, float]  # of the face, upright pixels
    shirt: Colour


@dataclass(frozen=True, slots=True)
class PhotoPlan:
    """Everything that decides a photo's bytes, so that any photo can be made alone and at any time."""

    path: str  # relative to the demo's folder; the suffix decides the format
    size: tuple[int, int]  # upright width and height in pixels
    scene: Scene
    placements: tuple[Placement, ...]  # back to front
    taken_at: datetime
    orientation: int  # EXIF tag 274: 1 stored upright, 3, 6 or 8 stored turned
    is_grey: bool
    noise: float  # standard deviation, of 255
    jpeg_quality: int
    seed: tuple[int, ...]  # of the background and the noise


def truth_box(placement: Placement, size: tuple[int, int]) -> BBox:
    """The face's box on the upright photo, clipped to it."""
    across, down = ellipse_reach(
        face_matrix(placement.portrait, placement.look), placement.portrait.face.w, placement.portrait.face.h
    )
    x, y = placement.centre
    left, top = max(0, round(x - across)), max(0, round(y - down))
    right, bottom = min(size[0], round(x + across)), min(size[1], round(y + down))
    return BBox(left, top, right - left, bottom - top)


def render(plan: PhotoPlan, pictures: Mapping[str, Image.Image]) -> Image.Image:
    """Paint the upright photo; `pictures` holds the source picture of each person's name."""
    rng = np.random.default_rng(plan.seed)
    canvas = paint(plan.scene, plan.size, rng)
    for placement in plan.placements:
        _dress(canvas, placement)
        _paste(canvas, cut_out(pictures[placement.portrait.person], placement.portrait, placement.look), placement)
    return _develop(canvas, plan, rng)


def _dress(canvas: Image.Image, placement: Placement) -> None:
    """Draw shoulders, so that no head hangs in the air."""
    draw = ImageDraw.Draw(canvas)
    x, y = placement.centre
    face, wide = placement.portrait.face, placement.look.width_px
    tall = wide * face.h / face.w
    neck, shoulder = y + 0.3 * tall, y + 0.78 * tall
    draw.rounded_rectangle((x - 0.3 * wide, neck, x + 0.3 * wide, shoulder + 0.3 * tall), 0.2 * wide, (176, 138, 116))
    draw.ellipse((x - 1.15 * wide, shoulder, x + 1.15 * wide, shoulder + 2.2 * tall), fill=placement.shirt)
    if shoulder + 1.1 * tall < canvas.height:
        draw.rectangle((x - 1.15 * wide, shoulder + 1.1 * tall, x + 1.15 * wide, canvas.height), fill=placement.shirt)


def _paste(canvas: Image.Image, cutout: Cutout, placement: Placement) -> None:
    head = Image.fromarray(cutout.rgb.astype(np.uint8))
    mask = Image.fromarray((cutout.alpha * 255).astype(np.uint8))
    x, y = placement.centre
    canvas.paste(head, (round(x) + cutout.left, round(y) + cutout.top), mask)


def _develop(canvas: Image.Image, plan: PhotoPlan, rng: np.random.Generator) -> Image.Image:
    if plan.is_grey:
        canvas = canvas.convert("L").convert("RGB")
    if plan.noise == 0:
        return canvas
    # The same grain in all three channels, as of a small sensor: coloured noise looks like a broken file.
    grain = rng.standard_normal(canvas.size[::-1], dtype=np.float32)[..., None] * plan.noise
    return Image.fromarray(np.clip(np.asarray(canvas) + grain, 0, 255).astype(np.uint8))
