"""The page to try the API on: Swagger UI out of an installed package; nothing comes from another site."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from importlib.resources import files

from fastapi import HTTPException, Request
from fastapi.responses import Response

from serving.deps import router_for, with_etag
from serving.security import PAGE

router = router_for("page", prefix="")
PACKAGED = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
# Addresses are relative, so that a proxy may serve all of it below a path of its own.
HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>faceml: the REST API</title>
<link rel="icon" href="docs/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# Its validator is a site of its makers': off.
START = """SwaggerUIBundle({url: "openapi.json", dom_id: "#api", validatorUrl: null, defaultModelsExpandDepth: 0});
"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get(PAGE, include_in_schema=False)
async def page(request: Request) -> Response:
    answer = with_etag(request, HTML.encode(), "text/html")
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


@router.get(PAGE + "/{name}", include_in_schema=False)
async def page_file(request: Request, name: str) -> Response:
    if name == "start.js":
        return with_etag(request, START.encode(), "text/javascript")
    if name in PACKAGED:
        return with_etag(request, _packaged(name), PACKAGED[name])
    raise HTTPException(HTTPStatus.NOT_FOUND)


@cache
def _packaged(name: str) -> bytes:
    return (files("fastapi_offline") / "static" / name).read_bytes()
