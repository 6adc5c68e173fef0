"""How long a person who names clusters waits in the browser: key → the next cluster's pictures on the screen.

    python benchmarks/workbench.py                   1,000 and 50,000 faces in JupyterLab and chromium

The part of it that is not the browser's is measured by benchmarks/labelling.py.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pytest
from fixtures.left_out import leave_out

from benchmarks.labelling import DECISIONS, libraries_asked_for
from faceml.library import Library
from tests.e2e.lab import WORKBENCH, browser, lab_folder, running_lab, sit_down


def main() -> None:
    try:
        measure_all()
    except pytest.skip.Exception as error:  # as the tests say that there is no browser
        leave_out(str(error))


def measure_all() -> None:
    with browser() as chromium:
        for faces, library in libraries_asked_for(__doc__):
            waits = measure(chromium, library)
            print(
                f"{faces:,} faces: {statistics.median(waits):.0f} ms median of {len(waits)}, {max(waits):.0f} at most"
            )


def measure(chromium: object, library: Library) -> list[float]:
    """Milliseconds of each decision."""
    notebooks, environment = lab_folder(library.settings.home.parent, library, WORKBENCH)
    with running_lab(notebooks, environment) as lab:
        person = sit_down(chromium, lab)
        return [person.press("Enter", text=f"Somebody {number}") for number in range(DECISIONS)]


if __name__ == "__main__":
    main()
