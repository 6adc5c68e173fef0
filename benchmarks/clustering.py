"""Exact HDBSCAN beside hdbscan and scikit-learn, on the same vectors, in one process, in turns.

    python benchmarks/clustering.py                 everything, about half an hour on two cores
    python benchmarks/clustering.py --only 5000     one of 5000, 20000, 50000
    python benchmarks/clustering.py --rounds 5      more turns for steadier medians

The data: synthetic identities on the unit sphere in 512 dimensions. A person has a random direction, between 2 and 400
faces (a heavy tail: most have few) and a spread of its own; a face is the direction plus Gaussian noise of 0.5 to 1.1
times its length, normalised (two faces of a person have a similarity of about 0.8 to 0.45). 15 % of the faces belong to
nobody else: singletons. The order is random, the seed fixed.

The floor is the full product of the vectors with themselves in float32, in blocks, kept nowhere: what looking at each
pair once costs. "linkage" is `--method linkage`, the HDBSCAN that it starts from included. Times are medians of the
rounds; on a busy machine only the ratios mean much. Peak memory is what the process held beyond what it held before the
call.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceml.identity.clustering import cluster_embeddings
from faceml.identity.cost import expected_cost
from faceml.identity.hdbscan.distances import blocks, scratch
from faceml.identity.hdbscan.exact import fit
from faceml.identity.linkage import usual_similarity

WIDTH = 512
MIN_CLUSTER_SIZE, MIN_SAMPLES = 5, 3
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Run:
    seconds: float
    peak_mb: float
    answer: Any


def identities(count: int, *, seed: int = 0) -> Vectors:
    """(count, 512) unit vectors; see the module."""
    rng = np.random.default_rng(seed)
    people, so_far = [], 0
    while so_far < 0.85 * count:
        faces = int(min(2 + 4 * rng.pareto(1.2), 400, 0.85 * count - so_far + 1))
        direction = rng.standard_normal(WIDTH)
        direction /= np.linalg.norm(direction)
        noise = rng.standard_normal((faces, WIDTH)) / np.sqrt(WIDTH)
        people.append((direction + rng.uniform(0.5, 1.1) * noise).astype(np.float32))
        so_far += faces
    people.append(rng.standard_normal((max(count - so_far, 0), WIDTH), dtype=np.float32))
    vectors = np.concatenate(people)[:count]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return rng.permutation(vectors)


def timed(action: Callable[[], Any]) -> Run:
    gc.collect()
    before = _restart_peak()
    start = time.perf_counter()
    answer = action()
    seconds = time.perf_counter() - start
    return Run(seconds, _memory_mb("VmHWM") - before, answer)


def in_turns(actions: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[Run]]:
    """Each action once a round, so that a busy minute hits all alike."""
    runs: dict[str, list[Run]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            runs[name].append(timed(action))
    return runs


def median(runs: list[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def report(runs: dict[str, list[Run]], against: str) -> None:
    reference = median(runs[against])
    for name, turns in runs.items():
        peak = max(run.peak_mb for run in turns)
        ratio = median(turns) / reference
        print(f"  {name:<34}{median(turns):>9.2f} s {ratio:>9.2f} x {against:<8} peak {peak:>7.0f} MB", flush=True)


def full_product(vectors: Vectors) -> None:
    """The floor."""
    room = scratch(len(vectors))
    for left in blocks(len(vectors)):
        for right in blocks(len(vectors)):
            near, far = vectors[left], vectors[right]
            np.matmul(near, far.T, out=room[: len(near) * len(far)].reshape(len(near), len(far)))


def ours(vectors: Vectors, **more: Any) -> Any:
    return fit(vectors, min_cluster_size=MIN_CLUSTER_SIZE, min_samples=MIN_SAMPLES, **more)


def linkage(vectors: Vectors) -> Any:
    least = usual_similarity(0.25, len(vectors))
    return cluster_embeddings(vectors, method="linkage", min_cluster_size=2, min_similarity=least)


def hdbscan_labels(vectors: Vectors, algorithm: str) -> Any:
    import hdbscan

    model = hdbscan.HDBSCAN(min_cluster_size=MIN_CLUSTER_SIZE, min_samples=MIN_SAMPLES, algorithm=algorithm)
    return model.fit(vectors.astype(np.float64)).labels_  # the generic path takes float64 only


def sklearn_labels(vectors: Vectors, algorithm: str) -> Any:
    from sklearn.cluster import HDBSCAN

    # scikit-learn counts the row itself among min_samples, hdbscan does not.
    model = HDBSCAN(min_cluster_size=MIN_CLUSTER_SIZE, min_samples=MIN_SAMPLES + 1, algorithm=algorithm, copy=True)
    return model.fit(vectors).labels_


def agreement(labels: Any, others: Any) -> str:
    from sklearn.metrics import adjusted_rand_score

    return f"ARI {adjusted_rand_score(labels, others):.6f}, equal labels {float(np.mean(labels == others)):.4%}"


def five_thousand(rounds: int) -> None:
    vectors = identities(5000)
    print(f"5,000 x {WIDTH}")
    actions = {
        "ours": lambda: ours(vectors).labels,
        "floor": lambda: full_product(vectors),
        "hdbscan generic": lambda: hdbscan_labels(vectors, "generic"),
        "scikit-learn brute": lambda: sklearn_labels(vectors, "brute"),
    }
    in_turns(actions, 1)  # imports and first touches
    runs = in_turns(actions, max(rounds, 5))
    slow = {
        "ours": actions["ours"],
        "hdbscan default": lambda: hdbscan_labels(vectors, "best"),
        "scikit-learn default": lambda: sklearn_labels(vectors, "auto"),
    }
    slow_runs = in_turns(slow, rounds)
    runs["ours"] += slow_runs.pop("ours")
    runs |= slow_runs
    report(runs, "ours")
    labels = runs["ours"][0].answer
    for name in ("hdbscan generic", "hdbscan default", "scikit-learn default"):
        print(f"  labels against {name}: {agreement(labels, runs[name][0].answer)}")


def twenty_thousand(rounds: int, *, with_generic: bool) -> None:
    vectors = identities(20000)
    needed_gb = 2 * 8 * len(vectors) ** 2 / 1e9  # the distances and their partitioned copy
    print(f"20,000 x {WIDTH}: generic needs {needed_gb:.1f} GB for its distances")
    actions: dict[str, Callable[[], Any]] = {
        "ours": lambda: ours(vectors).labels,
        "linkage": lambda: linkage(vectors),
        "floor": lambda: full_product(vectors),
    }
    if with_generic:
        actions["hdbscan generic"] = lambda: hdbscan_labels(vectors, "generic")
    runs = in_turns(actions, rounds)
    report(runs, "ours")
    if with_generic:
        print(f"  labels against generic: {agreement(runs['ours'][0].answer, runs['hdbscan generic'][0].answer)}")


def fifty_thousand(rounds: int) -> None:
    vectors = identities(50000)
    former = ours(vectors[:47500]).graph
    promised = expected_cost(*vectors.shape)
    print(f"50,000 x {WIDTH}: expected {promised.seconds:.0f} s and {promised.memory_bytes / 1e6:.0f} MB")
    actions = {
        "floor": lambda: full_product(vectors),
        "ours": lambda: ours(vectors).labels,
        "linkage": lambda: linkage(vectors),
        "ours, the last 5 % added": lambda: ours(vectors, previous=former).labels,
    }
    runs = in_turns(actions, rounds)
    report(runs, "floor")
    full, added = median(runs["ours"]), median(runs["ours, the last 5 % added"])
    print(f"  full run: {full / median(runs['floor']):.2f} times the floor (target: at most 8)")
    print(f"  adding 5 %: {added / full:.1%} of the full run (target: at most 20 %)")
    same = np.array_equal(runs["ours"][0].answer, runs["ours, the last 5 % added"][0].answer)
    print(f"  labels of both are {'the same' if same else 'DIFFERENT'}")


def _memory_mb(key: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise KeyError(key)


def _restart_peak() -> float:
    """Make the kernel forget the peak (Linux); answers what is held now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory_mb("VmRSS")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, choices=(5000, 20000, 50000))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--with-generic", action="store_true", help="run hdbscan's generic path at 20,000 too (7 GB)")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; hdbscan counts min_samples={MIN_SAMPLES} others")
    if options.only in (None, 5000):
        five_thousand(options.rounds)
    if options.only in (None, 20000):
        twenty_thousand(options.rounds, with_generic=options.with_generic)
    if options.only in (None, 50000):
        fifty_thousand(options.rounds)


if __name__ == "__main__":
    main()
