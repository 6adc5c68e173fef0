"""Where the parts are put together: engines, clients and models are made here and passed in, nowhere else."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from faceml.addresses import without_password
from faceml.config import OWN_HOME, Settings, read_settings
from faceml.errors import ModelUnavailable
from faceml.files import keep_to_owner
from faceml.home import has_home
from faceml.library import Library
from faceml.machines.here import HERE
from faceml.once import Once

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceml.machines.here import Machines
    from faceml.records import PackContract
    from faceml.storage.sql.repository import Repository
    from faceml.vision.model_packs import FacePack, PackSource

OLD_CACHE = "spaces"  # in which earlier versions kept projected vectors: biometric data, so it goes


def open_library(
    settings: Settings | None = None, *, on: str | None = None, on_new: Callable[[str], object] | None = None
) -> Library:
    """The library that the settings point at (default: those of the environment).

    Nothing is connected to yet, so this raises nothing of a store that is away. From here on whatever the process
    writes is its owner's alone. Who gives no settings is a notebook or a script, whose log is as LOG_LEVEL says.

    Args:
        on: other machines for what outgrows one, see `machines.on_ray.machines_at`, which raises of them alone.
        on_new: told, where there was no library, where one begins: a mistyped FACEML_HOME makes one, too. Default: a
            line on stderr for the environment's library, nothing for one of given settings.
    """
    from faceml.storage.cache_files import GraphFiles
    from faceml.storage.forgetting import complete_erasures
    from faceml.storage.index.stores import index_store
    from faceml.storage.registry.kinds import MATCHERS, PROJECTIONS
    from faceml.storage.registry.model_registry import ModelRegistry
    from faceml.storage.sql.repository import Repository
    from faceml.tracking import Tracking

    keep_to_owner()
    if settings is None:
        settings, on_new = read_settings(), on_new or _note
        _lend_home(settings)
        _log_as_asked(settings)
    shutil.rmtree(settings.cache_folder / OLD_CACHE, ignore_errors=True)
    repository = Repository(
        settings.database,
        before_writing=lambda: complete_erasures(settings, repository),
        on_new=lambda: on_new(_begun(settings)) if on_new else None,
    )
    tracking = Tracking(settings.tracking, settings.artifact_folder, on_note=_note)
    return Library(
        settings,
        repository,
        index_store(settings),
        ConfiguredPacks(settings, repository),
        ModelRegistry(PROJECTIONS, tracking.store, settings.cache_folder / "models"),
        ModelRegistry(MATCHERS, tracking.store, settings.cache_folder / "matchers"),
        tracking,
        GraphFiles(settings.cache_folder / "graphs"),
        _machines(on),
    )


def _machines(on: str | None) -> Machines:
    if not on:  # Ray is asked for by name alone
        return HERE
    from faceml.machines.on_ray import machines_at

    return machines_at(on)


def _lend_home(settings: Settings) -> None:
    """Give a user without a home folder one in the library's cache: MLflow, Jupyter and Matplotlib ask for it."""
    own = settings.home / OWN_HOME
    if not has_home():
        os.environ["HOME"] = str(own)
    elif not os.access(Path.home(), os.W_OK):
        os.environ.setdefault("MPLCONFIGDIR", str(own / "matplotlib"))


def _begun(settings: Settings) -> str:
    home, beside = settings.home, ""
    if settings.database_url:
        where = f"{without_password(settings.database_url)} (DATABASE_URL)"
    else:
        where = f"{home} (FACEML_HOME: {settings.sources.get('FACEML_HOME', 'argument')})"
        others = sorted(file.parent.name for file in home.parent.glob("*/faceml.db") if file.parent != home)
        beside = f" (beside it there is {', '.join(others[:5])})" if others else ""
    return f"A new, empty library begins in {where}; if you meant one that you have, correct that{beside}"


def _log_as_asked(settings: Settings) -> None:
    """Where somebody set a level, it is faceml's; other packages say what they said before."""
    if settings.sources.get("LOG_LEVEL", "default") != "default":
        logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
        logging.getLogger("faceml").setLevel(settings.log_level)


def _note(text: str) -> None:
    print(text, file=sys.stderr)  # stdout is for reports


class ConfiguredPacks:
    """The models of the pack with `pack_name`."""

    def __init__(self, settings: Settings, repository: Repository) -> None:
        self._settings = settings
        self._repository = repository
        self._loaded = Once(self._load)

    def load(self) -> FacePack:
        """The models, ready to run.

        Raises:
            ModelUnavailable: they are not on this machine and cannot be fetched.
            ModelMismatch: the library is pinned to another pack.
        """
        return self._loaded()

    def contract(self) -> PackContract:
        """What the models promise; they are only opened where nothing else tells."""
        from faceml.vision.model_packs import read_contract

        try:
            return read_contract(self._pack_name(), model_root=self._settings.model_root)
        except ModelUnavailable:
            return self.load().contract  # fetches them

    def source(self) -> PackSource:
        """From where another process opens the same."""
        from faceml.vision.model_packs import PackSource

        settings = self._settings
        return PackSource(
            self._pack_name(),
            settings.model_root,
            settings.cache_folder,
            settings.provider,
            settings.quality_model,
        )

    def _load(self) -> FacePack:
        pack = self.source().load()
        with self._repository.read() as unit:
            unit.contract.check(pack.contract)
        return pack

    def _pack_name(self) -> str:
        return pack_name(self._settings, self._repository.pack())


def pack_name(settings: Settings, pinned: PackContract | None) -> str:
    """The pack that was asked for; where nobody asked, the one that the library is pinned to."""
    is_default = settings.sources.get("FACEML_MODEL_PACK") == "default"
    return pinned.name if pinned and is_default else settings.model_pack
