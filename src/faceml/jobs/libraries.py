"""Which library a job belongs to, and the libraries that a worker has open for one job after the other.

A job names its library in words that every machine understands and that hold no secret: the folder (for a SQLite
library of this machine), the database's identity and the pack that was asked for. Where the stores are, and with which
password, is the worker's own environment to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from faceml.config import Settings
from faceml.errors import WrongUse
from faceml.library import Library
from faceml.wiring import open_library

SQLITE = "sqlite:"
OPEN_AT_MOST = 2  # each holds models in memory


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
    """The worker's settings, pointed at the library of the job.

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


class Libraries:
    def __init__(self, settings: Settings) -> None:
        self.own = open_library(settings)  # of the worker's environment
        self._open: dict[Settings, Library] = {settings: self.own}

    def open(self, address: Mapping[str, Any]) -> Library:
        """The library of a job, opened by the first job that needs it.

        Raises:
            WrongUse: this worker cannot open it.
            DatabaseUnavailable
        """
        settings = settings_for(address, self.own.settings)
        if settings not in self._open:
            self._close_beyond(OPEN_AT_MOST - 1)
            self._open[settings] = open_library(settings)
        library = self._open[settings]
        found, wanted = library.repository.identity(), address["database"]
        if found != wanted:
            raise WrongUse(
                f"this job is for the database {wanted}, this worker's is {found}: give each library a Redis database "
                "of its own (REDIS_URL ending in /1, /2 …), or the worker the DATABASE_URL of that library"
            )
        return library

    def close(self) -> None:
        self._close_beyond(0)
        self.own.close()

    def _close_beyond(self, number: int) -> None:
        """Close those opened first; the worker's own stays."""
        others = [settings for settings in self._open if self._open[settings] is not self.own]
        for settings in others[: max(0, len(others) - number)]:
            self._open.pop(settings).close()
