"""Executes one notebook with papermill in a kernel of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import papermill
from papermill.exceptions import PapermillExecutionError

from faceml.pipelines.kernel import running_kernel
from faceml.pipelines.notebooks import describe_cell

# What it says of a failure or of a kernel that was stopped comes as an exception, too; stderr is not the place for it.
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
        on_cell: told the number of the cell that starts, as Jupyter counts: In [1] is 1.
    Raises:
        NotebookFailed: it did not come to its end.
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
                notebook,
                output,
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


def _where(output: Path, started: list[int]) -> str:
    return describe_cell(output, started[-1], count=len(started)) if started else "before its first cell"


def _last_words(log: Path, error: RuntimeError) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    said = next((line.strip() for line in reversed(lines) if line.strip()), str(error))
    return f"the kernel died, often for want of memory ({_one_line(said)})"


def _one_line(text: str) -> str:
    return " ".join(text.split("\n", 1)[0].split())
