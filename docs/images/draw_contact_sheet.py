"""The README's contact sheet, made by what it shows: `python docs/images/draw_contact_sheet.py contact-sheet.png`.

A picture in the project shows only two faces that may be shown, both of works in the public domain; every other face
is pixelated past recognition, judged face by face: a wrong one in a cluster stays hidden too.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from faceml.demo.build import build_demo
from faceml.demo.library import TRUTH, DemoPhotos
from faceml.demo.sources import ADMIRAL, ASTRONAUT
from faceml.errors import FacemlError
from faceml.identity.hdbscan.exact import fit
from faceml.library import Library
from faceml.plots.contact_sheet import SheetRow, contact_sheet, pixelated
from faceml.records import BBox, Face, FoundFace
from faceml.storage.known_labels import KnownLabel, read_known_labels
from faceml.vision.crops import face_thumbnail
from faceml.vision.image import read_photo
from faceml.vision.model_packs import OPENCV_ZOO, load_pack
from faceml.vision.stream import find_faces

MAY_BE_SHOWN = frozenset({ASTRONAUT.person, ADMIRAL.person})
_COLUMNS, _MIN_QUALITY, _MIN_IOU = 12, 0.5, 0.35


@dataclass(frozen=True, slots=True)
class ShownFace:
    """A found face, who it is in truth, and its picture: pixelated unless it may be shown."""

    person: str | None  # None where the truth knows no face
    quality: float
    embedding: NDArray[np.float32]  # (D,) unit
    thumbnail: NDArray[np.uint8]


def draw(folder: Path) -> Image.Image:
    """Build the demo in `folder`, find and cluster its faces, and draw the clusters."""
    library = build_demo(folder)
    faces = _look(library, cache_dir=folder / "models")
    labels = fit(np.stack([face.embedding for face in faces])).labels.tolist()
    groups = [[face for face, label in zip(faces, labels, strict=True) if label == n] for n in range(max(labels) + 1)]
    noise = [face for face, label in zip(faces, labels, strict=True) if label < 0]
    rows = [_row(_most_common(group), group) for group in sorted(groups, key=len, reverse=True)]
    rows.sort(key=lambda row: row.title not in MAY_BE_SHOWN)  # what can be seen comes first
    title = f"{len(faces)} faces on {len(list(library.photos.iterdir()))} photos, grouped into {len(groups)} people"
    return contact_sheet([*rows, _row("Left over", noise)] if noise else rows, columns=_COLUMNS, title=title)


def _look(library: DemoPhotos, *, cache_dir: Path) -> list[ShownFace]:
    pack = load_pack(OPENCV_ZOO, model_root=Path.home() / ".insightface", cache_dir=cache_dir)
    photos = sorted(library.photos.iterdir())
    truth = read_known_labels(library.truth)
    shown: list[ShownFace] = []
    for found in find_faces(enumerate(photos), pack):
        path = photos[found.asset_id]
        here = [face for face in truth if face.path == path.resolve()]
        pixels = read_photo(path)
        shown += [_show(pixels, face, here) for face in found.faces if face.quality_score >= _MIN_QUALITY]
    return shown


def _show(pixels: NDArray[np.uint8], face: FoundFace, truth: Sequence[KnownLabel]) -> ShownFace:
    person = who(face.bbox, truth)
    thumbnail = face_thumbnail(pixels, face.bbox)
    picture = thumbnail if person in MAY_BE_SHOWN else pixelated(thumbnail)
    return ShownFace(person, face.quality_score, face.embedding, picture)


def who(bbox: BBox, truth: Sequence[KnownLabel]) -> str | None:
    """The person whose true box this one is, if any."""
    overlaps = [(known.bbox.iou(bbox), known.person) for known in truth if known.bbox]
    return next((person for iou, person in sorted(overlaps, reverse=True) if iou >= _MIN_IOU), None)


def unpublishable(library: Library, demo: Path) -> Callable[[Face], bool]:
    """Which faces of the demo's library a published picture has to pixelate: all but the two that may be shown.

    Args:
        demo: the folder that `build_demo` made.
    """
    truth = read_known_labels(demo / TRUTH)
    with library.repository.read() as unit:
        paths = {row.face_id: Path(row.path) for row in unit.export_rows()}

    def must_hide(face: Face) -> bool:
        path = paths.get(str(face.id))
        here = [known for known in truth if path is not None and known.path == path.resolve()]
        return who(face.bbox, here) not in MAY_BE_SHOWN

    return must_hide


def _most_common(group: Sequence[ShownFace]) -> str:
    names = [face.person or "nobody" for face in group]
    return max(sorted(set(names)), key=names.count)


def _row(title: str, group: Sequence[ShownFace]) -> SheetRow:
    best = sorted(group, key=lambda face: -face.quality)
    quality = float(np.mean([face.quality for face in group]))
    return SheetRow(title, [face.thumbnail for face in best[:_COLUMNS]], len(group), quality)


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("usage: python docs/images/draw_contact_sheet.py FILE.png", file=sys.stderr)
        return 2
    file = Path(arguments[0])
    try:
        with tempfile.TemporaryDirectory() as folder:
            picture = draw(Path(folder))
    except FacemlError as error:
        print(error, file=sys.stderr)
        return 1
    file.parent.mkdir(parents=True, exist_ok=True)
    # 256 colours: a third of the size, and no difference at this size of thumbnail.
    picture.quantize(256, Image.Quantize.MEDIANCUT).save(file, optimize=True)
    print(f"{file}: {picture.width}×{picture.height}, {file.stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
