"""Drawn backgrounds: there is no face in them, and no photograph."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Painter = Callable[[Image.Image, np.random.Generator], None]
Colour = tuple[int, int, int]
_WALLS: tuple[Colour, ...] = ((201, 190, 172), (168, 184, 186), (190, 170, 160), (150, 160, 148), (214, 208, 198))
_HILLS: tuple[Colour, ...] = ((134, 158, 160), (104, 136, 112), (78, 112, 78))


class Scene(StrEnum):
    PLAIN = "plain"
    GRADIENT = "gradient"
    ROOM = "room"
    LIGHTS = "lights"
    LANDSCAPE = "landscape"


def paint(scene: Scene, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """A picture of `size` (width, height) in pixels."""
    picture = _gradient(size, rng, spread={Scene.PLAIN: 8, Scene.LANDSCAPE: 0}.get(scene, 45))
    painters: dict[Scene, Painter] = {Scene.ROOM: _room, Scene.LIGHTS: _lights, Scene.LANDSCAPE: _landscape}
    if scene in painters:
        painters[scene](picture, rng)
    return picture


def _gradient(size: tuple[int, int], rng: np.random.Generator, *, spread: float) -> Image.Image:
    width, height = size
    across, down = rng.uniform(-spread, spread, size=2)
    ramp = np.add.outer(down * np.linspace(-1, 1, height), across * np.linspace(-1, 1, width)).astype(np.float32)
    wall = _WALLS[rng.integers(len(_WALLS))]
    return Image.merge("RGB", [Image.fromarray(np.clip(ramp + c, 0, 255).astype(np.uint8)) for c in wall])


def _room(picture: Image.Image, rng: np.random.Generator) -> None:
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    floor = int(height * rng.uniform(0.72, 0.85))
    draw.rectangle((0, floor, width, height), fill=(124, 98, 76))
    draw.rectangle((0, floor - 8, width, floor), fill=(226, 220, 210))
    left, top = int(width * rng.uniform(0.05, 0.6)), int(height * rng.uniform(0.05, 0.15))
    right, bottom = left + int(width * 0.28), top + int(height * 0.4)
    draw.rectangle((left, top, right, bottom), fill=(188, 212, 226), outline=(240, 238, 232), width=12)
    draw.line(((left + right) // 2, top, (left + right) // 2, bottom), fill=(240, 238, 232), width=9)


def _lights(picture: Image.Image, rng: np.random.Generator) -> None:
    width, height = picture.size
    layer = Image.new("RGB", picture.size, (44, 50, 62))
    draw = ImageDraw.Draw(layer)
    for _ in range(26):
        radius = int(rng.uniform(0.01, 0.045) * width)
        x, y = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        warmth = int(rng.uniform(120, 220))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(warmth, int(warmth * 0.8), warmth // 2))
    picture.paste(Image.blend(picture, layer.filter(ImageFilter.GaussianBlur(5)), 0.75))


def _landscape(picture: Image.Image, rng: np.random.Generator) -> None:
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    for y in range(height):
        share = y / height
        draw.line((0, y, width, y), fill=(int(120 + 100 * share), int(170 + 55 * share), int(225 - 5 * share)))
    x, y, radius = int(width * rng.uniform(0.15, 0.85)), int(height * 0.18), int(height * 0.06)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 240, 196))
    for depth, colour in enumerate(_HILLS):
        draw.polygon([*_ridge(picture.size, depth, rng), (width, height), (0, height)], fill=colour)
    for _ in range(9):
        _tree(draw, int(rng.uniform(0, width)), int(height * rng.uniform(0.82, 0.97)), int(height * 0.09))


def _ridge(size: tuple[int, int], depth: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    width, height = size
    xs = np.linspace(0, width, 60)
    waves = sum(rng.uniform(0.01, 0.05) / k * np.sin(xs / width * np.pi * 2 * k + rng.uniform(0, 6)) for k in (1, 2, 4))
    ys = height * (0.48 + 0.13 * depth + waves)
    return list(zip(xs.astype(int).tolist(), np.asarray(ys).astype(int).tolist(), strict=True))


def _tree(draw: ImageDraw.ImageDraw, x: int, foot: int, tall: int) -> None:
    half, waist = tall // 4, foot - tall // 5
    draw.rectangle((x - tall // 16, waist, x + tall // 16, foot), fill=(92, 72, 56))
    draw.polygon(((x - half, waist), (x + half, waist), (x, foot - tall)), fill=(52, 86, 60))
