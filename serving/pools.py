"""Threads for the work: many for what is quick, few for what is heavy, so that the event loop stays free.

A thread cannot be stopped from outside. When a request's time is over its caller is told so, and the work ends by
itself; the pools bound how much of it there can be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from serving.limits import Limits
from serving.problems import TooBusy, TookTooLong

T = TypeVar("T")


class Pools:
    """The threads that do what routes ask of the library."""

    def __init__(self, limits: Limits) -> None:
        # For what takes milliseconds: read, label, merge.
        self.quick = Pool("quick", limits.quick_threads, limits.quick_waiting, limits.quick_s)
        # For what takes a core for long: detect, cluster, train.
        self.heavy = Pool("heavy", limits.heavy_threads, limits.heavy_waiting, limits.heavy_s)
        # For the service's own care: not held up by what clients ask for, nor by a database that is away.
        self.watch = Pool("watch", 2, limits.quick_waiting, limits.quick_s)

    def waiting(self) -> dict[str, int]:
        """Requests in each pool, being done or waiting."""
        return {pool.name: pool.present for pool in (self.quick, self.heavy)}

    def close(self) -> None:
        for pool in (self.quick, self.heavy, self.watch):
            pool.close()


class Pool:
    def __init__(self, name: str, threads: int, waiting: int, limit_s: float) -> None:
        self.name = name
        self.present = 0
        self._most = threads + waiting
        self._limit_s = limit_s
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"faceml-{name}")

    async def __call__(self, work: Callable[[], T]) -> T:
        """Do it in one of the threads; raises TooBusy, TookTooLong, and what `work` raises."""
        if self.present >= self._most:
            raise TooBusy(f"{self.present} requests are waiting to be done: try again in a moment")
        self.present += 1
        future = self._threads.submit(work)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: _on_loop(loop, self._leave))
        return await self._answer(future)

    async def _answer(self, future: Future[T]) -> T:
        try:
            async with asyncio.timeout(self._limit_s):
                return await asyncio.wrap_future(future)
        except TimeoutError as error:
            if future.done() and not future.cancelled() and future.exception() is error:
                raise  # the work's own
            raise TookTooLong(
                f"this took longer than {self._limit_s:.0f} s; what was begun goes on and is stored. "
                'Hand long work to the workers: {"queue": true}'
            ) from error

    def _leave(self) -> None:
        self.present -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)


def _on_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)
