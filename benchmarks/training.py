"""How long training takes, what it needs, and what applying its result costs.

    python benchmarks/training.py                 2,000 faces for 50 epochs, 20,000 for 5; two minutes on two cores
    python benchmarks/training.py --epochs 50 50  both for 50: ten minutes

The specification's head and defaults (triplets of margin 0.2, batches of 32, 30 triplets a training face an epoch, Adam
at 1e-4) at width 512, on made-up people of ten faces each; no early stop. Seconds are those of `fit`, Lightning's setup
and validation included, imports not; CPU seconds stand beside them, since on a busy machine only they mean much. Memory
is what the process held at most beyond what it held after the imports.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceml.identity.projection import Head, project
from faceml.training.fit import Fitted, fit
from faceml.training.options import Options

WIDTH, FACES_A_PERSON, SPREAD = 512, 10, 1.5
SIZES = (2_000, 20_000)
TARGET_S, TARGET_ONE_MS, TARGET_MANY_MS = 60.0, 0.1, 50.0
MANY = 10_000
Rows = NDArray[np.float32]


def people(count: int, *, seed: int = 0) -> tuple[Rows, NDArray[np.intp]]:
    """(count, 512) unit vectors of made-up people, and who each is."""
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(count // FACES_A_PERSON), FACES_A_PERSON)
    middles = rng.standard_normal((len(owners) // FACES_A_PERSON, WIDTH)) / np.sqrt(WIDTH)
    rows = middles[owners] + SPREAD * rng.standard_normal((len(owners), WIDTH)) / np.sqrt(WIDTH)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), owners


def train(count: int, epochs: int) -> Fitted:
    vectors, owners = people(count)
    before, started = _restart_peak(), time.process_time()
    found = fit(vectors, owners, Options(head="documented", epochs=epochs))
    cpu, steps = time.process_time() - started, -(-found.training_faces * 30 // 32) * epochs
    took = f"{found.seconds:.1f} s ({cpu:.1f} s of CPU), {found.seconds / epochs:.3f} s an epoch"
    took += f", {found.seconds / steps * 1e3:.3f} ms a step"
    held = f"{_memory_mb('VmHWM') - before:.0f} MB more at most"
    print(f"  {count:>6} faces, {epochs} epochs: {took}, {held}", flush=True)
    return found


def time_projection(head: Head) -> tuple[float, float]:
    """Milliseconds for one vector and for `MANY`, medians."""
    rows, _ = people(MANY)
    one = [_seconds(lambda: project(head, rows[0])) for _ in range(2_000)]
    many = [_seconds(lambda: project(head, rows)) for _ in range(15)]
    return statistics.median(one) * 1e3, statistics.median(many) * 1e3


def _seconds(action: object) -> float:
    started = time.perf_counter()
    action()  # type: ignore[operator]
    return time.perf_counter() - started


def _restart_peak() -> float:
    """Forget the highest memory so far; MB held now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory_mb("VmRSS")


def _memory_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, nargs=2, default=(50, 5), help="for 2,000 and for 20,000 faces")
    options = parser.parse_args()
    fit(*people(100), Options(epochs=1))  # the first one pays for what torch and Lightning set up once
    print("Training, documented head and defaults")
    small, large = (train(count, epochs) for count, epochs in zip(SIZES, options.epochs, strict=True))
    seconds = small.seconds / options.epochs[0] * 50
    growth = (large.seconds / options.epochs[1]) / (small.seconds / options.epochs[0])
    print(f"  2,000 faces for 50 epochs: {seconds:.1f} s (target: under {TARGET_S:.0f})")
    print(f"  ten times the faces take {growth:.2f} times as long an epoch (target: at most 10)")
    one, many = time_projection(small.head)
    print("Projection in process, documented head")
    print(
        f"  one embedding {one:.3f} ms (target: at most {TARGET_ONE_MS}), {MANY} in {many:.1f} ms (target: at most "
        f"{TARGET_MANY_MS:.0f})"
    )


if __name__ == "__main__":
    main()
