"""Write faces for other programs: a table, or names beside the photos as XMP; the photos are never touched."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, fields
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path

from faceml.csv_cells import as_cell
from faceml.errors import FileNotReadable, WrongUse
from faceml.files import read_file, whole_file, write_whole
from faceml.path_text import path_text
from faceml.photo_files import PHOTO_SUFFIXES, photo_folder
from faceml.progress import Progress, silent
from faceml.records import Asset, AssignedBy, BBox, PersonStatus
from faceml.storage.sql.chunks import chunks
from faceml.storage.sql.face_rows import ExportRow
from faceml.storage.sql.repository import Repository
from faceml.vision.image import read_orientation
from faceml.xmp.areas import Size, area_of, stored
from faceml.xmp.elements import NotXmp
from faceml.xmp.merge import NamedFace, RegionChanges, region_changes
from faceml.xmp.packet import write_regions
from faceml.xmp.regions import FACEML, Regions, read_regions
from faceml.xmp.sidecars import Sidecars

SUFFIXES = (".csv", ".parquet")
ROWS_A_GROUP = 50_000  # of Parquet: so many faces are in memory at a time


@dataclass(frozen=True, slots=True)
class ExportReport:
    file: Path
    faces: int


def export_faces(repository: Repository, file: Path) -> ExportReport:
    """Write one row a face to a .csv or .parquet file of its owner's alone, which appears whole or not at all.

    Raises:
        WrongUse: another suffix.
        FileNotReadable: the place cannot be written.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise WrongUse(f"{file} ends in {file.suffix or 'nothing'!r}: export knows {' and '.join(SUFFIXES)}")
    write = _write_csv if file.suffix.lower() == ".csv" else _write_parquet
    try:
        with whole_file(file) as draft, repository.read() as unit:
            faces = write(draft, unit.export_rows())
    except OSError as error:
        raise FileNotReadable(f"{file} cannot be written: {error.strerror or error}") from error
    return ExportReport(file, faces)


def _write_csv(file: Path, rows: Iterator[ExportRow]) -> int:
    count = 0
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        names = [column.name for column in fields(ExportRow)]
        writer.writerow(names)
        cells = attrgetter(*names)
        for row in rows:
            writer.writerow(map(as_cell, cells(row)))
            count += 1
    return count


def _write_parquet(file: Path, rows: Iterator[ExportRow]) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    types = {"str": pa.string(), "float": pa.float64(), "int": pa.int64()}
    schema = pa.schema([(column.name, types[str(column.type).split(" |")[0]]) for column in fields(ExportRow)])
    count = 0
    # Given a name, pyarrow wants it in UTF-8.
    with file.open("wb") as stream, parquet.ParquetWriter(stream, schema) as writer:
        while page := list(islice(rows, ROWS_A_GROUP)):
            columns = [
                pa.array(map(attrgetter(name), page), type_)
                for name, type_ in zip(schema.names, schema.types, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            count += len(page)
    return count


@dataclass(frozen=True, slots=True)
class XmpExportReport:
    photos: int = 0  # with a name to write
    faces: int = 0  # that stand in sidecars now
    sidecars_written: int = 0
    sidecars_unchanged: int = 0
    names_removed: int = 0  # that faceml had written, of faces without that name by now
    recognised_left_out: int = 0  # named by recognition only, no person has confirmed them
    videos_left_out: int = 0  # with a name: a region of the standard has a place, but no time
    disputed: tuple[str, ...] = ()  # somebody wrote another name there: it stays
    skipped: tuple[str, ...] = ()  # one reason a photo


COUNTS = ("photos", "faces", "sidecars_written", "sidecars_unchanged", "names_removed", "recognised_left_out")
PHOTOS_AT_ONCE = 1000


def export_xmp(
    repository: Repository, folder: Path | None = None, *, recognised: bool = False, on_progress: Progress = silent
) -> XmpExportReport:
    """Write an XMP sidecar beside every photo with named faces (MWG regions); what else a sidecar holds is kept.

    Names that somebody else wrote are never changed. Running it again writes what changed since. Hidden people are left
    out.

    Args:
        folder: only photos below it.
        recognised: also names that recognition gave, marked so that reading them back makes no decisions of them.
    Raises:
        FolderNotFound: `folder` is missing.
    """
    root = photo_folder(folder) if folder is not None else None
    with repository.read() as unit:
        hidden = {str(person.id) for person in unit.people.page(status=PersonStatus.HIDDEN, limit=2**31)}
        formerly = unit.faces_formerly_at()
        gone = {path: ids for path, ids in formerly.items() if root is None or path.is_relative_to(root)}
        photos = {id_ for id_, path in unit.assets.with_faces() if root is None or path.is_relative_to(root)}
        photos |= {file.asset_id for file in unit.assets.at_paths(list(gone)).values()}
    sidecars = Sidecars(PHOTO_SUFFIXES)
    counts: Counter[str] = Counter()
    disputed: list[str] = []
    skipped: list[str] = []
    for number, (asset, faces) in enumerate(_with_faces(repository, sorted(photos)), start=1):
        named = [face for face in faces if face.person_name and face.person_id not in hidden]
        chosen = named if recognised else [face for face in named if face.assigned_by == AssignedBy.MANUAL]
        if asset.is_video:
            counts.update(videos_left_out=bool(chosen))
            on_progress(number, len(photos))
            continue
        known = {face.face_id for face in faces} | gone.get(asset.path, set())
        part = _export_photo(asset, known, chosen, sidecars.to_write(asset.path))
        counts.update({name: getattr(part, name) for name in COUNTS})
        counts.update(photos=bool(chosen), recognised_left_out=len(named) - len(chosen))
        disputed += part.disputed
        skipped += part.skipped
        on_progress(number, len(photos))
    return XmpExportReport(**counts, disputed=tuple(disputed), skipped=tuple(skipped))


def _with_faces(repository: Repository, asset_ids: Sequence[int]) -> Iterator[tuple[Asset, list[ExportRow]]]:
    """Photos and the faces on each, some in memory at a time; writing a sidecar keeps no reader waiting."""
    for ids in chunks(asset_ids, PHOTOS_AT_ONCE):
        with repository.read() as unit:
            assets = unit.assets.by_ids(ids)
            on_photo = {id_: list(faces) for id_, faces in groupby(unit.export_rows(ids), key=attrgetter("asset_id"))}
        for asset in assets:
            yield asset, on_photo.get(asset.id, [])


def _export_photo(asset: Asset, known: Set[str], named: Sequence[ExportRow], sidecar: Path) -> XmpExportReport:
    """`known` are the ids of faces of this photo, and of those that lay in its place before."""
    try:
        before = read_file(sidecar) if sidecar.exists() else None
        if not named and (before is None or FACEML.encode() not in before):
            return XmpExportReport()
        if not asset.path.is_file():
            return XmpExportReport(skipped=(f"{path_text(asset.path)}: the photo is not there",))
        if asset.was_edited:
            reason = asset.error or "it was edited since its faces were found"
            return XmpExportReport(skipped=(f"{path_text(asset.path)}: {reason}; `faceml faces backfill` looks again",))
        if not asset.width or not asset.height:
            reason = asset.error or "it was not looked at"
            return XmpExportReport(skipped=(f"{path_text(asset.path)}: {reason}; `faceml faces backfill` looks again",))
        return _write(asset, known, named, before, sidecar)
    except NotXmp as error:
        return XmpExportReport(skipped=(f"{path_text(sidecar)}: {error}; it is left as it is",))
    except OSError as error:
        return XmpExportReport(skipped=(f"{path_text(sidecar)} cannot be written: {error.strerror or error}",))


def _write(
    asset: Asset, known: Set[str], named: Sequence[ExportRow], before: bytes | None, sidecar: Path
) -> XmpExportReport:
    orientation = read_orientation(asset.path)
    upright_size = Size(asset.width or 0, asset.height or 0)
    photo = upright_size.turned(orientation)
    there = read_regions(before) if before is not None else Regions(None, ())
    stale = () if not there.applied_to or there.applied_to.has_shape_of(photo) else there.regions
    if stale and before is not None:  # the photo was cut or turned since
        if not all(region.is_ours and region.mark and region.mark.face_id in known for region in stale):
            raise NotXmp(f"its regions are of a picture of {there.applied_to}, the photo has {photo}")
        before = write_regions(before, RegionChanges((), stale, (), 0, ()), photo)
        there = read_regions(before)
    wanted = [
        NamedFace(
            face.face_id,
            _printable(face.person_name or ""),
            stored(area_of(BBox(face.x, face.y, face.w, face.h), upright_size), orientation),
            face.assigned_by or "",
        )
        for face in named
    ]
    changes = region_changes(there.regions, wanted, known=known)
    is_changed = bool(before is None or stale or changes.replaced or changes.removed or changes.added)
    if is_changed:
        # Other photo programs read it, who may run as somebody else: whoever may see the photo may see the names.
        like = asset.path if before is None else sidecar
        write_whole(sidecar, write_regions(before, changes, photo), like=like)
    return XmpExportReport(
        faces=changes.unchanged + len(changes.replaced) + len(changes.added),
        sidecars_written=int(is_changed),
        sidecars_unchanged=int(not is_changed),
        names_removed=len(changes.removed),
        disputed=tuple(
            f"{path_text(asset.path)}: {face.name}, where the sidecar says {region.name}"
            for region, face in changes.disputed
        ),
    )


def _printable(name: str) -> str:
    """Without what XML cannot hold."""
    return "".join(letter for letter in name if letter >= " " and letter not in "\ufffe\uffff")
