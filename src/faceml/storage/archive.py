"""One file with many parts and a manifest that knows each part's SHA-256: a zip, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faceml.errors import Conflict, FileNotReadable
from faceml.files import whole_file

MANIFEST = "manifest.json"
PROGRAM, FORMAT = "faceml backup", 1
FAST = 1  # deflate's level: vectors hardly shrink, and slower levels make them no smaller
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError)


class ArchiveWriter:
    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._parts: dict[str, dict[str, Any]] = {}

    def add(self, name: str, pieces: Iterable[bytes]) -> int:
        """Write a part; returns how many pieces it had."""
        digest, count, size = hashlib.sha256(), 0, 0
        with self._file.open(name, "w", force_zip64=True) as stream:
            for piece in pieces:
                stream.write(piece)
                digest.update(piece)
                count, size = count + 1, size + len(piece)
        self._parts[name] = {"sha256": digest.hexdigest(), "bytes": size}
        return count

    def close(self, manifest: dict[str, Any]) -> None:
        content = {"program": PROGRAM, "format": FORMAT, **manifest, "parts": self._parts}
        self._file.writestr(MANIFEST, json.dumps(content, indent=1))


@contextmanager
def new_archive(path: Path, *, check: Callable[[Path], None] = lambda _: None) -> Iterator[ArchiveWriter]:
    """Write an archive that only its owner may read; it takes its place once `check` accepts it.

    Raises:
        Conflict: a file that is not an archive of ours is there.
        FileNotReadable: the place cannot be written.
    """
    if path.exists() and not is_archive(path):
        raise Conflict(f"{path} is there and is not a faceml backup: name another file")
    try:
        with whole_file(path, is_durable=True) as draft:
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=FAST) as file:
                yield ArchiveWriter(file)
            check(draft)
    except OSError as error:
        raise FileNotReadable(f"{path} cannot be written: {error.strerror or error}") from error


class ArchiveReader:
    """An archive whose manifest could be read; parts are checked as they are read."""

    def __init__(self, path: Path, file: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
        self._path = path
        self._file = file
        self.manifest = manifest

    def lines(self, name: str) -> Iterator[bytes]:
        """Raises FileNotReadable, at the latest behind the last line, where the part is not what was written."""
        digest = hashlib.sha256()
        try:
            promised = self.manifest["parts"][name]["sha256"]
            with self._file.open(name) as stream:
                for line in stream:
                    digest.update(line)
                    yield line
        except (KeyError, *DAMAGE) as error:
            raise self._damaged(name) from error
        if digest.hexdigest() != promised:
            raise self._damaged(name)

    def content(self, name: str) -> bytes:
        return b"".join(self.lines(name))

    def check(self) -> None:
        """Read every part once. Raises FileNotReadable."""
        for name in self.manifest["parts"]:
            for _ in self.lines(name):
                pass

    def _damaged(self, name: str) -> FileNotReadable:
        return FileNotReadable(f"the backup {self._path} is damaged ({name}): use another one; nothing was restored")


@contextmanager
def open_archive(path: Path) -> Iterator[ArchiveReader]:
    """Raises FileNotReadable: missing, damaged, or not an archive of ours."""
    if not path.is_file():
        raise FileNotReadable(f"the backup {path} is not there: check its name")
    try:
        file = zipfile.ZipFile(path)
        manifest = json.loads(file.read(MANIFEST))
    except KeyError as error:
        raise FileNotReadable(f"{path} is not a faceml backup") from error
    except DAMAGE as error:
        raise FileNotReadable(f"{path} is not a faceml backup, or its end is missing: use another one") from error
    with file:
        if not isinstance(manifest, dict) or manifest.get("program") != PROGRAM:
            raise FileNotReadable(f"{path} is not a faceml backup")
        yield ArchiveReader(path, file, manifest)


def is_archive(path: Path) -> bool:
    try:
        with open_archive(path):
            return True
    except FileNotReadable:
        return False
