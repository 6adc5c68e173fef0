"""One option of a step: its name, kind, default, unit, range and help, and whether a value is one.

`faceml.options` is the list of them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from faceml.errors import WrongUse

LARGEST = 2**53 - 1  # a whole number that SQL, JSON and a double all hold exactly
SHOWN = 60  # characters of a value that is refused


@dataclass(frozen=True, slots=True)
class Option:
    """One option; made by `option`, listed by `options_of`."""

    kind: type  # int, float, str or bool
    help: str  # `{range}` and `{choices}` stand for those below
    name: str = ""  # of the record's field, and in every message
    default: Any = None  # None: may be left out
    least: float = 0
    most: float = LARGEST
    open_end: str = ""  # "least" or "most", where that end itself is outside
    unit: str = ""
    choices: tuple[str, ...] = ()  # words that it may be
    pattern: str = ""  # of other texts, and in words:
    form: str = ""
    is_numbered: bool = False  # a whole number stands for its digits
    parse: Callable[[str], object] | None = None  # raises WrongUse where a text does not fit
    shell: str = ""  # its name in commands, notebooks and pipelines, where that is another
    api: str = ""  # its name in jobs and request bodies, where that is another

    @property
    def shell_name(self) -> str:
        return self.shell or self.name

    @property
    def api_name(self) -> str:
        return self.api or self.name

    @property
    def words(self) -> str:
        """The help with its range and choices."""
        return self.help.format(range=f"{_plain(self.least)} to {_plain(self.most)}", choices=_either(self.choices))

    @property
    def expected(self) -> str:
        """What would have been right, for a message: "a number from 0 to 1 or auto"."""
        if self.kind is bool:
            return "true or false"
        if self.kind is str:
            return _either((*self.choices, *([self.form] if self.form else [])))
        low = f"above {_plain(self.least)} up" if self.open_end == "least" else f"from {_plain(self.least)}"
        high = f"to below {_plain(self.most)}" if self.open_end == "most" else f"to {_plain(self.most)}"
        number = "a whole number" if self.kind is int else "a number"
        return _either((f"{number}{self.unit and f' of {self.unit}'} {low} {high}", *self.choices))

    def read(self, text: str) -> Any:
        """What a text typed in a shell stands for; the text itself where it is not a number.

        >>> from faceml.options import ClusterOptions
        >>> [item.read("5") for item in options_of(ClusterOptions)[6:9]]
        ['5', 5, '5']
        """
        for number in (int, float) if self.kind in (int, float) else ():
            try:
                return number(text)
            except ValueError:
                continue
        return text

    def checked(self, value: Any) -> Any:
        """The value as the step takes it: 5.0 as 5, and a text left empty as None.

        Raises:
            WrongUse: it does not fit; the line names the option, the value and what would.
        """
        if self.default is None and (value is None or (value == "" and self.kind is str)):
            return None
        if self.is_numbered and type(value) in (int, float) and value == value // 1:
            value = str(int(value))
        if self.parse is not None and isinstance(value, str):
            self.parse(value)
        elif not self._fits(value):
            raise WrongUse(f"{self.name}={shown(value)} is not {self.expected}")
        is_number = self.kind in (int, float) and value not in self.choices
        return self.kind(value) if is_number else value

    def _fits(self, value: Any) -> bool:
        if isinstance(value, str):
            return value in self.choices or (self.pattern != "" and re.fullmatch(self.pattern, value) is not None)
        if isinstance(value, bool) or self.kind is bool:
            return self.kind is bool and isinstance(value, bool)
        if self.kind is str or not isinstance(value, int | float):
            return False
        if self.kind is int and value != value // 1:
            return False
        ends = {"least": self.least, "most": self.most}
        return self.least <= value <= self.most and value != ends.get(self.open_end)


def option(default: Any, help: str, *, kind: type | None = None, **more: Any) -> Any:
    """A field of a record: its kind is that of its default, but where that is None."""
    return field(default=default, metadata={"option": Option(kind or type(default), help, default=default, **more)})


def options_of(record: type[StepOptions]) -> tuple[Option, ...]:
    """The options of a record, in its order."""
    return tuple(replace(item.metadata["option"], name=item.name) for item in fields(record))


@dataclass(frozen=True)
class StepOptions:
    """What every step's options share: making one raises WrongUse for a value of the wrong type or out of range."""

    def __post_init__(self) -> None:
        for item in options_of(type(self)):
            object.__setattr__(self, item.name, item.checked(getattr(self, item.name)))

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """From the names of jobs and request bodies; what is not given has its default."""
        return cls(**{item.name: parameters[item.api_name] for item in options_of(cls) if item.api_name in parameters})

    def parameters(self) -> dict[str, Any]:
        """Under the names of jobs and request bodies; `of` reads them."""
        return {item.api_name: getattr(self, item.name) for item in options_of(type(self))}


def _plain(number: float) -> str:
    """
    >>> _plain(1e-05), _plain(10_000), _plain(LARGEST)
    ('0.00001', '10,000', '2^53 - 1')
    """
    if number == LARGEST:
        return "2^53 - 1"
    return f"{number:,}" if isinstance(number, int) else f"{number:,.9f}".rstrip("0").rstrip(".")


def _either(words: tuple[str, ...]) -> str:
    return " or ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def shown(value: Any) -> str:
    """A value for a message: 2.0 as 2, so that it reads alike from a shell and from JSON."""
    text = repr(value)
    text = text.removesuffix(".0") if isinstance(value, float) else text
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
