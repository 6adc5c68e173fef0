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
        parameters:                      # each must be set in the notebook's cell tagged `parameters`
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
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from faceml.errors import WrongUse
from faceml.home import from_home
from faceml.options import (
    LARGEST,
    AssignOptions,
    ClusterOptions,
    DetectOptions,
    DualOptions,
    Option,
    SplitOptions,
    StepOptions,
    TrainOptions,
    options_of,
)
from faceml.path_text import path_of, path_text
from faceml.pipelines.cron import check_cron
from faceml.pipelines.notebooks import declared_parameters
from faceml.pipelines.references import Reference, fill, known_names, one_reference, references_in
from faceml.pipelines.yaml_file import Section, YamlFile, read_yaml


class ParameterType(StrEnum):
    STR = "str"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    PATH = "path"  # made absolute from the folder the run was started in
    FLOAT_OR_AUTO = "float or auto"  # a number, or auto: read off the library's labels


_Path = Annotated[Path, BeforeValidator(lambda value: path_of(value) if isinstance(value, str) else value)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_TYPES: Mapping[ParameterType, tuple[TypeAdapter[Any], str]] = {
    ParameterType.STR: (TypeAdapter(Annotated[str, Field(coerce_numbers_to_str=True)]), "give one text"),
    ParameterType.INT: (TypeAdapter(int), "give a whole number"),
    ParameterType.FLOAT: (TypeAdapter(_Number), "give a number"),
    ParameterType.BOOL: (TypeAdapter(bool), "give true or false"),
    ParameterType.PATH: (TypeAdapter(_Path), "give a path"),
    ParameterType.FLOAT_OR_AUTO: (TypeAdapter(_Number | Literal["auto"]), "give a number, or auto"),
}


def _by_name(*records: type[StepOptions]) -> dict[str, Option]:
    return {item.shell_name: item for record in records for item in options_of(record)}


_OPTIONS: Mapping[str, Mapping[str, Option]] = {  # by notebook; those of one name have one range
    "00_ingest": _by_name(DetectOptions),
    "01_detect": _by_name(DetectOptions),
    "02_cluster": _by_name(ClusterOptions, DualOptions),
    "04_train": _by_name(TrainOptions),
    "06_assign": _by_name(AssignOptions),
    "10_split": _by_name(SplitOptions),
}


def _named(pattern: str, allowed: str) -> AfterValidator:
    def check(name: str) -> str:
        if not re.fullmatch(pattern, name):
            raise ValueError(f"{name!r} may hold only {allowed}; rename it")
        return name

    return AfterValidator(check)


def _found(notebook: Path, info: ValidationInfo[Path]) -> Path:
    notebook = (info.context.parent / notebook).resolve()
    if not notebook.is_file():
        raise ValueError(f"there is no notebook {notebook}; the path starts at the folder of this file")
    return notebook


_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Name = Annotated[_Text, _named(r"[a-z0-9][a-z0-9_-]*", "a-z, 0-9, - and _")]  # becomes the name of a folder or file
_PythonName = Annotated[str, _named(r"[A-Za-z_]\w*", "letters, digits and _, as in Python")]
_OrEmpty = BeforeValidator(lambda value: {} if value is None else value)


class Parameter(Section):
    """What `-p name=value` may set."""

    type: ParameterType
    default: Any = None  # None may be a default that is written, too
    help: _Text = ""

    @property
    def required(self) -> bool:
        return "default" not in self.model_fields_set

    def convert(self, value: Any, *, folder: Path) -> Any:
        """Turn a value, or a text as typed after `-p`, into the type; a relative path starts at `folder`.

        Raises:
            ValueError: it is not of the type; says what to give instead.
        """
        if value is None or (value == "null" and not self.required and self.default is None):
            return None
        return _converted(self.type, value, folder)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        """A default alone: the type is taken from it."""
        if isinstance(value, dict):
            return value
        kind = type(value).__name__
        if kind not in ("bool", "int", "float", "str"):
            raise ValueError("its type is not clear; write it as {type: str, default: null}")
        return {"type": kind, "default": value}

    @field_validator("default")
    @classmethod
    def _default_fits(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and "type" in info.data:
            try:
                _converted(info.data["type"], value, Path())
            except ValueError as error:
                raise ValueError(f"the default {value!r} is not of type {info.data['type']}: {error}") from error
        return value


class Step(Section):
    """One notebook of a pipeline; values may hold `${…}` references."""

    name: _Name
    notebook: Annotated[Path, AfterValidator(_found)]  # absolute
    parameters: Annotated[dict[str, Any], _OrEmpty] = Field(default_factory=dict)
    when: Annotated[Reference, BeforeValidator(one_reference)] | None = None  # skip the step where this is falsy

    def parameters_with(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Its parameters with the pipeline's values in place; what an earlier step gives stays a reference."""

        def lookup(reference: Reference) -> Any:
            return values[reference.name] if reference.step is None else f"${{{reference}}}"

        return dict(fill(self.parameters, lookup))

    def check_options(self, values: Mapping[str, Any]) -> None:
        """Raises WrongUse where one of faceml's own notebooks would refuse a value, in the words of all doors."""
        for name, value in self.parameters_with(values).items():
            option = _OPTIONS.get(self.notebook.stem, {}).get(name)
            if option and not any(reference.step for reference in references_in(self.parameters[name])):
                option.checked(value)


class Pipeline(Section):
    name: _Name
    description: _Text = ""
    cron: Annotated[_Text, AfterValidator(check_cron)] | None = None
    parameters: Annotated[dict[_PythonName, Parameter], _OrEmpty] = Field(default_factory=dict)
    steps: tuple[Step, ...]

    def bind(self, given: Mapping[str, Any], *, folder: Path) -> dict[str, Any]:
        """The values of one run: what is given, else the defaults.

        Raises:
            WrongUse: a name that the pipeline does not know, a value of the wrong type or outside its option's range,
                or a required one missing.
        """
        for name in given:
            if name not in self.parameters:
                hint = known_names(name, self.parameters)
                raise WrongUse(f"The pipeline {self.name} has no parameter {name!r}; {hint}")
        values = {name: self._value(name, given, folder) for name in self.parameters}
        for step in self.steps:
            step.check_options(values)
        return values

    def _value(self, name: str, given: Mapping[str, Any], folder: Path) -> Any:
        parameter = self.parameters[name]
        value = given.get(name, parameter.default)
        if parameter.required and value is None:
            raise WrongUse(
                f"The pipeline {self.name} needs the parameter {name} ({parameter.help or parameter.type});"
                f" add -p {name}=…"
            )
        try:
            return parameter.convert(value, folder=folder)
        except ValueError as error:
            raise WrongUse(
                f"The parameter {name}={value!r} of the pipeline {self.name} is not of type {parameter.type}: {error}"
            ) from error


def read_pipeline(path: Path) -> Pipeline:
    """Read and check a pipeline, its notebooks' parameters included; nothing is executed.

    Raises:
        FileNotReadable: the file cannot be read.
        WrongUse: there is a mistake in it; the message names file, line and fix.
    """
    file = read_yaml(Path(path))
    pipeline = file.read_as(Pipeline)
    if not pipeline.steps:
        raise file.wrong(("steps",), "steps is empty; add at least one `- name: …` with its notebook")
    names = [step.name for step in pipeline.steps]
    for number, step in enumerate(pipeline.steps):
        _check_step(file, pipeline, names, number, step)
    return pipeline


def _check_step(file: YamlFile, pipeline: Pipeline, names: Sequence[str], number: int, step: Step) -> None:
    """The names that a step uses must be known, results by the time it runs."""
    at = ("steps", number)
    if step.name in names[:number]:
        raise file.wrong((*at, "name"), f"the step {step.name!r} is there twice; give steps different names")
    try:
        declared = declared_parameters(step.notebook)
    except WrongUse as error:
        raise file.wrong((*at, "notebook"), str(error)) from error
    for name, value in step.parameters.items():
        place = (*at, "parameters", name)
        if name not in declared:
            hint = known_names(name, declared) if declared else "no cell tagged `parameters` sets any"
            raise file.wrong(place, f"the notebook has no parameter {name!r}; {hint}")
        try:
            for reference in references_in(value):
                _check_reference(reference, pipeline, names, number)
        except ValueError as error:
            raise file.wrong(place, f"{name}: {error}") from error
    try:
        if step.when is not None:
            _check_reference(step.when, pipeline, names, number)
    except ValueError as error:
        raise file.wrong((*at, "when"), f"when: {error}") from error


def _check_reference(reference: Reference, pipeline: Pipeline, names: Sequence[str], number: int) -> None:
    """Raises ValueError where the step of this number may not use it."""
    if reference.step is None:
        if reference.name not in pipeline.parameters:
            hint = known_names(reference.name, pipeline.parameters)
            raise ValueError(f"${{{reference}}} names no parameter of this pipeline; {hint}")
    elif reference.step not in names[:number]:
        if reference.step in names:
            raise ValueError(f"${{{reference}}} refers to a step that has not run by then; move that step up")
        raise ValueError(f"${{{reference}}} names no step; {known_names(reference.step, names[:number])}")


def _converted(kind: ParameterType, value: Any, folder: Path) -> Any:
    """Raises ValueError with what to give instead."""
    adapter, advice = _TYPES[kind]
    if isinstance(value, str) and not value.strip() and kind is not ParameterType.STR:
        raise ValueError(f"it is empty; {advice}")
    if isinstance(value, bool) and kind is not ParameterType.BOOL:  # to Python it is a number
        raise ValueError(advice)
    try:
        found = adapter.validate_python(value)
    except ValidationError:
        raise ValueError(advice) from None
    if isinstance(found, int) and abs(found) > LARGEST:
        raise ValueError("it is too large")
    return path_text((folder / from_home(found)).resolve()) if isinstance(found, Path) else found
