"""The user's home folder, which a service's user may not have."""

from __future__ import annotations

from pathlib import Path

from faceml.errors import WrongUse


def from_home(path: Path) -> Path:
    """The path, ~ being the user's home.

    Raises:
        WrongUse: there is none, as for a service's user without a name. A file called ~something is no home.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        if path.parts[0] != "~":
            return path
        raise WrongUse(f"{path}: the user has no home folder here (HOME is not set): write the whole path") from error


def has_home() -> bool:
    """Whether the user has a home folder: a service's user without a name may have none."""
    try:
        return bool(Path.home())
    except RuntimeError:
        return False
