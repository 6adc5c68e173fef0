"""By how much a threshold read off a sample of very many labels differs from that of all of them.

    python benchmarks/calibration_sample.py                    48,000 labelled faces; three minutes

The faces are made up, with the covariances of real hard ones (`fixtures/hard_faces.py`), or the ones somebody labelled
in a library (`--home FOLDER`, see scale_commands.py). All are asked about once, and each sample is some of them.
The tables are Markdown, for docs/results/thresholds.md.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from fixtures.hard_faces import hard_faces
from fixtures.made_library import reopened
from numpy.typing import NDArray

from faceml.identity.calibration import Calibration, calibrate_scores
from faceml.identity.strangers import OpenSetScores, score_open_set

FMRS = (1e-3, 1e-2)
EXEMPLARS = 3
HEAD = (
    "| asked | faces asked about | estimate | off by at most | interval's width | holds that of all | threshold "
    "| strangers named | own found |\n|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=48_000)
    parser.add_argument("--home", type=Path, help="a library, in place of made-up faces")
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 10_000])
    parser.add_argument("--samples", type=int, default=60)
    asked = parser.parse_args()
    vectors, owners, exemplars = labelled(asked.home) if asked.home else made_up(asked.faces)
    started = time.process_time()
    scores = score_open_set(vectors, owners, exemplar_rows=exemplars, probes=np.arange(len(owners)))
    seconds = time.process_time() - started
    print(
        f"{len(owners):,} labelled faces of {owners.max() + 1:,} people, all scored in {seconds:.1f} processor seconds"
    )
    print(HEAD)
    for fmr in FMRS:
        of_all = calibrate_scores(scores, owners, fmr=fmr)
        print(row(of_all, [of_all], scores), flush=True)
        for size in asked.sizes:
            found = [
                calibrate_scores(sample(scores, size, seed), owners, fmr=fmr, resamples=200)
                for seed in range(asked.samples)
            ]
            print(row(of_all, found, scores), flush=True)
    print("A hundredth of the labels taken away: by how much the threshold at 0.1 % moves, in each of eight draws")
    before = threshold(vectors, owners, exemplars, np.arange(len(owners)))
    for words, left in (("faces", without_faces), ("people", without_people)):
        moved = [threshold(vectors, owners, exemplars, left(owners, seed)) - before for seed in range(8)]
        print(f"{words}: {', '.join(f'{one:+.4f}' for one in moved)}", flush=True)


def threshold(
    vectors: NDArray[np.float32], owners: NDArray[np.intp], exemplars: NDArray[np.intp], rows: NDArray[np.intp]
) -> float:
    """As suggestions have it, were only these faces labelled."""
    people = np.unique(owners[rows], return_inverse=True)[1]
    scores = score_open_set(vectors[rows], people, exemplar_rows=np.flatnonzero(np.isin(rows, exemplars)))
    return calibrate_scores(scores, people, fmr=FMRS[0]).threshold


def without_faces(owners: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    return np.sort(np.random.default_rng(seed).permutation(len(owners))[len(owners) // 100 :])


def without_people(owners: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    people = np.random.default_rng(seed).permutation(owners.max() + 1)
    gone = people[np.cumsum(np.bincount(owners)[people]) <= len(owners) // 100]
    return np.flatnonzero(~np.isin(owners, gone))


def labelled(home: Path) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.intp]]:
    with reopened(home).repository.read() as unit:
        faces, people = unit.vectors.labelled_by_a_person()
        exemplars = set(unit.prototypes.all().face_ids)
    owners = np.unique([str(person) for person in people], return_inverse=True)[1]
    return faces.vectors, owners, np.array([row for row, id_ in enumerate(faces.face_ids) if id_ in exemplars], np.intp)


def made_up(count: int) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.intp]]:
    """Faces of people with two or more, the first three of each as exemplars."""
    made = hard_faces(count)
    rows = np.argsort(made.people, kind="stable")
    sizes = np.bincount(made.people)
    rows = rows[sizes[made.people[rows]] > 1]
    owners = np.unique(made.people[rows], return_inverse=True)[1]
    nth = np.arange(len(owners)) - np.searchsorted(owners, owners)
    return made.vectors[rows], owners, np.flatnonzero(nth < EXEMPLARS)


def sample(scores: OpenSetScores, size: int, seed: int) -> OpenSetScores:
    """Of a rate that is read off, not continued from the tail."""
    rows = np.sort(np.random.default_rng(seed).choice(len(scores.probes), size, replace=False))
    return replace(scores, probes=rows, genuine=scores.genuine[rows], impostor=scores.impostor[rows])


def row(of_all: Calibration, found: list[Calibration], scores: OpenSetScores) -> str:
    """Of several samples; strangers named and own found are those of all faces at the sample's threshold."""
    value, low, high = (
        of_all.estimate.value,
        *(np.array([getattr(one.estimate, end) for one in found]) for end in ("low", "high")),
    )
    estimates = np.array([one.estimate.value for one in found])
    known = np.isfinite(scores.genuine)
    named = [float(np.mean(scores.impostor >= one.threshold)) for one in found]
    is_best = scores.genuine > scores.impostor
    own = [float(np.mean((is_best & (scores.genuine >= one.threshold))[known])) for one in found]
    cells = (
        f"{of_all.fmr_asked:.1%}",
        f"{found[0].probes:,}",
        f"{estimates.mean():.4f}",
        f"{np.abs(estimates - value).max():.4f}",
        f"{np.mean(high - low):.4f}",
        f"{np.mean((low <= value) & (value <= high)):.0%}",
        ranged([one.threshold for one in found], ".4f"),
        ranged(named, ".3%"),
        ranged(own, ".2%"),
    )
    return f"| {' | '.join(cells)} |"


def ranged(values: list[float], form: str) -> str:
    if len(values) == 1:
        return format(values[0], form)
    return f"{np.mean(values):{form}} ({min(values):{form}} to {max(values):{form}})"


if __name__ == "__main__":
    main()
