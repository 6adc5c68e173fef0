"""Label Studio's JSON of tasks with `rectanglelabels`, and the labelling interface that goes with it.

https://labelstud.io/guide/predictions and https://labelstud.io/guide/task_format. Boxes are percent of the upright
photo, corner and size. Photos are served from where they lie ("local files"), below the root that Label Studio was
given. What leaves is a prediction; what comes back is the last annotation that somebody submitted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from xml.sax.saxutils import quoteattr

from faceml.annotation.marks import LABELS, NOBODY, Box, Mark, Share, exported_as, face_id_of
from faceml.errors import FileNotReadable
from faceml.path_text import path_of, path_text

LOCAL_FILES = "/data/local-files/?d="
BOXES, NAMES, IMAGE = "person", "name", "image"  # of the interface's parts
TURNED = 0.5  # degrees


def interface(names: Sequence[str]) -> str:
    """The project's labelling interface: a label a person, and a line to type another name."""
    labels = "\n".join(f"    <Label value={quoteattr(name)}/>" for name in (*LABELS, *names))
    return (
        f'<View>\n  <Image name="{IMAGE}" value="$image" zoom="true"/>\n'
        f'  <RectangleLabels name="{BOXES}" toName="{IMAGE}">\n{labels}\n  </RectangleLabels>\n'
        f'  <TextArea name="{NAMES}" toName="{IMAGE}" perRegion="true" maxSubmissions="1" '
        'placeholder="Somebody else: type the name"/>\n</View>\n'
    )


def task(photo: Path, root: Path, width: int, height: int, boxes: Sequence[Box]) -> dict[str, Any]:
    """A photo with its faces.

    Args:
        width, height: upright pixels.
    Raises:
        ValueError: the photo does not lie below `root`.
    """
    place = quote(os.fsencode(photo.relative_to(root)))
    faces = {box.face_id: [box.exported.label, box.exported.assigned_by] for box in boxes}
    results = [_region(box, width, height) for box in boxes]
    return {
        "data": {"image": LOCAL_FILES + place, "path": path_text(photo), "faces": faces},
        "predictions": [{"model_version": "faceml", "result": results}],
    }


def _region(box: Box, width: int, height: int) -> dict[str, Any]:
    x, y, w, h = (100 * share for share in (box.share.x, box.share.y, box.share.w, box.share.h))
    return {
        "id": box.face_id,
        "type": "rectanglelabels",
        "from_name": BOXES,
        "to_name": IMAGE,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "score": box.more.get("similarity") or box.confidence,
        "value": {"x": x, "y": y, "width": w, "height": h, "rotation": 0, "rectanglelabels": [box.exported.label]},
    }


def read_marks(file: Path, root: Path) -> Iterator[Mark]:
    """The boxes of the last annotation of each task; tasks that nobody submitted have none.

    Args:
        root: the folder that `d=` of local files starts at.
    Raises:
        FileNotReadable: it is no such file.
    """
    try:
        tasks = json.loads(file.read_bytes())
        for number, one in enumerate(tasks if isinstance(tasks, list) else tasks["tasks"]):
            data = one["data"]
            yield from _marks(f"task {one.get('id', number)}", _photo(data, root), data.get("faces") or {}, _last(one))
    except OSError as error:
        raise FileNotReadable(f"{file} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileNotReadable(f"{file} is not Label Studio's JSON: {type(error).__name__}: {error}") from error


def _last(one: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """The results of the annotation that was submitted last."""
    submitted = [found for found in one.get("annotations") or () if not found.get("was_cancelled")]
    if not submitted:
        return ()
    found: Sequence[dict[str, Any]] = max(submitted, key=lambda found: found.get("updated_at") or "")["result"]
    return found


def _photo(data: Mapping[str, Any], root: Path) -> Path | None:
    if data.get("path"):
        return path_of(data["path"])
    url = urlsplit(str(data.get("image") or ""))
    place = parse_qs(url.query, errors="surrogateescape").get("d")
    return root / place[0] if place and url.path.endswith("/local-files/") else None


def _marks(
    where: str, photo: Path | None, faces: Mapping[str, Any], results: Sequence[dict[str, Any]]
) -> Iterator[Mark]:
    typed = {one["id"]: " ".join(one["value"]["text"]) for one in results if one.get("type") == "textarea"}
    for one in results:
        if one.get("type") != "rectanglelabels":
            continue
        value, key = one["value"], one.get("id") or ""
        label, by = faces.get(key) or (None, None)
        turned = abs(value.get("rotation") or 0) > TURNED
        yield Mark(
            where,
            photo,
            None if turned else Share(*(float(value[name]) / 100 for name in ("x", "y", "width", "height"))),
            face_id_of(key) if label is not None else None,
            typed.get(key, "").strip() or next(iter(value.get("rectanglelabels") or ()), NOBODY),
            exported_as(label, by),
            is_reviewed=True,
        )
