"""Which vectors a step compares: the pack's own, or a registered projection of them. Two spaces are never mixed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import ModelMismatch, Unavailable, WrongUse
from faceml.identity.projection import Head, project
from faceml.identity.prototypes import ZERO_NORM
from faceml.identity.threshold_map import ThresholdMap
from faceml.library import Library
from faceml.records import Embeddings, PrototypeRole, Prototypes
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
