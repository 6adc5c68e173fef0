"""The face grid in a notebook: the REST API is opened in this process, and no port with it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import urlencode

from faceml.library import Library
from faceml.services.index.drain import index_in_background
from faceml.widgets.grid import Answer, Call, FaceGrid
from serving.app import create_app
from serving.deps import API
from serving.limits import Limits

HERE = ("127.0.0.1", 0)
T = TypeVar("T")


def label_faces(library: Library, *, actor: str) -> FaceGrid:
    """Name faces, confirm what the machine named, look after people: the page at `/label`, as a cell's output.

    Args:
        library: opened; it stays open when the widget is closed.
        actor: who decides, for the log of decisions.
    """
    api = InProcess(index_in_background(library), actor=actor)
    return FaceGrid(api.answer, on_close=api.close)


class InProcess:
    """The REST API of a library, its event loop in a thread of its own; without a key, since nobody else reaches it."""

    def __init__(self, library: Library, *, actor: str) -> None:
        settings = replace(library.settings, api_key="", api_read_key="", api_origins="")
        self._app = create_app(settings, library=library, limits=Limits(rate=0), actor=actor)
        self._loop = asyncio.new_event_loop()
        self._open = AsyncExitStack()
        Thread(target=self._loop.run_forever, name="face-grid-api", daemon=True).start()
        self._wait(self._open.enter_async_context(self._app.router.lifespan_context(self._app)))

    def answer(self, call: Call) -> Answer:
        """Called in any thread but the loop's."""
        return self._wait(self._ask(call))

    def close(self) -> None:
        self._wait(self._open.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _ask(self, call: Call) -> Answer:
        headers, body = _body_of(call)
        inbox: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return inbox.pop() if inbox else await asyncio.get_running_loop().create_future()  # nobody goes away

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(_scope(call, headers), receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        content = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], named, content)


def _scope(call: Call, headers: Sequence[tuple[bytes, bytes]]) -> dict[str, Any]:
    path = API + call.path
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": urlencode(call.query).encode(),
        "headers": [(b"host", b"127.0.0.1"), *headers],
        "client": HERE,
        "server": HERE,
        "state": {},
    }


def _body_of(call: Call) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """A body with the headers that tell what it is: JSON, a form of files, or nothing."""
    if call.buffers:
        boundary = secrets.token_hex(16)
        body = _form(call.body["files"], call.buffers, boundary)
        kind = f"multipart/form-data; boundary={boundary}"
    elif call.body is not None:
        body, kind = json.dumps(call.body).encode(), "application/json"
    else:
        return [], b""
    return [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())], body


def _form(files: Sequence[dict[str, str]], buffers: Sequence[bytes], boundary: str) -> bytes:
    parts = []
    for file, content in zip(files, buffers, strict=True):
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{file["field"]}"; filename="photo"\r\n'
        parts += [f"{head}Content-Type: {file['type'] or 'image/jpeg'}\r\n\r\n".encode(), content, b"\r\n"]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()])
