"""A notebook that fails with nobody at it leaves a failed run, though its run is opened in its last cell."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faceml.tracking.session import Tracking


def record_failures(tracking: Tracking, kind: str) -> None:
    """From here on a cell that fails is recorded as a failed run of this kind, where papermill or nbconvert run it.

    In a pipeline the runner does that, and at a keyboard a person sees the error and runs the cell again.
    """
    shell = notebook_shell()
    if shell is None or tracking.is_handed:
        return

    def after_cell(result: Any) -> None:
        error = result.error_before_exec or result.error_in_exec
        if error is not None and error is not tracking.recorded_error and _is_unattended(shell):
            # What MLflow itself says against it has been noted, and the cell's own error matters more.
            with suppress(BaseException), tracking.run(kind):
                raise error

    shell.events.register("post_run_cell", after_cell)


def notebook_shell() -> Any:
    """IPython's, where this runs in one; else None."""
    ipython = sys.modules.get("IPython")  # not imported: no notebook
    return None if ipython is None else ipython.get_ipython()


def is_attended() -> bool:
    """Whether somebody sits at this notebook: its front end could ask them something, which papermill's cannot."""
    kernel = getattr(notebook_shell(), "kernel", None)
    request = kernel.get_parent("shell") if kernel is not None else {}
    return bool((request.get("content") or {}).get("allow_stdin"))


def _is_unattended(shell: Any) -> bool:
    """Whether nobody could be asked for input: so Jupyter's protocol tells a program from a person at a keyboard."""
    parent = shell.kernel.get_parent() if hasattr(shell, "kernel") else {}
    return parent.get("content", {}).get("allow_stdin") is False
