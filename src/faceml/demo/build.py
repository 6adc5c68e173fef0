"""Build the demo library in a folder: photos, photos held back for later, and the truth beside them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from faceml.demo.library import TRUTH, DemoPhotos, lay_out
from faceml.demo.montage import PhotoPlan, render, truth_box
from faceml.demo.plan import plan_library
from faceml.demo.sources import PORTRAITS, STRANGER, open_picture
from faceml.files import DRAFT, write_whole
from faceml.progress import Progress, silent
from faceml.storage.known_labels import KnownLabel

RECIPE = 1  # raise it when the same seed makes other photos: folders of the old recipe are then made anew
_STAMP = "demo.json"
_ORIENTATION, _EXIF_IFD, _DATE_TIME, _DATE_TIME_ORIGINAL = 0x0112, 0x8769, 0x0132, 0x9003
_KINDS = {".jpg": "JPEG", ".webp": "WEBP", ".png": "PNG"}
# EXIF orientation: the turn that a viewer undoes when it reads the tag.
_TURNS = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270, 3: Image.Transpose.ROTATE_180}


def build_demo(folder: Path, *, seed: int = 7, on_progress: Progress = silent) -> DemoPhotos:
    """Make the demo's photos in `folder`; what is already there is kept, so an interrupted build is completed.

    The same seed gives the same bytes on the same machine. Photos of another seed are made anew; files that the demo
    did not make are left alone.

    Raises:
        WrongUse: `folder` cannot be written.
        Unavailable: an installed package no longer ships its picture.
    """
    plans = plan_library(seed)
    truth = [face for plan in plans for face in truth_faces(plan)]

    def paint() -> None:
        _remove_other_builds(folder, seed, plans)
        _paint_missing(folder, plans, on_progress)

    return lay_out(folder, truth, paint)


def truth_faces(plan: PhotoPlan) -> list[KnownLabel]:
    """The faces of one photo, left to right."""
    return [KnownLabel(Path(plan.path), truth_box(p, plan.size), p.portrait.person) for p in plan.placements]


def _remove_other_builds(folder: Path, seed: int, plans: Sequence[PhotoPlan]) -> None:
    for left_over in folder.glob(f"*/.IMG_*{DRAFT}"):  # of a build that was killed
        left_over.unlink(missing_ok=True)
    stamp = json.dumps({"recipe": RECIPE, "seed": seed})
    if (folder / _STAMP).is_file() and (folder / _STAMP).read_text() == stamp:
        return
    for plan in plans:
        (folder / plan.path).unlink(missing_ok=True)
    (folder / TRUTH).unlink(missing_ok=True)
    write_whole(folder / _STAMP, stamp.encode())


def _paint_missing(folder: Path, plans: Sequence[PhotoPlan], on_progress: Progress) -> None:
    missing = [plan for plan in plans if not (folder / plan.path).exists()]
    pictures = {portrait.person: open_picture(portrait) for portrait in (*PORTRAITS, STRANGER)} if missing else {}
    for done, plan in enumerate(missing, start=len(plans) - len(missing) + 1):
        write_whole(folder / plan.path, _encode(render(plan, pictures), plan))
        on_progress(done, len(plans))


def _encode(photo: Image.Image, plan: PhotoPlan) -> bytes:
    stored = photo.transpose(_TURNS[plan.orientation]) if plan.orientation in _TURNS else photo
    kind, data = _KINDS[Path(plan.path).suffix], io.BytesIO()
    how = {"compress_level": 3} if kind == "PNG" else {"quality": plan.jpeg_quality}
    stored.save(data, kind, exif=_exif(plan), **how)
    return data.getvalue()


def _exif(plan: PhotoPlan) -> Image.Exif:
    taken_at = plan.taken_at.strftime("%Y:%m:%d %H:%M:%S")
    exif = Image.Exif()
    exif[_ORIENTATION] = plan.orientation
    exif[_DATE_TIME] = taken_at
    exif.get_ifd(_EXIF_IFD)[_DATE_TIME_ORIGINAL] = taken_at
    return exif
