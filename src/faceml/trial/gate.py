"""What the gate asks: are new photos of the people in this library named, and strangers not?

The labels are the questions. Every person is a stranger in one fold, and every photo of theirs is held out of another
one, as if it were new. All ways answer the same questions; what is reported is their difference, with an interval over
people. Who came after a way was fitted is asked about, too: nothing may be lost there.
Docs: docs/decisions/0027-the-gate-asks-about-new-photos.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, WrongUse
from faceml.identity.assignment import NOBODY
from faceml.identity.hdbscan.distances import blocks
from faceml.metrics.identification import Answers, dir_at_far
from faceml.trial.comparison import CONFIDENCE, RAW, WRONG, Comparison, Gain
from faceml.trial.held_out import LOWER_IS_BETTER, RESAMPLES, summarise
from faceml.trial.measures import too_few
from faceml.trial.questions import newcomers, questions
from faceml.trial.recognition import STRANGER, Album, Decisions, Draw, Way

MANY = 0.1  # of the people: those with most faces
OF_THE_MANY, PRECISION = "recall_of_the_many", "precision"
RATES = {"dir@1e-2": 1e-2, "dir@1e-3": 1e-3}
UNSEEN = "dir_unseen@1e-2"
MEASURES = (WRONG, *RATES, PRECISION, OF_THE_MANY, UNSEEN)
SILENT = "silent"  # decisions that are wrong where nobody is named
BEYOND = 25  # resamples, at least, that lie beyond an interval's end
ROWS_AT_ONCE = 500

Times = NDArray[np.float64]  # (1 + R, people) how often each draw of the bootstrap has each; the first row: once


@dataclass(frozen=True, slots=True, eq=False)
class _Answered:
    """What one way said in all folds: of the people of the library, and of those who came later."""

    known: list[Decisions]
    late: list[Decisions]  # one a fold


def compare_ways(
    album: Album,
    ways: Mapping[str, Way],
    *,
    draws: Sequence[Draw] | None = None,
    tries: int = 1,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
    on_fold: Callable[[], None] = lambda: None,
) -> Comparison:
    """Measure every way on the same questions, and every one against every other.

    *Wrong* decides: the share of all decisions at each fold's own threshold that do not give a known person's face to
    them, or give a stranger's to anybody. Whoever tried several settings on the same labels and shows the best one
    pays for it: the intervals of the deciding gains are of confidence 1 - (1 - confidence) / tries (Bonferroni). The
    other measures can only refuse, and keep theirs.

    Args:
        ways: "raw" and those that are to beat it.
        draws: default: `questions(album)`.
        tries: settings tried on these labels, this one included.
        on_fold: called when a way has answered a fold.
    Raises:
        WrongUse: there is no way "raw", or less than one try.
    """
    if RAW not in ways:
        raise WrongUse(f"a comparison of {', '.join(ways) or 'nothing'} lacks {RAW!r}, which it is made against")
    if tries < 1:
        raise WrongUse(f"tries={tries}: this comparison is one itself")
    try:
        asked = questions(album, seed=seed) if draws is None else draws
        if not any((draw.truth[draw.is_asked] != STRANGER).any() for draw in asked):
            raise NotEnoughData("nobody has two labelled photos that are no copies: label more photos")
        answered = {name: _answers(album, way, asked, seed, on_fold) for name, way in ways.items()}
    except NotEnoughData as error:
        why = dict.fromkeys(MEASURES, str(error))
        return Comparison.of_nothing(_raw_first(ways), why, faces=int((album.people >= 0).sum()))
    return replace(_compared(album, answered, tries, resamples, confidence, seed), folds=len(asked))


def _compared(
    album: Album, answered: Mapping[str, _Answered], tries: int, resamples: int, confidence: float, seed: int
) -> Comparison:
    people = np.unique(np.concatenate([found.people for found in answered[RAW].known]))
    many, missing = _the_many(album, answered[RAW], people), _missing(answered[RAW])
    times = _draw_people(len(people), resamples, seed)
    counts = {name: _counts(found.known, people, many) for name, found in answered.items()}
    drawn = {
        name: _shares(counts[name], times) | _rates(found, people, times, missing) for name, found in answered.items()
    }
    says_something = any(_beats_silence(found, confidence, seed) for found in counts.values())
    if not says_something:
        for figures in drawn.values():
            del figures[WRONG]
        missing[WRONG] = "no way names more faces rightly than wrongly: look whether the labels are right"
    found = summarise(drawn, WRONG if says_something else None, confidence)
    levels = {WRONG: 1 - (1 - confidence) / tries, OF_THE_MANY: confidence, PRECISION: confidence}
    return replace(
        found,
        gains=tuple(_wider(g, counts, levels[g.measure], seed) if g.measure in levels else g for g in found.gains),
        missing=missing,
        people=int((counts[RAW][SILENT].hits > 0).sum()),
        faces=int((album.people >= 0).sum()),
        tries=tries,
    )


def _raw_first(ways: Mapping[str, Way]) -> list[str]:
    return [RAW, *(name for name in ways if name != RAW)]


def _answers(album: Album, way: Way, asked: Sequence[Draw], seed: int, on_fold: Callable[[], None]) -> _Answered:
    known, late = [], []
    for draw in asked:
        known.append(way(album, draw))
        later = [way(album, newcomer) for newcomer in newcomers(album, draw, seed=seed)]
        late += [_joined(later)] if later else []
        on_fold()
    return _Answered(known, late)


def _joined(parts: Sequence[Decisions]) -> Decisions:
    """Of one fit, so their scores are alike."""
    return Decisions(
        people=np.concatenate([part.people for part in parts]),
        truth=np.concatenate([part.truth for part in parts]),
        candidate=np.concatenate([part.candidate for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
        threshold=parts[0].threshold,
    )


def _draw_people(people: int, resamples: int, seed: int) -> Times:
    drawn = np.random.default_rng(seed).multinomial(people, np.full(people, 1 / people), size=resamples)
    return np.concatenate((np.ones((1, people)), drawn))


def _missing(answered: _Answered) -> dict[str, str]:
    """Which rates need more strangers: a threshold that fewer than ten may pass is nobody's."""
    strangers, late = (
        sum(int((found.truth == STRANGER).sum()) for found in part) for part in (answered.known, answered.late)
    )
    wanted = {**{name: (strangers, far) for name, far in RATES.items()}, UNSEEN: (late, RATES["dir@1e-2"])}
    why = {name: too_few(count, far, "faces of strangers") for name, (count, far) in wanted.items()}
    return {name: reason for name, reason in why.items() if reason}


def _the_many(album: Album, answered: _Answered, people: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(people,) of those asked about as known, the tenth with most faces."""
    known = np.unique(np.concatenate([found.people[found.truth != STRANGER] for found in answered.known]))
    numbers, counts = np.unique(album.people, return_counts=True)
    sizes = counts[np.searchsorted(numbers, known)]
    most = known[np.argsort(-sizes, kind="stable")[: max(1, round(MANY * len(known)))]]
    is_one_of_many: NDArray[np.bool_] = np.isin(people, most)
    return is_one_of_many


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """By person: how many decisions, and of how many of them something is true."""

    hits: NDArray[np.float64]
    of: NDArray[np.float64]

    @classmethod
    def among(
        cls, codes: NDArray[np.intp], is_hit: NDArray[np.bool_], is_counted: NDArray[np.bool_], n: int
    ) -> _Counts:
        counted = is_counted.astype(np.float64)
        hits, of = np.bincount(codes, counted * is_hit, n), np.bincount(codes, counted, n)
        return cls(hits.astype(np.float64), of.astype(np.float64))

    def share(self, times: Times, nothing: float) -> NDArray[np.float64]:
        """(1 + R,) hits of all; `nothing` where there is nothing to count."""
        hits, of = times @ self.hits, times @ self.of
        shares: NDArray[np.float64] = np.divide(hits, of, out=np.full(len(hits), nothing), where=of > 0)
        return shares


def _counts(known: Sequence[Decisions], people: NDArray[np.int64], many: NDArray[np.bool_]) -> dict[str, _Counts]:
    codes = np.searchsorted(people, np.concatenate([found.people for found in known]))
    truth, named = (np.concatenate([getattr(found, name) for found in known]) for name in ("truth", "named"))
    is_right, is_known, is_any = named == truth, truth != STRANGER, np.ones(len(truth), bool)
    counted = {
        WRONG: (~is_right, is_any),
        SILENT: (is_known, is_any),
        PRECISION: (is_right, named != NOBODY),
        OF_THE_MANY: (is_right, is_known & many[codes]),
    }
    return {name: _Counts.among(codes, *hits, len(people)) for name, hits in counted.items()}


def _shares(counts: Mapping[str, _Counts], times: Times) -> dict[str, NDArray[np.float64]]:
    """Measure → (1 + R,) the share, then one a draw."""
    measures = {WRONG: np.nan, PRECISION: 1.0, OF_THE_MANY: np.nan}
    return {name: counts[name].share(times, nothing) for name, nothing in measures.items()}


def _rates(
    answered: _Answered, people: NDArray[np.int64], times: Times, missing: Mapping[str, str]
) -> dict[str, NDArray[np.float64]]:
    """Measure → (1 + R,) the mean of the folds, each with its own threshold, then one a draw."""
    wanted = {name: (answered.known, far) for name, far in RATES.items()} | {UNSEEN: (answered.late, RATES["dir@1e-2"])}
    return {
        name: np.nanmean([_dir(found, far, people, times) for found in folds], axis=0)
        for name, (folds, far) in wanted.items()
        if name not in missing
    }


def _dir(found: Decisions, far: float, people: NDArray[np.int64], times: Times) -> NDArray[np.float64]:
    """(1 + R,) NaN where a draw lacks known people or strangers."""
    answers = Answers(found.scores, found.candidate == found.truth, found.truth != STRANGER)
    codes = np.searchsorted(people, found.people)
    values = np.full(len(times), np.nan)
    for row, drawn in enumerate(times):
        with suppress(NotEnoughData):
            values[row] = dir_at_far(answers, far, drawn[codes])
    return values


def _wider(gain: Gain, counts: Mapping[str, Mapping[str, _Counts]], confidence: float, seed: int) -> Gain:
    ours, theirs = (counts[name][gain.measure] for name in (gain.challenger, gain.rival))
    sign = -1 if gain.measure in LOWER_IS_BETTER else 1
    if gain.measure == PRECISION:
        around = _around_tie(ours, theirs, confidence)
        low, high = gain.value - around, gain.value + around
    else:
        low, high = share_interval(sign * (ours.hits - theirs.hits), ours.of, confidence, seed)
    return replace(gain, low=min(low, gain.low), high=max(high, gain.high))


def _around_tie(ours: _Counts, theirs: _Counts, confidence: float) -> float:
    """How far apart two shares of unlike many faces may be by chance if both are the same.

    The pooled test of two shares, with fewer faces counted as a person's go together (Rao and Scott 1992). Where one
    way made no error, drawing people anew takes its share for certain; the error that both share does not.
    """
    hits, of = (np.concatenate([getattr(way, name) for way in (ours, theirs)]) for name in ("hits", "of"))
    if not (ours.of.any() and theirs.of.any()):
        return 1.0  # who names nobody has no precision to compare
    both = hits.sum() / of.sum()
    spread = both * (1 - both)
    together = max(1.0, float(((hits - both * of) ** 2).sum() / (spread * of.sum()))) if spread else 1.0
    deviation = np.sqrt(together * spread * (1 / ours.of.sum() + 1 / theirs.of.sum()))
    return float(deviation * NormalDist().inv_cdf((1 + confidence) / 2))


def _beats_silence(counts: Mapping[str, _Counts], confidence: float, seed: int) -> bool:
    """Better beyond the noise than naming nobody, which is wrong about known people's faces only."""
    gained = counts[SILENT].hits - counts[WRONG].hits
    return share_interval(gained, counts[WRONG].of, confidence, seed)[0] > 0


def share_interval(
    gained: NDArray[np.float64], of: NDArray[np.float64], confidence: float, seed: int
) -> tuple[float, float]:
    """Around a gain in a share, the wider of two intervals: people drawn anew, and people's gains of random sign.

    The second is a paired randomisation test (Fisher 1935) turned into an interval. Where few people's decisions differ
    at all, drawing them anew knows no other sign than the one they happen to have: five gains by luck, and it is sure.

    Args:
        gained: (people,) decisions.
        of: (people,) decisions asked.
    """
    tail = (1 - confidence) / 2
    resamples = max(RESAMPLES, int(np.ceil(BEYOND / tail)))
    rng = np.random.default_rng(seed)
    value, differs = gained.sum() / of.sum(), gained[gained != 0]
    drawn, flipped = [], []
    for part in blocks(resamples, ROWS_AT_ONCE):
        count = part.stop - part.start
        times = rng.multinomial(len(of), np.full(len(of), 1 / len(of)), size=count)
        drawn.append((times @ gained) / np.maximum(times @ of, 1))
        flipped.append(rng.choice((-1.0, 1.0), (count, len(differs))) @ differs / of.sum())
    low, high = np.quantile(np.concatenate(drawn), (tail, 1 - tail))
    around = np.quantile(np.concatenate(flipped), 1 - tail, method="inverted_cdf")
    return float(min(low, value - around)), float(max(high, value + around))
