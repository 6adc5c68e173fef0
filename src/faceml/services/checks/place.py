"""The library's folder, the disk, and settings that nobody reads."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from faceml.config import setting_names
from faceml.services.checks.findings import Finding, fail, ok, warn
from faceml.wiring import Library

LOW_BYTES = 2 << 30
NO_BYTES = 200 << 20
INTERNAL = {"FACEML_RUN_ID", "FACEML_RUN_SPOOL", "FACEML_SHARED", "FACEML_REQUIRE_ALL"}


def check_folder(library: Library) -> Iterator[Finding]:
    home = library.settings.home
    existing = _existing(home)
    if not existing.is_dir():
        yield fail("folder", f"{home} cannot be made: {existing} is no folder", "set FACEML_HOME to another place")
        return
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        yield fail(
            "folder",
            f"{existing} cannot be written ({error.strerror})",
            f"chown or chmod it for the user {os.environ.get('USER', '') or os.getuid()}, or set FACEML_HOME elsewhere",
        )
        return
    yield ok("folder", str(home) if existing == home else f"{home} is made by the first command")


def check_disk(library: Library) -> Iterator[Finding]:
    existing = _existing(library.settings.home)
    free = shutil.disk_usage(existing).free
    shown = f"{free / 1e9:.1f} GB free at {existing}"
    fix = "free some space, or set FACEML_HOME to another disk"
    yield ok("disk", shown) if free >= LOW_BYTES else (warn if free >= NO_BYTES else fail)("disk", shown, fix)


def check_settings(library: Library) -> Iterator[Finding]:
    del library
    yield from misspelt(os.environ)


def misspelt(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Variables that look like a setting, but are none."""
    known = setting_names()
    for name in sorted(environ):
        meant = get_close_matches(name, known, n=1, cutoff=0.85)
        if name not in {*known, *INTERNAL} and (name.startswith("FACEML_") or meant):
            hint = f"did you mean {meant[0]}?" if meant else f"settings are {', '.join(known)}"
            yield warn("settings", f"{name} is set, but no setting of faceml", hint)


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())
