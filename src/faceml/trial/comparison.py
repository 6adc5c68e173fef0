"""Ways of representing a face, compared on people whom no way was trained on; and what the comparison allows.

Every figure comes from identity-disjoint folds (`faceml.trial.held_out`). A *gain* is how much better a challenger is
than a rival, above 0 whichever way the measure points, with the interval of a bootstrap that draws the same people for
both. Docs: docs/decisions/0017-when-a-head-is-let-in.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from faceml.errors import WrongUse
from faceml.metrics.identification import Estimate

WRONG = "wrong"  # the measure that decides where photos of known people could be held out, see `faceml.trial.gate`
RAW = "raw"  # the candidate that every comparison has: embeddings as the pack makes them
# A threshold trades one for the other, so neither alone is a loss; their F is judged.
HALVES = frozenset({"assignment_precision", "assignment_recall"})
CONFIDENCE = 0.95
LEAST_PEOPLE = 10  # held out, with two faces or more: fewer say nothing about people not seen yet


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better the challenger is than the rival in one measure; above 0 is better, whatever the measure."""

    challenger: str
    rival: str
    measure: str
    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Better beyond the noise."""
        return self.low > 0

    @property
    def is_loss(self) -> bool:
        """Worse beyond the noise."""
        return self.high < 0

    def __str__(self) -> str:
        tie = "does not differ beyond the noise from"
        outcome = "beats" if self.is_clear else "loses to" if self.is_loss else tie
        figures = f"{self.value:+.4f}, interval {self.low:+.4f} to {self.high:+.4f}"
        return f"{self.challenger} {outcome} {self.rival} in {self.measure} ({figures})"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the challenger was made, so that a later run can make it again without the people it asks about."""

    options: Mapping[str, Any]  # of `faceml.training.options.Options`
    min_faces: int  # people with fewer were left out
    faces: str  # marks of the faces it learned from, see `faceml.trial.heads`


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured of each candidate, and of each pair of them, on the same held-out people."""

    candidates: tuple[str, ...]  # "raw" first
    measured: Mapping[str, Mapping[str, Estimate]]  # candidate → measure → figure
    gains: tuple[Gain, ...]  # each candidate but raw against each other one
    primary: str | None  # the measure that decides; None where nothing could be measured
    missing: Mapping[str, str]  # measure → why there is no figure
    people: int  # held out in turn, with two faces or more
    faces: int  # all that took part, those of people with one face included
    folds: int
    confidence: float  # of every interval but those of the deciding gains, see `tries`
    recipe: Recipe | None = None
    tries: int = 1  # settings tried on the same labels: the deciding gains' intervals are wider for it

    @classmethod
    def of_nothing(
        cls,
        candidates: Sequence[str],
        why: Mapping[str, str],
        *,
        people: int = 0,
        faces: int = 0,
        recipe: Recipe | None = None,
    ) -> Comparison:
        """Nothing could be measured, and why: measure → reason."""
        measured: dict[str, dict[str, Estimate]] = {name: {} for name in candidates}
        return cls(tuple(candidates), measured, (), None, why, people, faces, 0, CONFIDENCE, recipe)

    def decided_by(self, photos: Comparison) -> Comparison:
        """This one with what the same candidates did on new photos, which decides where anything could be asked."""
        return replace(
            self,
            measured={name: {**photos.measured[name], **self.measured[name]} for name in self.candidates},
            gains=(*photos.gains, *self.gains),
            primary=photos.primary if photos.folds else self.primary,
            missing={**photos.missing, **self.missing},
            tries=photos.tries,
        )

    def gain(self, challenger: str, rival: str, measure: str) -> Gain | None:
        """None where it was not measured."""
        wanted = (challenger, rival, measure)
        return next((g for g in self.gains if (g.challenger, g.rival, g.measure) == wanted), None)

    def unmeasured(self) -> list[tuple[str, str]]:
        """Measures without a figure, those of one reason together: "eer, bcubed_f" and why."""
        by_reason: dict[str, list[str]] = {}
        for measure, why in self.missing.items():
            by_reason.setdefault(why, []).append(measure)
        return [(", ".join(measures), why) for why, measures in by_reason.items()]

    def metrics(self) -> dict[str, float]:
        """Every figure as `candidate.measure`, for a run."""
        return {f"{name}.{m}": figure.value for name, figures in self.measured.items() for m, figure in figures.items()}

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a challenger may become champion, and why, in words."""

    promotes: bool
    reasons: tuple[str, ...]

    def as_tags(self) -> dict[str, str]:
        """Of the run that asked for it."""
        return {"verdict": "promotes" if self.promotes else "refuses", "verdict.reasons": " · ".join(self.reasons)}


def from_json(text: str) -> Comparison:
    """What `Comparison.to_json` wrote.

    Raises:
        WrongUse: it is something else.
    """
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(Comparison).validate_json(text)
    except ValueError as error:
        raise WrongUse("this is not a comparison as faceml writes it: train the version again") from error


def verdict(comparison: Comparison, *, challenger: str, rivals: Sequence[str]) -> Verdict:
    """Let the challenger in only if it beats every rival beyond the noise in the primary measure and loses in no other.

    Being better than each rival is required of one measure named before anything is trained, so the number of
    measures cannot make a lucky winner: the others can only refuse. A tie is refused.

    Raises:
        WrongUse: a name that the comparison does not hold, or no rival.
    """
    for name in (challenger, *rivals):
        if name not in comparison.candidates:
            raise WrongUse(f"{name!r} is not in this comparison of {', '.join(comparison.candidates)}")
    if not rivals or challenger in rivals:
        raise WrongUse(f"{challenger!r} needs rivals other than itself; every comparison holds {RAW!r}")
    if comparison.primary is None:
        reason = comparison.missing.get(WRONG) or "nothing could be measured on held-out people: label more people"
        return Verdict(False, (reason,))
    if comparison.people < LEAST_PEOPLE:
        reason = (
            f"{comparison.people} people with two faces or more were held out; fewer than {LEAST_PEOPLE} say "
            "nothing about people not seen yet: label more people"
        )
        return Verdict(False, (reason,))
    found = [_against(comparison, challenger, rival) for rival in rivals]
    return Verdict(all(part.promotes for part in found), tuple(reason for part in found for reason in part.reasons))


def _against(comparison: Comparison, challenger: str, rival: str) -> Verdict:
    measure = str(comparison.primary)
    gain = comparison.gain(challenger, rival, measure)
    if gain is None:
        return Verdict(False, (f"{challenger} was not measured against {rival} in {measure}: compare them again",))
    between = [g for g in comparison.gains if (g.challenger, g.rival) == (challenger, rival)]
    losses = [g for g in between if g.is_loss and g.measure not in HALVES]
    reasons = [str(gain), *(str(g) for g in losses if g.measure != measure)]
    return Verdict(gain.is_clear and not losses, tuple(reasons))
