"""What a person may choose for a step: each option's name, default, unit, range and help, said once.

Commands, jobs, request bodies and services take these records; notebooks and pipelines are compared with them by a
test (docs/decisions/0023-options-said-once.md). A record is checked when it is made, so the same value is refused in
the same words whichever door it came through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Self

from faceml.errors import WrongUse

LARGEST = 2**53 - 1  # a whole number that SQL, JSON and a double all hold exactly
AUTO = "auto"  # a threshold calibrated on the library's labels
MONTH = r"[12][0-9]{3}-(0[1-9]|1[0-2])"
RATIO = r"0|1|[01]\.0+|0\.[0-9]+"  # a threshold in quotes, as pipelines have them
VERSION = r"(face-projection/)?[1-9][0-9]{0,8}"
MATCHER_VERSION = r"(face-matcher/)?[1-9][0-9]{0,8}"
MONTH_FORM, DAY_FORM = "a month as YYYY-MM, like 2025-12", "a day as YYYY-MM-DD, like 2025-12-23"
PULL = 100.0  # weight decay of heads that have a start worth staying near, see docs/decisions/0018-the-default-head.md
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
        """What a text typed in a shell stands for; the text itself where that is no number.

        >>> [item.read("5") for item in options_of(ClusterOptions)[-3:]]
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
            raise WrongUse(f"{self.name}={_shown(value)} is not {self.expected}")
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


def _share(default: float | None, help: str, **more: Any) -> Any:
    return option(default, help, kind=float, least=0, most=1, **more)


def _model() -> Any:
    words = "Vectors to compare: champion, raw, or a version's number."
    known = ("champion", "challenger", "raw")
    return option("champion", words, choices=known, pattern=VERSION, form="the number of a version", is_numbered=True)


def _matcher() -> Any:
    words = "How people are told apart: champion, plain, or a version's number."
    known, form = ("champion", "challenger", "plain"), "the number of a version"
    return option("champion", words, choices=known, pattern=MATCHER_VERSION, form=form, is_numbered=True)


def check_one_way(model: str | int, matcher: str | int) -> None:
    """Raises WrongUse where a projection and a matcher are both asked for: each is a way of its own."""
    if str(matcher) not in ("champion", "plain") and str(model) not in ("champion", "raw"):
        raise WrongUse(
            f"matcher={str(matcher)!r} has a whitening of its own and compares no vectors of model={str(model)!r}: "
            "leave one of them out"
        )


@dataclass(frozen=True)
class DetectOptions(StepOptions):
    """How faces are looked for; `limit` and `offset` choose among the photos that wait."""

    limit: int = option(1000, "Number of assets to process.", unit="photos")
    offset: int = option(0, "Starting offset.", unit="photos")
    min_confidence: float = _share(0.5, "Detection confidence threshold.")
    min_face_size: int = option(20, "Minimum width and height in pixels.", unit="pixels", least=1, most=100_000)


@dataclass(frozen=True)
class ClusterOptions(StepOptions):
    """How the faces that nobody named are grouped."""

    quality_threshold: float = _share(0.5, "Minimum quality score.")
    max_faces: int = option(50_000, "Maximum faces to cluster.", unit="faces", least=1)
    min_cluster_size: int = option(5, "HDBSCAN min_cluster_size.", unit="faces", least=2, most=10_000)
    min_samples: int = option(3, "HDBSCAN min_samples.", unit="faces", least=1, most=10_000)
    time_bucket: str | None = option(
        None, "Only photos taken in this month, YYYY-MM.", kind=str, pattern=MONTH, form=MONTH_FORM
    )
    min_cohesion: float | None = option(
        None, "Drop faces less similar than this to the rest of their cluster.", kind=float, least=-1, most=1
    )
    model: str = _model()

    @property
    def month(self) -> tuple[datetime, datetime] | None:
        """The first instant of the time bucket and of the month after it, UTC.

        >>> [day.date().isoformat() for day in ClusterOptions(time_bucket="2025-12").month]
        ['2025-12-01', '2026-01-01']
        """
        if self.time_bucket is None:
            return None
        start = datetime.strptime(self.time_bucket, "%Y-%m").replace(tzinfo=UTC)
        return start, start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)


@dataclass(frozen=True)
class DualOptions(StepOptions):
    """How known people are named and the rest is grouped."""

    person_threshold: float | str = _share(0.7, "Similarity to a person, or auto.", choices=(AUTO,), pattern=RATIO)
    unknown_method: str = option("hdbscan", "{choices}.", choices=("hdbscan", "dbscan", "agglomerative"))
    unknown_min_cluster_size: int = option(
        3, "Minimum faces of an unknown cluster.", unit="faces", least=2, most=10_000, shell="unknown_min_size"
    )
    unknown_eps: float = option(0.5, "Distance for dbscan and agglomerative.", most=2, open_end="least")
    max_faces: int = option(50_000, "Maximum faces to process.", unit="faces", least=1)
    one_face_a_photo: bool = option(False, "A person is on a photo once; the less similar go to review.")
    model: str = _model()
    matcher: str = _matcher()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_way(self.model, self.matcher)


def parse_since(text: str) -> datetime:
    """An instant from YYYY-MM-DD or an ISO date and time; without a zone it is UTC.

    Raises:
        WrongUse: it is neither.

    >>> parse_since("2025-12-23").isoformat()
    '2025-12-23T00:00:00+00:00'
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongUse(f"since={_shown(text)} is not {DAY_FORM}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True)
class AssignOptions(StepOptions):
    """How people are recognised."""

    since: str | None = option(None, "Only faces created after YYYY-MM-DD.", kind=str, parse=parse_since, form=DAY_FORM)
    max_faces: int = option(1000, "Maximum faces to process.", unit="faces", least=1)
    threshold: float | str = _share(
        0.6, "Similarity threshold, or auto.", choices=(AUTO,), pattern=RATIO, api="similarity_threshold"
    )
    model: str = _model()
    matcher: str = _matcher()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_way(self.model, self.matcher)

    @property
    def found_since(self) -> datetime | None:
        return parse_since(self.since) if self.since else None


HEADS = ("linear", "documented", "residual", "whitening", "pca", "lda")
LAYERED = ("documented", "residual")  # with a hidden layer


@dataclass(frozen=True)
class TrainOptions(StepOptions):
    """How a projection is learned: the specification's, but for the head (docs/decisions/0018-the-default-head.md)."""

    epochs: int = option(20, "Training iterations, {range}.", least=10, most=100)
    margin: float = option(0.2, "Triplet loss margin, {range}.", least=0.1, most=0.5)
    batch_size: int = option(32, "Triplets per batch, {range}.", unit="triplets", least=16, most=128)
    min_faces: int = option(
        5, "Exclude people with fewer faces.", unit="faces", least=2, most=10_000, api="min_faces_per_person"
    )
    learning_rate: float = option(1e-4, "Optimizer learning rate, {range}.", least=1e-5, most=1e-3)
    quality_threshold: float = _share(0.5, "Minimum face quality score.")
    head: str = option("linear", f"Or {', '.join(HEADS[1:])}.", choices=HEADS)
    loss: str = option("triplet", "{choices} (margin in radians).", choices=("triplet", "supcon", "arcface"))
    mining: str = option("random", "Of triplets: {choices}.", choices=("random", "semi-hard", "batch-hard"))
    dropout: float = _share(0.0, "Share of the hidden layer left out a step.", open_end="most")
    weight_decay: float | None = option(
        None, f"Pull back to where the head starts ({PULL:g}; documented head: 0).", kind=float, most=1e5
    )
    patience: int = option(5, "Stop after this many epochs without a better validation loss.", least=1, most=100)
    seed: int = option(0, "The same seed and labels give the same model.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss != "triplet" and self.mining != "random":
            raise WrongUse(f"mining={self.mining!r} chooses triplets, and loss={self.loss!r} has none: leave it out")
        if self.dropout and self.head not in LAYERED:
            raise WrongUse(
                f"dropout={self.dropout:g} needs a hidden layer, and head={self.head!r} has none: leave it out"
            )
        if (self.weight_decay or 0) * self.learning_rate >= 1:
            raise WrongUse(
                f"weight_decay={self.weight_decay:g} is not below 1 / learning_rate ({1 / self.learning_rate:g})"
            )


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


def _shown(value: Any) -> str:
    """A value for a message: 2.0 as 2, so that it reads alike from a shell and from JSON."""
    text = repr(value)
    text = text.removesuffix(".0") if isinstance(value, float) else text
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
