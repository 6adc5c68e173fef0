"""One file with many parts and a manifest that knows each part's SHA-256: a zip, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, pairwise
from pathlib import Path
from typing import IO, Any

from faceml.errors import Conflict, FileNotReadable, LibraryBusy
from faceml.files import file_lock, whole_file
from faceml.path_text import path_of, path_text

MANIFEST = "manifest.json"
DRAFT_NOTE = "draft"
PROGRAM, FORMAT = "faceml backup", 2  # 1 had vectors as text
FAST = 1  # deflate's level
BLOCK_BYTES = 1 << 20
LINES_BYTES = 1 << 16  # some hundred rows
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError)


BEGUN = ".backing-up"  # in a library's folder, while a backup is being made: the draft's place, and what is checked
BACKUP_WAIT_S = 600.0


@contextmanager
def backing_up(home: Path) -> Iterator[Path]:
    """A folder of the library for what a backup needs while it is made; what a killed one left goes first.

    Raises:
        LibraryBusy: another backup of this library does not end.
    """
    with _backup_lock(home, wait_s=BACKUP_WAIT_S):
        _remove_begun(home)
        (home / BEGUN).mkdir(mode=0o700)
        try:
            yield home / BEGUN
        finally:
            _remove_begun(home)


def remove_unfinished(home: Path, *, wait_s: float = BACKUP_WAIT_S) -> None:
    """Delete what a killed backup has left, in the library's folder and beside the backup's place.

    Raises:
        LibraryBusy: a backup is being made.
    """
    if (home / BEGUN).exists():
        with _backup_lock(home, wait_s=wait_s):
            _remove_begun(home)


@contextmanager
def _backup_lock(home: Path, *, wait_s: float) -> Iterator[None]:
    def busy(holder: str) -> LibraryBusy:
        return LibraryBusy(f"a backup of this library is being made (pid {holder}): wait until it has ended")

    lock = home / f"{BEGUN}.lock"
    with file_lock(lock, str(os.getpid()), wait_s=wait_s, busy=busy, unusable=FileNotReadable):
        yield
        lock.unlink(missing_ok=True)


def _remove_begun(home: Path) -> None:
    folder = home / BEGUN
    if folder.exists():
        if (noted := folder / DRAFT_NOTE).exists() and (draft := noted.read_text(encoding="utf-8")):
            path_of(draft).unlink(missing_ok=True)
        shutil.rmtree(folder)


class ArchiveWriter:
    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._parts: dict[str, dict[str, Any]] = {}

    def add(self, name: str, pieces: Iterable[bytes], *, as_it_is: bool = False) -> int:
        """Write a part, compressed unless it is wanted as it is; returns how many lines it has, if it is compressed."""
        digest, lines, size = hashlib.sha256(), 0, 0
        entry = zipfile.ZipInfo(name) if as_it_is else name  # which is stored
        with self._file.open(entry, "w", force_zip64=True) as stream:
            for piece in pieces:
                stream.write(piece)
                digest.update(piece)
                size += len(piece)
                lines += 0 if as_it_is else piece.count(b"\n")
        self._parts[name] = {"sha256": digest.hexdigest(), "bytes": size}
        return lines

    def close(self, manifest: dict[str, Any]) -> None:
        content = {"program": PROGRAM, "format": FORMAT, **manifest, "parts": self._parts}
        self._file.writestr(MANIFEST, json.dumps(content, indent=1))


@contextmanager
def new_archive(path: Path, *, begun: Path, check: Callable[[Path], None] = lambda _: None) -> Iterator[ArchiveWriter]:
    """Write an archive that only its owner may read; it takes its place once `check` accepts it.

    Args:
        begun: the folder of `backing_up`, where the draft's place is noted before anything is written there.
    Raises:
        Conflict: a file that is not an archive of ours is there.
        FileNotReadable: the place cannot be written.
    """
    if path.exists() and not is_archive(path):
        raise Conflict(f"{path} is there and is not a faceml backup: name another file")
    try:
        with whole_file(path, is_durable=True) as draft:
            (begun / DRAFT_NOTE).write_text(path_text(draft.resolve()), encoding="utf-8")
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
        """Some whole lines at a time.

        Raises FileNotReadable, at the latest behind the last line, where the part is not what was written.
        """
        begun = b""
        for block in self._blocks(name, LINES_BYTES):
            whole, newline, rest = block.rpartition(b"\n")
            if newline:
                yield begun + whole + newline
                begun = rest
            else:
                begun += rest
        if begun:
            yield begun

    @contextmanager
    def taking(self, name: str) -> Iterator[Callable[[Sequence[int]], list[bytes]]]:
        """Hands out a part, the next pieces with so many bytes each. Raises as `lines`, also where bytes are left."""
        digest = hashlib.sha256()
        with self._opened(name) as (stream, promised):

            def take(sizes: Sequence[int]) -> list[bytes]:
                ends = list(accumulate(sizes, initial=0))
                data = stream.read(ends[-1]) if min(sizes, default=0) >= 0 else b""
                if len(data) != ends[-1]:
                    raise self._damaged(name)
                digest.update(data)
                return [data[start:end] for start, end in pairwise(ends)]

            yield take
            if stream.read(1) or digest.hexdigest() != promised:
                raise self._damaged(name)

    @contextmanager
    def _opened(self, name: str) -> Iterator[tuple[IO[bytes], str]]:
        """A part, and its digest."""
        try:
            promised = str(self.manifest["parts"][name]["sha256"])
            with self._file.open(name) as stream:
                yield stream, promised
        except (KeyError, *DAMAGE) as error:
            raise self._damaged(name) from error

    def content(self, name: str) -> bytes:
        return b"".join(self._blocks(name))

    def check(self, *, besides: str | None = None) -> None:
        """Read every part once, besides those whose names begin so. Raises FileNotReadable."""
        for name in self.manifest["parts"]:
            if besides is None or not name.startswith(besides):
                for _ in self._blocks(name):
                    pass

    def _blocks(self, name: str, size: int = BLOCK_BYTES) -> Iterator[bytes]:
        """Raises as `lines`."""
        digest = hashlib.sha256()
        with self._opened(name) as (stream, promised):
            while block := stream.read(size):
                digest.update(block)
                yield block
            if digest.hexdigest() != promised:
                raise self._damaged(name)

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
