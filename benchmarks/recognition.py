"""Are new photos of known people named, and strangers not? The matcher fitted on the library beside plain cosines.

    python benchmarks/recognition.py --vectors FILE.npz … --labels 1 3 5 10 --draws 20 [--json OUT]
    python benchmarks/recognition.py --people lfw-gray:90 --pack opencv-zoo --model-root ROOT

A file holds, one row a face, `vectors` (N, D), `person` (a number; -1: somebody in the background, never asked about),
`photo` (faces of one photo share a number) and `quality` (0 to 1), and where known `age` (years, -1: unknown),
`is_child` and `sharpness`; `faceml faces export --vectors FILE.npz` writes one of a library's own labels. Of a folder
of photos, one folder a person, each photo's face of highest confidence x size counts (benchmarks/identities.py).

Each draw labels some photos each of half of the people who have enough, and asks about their other photos and about
the photos of the others, strangers; a fifth of these are in the library only. *Wrong* is the share of all decisions in
which a known person's face is not given to them, or a stranger's to anybody, at the threshold that `auto` reads off
the labels (0.1 % of strangers asked). DIR is the share of known people's faces ranked right at the threshold that
names 1 or 0.1 % of the strangers. The cut is the share of wrong decisions that a way spares, with its 95 % interval
over people.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from fixtures.left_out import leave_out
from numpy.typing import NDArray

from faceml.errors import NotEnoughData
from faceml.trial.recognition import STRANGER, WAYS, Album, Decisions, cut, draw, figures

PLAIN = "plain"
BEGIN, END = "<!-- benchmarks/recognition.py -->", "<!-- end of benchmarks/recognition.py -->"
RECOMMENDED = {128: 0.36, 512: 0.25}  # match thresholds of the packs, by the width of their vectors
AGES = ((0, 3), (3, 8), (8, 18), (18, 40), (40, 200))  # years, the second left out
QUARTERS = ("blurred", "rather blurred", "rather sharp", "sharp")


@dataclass(frozen=True, slots=True, eq=False)
class File:
    name: str
    album: Album
    slices: Mapping[str, NDArray[np.bool_]]  # in words: which faces


def read(path: Path) -> File:
    found = np.load(path)
    vectors = found["vectors"].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    threshold = float(found["match_threshold"]) if "match_threshold" in found else RECOMMENDED[vectors.shape[1]]
    album = Album.of(vectors, found["person"], found["photo"], found["quality"], match_threshold=threshold)
    return File(path.stem, album, dict(slices(found)))


def add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--vectors", type=Path, nargs="+", default=[], metavar="FILE.npz")
    parser.add_argument("--people", action="append", default=[], metavar="FOLDER[:PAD]")
    parser.add_argument("--pack", action="append", help="of --people; both may be given several times")
    parser.add_argument("--model-root", type=Path, default=Path("~/.insightface").expanduser())


def sources(options: argparse.Namespace) -> Iterator[File]:
    """The files and folders of the command line."""
    from identities import Photos, cached_faces

    yield from map(read, options.vectors)
    for photos in map(Photos.parse, options.people):
        for pack in options.pack or ["opencv-zoo"]:
            faces = cached_faces(photos, pack, model_root=options.model_root)
            people = np.unique(faces.people, return_inverse=True)[1]
            photo = np.arange(len(people))
            album = Album.of(faces.vectors, people, photo, faces.quality, match_threshold=faces.threshold)
            yield File(f"{photos.folder.name}-{pack}", album, {})


def slices(found: Mapping[str, NDArray[np.float64]]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    if "age" in found:
        for first, last in AGES:
            years = f"{first} to {last - 1} years" if last < AGES[-1][1] else f"{first} years and more"
            yield years, (found["age"] >= first) & (found["age"] < last)
    if "is_child" in found:
        yield "as a child", found["is_child"].astype(bool)
        yield "as an adult", ~found["is_child"].astype(bool)
    if "sharpness" in found:
        sharpness = np.asarray(found["sharpness"], np.float64)
        quarter = np.searchsorted(np.quantile(sharpness, (0.25, 0.5, 0.75)), sharpness)
        yield from ((name, quarter == number) for number, name in enumerate(QUARTERS))


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """All ways on the same draws."""

    ways: Mapping[str, list[Decisions]]
    asked: list[NDArray[np.intp]]  # rows of the album that each draw asks about


def measure(album: Album, labels: int, draws: int) -> Measured:
    found: dict[str, list[Decisions]] = {name: [] for name in WAYS}
    asked = []
    for seed in range(draws):
        questions = draw(album, labels=labels, seed=seed)
        asked.append(questions.library[questions.is_asked])
        for name, way in WAYS.items():
            found[name].append(way(album, questions))
    return Measured(found, asked)


def records(name: str, labels: int, measured: Measured) -> Iterator[dict[str, object]]:
    for way, decisions in measured.ways.items():
        spared = cut(measured.ways[PLAIN], decisions)
        yield {
            "file": name,
            "labels": labels,
            "way": way,
            **asdict(figures(decisions)),
            "cut": spared.value,
            "cut_low": spared.low,
            "cut_high": spared.high,
        }


def recalls(measured: Measured, chosen: NDArray[np.bool_]) -> list[str]:
    """Of the known people's faces among the chosen, the share given to them, by each way, and how many."""
    rows = [chosen[asked] for asked in measured.asked]
    cells = []
    count = 0
    for decisions in measured.ways.values():
        named = np.concatenate([found.named[here] for found, here in zip(decisions, rows, strict=True)])
        truth = np.concatenate([found.truth[here] for found, here in zip(decisions, rows, strict=True)])
        count = int((truth != STRANGER).sum())
        cells.append(f"{float((named == truth)[truth != STRANGER].mean()):.3f}" if count else "-")
    return [*cells, f"{count:,}"]


def row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def table(found: Sequence[Mapping[str, object]]) -> str:
    heads = ("labels", "way", "wrong", "precision", "recall", "strangers named", "DIR@1 %", "DIR@0.1 %", "cut")
    lines = [row(heads), "|---" * len(heads) + "|"]
    for one in found:
        shares = [f"{one[key]:.4f}" for key in ("wrong", "precision", "recall", "strangers_named", "dir_1", "dir_01")]
        spared = "" if one["way"] == PLAIN else f"{one['cut']:.0%} ({one['cut_low']:.0%} to {one['cut_high']:.0%})"
        lines.append(row([one["labels"], one["way"], *shares, spared]))
    return "\n".join(lines)


def section(file: File, labels: Sequence[int], draws: int) -> tuple[str, list[dict[str, object]]]:
    """What is to be read of a file, and its figures."""
    people = len(np.unique(file.album.people[file.album.people >= 0]))
    parts = [f"## {file.name}", f"{len(file.album.people):,} faces of {people} people, {draws} draws"]
    found: list[dict[str, object]] = []
    by_slice: list[Sequence[object]] = []
    for count in labels:
        try:
            measured = measure(file.album, count, draws)
        except NotEnoughData as error:
            parts.append(f"Not with {count} labels a person: {error}.")
            continue
        found += list(records(file.name, count, measured))
        by_slice += [[count, name, *recalls(measured, chosen)] for name, chosen in file.slices.items()]
    parts.append(table(found))
    if by_slice:
        heads = ("labels", "recall of faces", *WAYS, "asked")
        parts.append("\n".join([row(heads), "|---" * len(heads) + "|", *map(row, by_slice)]))
    return "\n\n".join(parts), found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_sources(parser)
    parser.add_argument("--labels", type=int, nargs="+", default=[1, 3, 5, 10], help="photos labelled a person")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the figures there")
    parser.add_argument("--into", type=Path, help=f"document with the lines {BEGIN} and {END}, to write between them")
    options = parser.parse_args()
    if not (options.vectors or options.people):
        leave_out("it needs --vectors FILE.npz, or --people FOLDER with one folder of photos a person")
    texts, everything = [], []
    for file in sources(options):
        text, found = section(file, options.labels, options.draws)
        texts.append(text)
        everything += found
        print(text, end="\n\n", flush=True)
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1) + "\n")
    if options.into:
        from heads import around_lines

        text = "\n\n".join((BEGIN, *texts, END))
        options.into.write_text(text.join(around_lines(options.into, BEGIN, END)))


if __name__ == "__main__":
    main()
