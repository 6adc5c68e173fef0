"""Clusters."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field

from faceml.options import SplitOptions
from faceml.services.review.browse import MOST_FACES, ClusterDetails
from serving.schemas.base import AFTER, FacesPage, ListResponse, Name, Page, RequestModel, ResponseModel, offering
from serving.schemas.faces import FaceInstance, with_names


class ClusterQuery(Page):
    after: Annotated[str | None, Field(pattern=r"^[0-9]{1,9}\.[A-Za-z0-9_.:\-]{1,100}$", description=AFTER)] = None
    include_labeled: Annotated[bool, Field(description="Include already-labeled clusters")] = False


class FacesQuery(FacesPage):
    page_size: Annotated[int, Field(ge=1, le=MOST_FACES, description="Faces per page")] = MOST_FACES


class ClusterItem(ResponseModel):
    cluster_id: str
    face_count: int
    sample_face_ids: list[UUID]
    avg_quality: Annotated[float, AfterValidator(lambda share: round(share, 4))]
    person_id: UUID | None
    person_name: str | None


class ClusterListResponse(ListResponse[ClusterItem]):
    """A page of clusters, largest first."""


class ClusterDetailResponse(ResponseModel):
    cluster_id: str
    faces: list[FaceInstance]
    person_id: UUID | None
    person_name: str | None

    @classmethod
    def of(cls, found: ClusterDetails, /) -> Self:
        name = found.names.get(found.person_id) if found.person_id else None
        return cls.completed(found, faces=with_names(found.faces, found.names), person_name=name)


class LabelClusterRequest(RequestModel):
    name: Name


class LabelClusterResponse(ResponseModel):
    person_id: UUID
    person_name: str
    faces_labeled: int
    prototypes_created: int


@offering(SplitOptions)
class SplitClusterRequest(RequestModel):
    pass


class SplitClusterResponse(ResponseModel):
    """`status` is `unchanged` where the cluster does not fall apart."""

    original_cluster_id: str
    new_clusters: list[str]
    status: str
