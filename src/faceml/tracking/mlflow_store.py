"""The tracking store: opens, fills and closes MLflow runs. mlflow is imported at the first call (2 s), never before."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from faceml.addresses import sqlite_file, with_absolute_file, without_password, without_secrets
from faceml.errors import FacemlError, Unavailable
from faceml.files import is_full, no_space, require_room, unwritable
from faceml.tracking.moved import follow_move
from faceml.tracking.presentation import EXPERIMENT_TAGS, NOTE, dataset, note, source, title
from faceml.tracking.provenance import code_version
from faceml.tracking.spool import HELD, JUDGED, Child, Measurement, Recorded, as_text

EXPERIMENT = "faceml"
_PARAMETER_LIMIT = 6000  # characters, mlflow.utils.validation.MAX_PARAM_VAL_LENGTH
_TAG_LIMIT = 8000
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")

_SETTINGS = {
    # By default an unreachable server is retried for four minutes and a silent one waited for two minutes a try.
    # One retry comes at once; a second one would wait for 4 s.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


class Outcome(StrEnum):
    """MLflow's words for how a run ended."""

    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class MlflowStore:
    """One experiment, `faceml`, in a SQLite file or on a server. Every call may raise Unavailable, within a minute."""

    def __init__(self, uri: str, artifacts: Path, *, on_note: Callable[[str], None]) -> None:
        self.uri = with_absolute_file(uri)  # notebooks may run elsewhere
        self._file = sqlite_file(self.uri)
        self._artifacts = Path(artifacts).resolve()
        self._on_note = on_note

    def open_run(self, name: str, *, parent: str | None, tags: Mapping[str, Any], began_ms: int | None = None) -> str:
        """Start a run, made by the code of now, and return its id."""
        if self._file:
            self._require_writable(self._file)
        family = {} if parent is None else {"mlflow.parentRunId": parent}
        with self.errors():
            tags = _tags({**code_version(), **source(), **tags, **family})
            run = self.client.create_run(self._experiment, began_ms, tags, run_name=name)
        return str(run.info.run_id)

    def _require_writable(self, file: Path) -> None:
        fix = "name another place in MLFLOW_TRACKING_URI"
        if (place := unwritable(file)) is not None:
            raise Unavailable(f"{place} cannot be written, so no run can be recorded: make it writable, or {fix}")
        for place in (file, self._artifacts):
            if any("\udc80" <= letter <= "\udcff" for letter in str(place)):  # bytes, as Python keeps them
                raise Unavailable(f"MLflow can keep nothing in {place}, whose name is not UTF-8: {fix}")
        require_room(file.parent)

    def log(self, run_id: str, recorded: Recorded) -> None:
        """Write everything a spool holds, its name and description with it, linked to its data and to its model."""
        from mlflow.entities import Metric, Param, RunTag

        with self.errors():
            run = self.client.get_run(run_id)
            told, linked = _told(run, recorded), self._linked(run, recorded)
            self.client.log_batch(
                run_id,
                metrics=[Metric(stored_name(m.name), m.value, m.at_ms, m.step, **linked) for m in recorded.metrics],
                params=[Param(stored_name(k), _short(v, _PARAMETER_LIMIT)) for k, v in recorded.parameters.items()],
                tags=[RunTag(k, v) for k, v in _tags({**recorded.tags, **told}).items()],
            )
            if recorded.artifacts is not None and any(recorded.artifacts.iterdir()):
                self.client.log_artifacts(run_id, str(recorded.artifacts))
            for name, columns in recorded.tables.items():  # as the interface compares them
                self.client.log_table(run_id, columns, f"tables/{name}.json")
        for child in recorded.children:
            self._log_child(run_id, child, recorded.tags)

    def _linked(self, run: Any, recorded: Recorded) -> dict[str, str | None]:
        """What its measurements belong to: the model that it registered, and what the library held, logged here."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        model_id = _registered_by(run) or self._judged(run, recorded)
        linked = {"run_id": run.info.run_id, "model_id": model_id}
        held = dataset({**run.data.tags, **recorded.tags})
        if held is None:
            return linked
        context = InputTag("mlflow.data.context", "library")
        self.client.log_inputs(run.info.run_id, datasets=[DatasetInput(Dataset(**held), tags=[context])])
        return {**linked, "dataset_name": held["name"], "dataset_digest": held["digest"]}

    def _judged(self, run: Any, recorded: Recorded) -> str | None:
        """The model of the registered version that the run looked at, linked to it here."""
        from mlflow.entities import LoggedModelInput

        name, _, version = recorded.tags.get(JUDGED, "").partition("/")
        if not version:
            return None
        # MLflow's database keeps no model beside a version: the run that made it does.
        made_by = self.client.get_model_version(name, version).run_id
        model_id = _registered_by(self.client.get_run(made_by)) if made_by else None
        if model_id:
            self.client.log_inputs(run.info.run_id, models=[LoggedModelInput(model_id)])
        return model_id

    def _log_child(self, run_id: str, child: Child, tags: Mapping[str, str]) -> None:
        held = {name: value for name, value in tags.items() if name.startswith(HELD)}
        at_ms = int(time.time() * 1000)
        began_ms = None if child.seconds is None else at_ms - round(child.seconds * 1000)
        child_id = self.open_run(child.name, parent=run_id, tags={"kind": "child", **held}, began_ms=began_ms)
        by_step = {**{name: [value] for name, value in child.metrics.items()}, **child.curves}
        measured = tuple(
            Measurement(name, value, step, at_ms) for name, all_ in by_step.items() for step, value in enumerate(all_)
        )
        self.log(child_id, Recorded(child.parameters, measured, child.tags, pictures_allowed=False, artifacts=None))
        with self.errors():
            for name, text in child.texts.items():
                self.client.log_text(child_id, text, name)
        self.close_run(child_id, Outcome(child.outcome), at_ms=None if began_ms is None else at_ms)

    def close_run(self, run_id: str, outcome: Outcome, *, at_ms: int | None = None) -> None:
        with self.errors():
            self.client.set_terminated(run_id, outcome.value, at_ms)

    @cached_property
    def client(self) -> Any:
        """MLflow's own; use it inside `errors`."""
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)  # a user's own setting wins
        if self.uri.startswith(_DATABASES):
            follow_move(self.uri)
            with self.errors():
                self._open_database()
        from mlflow import MlflowClient

        return MlflowClient(self.uri)

    def _open_database(self) -> None:
        """Open it as MLflow is about to do, which would try again for two minutes, and make its tables where they lack.

        Made by the client, they get a default experiment in the working folder, whose quotes and colons end up in SQL.
        """
        from sqlalchemy import create_engine, inspect

        if self._file and self.is_missing:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._on_note(f"Making MLflow's database {self._file} (once, some seconds)")
        engine = create_engine(
            self.uri, connect_args={"connect_timeout": 10} if self.uri.startswith("postgresql") else {}
        )
        with engine.connect() as connection:
            is_empty = not inspect(connection).has_table("experiments")
        engine.dispose()
        logging.getLogger("alembic").setLevel(logging.WARNING)
        if is_empty:
            from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

            SqlAlchemyStore(self.uri, self._artifacts.as_uri())

    @cached_property
    def _experiment(self) -> str:
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            for name, value in EXPERIMENT_TAGS.items():
                if name not in found.tags:
                    self.client.set_experiment_tag(found.experiment_id, name, value)
            return str(found.experiment_id)
        # A server knows its own place for artifacts; a database needs an absolute one from us.
        location = None if self.is_server else self._artifacts.as_uri()
        return str(self.client.create_experiment(EXPERIMENT, artifact_location=location, tags=EXPERIMENT_TAGS))

    @property
    def is_server(self) -> bool:
        return self.uri.startswith(("http://", "https://"))

    @property
    def is_missing(self) -> bool:
        """Whether it is a database file that nothing was recorded in yet."""
        return self._file is not None and not self._file.exists()

    @contextmanager
    def errors(self, what: str = "the run") -> Iterator[None]:
        """Turn what MLflow raises in the block into Unavailable."""
        try:
            yield
        except Exception as error:
            if not is_of_mlflow(error):
                raise
            if is_full(error):
                raise Unavailable(no_space(self._artifacts)) from error
            raise Unavailable(
                f"MLflow at {without_password(self.uri)} does not take {what}: {reason_of(error)}; start it or correct"
                " MLFLOW_TRACKING_URI (unset: a file below mlruns/)"
            ) from error


def _registered_by(run: Any) -> str | None:
    """The model that a run logged."""
    outputs = run.outputs.model_outputs if run.outputs else ()
    return next((str(output.model_id) for output in outputs), None)


def _told(run: Any, recorded: Recorded) -> dict[str, str]:
    tags = {**run.data.tags, **recorded.tags}
    measured = {measurement.name: measurement.value for measurement in recorded.metrics}
    named = title(run.info.run_name, tags.get("kind", ""), {**recorded.parameters, **recorded.tags, **measured})
    return {NOTE: note(tags), "mlflow.runName": named}


def is_of_mlflow(error: Exception) -> bool:
    """Whether MLflow, its database or its client raised it; told by name, so that none of them is imported.

    >>> is_of_mlflow(ConnectionError("no route")), is_of_mlflow(Unavailable("ours")), is_of_mlflow(KeyError("x"))
    (True, False, False)
    """
    if isinstance(error, FacemlError):  # ours says it all, also where it is an ImportError
        return False
    package = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError | ImportError) or package in {"mlflow", "sqlalchemy", "alembic", "requests"}


def reason_of(error: Exception) -> str:
    """The part of MLflow's message that tells something, without a password.

    >>> reason_of(OSError("API request failed (Caused by New(host='x'): [Errno 111] Connection refused))"))
    '[Errno 111] Connection refused'
    >>> reason_of(OSError("API request to http://me:secret@host/api failed with timeout"))
    'API request to http://me:***@host/api failed with timeout'
    """
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if "Caused by" in line:
        line = line.rpartition(": ")[2].rstrip("\"')")
    return _short(without_secrets(line), 200)


def _tags(values: Mapping[str, Any]) -> dict[str, str]:
    return {stored_name(name): _short(as_text(value), _TAG_LIMIT) for name, value in values.items()}


def stored_name(name: str) -> str:
    """MLflow's names hold letters, digits and _ - . / : and blanks.

    >>> stored_name("tar@far=1e-3")
    'tar_far_1e-3'
    """
    return "".join(letter if letter.isalnum() or letter in "_-./: " else "_" for letter in name)[:250]


def _short(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    ending = f"… ({len(text)} characters)"
    return text[: limit - len(ending)] + ending
