"""A pipeline's YAML file, read into frozen records.

    name: nightly                        # required; a-z 0-9 - _
    description: New photos, every night
    cron: "0 3 * * *"                    # minute hour day month weekday; only `faceml pipeline schedule` reads it
    parameters:                          # what -p NAME=VALUE may set
      photos:                            # no default: the run must give it
        type: path                       # str, int, float, bool, path (made absolute from the current folder)
                                         # or "float or auto"
        help: folder with new photos
      min_cluster_size: 3                # short form: the default, its type taken from it
    steps:                               # run one after the other; a failed step stops the run
      - name: detect                     # required, unique
        notebook: ../notebooks/01_detect.ipynb   # required; from the folder of this file
        parameters:                      # each must stand in the notebook's cell tagged `parameters`
          photos: ${parameters.photos}
      - name: cluster
        notebook: ../notebooks/02_cluster.ipynb
        when: ${steps.detect.new_faces}  # skipped when that is 0, empty, false or null
        parameters:
          min_cluster_size: ${parameters.min_cluster_size}

`${parameters.NAME}` is a parameter of the pipeline; `${steps.STEP.RESULT}` is what an earlier step's notebook gave to
`faceml.pipelines.results.report(RESULT=…)`. A value that is one reference keeps its type. A skipped step has no
results: a `when` that asks for one is false, and a parameter that uses one is left to the notebook's own default.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceml.errors import WrongUse
from faceml.pipelines.cron import parse_cron
from faceml.pipelines.located_yaml import Located, read_located
from faceml.pipelines.notebooks import declared_parameters
from faceml.pipelines.parameters import Parameter, ParameterType, convert, type_of
from faceml.pipelines.references import Reference, parse_reference, references_in
from faceml.pipelines.suggest import known_names

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")  # names become folders and file names
_PARAMETER_NAME = re.compile(r"[A-Za-z_]\w*\Z")


@dataclass(frozen=True, slots=True)
class Step:
    """One notebook of a pipeline; values may hold `${…}` references."""

    name: str
    notebook: Path  # absolute
    parameters: dict[str, Any]
    when: Reference | None  # skip the step where this is falsy


@dataclass(frozen=True, slots=True)
class Pipeline:
    path: Path
    name: str
    description: str
    cron: str | None
    parameters: tuple[Parameter, ...]
    steps: tuple[Step, ...]


def read_pipeline(path: Path) -> Pipeline:
    """Read and check a pipeline, its notebooks' parameters included; nothing is executed.

    Raises:
        FileNotReadable: the file cannot be read.
        WrongUse: something in it cannot be; the message names file, line and fix.
    """
    path = Path(path)
    document = read_located(path)
    entries = document.keys("a pipeline", required=("name", "steps"), optional=("description", "cron", "parameters"))
    parameters = _parameters(entries["parameters"]) if "parameters" in entries else ()
    return Pipeline(
        path=path.resolve(),
        name=_name(entries["name"], "the pipeline's name"),
        description=entries["description"].text("description") if "description" in entries else "",
        cron=_cron(entries["cron"]) if "cron" in entries else None,
        parameters=parameters,
        steps=_steps(entries["steps"], parameters),
    )


def _name(entry: Located, what: str) -> str:
    name = entry.text(what)
    if not _NAME.match(name):
        raise entry.wrong(f"{what} {name!r} may hold only a-z, 0-9, - and _; rename it")
    return name


def _cron(entry: Located) -> str:
    cron = entry.text("cron")
    try:
        return parse_cron(cron).text
    except ValueError as error:
        raise entry.wrong(f"cron {cron!r}: {error}") from error


def _parameters(entry: Located) -> tuple[Parameter, ...]:
    if entry.value is None:
        return ()
    return tuple(_parameter(name, value) for name, value in entry.mapping("parameters").items())


def _parameter(name: str, entry: Located) -> Parameter:
    if not _PARAMETER_NAME.match(name):
        raise entry.wrong(f"the parameter {name!r} must be a Python name (letters, digits, _); rename it")
    if not isinstance(entry.value, dict):
        kind = type_of(entry.plain())
        if kind is None:
            raise entry.wrong(f"the type of {name} is not clear; write `{name}: {{type: str, default: null}}`")
        return Parameter(name, kind, entry.plain(), required=False)
    fields = entry.keys(f"the parameter {name}", required=("type",), optional=("default", "help"))
    kind_name = fields["type"].text("type")
    if kind_name not in set(ParameterType):
        raise fields["type"].wrong(f"{name} has no type {kind_name!r}; {known_names(kind_name, list(ParameterType))}")
    default = fields["default"].plain() if "default" in fields else None
    explanation = fields["help"].text("help") if "help" in fields else ""
    parameter = Parameter(name, ParameterType(kind_name), default, "default" not in fields, explanation)
    try:
        convert(parameter, default, folder=Path())
    except ValueError as error:
        raise fields["default"].wrong(f"the default {default!r} of {name} is no {kind_name}: {error}") from error
    return parameter


def _steps(entry: Located, parameters: Sequence[Parameter]) -> tuple[Step, ...]:
    items = entry.items("steps")
    if not items:
        raise entry.wrong("steps is empty; add at least one `- name: …` with its notebook")
    names = [_step_name(item) for item in items]
    for number, item in enumerate(items):
        if names[number] in names[:number]:
            raise item.wrong(f"the step {names[number]!r} stands twice; steps need different names")
    scope = _Scope([parameter.name for parameter in parameters], names)
    return tuple(_step(item, names[:number], scope) for number, item in enumerate(items))


def _step_name(item: Located) -> str:
    fields = item.keys("a step", required=("name", "notebook"), optional=("parameters", "when"))
    return _name(fields["name"], "the step's name")


@dataclass(frozen=True, slots=True)
class _Scope:
    """The names a reference may use."""

    parameters: Sequence[str]
    steps: Sequence[str]

    def check(self, entry: Located, reference: Reference, earlier: Sequence[str]) -> None:
        if reference.step is None:
            if reference.name not in self.parameters:
                hint = known_names(reference.name, self.parameters)
                raise entry.wrong(f"${{{reference}}} names no parameter of this pipeline; {hint}")
        elif reference.step not in earlier:
            if reference.step in self.steps:
                raise entry.wrong(f"${{{reference}}} asks for a step that has not run by then; move that step up")
            raise entry.wrong(f"${{{reference}}} names no step; {known_names(reference.step, earlier)}")


def _step(item: Located, earlier: Sequence[str], scope: _Scope) -> Step:
    fields: dict[str, Located] = item.value
    notebook = (item.path.parent / fields["notebook"].text("notebook")).resolve()
    if not notebook.is_file():
        raise fields["notebook"].wrong(f"there is no notebook {notebook}; the path starts at the folder of this file")
    try:
        declared = declared_parameters(notebook)
    except WrongUse as error:
        raise fields["notebook"].wrong(str(error)) from error
    values = _step_values(fields["parameters"], declared, earlier, scope) if "parameters" in fields else {}
    when = _when(fields["when"], earlier, scope) if "when" in fields else None
    return Step(fields["name"].text("name"), notebook, values, when)


def _step_values(entry: Located, declared: Sequence[str], earlier: Sequence[str], scope: _Scope) -> dict[str, Any]:
    if entry.value is None:
        return {}
    values = entry.mapping("a step's parameters")
    for name, value in values.items():
        if name not in declared:
            hint = known_names(name, declared) if declared else "it has no cell tagged `parameters` that sets anything"
            raise value.wrong(f"the notebook has no parameter {name!r}; {hint}")
        try:
            references = list(references_in(value.plain()))
        except ValueError as error:
            raise value.wrong(f"{name}: {error}") from error
        for reference in references:
            scope.check(value, reference, earlier)
    return {name: value.plain() for name, value in values.items()}


def _when(entry: Located, earlier: Sequence[str], scope: _Scope) -> Reference:
    text = entry.text("when")
    if not (text.startswith("${") and text.endswith("}") and text.count("${") == 1):
        raise entry.wrong(f"when {text!r} must be one reference, as in ${{steps.detect.new_photos}}")
    try:
        reference = parse_reference(text[2:-1])
    except ValueError as error:
        raise entry.wrong(f"when: {error}") from error
    scope.check(entry, reference, earlier)
    return reference
