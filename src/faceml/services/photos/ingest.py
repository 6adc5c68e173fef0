"""Take a folder's photos into the library: new, changed and moved files, each content once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from faceml.errors import FolderNotFound
from faceml.progress import Progress, silent
from faceml.records import AssetStatus
from faceml.services.photos.missing import come_back, content_hash, is_as_known, notice_missing
from faceml.storage.sql.assets import KnownFile, PhotoFile
from faceml.storage.sql.chunks import chunks
from faceml.storage.sql.repository import Repository, UnitOfWork

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".tif", ".tiff", ".bmp"})
BATCH = 500  # files a transaction


@dataclass(frozen=True, slots=True)
class IngestReport:
    files_seen: int
    added: int
    changed: int  # same place, other content: detected again
    moved: int  # same content, other place: its faces stay
    duplicates: int  # copies of a photo that is still in its place: left out
    unchanged: int
    unreadable: int  # files that could not be opened at all
    returned: int = 0  # missing until now: their faces are back
    missing: int = 0  # noticed now: their files are gone, or hold another photo; their faces step aside
    offline: int = 0  # their folders are empty or out of reach, so that nobody can tell: they stay as they are
    offline_folders: tuple[str, ...] = ()


@dataclass(slots=True)
class _Tally:
    counts: Counter[str]
    taken_by: dict[Path, str] = field(default_factory=dict)  # hash of a known content found at another's place, perhaps


def ingest_folder(repository: Repository, folder: Path, *, on_progress: Progress = silent) -> IngestReport:
    """Take all photos below `folder` in; files that did not change since the last time are not even read.

    Photos of the library that are no longer there are missing from now on, see `photos.missing`.

    Raises:
        FolderNotFound: `folder` is missing, or not a folder.
    """
    root = _reachable(repository, folder)
    files = photo_files(folder)
    tally = _Tally(Counter(files_seen=len(files)))
    replaced: list[PhotoFile] = []
    done = 0
    for piece in chunks(files, BATCH):
        batch = _read_batch(repository, piece, tally)
        with repository.begin() as unit:
            replaced += _store_batch(unit, batch, tally)
        done += len(piece)
        on_progress(done, len(files))
    # Last, when every moved photo has left its old place: what is still there was really overwritten.
    for late in chunks(replaced, BATCH):
        with repository.begin() as unit:
            _store_replaced(unit, late, tally)
    noticed = notice_missing(repository, root, walked=files, taken_by=tally.taken_by)
    counts = {name: tally.counts[name] for name in IngestReport.__dataclass_fields__}
    return IngestReport(**{**counts, **asdict(noticed)})


def _reachable(repository: Repository, folder: Path) -> Path:
    """The folder's absolute path. Raises FolderNotFound, which says where photos of the library lie below it."""
    try:
        return photo_folder(folder)
    except FolderNotFound as error:
        with repository.read() as unit:
            known = len(unit.assets.below(folder.expanduser().resolve(), missing=False))
        if not known:
            raise
        raise FolderNotFound(
            f"{error}; is its disk away? the library's {known} photos below it stay as they are"
        ) from error


def _read_batch(repository: Repository, paths: Sequence[Path], tally: _Tally) -> _Batch:
    with repository.read() as unit:
        known = unit.assets.at_paths(paths)
        missing = unit.assets.missing_at([path for path in paths if path not in known])
    batch = _Batch()
    for path in paths:
        try:
            stat = path.stat()
            here = [known[path]] if path in known else missing.get(path, [])
            before = next((file for file in here if _is_unchanged(file, stat)), None)
            # A photo that failed is read again each time: its reason may have gone (permissions, a missing disk).
            if before is None or before.status == AssetStatus.FAILED:
                batch.read.append(_read_file(path, stat))
            elif before.is_missing:
                batch.returned.append(before.asset_id)
            else:
                tally.counts["unchanged"] += 1
        except OSError:
            tally.counts["unreadable"] += 1
    return batch


@dataclass(slots=True)
class _Batch:
    read: list[PhotoFile] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)  # missing photos whose file is there again, as it was


def _store_batch(unit: UnitOfWork, batch: _Batch, tally: _Tally) -> list[PhotoFile]:
    """Store what is new, moved, touched or back; returns files with new content at a place that is taken."""
    unit.assets.lock_new()  # first: of two that take the same folder in, one finds what the other has added
    by_hash = unit.assets.with_hashes([file.content_hash for file in batch.read])
    by_path = unit.assets.at_paths([file.path for file in batch.read])
    new: dict[str, PhotoFile] = {}
    rewritten: list[tuple[int, PhotoFile]] = []
    replaced: list[PhotoFile] = []
    returned, again = list(batch.returned), []
    for file in batch.read:
        same = by_hash.get(file.content_hash)
        if same or file.content_hash in new:
            tally.taken_by[file.path] = file.content_hash
        if file.content_hash in new or (same and same.path != file.path and _is_in_place(same)):
            tally.counts["duplicates"] += 1
        elif same:
            rewritten.append((same.asset_id, file))
            if same.is_missing:
                returned.append(same.asset_id)
                # What was found on it since, under another content in its place, may belong to it.
                again += [same.asset_id] if file.path in by_path else []
            else:
                tally.counts["unchanged" if same.path == file.path else "moved"] += 1
            by_hash[file.content_hash] = replace(same, path=file.path, mtime_ns=file.mtime_ns, is_missing=False)
        elif file.path in by_path:
            replaced.append(file)
        else:
            new[file.content_hash] = file
    tally.counts.update(added=len(new), returned=len(returned))
    again += [known.asset_id for known in by_hash.values() if known.status == AssetStatus.FAILED]
    come_back(unit, returned)
    unit.assets.lock([*again, *(asset_id for asset_id, _ in rewritten)])
    unit.assets.add(list(new.values()))
    unit.assets.rewrite(rewritten, is_changed=False)
    unit.assets.wait_again(again)
    return replaced


def _store_replaced(unit: UnitOfWork, files: Sequence[PhotoFile], tally: _Tally) -> None:
    unit.assets.lock_new()
    by_hash = unit.assets.with_hashes([file.content_hash for file in files])
    by_path = unit.assets.at_paths([file.path for file in files])
    fresh: dict[str, PhotoFile] = {}
    for file in files:
        if file.content_hash not in by_hash:
            fresh.setdefault(file.content_hash, file)  # where one content overwrote several photos, once
    changed = [(by_path[file.path].asset_id, file) for file in fresh.values() if file.path in by_path]
    added = [file for file in fresh.values() if file.path not in by_path]
    tally.counts.update(changed=len(changed), added=len(added), duplicates=len(files) - len(fresh))
    tally.taken_by |= {file.path: file.content_hash for file in files}
    unit.assets.lock([asset_id for asset_id, _ in changed])
    unit.assets.rewrite(changed, is_changed=True)
    unit.assets.add(added)


def _is_in_place(known: KnownFile) -> bool:
    try:
        return not known.is_missing and is_as_known(known)
    except OSError:
        return False


def _is_unchanged(known: KnownFile, stat: os.stat_result) -> bool:
    return (known.size_bytes, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def _read_file(path: Path, stat: os.stat_result) -> PhotoFile:
    from faceml.vision.image import read_taken_at

    return PhotoFile(path, content_hash(path), stat.st_size, stat.st_mtime_ns, read_taken_at(path))


def copies_of_known(unit: UnitOfWork, paths: Sequence[Path]) -> dict[Path, int]:
    """Asset by path of those files that are copies of photos in the library; only those of a known size are read."""
    sizes = {path: path.stat().st_size for path in paths if path.is_file()}
    known = unit.assets.of_sizes(sorted(set(sizes.values())))
    may_be, by_hash = {one.size_bytes for one in known}, {one.content_hash: one.asset_id for one in known}
    hashes = {path: content_hash(path) for path, size in sizes.items() if size in may_be}
    return {path: by_hash[found] for path, found in hashes.items() if found in by_hash}


def photo_folder(folder: Path) -> Path:
    """The folder's absolute path. Raises FolderNotFound where it is missing, or not a folder."""
    absolute = folder.expanduser().resolve()
    if not absolute.is_dir():
        raise FolderNotFound(
            f"the folder {absolute} is not there: check its spelling, or create it and put photos in it"
        )
    return absolute


def photo_files(folder: Path) -> list[Path]:
    """All files below a folder that are photos by their names, sorted; hidden files and folders are left out.

    Raises:
        FolderNotFound: it is missing, or not a folder.
    """
    found = []
    for parent, folders, names in os.walk(photo_folder(folder)):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = (Path(parent, name) for name in names if not name.startswith("."))
        found += [path for path in visible if path.suffix.lower() in PHOTO_SUFFIXES]
    return sorted(found)
