"""Work on other machines by Ray's tasks (Moritz et al. 2018): what is shared goes into its object store, once.

Which task runs where, and again where a process or machine died, is Ray's business. Every machine has the same faceml.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceml.errors import FacemlError, MachinesUnavailable
from faceml.machines.here import HERE, Answer, Machines, ManyRows, Piece
from faceml.options import MachineOptions

SHARD = 1 << 16  # rows of an object: 134 MB of 512 numbers
_AHEAD = 2  # tasks under way for each processor
_TRIES_AGAIN = 3  # of a task whose process died


def machines_at(on: str | None) -> Machines:
    """This machine where `on` is None or empty; those of a Ray cluster for `ray` or `ray://HOST:PORT`.

    `ray` is the cluster that this machine belongs to or RAY_ADDRESS names; where there is none, one of this machine's
    processors is started.

    Raises:
        WrongUse: anything else.
        MissingExtra: Ray is not installed.
        MachinesUnavailable: nothing answers there.
    """
    address = MachineOptions(on=on).on
    return HERE if address is None else RayMachines(address)


class RayMachines:
    """A cluster that is connected to; one a process."""

    def __init__(self, address: str) -> None:
        import ray

        self.name = address
        self._ray = ray
        if address != "ray":
            ray.shutdown()  # a notebook's cell that is run again
        if not ray.is_initialized():
            _connect(ray, address)
        self._task = ray.remote(_done).options(num_cpus=1, max_retries=_TRIES_AGAIN)
        self._many: tuple[ManyRows, _SharedRows] | None = None

    def map(
        self,
        work: Callable[..., Answer],
        shared: tuple[Any, ...],
        pieces: Iterable[Piece],
        *,
        at_once: int = 1,
    ) -> Iterator[Answer]:
        """See `Machines.map`; of answers, some journeys for each processor are under way."""
        handles = [self._shared(item) for item in shared]
        left = iter(pieces)
        most = max(1, int(_AHEAD * self._ray.cluster_resources().get("CPU", 1)))
        waiting: deque[Any] = deque()
        try:
            while journey := list(islice(left, at_once)):
                waiting.append(self._task.remote(work, handles, journey))
                if len(waiting) >= most:
                    yield from self._answer(waiting.popleft())
            while waiting:
                yield from self._answer(waiting.popleft())
        finally:
            for task in waiting:
                self._ray.cancel(task)

    def close(self) -> None:
        self._many = None
        self._ray.shutdown()

    def _answer(self, task: Any) -> list[Any]:
        errors = self._ray.exceptions
        try:
            found: list[Any] = self._ray.get(task)
        except errors.RayTaskError as error:
            if isinstance(error.cause, FacemlError):
                raise error.cause from error
            raise
        except (errors.RayError, ConnectionError) as error:
            raise MachinesUnavailable(
                f"on={self.name}: {_first_line(error)}; what was stored stays: run it again, or here (leave on out)"
            ) from error
        return found

    def _shared(self, item: Any) -> Any:
        """What a task finds it by; what is large stays there until something else comes."""
        if not isinstance(item, ManyRows):
            return _Shared(self._ray.put(item))
        if self._many is None or self._many[0] is not item:
            rows = item.shared_rows
            parts = [self._ray.put(rows[start : start + SHARD]) for start in range(0, len(rows), SHARD)]
            self._many = item, _SharedRows(self._ray.put(item.with_rows(rows[:0])), parts)
        return self._many[1]


@dataclass(frozen=True, slots=True)
class _Shared:
    where: Any

    def fetched(self, get: Callable[[Any], Any]) -> Any:
        return get(self.where)


@dataclass(frozen=True, slots=True)
class _SharedRows:
    rest: Any
    shards: list[Any]

    def fetched(self, get: Callable[[Any], Any]) -> Any:
        return get(self.rest).with_rows(Shards(get(self.shards)))


class Shards:
    """Rows that lie in several arrays, read as if they were in one."""

    def __init__(self, parts: list[NDArray[np.float32]]) -> None:
        self._parts = parts
        self._size = len(parts[0])  # of all but the last

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __getitem__(self, rows: slice | NDArray[np.integer]) -> NDArray[np.float32]:
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        found = np.empty((*rows.shape, self._parts[0].shape[1]), np.float32)
        shard = rows // self._size
        for number in np.unique(shard):
            here = shard == number
            found[here] = self._parts[number][rows[here] - number * self._size]
        return found

    def take(self, rows: NDArray[np.integer], axis: int = 0) -> NDArray[np.float32]:
        del axis
        return self[rows]


def _done(work: Callable[..., Any], shared: list[_Shared | _SharedRows], pieces: list[Any]) -> list[Any]:
    """What a task does."""
    import ray

    items = [item.fetched(ray.get) for item in shared]
    return [work(*items, piece) for piece in pieces]


def _connect(ray: Any, address: str) -> None:
    """Raises MachinesUnavailable."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it tells its makers of every run
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # a task sees the graphics card
    where = {} if address == "ray" else {"address": address}
    try:
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=None)
    except Exception as error:
        raise MachinesUnavailable(
            f"on={address}: no Ray answers there ({_first_line(error)}): see docs/machines.md, or leave on out"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
