"""The photographs the demo is made of: faceml's own dependencies ship them; nothing is committed or downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from faceml.errors import Unavailable
from faceml.records import BBox


@dataclass(frozen=True, slots=True)
class Portrait:
    """One face in a shipped picture. The boxes were measured once on that picture and are pixels of it."""

    person: str
    package: str  # importable name of the package that ships the picture
    file: str  # path inside the package
    face: BBox  # forehead to chin, ear to ear
    head: BBox  # hair, neck and a little around it; holds no other face


_GROUP = "data/images/t1.jpg"
# Two portraits are in the public domain (NASA, US Navy) and go by their name; the others get a letter.
ASTRONAUT = Portrait("Eileen Collins", "skimage", "data/astronaut.png", BBox(180, 60, 92, 120), BBox(150, 4, 150, 206))
_HOPPER = "mpl-data/sample_data/grace_hopper.jpg"
ADMIRAL = Portrait("Grace Hopper", "matplotlib", _HOPPER, BBox(183, 121, 167, 213), BBox(150, 4, 234, 380))
PORTRAITS = (
    Portrait("Person A", "insightface", _GROUP, BBox(56, 261, 113, 137), BBox(5, 205, 206, 250)),
    Portrait("Person B", "insightface", _GROUP, BBox(270, 145, 102, 125), BBox(240, 86, 180, 214)),
    Portrait("Person C", "insightface", _GROUP, BBox(464, 266, 109, 149), BBox(438, 200, 186, 246)),
    Portrait("Person D", "insightface", _GROUP, BBox(745, 342, 102, 138), BBox(722, 280, 158, 222)),
    Portrait("Person E", "insightface", _GROUP, BBox(906, 59, 105, 147), BBox(868, 0, 200, 236)),
    Portrait("Person F", "insightface", _GROUP, BBox(1130, 273, 97, 128), BBox(1098, 222, 178, 226)),
    Portrait("Person G", "insightface", "data/images/Tom_Hanks_54745.png", BBox(15, 8, 76, 100), BBox(0, 0, 112, 112)),
    ASTRONAUT,
    ADMIRAL,
)
# In no photo of the first batch: whoever recognises this person later has made a mistake.
STRANGER = Portrait("Person H", "skimage", "data/camera.png", BBox(199, 116, 59, 84), BBox(140, 54, 132, 166))


def open_picture(portrait: Portrait) -> Image.Image:
    """The shipped picture as RGB.

    Raises:
        Unavailable: the package is missing or ships the picture no longer.
    """
    # find_spec, not import: importing insightface takes seconds and loads an inference runtime.
    spec = find_spec(portrait.package)
    file = Path(spec.origin).parent / portrait.file if spec and spec.origin else None
    if file is None or not file.is_file():
        distribution = "scikit-image" if portrait.package == "skimage" else portrait.package
        raise Unavailable(
            f"The demo needs {portrait.file} of the package {portrait.package}, which is not completely installed: "
            f"run `pip install --force-reinstall --no-deps {distribution}`"
        )
    with Image.open(file) as picture:
        return picture.convert("RGB")
