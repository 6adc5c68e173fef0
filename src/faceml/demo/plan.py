"""Which photos the demo holds and who is on them: decided by the seed alone, before anything is painted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np

from faceml.demo.backgrounds import Colour, Scene
from faceml.demo.library import LATER, PHOTOS
from faceml.demo.montage import PhotoPlan, Placement
from faceml.demo.sources import ADMIRAL, ASTRONAUT, PORTRAITS, STRANGER, Portrait
from faceml.demo.variations import draw_look

_FIRST_DAY = datetime(2025, 1, 11, 10, 0)
_SCENES = tuple(Scene)
_PORTRAIT_SIZES = ((480, 600), (400, 400), (720, 540), (600, 800), (800, 800))
_GROUP_SIZES = ((1200, 800), (1024, 768), (1600, 1067), (1280, 960))
_LANDSCAPE_SIZE = (1200, 800)
_GROUPS = (2, 3, 4, 5, 3, 2, 4, 3)  # people on a group photo, over and over
_SHIRTS: tuple[Colour, ...] = ((52, 78, 112), (120, 62, 58), (70, 98, 76), (58, 56, 64), (150, 128, 84), (96, 76, 112))
_TURNED = (6, 8, 3)  # EXIF orientations of cameras held upright and upside down
_FORMATS = {5: ".png", 11: ".webp"}  # by number within the batch; the rest is JPEG


def plan_library(seed: int) -> tuple[PhotoPlan, ...]:
    """First batch (`photos/`), then the photos held back (`later/`), each in the order they were taken."""
    rng = np.random.default_rng(seed)
    first = _casts(rng, PORTRAITS, portraits=6, groups=32, empty=4)
    later = _casts(rng, PORTRAITS, portraits=1, groups=6, empty=1)
    later += [(STRANGER,), (STRANGER, ASTRONAUT), (STRANGER,), (PORTRAITS[0], STRANGER, ADMIRAL)]
    later = [later[i] for i in rng.permutation(len(later))]
    return (
        *_batch(PHOTOS, first, start=_FIRST_DAY, days=210, seed=(seed, 0)),
        *_batch(LATER, later, start=_FIRST_DAY + timedelta(days=240), days=30, seed=(seed, 1)),
    )


def _casts(
    rng: np.random.Generator, people: Sequence[Portrait], *, portraits: int, groups: int, empty: int
) -> list[tuple[Portrait, ...]]:
    """Who is on each photo of a batch, in random order; an empty cast is a landscape."""
    casts: list[tuple[Portrait, ...]] = [(person,) for person in people for _ in range(portraits)]
    # Some are photographed more often than others, as in any album.
    popularity = np.linspace(1.0, 1.8, len(people))[rng.permutation(len(people))]
    for number in range(groups):
        size = _GROUPS[number % len(_GROUPS)]
        chosen = rng.choice(len(people), size=size, replace=False, p=popularity / popularity.sum())
        casts.append(tuple(people[i] for i in chosen))
    casts += [()] * empty
    return [casts[i] for i in rng.permutation(len(casts))]


def _batch(
    folder: str, casts: Sequence[tuple[Portrait, ...]], *, start: datetime, days: int, seed: tuple[int, int]
) -> Iterator[PhotoPlan]:
    for number, cast in enumerate(casts, start=1):
        rng = np.random.default_rng((*seed, number))
        size = _size(rng, len(cast))
        suffix = _FORMATS.get(number, ".jpg")
        is_turned = suffix == ".jpg" and number % 9 == 4
        yield PhotoPlan(
            path=f"{folder}/IMG_{number:04d}{suffix}",
            size=size,
            scene=_SCENES[rng.integers(len(_SCENES))] if cast else Scene.LANDSCAPE,
            placements=tuple(_place(rng, cast, size)),
            taken_at=start + timedelta(days=days * number / len(casts), minutes=int(rng.integers(0, 480))),
            orientation=_TURNED[number // 9 % 3] if is_turned else 1,
            is_grey=bool(rng.random() < 0.12),
            noise=float(rng.choice([0.0, rng.uniform(3, 14)])),
            jpeg_quality=int(rng.integers(72, 95)),
            seed=(*seed, number, 1),
        )


def _size(rng: np.random.Generator, people: int) -> tuple[int, int]:
    if people == 0:
        return _LANDSCAPE_SIZE
    sizes = _PORTRAIT_SIZES if people == 1 else _GROUP_SIZES
    return sizes[rng.integers(len(sizes))]


def _place(rng: np.random.Generator, cast: Sequence[Portrait], size: tuple[int, int]) -> Iterator[Placement]:
    """Stand people side by side, heads apart, alternating a step back and forward."""
    width, height = size
    slot = width / max(1, len(cast))
    for number, portrait in enumerate(cast):
        # A head is about twice as wide as its face: at 0.42 of the slot neighbours do not cover each other.
        widest = min(0.42 * slot, 0.24 * height, 210)
        face_width = float(rng.uniform(0.68, 1.0) * max(widest, 84))
        x = (number + 0.5 + float(rng.uniform(-0.06, 0.06))) * slot
        y = height * (0.44 + (0.06 if number % 2 else -0.02) + float(rng.uniform(-0.03, 0.03)))
        shirt = _SHIRTS[rng.integers(len(_SHIRTS))]
        yield Placement(portrait, draw_look(rng, width_px=face_width), (x, y), shirt)
