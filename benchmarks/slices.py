"""Are all people served alike? Recall, false matches and DIR by age, quality and likeness, on hard real faces.

    python benchmarks/slices.py --vectors FILE.npz … --into docs/results/slices.md

A file is as benchmarks/recognition.py reads it; slices are by its ages, quality and sharpness where it has them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from fixtures.left_out import leave_out
from heads import around_lines
from recognition import AGES, read

from faceml.trial.recognition import WAYS
from faceml.trial.slices import by_number, measure_slices, pseudo_groups

BEGIN, END = "<!-- benchmarks/slices.py -->", "<!-- end of benchmarks/slices.py -->"


def section(path: Path) -> str:
    album, found = read(path).album, np.load(path)
    axes = {"quality": by_number(album.quality), "likeness": pseudo_groups(album)}
    if "sharpness" in found:
        axes["sharpness"] = by_number(found["sharpness"])
    if "age" in found:
        names = [f"{first} to {last - 1} years" for first, last in AGES]
        part = [next((n for n, (a, b) in zip(names, AGES, strict=True) if a <= age < b), "") for age in found["age"]]
        axes["age"] = part
    parts = [f"## {path.stem}"]
    for name, way in WAYS.items():
        rows = measure_slices(album, way, axes).rows()
        lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
        parts.append(f"{name}:\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, nargs="+", default=[], metavar="FILE.npz")
    parser.add_argument("--into", type=Path, help=f"document with the lines {BEGIN} and {END}, to write between them")
    options = parser.parse_args()
    if not options.vectors:
        leave_out("it needs --vectors FILE.npz")
    if options.into and len(around_lines(options.into, BEGIN, END)) != 2:
        parser.error(f"{options.into} lacks the lines {BEGIN} and {END}")
    found = "\n\n".join(map(section, options.vectors))
    if options.into:
        options.into.write_text(f"{BEGIN}\n\n{found}\n\n{END}".join(around_lines(options.into, BEGIN, END)))
    else:
        print(found)


if __name__ == "__main__":
    main()
