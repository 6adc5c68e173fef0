"""Somebody who names groups on the face grid, by its service."""

from __future__ import annotations

from collections.abc import Iterator

from faceml.library import Library
from faceml.services.decisions.bulk import Action
from faceml.services.review.grid import Decided, FaceGrid
from faceml.storage.grid.face_query import FaceQuery, Place
from faceml.storage.grid.face_tiles import By

TO_NAME = FaceQuery(Place.TO_NAME)


class Namer:
    """Sees the groups to name, the largest first, and gives them names."""

    def __init__(self, library: Library, *, actor: str) -> None:
        self.grid, self._actor = FaceGrid(library), actor
        self.look()

    def look(self) -> None:
        """See what there is now."""
        self.revision = self.grid.table.revision
        groups = [str(group.cluster_id) for group in self.grid.groups(TO_NAME, by=By.CLUSTER, limit=200).groups]
        self.faces = {id_: self.grid.ids(FaceQuery(Place.TO_NAME, cluster_id=id_)) for id_ in groups}
        self.groups = [id_ for id_ in groups if self.faces[id_]]  # another may have named one meanwhile

    def name(self, cluster_id: str, name: str) -> Decided:
        """Raises FacesChanged: somebody else was quicker."""
        faces = self.faces[cluster_id]
        return self.grid.decide(Action.NAME, faces, who=name, revision=self.revision, actor=self._actor)

    def name_next(self, name: str) -> str:
        """Which group it was."""
        cluster_id = self.groups.pop(0)
        self.revision = self.name(cluster_id, name).revision
        return cluster_id


def people_of(library: Library, cluster_id: str) -> Iterator[str | None]:
    """Names of a cluster's faces."""
    with library.repository.read() as unit:
        names = unit.people.names()
        for face in unit.faces.in_cluster(cluster_id):
            yield names[face.person_id] if face.person_id else None
