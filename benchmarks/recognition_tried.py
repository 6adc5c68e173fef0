"""What else could tell people apart on new photos: ideas beside the matcher, on the same draws, through its own scores.

    python benchmarks/recognition_tried.py --vectors FILE.npz … --labels 3 --draws 8

neighbours   scores of a face in no tight group are mixed with those of its mutual nearest neighbours (nested groups)
years        a person labelled only as a child is more like an adult's face than the cosine says, and the other way
             round (time between photos); of files with `is_child`
eras         a centroid of a person's childhood and one of the rest in place of one of all: the nearer of the two, or
             that of the face's own age (prototypes by era); of files with `is_child` or `age`
members      a face has a say in its tight group, and the group in its, only where the matcher itself would give the
             face to the group as to a person, at the score that 1 or 0.1 % of strangers reach
together     whoever was labelled, or plainly named, beside the same people before is more likely on this photo; of
             files where several faces share a photo

*Spared* is the share of the matcher's own wrong decisions that the idea spares, with its 95 % interval over people.
Below stands how often the matcher errs beside the plain way: at `auto`, and where it gives as many right names.
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
from faceml.identity.cohort import IN_NO_GROUP, choose_cohort
from faceml.identity.matcher import FLOOR_MARGIN, Matcher, enrol
from faceml.identity.once_a_photo import Photos
from faceml.identity.projection import project
from faceml.identity.prototypes import ZERO_NORM
from faceml.identity.smoothing import smoothed
from faceml.training.whitening import library_head
from faceml.trial.recognition import FMR, Album, Decisions, Draw, cut, draw, figures, plain

SURE = 0.05  # above the threshold: named plainly
GROWN_UP = 16  # years
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A draw's faces, those asked about first, scored by a matcher fitted on its library and labels."""

    album: Album
    draw: Draw
    matcher: Matcher
    rows: NDArray[np.intp]  # (P,) of the album
    alone: Scores  # (P, K), each face for itself
    scores: Scores  # (P, K), tight groups mixed
    threshold: float
    taken: NDArray[np.int64]  # (T, 2) photo and person of each label


Idea = Callable[[Asked], Scores]
Choose = Callable[[Album, NDArray[np.intp]], NDArray[np.intp]]  # of a library's rows some, by their places in it


def usual_cohort(album: Album, library: NDArray[np.intp]) -> NDArray[np.intp]:
    """Places in `library` of the faces that stand for everybody."""
    return choose_cohort(album.groups[library])


def matcher_of(album: Album, asked: Draw, choose: Choose = usual_cohort) -> Matcher:
    cohort = asked.library[choose(album, asked.library)]
    return enrol(
        album.vectors[asked.labelled],
        asked.owners,
        album.groups[asked.labelled],
        album.vectors[cohort],
        album.groups[cohort],
        floor=album.match_threshold + FLOOR_MARGIN,
        head=library_head(album.vectors, album.groups, among=np.arange(len(album.people))),
    )


def ask(album: Album, asked: Draw, choose: Choose = usual_cohort) -> Asked:
    matcher = matcher_of(album, asked, choose)
    rows = np.concatenate((asked.library[asked.is_asked], asked.library[~asked.is_asked]))
    alone = matcher.scores(album.vectors[rows], album.groups[rows]).total
    return Asked(
        album,
        asked,
        matcher,
        rows,
        alone,
        smoothed(alone, album.tight[rows]),
        threshold_of(matcher, FMR),
        np.column_stack((album.photos[asked.labelled], asked.owners)),
    )


def threshold_of(matcher: Matcher, fmr: float) -> float:
    return calibrate_scores(matcher.as_strangers(), matcher.person_rows, fmr=fmr).threshold


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


def members(asked: Asked, *, fmr: float) -> Scores:
    album, matcher, least = asked.album, asked.matcher, threshold_of(asked.matcher, fmr)
    vectors = album.vectors if matcher.head is None else project(matcher.head, album.vectors)
    near = matcher.cohort.nearness(vectors, album.groups) + np.median(matcher.person_nearness)
    tight = np.full(len(vectors), IN_NO_GROUP)
    for group in np.unique(album.groups[album.groups != IN_NO_GROUP]):
        rows = np.flatnonzero(album.groups == group)
        faces = vectors[rows]
        cosines = faces @ faces.T
        np.fill_diagonal(cosines, -1)
        others = faces.sum(axis=0) - faces
        centre = np.vecdot(faces, others) / np.maximum(np.linalg.norm(others, axis=1), ZERO_NORM)
        kept = rows[(cosines.max(axis=1) + centre - near[rows]) / 2 >= least]
        tight[kept] = group if len(kept) > 1 else IN_NO_GROUP
    return smoothed(asked.alone, tight[asked.rows])


def years(asked: Asked, *, bonus: float, is_child: NDArray[np.bool_]) -> Scores:
    has = np.zeros((2, asked.scores.shape[1]), bool)  # who is labelled as an adult, as a child
    has[is_child[asked.draw.labelled].astype(int), asked.draw.owners] = True
    lacks = ~has[is_child[asked.rows].astype(int)]  # (P, K) nothing of the face's own age is labelled
    return asked.scores + np.float32(bonus) * lacks


def eras(asked: Asked, *, is_child: NDArray[np.bool_], own: bool) -> Scores:
    album, head, labelled = asked.album, asked.matcher.head, asked.draw.labelled
    vectors = album.vectors if head is None else project(head, album.vectors)
    faces, whole = vectors[asked.rows], vectors[asked.rows] @ asked.matcher.centroids.T
    of_era = np.full((2, *whole.shape), -np.inf, np.float32)
    for era in (0, 1):
        is_of_era = is_child[labelled] == bool(era)
        sums = np.zeros_like(asked.matcher.centroids)
        np.add.at(sums, asked.draw.owners[is_of_era], vectors[labelled[is_of_era]])
        norms = np.linalg.norm(sums, axis=1)
        has = norms > ZERO_NORM
        of_era[era][:, has] = faces @ (sums[has] / norms[has, None]).T
    if own:
        centre = of_era[is_child[asked.rows].astype(int), np.arange(len(faces))]
        centre = np.where(np.isfinite(centre), centre, whole)
    else:
        centre = of_era.max(axis=0)
    return smoothed(asked.alone + (centre - whole) / 2, album.tight[asked.rows])


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
    yield from ((f"members {fmr:.1%}", partial(members, fmr=fmr)) for fmr in (0.01, 0.001))
    if "is_child" in found:
        is_child = found["is_child"].astype(bool)
        yield from ((f"years {bonus}", partial(years, bonus=bonus, is_child=is_child)) for bonus in (0.03, 0.06, 0.1))
    if "is_child" in found or "age" in found:
        is_young = found["is_child"] if "is_child" in found else (found["age"] >= 0) & (found["age"] < GROWN_UP)
        yield "eras, the nearer", partial(eras, is_child=is_young.astype(bool), own=False)
        yield "eras, of its own age", partial(eras, is_child=is_young.astype(bool), own=True)
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


def errors(before: Sequence[Decisions], after: Sequence[Decisions]) -> str:
    """Wrong names of the plain way and of the matcher, at `auto` and where both give as many right ones."""
    (above, is_right), (above_too, is_right_too) = map(answers, (before, after))
    right = int((is_right & (above >= 0)).sum())
    order = np.argsort(-above_too, kind="stable")
    last = int(np.searchsorted(np.cumsum(is_right_too[order]), right))
    return (
        f"wrong names at auto: {int((~is_right & (above >= 0)).sum())} by the plain way, "
        f"{int((~is_right_too & (above_too >= 0)).sum())} by the matcher; "
        f"where the matcher gives the plain way's {right:,} right ones, {last + 1 - right} wrong ones"
    )


def answers(drawn: Sequence[Decisions]) -> tuple[Scores, NDArray[np.bool_]]:
    """How far above its draw's threshold each face's candidate is, and whether it is right."""
    above = np.concatenate([found.scores - np.float32(found.threshold) for found in drawn])
    return above, np.concatenate([found.candidate == found.truth for found in drawn])


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
        found = {name: [decisions(one, idea) for one in asked] for name, idea in tried.items()}
        report(path.stem, found)
        print(f"\n{errors([plain(album, one.draw) for one in asked], found['matcher'])}", flush=True)


if __name__ == "__main__":
    main()
