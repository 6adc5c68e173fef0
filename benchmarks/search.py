"""Does a search of options find better ones than the documented defaults, on people and photos that it never saw?

    python benchmarks/search.py --vectors FILE.npz … --people lfw-gray:90 --pack opencv-zoo --model-root ROOT \
        --trials 60

A file is as benchmarks/recognition.py reads it. Half of the people, drawn at random, are searched on; the process that
searches is killed after a third of the trials, and another one goes on. Then the best trial, the defaults (plain
cosines from 0.6 on) and plain cosines at `auto` are asked about the other half. Labels are shuffled too, for as many
seeds as asked for: what the search finds then must be refused.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fixtures.left_out import leave_out
from heads import around_lines
from recognition import File, add_sources, sources

from faceml.metrics.identification import Estimate
from faceml.services.learn.search import Problem, judged
from faceml.storage import studies
from faceml.trial.comparison import verdict
from faceml.trial.gate import compare_ways
from faceml.trial.recognition import Album
from faceml.trial.search import FOUND, IN_USE, Stored, set_aside, way_of
from faceml.trial.search_space import Space, defaults

BEGIN, END = "<!-- benchmarks/search.py -->", "<!-- end of benchmarks/search.py -->"
SPACE = Space.of(
    {
        "options": {
            "assign": {
                "matcher": ["plain", "champion"],
                "model": ["raw", "champion"],
                "threshold": ["auto", 0.3, 0.35, 0.4, 0.45, 0.5, 0.6],
            },
            "train": {"head": ["whitening"], "min_faces": {"from": 2, "to": 5}, "quality_threshold": [0.0, 0.5]},
        }
    }
)
IN_USE_NOW = {**defaults(), "assign.matcher": "plain", "assign.model": "raw"}  # a library without a champion


def problem_of(album: Album, home: Path, seed: int) -> Problem:
    count = len(album.people)
    people = np.random.default_rng(seed).permutation(int(album.people.max()) + 1) % 2 == 0
    stored = Stored(album, np.ones(count), np.full(count, 1_000))
    return Problem(home, SPACE, IN_USE_NOW, "benchmark", *set_aside(stored, people[album.people]))


def search_until(problem: Problem, trials: int, *, kill_after: int | None = None) -> Any:
    """Try; a process that is to be killed dies in the middle of a trial."""
    with studies.alone(problem.home) as is_alone:
        study = problem.study(seed=0)
        if is_alone:
            studies.begin_dead_trials_again(study)

        def objective(trial: Any) -> float:
            if kill_after is not None and trial.number == kill_after:
                SPACE.suggest(trial)
                sys.stdout.close()
                subprocess.run(["kill", "-9", str(__import__("os").getpid())], check=False)
            return problem.objective(trial)

        if not study.get_trials(deepcopy=False):
            study.enqueue_trial(SPACE.nearest(problem.in_use))
        studies.work_on(study, objective, trials=trials, on_trial=lambda: None)
    return study


def in_a_process_of_its_own(file: File, home: Path, trials: int, kill_after: int) -> int:
    np.savez(home / "album.npz", **{n: getattr(file.album, n) for n in ("vectors", "people", "photos", "quality")})
    code = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent)]!r}\n"
        "from pathlib import Path; import numpy as np; import search as b\n"
        f"home = Path({str(home)!r}); z = np.load(home / 'album.npz')\n"
        f"album = b.Album.of(*(z[n] for n in ('vectors', 'people', 'photos', 'quality')),"
        f" match_threshold={file.album.match_threshold})\n"
        f"b.search_until(b.problem_of(album, home, 0), {trials}, kill_after={kill_after})\n"
    )
    return subprocess.run([sys.executable, "-c", code], check=False).returncode


def row(name: str, figures: Mapping[str, Estimate], measures: list[str], gain: str, word: str) -> str:
    cells = [f"{figures[m].value:.4f} ({figures[m].low:.4f} to {figures[m].high:.4f})" for m in measures]
    return f"| {' | '.join((name, *cells, gain, word))} |"


def section(file: File, trials: int) -> str:
    with tempfile.TemporaryDirectory(prefix="faceml-search-") as folder:
        problem = problem_of(file.album, Path(folder), 0)
        code = in_a_process_of_its_own(file, Path(folder), trials, trials // 3)
        study = search_until(problem, trials)
        found = judged(problem, study)
        said = verdict(found, challenger=FOUND, rivals=[IN_USE])
        auto = {**IN_USE_NOW, "assign.threshold": "auto"}
        best = {**IN_USE_NOW, **study.best_trial.params}
        ways = {"raw": way_of(problem.kept_apart, auto), FOUND: way_of(problem.kept_apart, best)}
        against_auto = compare_ways(problem.kept_apart.album, ways)
        states = [trial.state.name for trial in study.get_trials(deepcopy=False)]
        matters = ", ".join(f"{name} {share:.2f}" for name, share in studies.importance(study).items())
    measures = list(found.measured[IN_USE])
    gain, other = found.gain(FOUND, IN_USE, "wrong"), against_auto.gain(FOUND, "raw", "wrong")
    options = ", ".join(f"{name} {value}" for name, value in study.best_trial.params.items())
    lines = [
        f"## {file.name}",
        "",
        f"{len(states)} trials, {states.count('PRUNED')} of them given up early, killed once after {trials // 3} (exit "
        f"code {code}) and gone on with. Best: {options}. What matters: {matters or 'too few trials to tell'}.",
        f"{found.people} people whom no trial saw.",
        "",
        f"| way | {' | '.join(measures)} | gain in wrong | the gate |",
        "|---" * (len(measures) + 3) + "|",
        row("defaults", found.measured[IN_USE], measures, "", ""),
        row("plain cosines at `auto`", against_auto.measured["raw"], measures, "", ""),
        row(
            "found",
            found.measured[FOUND],
            measures,
            f"{gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})" if gain else "",
            "lets it in" if said.promotes else "refuses",
        ),
    ]
    if other:
        lines += ["", f"Over plain cosines at `auto`: {other.value:+.4f} ({other.low:+.4f} to {other.high:+.4f})."]
    return "\n".join(lines)


def shuffled_section(file: File, trials: int, seeds: int) -> str:
    refused = 0
    for seed in range(seeds):
        rows = np.flatnonzero(file.album.people >= 0)
        people = file.album.people.copy()
        people[rows] = np.random.default_rng(seed).permutation(people[rows])
        with tempfile.TemporaryDirectory(prefix="faceml-search-") as folder:
            problem = problem_of(replace(file.album, people=people), Path(folder), seed)
            said = verdict(judged(problem, search_until(problem, trials)), challenger=FOUND, rivals=[IN_USE])
        refused += not said.promotes
    return (
        f"Labels of {file.name} shuffled, {trials} trials a seed: the winner is refused for {refused} of {seeds} seeds."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_sources(parser)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument(
        "--shuffled", type=int, default=0, metavar="SEEDS", help="of the first file, with a tenth of the trials"
    )
    parser.add_argument("--into", type=Path, help=f"document with the lines {BEGIN} and {END}, to write between them")
    options = parser.parse_args()
    if not options.vectors and not options.people:
        leave_out("it needs --vectors FILE.npz, or --people FOLDER with one folder of photos a person")
    if options.into and len(around_lines(options.into, BEGIN, END)) != 2:
        parser.error(f"{options.into} lacks the lines {BEGIN} and {END}")
    files = list(sources(options))
    parts = [section(file, options.trials) for file in files]
    if options.shuffled:
        parts.append(shuffled_section(files[0], max(6, options.trials // 10), options.shuffled))
    found = "\n\n".join(parts)
    if options.into:
        options.into.write_text(f"{BEGIN}\n\n{found}\n\n{END}".join(around_lines(options.into, BEGIN, END)))
    else:
        print(found)


if __name__ == "__main__":
    main()
