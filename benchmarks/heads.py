"""What a trained projection is worth on people it has never seen: raw vectors, the documented head, alternatives.

Needs folders with one folder of photos a person (LFW's form), `:90` adds 90 pixels of grey on each side, for tight
crops. All tables of docs/results/training.md:

    python benchmarks/heads.py --mined --people lfw-gray:90 --people lfw-color --pack opencv-zoo \
        --pack scrfd500m_edgeface_xs --model-root ROOT --into docs/results/training.md

Each photo's face of highest confidence x size counts. People are dealt out into five folds; each fold's people are
asked about with a head trained on the others (those with five faces or more), as `faceml faces train-matching` does.
Figures are over all folds, intervals by a bootstrap over people, gains paired within each draw. The measure that
decides is the one `faceml.trial.comparison` names before anything is trained. Embeddings stay in the temporary folder
for the next run.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fixtures.left_out import leave_out
from identities import Faces, Photos, cached_faces
from numpy.typing import NDArray

from faceml.identity.projection import Head
from faceml.metrics.verification import pair_scores, roc, tar_at_far
from faceml.options import PULL
from faceml.training.fit import fit
from faceml.training.options import Options
from faceml.training.splits import identity_folds
from faceml.training.whitening import centred_identity, identity_head, lda, pca_whitening, within_whitening
from faceml.trial.comparison import RAW, Comparison, Gain
from faceml.trial.heads import cross_fit
from faceml.trial.held_out import compare
from faceml.trial.measures import Projected, Trial

FOLDS, MIN_FACES = 5, 5
MEASURES = ("tar@far=1e-2", "tar@far=1e-3", "eer", "dir@far=1e-2", "bcubed_f", "assignment_f")
HOPELESS_FAR = 1e-1  # a genuine pair still refused here is no pair of one person's faces, or no face
Rows = NDArray[np.intp]

BEGIN, END = "<!-- benchmarks/heads.py -->", "<!-- end of benchmarks/heads.py -->"
DOCUMENTED, DEFAULT = "documented (triplet)", "linear, pulled back"
TRAINED = {
    DOCUMENTED: Options(head="documented"),
    f"{DOCUMENTED}, 50 epochs": Options(head="documented", epochs=50),
    "residual": Options(head="residual", weight_decay=0),
    "residual, pulled back": Options(head="residual"),
    "linear": Options(head="linear", weight_decay=0),
    DEFAULT: Options(head="linear"),
    "whitening, trained on": Options(head="whitening", weight_decay=0),
    "whitening, trained on, pulled back": Options(head="whitening"),
    "whitening, trained on, pulled back hard": Options(head="whitening", weight_decay=10 * PULL),
}
MINED = {
    "linear, batch-hard": Options(head="linear", mining="batch-hard", weight_decay=0),
    "linear, supervised contrastive": Options(head="linear", loss="supcon", weight_decay=0),
    "linear, ArcFace": Options(head="linear", loss="arcface", margin=0.5, weight_decay=0),
    "linear, pulled back, batch-hard": Options(head="linear", mining="batch-hard"),
    "linear, pulled back, supervised contrastive": Options(head="linear", loss="supcon"),
    "linear, pulled back, ArcFace": Options(head="linear", loss="arcface", margin=0.5),
}


@dataclass(frozen=True, slots=True)
class Tried:
    name: str
    seconds: float  # of training all folds
    projected: Projected


def learners(
    vectors: NDArray[np.float32], people: Rows, configurations: dict[str, Options]
) -> dict[str, Callable[[Rows], Head]]:
    def trained(options: Options) -> Callable[[Rows], Head]:
        def learn(rows: Rows) -> Head:
            counts = np.bincount(people[rows], minlength=people.max() + 1)
            kept = rows[counts[people[rows]] >= MIN_FACES]
            return fit(vectors[kept], people[kept], options).head

        return learn

    closed: dict[str, Callable[[Rows], Head]] = {
        RAW: lambda _: identity_head(vectors.shape[1]),
        "mean taken off": lambda rows: centred_identity(vectors[rows]),
        "PCA whitening": lambda rows: pca_whitening(vectors[rows]),
        "LDA": lambda rows: lda(vectors[rows], people[rows]),
    }
    for shrinkage in (0.9, 0.8, 0.5):
        closed[f"within-person whitening, shrinkage {shrinkage}"] = lambda rows, s=shrinkage: within_whitening(  # type: ignore[misc]
            vectors[rows], people[rows], shrinkage=s
        )
    return closed | {name: trained(options) for name, options in configurations.items()}


def measure(faces: Faces, configurations: dict[str, Options]) -> tuple[Comparison, list[Tried]]:
    vectors = faces.vectors.astype(np.float32)
    people = np.unique(faces.people, return_inverse=True)[1]
    folds = identity_folds(people, count=FOLDS, seed=0)
    tried = []
    for name, learn in learners(vectors, people, configurations).items():
        started = time.perf_counter()
        projected = cross_fit(vectors, people, folds, learn)
        tried.append(Tried(name, time.perf_counter() - started, projected))
        print(f"  {name}: {tried[-1].seconds:.1f} s", file=sys.stderr, flush=True)
    return compare(Trial(people, folds), {item.name: item.projected for item in tried}, resamples=1_000), tried


def table(found: Comparison, tried: list[Tried]) -> str:
    shown = [measure for measure in MEASURES if measure in found.measured[RAW]]
    heads = " | ".join(f"**{m}**" if m == found.primary else m for m in shown)
    lines = [f"| head | {heads} | training |", "|---" * (2 + len(shown)) + "|"]
    for item in tried:
        cells = [marked(found, item.name, measure) for measure in shown]
        seconds = f"{item.seconds:.1f} s" if item.seconds >= 1 else "-"
        lines.append(f"| {item.name} | {' | '.join(cells)} | {seconds} |")
    return "\n".join(lines)


def marked(found: Comparison, name: str, measure: str) -> str:
    """A figure and, beside raw, its gain: ▲ better beyond the noise, ▼ worse."""
    figure = found.measured[name][measure]
    gain = found.gain(name, RAW, measure)
    if gain is None:
        return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"
    return f"{figure.value:.4f}, {_mark(gain)}{gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})"


def _mark(gain: Gain) -> str:
    if gain.is_clear:
        return "▲ "
    return "▼ " if gain.is_loss else ""


def room(faces: Faces) -> str:
    """What there is to gain at the deciding rate, and what no head can."""
    scores = pair_scores(faces.vectors, faces.people)
    curve = roc(scores.genuine, scores.impostor)
    missed = [round((1 - tar_at_far(curve, far).tar) * len(scores.genuine)) for far in (1e-3, HOPELESS_FAR)]
    return (
        f"Raw vectors miss {missed[0]} of {len(scores.genuine)} genuine pairs at FAR 1e-3; {missed[1]} of these are "
        f"missed at FAR {HOPELESS_FAR:g} still."
    )


def best_of(found: Comparison, measure: str) -> str:
    """The alternative that gains most, chosen after the fact: its gain flatters it."""
    gains = {gain.challenger: gain.value for gain in found.gains if (gain.rival, gain.measure) == (RAW, measure)}
    gains = {name: gain for name, gain in gains.items() if not name.startswith(DOCUMENTED)}
    best = max(gains, key=lambda name: gains[name])
    level = sum(gain == gains[best] for gain in gains.values()) - 1
    also = f" (and {level} level with it)" if level else ""
    return f"{best}{also}: {marked(found, best, measure)}"


def summary(name: str, found: Comparison) -> str:
    decides = found.primary or "eer"
    cells = [marked(found, head, decides) for head in (RAW, DOCUMENTED, DEFAULT)]
    return f"| {name} | {decides} | {' | '.join(cells)} | {best_of(found, decides)} |"


def section(name: str, faces: Faces, found: Comparison, tried: list[Tried]) -> str:
    counts = f"{found.faces} faces; {found.people} people with two or more."
    missing = "; ".join(f"{measure} ({reason})" for measure, reason in found.missing.items())
    heading = f"## {name} ({faces.vectors.shape[1]}-d)"
    return f"{heading}\n\n{counts} {room(faces)}\n\n{table(found, tried)}\n\nNot measured: {missing or 'nothing'}."


def document(sets: list[Photos], packs: list[str], model_root: Path, configurations: dict[str, Options]) -> str:
    short = ["| photos, pack | decides | raw | documented | default | best alternative |", "|---" * 6 + "|"]
    parts = []
    for photos in sets:
        for pack in packs:
            name, faces = f"{photos.folder.name}, {pack}", cached_faces(photos, pack, model_root=model_root)
            found, tried = measure(faces, configurations)
            short.append(summary(name, found))
            parts.append(section(name, faces, found, tried))
    return "\n\n".join(["## In short", "\n".join(short), *parts])


def around_lines(file: Path, begin: str = BEGIN, end: str = END) -> list[str]:
    """What stands before and after the tables."""
    return re.split(f"{begin}.*{end}", file.read_text(), flags=re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Photos.parse, action="append", metavar="FOLDER[:PAD]")
    parser.add_argument("--pack", action="append", help="both may be given several times")
    parser.add_argument("--model-root", type=Path, default=Path("~/.insightface").expanduser())
    parser.add_argument("--mined", action="store_true", help="also losses over batches: three times as long")
    parser.add_argument("--into", type=Path, help=f"document with the lines {BEGIN} and {END}, to write between them")
    options = parser.parse_args()
    if options.people is None:
        leave_out("it needs --people FOLDER, with one folder of photos a person")
    if options.into and len(around_lines(options.into)) != 2:
        parser.error(f"{options.into} lacks the lines {BEGIN} and {END}")
    heads = TRAINED | (MINED if options.mined else {})
    found = document(options.people, options.pack or ["opencv-zoo"], options.model_root, heads)
    if options.into:
        options.into.write_text(f"{BEGIN}\n\n{found}\n\n{END}".join(around_lines(options.into)))
    else:
        print(found)


if __name__ == "__main__":
    main()
