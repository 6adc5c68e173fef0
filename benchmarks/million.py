"""Grouping of up to a million faces by approximate neighbours, beside exact grouping where that takes no hours.

    python benchmarks/million.py                                  50,000 faces, both ways
    python benchmarks/million.py --faces 50000 200000             both ways: exact takes minutes at 200,000
    python benchmarks/million.py --faces 1000000                  approximate only; 6 GB

The faces are made up, with the covariances of real hard ones (`fixtures/hard_faces.py`). All but 0.1 % are grouped,
`faces cluster`'s way (5, 3); then the rest comes, and all are grouped again from the graph that was kept, its file
written and read included. Each way runs in a process of its own, so that its peak of memory, vectors included, is its
own. On a busy machine compare ratios and processor seconds within one run. What it prints is the section of
docs/results/scale.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fixtures.hard_faces import hard_faces

from faceml.identity.hdbscan.exact import fit
from faceml.identity.hdbscan.reachability_graph import Graph
from faceml.metrics.agreement import adjusted_rand, bcubed

MOST_EXACT = 200_000
NEW = 0.001
HEAD = (
    "| faces | way | seconds | processor seconds | peak MB | P | R | F | recall of neighbours | ARI with exact "
    "| 0.1 % more: seconds | processor seconds |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    faces: int
    is_exact: bool
    seconds: float
    processor_seconds: float
    peak_mb: float
    precision: float
    recall: float
    f: float
    neighbour_recall: float
    grown_seconds: float
    grown_processor_seconds: float

    def row(self, agreement: str) -> str:
        way = "exact" if self.is_exact else "approximate"
        neighbours = "1" if self.is_exact else f"{self.neighbour_recall:.3f}"
        return (
            f"| {self.faces:,} | {way} | {self.seconds:.1f} | {self.processor_seconds:.1f} | {self.peak_mb:,.0f} "
            f"| {self.precision:.4f} | {self.recall:.4f} | {self.f:.4f} | {neighbours} | {agreement} "
            f"| {self.grown_seconds:.1f} | {self.grown_processor_seconds:.1f} |"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, nargs="+", default=[50_000])
    parser.add_argument("--approximate-only", action="store_true")
    parser.add_argument("--one", nargs=3, metavar=("FACES", "WAY", "LABELS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        faces, way, labels = options.one
        print(json.dumps(asdict(measured(int(faces), is_exact=way == "exact", labels=Path(labels)))))
        return 0
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n\n{HEAD}", flush=True)
    return max(compared(faces, with_exact=not options.approximate_only) for faces in options.faces)


def compared(faces: int, *, with_exact: bool) -> int:
    """Print a row a way; 1 where approximate groups are worse than exact ones by more than 0.002."""
    with tempfile.TemporaryDirectory() as folder:
        labels = {way: Path(folder) / f"{way}.npy" for way in ("exact", "approximate")}
        ways = ["exact", "approximate"] if with_exact and faces <= MOST_EXACT else ["approximate"]
        outcomes = {}
        for way in ways:
            command = [sys.executable, __file__, "--one", str(faces), way, str(labels[way])]
            outcomes[way] = Outcome(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
            both = all(file.exists() for file in labels.values())
            agreement = f"{adjusted_rand(*(np.load(file) for file in labels.values())):.4f}" if both else ""
            print(outcomes[way].row(agreement), flush=True)
    return int(len(outcomes) == 2 and outcomes["approximate"].f < outcomes["exact"].f - 0.002)


def measured(faces: int, *, is_exact: bool, labels: Path) -> Outcome:
    made = hard_faces(faces)
    former = faces - max(1, round(NEW * faces))
    fit(made.vectors[:100])  # imports
    found, seconds, processor_seconds = timed(lambda: fit(made.vectors[:former], is_exact=is_exact))
    agreed = bcubed(made.people[:former], found.labels)
    np.save(labels, found.labels)
    kept, neighbour_recall = found.graph, float(found.graph.recall)
    del found

    def grown() -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "graph.npz"
            graph = fit(made.vectors, is_exact=is_exact, previous=read_again(kept, file)).graph
            read_again(graph, file)

    _, again, again_processor = timed(grown)
    return Outcome(
        faces,
        is_exact,
        seconds,
        processor_seconds,
        peak_mb(),
        agreed.precision,
        agreed.recall,
        agreed.f,
        neighbour_recall,
        again,
        again_processor,
    )


def read_again(graph: Graph, file: Path) -> Graph:
    np.savez(file, **graph.arrays())  # type: ignore[arg-type]
    with np.load(file) as arrays:
        return Graph.from_arrays(arrays)


def timed(action: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    answer = action()
    return answer, time.perf_counter() - wall, time.process_time() - processor


def peak_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


if __name__ == "__main__":
    raise SystemExit(main())
