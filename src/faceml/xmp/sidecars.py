"""Which sidecar belongs to a photo: `IMG.jpg.xmp` (digiKam, Immich, darktable) or `IMG.xmp` (Adobe)."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_SUFFIX = ".xmp"


class Sidecars:
    """The sidecars of photos; a folder is listed once, however many of its photos are asked about."""

    def __init__(self, photo_suffixes: Collection[str]) -> None:
        self._photo_suffixes = photo_suffixes
        self._listed = lru_cache(maxsize=8)(_listed)

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
        listed = self._listed(photo.parent)
        is_shared = any(name != photo.name for name in listed.called(photo.name))
        found = [name for name in listed.called(base + _SUFFIX) if name.startswith(base) or not is_shared]
        return [photo.with_name(name) for name in sorted(found, key=lambda name: (not name.startswith(base), name))]

    def _others(self, photo: Path) -> list[str]:
        same = self._listed(photo.parent).by_stem.get(photo.stem.casefold(), [])
        return [name for name in same if name != photo.name and Path(name).suffix.lower() != _SUFFIX]


@dataclass(frozen=True, slots=True)
class _Listed:
    """The names in a folder, whatever case somebody asks for them in."""

    by_name: Mapping[str, list[str]]
    by_stem: Mapping[str, list[str]]

    def called(self, name: str) -> list[str]:
        return self.by_name.get(name.casefold(), [])


def _listed(folder: Path) -> _Listed:
    try:
        names = os.listdir(folder)
    except OSError:
        names = []
    by_name, by_stem = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for name in names:
        by_name[name.casefold()].append(name)
        by_stem[Path(name).stem.casefold()].append(name)
    return _Listed(by_name, by_stem)
