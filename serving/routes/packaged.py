"""A page whose files all lie in an installed package: nothing comes from other sites, no script stands in the page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from importlib.resources import files

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from serving.deps import router_for, with_etag

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; media-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def packaged_page(
    path: str, *, html: str, start: str, package: str, folder: str = "", kinds: Mapping[str, str], images: str
) -> APIRouter:
    """The routes of a page and its files. Its addresses are relative: a proxy may serve all below a path of its own.

    Args:
        path: "/docs"; its files lie below it.
        html: the page; it runs `start.js`.
        start: what that holds.
        package: where the files lie.
        folder: in which folder of it.
        kinds: their names and media types.
        images: where pictures may come from, as a content security policy says it.
    """
    router = router_for(path.strip("/"), prefix="")

    @cache
    def content(name: str) -> bytes:
        return (files(package) / folder / name).read_bytes()

    @router.get(path, include_in_schema=False)
    async def page(request: Request) -> Response:
        answer = with_etag(request, html.encode(), "text/html")
        answer.headers["Content-Security-Policy"] = POLICY.format(images=images)
        return answer

    @router.get(path + "/{name}", include_in_schema=False)
    async def page_file(request: Request, name: str) -> Response:
        if name == "start.js":
            return with_etag(request, start.encode(), "text/javascript")
        if name in kinds:
            return with_etag(request, content(name), kinds[name])
        raise HTTPException(HTTPStatus.NOT_FOUND)

    return router
