"""Which library a job belongs to, in words that every machine understands and that hold no secret.

The job carries the library's folder (for a SQLite library of this machine), the database's identity and the pack that
was asked for. Where the stores are, and with which password, is the worker's own environment to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from faceml.config import Settings
from faceml.errors import WrongUse
from faceml.library import Library

SQLITE = "sqlite:"


def address_of(library: Library) -> dict[str, Any]:
    """Raises DatabaseUnavailable."""
    settings = library.settings
    is_chosen = settings.sources.get("FACEML_MODEL_PACK") != "default"
    return {
        "home": str(settings.home.resolve()),
        "database": library.repository.identity(),
        "pack": settings.model_pack if is_chosen else None,
    }


def settings_for(address: Mapping[str, Any], own: Settings) -> Settings:
    """The worker's settings, turned to the library of the job.

    Raises:
        WrongUse: that library is not on this machine.
    """
    settings = replace(own, model_pack=address["pack"], sources={}) if address.get("pack") else own
    if own.database_url or not str(address["database"]).startswith(SQLITE):
        return settings
    home = Path(address["home"])
    if not (home / "faceml.db").is_file():
        raise WrongUse(
            f"the library {home} is not on this worker's machine: run `faceml worker` where it lies, "
            "or share one database by DATABASE_URL"
        )
    return replace(settings, home=home)


def check_address(address: Mapping[str, Any], library: Library) -> None:
    """Raises WrongUse where `library` is not the one the job was made for."""
    found, wanted = library.repository.identity(), address["database"]
    if found != wanted:
        raise WrongUse(
            f"this job is for the database {wanted}, this worker's is {found}: give each library a Redis database "
            "of its own (REDIS_URL ending in /1, /2 …), or the worker the DATABASE_URL of that library"
        )
