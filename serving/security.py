"""Who may ask, from where, and what a browser may do with the answer."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from faceml.config import Settings
from faceml.errors import WrongUse
from serving.problems import problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
READING_POSTS = (
    "/identify",
    "/project",
    "/grid/thumbnails",
    "/grid/suggest",
    "/grid/search",
    "/grid/like",
    "/search/faces",
    "/search/photos",
    "/search/upload",
    "/grid/tiles",
    "/tune/detection",
    "/tune/grouping",
    "/tune/recognition",
)  # they store nothing
OPEN_PATHS = frozenset({"/health", "/ready"})  # for who only watches whether the service runs
PAGE = "/docs"  # for people: a browser asks them for a name, which can be anything, and a password, the key
PAGE_READS = "/openapi.json"
LABEL_PAGE = "/label"
PLAYED = "/video"  # the end of a path that a page's <video> asks for, which can send no header of ours
OWN_PAGE = b"x-faceml-page"  # what our page says of itself; no other site can make a browser send it here
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
ENCODED_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


class Gate:
    """Ask each check in turn, before anything of the body is read; the first that refuses gives the answer."""

    def __init__(self, app: ASGIApp, checks: Iterable[Callable[[Scope], Response | None]]) -> None:
        self._app = app
        self._checks = tuple(checks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answers = (check(scope) for check in self._checks if scope["type"] == "http")
        refusal = next((answer for answer in answers if answer), None)
        await (refusal or self._app)(scope, receive, send)


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """Ask for the key, where one is set; a key that may only read opens what stores nothing.

    Holds digests, so that comparing takes the same time whatever was sent.
    """

    full: bytes | None
    read: bytes | None

    @staticmethod
    def of(settings: Settings) -> KeyCheck:
        """Raises WrongUse where only the read key is set: everything else would be open."""
        if settings.api_read_key and not settings.api_key:
            raise WrongUse("FACEML_API_READ_KEY is set without FACEML_API_KEY: set both, or writing is open to all")
        return KeyCheck(_digest(settings.api_key), _digest(settings.api_read_key))

    def __call__(self, scope: Scope) -> Response | None:
        if self.full is None:
            return None
        path, key = scope["path"], hashlib.sha256(sent_key(scope)).digest()
        is_full = hmac.compare_digest(key, self.full)
        is_read = self.read is not None and hmac.compare_digest(key, self.read)
        is_reading = scope["method"] in SAFE_METHODS or path.endswith(READING_POSTS)
        is_enough = is_full or (is_read and is_reading)
        scope.setdefault("state", {})["is_trusted"] = is_enough
        if is_enough or path in OPEN_PATHS:
            return None
        if is_read:
            return _forbidden("this key may only read: use FACEML_API_KEY's")
        return problem(
            HTTPStatus.UNAUTHORIZED,
            "this service asks for a key: send `Authorization: Bearer KEY` or `X-API-Key: KEY`",
            headers={"WWW-Authenticate": 'Basic realm="faceml", charset="UTF-8"' if _is_page(path) else "Bearer"},
        )


@dataclass(frozen=True, slots=True)
class OriginCheck:
    """Keep other web pages out of a service that a browser on this machine can reach.

    A page of theirs may send requests here without reading the answers (so writing ones are refused by their Origin),
    or have its own name point at 127.0.0.1 (so without a key, only names of this machine are answered to). Nor does
    another machine get an answer without a key, however the server was started.
    """

    allowed_origins: Collection[str]
    only_local: bool

    def __call__(self, scope: Scope) -> Response | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if self.only_local and not (_is_from_here(scope) and _names_this_machine(host)):
            return _forbidden("without a key this service answers only this machine, as localhost: set FACEML_API_KEY")
        if b"origin" not in headers or scope["method"] in SAFE_METHODS:
            return None
        origin = headers[b"origin"].decode("latin-1")
        if origin in self.allowed_origins or origin.partition("://")[2] == host:
            return None
        return _forbidden("requests from pages of other sites are refused: FACEML_API_ORIGINS names those that may")


class SecurityHeaders:
    """Add the headers that every answer carries, unless it has its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"].extend(item for item in ENCODED_HEADERS if item[0] not in own)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def check_binding(host: str, settings: Settings) -> None:
    """Raises WrongUse where others could reach a service that asks for no key."""
    if not is_local(host) and not settings.api_key:
        raise WrongUse(
            f"host {host!r} is open to others, and faces are biometric data: set FACEML_API_KEY first, "
            "or stay on 127.0.0.1"
        )


def is_local(host: str) -> bool:
    """Whether only this machine answers to this name or address.

    >>> is_local("localhost"), is_local("127.0.0.1"), is_local("::1"), is_local("0.0.0.0"), is_local("example.org")
    (True, True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def sent_key(scope: Scope) -> bytes:
    """The key of a request, and for a page the password that its reader gave to the browser.

    Elsewhere that password counts only with the header of our own page: a browser sends a password along with whatever
    another site's page makes it ask for, but a header of ours only where this service allows it, and it never does.
    A video is read only, and no other site's page gets what it reads (`Cross-Origin-Resource-Policy`).
    """
    headers = dict(scope["headers"])
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer":
        return bytes(token.strip())
    path = scope["path"]
    is_played = scope["method"] in SAFE_METHODS and path.endswith(PLAYED)
    is_ours = _is_page(path) or path == PAGE_READS or OWN_PAGE in headers or is_played
    if scheme.lower() == b"basic" and is_ours and b"x-api-key" not in headers:
        return _password(token)
    return bytes(headers.get(b"x-api-key", b""))


def _is_page(path: str) -> bool:
    return any(path == page or path.startswith(f"{page}/") for page in (PAGE, LABEL_PAGE))


def _password(token: bytes) -> bytes:
    try:
        return base64.b64decode(token, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def _forbidden(why: str) -> Response:
    return problem(HTTPStatus.FORBIDDEN, why)


def _is_from_here(scope: Scope) -> bool:
    """Whether it is this machine that asks, and nobody says that it passes on what another asked."""
    sent = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
    askers = [name for name in map(str.strip, sent.split(",")) if name]
    if scope.get("client"):  # else a unix socket
        askers.append(scope["client"][0])
    return all(map(is_local, askers))


def _names_this_machine(host: str) -> bool:
    try:
        return is_local(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def _digest(key: str) -> bytes | None:
    return hashlib.sha256(key.encode()).digest() if key else None
