"""The sockets, and who may hold a connection.

uvicorn waits for a client's request as long as the client likes: a thousand silent connections leave no file descriptor
for anybody else. Here a client has some seconds to send the head of a request, and where there is no room left the
client that has been silent for longest makes way for a new one. While a request is worked on, its connection stays.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from faceml.errors import WrongUse
from serving.limits import KB

MOST_CONNECTIONS = 4_000
RESERVED_FILES = 200  # descriptors for the library's own files, its database, index and models
BACKLOG = 100  # asyncio may accept as many before it looks at the first: fewer than the reserve
MOST_HEAD_BYTES = 64 * KB  # of a request's line and headers, or of what comes beside its body
FULL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: 5\r\n\r\n"


class Server(uvicorn.Server):
    """Says that it serves once it does."""

    def __init__(self, config: uvicorn.Config, *, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._on_start()


def listen(host: str, port: int) -> list[socket.socket]:
    """A socket at each address of `host`, all on one port; port 0 takes a free one.

    Raises:
        WrongUse: the port is taken, or the host is none of this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise WrongUse(f"--host {host!r} is no address of this machine ({error.strerror}): try 127.0.0.1") from error
    sockets: list[socket.socket] = []
    problem: OSError | None = None
    for family, address in dict.fromkeys((item[0], str(item[4][0])) for item in found):
        at = (address, sockets[0].getsockname()[1] if sockets else port)
        try:
            sockets.append(socket.create_server(at, family=family, backlog=BACKLOG))
        except OSError as error:
            problem = error
            if error.errno != errno.EADDRNOTAVAIL:  # localhost has an address of IPv6 where the machine may have none
                break
    if problem and (not sockets or problem.errno != errno.EADDRNOTAVAIL):
        for opened in sockets:
            opened.close()
        raise WrongUse(_why_not(problem, host, port)) from problem
    return sockets


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use: end what listens there, or choose another with --port (0: any free)"
    if error.errno == errno.EACCES:
        return f"port {port} is not for this user to open: choose one above 1023 with --port"
    return f"{host!r} cannot be listened at ({os.strerror(error.errno or 0)}): correct --host"


def url_of(host: str, listening: Sequence[socket.socket]) -> str:
    place = f"[{host}]" if ":" in host else host
    return f"http://{place}:{listening[0].getsockname()[1]}"


def most_connections() -> int:
    """As many as the process's limit of open files leaves room for, at two each: an upload may lie on disk."""
    if sys.platform == "win32":  # which has no such limit
        return MOST_CONNECTIONS
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(16, min(MOST_CONNECTIONS, (soft - RESERVED_FILES) // 2))


def guarded(*, head_s: float) -> type[asyncio.Protocol]:
    """A protocol for uvicorn whose connections share one room."""
    made = partial(Connection, room=Room(most_connections()), head_s=head_s)
    return cast(type[asyncio.Protocol], made)


class Room:
    """The connections whose client has to act next, longest silent first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.silent: OrderedDict[Connection, None] = OrderedDict()

    def has_place(self, present: int) -> bool:
        """Whether the newest of so many connections may stay; somebody silent may have to go for it."""
        if present <= self._most:
            return True
        if not self.silent:
            return False
        longest_silent, _ = self.silent.popitem(last=False)
        longest_silent.transport.abort()
        return True


class Connection(HttpToolsProtocol):
    """uvicorn's connection to one client, which may not wait for that client without end.

    Args:
        head_s: to send the head of a request, or to take in some of an answer.
    """

    def __init__(self, *args: Any, room: Room, head_s: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = room
        self._head_s = head_s
        self._timer: asyncio.TimerHandle | None = None
        self._unsent = 0
        self._overhead = 0  # bytes since the last head, or piece of a body, was complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._room.has_place(len(self.connections)):
            self._wait_for_client()
        else:
            transport.write(FULL)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave_room()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self in self._room.silent:
            self._room.silent.move_to_end(self)
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        self._overhead = 0
        self._stop_timer()  # the body has a limit of its own
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._overhead = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if not self.cycle.response_complete:
            self._leave_room()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:  # else the next request has come in already
            self._wait_for_client()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_client()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.cycle.response_complete:
            self._leave_room()

    def _wait_for_client(self) -> None:
        self._room.silent[self] = None
        self._unsent = sys.maxsize
        if self._timer is None:
            self._timer = self.loop.call_later(self._head_s, self._look)

    def _look(self) -> None:
        """Go on waiting for a client who takes in a long answer, however slowly; for nobody else."""
        unsent = self.transport.get_write_buffer_size()
        if 0 < unsent < self._unsent:
            self._unsent = unsent
            self._timer = self.loop.call_later(self._head_s, self._look)
        else:
            self.transport.abort()

    def _leave_room(self) -> None:
        self._room.silent.pop(self, None)
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
