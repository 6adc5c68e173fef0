"""Which options a search tries, and from where to where: what a SPACE.yaml says, checked by the options themselves.

    objective: wrong
    options:
      assign: {matcher: [plain, champion], threshold: [auto, 0.4, 0.5]}
      train: {weight_decay: {from: 1, to: 1000, log: true}}

Options are those of `faceml.options`, by the command whose they are; each has either a list of values, or a range.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from faceml.errors import WrongUse
from faceml.option import Option, StepOptions, shown
from faceml.options import AssignOptions, ClusterOptions, DetectOptions, TrainOptions, options_of

Setting = Mapping[str, Any]  # "cluster.min_samples" → its value

STEPS: Mapping[str, type[StepOptions]] = {
    "detect": DetectOptions,
    "cluster": ClusterOptions,
    "assign": AssignOptions,
    "train": TrainOptions,
}
WRONG, GROUPING = OBJECTIVES = ("wrong", "grouping")
_OF_PHOTOS = ("detect.min_confidence", "detect.min_face_size")
_OF_GROUPS = "quality_threshold min_cluster_size min_samples min_cohesion method min_similarity metric"
_OF_HEADS = "epochs margin batch_size min_faces learning_rate quality_threshold head loss mining dropout weight_decay"
SEARCHED: Mapping[str, tuple[str, ...]] = {  # what each objective can see a difference of
    WRONG: (
        *_OF_PHOTOS,
        *(f"assign.{name}" for name in ("threshold", "model", "matcher")),
        *(f"train.{name}" for name in _OF_HEADS.split()),
    ),
    GROUPING: (*_OF_PHOTOS, *(f"cluster.{name}" for name in f"{_OF_GROUPS} cluster_selection_epsilon".split())),
}
# A way is plain or made anew from the labels of each question; which of the registered ones is in use says nothing.
_MADE = {"assign.model": ("raw", "champion"), "assign.matcher": ("plain", "champion")}


class Suggests(Protocol):
    """A trial of Optuna's, as far as a space needs it."""

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...
    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...
    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...


@dataclass(frozen=True, slots=True)
class Axis:
    """What one option may be: one of some values, or anything in a range."""

    name: str  # "cluster.min_samples"
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    is_whole: bool = False

    def suggest(self, trial: Suggests) -> Any:
        if self.values:
            return trial.suggest_categorical(self.name, self.values)
        if self.is_whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=self.is_log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.is_log)

    def holds(self, value: Any) -> bool:
        """Whether a trial could have this value."""
        if self.values:
            return value in self.values
        return type(value) in (int, float) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Space:
    objective: str
    axes: tuple[Axis, ...]

    @classmethod
    def of(cls, content: Any) -> Space:
        """Read what a SPACE.yaml holds.

        Raises:
            WrongUse: the line names the key or the option, the value, and what would fit.
        """
        if not isinstance(content, Mapping) or set(content) - {"objective", "options"} or "options" not in content:
            raise WrongUse(f"a space has `options`, and may have `objective`; this one has {_keys(content)}")
        objective = content.get("objective", WRONG)
        if objective not in OBJECTIVES:
            raise WrongUse(f"objective={shown(objective)} is not {' or '.join(OBJECTIVES)}")
        found = [
            _axis(f"{step}.{name}", given, objective)
            for step, options in _mapping(content["options"], "options").items()
            for name, given in _mapping(options, str(step)).items()
        ]
        if not found:
            raise WrongUse("a space without options leaves nothing to try: name one or more under `options`")
        return cls(objective, tuple(found))

    @property
    def digest(self) -> str:
        """Two spaces with the same digest ask for the same trials."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:8]

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    def suggest(self, trial: Suggests) -> dict[str, Any]:
        """What a trial asks for."""
        return {axis.name: axis.suggest(trial) for axis in self.axes}

    def nearest(self, setting: Setting) -> dict[str, Any]:
        """Those options of a setting that a trial could have; the others are left to the trial."""
        return {axis.name: setting[axis.name] for axis in self.axes if axis.holds(setting.get(axis.name))}


def alone(objective: str, setting: Setting) -> dict[str, Any]:
    """What a SPACE.yaml says that tries one setting and no other.

    >>> alone("wrong", {"assign.threshold": 0.4})
    {'objective': 'wrong', 'options': {'assign': {'threshold': [0.4]}}}
    """
    options: dict[str, dict[str, list[Any]]] = {}
    for full, value in setting.items():
        step, _, name = full.partition(".")
        options.setdefault(step, {})[name] = [value]
    return {"objective": objective, "options": options}


def defaults() -> dict[str, Any]:
    """Every option that can be searched, at its default."""
    return {
        f"{step}.{item.name}": item.default
        for step, record in STEPS.items()
        for item in options_of(record)
        if any(f"{step}.{item.name}" in names for names in SEARCHED.values())
    }


def _axis(name: str, given: Any, objective: str) -> Axis:
    if name not in SEARCHED[objective]:
        known = ", ".join(SEARCHED[objective])
        raise WrongUse(f"{name} is no option that objective {objective} sees a difference of: there are {known}")
    step, _, option_name = name.partition(".")
    item = next(found for found in options_of(STEPS[step]) if found.name == option_name)
    if isinstance(given, list) and given:
        return Axis(name, values=tuple(_checked(name, item, value) for value in given))
    if isinstance(given, Mapping) and {"from", "to"} <= set(given) <= {"from", "to", "log"}:
        return _range(name, item, given)
    raise WrongUse(f"{name}={shown(given)} is neither a list of values nor {{from: …, to: …, log: true}}")


def _range(name: str, item: Option, given: Mapping[str, Any]) -> Axis:
    low, high, is_log = item.checked(given["from"]), item.checked(given["to"]), given.get("log", False)
    if item.kind not in (int, float) or not all(type(end) in (int, float) for end in (low, high)) or low >= high:
        raise WrongUse(f"{name} from {shown(low)} to {shown(high)} is no range of numbers: write a list of values")
    if type(is_log) is not bool or (is_log and low <= 0):
        raise WrongUse(f"{name} from {shown(low)}, log={shown(is_log)}: a range by powers begins above 0")
    return Axis(name, low=low, high=high, is_log=is_log, is_whole=item.kind is int)


def _checked(name: str, item: Option, value: Any) -> Any:
    made = _MADE.get(name)
    if made and value not in made:
        raise WrongUse(f"{name}={shown(value)} is not {' or '.join(made)}: a search makes heads and matchers anew")
    return item.checked(value)


def _mapping(content: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise WrongUse(f"{name}={shown(content)} is not a mapping: write `option: [values]` below it")
    return content


def _keys(content: Any) -> str:
    return ", ".join(map(str, content)) if isinstance(content, Mapping) and content else "no keys"


# What is tried where nobody wrote a space: the ways of telling people apart.
USUAL = Space.of(
    {
        "objective": WRONG,
        "options": {
            "assign": {"matcher": ["plain", "champion"], "model": ["raw", "champion"], "threshold": ["auto", 0.6]},
            "train": {"head": ["whitening", "linear"], "weight_decay": {"from": 1, "to": 1000, "log": True}},
            "detect": {"min_confidence": {"from": 0.5, "to": 0.9}},
        },
    }
)
