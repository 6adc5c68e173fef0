"""What else could tell people apart on new photos: ideas beside the matcher, on the same draws, through its own scores.

    python benchmarks/recognition_tried.py --vectors FILE.npz … --labels 3 --draws 8

neighbours   scores of a face in no tight group are mixed with those of its mutual nearest neighbours (nested groups)
years        a person labelled only as a child is more like an adult's face than the cosine says, and the other way
             round (time between photos); of files with `is_child`
together     whoever was labelled, or plainly named, beside the same people before is more likely on this photo; of
             files where several faces share a photo

*Spared* is the share of the matcher's own wrong decisions that the idea spares, with its 95 % interval over people.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from fixtures.left_out import leave_out
from numpy.typing import NDArray
from recognition import read

from faceml.identity.calibration import calibrate_scores
from faceml.identity.cohort import choose_cohort
from faceml.identity.matcher import FLOOR_MARGIN, Matcher, enrol
from faceml.identity.once_a_photo import Photos
from faceml.identity.smoothing import smoothed
from faceml.training.whitening import library_head
from faceml.trial.recognition import FMR, Album, Decisions, Draw, cut, draw, figures

SURE = 0.05  # above the threshold: named plainly
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A draw's faces, those asked about first, scored by a matcher fitted on its library and labels."""

    album: Album
    draw: Draw
    rows: NDArray[np.intp]  # (P,) of the album
    scores: Scores  # (P, K), tight groups mixed
    threshold: float
    taken: NDArray[np.int64]  # (T, 2) photo and person of each label


Idea = Callable[[Asked], Scores]


def matcher_of(album: Album, asked: Draw) -> Matcher:
    cohort = asked.library[choose_cohort(album.groups[asked.library])]
    return enrol(
        album.vectors[asked.labelled],
        asked.owners,
        album.groups[asked.labelled],
        album.vectors[cohort],
        album.groups[cohort],
        floor=album.match_threshold + FLOOR_MARGIN,
        head=library_head(album.vectors, album.groups, among=np.arange(len(album.people))),
    )


def ask(album: Album, asked: Draw) -> Asked:
    matcher = matcher_of(album, asked)
    rows = np.concatenate((asked.library[asked.is_asked], asked.library[~asked.is_asked]))
    scores = smoothed(matcher.scores(album.vectors[rows], album.groups[rows]).total, album.tight[rows])
    threshold = calibrate_scores(matcher.as_strangers(), matcher.person_rows, fmr=FMR).threshold
    return Asked(album, asked, rows, scores, threshold, np.column_stack((album.photos[asked.labelled], asked.owners)))


def settled(asked: Asked, scores: Scores) -> tuple[NDArray[np.intp], Scores]:
    """(P,) person and score of each face, each person once a photo."""
    photos = Photos.of(asked.album.photos[asked.rows], asked.taken)
    width = min(scores.shape[1], max(2, photos.longest + 1))
    people = np.argsort(-scores, axis=1, kind="stable")[:, :width]
    found = photos.settle(people, np.take_along_axis(scores, people, axis=1), -np.inf)
    return found.candidate_rows, found.similarities


def decisions(asked: Asked, idea: Idea) -> Decisions:
    people, scores = settled(asked, idea(asked))
    count, library = int(asked.draw.is_asked.sum()), asked.draw.library
    return Decisions(
        people=asked.album.people[library][asked.draw.is_asked],
        truth=asked.draw.truth[asked.draw.is_asked],
        candidate=people[:count],
        scores=scores[:count],
        threshold=asked.threshold,
    )


# --- the ideas


def neighbours(asked: Asked, *, weight: float, count: int = 5) -> Scores:
    vectors = asked.album.vectors[asked.rows]
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    least = np.partition(cosines, -count, axis=1)[:, -count]
    is_near = (cosines >= least[:, None]) & (cosines >= least) & (cosines >= asked.album.match_threshold + FLOOR_MARGIN)
    counts = is_near.sum(axis=1)
    means = is_near.astype(np.float32) @ asked.scores / np.maximum(counts, 1)[:, None]
    is_mixed = (counts > 0) & (asked.album.tight[asked.rows] < 0)
    return np.where(is_mixed[:, None], (1 - weight) * asked.scores + weight * means, asked.scores)


def years(asked: Asked, *, bonus: float, is_child: NDArray[np.bool_]) -> Scores:
    has = np.zeros((2, asked.scores.shape[1]), bool)  # who is labelled as an adult, as a child
    has[is_child[asked.draw.labelled].astype(int), asked.draw.owners] = True
    lacks = ~has[is_child[asked.rows].astype(int)]  # (P, K) nothing of the face's own age is labelled
    return asked.scores + np.float32(bonus) * lacks


def together(asked: Asked, *, bonus: float, with_named: bool) -> Scores:
    photos, people = asked.taken.T
    found, best = settled(asked, asked.scores)
    is_sure = (best >= asked.threshold + SURE) & with_named
    photos = np.concatenate((photos, asked.album.photos[asked.rows[is_sure]]))
    people = np.concatenate((people, found[is_sure]))
    shown, code = np.unique(photos, return_inverse=True)
    on_photo = np.zeros((len(shown), asked.scores.shape[1]), np.float32)
    on_photo[code, people] = 1
    both = on_photo.T @ on_photo
    np.fill_diagonal(both, 0)
    scores = asked.scores.copy()
    for row, photo in enumerate(asked.album.photos[asked.rows].tolist()):
        at = int(np.searchsorted(shown, photo))
        if at < len(shown) and shown[at] == photo:
            elsewhere = both - np.outer(on_photo[at], on_photo[at])  # not by this very photo
            beside = on_photo[at] > 0
            if is_sure[row]:
                beside[found[row]] = False
            scores[row] += np.float32(bonus) * (elsewhere[beside] > 0).any(axis=0)
    return scores


def ideas(found: dict[str, NDArray[np.float64]]) -> Iterator[tuple[str, Idea]]:
    yield "matcher", lambda asked: asked.scores
    yield from ((f"neighbours {weight}", partial(neighbours, weight=weight)) for weight in (0.3, 0.5))
    if "is_child" in found:
        is_child = found["is_child"].astype(bool)
        yield from ((f"years {bonus}", partial(years, bonus=bonus, is_child=is_child)) for bonus in (0.03, 0.06, 0.1))
    if len(np.unique(found["photo"])) < len(found["photo"]):
        for with_named in (False, True):
            name = "labelled or named" if with_named else "labelled"
            for bonus in (0.03, 0.06):
                yield f"together {bonus}, {name}", partial(together, bonus=bonus, with_named=with_named)


def report(name: str, found: dict[str, Sequence[Decisions]]) -> None:
    print(f"\n## {name}\n\n| idea | wrong | precision | recall | DIR 1 % | DIR 0.1 % | spared |\n{'|---' * 7}|")
    for idea, drawn in found.items():
        one, spared = figures(drawn), cut(found["matcher"], drawn)
        print(
            f"| {idea} | {one.wrong:.4f} | {one.precision:.3f} | {one.recall:.3f} | {one.dir_1:.3f} | {one.dir_01:.3f} "
            f"| {spared.value:+.1%} ({spared.low:+.1%} to {spared.high:+.1%}) |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, nargs="+", default=[], metavar="FILE.npz")
    parser.add_argument("--labels", type=int, default=3)
    parser.add_argument("--draws", type=int, default=8)
    options = parser.parse_args()
    if not options.vectors:
        leave_out("no faces: name files with --vectors")
    for path in options.vectors:
        album, tried = read(path).album, dict(ideas(dict(np.load(path))))
        asked = [ask(album, draw(album, labels=options.labels, seed=seed)) for seed in range(options.draws)]
        report(path.stem, {name: [decisions(one, idea) for one in asked] for name, idea in tried.items()})


if __name__ == "__main__":
    main()
