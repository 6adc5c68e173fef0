"""The description of the API: which answers there may be, and how a caller shows its key."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from faceml import __version__
from serving.problems import MEDIA_TYPE
from serving.schemas.base import Problem
from serving.security import OPEN_PATHS

EXAMPLES = Path(__file__).with_name("schemas") / "examples.json"  # a body of each kind, by its schema's name
PROBLEM = "#/components/schemas/Problem"
DESCRIPTION = """Photo → detected face → embedding → store → cluster → label → train → registry → assign → serve.

Errors are problem details (RFC 9457). Lists carry an ETag; a page's header `Link` leads to
the next one. Decisions of a person (label, merge, split, assign, …) can
be undone: the header `X-Event-Id` of the answer is the `eventId` of `POST /undo`; `X-Index-Note` tells of a
decision that is stored while the index is behind."""
COMMON = {  # what any path may answer
    HTTPStatus.BAD_REQUEST: "The request cannot be read",
    HTTPStatus.UNAUTHORIZED: "A key is asked for",
    HTTPStatus.FORBIDDEN: "The key may only read, or the request comes from a page of another site",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive in time",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large",
    HTTPStatus.REQUEST_URI_TOO_LONG: "Path and query are too long",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A value does not fit",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests from this address",
    HTTPStatus.INTERNAL_SERVER_ERROR: "An error of the service",
    HTTPStatus.SERVICE_UNAVAILABLE: "A part does not answer now, or too much is waiting: try again",
    HTTPStatus.GATEWAY_TIMEOUT: "The time limit is over",
}
WORDS = {
    HTTPStatus.NOT_FOUND: "There is no such thing",
    HTTPStatus.CONFLICT: "The library holds something that forbids it",
}
Responses = dict[int | str, dict[str, Any]]
UNCHANGED: Responses = {304: {"description": "The client's copy is still right"}}
QUEUED = "Handed to the workers; `Location` tells where to follow it"


def problems(*statuses: HTTPStatus) -> Responses:
    """Answers of a route beyond those that any path may give."""
    return {int(status): _described(WORDS[status]) for status in statuses}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(title="faceml", version=__version__, description=DESCRIPTION, routes=app.routes)
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                for status, words in COMMON.items():
                    operation["responses"][str(int(status))] = _described(words)
                if path not in OPEN_PATHS:
                    operation["security"] = [{"bearer": []}, {"key": []}, {}]
        components = schema["components"]
        for unused in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(unused, None)
        components["schemas"]["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        for name, body in json.loads(EXAMPLES.read_text(encoding="utf-8")).items():
            components["schemas"][name]["examples"] = [body]
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        app.openapi_schema = schema
    return app.openapi_schema


def _described(words: str) -> dict[str, Any]:
    return {"description": words, "content": {MEDIA_TYPE: {"schema": {"$ref": PROBLEM}}}}


PAGED: Responses = {  # of a list
    200: {
        "headers": {
            "Link": {
                "description": 'Where the list goes on: `<?after=…>; rel="next"` (RFC 8288)',
                "schema": {"type": "string"},
            },
            "X-Total-Count": {"description": "On all pages", "schema": {"type": "integer"}},
        }
    },
    **UNCHANGED,
    **problems(HTTPStatus.NOT_FOUND),  # what `after` names, too
}
