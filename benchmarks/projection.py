"""How long projecting takes, and how soon a process has the champion.

    python benchmarks/projection.py

One embedding at most 0.1 ms, 10,000 at most 50 ms, the champion within 1 s after imports.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from faceml.config import Settings
from faceml.identity.projection import Head, Layer, project
from faceml.storage.registry.records import CHAMPION, ModelCard
from faceml.wiring import open_library

LOAD = """
import time, numpy, sqlalchemy
from pathlib import Path
from faceml.config import Settings
from faceml.library import Library
from faceml.wiring import open_library
library = open_library(Settings(home=Path({home!r}), tracking_uri={uri!r}))
started = time.perf_counter()
library.registry.load("champion")
loaded = time.perf_counter() - started
held = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(loaded, int(held.split()[1]) / 1024)
"""


def documented_head(width: int) -> Head:
    draw = np.random.default_rng(0)

    def layer(outputs: int, inputs: int) -> Layer:
        return Layer(draw.normal(0, inputs**-0.5, (outputs, inputs)).astype(np.float32), np.zeros(outputs, np.float32))

    return Head(np.zeros(width, np.float32), None, (layer(256, width), layer(128, 256)))


def unit_rows(count: int, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    rows = np.random.default_rng(1).normal(size=(count, width)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def median_ms(act: Callable[[], object], repeats: int) -> float:
    def once() -> float:
        started = time.perf_counter()
        act()
        return 1000 * (time.perf_counter() - started)

    once()
    return statistics.median(once() for _ in range(repeats))


def time_projecting(width: int) -> None:
    head, rows = documented_head(width), unit_rows(50_000, width)
    one = median_ms(lambda: project(head, rows[0]), 500)
    many = median_ms(lambda: project(head, rows[:10_000]), 15)
    print(f"{width}-d: one embedding {one:.3f} ms (asked 0.1), 10,000 in {many:.0f} ms (asked 50)")
    all_ms = median_ms(lambda: project(head, rows), 7)
    print(f"{width}-d: 50,000 in {all_ms:.0f} ms")


def time_loading(scratch: Path) -> None:
    uri = f"sqlite:///{scratch / 'mlflow.db'}"
    library = open_library(Settings(home=scratch / "library", tracking_uri=uri))
    card = ModelCard("documented", "none", "f" * 64, "none", people=0, faces=0)
    with library.tracking.run("train") as run:
        model = library.registry.register(documented_head(512), card, comparison=None, run_id=str(run.id))
    library.registry.set_alias(CHAMPION, model.version)
    for kept in ("first time", "from the cache", "from the cache"):
        code = LOAD.format(home=str(library.settings.home), uri=uri)
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        seconds, megabytes = map(float, done.stdout.split())
        print(
            f"Champion in a fresh process, {kept}: {seconds:.2f} s after imports (asked 1), {megabytes:.0f} MB in all"
        )


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for width in (128, 512):
        time_projecting(width)
    with tempfile.TemporaryDirectory() as folder:
        time_loading(Path(folder))


if __name__ == "__main__":
    main()
