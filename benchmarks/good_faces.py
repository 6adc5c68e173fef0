"""Does it help to prefer good faces: as exemplars, and among the faces that stand for everybody (the cohort)?

    python benchmarks/good_faces.py --vectors FILE.npz ... --draws 10 --into docs/results/recognition.md

Each file is one of `recognition.py` with `quality` and `sharpness`. Exemplars are chosen as they are (by the documented
quality score), by sharpness, by chance, and as the three best without regard to how alike they are; the plain way is
asked. A cohort is as it is, without its least sharp or lowest part, and without as many by chance, and with the best
face of each group in place of one by chance; the matcher is asked. *Recall* is of the known people's faces at the
threshold that `auto` reads off the labels, DIR the share of them ranked right where 1 % of strangers would be named;
*spared* is the share of wrong decisions beside the choice as it is, with its 95 % interval over people.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from fixtures.left_out import leave_out
from numpy.typing import NDArray
from recognition import read
from recognition_tried import Choose, ask, decisions, usual_cohort

from faceml.errors import NotEnoughData
from faceml.trial import recognition
from faceml.trial.recognition import Album, Decisions, Draw, Way, cut, draw, figures, plain

BEGIN, END = "<!-- benchmarks/good_faces.py -->", "<!-- end of benchmarks/good_faces.py -->"
AS_IT_IS = "as it is"
SHARES = (0.25, 0.5)  # of the cohort that is left out

Numbers = NDArray[np.float64]


def exemplars(found: dict[str, Numbers]) -> Iterator[tuple[str, Way]]:
    """Ways that differ in what the exemplars are chosen by."""
    chance = np.random.default_rng(0).random(len(found["quality"]))
    yield AS_IT_IS, plain
    for name, order in (("by sharpness", found["sharpness"]), ("by chance", chance), ("the worst", -found["quality"])):
        yield name, partial(_ordered, order=np.asarray(order, np.float64))
    yield "the three best", _three_best


def _ordered(album: Album, asked: Draw, *, order: Numbers) -> Decisions:
    return plain(replace(album, quality=order), asked)


def _three_best(album: Album, asked: Draw) -> Decisions:
    usual, recognition.choose_exemplars = recognition.choose_exemplars, lambda _, quality: np.argsort(-quality)[:3]
    try:
        return plain(album, asked)
    finally:
        recognition.choose_exemplars = usual


def cohorts(found: dict[str, Numbers]) -> Iterator[tuple[str, Choose]]:
    chance = np.random.default_rng(0).random(len(found["quality"]))
    yield AS_IT_IS, usual_cohort
    for name, order in (("least sharp", found["sharpness"]), ("lowest quality", found["quality"]), ("chance", chance)):
        for share in SHARES:
            how = "by chance" if name == "chance" else f"of {name}"
            yield f"without {share:.0%} {how}", partial(_without, order=np.asarray(order), share=share)
    yield "the sharpest of each group", partial(_best_of_groups, order=np.asarray(found["sharpness"]))


def _without(album: Album, library: NDArray[np.intp], *, order: Numbers, share: float) -> NDArray[np.intp]:
    usual = usual_cohort(album, library)
    values = order[library[usual]]
    return usual[values >= np.quantile(values, share)]


def _best_of_groups(album: Album, library: NDArray[np.intp], *, order: Numbers) -> NDArray[np.intp]:
    groups, best_first = album.groups[library], np.argsort(-order[library], kind="stable")
    first = np.unique(groups[best_first], return_index=True)[1]
    of_groups = best_first[first[groups[best_first][first] >= 0]]
    return np.union1d(of_groups, np.flatnonzero(groups < 0))


def by_cohort(album: Album, asked: Draw, *, choose: Choose) -> Decisions:
    return decisions(ask(album, asked, choose), lambda one: one.scores)


def lines(name: str, labels: int, ways: dict[str, Way], album: Album, draws: int) -> Iterator[str]:
    questions = [draw(album, labels=labels, seed=seed) for seed in range(draws)]
    base: Sequence[Decisions] = []
    for way, decide in ways.items():
        found = [decide(album, one) for one in questions]
        base = base or found
        one, spared = figures(found), cut(base, found)
        cells = [f"{each:.3f}" for each in (one.precision, one.recall, one.dir_1)]
        change = "" if way == AS_IT_IS else f"{spared.value:+.1%} ({spared.low:+.1%} to {spared.high:+.1%})"
        first = (name, labels) if way == AS_IT_IS else ("", "")
        yield f"| {' | '.join(map(str, (*first, way, *cells, change)))} |"


def tables(files: Sequence[Path], draws: int) -> Iterator[str]:
    head = f"precision | recall | DIR@1 % | spared |\n{'|---' * 7}|"
    for what, heading in (("exemplars", "Exemplars"), ("cohort", "Cohort")):
        yield f"\n| Vectors | labels | {heading} | {head}"
        for path in files:
            album, found = read(path).album, dict(np.load(path))
            ways = (
                dict(exemplars(found))
                if what == "exemplars"
                else {way: partial(by_cohort, choose=choose) for way, choose in cohorts(found)}
            )
            for labels in (5, 7) if what == "exemplars" else (3,):
                try:
                    yield from lines(path.stem, labels, ways, album, 2 * draws if what == "exemplars" else draws)
                except NotEnoughData:
                    yield f"| {path.stem} | {labels} | too few people have so many photos | | | | |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, nargs="+", default=[], metavar="FILE.npz")
    parser.add_argument("--draws", type=int, default=10, help="of cohorts; of exemplars twice as many")
    parser.add_argument("--into", type=Path, help=f"document with the lines {BEGIN} and {END}, to write between them")
    options = parser.parse_args()
    if not options.vectors:
        leave_out("no faces: name files with --vectors")
    written = []
    for line in tables(options.vectors, options.draws):
        print(line, flush=True)
        written.append(line)
    if options.into:
        from heads import around_lines

        text = "\n".join((BEGIN, *written, "", END))
        options.into.write_text(text.join(around_lines(options.into, BEGIN, END)))


if __name__ == "__main__":
    main()
