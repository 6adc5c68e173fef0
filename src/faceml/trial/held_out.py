"""Candidates measured side by side on people that their heads were not trained on.

Each fold's people are compared among themselves only, since each fold has a head, and so a space, of its own. One
bootstrap over people serves all candidates and measures: a gain is a difference within the same draw of people, so what
makes a draw hard for both does not blur it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, WrongUse
from faceml.metrics.identification import Estimate
from faceml.trial import measures
from faceml.trial.comparison import CONFIDENCE, RAW, WRONG, Comparison, Gain
from faceml.trial.measures import PAIR_FARS, Draws, Projected, Trial

RESAMPLES = 400
LOWER_IS_BETTER = frozenset({"eer", WRONG})


def compare(
    trial: Trial,
    candidates: Mapping[str, Projected],
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Comparison:
    """Measure every candidate, and every one against every other.

    The measure that decides is TAR at the strictest false-accept rate that the trial's pairs can show (EER where they
    show no rate): it follows from how many faces there are, never from how anybody did.

    Raises:
        WrongUse: there is no candidate "raw".
    """
    if RAW not in candidates:
        raise WrongUse(f"a comparison of {', '.join(candidates) or 'nothing'} lacks {RAW!r}, which it is made against")
    trial = trial.held_out_only()
    draws = Draws.of(trial, resamples, seed)
    drawn: dict[str, dict[str, NDArray[np.float64]]] = {}
    missing: dict[str, str] = {}
    for name, projected in candidates.items():
        drawn[name] = _measure(trial, projected.of(trial), draws, seed, missing)
    for figures in drawn.values():
        for measure in missing:
            figures.pop(measure, None)  # what one candidate lacks is left out for all
    return replace(
        summarise(drawn, _primary(drawn[RAW]), confidence),
        missing=missing,
        people=trial.several,
        faces=len(trial.labels),
        folds=len(np.unique(trial.folds)),
    )


def summarise(
    drawn: Mapping[str, Mapping[str, NDArray[np.float64]]], primary: str | None, confidence: float
) -> Comparison:
    """Figures and gains of what was drawn: candidate → measure → (1 + R,) the figure, then one a draw.

    Every candidate has the same measures; one is "raw". Who was asked about is left to the caller.
    """
    names = [RAW, *(name for name in drawn if name != RAW)]
    return Comparison(
        candidates=tuple(names),
        measured={name: {m: _estimate(values, confidence) for m, values in drawn[name].items()} for name in names},
        gains=tuple(
            _gain(name, rival, measure, drawn, confidence)
            for name in names[1:]
            for rival in names
            if rival != name
            for measure in drawn[name]
        ),
        primary=primary,
        missing={},
        people=0,
        faces=0,
        folds=0,
        confidence=confidence,
    )


def _measure(
    trial: Trial, projected: Projected, draws: Draws, seed: int, missing: dict[str, str]
) -> dict[str, NDArray[np.float64]]:
    """Measure → (1 + R,) the figure, then one a draw; why there is no figure goes to `missing`."""
    found = {}
    for family, names in measures.FAMILIES:
        try:
            figures = family(trial, projected, draws, seed)
        except NotEnoughData as error:
            missing.update(dict.fromkeys(names, str(error)))
            continue
        for name, (values, reason) in figures.items():
            if reason or np.isnan(values[0]):
                missing[name] = reason or "no held-out face could be judged: label more people"
            else:
                found[name] = values
    return found


def _primary(figures: Mapping[str, object]) -> str | None:
    return next((name for name in (*reversed(PAIR_FARS), "eer") if name in figures), None)


def _gain(
    name: str, rival: str, measure: str, drawn: Mapping[str, Mapping[str, NDArray[np.float64]]], confidence: float
) -> Gain:
    sign = -1 if measure in LOWER_IS_BETTER else 1
    found = _estimate(sign * (drawn[name][measure] - drawn[rival][measure]), confidence)
    return Gain(name, rival, measure, found.value, found.low, found.high)


def _estimate(values: NDArray[np.float64], confidence: float) -> Estimate:
    """The first of the values, with the interval of all; no figure is -0.0."""
    low, high = np.nanquantile(values, ((1 - confidence) / 2, (1 + confidence) / 2))
    return Estimate(*(float(value) + 0.0 for value in (values[0], min(low, values[0]), max(high, values[0]))))
