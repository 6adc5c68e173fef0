"""Which vectors a step compares: the pack's own, or a registered projection of them. Two spaces are never mixed.

And the faces of the library that are most like some in a space, named or not.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import ModelMismatch, NotEnoughData, Unavailable, WrongUse
from faceml.identity.once_a_photo import likeness_of_photos
from faceml.identity.projection import Head, project
from faceml.identity.prototypes import ZERO_NORM
from faceml.identity.threshold_map import ThresholdMap
from faceml.library import Library
from faceml.records import Dismissal, Embeddings, Face, PrototypeRole, Prototypes
from faceml.storage.registry.records import CHALLENGER, CHAMPION, PROJECTION, RegisteredModel
from faceml.storage.sql.repository import UnitOfWork

RAW = "raw"  # the pack's own vectors, no projection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Where vectors are compared, under the name that an assignment made there carries."""

    name: str  # "raw", or "face-projection/3"
    head: Head | None = None  # None: raw
    thresholds: ThresholdMap | None = None  # None: raw, or too few people were held out to make it
    note: str | None = None  # why it is not the one that was asked for
    checksum: str = ""  # of the head

    @property
    def is_raw(self) -> bool:
        return self.head is None

    def threshold(self, raw: float) -> float:
        """The threshold here that is as strict as this one for raw vectors; the same where that is not known."""
        return raw if self.thresholds is None else self.thresholds.of(raw)

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, D) raw unit rows, or one (D,) vector, as they lie in this space."""
        if self.head is None:
            return vectors
        if not len(vectors):  # a library without faces has no width either
            return np.empty((0, self.head.width_out), np.float32)
        return project(self.head, vectors)

    def embeddings(self, faces: Embeddings) -> Embeddings:
        return replace(faces, vectors=self.project(faces.vectors))

    def prototypes(self, unit: UnitOfWork) -> Prototypes:
        """All prototypes of active people, as they lie in this space.

        An exemplar is its face's projection. A centroid is the mean of the projections of the person's faces, not the
        projection of their mean: a head is not linear, and every face counts alike only after it has length 1 again.
        """
        found = unit.prototypes.all()
        if self.head is None:
            return found
        vectors = self.project(found.vectors)
        rows = {
            person_id: row
            for row, (person_id, role) in enumerate(zip(found.person_ids, found.roles, strict=True))
            if role is PrototypeRole.CENTROID
        }
        if rows:
            faces, owners = unit.vectors.under_people()
            _put_means(vectors, self.embeddings(faces).vectors, owners, rows)
        return replace(found, vectors=vectors)


def open_space(library: Library, selector: str | int = CHAMPION) -> Space:
    """The space of a `--model` option.

    Args:
        selector: "champion", which is raw where nobody is, or, with a note, where it was made for another pack; "raw";
            "challenger"; a version's number, or its name as an assignment carries it, "face-projection/3".
    Raises:
        WrongUse: the selector is something else.
        NotFound: there is no such version.
        ModelMismatch: the version was made for another pack.
        Unavailable: the registry does not answer and never did.
    """
    text = str(selector).removeprefix(f"{PROJECTION}/")
    if text == RAW:
        return Space(RAW)
    if text == CHAMPION:
        champion = library.registry.state().champion
        if champion is None:
            return Space(RAW)
        if mismatch := champion.mismatch(library.repository.pack()):
            return Space(RAW, note=f"{mismatch}; raw embeddings were used")
        return _space(library, champion)
    if text != CHALLENGER and not text.isdecimal():
        raise WrongUse(f"there is no model {selector!r}: write champion, challenger, raw, or the number of a version")
    model = library.registry.get(text)
    if mismatch := model.mismatch(library.repository.pack()):
        raise ModelMismatch(f"{mismatch}: choose another version, or raw")
    return _space(library, model)


def space_in_use(library: Library) -> Space:
    """The champion's, for what nobody chooses a space for: a registry that never answered is no reason to stop there.

    Raises:
        ModelUnavailable: its file is damaged.
    """
    try:
        return open_space(library)
    except Unavailable as error:
        log.warning("%s; raw embeddings are compared", error)
        return Space(RAW)


def _space(library: Library, model: RegisteredModel) -> Space:
    loaded = library.registry.load(model)
    return Space(
        name=model.space,
        head=loaded.artefact,
        thresholds=ThresholdMap.from_json(loaded.thresholds) if loaded.thresholds else None,
        checksum=model.checksum,
    )


def _put_means(
    vectors: NDArray[np.float32], faces: NDArray[np.float32], owners: Sequence[UUID], rows: dict[UUID, int]
) -> None:
    """Overwrite the rows of centroids with the unit mean of their people's faces, where it has a direction."""
    row_of_face = np.array([rows.get(owner, -1) for owner in owners], np.intp)
    order = np.argsort(row_of_face, kind="stable")
    order = order[row_of_face[order] >= 0]
    present, starts = np.unique(row_of_face[order], return_index=True)
    sums = np.add.reduceat(faces[order], starts, axis=0, dtype=np.float64) if len(order) else np.empty((0, 1))
    lengths = np.linalg.norm(sums, axis=1)
    usable = lengths > ZERO_NORM
    vectors[present[usable]] = sums[usable] / lengths[usable, None]


MOST_FOUND = 1_000
WIDER = 4  # times as many points are taken from the index: it knows raw vectors, and centroids and dismissed faces too


@dataclass(frozen=True, slots=True)
class AlikeFace:
    face_id: UUID
    asset_id: int
    path: Path
    person_id: UUID | None
    person_name: str | None
    similarity: float  # cosine to the nearest face asked about


@dataclass(frozen=True, slots=True)
class AlikePhoto:
    asset_id: int
    path: Path
    faces: int  # how many of the faces asked about it has one like, each of its faces counted once
    similarity: float  # mean cosine over the faces asked about, 0 for one it has none like


@dataclass(frozen=True, slots=True)
class Alike:
    asked: int  # faces asked about
    found: tuple[AlikeFace, ...] | tuple[AlikePhoto, ...]  # the most alike first
    compared_in: str  # the space


def search_faces(
    library: Library, face_ids: Sequence[UUID] = (), photo: Path | bytes | None = None, *, limit: int = 20
) -> Alike:
    """The faces most like any of these, named or not: of the library, or all on a photo of which nothing is kept.

    The index gives those that are near as raw vectors; they are ordered in the champion's space.

    Raises:
        NotFound: there is no such face. WrongUse: nothing is asked about, or too much. UnreadablePhoto.
    """
    near = _near(library, face_ids, photo, limit)
    best = near.similarities.max(axis=0, initial=-1.0)
    with library.repository.read() as unit:
        names = unit.people.names(sorted({face.person_id for face in near.faces if face.person_id}))
        order = [int(row) for row in np.argsort(-best, kind="stable")[:limit]]
        paths = {asset.id: asset.path for asset in unit.assets.by_ids([near.faces[row].asset_id for row in order])}
    found = tuple(
        AlikeFace(
            (face := near.faces[row]).id,
            face.asset_id,
            paths[face.asset_id],
            face.person_id,
            names.get(face.person_id) if face.person_id else None,
            float(best[row]),
        )
        for row in order
    )
    return Alike(len(near.similarities), found, near.space)


def search_photos(
    library: Library, face_ids: Sequence[UUID] = (), photo: Path | bytes | None = None, *, limit: int = 20
) -> Alike:
    """The photos with faces like all of these, or as many of them as can be; arguments and errors as `search_faces`.

    A photo's faces are given to those asked about one to one. Two faces are alike from the pack's threshold on.
    """
    near = _near(library, face_ids, photo, MOST_FOUND)
    photos, counts, means = likeness_of_photos(
        near.similarities, [face.asset_id for face in near.faces], least=near.least
    )
    with library.repository.read() as unit:
        paths = {asset.id: asset.path for asset in unit.assets.by_ids(photos[:limit].tolist())}
    rows = zip(photos[:limit].tolist(), counts.tolist(), means.tolist(), strict=False)
    found = tuple(AlikePhoto(id_, paths[id_], count, mean) for id_, count, mean in rows)
    return Alike(len(near.similarities), found, near.space)


@dataclass(frozen=True, slots=True, eq=False)
class _Near:
    faces: tuple[Face, ...]
    similarities: NDArray[np.float32]  # (P, F) of the faces asked about
    space: str
    least: float  # from which two faces are alike


def _near(library: Library, face_ids: Sequence[UUID], photo: Path | bytes | None, limit: int) -> _Near:
    if bool(face_ids) == (photo is not None):
        raise WrongUse("name faces of the library, or one photo: one of both")
    if not 1 <= limit <= MOST_FOUND or len(face_ids) > MOST_FOUND:
        raise WrongUse(f"limit={limit}, {len(face_ids)} faces: ask for 1 to {MOST_FOUND} at a time")
    space = space_in_use(library)
    with library.repository.read() as unit:
        pinned = unit.contract.pinned()
        if missing := set(face_ids) - {face.id for face in unit.faces.by_ids(face_ids)}:
            unit.faces.get(min(missing))
        asked = unit.vectors.of(list(dict.fromkeys(face_ids))).vectors if photo is None else embed_photo(library, photo)
    if not len(asked) or pinned is None:
        raise NotEnoughData("no face to search with: none was found on the photo, or its vector is lost")
    many = min(limit * WIDER, MOST_FOUND)
    with library.index.open() as index:
        ids = sorted({hit.id for hits in index.search(asked, limit=many) for hit in hits})
    with library.repository.read() as unit:
        known = unit.vectors.of(ids)
        faces = {face.id: face for face in unit.faces.by_ids(known.face_ids)}
        gone = {id_ for id_, state in unit.faces.states(known.face_ids).items() if state.dismissed_as in NO_FACE}
    rows = [row for row, id_ in enumerate(known.face_ids) if id_ in faces and id_ not in gone]
    found = space.project(asked) @ space.project(known.vectors[rows]).T
    least = space.threshold(pinned.match_threshold)
    return _Near(tuple(faces[known.face_ids[row]] for row in rows), found, space.name, least)


NO_FACE = (Dismissal.NOT_A_FACE,)


def embed_photo(library: Library, photo: Path | bytes) -> NDArray[np.float32]:
    """(P, D) unit rows of the faces on a photo that the library does not hold. Raises UnreadablePhoto."""
    from faceml.vision.image import load_photo
    from faceml.vision.stream import find_faces_in

    pack = library.packs.load()
    rows = [face.embedding for face in find_faces_in(load_photo(photo), pack)]
    return np.stack(rows) if rows else np.empty((0, pack.contract.width), np.float32)
