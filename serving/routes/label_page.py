"""The page to name faces on: the face grid, in a window of its own, through the API's own routes."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from importlib.resources import files

from fastapi import HTTPException, Request
from fastapi.responses import Response

from serving.deps import router_for, with_etag
from serving.security import LABEL_PAGE

router = router_for("label-page", prefix="")
PACKAGED = {"grid.js": "text/javascript", "grid.css": "text/css"}
# Addresses are relative, so that a proxy may serve all of it below a path of its own.
HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>faceml: who is who?</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="label/grid.css">
</head>
<body>
<div id="faces"></div>
<script type="module" src="label/start.js"></script>
</body>
</html>
"""
START = """import { mount } from "./grid.js";
mount(document.getElementById("faces"));
"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get(LABEL_PAGE, include_in_schema=False)
async def label_page(request: Request) -> Response:
    answer = with_etag(request, HTML.encode(), "text/html")
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


@router.get(LABEL_PAGE + "/{name}", include_in_schema=False)
async def label_page_file(request: Request, name: str) -> Response:
    if name == "start.js":
        return with_etag(request, START.encode(), "text/javascript")
    if name in PACKAGED:
        return with_etag(request, _packaged(name), PACKAGED[name])
    raise HTTPException(HTTPStatus.NOT_FOUND)


@cache
def _packaged(name: str) -> bytes:
    return (files("faceml.widgets") / name).read_bytes()
