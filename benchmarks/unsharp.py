"""Does it help where unsharp faces need more similarity to join a group?

Each face among the least sharp is given a direction of its own: its cosine to every other face falls by one factor, and
that of two such faces by its square, whatever groups them. The factor 1 is grouping as it is. Each pack's vectors are a
.npz with the arrays `vectors`, `person` (below 0: nobody, who is grouped but not measured) and `sharpness`. Writes the
table of docs/results/detection.md:

    python benchmarks/unsharp.py --vectors FILE.npz ... --into docs/results/detection.md
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from fixtures.left_out import leave_out

from faceml.identity.clustering import cluster_embeddings
from faceml.identity.linkage import usual_similarity
from faceml.metrics.agreement import Agreement, bcubed

MARK = "<!-- unsharp -->"
END = "<!-- measured -->"  # what another benchmark writes begins here
SHARES, FACTORS = (0.1, 0.25, 0.5), (0.97, 0.93, 0.85)
MATCH_THRESHOLDS = {128: 0.36, 512: 0.25}  # of the packs with so many numbers
METHODS: dict[str, dict[str, Any]] = {
    "hdbscan": {"method": "hdbscan", "min_cluster_size": 3, "min_samples": 2},
    "linkage": {"method": "linkage", "min_cluster_size": 2},
}


def weighted(vectors: np.ndarray[Any, Any], is_unsharp: np.ndarray[Any, Any], factor: float) -> np.ndarray[Any, Any]:
    """(N, D + U) unit rows."""
    own = np.zeros((len(vectors), int(is_unsharp.sum())), np.float32)
    own[np.flatnonzero(is_unsharp), np.arange(own.shape[1])] = np.sqrt(1 - factor**2)
    return np.hstack([np.where(is_unsharp[:, None], vectors * factor, vectors), own]).astype(np.float32)


def grouped(vectors: np.ndarray[Any, Any], people: np.ndarray[Any, Any], options: dict[str, Any]) -> Agreement:
    labels = np.asarray(cluster_embeddings(vectors, **options)).astype(np.int64)
    alone = labels < 0
    labels[alone] = labels.max() + 1 + np.arange(int(alone.sum()))  # noise counts as groups of one
    known = people >= 0
    return bcubed(people[known], labels[known])


def rows(file: Path) -> Iterator[str]:
    held = dict(np.load(file))
    vectors = held["vectors"].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    least = usual_similarity(MATCH_THRESHOLDS[vectors.shape[1]], len(vectors))
    for name, fixed in METHODS.items():
        options = {**fixed, "min_similarity": least}
        base = grouped(vectors, held["person"], options)
        yield f"| {file.stem} | {name} | as it is | | {base.precision:.3f} | {base.recall:.3f} | {base.f:.3f} |"
        for share in SHARES:
            is_unsharp = held["sharpness"] <= np.quantile(held["sharpness"], share)
            for factor in FACTORS:
                found = grouped(weighted(vectors, is_unsharp, factor), held["person"], options)
                yield (
                    f"| | | {share:.0%} | {factor} | {found.precision:.3f} | {found.recall:.3f} "
                    f"| {found.f:.3f} ({found.f - base.f:+.3f}) |"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, nargs="+", help="files of vectors")
    parser.add_argument("--into", type=Path, help="page whose table is replaced")
    options = parser.parse_args()
    if not options.vectors:
        leave_out("needs vectors with their faces' sharpness: give --vectors FILE.npz")
    lines = [
        "| Vectors | Grouping | Unsharp | Factor | Precision | Recall | BCubed F |",
        "|---|---|---|---|---|---|---|",
    ]
    for file in options.vectors:
        for line in rows(file):
            print(line, flush=True)
            lines.append(line)
    if options.into:
        before, _, after = options.into.read_text().partition(MARK)
        table = "\n".join(lines)
        options.into.write_text(f"{before}{MARK}\n\n{table}\n\n{END}{after.partition(END)[2]}")


if __name__ == "__main__":
    main()
