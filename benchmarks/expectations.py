"""Do the rates and numbers that faceml tells of itself hold? What it tells from labels beside what is so.

    python benchmarks/expectations.py --vectors FILE.npz … --labels 3 5 --draws 20

Files and draws are those of benchmarks/recognition.py. Three tables, means over the draws:

- *Fixed thresholds*: what plain cosines at `auto`, 0.6 and 0.7 find, and which share of strangers they name.
- *Strangers named* at `auto`, as `faceml faces calibrate` tells it from the labels, by who strangers are; beside it the
  strangers that were named. Relatives are those who share a `family` with a known person; a file without families has
  none to tell of.
- *Probably known*: the faces that the matcher leaves without a name and whose best person is probably right, as
  `faceml faces suggest --kind uncertain` asks about first, then those that are less likely, and all: how many were
  expected to be right, and how many are.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from fixtures.left_out import leave_out
from numpy.typing import NDArray
from recognition import read

from faceml.identity.assignment import NOBODY, Matches
from faceml.identity.calibration import calibrate_scores
from faceml.identity.matcher import FLOOR_MARGIN, Matcher, fit_matcher
from faceml.identity.prototypes import centroids, choose_exemplars
from faceml.identity.strangers import StrangerRates, against_others, near_people, people_beside, stranger_rates
from faceml.identity.suggestions import likelihood
from faceml.training.whitening import library_head
from faceml.trial.recognition import FMR, STRANGER, Album, Decisions, Draw, draw, figures, plain

THRESHOLDS = (0.6, 0.7)
BANDS = ((0.5, 1.01, "half likely or more"), (0.2, 0.5, "a fifth to a half"), (0.0, 1.01, "all without a name"))
NOT_KNOWN = -1  # a family


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    matcher: Matcher
    threshold: float
    matches: Matches  # of the draw's library
    alone: NDArray[np.float32]  # likewise, scores without groups and photos


def fit(album: Album, asked: Draw) -> Fitted:
    """As `faceml.trial.recognition.fitted`, with what is told beside it."""
    head = library_head(album.vectors, album.groups)
    labelled, library = asked.labelled, asked.library
    matcher = fit_matcher(
        album.vectors[labelled],
        asked.owners,
        album.groups[labelled],
        album.vectors[library],
        album.groups[library],
        floor=album.match_threshold + FLOOR_MARGIN,
        head=head,
    )
    threshold = calibrate_scores(matcher.as_strangers(), matcher.person_rows, fmr=FMR).threshold
    faces, groups = album.vectors[library], album.groups[library]
    matches = matcher.match(
        faces,
        groups=groups,
        tight=album.tight[library],
        photos=album.photos[library],
        taken=np.column_stack((album.photos[labelled], asked.owners)),
        min_score=threshold,
    )
    return Fitted(matcher, threshold, matches, matcher.match(faces, groups=groups).similarities)


def probable(asked: Draw, fitted: Fitted) -> Iterator[tuple[str, tuple[int, float, int]]]:
    """In words: how many faces, how many right ones expected, how many right ones."""
    told = fitted.matcher.as_strangers()
    known = np.isfinite(told.genuine)
    is_right = (told.genuine > told.impostor)[known]
    best = np.maximum(told.genuine, told.impostor)[known]
    found = likelihood(best, is_right, fitted.alone, threshold=fitted.threshold)
    if found is None:
        return
    left = (fitted.matches.person_rows == NOBODY) & (fitted.matches.candidate_rows != NOBODY)
    chance = found.of(fitted.matches.similarities[left])
    right = (fitted.matches.candidate_rows == asked.truth)[left]
    for low, high, words in BANDS:
        here = (chance >= low) & (chance < high)
        yield words, (int(here.sum()), float(chance[here].sum()), int(right[here].sum()))


def told_of_plain(album: Album, asked: Draw, threshold: float) -> StrangerRates:
    vectors, owners = album.vectors[asked.labelled], asked.owners
    people = int(owners.max()) + 1
    quality = album.quality[asked.labelled]
    of_person = [np.flatnonzero(owners == person) for person in range(people)]
    exemplars = np.concatenate([rows[choose_exemplars(vectors[rows], quality[rows])] for rows in of_person])
    near = near_people(owners, people_beside(owners, album.photos[asked.labelled]), centroids(vectors, owners))
    parts = against_others(vectors, owners, exemplar_rows=exemplars)
    return stranger_rates(parts, owners, near, threshold=threshold)


def told_of_matcher(album: Album, asked: Draw, fitted: Fitted) -> StrangerRates:
    matcher = fitted.matcher
    order = np.argsort(asked.owners, kind="stable")  # as a matcher has them
    beside = people_beside(matcher.person_rows, album.photos[asked.labelled[order]])
    near = near_people(matcher.person_rows, beside, matcher.centroids)
    parts = ((part, scores) for part, scores, _ in matcher.against_others(np.arange(len(order))))
    return stranger_rates(parts, matcher.person_rows, near, threshold=fitted.threshold, barred=beside)


def found_rates(
    asked: Draw, named: NDArray[np.bool_], family: NDArray[np.int64], known: NDArray[np.int64]
) -> list[float]:
    """Share of unrelated strangers' faces and of relatives' that were named."""
    stranger = asked.is_asked & (asked.truth == STRANGER)
    is_relative = np.isin(family[asked.library], known[known != NOT_KNOWN])
    return [
        float(named[stranger & rows].mean()) if (stranger & rows).any() else np.nan
        for rows in (~is_relative, is_relative)
    ]


def measure(path: Path, labels: int, draws: int) -> tuple[list[str], list[str], list[str]]:
    file = read(path)
    album, arrays = file.album, np.load(path)
    family = arrays["family"].astype(np.int64) if "family" in arrays else np.full(len(album.people), NOT_KNOWN)
    fixed: dict[str, list[Decisions]] = {"auto": [], **{f"{value:g}": [] for value in THRESHOLDS}}
    rates: dict[str, list[list[float]]] = {"plain": [], "matcher": []}
    counts: dict[str, list[tuple[int, float, int]]] = {}
    for seed in range(draws):
        asked = draw(album, labels=labels, seed=seed)
        known = np.unique(family[asked.labelled])
        found = plain(album, asked)
        fixed["auto"].append(found)
        for value in THRESHOLDS:
            fixed[f"{value:g}"].append(replace(found, threshold=value))
        fitted = fit(album, asked)
        named = np.zeros(len(asked.library), bool)
        named[asked.is_asked] = found.named != NOBODY
        for way, told, is_named in (
            ("plain", told_of_plain(album, asked, found.threshold), named),
            ("matcher", told_of_matcher(album, asked, fitted), fitted.matches.person_rows != NOBODY),
        ):
            relatives = told.relatives.value if told.relatives else np.nan
            rates[way].append([told.unrelated.value, relatives, *found_rates(asked, is_named, family, known)])
        for words, count in probable(asked, fitted):
            counts.setdefault(words, []).append(count)
    return (
        [fixed_row(file.name, labels, name, decisions) for name, decisions in fixed.items()],
        [rates_row(file.name, labels, way, rows) for way, rows in rates.items()],
        [
            row(file.name, labels, words, *(f"{value:.1f}" for value in np.mean(rows, axis=0)))
            for words, rows in counts.items()
        ],
    )


def fixed_row(name: str, labels: int, threshold: str, decisions: list[Decisions]) -> str:
    found = figures(decisions)
    shares = (f"{found.precision:.4f}", f"{found.recall:.3f}", f"{found.strangers_named:.2%}")
    return row(name, labels, threshold, *shares)


def rates_row(name: str, labels: int, way: str, rows: list[list[float]]) -> str:
    values = [np.array(column)[np.isfinite(column)] for column in zip(*rows, strict=True)]
    return row(name, labels, way, *(f"{value.mean():.2%}" if len(value) else "" for value in values))


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


TITLES: Mapping[str, str] = {
    "Fixed thresholds": "| file | labels | threshold | precision | recall | strangers named |",
    "Strangers named": "| file | labels | way | unrelated: told | relatives: told | unrelated: so | relatives: so |",
    "Probably known": "| file | labels | likely | faces | expected to be right | right |",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, nargs="+")
    parser.add_argument("--labels", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--draws", type=int, default=20)
    options = parser.parse_args()
    if not options.vectors:
        leave_out("it needs --vectors FILE.npz, as `faceml faces export --vectors` writes them")
    tables: tuple[list[str], list[str], list[str]] = ([], [], [])
    for path in options.vectors:
        for labels in options.labels:
            for table, rows in zip(tables, measure(path, labels, options.draws), strict=True):
                table += rows
    for (title, head), rows in zip(TITLES.items(), tables, strict=True):
        print(f"\n## {title}\n\n{head}\n{'|---' * head.count(' | ')}|---|")
        print("\n".join(rows), flush=True)


if __name__ == "__main__":
    main()
