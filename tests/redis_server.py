"""A real Redis that tests start, stop and start again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError
from redis.retry import Retry

from tests.conftest import skip_or_fail
from tests.polling import until


class RedisServer:
    """Listens on a socket in `folder`, and keeps what it holds there from one start to the next."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = shutil.which("redis-server") or ""
        if not self._program:
            skip_or_fail("there is no redis-server on this machine")
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{folder}/redis.sock"

    def start(self) -> None:
        options = f"--port 0 --unixsocket {self._folder}/redis.sock --dir {self._folder} --appendonly yes".split()
        self._process = subprocess.Popen([self._program, *options, "--save", ""], stdout=subprocess.DEVNULL)
        until(self._answers)

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self._process is not None:
            os.kill(self._process.pid, how)
            self._process.wait(120)
            self._process = None

    def client(self) -> Redis:
        return Redis.from_url(self.url, retry=Retry(NoBackoff(), 0))

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except ConnectionError:
            return False
