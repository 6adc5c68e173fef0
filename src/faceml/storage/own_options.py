"""A library's own defaults of options, which commands take where nobody gives the option; newest last, none forgotten.

They are a file in the library's folder, `options.json`: to be read by a person, copied with the library, and taken back
by one step each (docs/decisions/0049-searched-options.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from faceml.errors import Conflict, FileNotReadable
from faceml.files import read_file, write_whole

FILE = "options.json"


@dataclass(frozen=True, slots=True)
class OwnOptions:
    """Defaults as somebody set them at one moment."""

    options: Mapping[str, Mapping[str, Any]]  # command → option → value
    set_by: str
    set_at: str  # ISO, UTC
    why: str


def own_options(home: Path) -> OwnOptions | None:
    """Those that hold now; None: the specification's.

    Raises:
        FileNotReadable: the file is damaged.
    """
    steps = _read(home)
    return steps[-1] if steps else None


def set_own_options(home: Path, options: Mapping[str, Mapping[str, Any]], *, actor: str, why: str) -> OwnOptions:
    """Let these hold, beside those that held before and are not among them."""
    steps = _read(home)
    before = steps[-1].options if steps else {}
    merged = {command: {**before.get(command, {}), **options.get(command, {})} for command in {*before, *options}}
    step = OwnOptions(dict(sorted(merged.items())), actor, datetime.now(UTC).isoformat(timespec="seconds"), why)
    _write(home, [*steps, step])
    return step


def revert_own_options(home: Path) -> OwnOptions | None:
    """Let those hold again that held before; None: the specification's.

    Raises:
        Conflict: there are none to take back.
    """
    steps = _read(home)
    if not steps:
        raise Conflict("this library has no defaults of its own: there is nothing to take back")
    _write(home, steps[:-1])
    return steps[-2] if len(steps) > 1 else None


def _read(home: Path) -> list[OwnOptions]:
    file = home / FILE
    if not file.exists():
        return []
    try:
        return [OwnOptions(**step) for step in json.loads(read_file(file))]
    except (ValueError, TypeError) as error:
        raise FileNotReadable(f"{file} is damaged ({error}): mend it, or move it away") from error


def _write(home: Path, steps: list[OwnOptions]) -> None:
    write_whole(home / FILE, json.dumps([asdict(step) for step in steps], indent=1).encode())


# Which commands take what a step's options are; the first has them by the step's own names.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "detect": ("backfill", "identify"),
    "cluster": ("cluster",),
    "assign": ("assign", "cluster-dual", "identify"),
    "train": ("train-matching",),
}
_DUAL = {"threshold": "person_threshold"}


def by_command(options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Options by step, "assign.threshold", under the names that each command has for them."""
    found: dict[str, dict[str, Any]] = {}
    for full, value in options.items():
        step, _, name = full.partition(".")
        for command in COMMANDS[step]:
            found.setdefault(command, {})[_DUAL.get(name, name) if command == "cluster-dual" else name] = value
    return found


def by_step(own: OwnOptions) -> dict[str, Any]:
    """The other way round, as each step's first command has them."""
    return {
        f"{step}.{name}": value
        for step, (command, *_) in COMMANDS.items()
        for name, value in own.options.get(command, {}).items()
    }
