"""What a setting of options is worth on a library's labels, and whether the best of many is better than what there is.

The people of a library are divided once: about half of them are asked about by every trial, the others by nobody until
the winner is known. Its one comparison with the options in use, on people and photos that no trial saw, is what the
gate judges; so it does not matter how many trials there were. Who judges again on the same people pays for each time.
Docs: docs/decisions/0049-searched-options.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import NotEnoughData
from faceml.identity.assignment import NOBODY
from faceml.identity.cluster_labels import drop_loose
from faceml.identity.clustering import COHORT_CLUSTERS, linked
from faceml.identity.cohort import IN_NO_GROUP
from faceml.identity.hdbscan.exact import cut, fit
from faceml.identity.linkage import usual_similarity
from faceml.identity.projection import Head
from faceml.metrics.agreement import bcubed_by_face
from faceml.options import AUTO, TrainOptions
from faceml.training.options import Options
from faceml.training.whitening import within_whitening
from faceml.trial.comparison import CONFIDENCE, LEAST_PEOPLE, RAW, Comparison, Gain
from faceml.trial.gate import compare_ways, share_interval
from faceml.trial.held_out import RESAMPLES, summarise
from faceml.trial.questions import questions
from faceml.trial.recognition import STRANGER, Album, Decisions, Draw, Way, fitted, head_way, plain
from faceml.trial.search_space import WRONG, Setting

FOUND, IN_USE = "found", "in use"  # names in a comparison
FACE_F = "bcubed_face_f"  # a face's own BCubed precision and recall as one F, averaged over faces
SEARCHED_SHARE = 0.5  # of the people
KEPT_GRAPHS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A library's faces as they lie there, and what detection said of them."""

    album: Album
    confidence: NDArray[np.float64]  # (N,) of the detection, 0 to 1
    sizes_px: NDArray[np.int64]  # (N,) the box's shorter side
    graphs: dict[Any, Any] = field(default_factory=dict)  # groupings begun, so that most trials cost next to nothing

    def of(self, rows: NDArray[np.intp]) -> Stored:
        """Some of the faces, grouped among themselves."""
        whole = self.album
        album = Album.of(
            whole.vectors[rows],
            whole.people[rows],
            whole.photos[rows],
            whole.quality[rows],
            match_threshold=whole.match_threshold,
        )
        return Stored(album, self.confidence[rows], self.sizes_px[rows])

    def found_by(self, setting: Setting) -> NDArray[np.bool_]:
        """(N,) the faces that detection with these thresholds would have kept."""
        least, size = setting["detect.min_confidence"], setting["detect.min_face_size"]
        return np.asarray((self.confidence >= least) & (self.sizes_px >= size), bool)


def set_aside(stored: Stored, is_searched: ArrayLike) -> tuple[Stored, Stored]:
    """The faces that trials see, and those that nobody sees before the winner is known; no photo is in both.

    A photo of people of both sides goes to one by chance, without the faces of the other's people; so does a photo of
    nobody who is labelled.

    Args:
        is_searched: (N,) whether each face's person is one of those whom trials ask about; of others it says nothing.
    Raises:
        NotEnoughData: less than ten people with two faces on either side.
    """
    album, searched = stored.album, np.asarray(is_searched, bool)
    photos = np.unique(album.photos, return_inverse=True)[1]
    shows = np.zeros((int(photos.max(initial=-1)) + 1, 2), bool)
    known = album.people >= 0
    for side, mine in enumerate((searched, ~searched)):
        shows[photos[known & mine], side] = True
    by_chance = np.random.default_rng(0).random(len(shows)) < SEARCHED_SHARE
    to_search = np.where(shows[:, 0] != shows[:, 1], shows[:, 0], by_chance)[photos]
    first = np.flatnonzero(to_search & (~known | searched))
    second = np.flatnonzero(~to_search & ~(known & searched))
    for rows in (first, second):
        people = album.people[rows]
        several = int((np.unique(people[people >= 0], return_counts=True)[1] > 1).sum())
        if several < LEAST_PEOPLE:
            raise NotEnoughData(
                f"{several} people with two labelled faces are on one side of a search; it takes {LEAST_PEOPLE} to try "
                f"options on and {LEAST_PEOPLE} others to judge the best on: label more people"
            )
    return stored.of(first), stored.of(second)


def scores(stored: Stored, setting: Setting, objective: str, *, seed: int = 0) -> Iterator[float]:
    """What a setting is worth on these faces, told better by each further value: the last one counts.

    *wrong* (the gate's, after each fold) is best at 0, *grouping* (`FACE_F`, one value) at 1.

    Raises:
        NotEnoughData: the setting leaves nothing to ask about, or to learn from.
    """
    if objective != WRONG:
        known = stored.album.people >= 0
        yield float(face_f(stored.album.people[known], grouped(stored, setting)[known]).mean())
        return
    way, wrong = way_of(stored, setting), []
    for asked in questions(stored.album, seed=seed):
        wrong.append(way(stored.album, asked).is_wrong)
        yield float(np.concatenate(wrong).mean())


def judge(stored: Stored, found: Setting, in_use: Setting, objective: str, *, tries: int = 1) -> Comparison:
    """The winner against the options in use, on faces that no trial saw.

    Args:
        tries: winners judged on these people, this one included.
    """
    if objective != WRONG:
        return _compare_groupings(stored, {IN_USE: in_use, FOUND: found}, tries)
    ways = {RAW: way_of(stored, in_use), FOUND: way_of(stored, found)}
    return _renamed(compare_ways(stored.album, ways, tries=tries))


def way_of(stored: Stored, setting: Setting) -> Way:
    """How these options tell people apart: a matcher before a head, a head before plain cosines.

    A number as threshold is meant for plain cosines. Matchers and heads carry it over to scores of their own; here they
    are asked at the one that `auto` reads off.
    """
    way: Way = fitted
    if setting["assign.matcher"] == "plain":
        at = setting["assign.threshold"]
        way = plain if at == AUTO else _at(plain, float(at))
        way = way if setting["assign.model"] == "raw" else head_way(_learn(setting))
    return _of_faces(way, stored.found_by(setting))


def _learn(setting: Setting) -> Any:
    chosen = TrainOptions(**{name.partition(".")[2]: v for name, v in setting.items() if name.startswith("train.")})

    def learn(album: Album, asked: Draw) -> Head:
        rows = asked.to_learn_from(album)
        rows = rows[album.quality[rows] >= chosen.quality_threshold]
        people, counts = np.unique(album.people[rows], return_counts=True)
        rows = rows[np.isin(album.people[rows], people[counts >= chosen.min_faces])]
        if not len(rows):
            raise NotEnoughData(f"nobody has {chosen.min_faces} faces of quality {chosen.quality_threshold}")
        if chosen.head == "whitening":
            return within_whitening(album.vectors[rows], album.people[rows])
        from faceml.training.fit import fit as train  # torch and Lightning, seconds

        return train(album.vectors[rows], album.people[rows], Options.of(chosen)).head

    return learn


def _at(way: Way, threshold: float) -> Way:
    def decide(album: Album, asked: Draw) -> Decisions:
        found = way(album, asked)
        return found if np.isnan(found.threshold) else replace(found, threshold=threshold)

    return decide


def _of_faces(way: Way, is_found: NDArray[np.bool_]) -> Way:
    """The way without the faces that detection would not have found: those asked about get no name."""
    if is_found.all():
        return way

    def decide(album: Album, asked: Draw) -> Decisions:
        kept, there = is_found[asked.labelled], is_found[asked.library]
        known, owners = np.unique(asked.owners[kept], return_inverse=True)
        if not len(known):
            raise NotEnoughData("these thresholds leave no labelled face")
        place = np.append(np.full(int(asked.owners.max(initial=-1)) + 1, STRANGER), STRANGER)
        place[known] = np.arange(len(known))
        found = way(
            album,
            replace(
                asked,
                labelled=asked.labelled[kept],
                owners=owners,
                library=asked.library[there],
                is_asked=asked.is_asked[there],
                truth=place[asked.truth[there]],
            ),
        )
        seen = there[asked.is_asked]
        candidate = np.full(len(seen), NOBODY)
        candidate[seen] = np.append(known, NOBODY)[found.candidate]
        values = np.full(len(seen), -np.inf, np.float32)
        values[seen] = found.scores
        return replace(
            found,
            people=album.people[asked.library][asked.is_asked],
            truth=asked.truth[asked.is_asked],
            candidate=candidate,
            scores=values,
        )

    return decide


def grouped(stored: Stored, setting: Setting) -> NDArray[np.int64]:
    """(N,) the group of each face; -1 in none, or not found."""
    is_in = stored.found_by(setting) & (stored.album.quality >= setting["cluster.quality_threshold"])
    rows, labels = np.flatnonzero(is_in), np.full(len(is_in), IN_NO_GROUP)
    size = setting["cluster.min_cluster_size"]
    if len(rows) < size:
        return labels
    vectors = stored.album.vectors[rows]
    if setting["cluster.method"] == "linkage":
        cohort_size, samples = COHORT_CLUSTERS
        begun = _begun(stored, rows, min_samples=samples, min_cluster_size=cohort_size)
        least = setting["cluster.min_similarity"]
        usual = usual_similarity(stored.album.match_threshold, len(rows))
        found = linked(vectors, begun, min_similarity=usual if least is None else least)
    else:
        begun = _begun(stored, rows, min_samples=setting["cluster.min_samples"], metric=setting["cluster.metric"])
        epsilon = setting["cluster.cluster_selection_epsilon"]
        found = cut(begun.graph, min_cluster_size=size, cluster_selection_epsilon=epsilon).labels
    if (floor := setting["cluster.min_cohesion"]) is not None:
        found = drop_loose(vectors, found, min_cohesion=floor)
    sizes = np.bincount(found[found >= 0], minlength=1)
    labels[rows] = np.where((found >= 0) & (sizes[found] >= size), found, IN_NO_GROUP)
    return labels


def _begun(stored: Stored, rows: NDArray[np.intp], **how: Any) -> Any:
    key = (rows.tobytes(), *sorted(how.items()))
    if key not in stored.graphs:
        if len(stored.graphs) >= KEPT_GRAPHS:
            stored.graphs.pop(next(iter(stored.graphs)))
        stored.graphs[key] = fit(stored.album.vectors[rows], **how)
    return stored.graphs[key]


def face_f(people: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) each face's F of its own BCubed precision and recall, 0 to 1.

    >>> face_f(np.array([0, 0, 1]), np.array([7, 7, -1])).tolist()
    [1.0, 1.0, 1.0]
    """
    precision, recall = bcubed_by_face(people, groups)
    return np.asarray(2 * precision * recall / (precision + recall), np.float64)


def _compare_groupings(stored: Stored, settings: Mapping[str, Setting], tries: int) -> Comparison:
    known = stored.album.people >= 0
    people, codes = np.unique(stored.album.people[known], return_inverse=True)
    of = _by_person(codes, np.ones(len(codes)))
    worth = {name: face_f(codes, grouped(stored, setting)[known]) for name, setting in settings.items()}
    nothing = [face_f(codes, np.full(len(codes), -1)), face_f(codes, np.zeros(len(codes), np.int64))]
    sums = {name: _by_person(codes, values) for name, values in worth.items()}
    level = 1 - (1 - CONFIDENCE) / tries
    says_something = any(
        all(share_interval(mine - _by_person(codes, idle), of, CONFIDENCE, 0)[0] > 0 for idle in nothing)
        for mine in sums.values()
    )
    times = np.random.default_rng(0).multinomial(len(people), np.full(len(people), 1 / len(people)), RESAMPLES)
    times = np.concatenate((np.ones((1, len(people))), times))
    drawn = {name: {FACE_F: times @ mine / (times @ of)} for name, mine in sums.items()}
    found = summarise({RAW: drawn[IN_USE], FOUND: drawn[FOUND]}, FACE_F if says_something else None, CONFIDENCE)
    low, high = share_interval(sums[FOUND] - sums[IN_USE], of, level, 0)
    gain = float((sums[FOUND] - sums[IN_USE]).sum() / of.sum())
    why = "no setting groups better than grouping nobody or everybody: look whether the labels are right"
    return _renamed(
        replace(
            found,
            gains=(Gain(FOUND, RAW, FACE_F, gain, low, high),),
            missing={} if says_something else {"wrong": why},
            people=int((of > 1).sum()),
            faces=int(known.sum()),
            folds=1,
            tries=tries,
        )
    )


def _by_person(codes: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(codes, values).astype(np.float64)


def _renamed(found: Comparison) -> Comparison:
    """What every comparison is made against is here what the library uses."""
    return replace(
        found,
        candidates=tuple(IN_USE if name == RAW else name for name in found.candidates),
        measured={IN_USE if name == RAW else name: figures for name, figures in found.measured.items()},
        gains=tuple(replace(gain, rival=IN_USE if gain.rival == RAW else gain.rival) for gain in found.gains),
    )
