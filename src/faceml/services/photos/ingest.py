"""Take photos into the library, each content once: a folder's new, changed and moved files, and pictures handed in."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from faceml.errors import FolderNotFound
from faceml.home import from_home
from faceml.library import Library
from faceml.path_text import path_text
from faceml.photo_files import FolderPhotos, LeftOut, find_photos, is_video, photo_folder
from faceml.progress import Progress, silent, told
from faceml.records import AssetStatus
from faceml.services.photos.missing import come_back, content_hash, is_as_known, notice_missing
from faceml.storage.enrolled import kept, place_of
from faceml.storage.forgetting import files_lock
from faceml.storage.sql.asset_rows import KnownFile, PhotoFile
from faceml.storage.sql.chunks import chunks
from faceml.storage.sql.repository import Repository, UnitOfWork

BATCH = 500  # files a transaction
PATIENCE_S = 30.0  # for others who keep pictures, or clean up after an erasure
_NAMED = ("left_out", "unreadable_files", "offline_folders")  # in a report, beside its counts


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
    returned: int = 0  # missing until now: their faces are back
    missing: int = 0  # noticed now: their files are gone, or hold another photo; their faces step aside
    offline: int = 0  # their folders are empty or out of reach, so that nobody can tell: they stay as they are
    offline_folders: tuple[str, ...] = ()


@dataclass(slots=True)
class _Tally:
    counts: Counter[str]
    taken_by: dict[Path, str] = field(default_factory=dict)  # hash of a known content found at another's place, perhaps
    unreadable: list[str] = field(default_factory=list)  # path and reason


@told
def ingest_folder(repository: Repository, folder: Path, *, on_progress: Progress = silent) -> IngestReport:
    """Take all photos below `folder` in; files that did not change since the last time are not even read.

    Photos of the library that are no longer there are missing from now on, see `photos.missing`.

    Raises:
        FolderNotFound: `folder` is missing, not a folder, or cannot be opened.
        FileNotReadable: an ignore file cannot be read.
    """
    found = _find(repository, folder)
    files = found.photos
    tally = _Tally(Counter(files_seen=len(files), other_files=found.other_files))
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
    noticed = notice_missing(repository, photo_folder(folder), walked=files, taken_by=tally.taken_by)
    tally.counts["unreadable"] = len(tally.unreadable)
    counts = {name: tally.counts[name] for name in IngestReport.__dataclass_fields__ if name not in _NAMED}
    named = {"left_out": found.left_out, "unreadable_files": tuple(tally.unreadable)}
    return IngestReport(**{**counts, **named, **asdict(noticed)})


def _find(repository: Repository, folder: Path) -> FolderPhotos:
    """As `find_photos`, but of a folder that is not there it says where photos of the library lie below it."""
    try:
        return find_photos(folder)
    except FolderNotFound as error:
        with repository.read() as unit:
            known = len(unit.assets.below(from_home(folder).resolve(), missing=False))
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
        except OSError as error:
            tally.unreadable.append(f"{path_text(path)}: {error.strerror or error}")
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
    from faceml.vision.frames import read_facts
    from faceml.vision.taken_at import read_taken_at

    duration_s = read_facts(path).duration_s if is_video(path) else None
    return PhotoFile(path, content_hash(path), stat.st_size, stat.st_mtime_ns, read_taken_at(path), duration_s)


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
            if size in may_be and (content := content_hash(path)) in by_hash:
                copies[path] = by_hash[content]
    return copies


@dataclass(frozen=True, slots=True)
class Picture:
    """What is handed in without a place of its own."""

    content: bytes
    content_hash: str
    suffix: str


def keep_pictures(library: Library, pictures: Sequence[Picture]) -> list[int]:
    """Take pictures in; those that lie nowhere else yet are kept in the library's own folder. Returns their assets.

    Raises:
        LibraryBusy: others are at the folder's files for long. NoSpace: the disk is full.
    """
    hashes, home = [each.content_hash for each in pictures], library.settings.home
    if not pictures:
        return []
    with library.repository.begin() as unit:  # to write, for what cleans up before that takes the lock, too
        known = unit.assets.with_hashes(hashes)
    with files_lock(home, wait_s=PATIENCE_S):
        there = {content for content, file in known.items() if _is_in_place(file)}
        places = {place_of(home, p.content_hash, p.suffix): p for p in pictures if p.content_hash not in there}
        with (
            kept({place: picture.content for place, picture in places.items()}) as drafts,
            library.repository.begin() as unit,
        ):
            files, tally = [_handed_in(place, drafts[place], places[place]) for place in places], _Tally(Counter())
            _store_replaced(unit, _store_batch(unit, _Batch(read=files), tally), tally)
            return [file.asset_id for file in unit.assets.with_hashes(hashes).values()]


def _handed_in(place: Path, draft: Path, picture: Picture) -> PhotoFile:
    from faceml.vision.taken_at import read_taken_at

    stat = draft.stat()
    taken = read_taken_at(picture.content)
    return PhotoFile(place, picture.content_hash, stat.st_size, stat.st_mtime_ns, taken)
