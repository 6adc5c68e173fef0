"""What assignment costs beside the bare matrix product it cannot do without.

    python benchmarks/assignment.py --faces 50000 --prototypes 1000

Both run on the same vectors in one process, in turn, so that a busy machine slows both alike.
The claim: at most 2 times.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from faceml.identity.assignment import match_people

CLAIMED_RATIO = 2.0


def unit_rows(rng: np.random.Generator, count: int, width: int) -> NDArray[np.float32]:
    rows = rng.standard_normal((count, width), dtype=np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=50_000)
    parser.add_argument("--prototypes", type=int, default=1_000)
    parser.add_argument("--per-person", type=int, default=4, help="prototypes a person: a centroid and three exemplars")
    parser.add_argument("--rejected", type=int, default=1_000, help="pairs (face, person) ruled out by a person")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()

    rng = np.random.default_rng(0)
    probes, prototypes = unit_rows(rng, args.faces, args.width), unit_rows(rng, args.prototypes, args.width)
    people = rng.permutation(np.arange(args.prototypes) // args.per_person)
    rejected = np.column_stack((rng.integers(args.faces, size=args.rejected), rng.choice(people, args.rejected)))
    scores = np.empty((args.faces, args.prototypes), np.float32)

    def product() -> None:
        np.matmul(probes, prototypes.T, out=scores)

    def assign() -> None:
        match_people(probes, prototypes, people, min_similarity=0.4, rejected=rejected)

    product()
    assign()
    pairs = [(seconds(product), seconds(assign)) for _ in range(args.repeats)]
    bare, ours = np.array(pairs).T
    ratio = float(np.median(ours / bare))
    print(f"{args.faces:,} faces x {args.prototypes:,} prototypes x {args.width}, {args.repeats} alternating repeats")
    print(f"  bare float32 product  median {np.median(bare):.3f} s  best {bare.min():.3f} s")
    print(f"  match_people          median {np.median(ours):.3f} s  best {ours.min():.3f} s")
    print(
        f"  ratio                 median {ratio:.2f}  best against best {ours.min() / bare.min():.2f}"
        f"  (claim: at most {CLAIMED_RATIO})"
    )
    print(f"  peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    return 0 if ratio <= CLAIMED_RATIO else 1


if __name__ == "__main__":
    raise SystemExit(main())
