"""The projection in use, and how the parts of the service are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import FailFast, Field

from serving.schemas.base import RequestModel, ResponseModel

MOST_ROWS = 1000
MOST_WIDTH = 4096
Number = Annotated[float, Field(strict=True, ge=-1e6, le=1e6, allow_inf_nan=False)]
Row = Annotated[list[Number], FailFast(), Field(min_length=1, max_length=MOST_WIDTH)]  # one error, not millions


class ProjectRequest(RequestModel):
    """Unit vectors of the library's model pack, row by row."""

    embeddings: Annotated[list[Row], FailFast(), Field(min_length=1, max_length=MOST_ROWS)]


class ProjectResponse(ResponseModel):
    model_version: str = Field(description="`raw` where no projection is registered: the vectors come back as they are")
    width: int
    embeddings: list[list[float]]


class ModelResponse(ResponseModel):
    model_version: str = Field(description="`raw` where no projection is in use")
    version: int | None
    matcher: str | None = Field(description="what tells people apart, `face-matcher/3`; null: cosines of these vectors")
    width_in: int | None
    width_out: int | None
    pack: str | None = Field(description="the model pack whose vectors the library holds")
    loaded_at: datetime
    note: str | None = Field(description="why it is not the champion, where it is not")
    registry_problem: str | None = Field(description="why the registry cannot be asked now; the version stays in use")


class HealthResponse(ResponseModel):
    status: str
    version: str


class PartItem(ResponseModel):
    name: str
    is_ok: bool
    is_needed: bool = Field(description="whether the service can answer at all without it")
    reason: str | None


class ReadyResponse(ResponseModel):
    status: str = Field(description="ready, degraded (some things wait) or unavailable")
    model_version: str
    parts: list[PartItem]
