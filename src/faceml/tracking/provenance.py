"""Which code made a run."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import faceml

_TIMEOUT_S = 5.0
_DIRTY = "-dirty"


@cache
def code_version() -> dict[str, str]:
    """Tags: faceml's version always; commit and whether it was changed since, where faceml runs from a checkout.

    `mlflow.source.git.commit` is the name MLflow's own pages show as the version.
    """
    version = {"faceml_version": faceml.__version__}
    described = _describe(Path(faceml.__file__).parent)
    if described is None:
        return version
    commit = described.removesuffix(_DIRTY)
    return {**version, "mlflow.source.git.commit": commit, "git_dirty": str(described.endswith(_DIRTY)).lower()}


def _describe(package: Path) -> str | None:
    # A virtualenv inside somebody else's checkout is not ours: the package itself must be tracked there.
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    return _git(package, "describe", "--always", "--abbrev=40", "--exclude=*", f"--dirty={_DIRTY}")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
