"""Take a folder's photos into the library: new, changed and moved files, each content once."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from faceml.files import require_file
from faceml.path_text import path_text
from faceml.photo_files import LeftOut, find_photos
from faceml.progress import Progress, silent, told
from faceml.records import AssetStatus
from faceml.storage.sql.assets import KnownFile, PhotoFile
from faceml.storage.sql.chunks import chunks
from faceml.storage.sql.repository import Repository, UnitOfWork

BATCH = 500  # files a transaction
_NAMED = ("left_out", "unreadable_files")  # in a report, beside its counts


@dataclass(frozen=True, slots=True)
class IngestReport:
    files_seen: int
    added: int
    changed: int  # same place, other content: detected again
    moved: int  # same content, other place: its faces stay
    duplicates: int  # copies of a photo that is still in its place: left out
    unchanged: int
    unreadable: int  # files that could not be opened at all
    other_files: int = 0  # no photos by their names
    left_out: tuple[LeftOut, ...] = ()
    unreadable_files: tuple[str, ...] = ()  # path and reason


@told
def ingest_folder(repository: Repository, folder: Path, *, on_progress: Progress = silent) -> IngestReport:
    """Take all photos below `folder` in; files that did not change since the last time are not even read.

    Raises:
        FolderNotFound: `folder` is missing, not a folder, or cannot be opened.
        FileNotReadable: an ignore file cannot be read.
    """
    found = find_photos(folder)
    files = found.photos
    counts: Counter[str] = Counter(files_seen=len(files), other_files=found.other_files)
    unreadable: list[str] = []
    replaced: list[PhotoFile] = []
    done = 0
    for piece in chunks(files, BATCH):
        batch = _read_batch(repository, piece, counts, unreadable)
        with repository.begin() as unit:
            replaced += _store_batch(unit, batch, counts)
        done += len(piece)
        on_progress(done, len(files))
    # Last, when every moved photo has left its old place: what is still there was really overwritten.
    for late in chunks(replaced, BATCH):
        with repository.begin() as unit:
            _store_replaced(unit, late, counts)
    counts["unreadable"] = len(unreadable)
    counted = {name: counts[name] for name in IngestReport.__dataclass_fields__ if name not in _NAMED}
    return IngestReport(**counted, left_out=found.left_out, unreadable_files=tuple(unreadable))


def _read_batch(
    repository: Repository, paths: Sequence[Path], counts: Counter[str], unreadable: list[str]
) -> list[PhotoFile]:
    with repository.read() as unit:
        known = unit.assets.at_paths(paths)
    read: list[PhotoFile] = []
    for path in paths:
        try:
            stat = path.stat()
            before = known.get(path)
            # A photo that failed is read again each time: its reason may have gone (permissions, a missing disk).
            if before and before.status != AssetStatus.FAILED and _is_unchanged(before, stat):
                counts["unchanged"] += 1
            else:
                read.append(_read_file(path, stat))
        except OSError as error:
            unreadable.append(f"{path_text(path)}: {error.strerror or error}")
    return read


def _store_batch(unit: UnitOfWork, files: Sequence[PhotoFile], counts: Counter[str]) -> list[PhotoFile]:
    """Store what is new, moved or touched; returns files with new content at a place that is taken."""
    unit.assets.lock_new()  # first: of two that take the same folder in, one finds what the other has added
    by_hash = unit.assets.with_hashes([file.content_hash for file in files])
    by_path = unit.assets.at_paths([file.path for file in files])
    new: dict[str, PhotoFile] = {}
    rewritten: list[tuple[int, PhotoFile]] = []
    replaced: list[PhotoFile] = []
    for file in files:
        same = by_hash.get(file.content_hash)
        if same and same.path == file.path:
            rewritten.append((same.asset_id, file))
            counts["unchanged"] += 1
        elif file.content_hash in new or (same and _is_in_place(same)):
            counts["duplicates"] += 1
        elif same:
            rewritten.append((same.asset_id, file))
            by_hash[file.content_hash] = replace(same, path=file.path, mtime_ns=file.mtime_ns)
            counts["moved"] += 1
        elif file.path in by_path:
            replaced.append(file)
        else:
            new[file.content_hash] = file
    counts["added"] += len(new)
    failed = [known.asset_id for known in by_hash.values() if known.status == AssetStatus.FAILED]
    unit.assets.lock([*failed, *(asset_id for asset_id, _ in rewritten)])
    unit.assets.add(list(new.values()))
    unit.assets.rewrite(rewritten, is_changed=False)
    unit.assets.wait_again(failed)
    return replaced


def _store_replaced(unit: UnitOfWork, files: Sequence[PhotoFile], counts: Counter[str]) -> None:
    unit.assets.lock_new()
    by_hash = unit.assets.with_hashes([file.content_hash for file in files])
    by_path = unit.assets.at_paths([file.path for file in files])
    fresh: dict[str, PhotoFile] = {}
    for file in files:
        if file.content_hash not in by_hash:
            fresh.setdefault(file.content_hash, file)  # where one content overwrote several photos, once
    changed = [(by_path[file.path].asset_id, file) for file in fresh.values() if file.path in by_path]
    added = [file for file in fresh.values() if file.path not in by_path]
    counts.update(changed=len(changed), added=len(added), duplicates=len(files) - len(fresh))
    unit.assets.lock([asset_id for asset_id, _ in changed])
    unit.assets.rewrite(changed, is_changed=True)
    unit.assets.add(added)


def _is_in_place(known: KnownFile) -> bool:
    try:
        return _is_unchanged(known, known.path.stat())
    except OSError:
        return False


def _is_unchanged(known: KnownFile, stat: os.stat_result) -> bool:
    return (known.size_bytes, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def _read_file(path: Path, stat: os.stat_result) -> PhotoFile:
    from faceml.vision.taken_at import read_taken_at

    return PhotoFile(path, _content_hash(path), stat.st_size, stat.st_mtime_ns, read_taken_at(path))


def _content_hash(path: Path) -> str:
    require_file(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def copies_of_known(unit: UnitOfWork, paths: Sequence[Path]) -> dict[Path, int]:
    """Asset by path of those files that are copies of photos in the library; only those of a known size are read.

    A file that cannot be read is no copy.
    """
    sizes = {path: path.stat().st_size for path in paths if path.is_file()}
    known = unit.assets.of_sizes(sorted(set(sizes.values())))
    may_be, by_hash = {one.size_bytes for one in known}, {one.content_hash: one.asset_id for one in known}
    copies: dict[Path, int] = {}
    for path, size in sizes.items():
        with suppress(OSError):
            if size in may_be and (content := _content_hash(path)) in by_hash:
                copies[path] = by_hash[content]
    return copies
