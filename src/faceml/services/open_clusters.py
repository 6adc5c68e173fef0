"""What is left to name: clusters with faces that nobody has been named for."""

from __future__ import annotations

from dataclasses import dataclass

from faceml.identity.cohesion import mean_similarity
from faceml.records import Face
from faceml.wiring import Library


@dataclass(frozen=True, slots=True)
class OpenCluster:
    cluster_id: str
    faces: tuple[Face, ...]  # those nobody was named for, best quality first
    named_faces: int  # others of the cluster
    mean_quality: float  # of the open faces
    cohesion: float  # mean cosine of the open faces to their centroid


@dataclass(frozen=True, slots=True)
class LabelProgress:
    faces: int  # in the library
    faces_named: int
    people: int


def list_open_clusters(library: Library) -> list[tuple[str, int]]:
    """(cluster id, faces to name) of every cluster that has some, most faces first."""
    with library.repository.read() as unit:
        return unit.clusters.open()


def look_at_cluster(library: Library, cluster_id: str) -> OpenCluster | None:
    """A cluster as it is now; None where nothing of it is left to name."""
    with library.repository.read() as unit:
        members = unit.faces.in_cluster(cluster_id)
        faces = [face for face in members if face.person_id is None and face.assigned_by is None]
        vectors = unit.vectors.of([face.id for face in faces]).vectors
    if not faces:
        return None
    return OpenCluster(
        cluster_id,
        tuple(faces),
        len(members) - len(faces),
        sum(face.quality_score for face in faces) / len(faces),
        mean_similarity(vectors) if len(vectors) else 0.0,
    )


def label_progress(library: Library) -> LabelProgress:
    with library.repository.read() as unit:
        return LabelProgress(unit.faces.count(), unit.faces.count_assigned(), unit.people.count())
