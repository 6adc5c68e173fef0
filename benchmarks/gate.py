"""What the gate says of each way of matching: heads trained or in closed form, and the matcher, on new photos.

    python benchmarks/gate.py --vectors FILE.npz … --people lfw-gray:90 --pack opencv-zoo \
        --pack scrfd500m_edgeface_xs --model-root ROOT --into docs/results/gate.md

A file is as benchmarks/recognition.py reads it; of a folder of photos, one folder a person, each photo's face of
highest confidence x size counts (benchmarks/identities.py). A head learns from the labels of each draw, from people
with three or more, then all faces go through it and are decided as plain cosines are.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from fixtures.left_out import leave_out
from heads import around_lines, marked
from recognition import add_sources, sources

from faceml.identity.projection import Head
from faceml.training.fit import fit
from faceml.training.options import Options
from faceml.training.whitening import library_whitening, within_whitening
from faceml.trial.comparison import RAW, Comparison, verdict
from faceml.trial.gate import MEASURES, compare_ways
from faceml.trial.recognition import Album, Draw, Learn, Way, fitted, head_way, plain

MIN_FACES = 3  # of a person who is trained on
BEGIN, END = "<!-- benchmarks/gate.py -->", "<!-- end of benchmarks/gate.py -->"


def trained(options: Options) -> Learn:
    def learn(album: Album, asked: Draw) -> Head:
        rows = asked.to_learn_from(album)
        people = np.unique(album.people[rows], return_inverse=True)[1]
        kept = np.bincount(people)[people] >= MIN_FACES
        return fit(album.vectors[rows[kept]], people[kept], options).head

    return learn


def whitened(album: Album, asked: Draw) -> Head:
    rows = asked.to_learn_from(album)
    return within_whitening(album.vectors[rows], album.people[rows])


def whitened_on_library(album: Album, asked: Draw) -> Head:
    rows = asked.was_there(album)
    return library_whitening(album.vectors[rows], album.groups[rows])


WAYS: Mapping[str, Way] = {
    RAW: plain,
    "documented (triplet)": head_way(trained(Options(head="documented"))),
    "linear, pulled back": head_way(trained(Options(head="linear"))),
    "within-person whitening": head_way(whitened),
    "library whitening": head_way(whitened_on_library),
    "matcher": fitted,
}


def timed(name: str, way: Way) -> Way:
    def decide(album: Album, asked: Draw):  # type: ignore[no-untyped-def]
        started = time.perf_counter()
        found = way(album, asked)
        print(f"  {name}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
        return found

    return decide


def section(name: str, album: Album) -> str:
    found = compare_ways(album, {way: timed(way, decide) for way, decide in WAYS.items()})
    shown = [measure for measure in MEASURES if measure in found.measured[RAW]]
    heads = " | ".join(f"**{measure}**" if measure == found.primary else measure for measure in shown)
    rows = [f"| {way} | {' | '.join(marked(found, way, m) for m in shown)} | {word(found, way)} |" for way in WAYS]
    missing = "; ".join(f"{measure} ({reason})" for measure, reason in found.missing.items())
    title = (
        f"## {name} ({album.vectors.shape[1]}-d)\n\n{found.faces:,} labelled faces, {found.people} people asked about."
    )
    table = "\n".join((f"| way | {heads} | the gate |", "|---" * (2 + len(shown)) + "|", *rows))
    return f"{title}\n\n{table}\n\nNot measured: {missing or 'nothing'}."


def word(found: Comparison, way: str) -> str:
    if way == RAW:
        return ""
    decided = verdict(found, challenger=way, rivals=[RAW])
    if decided.promotes:
        return "lets it in"
    lost = [gain.measure for gain in found.gains if (gain.challenger, gain.rival) == (way, RAW) and gain.is_loss]
    return f"refuses: loses {', '.join(lost)}" if lost else "refuses: no clear gain"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_sources(parser)
    parser.add_argument("--into", type=Path, help=f"document with the lines {BEGIN} and {END}, to write between them")
    options = parser.parse_args()
    if not options.vectors and not options.people:
        leave_out("it needs --vectors FILE.npz, or --people FOLDER with one folder of photos a person")
    if options.into and len(around_lines(options.into, BEGIN, END)) != 2:
        parser.error(f"{options.into} lacks the lines {BEGIN} and {END}")
    found = "\n\n".join(section(file.name, file.album) for file in sources(options))
    if options.into:
        options.into.write_text(f"{BEGIN}\n\n{found}\n\n{END}".join(around_lines(options.into, BEGIN, END)))
    else:
        print(found)


if __name__ == "__main__":
    main()
