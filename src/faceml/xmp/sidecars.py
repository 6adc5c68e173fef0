"""Which sidecar belongs to a photo: `IMG.jpg.xmp` (digiKam, Immich, darktable) or `IMG.xmp` (Adobe)."""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

_SUFFIX = ".xmp"


class Sidecars:
    """The sidecars of photos; a folder is listed once."""

    def __init__(self, photo_suffixes: Collection[str]) -> None:
        self._photo_suffixes = photo_suffixes
        self._names = lru_cache(maxsize=8)(_names)

    def to_read(self, photo: Path) -> list[Path]:
        """Those that speak of this photo, the more certain first; `IMG.xmp` only where no other photo is called IMG."""
        others = [name for name in self._others(photo) if Path(name).suffix.lower() in self._photo_suffixes]
        return self._there(photo, photo.name) + ([] if others else self._there(photo, photo.stem))

    def to_write(self, photo: Path) -> Path:
        """The one to write to; `IMG.xmp` only where it is there and nothing else is called IMG, such as a raw file."""
        there = self._there(photo, photo.name) + ([] if self._others(photo) else self._there(photo, photo.stem))
        return there[0] if there else photo.with_name(photo.name + _SUFFIX)

    def _there(self, photo: Path, base: str) -> list[Path]:
        """Those called `base`, the same letters first; in another case only where no other file claims them."""
        wanted, listed = (base + _SUFFIX).casefold(), self._names(photo.parent)
        is_shared = any(name != photo.name and name.casefold() == photo.name.casefold() for name in listed)
        found = [name for name in listed if name.casefold() == wanted and (name.startswith(base) or not is_shared)]
        return [photo.with_name(name) for name in sorted(found, key=lambda name: (not name.startswith(base), name))]

    def _others(self, photo: Path) -> list[str]:
        return [
            name
            for name in self._names(photo.parent)
            if name != photo.name
            and Path(name).stem.casefold() == photo.stem.casefold()
            and Path(name).suffix.lower() != _SUFFIX
        ]


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()
