"""Clusters."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from faceml.services.decisions.label import LabelReport
from faceml.services.decisions.split import SplitReport
from faceml.services.review.browse import ClusterDetails, ClusterPage
from faceml.storage.sql.clusters import ClusterSummary
from serving.schemas.base import WHOLE, Answer, Name, Page, Question, count, example
from serving.schemas.faces import FACE, PERSON, FaceInstance


class ClusterQuery(Page):
    include_labeled: Annotated[bool, Field(description="Include already-labeled clusters")] = False


class ClusterItem(Answer):
    cluster_id: str
    face_count: int
    sample_face_ids: list[UUID]
    avg_quality: float
    person_id: UUID | None
    person_name: str | None

    @classmethod
    def of(cls, summary: ClusterSummary) -> Self:
        return cls(
            cluster_id=summary.cluster_id,
            face_count=summary.face_count,
            sample_face_ids=list(summary.sample_face_ids),
            avg_quality=round(summary.avg_quality, 4),
            person_id=summary.person_id,
            person_name=summary.person_name,
        )


class ClusterListResponse(Answer):
    model_config = example(
        items=[
            {
                "clusterId": "clu_abc123",
                "faceCount": 15,
                "sampleFaceIds": [FACE],
                "avgQuality": 0.78,
                "personId": None,
                "personName": None,
            }
        ],
        total=42,
        page=1,
        pageSize=20,
    )

    items: list[ClusterItem]
    total: int
    page: int
    page_size: int

    @classmethod
    def of(cls, found: ClusterPage) -> Self:
        items = [ClusterItem.of(item) for item in found.items]
        return cls(items=items, total=found.total, page=found.page, page_size=found.page_size)


class ClusterDetailResponse(Answer):
    cluster_id: str
    faces: list[FaceInstance]
    person_id: UUID | None
    person_name: str | None

    @classmethod
    def of(cls, found: ClusterDetails) -> Self:
        return cls(
            cluster_id=found.cluster_id,
            faces=[FaceInstance.of(face, found.names) for face in found.faces],
            person_id=found.person_id,
            person_name=found.names.get(found.person_id) if found.person_id else None,
        )


class LabelClusterRequest(Question):
    model_config = example(name="John Doe")

    name: Name


class LabelClusterResponse(Answer):
    model_config = example(personId=PERSON, personName="John Doe", facesLabeled=15, prototypesCreated=3)

    person_id: UUID
    person_name: str
    faces_labeled: int
    prototypes_created: int

    @classmethod
    def of(cls, report: LabelReport) -> Self:
        return cls(
            person_id=report.person_id,
            person_name=report.person_name,
            faces_labeled=report.faces_labeled,
            prototypes_created=report.prototypes_created,
        )


class SplitClusterRequest(Question):
    model_config = example(minClusterSize=3)

    min_cluster_size: Annotated[int, count(2, 10_000), WHOLE] = 3


class SplitClusterResponse(Answer):
    """`status` is `unchanged` where the cluster does not fall apart."""

    model_config = example(
        originalClusterId="clu_abc123",
        newClusters=["clu_abc123_sub_a1b2c3", "clu_abc123_sub_d4e5f6"],
        status="split",
    )

    original_cluster_id: str
    new_clusters: list[str]
    status: str

    @classmethod
    def of(cls, report: SplitReport) -> Self:
        return cls(
            original_cluster_id=report.original_cluster_id,
            new_clusters=list(report.new_clusters),
            status=report.status,
        )
