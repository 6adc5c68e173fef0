"""Label faces as somebody says outside: by a table that another program or an earlier export wrote, or by pictures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self
from uuid import UUID

from faceml.decisions.about_faces import Assign
from faceml.decisions.replay import survivor
from faceml.errors import Conflict, NotFound, WrongUse
from faceml.library import Library
from faceml.names import fold_name, tidy_name
from faceml.path_text import name_text, path_of
from faceml.progress import Progress, silent, told
from faceml.records import Embeddings, Face, Person
from faceml.services.decisions.decide import as_uuid, decide_all, deciding, exemplars_among, find_person
from faceml.services.decisions.label import ReassignReport, label_cluster, put_under
from faceml.services.index.drain import update_index
from faceml.services.photos.detect import detect_in_assets
from faceml.services.photos.ingest import Picture, keep_pictures
from faceml.storage.enrolment import EnrolledPicture, look_at_all, with_faces
from faceml.storage.known_labels import KnownFace, match_known_labels, read_known_labels, read_table
from faceml.storage.sql.repository import UnitOfWork

FACES_AT_ONCE = 5_000  # labelled in one step
MOST_PICTURES = 100  # of one enrolment: each is in memory


@dataclass(frozen=True, slots=True)
class ImportReport:
    rows: int  # that carry a name
    faces_labeled: int
    people: int
    skipped: tuple[str, ...]  # one reason a row


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    name: str
    face_id: UUID | None
    path: Path | None
    place: str  # as the file has it


def import_labels(library: Library, file: Path, *, actor: str) -> ImportReport:
    """Label faces from a CSV with `person_name` (or `person`) and `face_id` or `path`; all rows, or none on an error.

    `path` serves photos with one face, relative to the CSV's folder. A row that names no single face is skipped with
    its reason; a row without a name is ignored, so that an export can be filled in and read back.

    Raises:
        FileNotReadable: the file is missing, lacks these columns, or holds a name that cannot be one.
    """
    rows = _read_rows(file)
    skipped: list[str] = []
    with library.repository.begin() as unit:
        done = label_named(unit, _resolve(unit, rows, skipped), imported_from=name_text(file), actor=actor)
    update_index(library)
    return ImportReport(len(rows), done.faces_labeled, done.people, tuple(skipped))


@dataclass(frozen=True, slots=True)
class Labelled:
    people: int
    faces_labeled: int


def label_named(unit: UnitOfWork, named: Iterable[tuple[str, Face]], *, imported_from: str, actor: str) -> Labelled:
    """Put faces under the people of these names, known or new; each person's labels are one event."""
    naming = partial(Assign, imported_from=imported_from)
    unit.events.lock()  # before names are looked up: two imports at once must not both create a person
    names: dict[str, str] = {}  # as each is first written
    faces_by_name: dict[str, list[Face]] = defaultdict(list)
    for name, face in named:
        names.setdefault(fold_name(name), tidy_name(name))
        faces_by_name[fold_name(name)].append(face)
    labelled = 0
    together: dict[UUID, list[Face]] = {}  # by person, in one step
    there: set[UUID] = set()
    for folded, faces in faces_by_name.items():
        person = unit.people.named(names[folded]) or unit.people.add(names[folded])
        if person.id in together or len(there) >= FACES_AT_ONCE or not there.isdisjoint(face.id for face in faces):
            labelled += _label_together(unit, together, naming, actor)
            together, there = {}, set()
        together[person.id] = faces
        there |= {face.id for face in faces}
    return Labelled(len(names), labelled + _label_together(unit, together, naming, actor))


def _label_together(
    unit: UnitOfWork, faces_of: Mapping[UUID, Sequence[Face]], naming: Callable[..., Assign], actor: str
) -> int:
    """As `label_faces` of one person after the other; returns how many faces were labelled."""
    faces = [face for theirs in faces_of.values() for face in theirs]
    ruled_out, merged = set(unit.faces.rejections([face.id for face in faces])), unit.people.merged()
    meant: dict[UUID, set[UUID]] = {person_id: {person_id} for person_id in faces_of}
    for other in merged:
        if (person_id := survivor(other, merged)) in meant:
            meant[person_id].add(other)
    known, quality = unit.vectors.of([face.id for face in faces]), {face.id: face.quality_score for face in faces}
    row = {id_: number for number, id_ in enumerate(known.face_ids)}
    decisions: list[tuple[Assign, list[UUID]]] = []
    for person_id, theirs in faces_of.items():
        chosen = [face.id for face in theirs if (face.id, person_id) not in ruled_out]
        rows = [row[id_] for id_ in chosen if id_ in row]
        exemplars = exemplars_among(
            Embeddings(tuple(known.face_ids[number] for number in rows), known.vectors[rows]), quality
        )
        decisions.append((naming(person_id, frozenset(meant[person_id]), exemplars), chosen))
    decide_all(unit, decisions, actor=actor)
    return sum(len(chosen) for _, chosen in decisions)


def _read_rows(file: Path) -> list[_Row]:
    table = read_table(file)
    person = table.first_of("person_name", "person")
    if person is None or not table.first_of("face_id", "path"):
        raise table.lacking("person_name (or person), and face_id or path")
    return [_row(file, line, cells, table.name_in(line, cells[person])) for line, cells in table.rows if cells[person]]


def _row(file: Path, line: int, cells: dict[str, str], name: str) -> _Row:
    face_id, path = cells.get("face_id", ""), cells.get("path", "")
    try:
        parsed = UUID(face_id) if face_id else None
    except ValueError:
        parsed, path = UUID(int=0), ""  # named a face, but no id of ours
    place = (file.parent / path_of(path)).resolve() if path and parsed is None else None
    return _Row(line, name, parsed, place, face_id or path)


def _resolve(unit: UnitOfWork, rows: Sequence[_Row], skipped: list[str]) -> Iterable[tuple[str, Face]]:
    by_id = {face.id: face for face in unit.faces.by_ids([row.face_id for row in rows if row.face_id])}
    files = unit.assets.at_written_paths([row.path for row in rows if row.path])
    in_photo = unit.faces.by_asset([known.asset_id for known in files.values()])
    for row in rows:
        if row.path:
            faces = in_photo[files[row.path].asset_id] if row.path in files else []
        else:
            faces = [by_id[row.face_id]] if row.face_id in by_id else []
        if len(faces) == 1:
            yield row.name, faces[0]
        elif row.path:
            skipped.append(f"line {row.line}: {row.place} has {len(faces)} faces here, so say which by face_id")
        else:
            skipped.append(f"line {row.line}: {row.place or 'neither face_id nor path'} is not a face of this library")


@dataclass(frozen=True, slots=True)
class NamedCluster:
    cluster_id: str
    person: str
    faces: int
    agreeing: int  # faces of it that are known to be this person


@dataclass(frozen=True, slots=True)
class NamingReport:
    clusters_named: int
    people: int
    faces_labeled: int
    clusters_skipped: int  # no name has most of their faces, or they were decided about meanwhile
    named: tuple[NamedCluster, ...]


@told
def name_clusters(library: Library, labels: Path, *, actor: str) -> NamingReport:
    """Label every unlabelled cluster with the name that more than half of its faces are known to have.

    Args:
        labels: CSV, see `read_known_labels`.
    Raises:
        FileNotReadable, NotEnoughData.
    """
    known_labels = read_known_labels(labels)
    clusters: dict[str, list[KnownFace]] = defaultdict(list)
    with library.repository.read() as unit:
        for item in match_known_labels(unit, known_labels):
            clusters[item.face.cluster_id or ""].append(item)
        seen = {id_: [face.id for face in unit.faces.in_cluster(id_)] for id_ in clusters if id_}
        voted = [
            NamedCluster(cluster_id, person, len(seen[cluster_id]), agreeing)
            for cluster_id, known in sorted(clusters.items())
            if cluster_id and not any(item.face.person_id for item in known)
            for person, agreeing in Counter(item.person for item in known).most_common(1)
        ]
    named, labelled = [], []
    for cluster in voted:
        if 2 * cluster.agreeing <= cluster.faces:
            continue
        with suppress(Conflict, NotFound):  # decided otherwise, or gone, since we looked
            found = label_cluster(
                library, cluster.cluster_id, cluster.person, face_ids=seen[cluster.cluster_id], actor=actor
            )
            labelled.append(found)
            named.append(cluster)
    return NamingReport(
        clusters_named=len(named),
        people=len({cluster.person for cluster in named}),
        faces_labeled=sum(report.faces_labeled for report in labelled),
        clusters_skipped=len(voted) - len(named),
        named=tuple(named),
    )


# --- pictures


@dataclass(frozen=True, slots=True)
class EnrolReport:
    person_id: UUID | None  # None: somebody new, of whom every picture was refused
    person_name: str | None
    enrolled: int
    refused: int
    prototypes_created: int
    event_id: int | None  # None: every picture was refused
    pictures: tuple[EnrolledPicture, ...]  # as they were handed in

    @classmethod
    def of(cls, person: Person | None, put: ReassignReport | None, pictures: Sequence[EnrolledPicture]) -> Self:
        enrolled = put.faces_assigned if put else 0
        return cls(
            person.id if person else None,
            person.name if person else None,
            enrolled,
            refused=len(pictures) - enrolled,
            prototypes_created=put.prototypes_created if put else 0,
            event_id=put.event_id if put else None,
            pictures=tuple(pictures),
        )


@told
def enrol(
    library: Library,
    who: str | UUID,
    pictures: Sequence[tuple[str, bytes]],
    *,
    face: int | None = None,
    actor: str,
    on_progress: Progress = silent,
) -> EnrolReport:
    """Let somebody be known by pictures: the library keeps them, and one decision puts their faces under the person.

    Each is taken or refused by itself; of one that is refused nothing is kept. Handing a picture in again completes
    what was killed on the way.

    Args:
        who: a name, which makes a new person where nobody has it, or an id.
        pictures: name and content of each file.
        face: which face of a picture with several is meant, 1 being the leftmost.
    Raises:
        NotFound: nobody has this id.
        WrongUse: no name, no picture, too many, or `face` with several pictures.
    """
    if not 1 <= len(pictures) <= MOST_PICTURES:
        raise WrongUse(f"{len(pictures)} pictures: hand in 1 to {MOST_PICTURES} at a time")
    if face is not None and len(pictures) > 1:
        raise WrongUse(f"face={face} says which face of one picture is meant: hand that one in alone")
    with library.repository.read() as unit:
        _whom(unit, who)
    found = look_at_all(pictures, library.packs.load(), face=face, on_progress=on_progress)
    with library.repository.read() as unit:
        found = with_faces(unit, _whom(unit, who), found)
    wanted = [
        Picture(content, one.content_hash, one.seen.suffix)
        for one, (_, content) in zip(found, pictures, strict=True)
        if one.seen.refused is None
    ]
    detect_in_assets(library, keep_pictures(library, wanted))
    with deciding(library) as unit:
        found = with_faces(unit, _whom(unit, who), found, is_kept=True)
        faces = unit.faces.by_ids([one.face_id for one in found if one.face_id is not None])
        quality = {face.id: face.quality_score for face in faces}
        put = put_under(unit, quality, who, actor=actor) if quality else None
        return EnrolReport.of(_whom(unit, who), put, found)


def _whom(unit: UnitOfWork, who: str | UUID) -> Person | None:
    """None: nobody has this name yet. Raises NotFound of an id, WrongUse of what is no name."""
    return find_person(unit, who) if as_uuid(who) else unit.people.named(tidy_name(str(who)))
