"""HEAD wherever there is GET, and what a path takes told in `Allow`."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Methods:
    """Answer HEAD as GET without its body, and OPTIONS with the methods of the path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"] if scope["type"] == "http" else ""
        if method == "HEAD":
            await self._head(scope, receive, send)
        elif method == "OPTIONS" and (allowed := allowed_methods(scope)):
            await Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        asked = {**scope, "method": "GET"}  # the server looks at its own whether it may send a body
        try:
            await self._app(asked, receive, without_body)
        finally:
            scope["route"] = asked.get("route")  # for the access log


def allowed_methods(scope: Scope) -> str:
    """For `Allow`: what the path of this request takes; empty where there is nothing."""
    found: set[str] = set()
    for route in scope["app"].router.routes:
        if route.matches(scope)[0] is not Match.NONE:
            found |= route.methods or set()
    if "GET" in found:
        found.add("HEAD")
    return ", ".join(sorted({*found, "OPTIONS"} if found else found))
