"""Recorded runs, found: in MLflow's database by SQL, as importing mlflow takes seconds; on a server by its client."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import nan
from typing import TYPE_CHECKING, Any

from faceml.addresses import sqlite_file
from faceml.tracking.experiment import Experiment
from faceml.tracking.mlflow_store import EXPERIMENT
from faceml.tracking.provenance import as_words
from faceml.tracking.spool import HELD

if TYPE_CHECKING:
    from sqlalchemy import Connection, Subquery

    from faceml.tracking.mlflow_store import MlflowStore

KIND = "kind"  # tag: detect, cluster, train, …
_FINISHED = "FINISHED"


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs are asked for, the newest first."""

    limit: int
    kind: str | None = None  # this one
    other_than: str | None = None  # any kind but this one
    since: datetime | None = None  # begun then or later
    is_finished: bool = True  # False: whatever became of it
    begins: str = ""  # first letters of its id

    def as_filter(self) -> str:
        """In MLflow's words. The caller keeps quotes out of kinds and ids."""
        parts = {
            f"tags.{KIND} = '{self.kind}'": self.kind is not None,
            f"tags.{KIND} != '{self.other_than}'": self.other_than is not None,
            f"attributes.status = '{_FINISHED}'": self.is_finished,
            f"attributes.start_time >= {_ms(self.since) if self.since else 0}": self.since is not None,
            f"attributes.run_id LIKE '{self.begins}%'": bool(self.begins),
        }
        return " and ".join(part for part, is_asked in parts.items() if is_asked)


def search_runs(store: MlflowStore, query: RunQuery) -> tuple[Experiment, ...]:
    """Runs of faceml's experiment, deleted ones left out; nothing is recorded where there is no store yet.

    Raises:
        Unavailable.
    """
    if store.is_missing:
        return ()
    with store.errors("the query"):
        if store.is_server:
            return ask_server(store.client, query)
        with reading(store.uri) as connection:
            return _read(connection, query)


@contextmanager
def reading(uri: str) -> Iterator[Connection]:
    """A connection to MLflow's database; a file is opened read-only."""
    from sqlalchemy import URL, create_engine

    if (file := sqlite_file(uri)) is None:
        engine = create_engine(uri, connect_args={"connect_timeout": 10} if uri.startswith("postgres") else {})
    else:
        place = URL.create("sqlite", database=file.absolute().as_uri(), query={"mode": "ro", "uri": "true"})
        engine = create_engine(place, connect_args={"timeout": 10})
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def ask_server(client: Any, query: RunQuery) -> tuple[Experiment, ...]:
    """The same through MLflow's own client, which raises what it raises."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return ()
    newest = ["attributes.start_time DESC"]
    runs = client.search_runs([experiment.experiment_id], query.as_filter(), order_by=newest, max_results=query.limit)
    return tuple(
        _experiment(run.info.run_id, run.info.start_time, run.info.end_time, **_dictionaries(run.data)) for run in runs
    )


def _dictionaries(data: Any) -> dict[str, dict[str, Any]]:
    return {"tags": data.tags, "parameters": dict(data.params), "metrics": dict(data.metrics)}


def _read(connection: Connection, query: RunQuery) -> tuple[Experiment, ...]:
    from sqlalchemy import inspect, select

    if not inspect(connection).has_table("latest_metrics"):
        return ()
    asked = _asked(query)
    tags = _by_run(connection, asked, "tags")
    parameters = _by_run(connection, asked, "params")
    metrics = _by_run(connection, asked, "latest_metrics")
    runs = connection.execute(select(asked).order_by(asked.c.start_time.desc(), asked.c.run_uuid))
    return tuple(
        _experiment(run.run_uuid, run.start_time, run.end_time, tags[run[0]], parameters[run[0]], metrics[run[0]])
        for run in runs
    )


def _asked(query: RunQuery) -> Subquery:
    from sqlalchemy import column, select, table

    names = ("run_uuid", "start_time", "end_time", "status", "lifecycle_stage", "experiment_id")
    runs = table("runs", *map(column, names))
    experiments = table("experiments", column("experiment_id"), column("name"))
    tags = table("tags", column("run_uuid"), column("key"), column("value"))
    chosen = (
        select(runs.c.run_uuid, runs.c.start_time, runs.c.end_time)
        .join(experiments, experiments.c.experiment_id == runs.c.experiment_id)
        .where(experiments.c.name == EXPERIMENT, runs.c.lifecycle_stage == "active")
    )
    if query.kind is not None or query.other_than is not None:
        chosen = chosen.join(tags, (tags.c.run_uuid == runs.c.run_uuid) & (tags.c.key == KIND))
    if query.kind is not None:
        chosen = chosen.where(tags.c.value == query.kind)
    if query.other_than is not None:
        chosen = chosen.where(tags.c.value != query.other_than)
    if query.is_finished:
        chosen = chosen.where(runs.c.status == _FINISHED)
    if query.since is not None:
        chosen = chosen.where(runs.c.start_time >= _ms(query.since))
    if query.begins:
        chosen = chosen.where(runs.c.run_uuid.startswith(query.begins, autoescape=True))
    return chosen.order_by(runs.c.start_time.desc(), runs.c.run_uuid).limit(query.limit).subquery()


def _by_run(connection: Connection, asked: Subquery, name: str) -> Mapping[str, dict[str, Any]]:
    """Names and values that this table holds, by run."""
    from sqlalchemy import column, select, table

    is_measured = name == "latest_metrics"
    of = table(name, *map(column, ["run_uuid", "key", "value", *(["is_nan"] if is_measured else [])]))
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in connection.execute(select(of).join(asked, asked.c.run_uuid == of.c.run_uuid).order_by(of.c.key)):
        found[row.run_uuid][row.key] = nan if is_measured and row.is_nan else row.value
    return found


def _experiment(
    run_id: str,
    started_ms: int,
    ended_ms: int | None,
    tags: Mapping[str, str],
    parameters: Mapping[str, str],
    metrics: Mapping[str, float],
) -> Experiment:
    return Experiment(
        run_id=run_id,
        kind=tags.get(KIND, ""),
        started=datetime.fromtimestamp(started_ms / 1000, UTC),
        seconds=((ended_ms or started_ms) - started_ms) / 1000,
        parameters=parameters,
        metrics=metrics,
        data={name.removeprefix(HELD): value for name, value in tags.items() if name.startswith(HELD)},
        code=as_words(tags),
        verdict=tags.get("verdict"),
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
