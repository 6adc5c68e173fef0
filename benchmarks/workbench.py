"""How long a person who names clusters waits in the browser: key → the next cluster's pictures on the screen.

    python benchmarks/workbench.py                   1,000 and 50,000 faces in JupyterLab and chromium

The part of it that is not the browser's is measured by benchmarks/labelling.py.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.e2e.lab import WORKBENCH, browser, lab_folder, running_lab, sit_down
from tests.synthetic import synthetic_library

FACES_A_PERSON = 20
DECISIONS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, nargs="+", default=[1_000, 50_000])
    with browser() as chromium:
        for faces in parser.parse_args().faces:
            with tempfile.TemporaryDirectory() as folder:
                waits = measure(chromium, Path(folder), faces)
            print(
                f"{faces:,} faces: {statistics.median(waits):.0f} ms median of {len(waits)}, {max(waits):.0f} at most"
            )


def measure(chromium: object, folder: Path, faces: int) -> list[float]:
    """Milliseconds of each decision."""
    people = faces // FACES_A_PERSON
    library = synthetic_library(folder / "library", people=people, faces=FACES_A_PERSON, known=people // 5)
    notebooks, environment = lab_folder(folder, library, WORKBENCH)
    with running_lab(notebooks, environment) as lab:
        person = sit_down(chromium, lab)
        waits = [person.press("Enter", text=f"Somebody {number}") for number in range(DECISIONS)]
    library.close()
    return waits


if __name__ == "__main__":
    main()
