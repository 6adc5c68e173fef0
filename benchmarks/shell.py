"""How long a command takes in a shell, on a small library, against a bare interpreter beside it.

    python benchmarks/shell.py

Commands and `python -c pass` take turns, five times each in fresh processes; the fastest of each counts, as others may
use this machine too. Processor seconds hardly depend on them. What a command may import is tested
(tests/unit/test_architecture.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faceml.config import Settings
from tests.conftest import add_faces, people_vectors
from tests.fakes import FakePack, library_with

BARE = "python -c pass"
MAY_TAKE = {  # seconds more than a bare interpreter, on a quiet machine
    "--help": 0.3,
    "faces stats": 0.5,
    "people list": 0.4,
    "faces clusters": 0.5,
    "experiments list": 1.5,
    "faces suggest": 1.5,
}
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Taken:
    wall_s: float
    processor_s: float


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        taken = {name: [] for name in (BARE, *MAY_TAKE)}
        for _ in range(ROUNDS):
            for name, times in taken.items():
                times.append(once(name))
    bare = fastest(taken[BARE])
    print(f"{'':28} {'seconds more':>14} {'may take':>10} {'processor s':>12} {'times bare':>11}")
    for name, limit in MAY_TAKE.items():
        best = fastest(taken[name])
        more, ratio = best.wall_s - bare.wall_s, best.wall_s / bare.wall_s
        print(f"faceml {name:21} {more:14.2f} {limit:10.1f} {best.processor_s:12.2f} {ratio:11.1f}")


def prepare(folder: Path) -> None:
    """The environment of a library of 60 faces with three recorded runs."""
    settings = Settings(home=folder / "library", model_pack="opencv-zoo", tracking_uri=f"sqlite:///{folder}/mlflow.db")
    library = library_with(FakePack(), settings)
    add_faces(library, people_vectors(6, 10))
    for number in range(3):
        with library.tracking.run("detect") as run:
            run.metrics({"faces": 60.0 + number})
    library.close()
    os.environ |= {
        "FACEML_HOME": str(settings.home),
        "FACEML_MODEL_PACK": "opencv-zoo",
        "MLFLOW_TRACKING_URI": settings.tracking,
    }


def once(name: str) -> Taken:
    command = ["-c", "pass"] if name == BARE else ["-m", "faceml", *name.split()]
    before, started = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    after, ended = os.times(), time.perf_counter()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Taken(ended - started, used)


def fastest(times: list[Taken]) -> Taken:
    return Taken(min(taken.wall_s for taken in times), min(taken.processor_s for taken in times))


if __name__ == "__main__":
    main()
