"""What `--threshold auto` is worth in a projected space, and which centroids to compare there.

Needs a folder as benchmarks/heads.py does. Writes the tables of docs/results/thresholds.md:

    python benchmarks/thresholds.py --people lfw-gray:90 --pack opencv-zoo --pack NAME --model-root ROOT

Each draw labels 40 of the people with five faces or more: heads learn from them, and thresholds are calibrated on them,
for 1 % and 0.1 % of strangers' faces. Nobody saw the other people. *Strangers named* is the share of their faces that
are similar enough to one of the 40; *known* is the share that pass the threshold and find their own person, by
centroids of each person's other faces. A threshold is calibrated in the projected space on the labels the head learned
from, or on raw vectors and then carried over by the map that `faceml faces train-matching` keeps.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from fixtures.left_out import leave_out
from heads import MIN_FACES
from identities import Faces, Photos, cached_faces
from numpy.typing import NDArray

from faceml.identity.calibration import calibrate
from faceml.identity.projection import Head, project
from faceml.identity.prototypes import centroids
from faceml.identity.strangers import score_open_set
from faceml.identity.threshold_map import ThresholdMap
from faceml.metrics.identification import answer, dir_at_far, rank_one, split_open_set
from faceml.training.fit import fit
from faceml.training.options import Options
from faceml.training.whitening import identity_head
from faceml.trial.comparison import Recipe
from faceml.trial.heads import LabelledFaces, compare_heads, threshold_map

LABELLED, DRAWS = 40, 10
ASKED = (1e-2, 1e-3)  # shares of strangers' faces; the second is the default
OPEN_SET_FAR = 1e-2
RAW = "raw"
HEADS = {
    "linear (default)": Options(),
    "whitening": Options(head="whitening"),
    "documented": Options(head="documented"),
}


@dataclass(frozen=True, slots=True)
class People:
    vectors: NDArray[np.float32]  # (N, D)
    owners: NDArray[np.intp]  # (N,) from 0

    @classmethod
    def of(cls, faces: Faces, chosen: NDArray[np.bool_]) -> People:
        return cls(faces.vectors[chosen].astype(np.float32), np.unique(faces.people[chosen], return_inverse=True)[1])

    def by(self, head: Head) -> People:
        return People(project(head, self.vectors), self.owners)

    @property
    def centroids(self) -> NDArray[np.float32]:
        return centroids(self.vectors, self.owners)


def draw_people(faces: Faces, seed: int) -> tuple[People, People]:
    """Those labelled, and those that nobody saw."""
    names, counts = np.unique(faces.people, return_counts=True)
    chosen = np.random.default_rng(seed).permutation(names[counts >= MIN_FACES])[:LABELLED]
    is_labelled = np.isin(faces.people, chosen)
    return People.of(faces, is_labelled), People.of(faces, ~is_labelled)


def kept_map(labelled: People, options: Options) -> ThresholdMap:
    """What training keeps, to carry raw thresholds over."""
    ids = tuple(UUID(int=row) for row in range(len(labelled.owners)))
    count = len(labelled.owners)
    people = ids[: int(labelled.owners.max()) + 1]
    faces = LabelledFaces(ids, labelled.vectors, labelled.owners, people, np.arange(count), np.ones(count))
    kept = threshold_map(compare_heads(faces, options, Recipe(asdict(options), MIN_FACES, ""), champion=None))
    if kept is None:
        raise SystemExit("too few labelled people for a map of thresholds: pass a folder with more")
    return ThresholdMap.from_json(kept)


def auto(labelled: People, asked: float) -> float:
    return calibrate(labelled.vectors, labelled.owners, fmr=asked).threshold


def strangers_named(threshold: float, labelled: People, unseen: People) -> float:
    return float(((unseen.vectors @ labelled.centroids.T).max(axis=1) >= threshold).mean())


def known(threshold: float, unseen: People) -> float:
    scores = score_open_set(unseen.vectors, unseen.owners)
    is_known = (scores.genuine >= threshold) & (scores.genuine > scores.impostor)
    return float(is_known[np.isfinite(scores.genuine)].mean())


def by_thresholds(head: Head, kept: ThresholdMap | None, labelled: People, unseen: People) -> dict[str, float]:
    here, others = labelled.by(head), unseen.by(head)
    found = {}
    for asked in ASKED:
        thresholds = {"its labels": auto(here, asked)}
        if kept is not None:
            thresholds["carried over"] = kept.of(auto(labelled, asked))
        for source, threshold in thresholds.items():
            found[f"{asked:.1%} asked, {source}: strangers named"] = strangers_named(threshold, here, others)
            found[f"{asked:.1%} asked, {source}: known"] = known(threshold, others)
    return found


def by_centroids(head: Head, unseen: People) -> dict[str, float]:
    """Of people enrolled with three faces, with all others asked about."""
    divided = split_open_set(unseen.owners, unknown_share=0)
    enrolled, owners = np.unique(unseen.owners[divided.gallery], return_inverse=True)
    gallery = People(unseen.vectors[divided.gallery], owners)
    probes = project(head, unseen.vectors[divided.probes])
    ways = {
        "centroids of projected faces": gallery.by(head).centroids,
        "projected centroids": project(head, gallery.centroids),
    }
    found = {}
    for way, middles in ways.items():
        answers = answer(probes, unseen.owners[divided.probes], middles, enrolled)
        found[f"{way}: rank 1"] = rank_one(answers)
        found[f"{way}: DIR@FAR 1e-2"] = dir_at_far(answers, OPEN_SET_FAR)
    return found


def measure(faces: Faces, seed: int) -> dict[str, dict[str, float]]:
    """Space → measure → figure, of one draw."""
    labelled, unseen = draw_people(faces, seed)
    heads: dict[str, tuple[Head, ThresholdMap | None]] = {RAW: (identity_head(faces.vectors.shape[1]), None)}
    for name, options in HEADS.items():
        heads[name] = fit(labelled.vectors, labelled.owners, options).head, kept_map(labelled, options)
    print(f"  draw {seed}", file=sys.stderr, flush=True)
    return {
        name: by_thresholds(head, kept, labelled, unseen) | by_centroids(head, unseen)
        for name, (head, kept) in heads.items()
    }


def table(faces: Faces) -> str:
    draws = [measure(faces, seed) for seed in range(DRAWS)]
    spaces = list(draws[0])
    lines = [f"| | {' | '.join(spaces)} |", "|---" * (1 + len(spaces)) + "|"]
    for name in draws[0][spaces[-1]]:
        cells = [_spread([draw[space][name] for draw in draws if name in draw[space]]) for space in spaces]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.1%} ({min(values):.1%} to {max(values):.1%})" if values else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Photos.parse, metavar="FOLDER[:PAD]", help="without it nothing is measured")
    parser.add_argument("--pack", action="append", help="model pack; may be given several times")
    parser.add_argument("--model-root", type=Path, default=Path("~/.insightface").expanduser())
    options = parser.parse_args()
    if options.people is None:
        leave_out("it needs --people FOLDER, with one folder of photos a person")
    print(f"Mean of {DRAWS} draws of {LABELLED} labelled people (lowest to highest).")
    for name in options.pack or ["opencv-zoo"]:
        faces = cached_faces(options.people, name, model_root=options.model_root)
        print(f"\n{name}:\n\n{table(faces)}", flush=True)


if __name__ == "__main__":
    main()
