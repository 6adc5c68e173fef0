"""One centroid a person (specification, chapter Centroid Computation)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from faceml.identity.prototypes import centroid
from faceml.services.drain import drain_outbox
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class CentroidsReport:
    persons_processed: int
    centroids_computed: int


def compute_centroids(library: Library) -> CentroidsReport:
    """The normalised mean of every person's faces, stored beside the exemplars; people without faces have none."""
    with library.repository.begin() as unit:
        faces, person_ids = unit.vectors.under_people()
        centroids = {}
        for person_id, rows in groupby(range(len(person_ids)), key=person_ids.__getitem__):
            centroids[person_id] = centroid(faces.vectors[list(rows)])
        unit.outbox.push(unit.prototypes.set_centroids(centroids))
        orphaned = sorted(unit.prototypes.people_with_centroid() - set(centroids))
        unit.outbox.push(unit.prototypes.remove_centroids(orphaned))
        people = unit.people.count()
    drain_outbox(library)
    return CentroidsReport(people, len(centroids))
