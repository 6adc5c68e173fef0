"""Faces to annotation tools, and what people decided there back: FiftyOne and Label Studio."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

from faceml.annotation import fiftyone, label_studio
from faceml.annotation.here import COUNTED, Here
from faceml.annotation.marks import NOBODY, Box, Exported, Mark, Share, Verdict
from faceml.decisions.about_faces import Confirm, Dismiss, RejectEach, Unassign
from faceml.decisions.decision import Decision
from faceml.errors import Conflict, FileNotReadable, NoSpace, WrongUse
from faceml.files import is_full, no_space
from faceml.library import Library
from faceml.names import tidy_name
from faceml.path_text import path_of
from faceml.records import AssignedBy, Dismissal, Face
from faceml.services.decisions.bulk import counted_each
from faceml.services.decisions.decide import decide, deciding
from faceml.services.exchange.import_labels import label_named
from faceml.storage.sql.face_rows import ExportRow
from faceml.storage.sql.repository import Repository, UnitOfWork
from faceml.vision.overlap import SAME_PLACE_IOU, pair_boxes

MORE = ("cluster_id", "person_id", "assigned_by", "similarity", "model_version")
TASKS, INTERFACE = "tasks.json", "interface.xml"


@dataclass(frozen=True, slots=True)
class AnnotationExportReport:
    folder: Path
    photos: int
    faces: int


def export_fiftyone(repository: Repository, folder: Path) -> AnnotationExportReport:
    """Write `metadata.json` and `samples.json` into a new folder; photos stay where they are and are pointed at.

    Raises:
        Conflict: the folder is there and not empty.
        FileNotReadable: it cannot be written.
    """
    pinned = repository.pack()
    texts = {fiftyone.METADATA: fiftyone.metadata(pinned.name if pinned else None)}

    def sample(photo: ExportRow, boxes: Sequence[Box]) -> dict[str, Any]:
        size = photo.photo_width or 1, photo.photo_height or 1
        return fiftyone.sample(photo.path, *size, photo.taken_at, boxes)

    with _new_folder(folder, fiftyone.SAMPLES, *texts), repository.read() as unit:
        items = ((sample(photo, boxes), len(boxes)) for photo, boxes in _photos(unit))
        return _write(folder, fiftyone.SAMPLES, ('{"samples": [', "]}\n"), items, texts)


def export_label_studio(repository: Repository, folder: Path, *, root: Path) -> AnnotationExportReport:
    """Write `tasks.json`, to be imported into a project, and `interface.xml`, its labelling interface, to a new folder.

    Args:
        root: LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, below which all photos lie.
    Raises:
        Conflict: the folder is there and not empty.
        WrongUse: a photo lies elsewhere.
        FileNotReadable: it cannot be written.
    """

    def task(photo: ExportRow, boxes: Sequence[Box]) -> dict[str, Any]:
        path, size = path_of(photo.path), (photo.photo_width or 1, photo.photo_height or 1)
        if not path.is_relative_to(root):
            raise WrongUse(f"{photo.path} does not lie below {root}: give a root that holds all photos (--root)")
        return label_studio.task(path, root, *size, boxes)

    with repository.read() as unit:
        texts = {INTERFACE: label_studio.interface(sorted(unit.people.active_names()))}
        with _new_folder(folder, TASKS, *texts):
            items = ((task(photo, boxes), len(boxes)) for photo, boxes in _photos(unit))
            return _write(folder, TASKS, ("[", "]\n"), items, texts)


def _photos(unit: UnitOfWork) -> Iterator[tuple[ExportRow, list[Box]]]:
    for _, faces in groupby(unit.export_rows(), key=lambda row: row.asset_id):
        known = [face for face in faces if face.photo_width and face.photo_height and face.frame_s is None]
        if known:
            yield known[0], [_box(face, face.photo_width or 1, face.photo_height or 1) for face in known]


def _box(face: ExportRow, width: int, height: int) -> Box:
    by = AssignedBy(face.assigned_by) if face.assigned_by else None
    return Box(
        face.face_id,
        Share(face.x / width, face.y / height, face.w / width, face.h / height),
        Exported(face.person_name or NOBODY, by),
        face.confidence,
        face.quality,
        {name: getattr(face, name) for name in MORE},
    )


@contextmanager
def _new_folder(folder: Path, *names: str) -> Iterator[None]:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} is there and not empty: name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except (OSError, WrongUse) as error:
        for name in names:  # the folder is new again
            (folder / name).unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        if is_full(error):
            raise NoSpace(no_space(folder)) from error
        raise FileNotReadable(f"{folder} cannot be written: {error.strerror or error}") from error


def _write(
    folder: Path,
    name: str,
    around: tuple[str, str],
    items: Iterable[tuple[dict[str, Any], int]],
    texts: dict[str, str],
) -> AnnotationExportReport:
    photos = faces = 0
    with (folder / name).open("w", encoding="utf-8") as stream:
        stream.write(around[0])
        for item, count in items:
            stream.write((",\n" if photos else "") + json.dumps(item))
            photos, faces = photos + 1, faces + count
        stream.write(around[1])
    for beside, text in texts.items():
        (folder / beside).write_text(text, encoding="utf-8")
    return AnnotationExportReport(folder, photos, faces)


@dataclass(frozen=True, slots=True)
class AnnotationImportReport:
    boxes: int
    faces_named: int  # that were under nobody
    faces_corrected: int  # that were under somebody else, or are under nobody now
    faces_confirmed: int
    faces_dismissed: int
    unchanged: int  # nothing was decided there, or the same as here
    people: int  # whose names were given
    decisions: int
    skipped: tuple[str, ...]  # one reason a box


def import_fiftyone(library: Library, folder: Path, *, actor: str) -> AnnotationImportReport:
    """Take over what somebody changed in a FiftyOneDataset: labels, and tags of boxes (`annotation.marks.TAGS`).

    Raises:
        FileNotReadable: the folder holds no such dataset.
    """
    return _import(library, list(fiftyone.read_marks(folder)), "FiftyOne", actor)


def import_label_studio(library: Library, file: Path, *, root: Path, actor: str) -> AnnotationImportReport:
    """Take over what somebody submitted in Label Studio, from the JSON that it exports.

    Args:
        root: as `export_label_studio`.
    Raises:
        FileNotReadable: it is no such file.
    """
    return _import(library, list(label_studio.read_marks(file, root)), "Label Studio", actor)


@dataclass(slots=True)
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)
    named: list[tuple[str, Face]] = field(default_factory=list)
    others: dict[Verdict, list[Face]] = field(default_factory=lambda: defaultdict(list))


def _import(library: Library, marks: Sequence[Mark], source: str, actor: str) -> AnnotationImportReport:
    """What was changed there becomes decisions, all or none; run again, it changes nothing."""
    tally = _Tally()
    with deciding(library) as unit:
        _sort_out(unit, marks, tally)
        done = label_named(unit, tally.named, imported_from=source, actor=actor)
        for verdict, faces in tally.others.items():
            decide(unit, _decision(unit, verdict, faces), [face.id for face in faces], actor=actor)
    counts = tally.counts
    return AnnotationImportReport(
        boxes=len(marks),
        faces_named=counts["named"],
        faces_corrected=counts["corrected"],
        faces_confirmed=counts["confirmed"],
        faces_dismissed=counts["dismissed"],
        unchanged=counts["unchanged"],
        people=done.people,
        decisions=done.people + len(tally.others),
        skipped=tuple(tally.skipped),
    )


def _decision(unit: UnitOfWork, verdict: Verdict, faces: Sequence[Face]) -> Decision:
    if verdict in (Verdict.STRANGER, Verdict.NOT_A_FACE):
        return Dismiss(Dismissal(verdict.value))
    if verdict is Verdict.CONFIRM:
        return Confirm(counted_each(unit, faces))
    people = {face.person_id: frozenset(one.id for one in faces if one.person_id == face.person_id) for face in faces}
    if verdict is Verdict.REJECT:
        return RejectEach(counted_each(unit, faces), {id_: of for id_, of in people.items() if id_})
    return Unassign(person_id=next(iter(people)) if len(people) == 1 else None)


def _sort_out(unit: UnitOfWork, marks: Sequence[Mark], tally: _Tally) -> None:
    verdicts = _verdicts(marks, tally)
    found = _faces(unit, marks, verdicts, tally)
    ids = [face.id for face in found.values()]
    here = Here(
        {id_: state.dismissed_as for id_, state in unit.faces.states(ids).items()},
        unit.people.names(sorted({face.person_id for face in found.values() if face.person_id})),
        set(unit.faces.rejections(ids)),
        cache(unit.people.named),
    )
    for row, face in found.items():
        mark, verdict = marks[row], verdicts[row]
        if verdict is None or here.is_so(verdict, mark, face):
            tally.counts["unchanged"] += 1
        elif objection := here.objection(verdict, mark, face):
            tally.skipped.append(f"{mark.where}: {objection}")
        elif verdict is Verdict.NAME:
            tally.counts["corrected" if face.person_id else "named"] += 1
            tally.named.append((mark.label, face))
        else:
            tally.counts[COUNTED[verdict]] += 1
            tally.others[verdict].append(face)


def _verdicts(marks: Sequence[Mark], tally: _Tally) -> dict[int, Verdict | None]:
    """By row, without those whose label cannot be a name."""
    verdicts: dict[int, Verdict | None] = {}
    for row, mark in enumerate(marks):
        try:
            tidy_name(mark.label)
            verdicts[row] = mark.verdict
        except WrongUse as error:
            tally.skipped.append(f"{mark.where}: {error}")
    return verdicts


def _faces(
    unit: UnitOfWork, marks: Sequence[Mark], verdicts: Mapping[int, Verdict | None], tally: _Tally
) -> dict[int, Face]:
    """The face that each of these rows is about: by its id, else by its place on the photo."""
    asked = [mark.face_id for mark in marks if mark.face_id]
    by_id = {face.id: face for face in unit.faces.by_ids(asked)}
    found: dict[int, Face] = {}
    drawn: list[int] = []
    taken: set[UUID] = set()
    for row, verdict in verdicts.items():
        face = by_id.get(marks[row].face_id or UUID(int=0))
        if face is None:
            drawn += [row] if verdict else []
            tally.counts["unchanged"] += verdict is None
        elif face.id in taken:
            tally.skipped.append(f"{marks[row].where}: face {face.id} has a second box there")
        else:
            found[row] = face
            taken.add(face.id)
    return found | _faces_at(unit, marks, drawn, taken, tally)


def _faces_at(
    unit: UnitOfWork, marks: Sequence[Mark], rows: Sequence[int], taken: Set[UUID], tally: _Tally
) -> dict[int, Face]:
    files = unit.assets.at_written_paths([path for row in rows if (path := marks[row].photo)])
    assets = {asset.id: asset for asset in unit.assets.by_ids([file.asset_id for file in files.values()])}
    in_photo = unit.faces.by_asset(list(assets))
    by_photo: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        file = files.get(marks[row].photo or Path())
        if file is None:
            tally.skipped.append(f"{marks[row].where}: its photo is not in the library (`faceml ingest` takes it in)")
        elif marks[row].share is None:
            tally.skipped.append(f"{marks[row].where}: its box is turned")
        else:
            by_photo[file.asset_id].append(row)
    found: dict[int, Face] = {}
    for asset_id, those in by_photo.items():
        faces = [face for face in in_photo[asset_id] if face.id not in taken]
        size = assets[asset_id].width or 0, assets[asset_id].height or 0
        boxes = [share.in_pixels(*size) for row in those if (share := marks[row].share)]
        pairs = pair_boxes(boxes, [face.bbox for face in faces], min_iou=SAME_PLACE_IOU)
        found |= {those[number]: faces[at] for number, at in pairs.items()}
    without = [row for those in by_photo.values() for row in those if row not in found]
    tally.skipped += [f"{marks[row].where}: no face was found at the place of {marks[row].label!r}" for row in without]
    return found
