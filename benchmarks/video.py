"""A film of 720p: how long `faces backfill` takes on two cores, beside how long the film is.

The film is made: two portraits move over grounds that change every ten seconds, 25 pictures a second of H.264.
The claim is that looking takes no longer than the film on two cores that have nothing else to do: it is judged by the
seconds of the processor, which a busy machine changes little; those of the clock, and of reading alone, stand beside.

    python benchmarks/video.py                  ten minutes of film
    python benchmarks/video.py --minutes 2
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import numpy as np
from fixtures.left_out import leave_out
from numpy.typing import NDArray
from PIL import Image

from faceml.config import Settings
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from faceml.vision.model_packs import OPENCV_ZOO
from faceml.wiring import open_library

WIDTH, HEIGHT, RATE = 1280, 720, 25
SCENE_S = 10
SIDE_PX = 280
CORES = 2


def portraits() -> list[NDArray[np.uint8]]:
    import skimage.data
    from matplotlib import cbook

    with cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = Image.open(file).convert("RGB").crop((130, 30, 400, 300)).resize((SIDE_PX, SIDE_PX))
    collins = Image.fromarray(skimage.data.astronaut()).crop((120, 0, 330, 210)).resize((SIDE_PX, SIDE_PX))
    return [np.asarray(collins), np.asarray(hopper)]


def write_film(path: Path, minutes: float) -> None:
    import av

    people, rng = portraits(), np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(round(minutes * 60 * RATE)):
            if number % (SCENE_S * RATE) == 0:
                ground = (rng.integers(0, 200, 3) + rng.integers(0, 40, (HEIGHT, WIDTH, 3))).astype(np.uint8)
            picture, way = ground.copy(), number % (SCENE_S * RATE) / (SCENE_S * RATE)
            for one, start in zip(people, (20, 620), strict=True):
                left = start + round(300 * way)
                picture[200 : 200 + SIDE_PX, left : left + SIDE_PX] = one
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


@dataclass(frozen=True, slots=True)
class Taken:
    clock_s: float
    processor_s: float


T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, Taken]:
    clock, processor = time.monotonic(), time.process_time()
    done = work()
    return done, Taken(time.monotonic() - clock, time.process_time() - processor)


def read_all(film: Path) -> None:
    """Reading and turning the pictures alone."""
    from faceml.vision.frames import Film

    for _ in Film(film).looks():
        pass


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--pack", default=OPENCV_ZOO)
    asked = parser.parse_args()
    if find_spec("av") is None:
        leave_out("videos need faceml[video]")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory(prefix="faceml-video-") as folder:
        film, home = Path(folder) / "photos" / "film.mp4", Path(folder) / "library"
        film.parent.mkdir()
        write_film(film, asked.minutes)
        library = open_library(Settings(home=home, model_pack=asked.pack))
        ingest_folder(library.repository, film.parent)
        library.packs.load()  # a second, once a process
        _, alone = timed(lambda: read_all(film))
        report, taken = timed(lambda: backfill_faces(library))
        library.close()
    length_s, peak_mb = asked.minutes * 60, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"film: {length_s:.0f} s of {WIDTH}×{HEIGHT}, {RATE} pictures a second; {asked.pack}, {CORES} cores")
    print(f"by the clock: looked at in {taken.clock_s:.0f} s, reading it alone {alone.clock_s:.0f} s")
    print(f"of the processor: {taken.processor_s:.0f} s and {alone.processor_s:.0f} s; peak memory {peak_mb:.0f} MB")
    print(f"faces: {report.faces_added} (two people, {length_s / SCENE_S:.0f} scenes)")
    share = taken.processor_s / CORES / length_s
    holds = share <= 1
    print(f"claim: no longer than the film, {share:.2f} of it: {'holds' if holds else 'DOES NOT HOLD'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
