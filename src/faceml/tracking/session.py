"""`Tracking`: where runs are recorded, the same in a notebook by hand, in a pipeline and in a service."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faceml.errors import Unavailable
from faceml.tracking.mlflow_store import MlflowStore, Outcome
from faceml.tracking.spool import Run, read_spool
from faceml.tracking.unattended import record_failures

logger = logging.getLogger(__name__)

# How a pipeline's runner tells the notebook that the run exists already; not settings of the user.
RUN_ID_VARIABLE = "FACEML_RUN_ID"
SPOOL_VARIABLE = "FACEML_RUN_SPOOL"


class Tracking:
    """Opens runs.

    Args:
        uri: MLflow's: `sqlite:///mlruns/mlflow.db`, or a server's address.
        artifacts: the folder for tables, plots and notebooks where MLflow is a database, not a server.
        on_note: gets a line on what takes long (making a new database) and what is left out (pictures of faces).
    """

    def __init__(self, uri: str, artifacts: Path, *, on_note: Callable[[str], None] = logger.info) -> None:
        self.store = MlflowStore(uri, artifacts, on_note=on_note)
        self._on_note = on_note
        self.recorded_error: BaseException | None = None  # that ended the latest failed run

    @property
    def is_handed(self) -> bool:
        """Whether a pipeline's runner records what happens here."""
        return SPOOL_VARIABLE in os.environ

    def record_failures(self, kind: str) -> None:
        """Let a notebook that fails on its way to `run` leave a failed run, see `unattended`."""
        record_failures(self, kind)

    @contextmanager
    def run(
        self,
        name: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        library: Mapping[str, Any] | None = None,
        parent: str | None = None,
        pictures_allowed: bool = False,
    ) -> Iterator[Run]:
        """Record what happens in the block as one run; in a pipeline, as the run of its step.

        Code version and outcome are recorded by themselves; an error in the block marks the run failed and goes on.

        Args:
            library: what the library holds: counts, pack, hash.
            parent: id of the run it is part of.
            pictures_allowed: pictures of faces may go to MLflow, in the executed notebook, too.
        Raises:
            Unavailable: MLflow cannot be reached: at the start, before any work; at the end, naming the spool kept.
        """
        handed = os.environ.get(SPOOL_VARIABLE)
        spool = Path(handed or tempfile.mkdtemp(prefix="faceml-run-"))
        try:
            run_id = "" if handed else self.store.open_run(name, parent=parent, tags={"kind": name})
        except BaseException:
            spool.rmdir()  # nothing was recorded
            raise
        run = Run(
            spool,
            id=os.environ.get(RUN_ID_VARIABLE) if handed else run_id,
            pictures_allowed=pictures_allowed,
            on_note=self._on_note,
        )
        run.parameters(parameters or {})
        run.library(library or {})
        if handed:
            run.tags({"kind": name})
            yield run  # whoever handed the spool logs it
            return
        try:
            yield run
        except BaseException as error:
            self.recorded_error = error
            run.tags({"error": f"{type(error).__name__}: {error}"})
            outcome = Outcome.FAILED if isinstance(error, Exception) else Outcome.KILLED
            try:
                self._finish(run_id, spool, outcome)
            except Unavailable as unavailable:
                self._on_note(str(unavailable))  # the block's own error matters more
            raise
        self._finish(run_id, spool, Outcome.FINISHED)

    def _finish(self, run_id: str, spool: Path, outcome: Outcome) -> None:
        try:
            self.store.log(run_id, read_spool(spool))
            self.store.close_run(run_id, outcome)
        except Unavailable as error:
            raise Unavailable(f"{error}; what was recorded is kept in {spool}") from error
        shutil.rmtree(spool)
