"""FiftyOne's own format on disk, FiftyOneDataset: `metadata.json` and `samples.json` in a folder.

https://docs.voxel51.com/user_guide/export_datasets.html. Without a version in the metadata every release reads it and
brings it up to its own (read with the importer of 1.22). Boxes are shares of the upright photo, corner and size.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from faceml.annotation.marks import NOBODY, Box, Mark, Share, exported_as, face_id_of
from faceml.errors import FileNotReadable
from faceml.path_text import path_of

SAMPLES, METADATA = "samples.json", "metadata.json"
FACES = "faces"  # the field of a sample


def metadata(pack: str | None) -> str:
    return json.dumps({"media_type": "image", "info": {"made_by": "faceml", "pack": pack}})


def sample(path: str, width: int, height: int, taken_at: str | None, boxes: Sequence[Box]) -> dict[str, Any]:
    """A photo with its faces.

    Args:
        width, height: upright pixels.
    """
    return {
        "filepath": path,
        "tags": [],
        "metadata": {"_cls": "ImageMetadata", "width": width, "height": height},
        "taken_at": taken_at,
        FACES: {"_cls": "Detections", "detections": [_detection(box) for box in boxes]},
    }


def _detection(box: Box) -> dict[str, Any]:
    return {
        "_cls": "Detection",
        "label": box.exported.label,
        "bounding_box": [box.share.x, box.share.y, box.share.w, box.share.h],
        "confidence": box.confidence,
        "quality": box.quality,
        "tags": [],
        "face_id": box.face_id,
        "exported_label": box.exported.label,
        **{name: value for name, value in box.more.items() if value is not None},
    }


def read_marks(folder: Path) -> Iterator[Mark]:
    """The faces of a dataset, as FiftyOne wrote them or as we did.

    Raises:
        FileNotReadable: it is no such dataset.
    """
    file = folder / SAMPLES
    try:
        samples = json.loads(file.read_bytes())["samples"]
        for number, found in enumerate(samples):
            photo = folder / path_of(found["filepath"])  # an absolute path stays one
            for one in (found.get(FACES) or {}).get("detections") or ():
                yield _mark(f"sample {number} ({photo.name})", photo, one)
    except OSError as error:
        raise FileNotReadable(f"{file} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileNotReadable(f"{file} is not a FiftyOneDataset: {type(error).__name__}: {error}") from error


def _mark(where: str, photo: Path, one: dict[str, Any]) -> Mark:
    return Mark(
        where,
        photo,
        Share(*map(float, one["bounding_box"])),
        face_id_of(one.get("face_id")),
        one.get("label") or NOBODY,
        exported_as(one.get("exported_label"), one.get("assigned_by")),
        frozenset(one.get("tags") or ()),
    )
