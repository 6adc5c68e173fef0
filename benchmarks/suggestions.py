"""How long it takes to find out where a person's minute is worth most, in a large library.

    python benchmarks/suggestions.py                   50,000 faces, 2,000 clusters, 500 people with a name

Each person is cut into clusters of at most 30 faces, so there is much to merge; every tenth cluster holds two people.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sized
from pathlib import Path

import numpy as np
from fixtures.made_library import add_faces, new_library

from faceml.library import Library
from faceml.services.decisions.label import label_cluster
from faceml.services.decisions.people import compute_centroids
from faceml.services.learn.fit_matcher import fit_library_matcher
from faceml.services.learn.promote import promote
from faceml.services.review.faces import suggest_intruders, suggest_uncertain
from faceml.services.review.groups import suggest_merges, suggest_names, suggest_splits

WIDTH = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=50_000)
    parser.add_argument("--clusters", type=int, default=2_000)
    parser.add_argument("--people", type=int, default=500, help="clusters that get a name")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        library = new_library(Path(home), WIDTH)
        fill(library, args.faces, args.clusters, args.people)
        print(f"{args.faces:,} faces x {WIDTH}, {args.clusters:,} clusters, {args.people:,} of them with a name")
        page = [f"clu_{number}" for number in range(args.people, args.people + 20)]
        report("names of a page of 20 clusters", lambda: [suggest_names(library, id_) for id_ in page])
        report("merges", lambda: suggest_merges(library, thorough=True))
        report("splits", lambda: suggest_splits(library, thorough=True))
        report("uncertain, threshold given", lambda: suggest_uncertain(library, threshold=0.5))
        report("uncertain, threshold from labels", lambda: suggest_uncertain(library))
        report("who does not belong", lambda: suggest_intruders(library, "Person 0"))
        version = fit_library_matcher(library).version
        promote(library, version, actor="benchmark", force=True, reason="a benchmark", kind="matcher")
        report("with a matcher: names of that page", lambda: [suggest_names(library, id_) for id_ in page])
        report("with a matcher: uncertain", lambda: suggest_uncertain(library))
        library.close()


def fill(library: Library, faces: int, clusters: int, people: int) -> None:
    rng = np.random.default_rng(0)
    cluster = np.sort(rng.integers(0, clusters, faces))
    person = np.where(cluster % 10 == 0, 2 * clusters + cluster * 2 + rng.integers(0, 2, faces), cluster // 3)
    directions = rng.standard_normal((4 * clusters + 2, WIDTH), dtype=np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    vectors = directions[person] + 0.8 * rng.standard_normal((faces, WIDTH), dtype=np.float32) / np.sqrt(WIDTH)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    ids = add_faces(library, vectors)
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(id_, f"clu_{number}") for id_, number in zip(ids, cluster, strict=True)])
    for number in range(people):
        label_cluster(library, f"clu_{number}", f"Person {number}", actor="benchmark")
    compute_centroids(library)


def report(title: str, action: Callable[[], Sized]) -> None:
    action()
    started = time.perf_counter()
    found = action()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {title:<36}{seconds:>7.2f} s  {len(found):>3} found  process peak {peak:,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
