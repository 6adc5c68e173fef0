"""Clusters: look through them, name them, split them, group anew."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Body, Query, Request
from fastapi.responses import Response

from faceml.options import ClusterOptions, DualOptions, SplitOptions
from faceml.services.decisions.label import label_cluster
from faceml.services.decisions.split import split_cluster
from faceml.services.review.browse import list_clusters, show_cluster
from serving.deps import Shared, router_for
from serving.openapi import PAGED, QUEUED, Responses, problems
from serving.schemas import clusters, runs
from serving.schemas.base import ClusterId

router = router_for("clusters")
JOB: Responses = {202: {"model": runs.JobQueuedResponse, "description": QUEUED}}
RUN: Responses = {**JOB, **problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)}


@router.get("/clusters", response_model=clusters.ClusterListResponse, responses=PAGED)
async def list_face_clusters(
    request: Request, service: Shared, query: Annotated[clusters.ClusterQuery, Query()]
) -> Response:
    """List face clusters, largest first."""
    return await service.page(
        request,
        lambda: list_clusters(service.library.repository, include_labeled=query.include_labeled, **query.given()),
        clusters.ClusterListResponse.of,
    )


@router.get(
    "/clusters/{cluster_id}",
    response_model=clusters.ClusterDetailResponse,
    responses=PAGED,
)
async def get_cluster(
    request: Request, service: Shared, cluster_id: ClusterId, query: Annotated[clusters.FacesQuery, Query()]
) -> Response:
    """Get one cluster with all its faces, best quality first; those of a very large one come in pages."""
    return await service.page(
        request,
        lambda: show_cluster(service.library.repository, cluster_id, **query.given()),
        clusters.ClusterDetailResponse.of,
    )


@router.post(
    "/clusters/{cluster_id}/label",
    response_model=clusters.LabelClusterResponse,
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def label(service: Shared, cluster_id: ClusterId, body: clusters.LabelClusterRequest) -> Response:
    """Label a cluster with a person's name, creating the person if needed."""
    return await service.decide(
        lambda: label_cluster(service.library, cluster_id, body.name, actor=service.actor),
        clusters.LabelClusterResponse.of,
    )


@router.post(
    "/clusters/{cluster_id}/split",
    response_model=clusters.SplitClusterResponse,
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def split(
    service: Shared,
    cluster_id: ClusterId,
    body: Annotated[clusters.SplitClusterRequest, Body(default_factory=clusters.SplitClusterRequest)],
) -> Response:
    """Split a cluster into the parts that it falls apart into."""
    size = SplitOptions.of(body.model_dump()).min_cluster_size
    return await service.decide(
        lambda: split_cluster(service.library, cluster_id, min_cluster_size=size, actor=service.actor),
        clusters.SplitClusterResponse.of,
    )


@router.post("/cluster", response_model=runs.ClusteringResultResponse, responses=RUN)
async def cluster(
    service: Shared, body: Annotated[runs.TriggerClusteringRequest, Body(default_factory=runs.TriggerClusteringRequest)]
) -> Response:
    """Group the faces that nobody named."""
    options = ClusterOptions.of(body.model_dump(exclude={"queue"}))
    if body.queue:
        return await service.enqueue("cluster_faces_job", **options.parameters())
    from faceml.services.cluster.cluster import cluster_faces

    return await service.group(
        lambda: cluster_faces(service.library, options), runs.ClusteringResultResponse.of, options
    )


@router.post("/cluster/dual", response_model=runs.DualClusterResponse, responses=RUN)
async def cluster_in_dual_mode(
    service: Shared, body: Annotated[runs.DualClusterRequest, Body(default_factory=runs.DualClusterRequest)]
) -> Response:
    """Put faces under the people they match, then group the others."""
    options = DualOptions.of(body.model_dump(exclude={"queue"}))
    if body.queue:
        return await service.enqueue("cluster_dual_job", **options.parameters())
    from faceml.services.cluster.dual import cluster_dual

    return await service.group(lambda: cluster_dual(service.library, options), runs.DualClusterResponse.of, options)
