"""Take names over that another photo program wrote beside the photos, or into them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from uuid import UUID

from faceml.errors import NotEnoughData, WrongUse
from faceml.files import read_file
from faceml.library import Library
from faceml.names import tidy_name
from faceml.path_text import path_text
from faceml.photo_files import PHOTO_SUFFIXES, LeftOut, find_photos, is_video
from faceml.progress import Progress, silent
from faceml.records import Asset, AssignedBy, BBox, Face
from faceml.services.exchange.import_labels import label_named
from faceml.services.index.drain import update_index
from faceml.services.photos.ingest import copies_of_known
from faceml.storage.sql.chunks import chunks
from faceml.storage.sql.repository import Repository, UnitOfWork
from faceml.vision.image import read_embedded_xmp, read_orientation
from faceml.vision.overlap import SAME_PLACE_IOU, pair_boxes
from faceml.xmp.areas import QUARTERS, SIDEWAYS, UPRIGHT, Size, bbox_of, upright
from faceml.xmp.elements import NotXmp
from faceml.xmp.regions import Region, Regions, read_regions
from faceml.xmp.sidecars import Sidecars


@dataclass(frozen=True, slots=True)
class XmpImportReport:
    photos: int  # of the library, below the folder
    photos_with_names: int
    names: int  # regions that name a face
    faces_labeled: int
    already_labeled: int
    decided_otherwise: int  # a person gave another name here: that stays
    without_face: int  # no face was found at that place
    guesses_skipped: int  # written by faceml's recognition, confirmed by nobody
    people: int  # whose faces were labelled
    photos_not_ingested: int
    skipped: tuple[str, ...]  # one reason a file
    left_out: tuple[LeftOut, ...]  # of the folder


@dataclass(frozen=True, slots=True)
class _NamedBoxes:
    """What a photo's XMP says, box by box, under each reading of a turned photo (the standard's first)."""

    asset_id: int
    names: tuple[str, ...]
    readings: tuple[tuple[BBox, ...], ...]


@dataclass(slots=True)
class _Tally:
    photos: int = 0
    already_labeled: int = 0
    decided_otherwise: int = 0
    without_face: int = 0
    guesses_skipped: int = 0
    photos_not_ingested: int = 0
    skipped: tuple[str, ...] = ()


def import_xmp(library: Library, folder: Path, *, actor: str, on_progress: Progress = silent) -> XmpImportReport:
    """Label faces by the regions in sidecars (`IMG.jpg.xmp`, `IMG.xmp`) or in the photos; all of them, or none.

    A region names the face that it overlaps most (IoU of 0.3 or more). What a person decided here about a face is never
    overruled, so running it again changes nothing. Each person's labels are one event that can be undone.

    Raises:
        FolderNotFound: `folder` is missing.
        NotEnoughData: none of its photos is in the library.
    """
    found = find_photos(folder)
    tally = _Tally()
    named = list(_read_all(library.repository, found.photos, tally, on_progress))
    if not tally.photos:
        raise NotEnoughData(
            f"none of the {tally.photos_not_ingested} photos below {path_text(folder)} is in this library: "
            "ingest it first"
        )
    with library.repository.begin() as unit:
        done = label_named(unit, _to_label(unit, named, tally), imported_from="XMP", actor=actor)
    update_index(library)
    return XmpImportReport(
        **asdict(tally),
        **asdict(done),
        photos_with_names=len(named),
        names=sum(len(photo.names) for photo in named),
        left_out=found.left_out,
    )


def _read_all(
    repository: Repository, photos: Sequence[Path], tally: _Tally, on_progress: Progress
) -> Iterator[_NamedBoxes]:
    sidecars, done = Sidecars(PHOTO_SUFFIXES), 0
    for piece in chunks(photos):
        assets = [asset for asset in _assets_at(repository, piece) if not asset.is_video]
        tally.photos += len(assets)
        tally.photos_not_ingested += sum(not is_video(path) for path in piece) - len(assets)
        for asset in assets:
            if named := _named_boxes(asset, sidecars.to_read(asset.path), tally):
                yield named
        done += len(piece)
        on_progress(done, len(photos))


def _assets_at(repository: Repository, paths: Sequence[Path]) -> list[Asset]:
    """The photos at these paths, each where it lies here: also copies, whose sidecars may say more."""
    with repository.read() as unit:
        found = {path: file.asset_id for path, file in unit.assets.at_paths(paths).items()}
        found |= copies_of_known(unit, [path for path in paths if path not in found])
        by_id = {asset.id: asset for asset in unit.assets.by_ids(sorted(set(found.values())))}
    return [replace(by_id[asset_id], path=path) for path, asset_id in found.items()]


def _named_boxes(asset: Asset, sidecars: Sequence[Path], tally: _Tally) -> _NamedBoxes | None:
    found = _read_photo(asset.path, sidecars, tally)
    tally.skipped += tuple(
        f"{path_text(asset.path)}: the region of {name!r} has no area that can be read" for name in found.lost
    )
    regions = [region for region in found.regions if region.is_face and _is_name(region, asset.path, tally)]
    guesses = [region for region in regions if _is_guess(region)]
    tally.guesses_skipped += len(guesses)
    regions = [region for region in regions if region not in guesses]
    if not regions or not asset.width or not asset.height:
        tally.without_face += len(regions)
        return None
    size, orientation = Size(asset.width, asset.height), read_orientation(asset.path)
    drawn_on = found.applied_to or size
    if not (drawn_on.has_shape_of(size) or drawn_on.turned(SIDEWAYS[0]).has_shape_of(size)):
        tally.skipped += (f"{path_text(asset.path)}: its regions are of a picture of {drawn_on}, cut differently",)
        return None
    areas = [region.area for region in regions if region.area is not None]
    # Some programs forget the orientation, against the standard, and HEIC files have one that no reader passes on: the
    # faces tell which reading is meant.
    ways = dict.fromkeys((orientation, UPRIGHT) if drawn_on.has_shape_of(size) else (orientation, UPRIGHT, *QUARTERS))
    readings = tuple(tuple(bbox_of(upright(area, way), size) for area in areas) for way in ways)
    return _NamedBoxes(asset.id, tuple(region.name for region in regions), readings)


def _read_photo(photo: Path, sidecars: Sequence[Path], tally: _Tally) -> Regions:
    """The first that has regions: a sidecar's count more than the photo's own."""
    for place in (*sidecars, photo):
        try:
            packet = read_file(place) if place != photo else read_embedded_xmp(photo)
            found = read_regions(packet) if packet else Regions(None, ())
        except (NotXmp, OSError) as error:
            tally.skipped += (f"{path_text(place)} cannot be read: {getattr(error, 'strerror', None) or error}",)
            continue
        if found.regions:
            return found
    return Regions(None, ())


def _is_name(region: Region, photo: Path, tally: _Tally) -> bool:
    if not region.name:
        return False
    try:
        tidy_name(region.name)
    except WrongUse as error:
        tally.skipped += (f"{path_text(photo)}: {error}",)
        return False
    return True


def _is_guess(region: Region) -> bool:
    """Written by faceml's recognition and confirmed by nobody; under another name by now, a person has decided."""
    return region.is_ours and region.mark is not None and region.mark.assigned_by == AssignedBy.PROTOTYPE


def _to_label(unit: UnitOfWork, named: Sequence[_NamedBoxes], tally: _Tally) -> Iterator[tuple[str, Face]]:
    in_photo = unit.faces.by_asset([photo.asset_id for photo in named])
    person_named = cache(unit.people.named)
    given: set[UUID] = set()
    for photo in named:
        pairs = _best_reading(photo.readings, in_photo[photo.asset_id])
        tally.without_face += len(photo.names) - len(pairs)
        for row, face in pairs.items():
            person = person_named(photo.names[row])
            if face.id in given:  # by a copy of this photo
                continue
            if face.assigned_by is not AssignedBy.MANUAL:
                given.add(face.id)
                yield photo.names[row], face
            elif person is not None and person.id == face.person_id:
                tally.already_labeled += 1
            else:
                tally.decided_otherwise += 1


def _best_reading(readings: Sequence[Sequence[BBox]], faces: Sequence[Face]) -> dict[int, Face]:
    """Face by box number. The standard's reading comes first, so it also wins where both fit equally well."""
    found = [face.bbox for face in faces]
    fits = []
    for boxes in readings:
        pairs = pair_boxes(boxes, found, min_iou=SAME_PLACE_IOU)
        fits.append((sum(boxes[row].iou(found[number]) for row, number in pairs.items()), pairs))
    pairs = max(fits, key=lambda fit: fit[0])[1]
    return {row: faces[number] for row, number in pairs.items()}
