"""What decisions change: how a face is labelled, and who a person is."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from faceml.records import AssignedBy, Dismissal, PersonStatus

SPLIT_MARK = "_sub_"  # in the id of a cluster that a person's split made (specification, Cluster ID Format)


def is_split_part(cluster_id: str | None) -> bool:
    """Whether a person's split made this cluster.

    >>> is_split_part("clu_abc123_sub_a1b2c3"), is_split_part("clu_abc123"), is_split_part(None)
    (True, False, False)
    """
    return cluster_id is not None and SPLIT_MARK in cluster_id


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


@dataclass(frozen=True, slots=True)
class PersonState:
    """What decisions can change about a person."""

    name: str
    status: PersonStatus = PersonStatus.ACTIVE
    merged_into_id: UUID | None = None
