"""Vectors leave for other programs, and come back from an engine that did the embedding."""

from __future__ import annotations

import time
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from faceml.errors import Conflict, FileNotReadable, FolderNotFound, NoSpace, NotEnoughData, WrongUse
from faceml.files import is_full, no_space, whole_file
from faceml.library import Library
from faceml.options import USUAL_SIZE_PX
from faceml.path_text import path_text
from faceml.progress import Progress, silent, told
from faceml.records import PackContract, PhotoFaces
from faceml.services.index.drain import drain_outbox
from faceml.services.photos.detect import DRAIN_EVERY_S, Tally, store_found
from faceml.storage.sql.asset_rows import LookedAt
from faceml.storage.sql.repository import Repository, UnitOfWork
from faceml.storage.vector_shards import LookedFor, ShardPhoto, check_shard, read_shard, write_shards

UNLABELLED = -1
BATCH = 256  # photos a transaction
ROWS_A_BLOCK = 4_096  # of vectors


@dataclass(frozen=True, slots=True)
class ArraysReport:
    file: Path
    faces: int


@dataclass(frozen=True, slots=True)
class VectorExportReport:
    folder: Path
    files: int
    photos: int  # that were looked at, with faces or without
    faces: int


@dataclass(frozen=True, slots=True)
class VectorImportReport:
    files: int
    photos_taken_in: int
    faces_added: int
    photos_known: int  # looked at here already: nothing of them was changed
    photos_edited: int  # which `faceml faces backfill` looks at, to follow each face from one content to the next
    photos_not_ingested: int  # no photo of the library has that content
    faces_left_out: int  # of people who were erased
    seconds: float
    index_backlog: int


@dataclass(frozen=True, slots=True)
class _Look:
    """What the library knows of some photos of a file."""

    waiting: dict[int, ShardPhoto]  # by asset: nobody looked at them, in this content or in one before
    known: int
    edited: int
    not_ingested: int


def export_vectors(repository: Repository, file: Path) -> ArraysReport:
    """Write every face's vector to an .npz file of its owner's alone, as `benchmarks/recognition.py` reads it.

    Arrays, one row a face: `vectors` (N, D) float16 unit rows, `person` (a number for whoever a person labelled it as;
    -1: nobody), `photo` (faces of one photo share a number), `quality` (0 to 1); and `match_threshold`, the pack's
    recommended cosine. No names and no ids, but vectors are biometric data.

    Raises:
        WrongUse: another suffix.
        NotEnoughData: no face was found yet.
        FileNotReadable: the place cannot be written.
    """
    if file.suffix.lower() != ".npz":
        raise WrongUse(f"{file} ends in {file.suffix or 'nothing'!r}: vectors go into a .npz file")
    with repository.read() as unit:
        faces, contract = unit.vectors.everybody(), unit.contract.pinned()
    if contract is None:
        raise NotEnoughData("no face was found yet, so there are no vectors: `faceml faces backfill` finds faces")
    number = {person_id: row for row, person_id in enumerate(sorted({label for label in faces.labels if label}))}
    try:
        with whole_file(file) as draft, draft.open("wb") as stream:
            _write_arrays(
                stream,
                faces.vectors,
                person=np.array([number[label] if label else UNLABELLED for label in faces.labels], np.int64),
                photo=np.unique(faces.photos, return_inverse=True)[1],
                quality=faces.quality,
                match_threshold=np.float64(contract.match_threshold),
            )
    except OSError as error:
        raise FileNotReadable(f"{file} cannot be written: {error.strerror or error}") from error
    return ArraysReport(file, len(faces.face_ids))


def _write_arrays(stream: IO[bytes], vectors: NDArray[np.float32], **others: NDArray[Any] | np.generic) -> None:
    """As `np.savez`, with the vectors in float16, which are never there a second time as a whole."""
    with zipfile.ZipFile(stream, "w") as archive:
        with archive.open("vectors.npy", "w", force_zip64=True) as part:
            header = {"descr": "<f2", "fortran_order": False, "shape": vectors.shape}
            np.lib.format.write_array_header_1_0(part, header)
            for start in range(0, len(vectors), ROWS_A_BLOCK):
                part.write(vectors[start : start + ROWS_A_BLOCK].astype("<f2").tobytes())
        for name, array in others.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as part:
                np.lib.format.write_array(part, np.asanyarray(array), allow_pickle=False)


def export_shards(repository: Repository, folder: Path) -> VectorExportReport:
    """Write all vectors with boxes and landmarks as Parquet files into a new folder, see `storage.vector_shards`.

    Raises:
        Conflict: the folder is there and not empty.
        NotEnoughData: no face was found yet.
        FileNotReadable: it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} is there and not empty: name a new folder")
    with repository.read() as unit:
        contract = unit.contract.pinned()
        if contract is None:
            raise NotEnoughData("no face was found yet, so there are no vectors: `faceml faces backfill` finds faces")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            written = write_shards(folder, unit.vector_rows(), contract)
        except (OSError, NoSpace) as error:
            for file in folder.glob("faces-*.parquet"):  # the folder is new again
                file.unlink()
            if isinstance(error, NoSpace):
                raise
            if is_full(error):
                raise NoSpace(no_space(folder)) from error
            raise FileNotReadable(f"{folder} cannot be written: {error.strerror or error}") from error
    return VectorExportReport(folder, written.files, written.photos, written.faces)


@told
def import_shards(library: Library, folder: Path, *, on_progress: Progress = silent) -> VectorImportReport:
    """Store the faces of photos that are in the library and were not looked at, with vectors made elsewhere.

    A photo is known by its content, wherever it lies. It is taken in with all its faces or not at all, some photos a
    transaction: stopped and run again, it goes on where it was, and what is there is not stored twice.

    Raises:
        FolderNotFound: `folder` is missing, or holds no .parquet file.
        FileNotReadable: a file is not as `storage.vector_shards` says; what was taken in before stays.
        ModelMismatch: vectors of another pack; nothing is changed.
    """
    started = drained = time.monotonic()
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise FolderNotFound(
            f"{path_text(folder)} holds no .parquet files: `faceml vectors export` writes such a folder"
        )
    contract = library.repository.pack() or library.packs.contract()
    total, done, looks, tally = sum(check_shard(file, contract) for file in files), 0, list[_Look](), Tally()
    for file in files:
        photos = read_shard(file, contract.width)
        while batch := list(islice(photos, BATCH)):
            looks.append(_take_in(library.repository, batch, contract, tally))
            done += sum(photo.rows for photo in batch)
            on_progress(done, total)
            if time.monotonic() - drained > DRAIN_EVERY_S:
                drain_outbox(library)
                drained = time.monotonic()
    return VectorImportReport(
        files=len(files),
        photos_taken_in=tally.processed - tally.reasons.total(),
        faces_added=tally.added,
        photos_known=sum(look.known for look in looks),
        photos_edited=sum(look.edited for look in looks) + tally.reasons.total(),
        photos_not_ingested=sum(look.not_ingested for look in looks),
        faces_left_out=tally.left_out.total(),
        seconds=time.monotonic() - started,
        index_backlog=drain_outbox(library).backlog,
    )


def _take_in(repository: Repository, photos: Sequence[ShardPhoto], contract: PackContract, tally: Tally) -> _Look:
    with repository.read() as unit:
        look = _look(unit, photos)
    if not look.waiting:
        return look
    with repository.begin() as unit:
        unit.events.lock()
        look = _look(unit, photos)  # again, since nobody else can take them in now
        unit.contract.pin(contract)
        for looked_for, found in _as_found(unit, look.waiting).items():
            contents = {photo.asset_id: look.waiting[photo.asset_id].content_hash for photo in found}
            stored = store_found(unit, found, {}, contents, contract.name, tally)
            unit.assets.record_detection(
                [LookedAt(photo.asset_id, photo.width, photo.height, None) for photo in stored],
                min_confidence=looked_for.min_confidence,
                min_face_size=looked_for.min_face_size,
                size_px=looked_for.size_px or USUAL_SIZE_PX,
            )
    return replace(look, waiting={})  # their vectors need not stay in memory


def _look(unit: UnitOfWork, photos: Sequence[ShardPhoto]) -> _Look:
    files = unit.assets.with_hashes([photo.content_hash for photo in photos])
    known = {content: file for content, file in files.items() if not file.is_missing}
    here = {known[photo.content_hash].asset_id: photo for photo in photos if photo.content_hash in known}
    unseen = unit.assets.unseen(sorted(here))
    replaced = unit.assets.missing_at([file.path for file in known.values() if file.asset_id in unseen])
    edited = unit.assets.content_changed(sorted(unseen))
    edited |= {file.asset_id for file in known.values() if file.asset_id in unseen and file.path in replaced}
    waiting = {asset_id: photo for asset_id, photo in here.items() if asset_id in unseen - edited}
    return _Look(waiting, len(here) - len(unseen), len(edited), len(photos) - len(here))


def _as_found(unit: UnitOfWork, photos: Mapping[int, ShardPhoto]) -> dict[LookedFor, list[PhotoFaces]]:
    """By how faces were looked for; a face keeps its id where nothing in this library has it."""
    taken = set(unit.faces.photo_of([face.id for photo in photos.values() for face in photo.faces if face.id]))
    found: dict[LookedFor, list[PhotoFaces]] = defaultdict(list)
    for asset_id, photo in photos.items():
        faces = tuple(replace(face, id=None) if face.id in taken else face for face in photo.faces)
        taken |= {face.id for face in faces if face.id}
        found[photo.looked_for].append(PhotoFaces(asset_id, photo.width, photo.height, faces))
    return found
