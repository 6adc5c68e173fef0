"""What a matcher costs: to fit, to assign with beside plain cosines, and to ask about one face.

    python benchmarks/matcher.py --faces 50000 --people 1000

A made library: `--faces` faces, two a photo, of `--people` people who are known by `--labels` of them each, and of as
many strangers; some faces and people are near everybody. The claims, all through the services themselves:
- fitting (grouping, whitening, cohort, thresholds, the gate, registering) takes under 60 s and 600 MB on two quiet
  cores, in a process of its own, where `faces cluster` has kept its neighbour graph; the seconds from nothing, and
  those of processors, stand beside it. The memory is what the fits' peak lies above the process before, which has
  Python and MLflow loaded;
- `assign_faces` with the matcher takes at most 3 times the plain one, reading and storing included, in turns on the
  same faces, all that nobody labelled; the vector index is away, so that neither waits for it;
- `identify_photo` of one face takes at most 1.5 times the plain one; models that cost nothing find the face, so that
  matching alone is compared.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from assignment import compared, seconds
from fixtures.made_library import add_faces, new_library, reopened
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import delete, update

from faceml.errors import IndexUnavailable
from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions
from faceml.records import AssignedBy
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.decisions.label import assign_faces_to
from faceml.services.learn.fit_matcher import fit_library_matcher
from faceml.services.learn.promote import promote
from faceml.services.recognise.assign import assign_faces
from faceml.services.recognise.gallery import open_way
from faceml.services.recognise.identify import identify_photo
from faceml.storage.sql.tables import FaceInstance, OutboxRow
from faceml.vision.detection import Detections

CLAIMED_FIT_S, CLAIMED_FIT_MB, CLAIMED_ASSIGN, CLAIMED_IDENTIFY = 60.0, 600.0, 3.0, 1.5
THRESHOLD = 0.7
Vectors = NDArray[np.float32]
R = TypeVar("R")


class AwayIndex:
    @contextmanager
    def open(self) -> Iterator[Any]:
        raise IndexUnavailable("left out of the measurement")
        yield

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class FreeModels:
    """Finds one face, which has this vector, on any photo."""

    vector: Vectors
    contract: Any = None

    def load(self) -> FreeModels:
        return self

    def detect(self, *_: Any, **__: Any) -> Detections:
        kps = np.array([[[40, 55], [80, 55], [60, 80], [45, 100], [75, 100]]], np.float32)
        return Detections(np.array([[10, 20, 110, 120]], np.float32), np.array([0.9], np.float32), kps)

    def embed(self, *_: Any) -> Vectors:
        return self.vector[None]


def main() -> int:
    args = arguments()
    logging.getLogger("faceml").setLevel(logging.ERROR)  # that the index is away
    if args.fit:
        return fit(args.fit)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        library, probe = made(Path(folder) / "library", args)
        fit_s, fit_mb = fitted(library)
        promote(library, "challenger", actor="benchmark", force=True, reason="to measure it", kind="matcher")
        assign = assigned(library, args.repeats)
        identify = identified(library, probe, args.repeats)
    claims = {
        f"fitting under {CLAIMED_FIT_S:g} s": fit_s <= CLAIMED_FIT_S,
        f"fitting under {CLAIMED_FIT_MB:g} MB": fit_mb <= CLAIMED_FIT_MB,
        f"assigning at most {CLAIMED_ASSIGN:g} times the plain way": assign <= CLAIMED_ASSIGN,
        f"identifying at most {CLAIMED_IDENTIFY:g} times the plain way": identify <= CLAIMED_IDENTIFY,
    }
    for claim, holds in claims.items():
        print(f"claim: {claim}: {'holds' if holds else 'DOES NOT HOLD'}")
    return 0 if all(claims.values()) else 1


def made(home: Path, args: argparse.Namespace) -> tuple[Library, Vectors]:
    """The library, and a face of somebody known that it does not hold."""
    rng = np.random.default_rng(0)
    common = rng.standard_normal(args.width)
    likeness = rng.uniform(0, 1.0, 2 * args.people)[:, None]
    directions = rng.standard_normal((2 * args.people, args.width)) + likeness * common

    def faces_of(people: NDArray[np.int64]) -> Vectors:
        blur = rng.uniform(0, 1.0, len(people))[:, None]
        rows = directions[people] + 0.8 * rng.standard_normal((len(people), args.width)) + blur * common
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    known = np.repeat(np.arange(args.people), args.labels)
    library = replace(new_library(home, args.width), index=AwayIndex(), index_follower=lambda: None)  # type: ignore[arg-type]
    labelled = add_faces(library, faces_of(known))
    add_faces(library, faces_of(rng.integers(2 * args.people, size=args.faces - len(known))), faces_a_photo=2)
    for person in range(args.people):
        ids = labelled[person * args.labels : (person + 1) * args.labels]
        assign_faces_to(library, ids, f"Person {person}", actor="benchmark")
    print(f"{args.faces:,} faces, {len(labelled):,} of them labelled as {args.people:,} people, "
          f"{args.width} numbers each", flush=True)  # fmt: skip
    return library, faces_of(np.array([0]))[0]


def fitted(library: Library) -> tuple[float, float]:
    """Seconds and megabytes of a process that fits."""
    command = [sys.executable, __file__, "--fit", str(library.settings.home)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    print(done.stdout, end="", flush=True)
    figures = done.stdout.splitlines()[-1].split()
    return float(figures[1]), float(figures[figures.index("MB") - 1])


def fit(home: Path) -> int:
    library = reopened(home)
    library.tracking.store.client.search_experiments()
    before = memory_mb("VmRSS")
    report = timed("fit from nothing", lambda: fit_library_matcher(library))
    timed("fit again, its groups known", lambda: fit_library_matcher(library))
    print(f"  {report.library_faces:,} faces in {report.groups:,} groups, {report.cohort:,} stand for everybody, "
          f"{'whitened' if report.is_whitened else 'not whitened'}")  # fmt: skip
    peak = memory_mb("VmHWM") - before
    timed("faces cluster", lambda: cluster_faces(library, ClusterOptions(refit=False)))
    for kept in library.settings.cache_folder.glob("graphs/everybody*"):
        kept.unlink()
    report = timed("fit from what it kept", lambda: fit_library_matcher(library))
    print(f"  fit {report.seconds:.1f} s; peak of the fits before it {peak:.0f} MB above {before:.0f} MB")
    return 0


def timed(what: str, work: Callable[[], R]) -> R:
    wall, processors = time.monotonic(), time.process_time()
    done = work()
    took = f"{time.monotonic() - wall:.1f} s, {time.process_time() - processors:.1f} s of processors"
    print(f"  {what}: {took}", flush=True)
    return done


def memory_mb(key: str) -> float:
    """A figure of this process's memory, "VmRSS" now or "VmHWM" at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{key}:")) / 1024


def assigned(library: Library, repeats: int) -> float:
    def set_free() -> None:
        with library.repository.begin() as unit:
            is_free = FaceInstance.assigned_by.is_distinct_from(AssignedBy.MANUAL)
            nothing = {"person_id": None, "assigned_by": None, "cluster_id": None}
            unit._session.execute(update(FaceInstance).where(is_free).values(nothing))
            unit._session.execute(delete(OutboxRow))

    def work(matcher: str) -> int:
        return assign_faces(library, AssignOptions(max_faces=10**6, threshold=THRESHOLD, matcher=matcher)).assigned

    for matcher in ("plain", "champion"):
        set_free()
        print(f"  assign, {matcher}: {work(matcher):,} faces named")
    return compared("plain", lambda: work("plain"), "matcher", lambda: work("champion"), repeats, before=set_free)


def identified(library: Library, probe: Vectors, repeats: int) -> float:
    content = BytesIO()
    Image.new("RGB", (160, 160)).save(content, "PNG")
    asking = replace(library, packs=FreeModels(probe))  # type: ignore[arg-type]

    def work(matcher: str) -> None:
        for _ in range(10):
            way = open_way(asking, matcher=matcher)
            identify_photo(asking, content.getvalue(), way=way, threshold=THRESHOLD)

    print("  ten photos of one face")
    first = seconds(lambda: open_way(library))
    print(f"  the matcher put together with the labels of now: {first:.2f} s, then kept until one changes")
    return compared("plain", lambda: work("plain"), "matcher", lambda: work("champion"), repeats)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=50_000)
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--labels", type=int, default=4, help="labelled faces a person")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--fit", type=Path, help="only fit a matcher on the library in this folder, as the benchmark does"
    )
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
