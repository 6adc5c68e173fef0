"""Which code made a run."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import faceml

_TIMEOUT_S = 5.0
_DIRTY = "-dirty"
CHANGED = "+changes"  # behind a commit: what ran was not committed
_COMMIT, _IS_DIRTY = "mlflow.source.git.commit", "git_dirty"


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
    return {**version, _COMMIT: commit, _IS_DIRTY: str(described.endswith(_DIRTY)).lower()}


def as_words(tags: Mapping[str, str]) -> str:
    """What `code_version` left among a run's tags; empty where it left nothing.

    >>> as_words({"faceml_version": "0.1.0", "mlflow.source.git.commit": "e7032f5c87", "git_dirty": "true"})
    '0.1.0 e7032f5+changes'
    """
    commit = tags.get(_COMMIT, "")[:7] + (CHANGED if tags.get(_IS_DIRTY) == "true" else "")
    return f"{tags.get('faceml_version', '')} {commit}".strip()


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
