"""Executes one notebook with papermill, in a Jupyter kernel of its own.

The kernel is this interpreter, opens no TCP port and never outlives its run. It is started here rather than by
papermill, which can give it neither an environment nor another interpreter.
"""

from __future__ import annotations

import logging
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import papermill
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from papermill.exceptions import PapermillExecutionError

from faceml.pipelines.notebooks import describe_cell

# An interrupted kernel gets half of it to leave by itself and half after SIGTERM; then it is killed.
SHUTDOWN_WAIT_S = 4.0
# Failures and stopped kernels reach us as exceptions; papermill would print them on stderr as well.
logging.getLogger("papermill").setLevel(logging.CRITICAL)


class NotebookFailed(Exception):
    """A cell raised, or the kernel died; the executed notebook is kept."""

    def __init__(self, cell: str, error: str) -> None:
        super().__init__(f"{cell}: {error}")
        self.cell = cell  # as a person finds it
        self.error = error  # one line


def execute_notebook(
    notebook: Path,
    output: Path,
    *,
    parameters: Mapping[str, Any],
    environment: Mapping[str, str],
    folder: Path,
    on_cell: Callable[[int], None],
) -> None:
    """Run a notebook in `folder` and write it, with its outputs, to `output` after every cell.

    Args:
        on_cell: called with the number of the cell that starts, as Jupyter counts: In [1] is 1.
    Raises:
        NotebookFailed: a cell raised, or the kernel died.
    """
    started: list[int] = []

    def note_start(cell: object, cell_index: int) -> None:  # noqa: ARG001  nbclient passes them by name
        started.append(cell_index)
        on_cell(len(started))

    log = output.with_suffix(".kernel.log")
    try:
        # MPLBACKEND=Agg, usual on servers, would keep plots out of the notebook.
        variables = {name: value for name, value in environment.items() if name != "MPLBACKEND"}
        with running_kernel(environment=variables, folder=folder, log=log) as kernel:
            papermill.execute_notebook(
                _literal(notebook),
                _literal(output),
                parameters=dict(parameters),
                kernel_name="python3",
                language="python",  # a notebook need not carry it
                progress_bar=False,
                km=kernel,
                on_cell_execute=note_start,
            )
    except PapermillExecutionError as error:
        raise NotebookFailed(_where(output, started), _one_line(f"{error.ename}: {error.evalue}")) from error
    except RuntimeError as error:  # nbclient's DeadKernelError, and a kernel that never answered
        raise NotebookFailed(_where(output, started), _last_words(log, error)) from error


def _literal(path: Path) -> str:
    """The path for papermill, which would fill parameters into its braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _where(output: Path, started: list[int]) -> str:
    return describe_cell(output, started[-1], count=len(started)) if started else "before its first cell"


def _last_words(log: Path, error: RuntimeError) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    said = next((line.strip() for line in reversed(lines) if line.strip()), str(error))
    return f"the kernel died, often for lack of memory ({_one_line(said)})"


def _one_line(text: str) -> str:
    return " ".join(text.split("\n", 1)[0].split())


class KernelOfThisInterpreter(AsyncKernelManager):
    """Starts `sys.executable`, so that no `ipykernel install` is needed, and keeps its client to close it."""

    kernel_client: AsyncKernelClient | None = None

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, language="python", display_name="Python 3")

    def client(self, **kwargs: Any) -> AsyncKernelClient:  # type: ignore[override]  # as in AsyncKernelManager
        self.kernel_client = super().client(**kwargs)
        return self.kernel_client


@contextmanager
def running_kernel(*, environment: Mapping[str, str], folder: Path, log: Path) -> Iterator[KernelOfThisInterpreter]:
    """A started kernel in `folder`; it is gone when the block is left, however that happens.

    Args:
        log: takes what the process itself prints (a crash's last words); kept where the block fails and there is any.
    """
    # A short path of its own: unix sockets allow about 100 characters, and a library's folder may lie deep.
    with tempfile.TemporaryDirectory(prefix="faceml-kernel-") as sockets:
        manager = KernelOfThisInterpreter(
            transport="ipc", connection_file=f"{sockets}/kernel.json", shutdown_wait_time=SHUTDOWN_WAIT_S
        )
        has_failed = True
        try:
            with log.open("wb") as output:
                run_sync(manager.start_kernel)(
                    env=dict(environment),
                    cwd=str(folder),
                    stdout=output,
                    stderr=output,
                    extra_arguments=["--HistoryManager.hist_file=:memory:"],  # leave the user's history alone
                )
            yield manager
            has_failed = False
        except (KeyboardInterrupt, SystemExit):
            _hush_what_was_cut_off()
            raise
        finally:
            if manager.has_kernel:
                run_sync(manager.shutdown_kernel)(now=False)
            # Its sockets and threads are not freed by the manager: 14 file handles a kernel.
            if manager.kernel_client is not None:
                manager.kernel_client.stop_channels()
            if log.exists() and not (has_failed and log.stat().st_size):
                log.unlink()


def _hush_what_was_cut_off() -> None:
    """The process ends: silence papermill, which was cut off while it waited and misses the kernel."""
    warnings.filterwarnings("ignore", r"coroutine .* was never awaited", RuntimeWarning)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # or: "Task exception was never retrieved"


@contextmanager
def sigterm_unwinds() -> Iterator[None]:
    """Let SIGTERM leave through `finally`, as Ctrl-C does, instead of ending the process on the spot.

    Only where nobody else handles it, and only in the main thread, where Python allows it.
    """
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave(number: int, _: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not break the cleaning up
    raise SystemExit(128 + number)
