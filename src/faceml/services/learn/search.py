"""Search the options that suit a library best, and let its commands use them.

Docs: docs/decisions/0049-searched-options.md.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np

from faceml.config import Settings
from faceml.errors import Conflict, NotEnoughData, WrongUse
from faceml.library import Library
from faceml.progress import Progress, silent, told
from faceml.records import FaceFacts, LibraryFaces
from faceml.services.operate.status import library_snapshot
from faceml.storage import studies
from faceml.storage.own_options import OwnOptions, by_command, by_step, own_options, set_own_options
from faceml.storage.registry.model_registry import ModelRegistry
from faceml.tracking.presentation import trial_run
from faceml.trial import search
from faceml.trial.comparison import Comparison, Verdict, from_json, verdict
from faceml.trial.recognition import STRANGER, Album
from faceml.trial.search_space import USUAL, WRONG, Space, defaults
from faceml.wiring import open_library

TRIALS = 60
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SearchReport:
    study: str
    objective: str  # "wrong", lower is better, or "grouping", higher is better
    trials: tuple[studies.TrialRow, ...]  # in order
    there_before: int  # trials of this study that an earlier run had made
    begun_again: int  # trials whose worker was killed
    best: int | None  # number of the best trial; None: no trial came to its end
    options: Mapping[str, Any]  # of the best trial
    importance: Mapping[str, float]  # share by which each option moves the score, the most first
    comparison: Comparison | None  # the best against the options in use, on people that no trial saw
    verdict: Verdict
    seconds: float
    run_id: str | None = None

    @property
    def score(self) -> float | None:
        return next((row.score for row in self.trials if row.number == self.best), None)


@told
def search_options(
    library: Library,
    space: Space = USUAL,
    *,
    trials: int = TRIALS,
    workers: int = 1,
    seed: int = 0,
    on_progress: Progress = silent,
    on_note: Note = lambda _: None,
) -> SearchReport:
    """Try settings on about half of the labelled people, then judge the best one on the others.

    A search that was stopped goes on where it was: trials are kept in the library's folder. The same command in a
    second shell, or `workers`, try beside each other.

    Args:
        trials: in all, those of earlier runs included.
        workers: processes that try at the same time.
    Raises:
        NotEnoughData: too few people are labelled to try on some and judge on others.
        WrongUse: less than one trial or worker.
        Unavailable: MLflow cannot be reached; at the start, before any work.
    """
    if trials < 1 or workers < 1:
        raise WrongUse(f"trials={trials}, workers={workers}: give one or more of each")
    started = time.monotonic()
    with library.tracking.run(
        "search",
        parameters={"objective": space.objective, "trials": trials, "space": space.to_json()},
        library=library_snapshot(library.repository),
    ) as run:
        problem = Problem.of(library, space)
        with studies.alone(library.settings.home) as is_alone:
            study = problem.study(seed=seed)
            there_before = len(study.get_trials(deepcopy=False))
            begun_again = studies.begin_dead_trials_again(study) if is_alone else 0
            if not there_before:
                study.enqueue_trial(space.nearest(problem.in_use))
            elif there_before > begun_again:
                on_note(f"{there_before} trials of this search are there already: going on with them")
            _try(library, problem, study, trials=trials, workers=workers, seed=seed, on_progress=on_progress)
        found = judged(problem, study)
        rows = studies.rows_of(study)
        report = SearchReport(
            study=study.study_name,
            objective=space.objective,
            trials=rows,
            there_before=there_before,
            begun_again=begun_again,
            best=study.best_trial.number,
            options=dict(study.best_trial.params),
            importance=studies.importance(study),
            comparison=found,
            verdict=verdict(found, challenger=search.FOUND, rivals=[search.IN_USE]),
            seconds=time.monotonic() - started,
            run_id=run.id,
        )
        _record(run, report)
    return report


def apply_found(library: Library, *, study: str = "", actor: str, reason: str | None = None) -> OwnOptions:
    """Let this library's commands use the options that a search found, where nobody gives another.

    Args:
        study: the first letters of its name; empty: the search that was judged last.
        reason: lets options in that the gate refused.
    Raises:
        NotFound: there is no such search.
        Conflict: the gate refused what it found, and nobody says why it should hold all the same.
    """
    home = library.settings.home
    found = studies.newest_study(home, study)
    compared = from_json(found.user_attrs["comparison"])
    said = verdict(compared, challenger=search.FOUND, rivals=[search.IN_USE])
    if not said.promotes and not (reason or "").strip():
        why = " · ".join(said.reasons)
        raise Conflict(f"what {found.study_name} found is refused ({why}): to use it all the same give --reason TEXT")
    options = found.user_attrs["found"]
    why = reason or f"found by the search {found.study_name}: {said.reasons[0]}"
    return set_own_options(home, by_command(options), actor=actor, why=why)


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What is asked about, and by which options now."""

    home: Any
    space: Space
    in_use: dict[str, Any]
    labels: str
    searched: search.Stored
    kept_apart: search.Stored

    @classmethod
    def of(cls, library: Library, space: Space) -> Problem:
        stored, faces, _, _ = read_stored(library)
        is_searched = np.array([_is_searched(label) for label in faces.labels])
        sides = search.set_aside(stored, is_searched)
        return cls(library.settings.home, space, options_in_use(library), faces.label_hash, *sides)

    def study(self, *, seed: int, worker: int = 0) -> Any:
        asked = hashlib.sha256(f"{self.space.to_json()}{json.dumps(self.in_use, sort_keys=True)}".encode()).hexdigest()
        name = f"{self.space.objective}-{asked[:8]}-{self.labels[:8]}"
        lower = self.space.objective == WRONG
        return studies.open_study(self.home, name, lower_is_better=lower, seed=seed, worker=worker)

    def objective(self, trial: Any) -> float:
        """Of one trial, given up where its first folds are worse than the usual trial's."""
        import optuna

        setting, score = {**self.in_use, **self.space.suggest(trial)}, float("nan")
        try:
            for step, score in enumerate(search.scores(self.searched, setting, self.space.objective)):
                trial.report(score, step)
                if trial.should_prune():
                    raise optuna.TrialPruned
        except (NotEnoughData, WrongUse) as error:
            trial.set_user_attr(studies.WHY, str(error))
            raise optuna.TrialPruned from error
        return score


class Read(NamedTuple):
    """A library's faces, row for row."""

    stored: search.Stored  # in no groups yet
    faces: LibraryFaces
    facts: FaceFacts
    names: dict[UUID, str]  # of people


def read_stored(library: Library) -> Read:
    """Everything that is asked about. Raises NotEnoughData where no face was found yet."""
    with library.repository.read() as unit:
        faces, facts, contract = unit.vectors.everybody(), unit.vectors.facts(), unit.contract.pinned()
        names = unit.people.names()
    if contract is None:
        raise NotEnoughData("no face was found yet: `faceml faces backfill` finds faces")
    number = {person_id: row for row, person_id in enumerate(faces.people)}
    people = np.array([number[label] if label else STRANGER for label in faces.labels], np.int64)
    groups = np.full(len(people), -1)
    album = Album(faces.vectors, people, faces.photos, faces.quality, contract.match_threshold, groups, groups)
    return Read(search.Stored(album, facts.confidence, facts.sizes_px), faces, facts, names)


def options_in_use(library: Library) -> dict[str, Any]:
    """Every option that can be searched, as this library's commands take it now."""
    own = own_options(library.settings.home)
    found = defaults()
    found |= by_step(own) if own else {}
    for name, registry, plain in (("matcher", library.matchers, "plain"), ("model", library.registry, "raw")):
        if found[f"assign.{name}"] != plain:
            found[f"assign.{name}"] = "champion" if _has_champion(library, registry) else plain
    return found


def _has_champion(library: Library, registry: ModelRegistry[Any]) -> bool:
    champion = registry.state().champion
    return champion is not None and not champion.mismatch(library.repository.pack())


def _is_searched(person_id: UUID | None) -> bool:
    """Half of all people, the same ones whoever else is labelled later."""
    if person_id is None:
        return False
    return hashlib.blake2b(person_id.bytes, digest_size=1).digest()[0] < 256 * search.SEARCHED_SHARE


def _try(
    library: Library, problem: Problem, study: Any, *, trials: int, workers: int, seed: int, on_progress: Progress
) -> None:
    context = multiprocessing.get_context("spawn")
    others = [
        context.Process(target=_work, args=(library.settings, problem.space, trials, seed, worker))
        for worker in range(1, workers)
    ]
    for other in others:
        other.start()
    try:
        studies.work_on(
            study,
            problem.objective,
            trials=trials,
            on_trial=lambda: on_progress(min(trials, len(study.get_trials(deepcopy=False))), trials),
        )
    finally:
        for other in others:
            other.join()


def _work(settings: Settings, space: Space, trials: int, seed: int, worker: int) -> None:
    """What a further process does."""
    library = open_library(settings)
    problem = Problem.of(library, space)
    studies.work_on(problem.study(seed=seed, worker=worker), problem.objective, trials=trials, on_trial=lambda: None)
    library.close()


def judged(problem: Problem, study: Any) -> Comparison:
    """The best against what is in use; of a best that was judged before, what was found then."""
    try:
        best = study.best_trial
    except ValueError as error:
        whys = [row.why for row in studies.rows_of(study) if row.why]
        raise NotEnoughData(f"no trial came to its end: {whys[-1] if whys else 'ask for more trials'}") from error
    if study.user_attrs.get("best") == best.number:
        return from_json(study.user_attrs["comparison"])
    tries = 1 + studies.count_judged(problem.home, problem.labels)
    found = {**problem.in_use, **best.params}
    compared = search.judge(problem.kept_apart, found, problem.in_use, problem.space.objective, tries=tries)
    for name, value in {
        "labels": problem.labels,
        "judged": study.user_attrs.get("judged", 0) + 1,
        "judged_at": datetime.now(UTC).isoformat(),
        "comparison": compared.to_json(),
        "found": dict(best.params),
        "best": best.number,
    }.items():
        study.set_user_attr(name, value)
    return compared


def _record(run: Any, report: SearchReport) -> None:
    from faceml.plots.search import draw_search

    for row in report.trials:
        run.child(**trial_run(row, report.objective))
    run.metrics({**(report.comparison.metrics() if report.comparison else {}), "best": report.score})
    run.metrics({"trials": len(report.trials), "seconds": report.seconds})
    run.tags(report.verdict.as_tags())
    run.tags({f"found.{name}": value for name, value in report.options.items()})
    for name, figure in draw_search(report.trials, report.importance, report.objective, report.best).items():
        run.figure(name, figure)
