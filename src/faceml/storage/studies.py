"""Where searches keep their trials: Optuna's tables in a SQLite file of the library's folder.

Options and figures are in it, no faces and no names. A study goes on after a kill; several processes may work on one.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceml.addresses import sqlite_url
from faceml.errors import FacemlError, FileNotReadable, LibraryBusy, NotFound
from faceml.files import file_lock

FOLDER, FILE, LOCK = "search", "studies.db", "search.lock"
LEAST_TO_TELL = 10  # trials that came to their end
WHY = "why"  # the attribute of a trial that could not be measured
WAIT_S = 60  # of SQLite, while another worker writes


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One setting that was tried."""

    number: int
    score: float | None  # None where it had none
    state: str  # "complete", "pruned" (given up early, or not to be measured), "fail" (its worker was killed)
    options: Mapping[str, Any]
    seconds: float
    by_fold: tuple[float, ...] = ()  # the score after each fold that was asked; the last one is the trial's
    why: str = ""  # it could not be measured


def open_study(home: Path, name: str, *, lower_is_better: bool, seed: int, worker: int = 0) -> Any:
    """A study of Optuna's by its name, begun where there is none."""
    import optuna

    _quiet(optuna)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=seed + worker, n_startup_trials=12, constant_liar=True)
        return optuna.create_study(
            storage=_storage(home),
            study_name=name,
            load_if_exists=True,
            direction="minimize" if lower_is_better else "maximize",
            sampler=sampler,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=10, n_warmup_steps=1),
        )


def newest_study(home: Path, beginning: str = "") -> Any:
    """The study that was judged last, of those whose names begin so.

    Raises:
        NotFound: there is none.
    """
    import optuna

    _quiet(optuna)
    names = optuna.get_all_study_names(_storage(home)) if (home / FOLDER / FILE).exists() else []
    found = [optuna.load_study(study_name=name, storage=_storage(home)) for name in names if name.startswith(beginning)]
    judged = [study for study in found if "judged_at" in study.user_attrs]
    if not judged:
        raise NotFound("no search has come to its end in this library: `faceml experiments search` begins one")
    return max(judged, key=lambda study: study.user_attrs["judged_at"])


def count_judged(home: Path, labels: str) -> int:
    """Winners that were judged on the same labels so far, whatever the space."""
    import optuna

    judged = 0
    for name in optuna.get_all_study_names(_storage(home)):
        attributes = optuna.load_study(study_name=name, storage=_storage(home)).user_attrs
        judged += attributes.get("judged", 0) if attributes.get("labels") == labels else 0
    return judged


def begin_dead_trials_again(study: Any) -> int:
    """Ask once more for what a worker that was killed was trying; how many these are. Nobody else may be at work."""
    import optuna

    dead = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
    for trial in dead:
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params)
    return len(dead)


def work_on(study: Any, objective: Callable[[Any], float], *, trials: int, on_trial: Callable[[], None]) -> None:
    """Try until the study has so many trials that ended, by whichever worker."""
    import optuna

    ended = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    if len(study.get_trials(deepcopy=False, states=ended)) >= trials:
        return
    study.optimize(
        objective,
        callbacks=[optuna.study.MaxTrialsCallback(trials, states=ended), lambda _, __: on_trial()],
        catch=(),
    )


def rows_of(study: Any) -> tuple[TrialRow, ...]:
    return tuple(
        TrialRow(
            trial.number,
            trial.value,
            trial.state.name.lower(),
            dict(trial.params),
            trial.duration.total_seconds() if trial.duration else 0.0,
            tuple(score for _, score in sorted(trial.intermediate_values.items())),
            trial.user_attrs.get(WHY, ""),
        )
        for trial in study.get_trials(deepcopy=False)
    )


def importance(study: Any) -> Mapping[str, float]:
    """By how much each option moves the score (PED-ANOVA), the most first; empty where trials are too few to tell."""
    import optuna

    if len(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))) < LEAST_TO_TELL:
        return {}
    try:
        return dict(optuna.importance.get_param_importances(study))
    except (ValueError, RuntimeError):
        return {}


@contextmanager
def alone(home: Path) -> Iterator[bool]:
    """Whether this process is the only one at work on the library's searches while the block runs."""
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            lock = file_lock(home / FOLDER / LOCK, "a search", wait_s=0, busy=_busy, unusable=FileNotReadable)
            held.enter_context(lock)
            is_alone = True
        except LibraryBusy:
            is_alone = False
        yield is_alone


def _busy(holder: str) -> FacemlError:
    return LibraryBusy(f"{holder or 'another search'} is at work")


def _storage(home: Path) -> Any:
    import optuna

    url = sqlite_url(home / FOLDER / FILE)
    return optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": WAIT_S}})


def _quiet(optuna: Any) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
