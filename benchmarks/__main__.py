"""Every benchmark, one after the other, and at the end a line on each: measured, left out (why), or failed (how).

    python benchmarks                    all; takes hours
    python benchmarks doors index        these

One that lacks a model, a service or data leaves itself out, and one that fails, or whose claim does not hold, stops no
other. The exit code is 1 where any failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fixtures.left_out import LEFT_OUT

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Outcome:
    name: str
    code: int
    last_line: str

    def __str__(self) -> str:
        if self.code == LEFT_OUT:
            return f"{self.name}: {self.last_line}"
        return f"{self.name}: measured" if self.code == 0 else f"{self.name}: FAILED ({self.code}): {self.last_line}"


def main(asked: Sequence[str]) -> int:
    there = sorted(file.stem for file in FOLDER.glob("*.py") if file.stem != "__main__")
    if unknown := sorted(set(asked) - set(there)):
        print(f"there is no benchmark {unknown[0]!r}: there are {', '.join(there)}", file=sys.stderr)
        return 2
    outcomes = [run(name) for name in there if name in asked or not asked]
    print("\n== summary", *outcomes, sep="\n")
    return int(any(outcome.code not in (0, LEFT_OUT) for outcome in outcomes))


def run(name: str) -> Outcome:
    """Run one, and show what it prints as it comes."""
    print(f"\n== benchmarks/{name}.py", flush=True)
    environment, last_line = {**os.environ, "PYTHONUNBUFFERED": "1"}, ""
    command = [sys.executable, str(FOLDER / f"{name}.py")]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            last_line = line.strip() or last_line
    return Outcome(name, process.returncode, last_line)


if __name__ == "__main__":
    raise SystemExit(main([name for given in sys.argv[1:] for name in given.split()]))
