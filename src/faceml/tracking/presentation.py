"""What a run says of itself on MLflow's pages: a name that tells what it was, a description, and its data.

Pure: `mlflow_store` writes it. The names of tags are MLflow's own (`mlflow.utils.mlflow_tags`).
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from faceml.tracking.provenance import as_words
from faceml.tracking.spool import HELD, as_text
from faceml.tracking.unattended import notebook_shell
from faceml.trial.search_space import alone

NOTE = "mlflow.note.content"
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",  # the page opens on the table of runs
    NOTE: "Runs of faceml: what each step of a library was made with, on which data, and what came of it.",
}
_SOURCE, _SOURCE_TYPE, _USER = "mlflow.source.name", "mlflow.source.type", "mlflow.user"
_NOTEBOOK = "NOTEBOOK"
_RUN_AS_MODULE = "__main__.py"  # python -m faceml
_DIGEST = 36  # characters that MLflow takes
_NO_VALUE = as_text(None)
_NO_PACK = "nothing detected yet"
# How each kind is told apart at a glance: parameters, metrics and tags by their names. What a run lacks is left out.
_TITLES: Mapping[str, tuple[str, ...]] = {
    "ingest": ("{new_photos:.0f} new photos",),
    "detect": ("{faces:.0f} faces", "{processed:.0f} photos"),
    "cluster": ("{method} {min_cluster_size}/{min_samples}", "{mode}", "{clusters_found:.0f} groups"),
    "split": ("{parts:.0f} parts",),
    "label": ("{people:.0f} people", "{faces_labeled:.0f} faces named"),
    "fit-matcher": ("{people:.0f} people", "{verdict}"),
    "train": ("{head}", "{epochs} epochs", "TAR@FAR=1% {head.tar_far_1e-2:.3f}", "{verdict}"),
    "evaluate": ("version {version:.0f}", "TAR@FAR=1% {head.tar_far_1e-2:.3f}", "{verdict}"),
    "search": ("{objective}", "{trials:.0f} trials", "best {best:.4f}", "{verdict}"),
    "tune": ("{faces_dismissed:.0f} faces dismissed",),
    "assign": ("threshold {threshold}", "{assigned:.0f} of {processed:.0f} named"),
}


def title(name: str, kind: str, values: Mapping[str, str | float]) -> str:
    """A run's name with what it was made with and what came of it.

    >>> title("train", "train", {"head": "linear", "epochs": "10", "head.tar_far_1e-2": 0.98123})
    'train · linear · 10 epochs · TAR@FAR=1% 0.981'
    >>> title("evaluate", "evaluate", {"version": "challenger", "verdict": "refuses"})
    'evaluate · version challenger · refuses'
    >>> title("evaluate", "evaluate", {"version": 1.0})
    'evaluate · version 1'
    >>> title("fold 1", "child", {})
    'fold 1'
    """
    return " · ".join([name, *filter(None, (_filled(part, values) for part in _TITLES.get(kind, ())))])


class Tried(Protocol):
    @property
    def number(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...
    @property
    def seconds(self) -> float: ...
    @property
    def by_fold(self) -> Sequence[float]: ...
    @property
    def why(self) -> str: ...


def trial_run(trial: Tried, objective: str) -> dict[str, Any]:
    """A search's trial as a run within the run, see `Run.child`; one that came to its end, and no other, is FINISHED.

    So `attributes.status = "FINISHED"` on MLflow's page leaves those whose scores compare. The score of one that was
    given up is that of its first folds; one that could not be measured has none, and says why. The score is the only
    metric: MLflow's comparison draws the first that it finds. The file tries the same options again.
    """
    import yaml

    outcome, said = _ended(trial, objective)
    return {
        "name": f"trial {trial.number} · {said}",
        "parameters": trial.options,
        "metrics": {},
        "curves": {objective: list(trial.by_fold)} if trial.by_fold else {},
        "tags": {"state": trial.state, **({"error": trial.why} if trial.why else {})},
        "texts": {"space.yaml": yaml.safe_dump(alone(objective, trial.options), sort_keys=False)},
        "outcome": outcome,
        "seconds": trial.seconds,
    }


def _ended(trial: Tried, objective: str) -> tuple[str, str]:
    """MLflow's word for how a trial ended, and ours."""
    if trial.state == "complete":
        return "FINISHED", f"{objective} {trial.by_fold[-1]:.4f}"
    if trial.state == "fail":
        return "KILLED", "its worker was killed"
    if trial.by_fold:
        return "KILLED", f"given up after fold {len(trial.by_fold)}"
    return "FAILED", "not measured"


def _filled(template: str, values: Mapping[str, str | float]) -> str:
    text = template
    while "{" in text:
        before, _, rest = text.partition("{")
        field, _, after = rest.partition("}")
        name, _, form = field.rpartition(":") if ":" in field else (field, "", "")
        value = values.get(name)
        if value is None or value == _NO_VALUE:
            return ""
        text = f"{before}{_number(value, form) if form else value}{after}"
    return text


def _number(value: str | float, form: str) -> str:
    """A number, or the word that stands in its place, such as "auto"."""
    try:
        return f"{float(value):{form}}"
    except ValueError:
        return str(value)


def note(tags: Mapping[str, str]) -> str:
    """A description in Markdown: what it was, on which data, and the gate's verdict where it gave one.

    >>> note({"kind": "train", "library.total_faces": "12", "library.active_persons": "2", "library.pack": "sface"})
    '**train**, by faceml\\n\\n**Data**: 12 faces, 2 people, pack sface'
    """
    by = f"faceml {as_words(tags)}".strip()
    place = f", step {tags['step']} of the pipeline {tags['pipeline']}" if "step" in tags else ""
    paragraphs = [f"**{tags.get('kind', 'run')}**{place}, by {by}"]
    if held := _held(tags):
        counts = [words.format(held[name]) for name, words in _HELD_WORDS.items() if name in held]
        paragraphs.append(f"**Data**: {', '.join(counts)}")
    if "verdict" in tags:
        reasons = f": {tags['verdict.reasons']}" if tags.get("verdict.reasons") else ""
        paragraphs.append(f"**The gate** {tags['verdict']}{reasons}")
    if "error" in tags:
        paragraphs.append(f"**It failed**: {tags['error']}")
    return "\n\n".join(paragraphs)


_HELD_WORDS = {"total_faces": "{} faces", "total_photos": "{} photos", "active_persons": "{} people", "pack": "pack {}"}


def _held(tags: Mapping[str, str]) -> dict[str, str]:
    held = {name.removeprefix(HELD): value for name, value in tags.items() if name.startswith(HELD)}
    return {name: value for name, value in held.items() if (name, value) != ("pack", _NO_VALUE)}


def dataset(tags: Mapping[str, str]) -> dict[str, str] | None:
    """What the library held, as a dataset of MLflow: two runs have one digest where they began with the same.

    >>> dataset({"library.hash": "c3505c55", "library.pack": "sface", "library.total_faces": "12"})["digest"]
    'c3505c55'
    >>> dataset({"library.hash": "e3b0c442", "library.pack": "none"})["name"]
    'library (nothing detected yet)'
    """
    held = _held(tags)
    if "hash" not in held:
        return None
    hashes = {name: value for name, value in held.items() if name.endswith("hash")}
    profile = {name: int(value) if value.isdigit() else value for name, value in held.items() if name not in hashes}
    return {
        "name": f"library ({held.get('pack', _NO_PACK)})",
        "digest": held["hash"][:_DIGEST],
        "source_type": "faceml",
        "source": json.dumps(hashes, sort_keys=True),
        "profile": json.dumps(profile, sort_keys=True),
    }


def source(notebook: str = "") -> dict[str, str]:
    """Tags: who ran it, and from which notebook or command.

    Args:
        notebook: that a pipeline runs; empty: Jupyter names the one that is open.
    """
    in_kernel = hasattr(notebook_shell(), "kernel")
    opened = notebook or (Path(os.environ.get("JPY_SESSION_NAME", "notebook")).name if in_kernel else "")
    program = Path(sys.argv[0])
    name = program.parent.name if program.name == _RUN_AS_MODULE else program.name
    command = " ".join([name, *(word for word in sys.argv[1:3] if word.replace("-", "").isalpha())])
    kind = _NOTEBOOK if opened else "LOCAL"
    return {_SOURCE: opened or command, _SOURCE_TYPE: kind, **_user()}


def _user() -> dict[str, str]:
    try:
        return {_USER: getpass.getuser()}
    except (KeyError, OSError):  # a number without a name
        return {}
