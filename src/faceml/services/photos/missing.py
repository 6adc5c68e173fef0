"""Photos whose files are gone: noticed, taken back when they return, and forgotten for good where a person says so.

A missing photo keeps its row, its faces and what was decided about them; no list of faces shows it
(docs/decisions/0036-a-photos-life.md).
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from faceml.decisions.decision import Forget
from faceml.errors import Conflict, UnreadablePhoto
from faceml.files import require_file
from faceml.home import from_home
from faceml.library import Library
from faceml.offline import Whereabouts, looker
from faceml.path_text import path_text
from faceml.records import Asset, PhotoFaces
from faceml.services.decisions.decide import deciding, refresh_centroids
from faceml.services.index.drain import drain_outbox
from faceml.storage.forgetting import complete_erasures
from faceml.storage.sql.asset_rows import KnownFile
from faceml.storage.sql.chunks import chunks
from faceml.storage.sql.repository import Repository, UnitOfWork

if TYPE_CHECKING:
    from faceml.vision.edited import Followed, FormerFace

BATCH = 1000  # photos a transaction
CHANGED = "its file was changed or went since it was taken in: `faceml ingest` its folder again"
PATIENCE_S = 5.0  # for others that read the database or hold the index: after that it is a later command's work


@dataclass(frozen=True, slots=True)
class Noticed:
    missing: int = 0
    offline: int = 0
    offline_folders: tuple[str, ...] = ()


def notice_missing(
    repository: Repository, root: Path, *, walked: Iterable[Path], taken_by: Mapping[Path, str]
) -> Noticed:
    """Mark the photos below `root` as missing whose file is gone, or lies under another photo's content now.

    Photos of a folder that is empty, cannot be looked at, or was never reached count as offline and stay as they are.

    Args:
        walked: every photo's file that was found below `root`.
        taken_by: hash of the content at those paths where another photo's may have been.
    """
    there = set(map(path_text, walked))
    with repository.read() as unit:
        contested = unit.assets.claimed_twice() | set(map(path_text, taken_by))
        known = unit.assets.below(root, missing=False, but=there - contested)
    look = looker(root if there else None)
    gone, folders = [], list[Path]()
    for file in known:
        if path_text(file.path) in there:
            content = taken_by.get(file.path)
            gone += [file] if (content != file.content_hash if content else _is_another(file)) else []
            continue
        whereabouts, folder = look(file.path)
        if whereabouts is Whereabouts.GONE:
            gone.append(file)
        elif whereabouts is Whereabouts.OFFLINE:
            folders.append(folder)
    missing = 0
    for batch in chunks(gone, BATCH):
        with repository.begin() as unit:
            missing += _step_aside(unit, batch)
    return Noticed(missing, len(folders), tuple(sorted(map(path_text, set(folders)))))


def _is_another(file: KnownFile) -> bool:
    try:
        return not is_as_known(file)
    except OSError:  # nobody can tell
        return False


def is_as_known(file: KnownFile | Asset) -> bool:
    """Whether the file still has the size and time that it was taken in with. Raises OSError."""
    stat = file.path.stat()
    return (file.size_bytes, file.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def holds(file: KnownFile | Asset) -> bool:
    """Whether the file holds the content that the library knows; it is read only where size or time differ.

    Raises:
        OSError: it cannot be read.
    """
    return is_as_known(file) or content_hash(file.path) == file.content_hash


def check_faces_on(photo: Asset) -> None:
    """Raises UnreadablePhoto where the file is not the one that the photo's faces were found in."""
    try:
        if not photo.was_edited and holds(photo):
            return
    except OSError as error:
        raise UnreadablePhoto(error.strerror or str(error)) from error
    raise UnreadablePhoto("it was edited since its faces were found: ingest its folder, and `faceml faces backfill`")


def content_hash(path: Path) -> str:
    """SHA-256 of a file, hex. Raises OSError, of a pipe or device too, which is not opened."""
    require_file(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _step_aside(unit: UnitOfWork, files: Sequence[KnownFile]) -> int:
    """Mark those that are still as they were seen; returns how many."""
    unit.assets.lock_new()
    unit.events.lock()
    unit.assets.lock([file.asset_id for file in files])
    still = {known.asset_id: known for known in unit.assets.with_hashes([file.content_hash for file in files]).values()}
    ids = [file.asset_id for file in files if (now := still.get(file.asset_id)) and _lies(now) == _lies(file)]
    unit.assets.set_missing(ids, missing=True)
    _follow(unit, ids)
    return len(ids)


def _lies(file: KnownFile) -> tuple[Path, bool]:
    return file.path, file.is_missing


def come_back(unit: UnitOfWork, asset_ids: Sequence[int]) -> None:
    """Take photos back that were missing; the caller holds the lock of those who take photos in."""
    if asset_ids:
        unit.events.lock()
        unit.assets.set_missing(asset_ids, missing=False)
        _follow(unit, asset_ids)


def _follow(unit: UnitOfWork, asset_ids: Sequence[int]) -> None:
    """Bring centroids and index after photos that went or came back."""
    faces = unit.faces.in_assets(asset_ids)
    people = sorted({face.person_id for face in faces if face.person_id})
    refresh_centroids(unit, people)
    unit.outbox.push([*(face.id for face in faces), *unit.prototypes.centroid_points(people)])


@dataclass(frozen=True, slots=True)
class MissingPhoto:
    asset_id: int
    path: Path  # where it lay last
    faces: int
    since: datetime  # UTC; noticed then


def list_missing(repository: Repository, folder: Path | None = None) -> list[MissingPhoto]:
    """Photos whose files were gone when their folder was last taken in, below `folder` where given."""
    with repository.read() as unit:
        found = unit.assets.missing_since()
        faces = Counter(face.asset_id for face in unit.faces.in_assets(list(found)))
        paths = {asset.id: asset.path for asset in unit.assets.by_ids(list(found))}
    below = absolute(folder)
    listed = sorted((path, id_) for id_, path in paths.items() if below is None or path.is_relative_to(below))
    return [MissingPhoto(id_, path, faces[id_], found[id_]) for path, id_ in listed]


def absolute(folder: Path | None) -> Path | None:
    return from_home(folder).resolve() if folder is not None else None


# --- forgetting


@dataclass(frozen=True, slots=True)
class ForgetReport:
    photos_forgotten: int
    faces_forgotten: int  # with vectors, and what was decided about them
    faces_named: int  # of these, by a person's word
    photos_back: int = 0  # their files are there again: `faceml ingest` takes them back
    photos_offline: int = 0  # their folders cannot be reached now
    index_backlog: int = 0
    not_gone_yet: tuple[str, ...] = ()  # where copies may be left, and why; every later command tries again


def forget_missing(library: Library, folder: Path | None = None, *, is_confirmed: bool, actor: str) -> ForgetReport:
    """Forget missing photos for good, with their faces; people stay, without those faces.

    Photos whose files are back, or whose folders look offline, stay. It is completed as an erasure is
    (docs/decisions/0031-an-erasure-is-completed.md). A photo that comes back later is a new one.

    Args:
        folder: only photos below it, and there also those that are not marked or look offline: whoever names a folder
            says that its disk is not away.
    Raises:
        Conflict: it is not confirmed; the message says what would be forgotten, and nothing is.
    """
    with deciding(library) as unit:
        unit.assets.lock_new()
        report, ids = _forgettable(unit, folder)
        if not is_confirmed:
            raise Conflict(_warning(report))
        if not ids:
            return report
        unit.assets.lock(ids)
        faces = unit.faces.in_assets(ids)
        unit.outbox.push([face.id for face in faces])
        unit.assets.remove(ids)
        refresh_centroids(unit, sorted({face.person_id for face in faces if face.person_id}))
        unit.events.append(Forget(len(ids), len(faces)), actor=actor)
    left = complete_erasures(library.settings, library.repository, wait_s=PATIENCE_S)
    drained = drain_outbox(library)
    waits = (f"the index waits: {drained.reason}",) if drained.reason else ()
    return replace(report, index_backlog=drained.backlog, not_gone_yet=(*left, *waits))


def _forgettable(unit: UnitOfWork, folder: Path | None) -> tuple[ForgetReport, list[int]]:
    """What there is to forget, and the ids of its photos."""
    below = absolute(folder)
    files = unit.assets.below(below, missing=True)
    if below is not None:
        files += [file for file in unit.assets.below(below, missing=False) if not os.path.lexists(file.path)]
    others = unit.assets.at_paths([file.path for file in files])
    look, ids, back, offline = looker(Path("/")), [], 0, 0
    for file in files:
        whereabouts, _ = look(file.path)
        if whereabouts is Whereabouts.THERE and file.path not in others:
            back += 1
        elif whereabouts is Whereabouts.OFFLINE and below is None:
            offline += 1
        else:
            ids.append(file.asset_id)
    faces = unit.faces.in_assets(ids)
    named = len(unit.faces.decided_by_a_person([face.id for face in faces if face.person_id]))
    return ForgetReport(len(ids), len(faces), named, back, offline), ids


def _warning(report: ForgetReport) -> str:
    kept = [
        *([f"{report.photos_back} are back, and `faceml ingest` takes them in"] if report.photos_back else []),
        *([f"{report.photos_offline} look offline and stay"] if report.photos_offline else []),
    ]
    others = f" ({'; '.join(kept)})" if kept else ""
    if not report.photos_forgotten:
        return f"no missing photo is to be forgotten{others}"
    return (
        f"forgetting {report.photos_forgotten} missing photos takes {report.faces_forgotten} faces, "
        f"{report.faces_named} of them named by a person, for good{others}: confirm it (--yes)"
    )


def follow_edits(
    library: Library, photos: Sequence[PhotoFaces], contents: Mapping[int, str]
) -> tuple[list[PhotoFaces], dict[int, Followed]]:
    """Match what was found on contents not looked at before with the faces of what lay there before.

    A file that is another than the one taken in was looked at in vain: its faces are not those of the photo.
    """
    from faceml.vision.edited import follow

    with library.repository.read() as unit:
        known = unit.assets.with_hashes([contents[photo.asset_id] for photo in photos]).values()
    files = {file.asset_id: file for file in known}
    photos = [_checked(photo, files.get(photo.asset_id)) for photo in photos]
    with library.repository.read() as unit:
        unseen = unit.assets.unseen([photo.asset_id for photo in photos if photo.error is None])
        former = _former_faces(unit, [files[id_] for id_ in sorted(unseen)])
    pack = library.packs.load()
    return photos, {
        photo.asset_id: follow(former[photo.asset_id], photo, files[photo.asset_id].path, pack)
        for photo in photos
        if former.get(photo.asset_id)
    }


def _checked(photo: PhotoFaces, file: KnownFile | None) -> PhotoFaces:
    with suppress(OSError):
        if photo.error is not None or (file is not None and holds(file)):
            return photo
    return PhotoFaces(photo.asset_id, 0, 0, (), CHANGED)


def _former_faces(unit: UnitOfWork, files: Sequence[KnownFile]) -> dict[int, dict[UUID, FormerFace]]:
    """Faces of the former contents of these photos: their own, and those of missing photos that lay there before."""
    before = unit.assets.missing_at([file.path for file in files])
    sources = {file.asset_id: [file.asset_id, *(old.asset_id for old in before.get(file.path, ()))] for file in files}
    found = unit.vectors.former_faces(sorted({id_ for ids in sources.values() for id_ in ids}))
    return {id_: {k: face for source in ids for k, face in found[source].items()} for id_, ids in sources.items()}
