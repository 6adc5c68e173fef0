"""Films made in a test: portraits that move over a coloured ground, scene after scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 360
RATE = 5  # pictures a second
QUICK = {"libx264": {"preset": "ultrafast"}, "libvpx": {"deadline": "realtime", "cpu-used": "8"}}
GROUNDS = ((20, 90, 110), (190, 120, 40), (60, 130, 50), (150, 60, 120))


@dataclass(frozen=True, slots=True)
class Moving:
    """A portrait on its way through a scene."""

    portrait: NDArray[np.uint8]
    start: tuple[int, int]  # where its top left corner is
    end: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scene:
    seconds: float
    ground: tuple[int, int, int]
    people: Sequence[Moving] = ()


def portraits(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Faces of `photo_folder`, 160 pixels a side with what is around them."""
    boxes = {"collins": ("astronaut.jpg", (120, 0, 330, 210)), "hopper": ("hopper.jpg", (130, 30, 400, 300))}
    return {
        name: np.asarray(Image.open(folder / file).convert("RGB").crop(box).resize((160, 160)))
        for name, (file, box) in boxes.items()
    }


def pictures(scene: Scene) -> list[NDArray[np.uint8]]:
    count = round(scene.seconds * RATE)
    shade = np.linspace(0.8, 1.2, WIDTH)[None, :, None] * np.ones((HEIGHT, 1, 1))
    ground = np.clip(shade * np.array(scene.ground), 0, 255).astype(np.uint8)
    made = []
    for number in range(count):
        picture = ground.copy()
        for one in scene.people:
            (x, y), (to_x, to_y) = one.start, one.end
            left, top = (round(a + (b - a) * number / max(1, count - 1)) for a, b in ((x, to_x), (y, to_y)))
            picture[top : top + one.portrait.shape[0], left : left + one.portrait.shape[1]] = one.portrait
        made.append(picture)
    return made


def write_film(
    path: Path, scenes: Sequence[Scene], *, codec: str = "libx264", rotation: int = 0, taken_at: str = ""
) -> Path:
    """
    Args:
        rotation: degrees counter-clockwise by which players turn it.
        taken_at: as its file says it.
    """
    import av

    with av.open(str(path), "w") as container:
        if taken_at:
            container.metadata["creation_time"] = taken_at
        stream = container.add_stream(codec, rate=RATE, options=QUICK.get(codec))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        for scene in scenes:
            for pixels in pictures(scene):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
