"""A pipeline's parameters: their types, their defaults, and the values of one run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceml.errors import WrongUse
from faceml.options import AUTO, LARGEST
from faceml.pipelines.suggest import known_names

if TYPE_CHECKING:
    from faceml.pipelines.definition import Pipeline

_YES, _NO = {"true", "yes", "1", "on"}, {"false", "no", "0", "off"}


class ParameterType(StrEnum):
    STR = "str"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    FLOAT_OR_AUTO = "float or auto"  # a number, or the word auto: it is read off the library's labels
    PATH = "path"  # made absolute from the folder the run was started in


@dataclass(frozen=True, slots=True)
class Parameter:
    """What `-p name=value` may set."""

    name: str
    type: ParameterType
    default: Any  # None may be a default, too
    required: bool
    help: str = ""


def type_of(value: Any) -> ParameterType | None:
    """The type a plain default has; None where it tells nothing.

    >>> type_of(True), type_of(3), type_of(None)
    (<ParameterType.BOOL: 'bool'>, <ParameterType.INT: 'int'>, None)
    """
    # bool first: it is an int to Python.
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return ParameterType(kind.__name__)
    return None


def convert(parameter: Parameter, value: Any, *, folder: Path) -> Any:
    """Turn a value, or a text as typed after `-p`, into the parameter's type; a path becomes absolute from `folder`.

    Raises:
        ValueError: it cannot be.
    """
    if value is None or (not parameter.required and parameter.default is None and value == "null"):
        return None
    if isinstance(value, str) and not value.strip() and parameter.type is not ParameterType.STR:
        raise ValueError("it is empty")
    return _CONVERTERS[parameter.type](value, folder)


def bind(pipeline: Pipeline, given: Mapping[str, Any], *, folder: Path) -> dict[str, Any]:
    """The values of one run: what is given, else the defaults.

    Raises:
        WrongUse: a name that the pipeline does not know, a value of the wrong type, or a required one missing.
    """
    known = {parameter.name: parameter for parameter in pipeline.parameters}
    for name in given:
        if name not in known:
            raise WrongUse(f"The pipeline {pipeline.name} has no parameter {name!r}; {known_names(name, known)}")
    return {name: _value(pipeline, parameter, given, folder) for name, parameter in known.items()}


def _value(pipeline: Pipeline, parameter: Parameter, given: Mapping[str, Any], folder: Path) -> Any:
    if parameter.required and given.get(parameter.name) is None:
        raise WrongUse(
            f"The pipeline {pipeline.name} needs the parameter {parameter.name} ({parameter.help or parameter.type});"
            f" add -p {parameter.name}=…"
        )
    value = given.get(parameter.name, parameter.default)
    try:
        return convert(parameter, value, folder=folder)
    except ValueError as error:
        raise WrongUse(
            f"The parameter {parameter.name}={value!r} of the pipeline {pipeline.name} is no {parameter.type}: {error}"
        ) from error


def _to_str(value: Any, _: Path) -> str:
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("give one text")


def _to_int(value: Any, _: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("give a whole number")
    try:
        number = int(value)
    except ValueError:
        raise ValueError("give a whole number") from None
    if abs(number) > LARGEST:
        raise ValueError("it is too large")
    return number


def _to_float(value: Any, _: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("give a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError("give a number") from None
    if not math.isfinite(number):
        raise ValueError("give a number")
    return number


def _to_float_or_auto(value: Any, folder: Path) -> float | str:
    return AUTO if value == AUTO else _to_float(value, folder)


def _to_bool(value: Any, _: Path) -> bool:
    word = str(value).strip().lower()
    if isinstance(value, bool | str) and word in _YES | _NO:
        return word in _YES
    raise ValueError("give true or false")


def _to_path(value: Any, folder: Path) -> str:
    if not isinstance(value, str | Path):
        raise ValueError("give a path")
    return str((folder / Path(value).expanduser()).resolve())


_CONVERTERS: dict[ParameterType, Callable[[Any, Path], Any]] = {
    ParameterType.STR: _to_str,
    ParameterType.INT: _to_int,
    ParameterType.FLOAT: _to_float,
    ParameterType.BOOL: _to_bool,
    ParameterType.FLOAT_OR_AUTO: _to_float_or_auto,
    ParameterType.PATH: _to_path,
}
