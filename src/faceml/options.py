"""What a person may choose for a step: each option's name, default, unit, range and help, said once.

Commands, jobs, request bodies and services take these records; notebooks and pipelines are compared with them by a
test (docs/decisions/0023-options-said-once.md). A record is checked when it is made, so the same value is refused in
the same words whichever door it came through (`faceml.option`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from faceml.errors import WrongUse
from faceml.option import LARGEST as LARGEST
from faceml.option import Option as Option
from faceml.option import StepOptions as StepOptions
from faceml.option import option, shown
from faceml.option import options_of as options_of

AUTO = "auto"  # a threshold calibrated on the library's labels, or a size that follows the photo
DETECTION_SIZES_PX = (320, 640, 1024, 1600)
USUAL_SIZE_PX = 640  # that auto begins with
MONTH = r"[12][0-9]{3}-(0[1-9]|1[0-2])"
RATIO = r"0|1|[01]\.0+|0\.[0-9]+"  # a threshold in quotes, as pipelines have them
VERSION = r"(face-projection/)?[1-9][0-9]{0,8}"
MATCHER_VERSION = r"(face-matcher/)?[1-9][0-9]{0,8}"
MONTH_FORM, DAY_FORM = "a month as YYYY-MM, like 2025-12", "a day as YYYY-MM-DD, like 2025-12-23"
METRICS = ("euclidean", "cosine")  # distances between unit vectors, both 0 to 2
PULL = 100.0  # weight decay of heads that have a start worth staying near, see docs/decisions/0018-the-default-head.md


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


def _refit() -> Any:
    return option(True, "Fit the library's matcher again afterwards, where it has one and labels changed enough.")


def _neighbours() -> Any:
    words = "Which faces hdbscan and linkage compare: {choices}; auto: all, up to 100,000 faces."
    return option("auto", words, choices=("auto", "exact", "approximate"))


def check_one_way(model: str | int, matcher: str | int) -> None:
    """Raises WrongUse where a projection and a matcher are both asked for: each is a way of its own."""
    if str(matcher) not in ("champion", "plain") and str(model) not in ("champion", "raw"):
        raise WrongUse(
            f"matcher={str(matcher)!r} has a whitening of its own and compares no vectors of model={str(model)!r}: "
            "leave one of them out"
        )


@dataclass(frozen=True)
class MachineOptions(StepOptions):
    """Where the work of a step is done; of commands and notebooks alone (docs/decisions/0054-past-one-machine.md)."""

    on: str | None = option(
        None,
        "Other machines that do the work: ray, or ray://HOST:PORT.",
        kind=str,
        pattern=r"ray(://[^/\s]+:[0-9]{1,5})?",
        form="ray or ray://HOST:PORT",
    )


@dataclass(frozen=True)
class DetectOptions(StepOptions):
    """How faces are looked for; `limit` and `offset` choose among the photos that wait."""

    limit: int = option(1000, "Number of assets to process.", unit="photos")
    offset: int = option(0, "Starting offset.", unit="photos")
    min_confidence: float = _share(0.5, "Detection confidence threshold.")
    min_face_size: int = option(20, "Minimum width and height in pixels.", unit="pixels", least=1, most=100_000)
    detection_size: str = option(
        AUTO,
        "Pixels that a photo's longer side is shrunk to: {choices}; auto: 640, and closer where faces are small.",
        choices=(AUTO, *map(str, DETECTION_SIZES_PX)),
        is_numbered=True,
    )

    @property
    def size_px(self) -> int | None:
        """As a pack's detector takes it."""
        return None if self.detection_size == AUTO else int(self.detection_size)


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
    method: str = option("hdbscan", "{choices}.", choices=("hdbscan", "linkage"))
    min_similarity: float | None = option(None, "Mean similarity that linkage asks for.", kind=float, least=-1, most=1)
    model: str = _model()
    cluster_selection_epsilon: float = option(0.0, "HDBSCAN keeps clusters nearer than this together.", most=2)
    metric: str = option("euclidean", "Distance of HDBSCAN: {choices}.", choices=METRICS)
    refit: bool = _refit()
    neighbours: str = _neighbours()

    @property
    def month(self) -> tuple[datetime, datetime] | None:
        """The first instant of the time bucket and of the month after it, by the clock of where photos were taken.

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
    unknown_method: str = option("hdbscan", "{choices}.", choices=("hdbscan", "dbscan", "agglomerative", "linkage"))
    unknown_min_cluster_size: int = option(
        3, "Minimum faces of an unknown cluster.", unit="faces", least=2, most=10_000, shell="unknown_min_size"
    )
    unknown_eps: float = option(
        0.5, "Distance for dbscan and agglomerative: cosine, 1 less the similarity.", most=2, open_end="least"
    )
    max_faces: int = option(50_000, "Maximum faces to process.", unit="faces", least=1)
    one_face_a_photo: bool = option(False, "A person is on a photo once; the less similar go to review.")
    model: str = _model()
    matcher: str = _matcher()
    unknown_min_samples: int = option(
        2, "Faces near a dense one, for hdbscan and dbscan.", unit="faces", least=1, most=10_000
    )
    unknown_linkage: str = option(
        "average", "Between groups, for agglomerative: {choices}.", choices=("average", "complete", "single")
    )
    unknown_metric: str = option("cosine", "What unknown_eps measures: {choices}.", choices=METRICS[::-1])
    refit: bool = _refit()
    neighbours: str = _neighbours()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_way(self.model, self.matcher)


@dataclass(frozen=True)
class SplitOptions(StepOptions):
    """How one cluster is taken apart."""

    min_cluster_size: int = option(3, "Minimum faces of a part.", unit="faces", least=2, most=10_000)


def parse_since(text: str) -> datetime:
    """An instant from YYYY-MM-DD or an ISO date and time; a day begins where this machine is, unless a zone is given.

    Raises:
        WrongUse: it is neither.

    >>> parse_since("2025-12-23T00:00+01:00").isoformat()
    '2025-12-23T00:00:00+01:00'
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongUse(f"since={shown(text)} is not {DAY_FORM}") from error
    if moment.tzinfo:
        return moment
    try:
        return moment.astimezone()
    except (ValueError, OverflowError, OSError):  # before the first day of the machine's calendar
        return moment.replace(tzinfo=UTC)


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
