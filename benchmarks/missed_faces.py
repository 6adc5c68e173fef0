"""Which faces detection finds, which it misses, and what a closer or a turned look costs: by size, turn and tiles.

Every picture is made of photos in a folder (below it, one person in the middle of each, as in LFW), so it is known how
many faces are on it and where. A find anywhere else counts as besides: somebody in the background of one of these
photos, or a false face; the row of the first look alone says how many there are without the others. The blank and
faceless pictures have nobody, and any find on them is false. Seconds are the processor's, of
detection alone in one thread.

    python benchmarks/missed_faces.py --photos FOLDER --pack opencv-zoo --pack scrfd500m_edgeface_xs \\
        --model-root ROOT --into docs/results/detection.md
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fixtures.left_out import leave_out

from faceml.config import read_settings
from faceml.errors import ModelUnavailable
from faceml.vision import insightface_pack, opencv_zoo
from faceml.vision.image import read_photo
from faceml.vision.model_packs import FacePack, load_pack

MARK = "<!-- measured -->"
HALF = 0.5  # of a planted photo's side, in which its face's middle lies, around its own middle
Place = tuple[float, float, float]  # middle of a planted photo, and its side
Picture = tuple[Any, list[Place]]


@dataclass(frozen=True, slots=True)
class Way:
    name: str
    size_px: int | None
    is_turned: bool = True


WAYS = (
    Way("640, first look alone", 640, False),
    Way("320", 320),
    Way("640", 640),
    Way("1024", 1024),
    Way("1600", 1600),
    Way("auto", None),
)


@dataclass(slots=True)
class Result:
    planted: int = 0
    found: int = 0
    besides: int = 0
    photos: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        of = f"{self.found} of {self.planted}" if self.planted else "–"
        return f"{of} | {self.besides} | {self.seconds / max(1, self.photos):.2f}"


@dataclass(frozen=True, slots=True)
class Scene:
    name: str
    pictures: Callable[[], Iterator[Picture]]
    results: dict[str, Result] = field(default_factory=dict)


def scenes(photos: Sequence[Any], nobody: Sequence[Any]) -> list[Scene]:
    import cv2

    def whole(change: Callable[[Any], Any]) -> Callable[[], Iterator[Picture]]:
        def pictures() -> Iterator[Picture]:
            for photo in photos:
                image = np.ascontiguousarray(change(photo))
                height, width = image.shape[:2]
                yield image, [(width / 2, height / 2, min(width, height))]

        return pictures

    def tilted(degrees: float) -> Callable[[Any], Any]:
        def turn(photo: Any) -> Any:
            height, width = photo.shape[:2]
            return cv2.warpAffine(photo, cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1), (width, height))

        return turn

    def blank() -> Iterator[Picture]:
        yield from ((image, []) for image in nobody)

    one = {
        "as they are": lambda photo: photo,
        **{f"turned by {90 * k}°": lambda photo, k=k: np.rot90(photo, k) for k in (1, 2, 3)},
        "tilted by 30°": tilted(30),
        "tilted by 45°": tilted(45),
        "negative": lambda photo: 255 - photo,
        "four times as large": lambda photo: cv2.resize(photo, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC),
    }
    many = {
        "panorama 10,000×1,000, 20 people": planted(
            photos, 10_000, 1_000, [(i * 500 + 225, 525, 250) for i in range(20)]
        ),
        "the same on its side": planted(photos, 10_000, 1_000, [(i * 500 + 225, 525, 250) for i in range(20)], turns=1),
        "group 6,000×4,000, 20 faces of 150 px": planted(photos, 6_000, 4_000, rows_of(20, 320, 320)),
        "crowd 6,000×4,000, 60 faces of 60 to 140 px": planted(photos, 6_000, 4_000, rows_of(60, 300, 120)),
        "crowd 3,000×2,000, 60 faces of 25 to 60 px": planted(photos, 3_000, 2_000, rows_of(60, 130, 55, width=3_000)),
    }
    return [
        *(Scene(name, whole(change)) for name, change in one.items()),
        *(Scene(name, pictures) for name, pictures in many.items()),
        Scene("nobody on them", blank),
    ]


def rows_of(count: int, front: int, back: int, *, width: int = 6_000) -> list[Place]:
    """A group as it stands: rows of ten, smaller towards the back; a face takes a little under half of its photo."""
    sides = np.linspace(back, front, count // 10) if count > 20 else np.full(count // 10, front)
    tops = np.linspace(width / 12, width * 0.55, len(sides))
    across = np.linspace(width * 0.06, width * 0.94, 10)
    return [(float(x), float(y), float(side)) for y, side in zip(tops, sides, strict=True) for x in across]


def planted(
    photos: Sequence[Any], width: int, height: int, places: list[Place], *, turns: int = 0
) -> Callable[[], Iterator[Picture]]:
    import cv2

    def pictures() -> Iterator[Picture]:
        image = np.full((height, width, 3), (120, 140, 160), np.uint8)
        for number, (x, y, side) in enumerate(places):
            photo = cv2.resize(photos[number * 7 % len(photos)], (int(side), int(side)), interpolation=cv2.INTER_AREA)
            left, top = int(x - side / 2), int(y - side / 2)
            image[top : top + int(side), left : left + int(side)] = photo
        where = [(y, width - x, side) for x, y, side in places] if turns else places
        yield np.ascontiguousarray(np.rot90(image, turns)), where

    return pictures


def faceless() -> list[Any]:
    """Pictures without a person that scikit-image ships, a white page, noise and stripes."""
    import skimage.data

    shipped = ("coffee", "rocket", "brick", "grass", "gravel", "coins", "page", "clock", "text", "immunohistochemistry")
    pictures = []
    for name in shipped:
        try:
            pictures.append(np.asarray(getattr(skimage.data, name)()))
        except Exception:  # some are fetched when first asked for
            continue
    pictures.append(np.random.default_rng(0).integers(0, 255, (480, 640), dtype=np.uint8))
    pictures.append(np.linspace(0, 255, 640, dtype=np.uint8)[None].repeat(480, 0))
    pictures.append(np.full((300, 400), 255, np.uint8))
    return [np.ascontiguousarray(one if one.ndim == 3 else one[..., None].repeat(3, 2))[..., :3] for one in pictures]


def measure(pack: FacePack, scene: Scene, way: Way) -> Result:
    kept = opencv_zoo.SURE, insightface_pack.SURE
    if not way.is_turned:
        opencv_zoo.SURE = insightface_pack.SURE = 0.0  # type: ignore[misc]
    result = Result()
    try:
        for image, places in scene.pictures():
            started = time.thread_time()
            found = pack.detect(image, min_confidence=0.5, min_face_size=20, size_px=way.size_px)
            result.seconds += time.thread_time() - started
            middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
            hits = sum(bool((np.abs(middles - [x, y]).max(axis=1) < side * HALF / 2).any()) for x, y, side in places)
            result.photos += 1
            result.planted += len(places)
            result.found += hits
            result.besides += len(found) - hits
    finally:
        opencv_zoo.SURE, insightface_pack.SURE = kept  # type: ignore[misc]
    return result


def table(pack: str, photos: int, measured: list[Scene]) -> str:
    lines = [
        f"### {pack}, {photos} photos",
        "",
        "| Pictures | Look | Found | Besides | Seconds a photo |",
        "|---|---|---|---|---|",
    ]
    for scene in measured:
        for number, (way, result) in enumerate(scene.results.items()):
            lines.append(f"| {scene.name if not number else ''} | {way} | {result} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder of square photos with one person in the middle of each")
    parser.add_argument("--pack", action="append", help="one of InsightFace's, or opencv-zoo; default: opencv-zoo")
    parser.add_argument("--model-root", type=Path, default=read_settings().model_root.expanduser())
    parser.add_argument("--every", type=int, default=5, help="take every n-th photo")
    parser.add_argument("--way", action="append", help="only these looks, by name")
    parser.add_argument("--scene", action="append", help="only pictures whose name begins so")
    parser.add_argument("--into", type=Path, help="page whose tables are replaced")
    options = parser.parse_args()
    files = sorted(options.photos.rglob("*.jpg"))[:: options.every] if options.photos else []
    if not files:
        leave_out("needs photos with one person in the middle of each: give --photos FOLDER")
    photos, nobody = [read_photo(file) for file in files], faceless()
    ways = [way for way in WAYS if not options.way or way.name in options.way]
    tables = []
    for name in options.pack or ["opencv-zoo"]:
        try:
            pack = load_pack(name, model_root=options.model_root, cache_dir=read_settings().cache_folder)
        except ModelUnavailable as error:
            leave_out(str(error))
        wanted = [
            scene
            for scene in scenes(photos, nobody)
            if not options.scene or scene.name.startswith(tuple(options.scene))
        ]
        for scene in wanted:
            for way in ways:
                scene.results[way.name] = measure(pack, scene, way)
                print(f"{name} | {scene.name} | {way.name} | {scene.results[way.name]}", flush=True)
        tables.append(table(name, len(photos), wanted))
    text = "\n\n".join(tables) + "\n"
    if options.into:
        before = options.into.read_text().partition(MARK)[0] if options.into.exists() else ""
        options.into.write_text(f"{before}{MARK}\n\n{text}")


if __name__ == "__main__":
    main()
