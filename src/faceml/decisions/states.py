"""What decisions change: how a face is labelled, and who a person is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from faceml.records import AssignedBy, Dismissal, PersonStatus

SPLIT_MARK = "_sub_"  # in the id of a cluster that a person's split made (specification, Cluster ID Format)


def is_split_part(cluster_id: str | None) -> bool:
    """Whether a person's split made this cluster.

    >>> is_split_part("clu_abc123_sub_a1b2c3"), is_split_part("clu_abc123"), is_split_part(None)
    (True, False, False)
    """
    return cluster_id is not None and SPLIT_MARK in cluster_id


PERSON_MARK = "person_"  # how the id of the one cluster of a person begins (specification, Cluster Naming Convention)


def person_cluster(person_id: UUID) -> str:
    return f"{PERSON_MARK}{person_id}"


def is_of_person(cluster_id: str | None) -> bool:
    """Whether this is somebody's one cluster, and no part of a split.

    >>> is_of_person("person_a3f9"), is_of_person("person_a3f9_sub_a1b2c3"), is_of_person("unknown_cluster_5")
    (True, False, False)
    """
    return cluster_id is not None and cluster_id.startswith(PERSON_MARK) and not is_split_part(cluster_id)


@dataclass(frozen=True, slots=True)
class FaceState:
    """What labelling can change about a face's row."""

    person_id: UUID | None
    assigned_by: AssignedBy | None
    cluster_id: str | None
    similarity: float | None = None
    runner_up_id: UUID | None = None
    runner_up_similarity: float | None = None
    model_version: str | None = None
    dismissed_as: Dismissal | None = None
    # The cosine that similarity had to reach. Another one that leaves the face where it is changes nothing.
    threshold: float | None = field(default=None, compare=False)

    @property
    def is_decided(self) -> bool:
        """Whether a person said who it is, or that it is nobody's."""
        return self.assigned_by is AssignedBy.MANUAL

    def said(self, names: Mapping[UUID, str]) -> str:
        """What a person said that it shows; empty where nobody did, or where it was taken from somebody."""
        if self.dismissed_as is not None:
            return "not a face" if self.dismissed_as is Dismissal.NOT_A_FACE else "a stranger"
        return names.get(self.person_id, "somebody") if self.person_id is not None and self.is_decided else ""


FREE = FaceState(None, None, None)  # under nobody and in no cluster: to be recognised anew


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision does to one face."""

    face_id: UUID
    before: FaceState
    after: FaceState


@dataclass(frozen=True, slots=True)
class Labelling:
    """All that people said of a face, and where they left room, what machines did."""

    state: FaceState
    is_exemplar: bool = False
    ruled_out: frozenset[UUID] = frozenset()  # whom it does not show

    @property
    def at_home(self) -> Labelling:
        """Not in the cluster of a person whom the face is not under: in that of whom it is under, or in no cluster."""
        if not is_of_person(self.state.cluster_id):
            return self
        person_id = self.state.person_id
        home = None if person_id is None else person_cluster(person_id)
        return replace(self, state=replace(self.state, cluster_id=home))


@dataclass(frozen=True, slots=True)
class PersonState:
    """What decisions can change about a person."""

    name: str
    status: PersonStatus = PersonStatus.ACTIVE
    merged_into_id: UUID | None = None
    cover: UUID | None = None  # the face that is their picture
    born: str | None = None  # 1950, 1950-05 or 1950-05-17
    died: str | None = None
    note: str | None = None
    aliases: tuple[str, ...] = ()
    kin: frozenset[tuple[UUID, str]] = frozenset()  # (somebody, what they are to this person: see `Kin`)
