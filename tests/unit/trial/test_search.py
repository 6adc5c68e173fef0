"""A search of options: what a space may say, what its trials see, and that luck does not pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from faceml.errors import NotEnoughData, WrongUse
from faceml.identity.clustering import cluster_embeddings
from faceml.trial.comparison import Verdict, verdict
from faceml.trial.questions import questions
from faceml.trial.recognition import STRANGER, Album, plain
from faceml.trial.search import FACE_F, FOUND, IN_USE, Stored, grouped, judge, scores, set_aside, way_of
from faceml.trial.search_space import GROUPING, USUAL, WRONG, Axis, Space, defaults
from tests.unit.trial.made_up import album

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(1, 20))]


def stored(faces: Album, *, confidence: float = 0.9) -> Stored:
    count = len(faces.people)
    return Stored(faces, np.full(count, confidence), np.full(count, 100))


def setting(**changed: Any) -> dict[str, Any]:
    plain_ways = {"assign.matcher": "plain", "assign.model": "raw", "assign.threshold": "auto"}
    return {**defaults(), **plain_ways, **{name.replace("__", "."): value for name, value in changed.items()}}


def shuffled(faces: Album, seed: int) -> Album:
    rows = np.flatnonzero(faces.people >= 0)
    people = faces.people.copy()
    people[rows] = np.random.default_rng(seed).permutation(people[rows])
    return replace(faces, people=people)


def halves(faces: Album, seed: int = 0) -> tuple[Stored, Stored]:
    people = np.random.default_rng(seed).permutation(int(faces.people.max()) + 1) % 2 == 0
    return set_aside(stored(faces), people[faces.people])


def said(faces: Stored, found: dict[str, Any], in_use: dict[str, Any], objective: str) -> Verdict:
    return verdict(judge(faces, found, in_use, objective), challenger=FOUND, rivals=[IN_USE])


# --- what a space may say


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "a space has `options`"),
        ({"options": {}, "trials": 3}, "options, trials"),
        ({"options": {}}, "leaves nothing to try"),
        ({"options": {"cluster": {"min_samples": [3]}}}, "cluster.min_samples is no option that objective wrong sees"),
        ({"objective": "speed", "options": {}}, "objective='speed' is not wrong or grouping"),
        ({"options": {"assign": {"threshold": [1.5]}}}, "threshold=1.5 is not"),
        ({"options": {"assign": {"matcher": ["3"]}}}, "assign.matcher='3' is not plain or champion"),
        ({"options": {"detect": {"min_confidence": {"from": 0.9, "to": 0.5}}}}, "is no range"),
        ({"options": {"detect": {"min_confidence": {"from": 0, "to": 0.5, "log": True}}}}, "begins above 0"),
        ({"options": {"detect": {"min_confidence": 0.5}}}, "neither a list of values nor"),
        ({"options": {"detect": [0.5]}}, "detect=[0.5] is not a mapping"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused_in_one_line(content: Any, line: str) -> None:
    with pytest.raises(WrongUse) as refused:
        Space.of(content)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_search_begins_with_what_is_in_use_as_far_as_the_space_holds_it() -> None:
    space = Space.of(
        {"options": {"assign": {"threshold": ["auto", 0.6]}, "detect": {"min_face_size": {"from": 30, "to": 90}}}}
    )
    assert space.axes[1] == Axis("detect.min_face_size", low=30, high=90, is_whole=True)
    assert space.nearest(defaults()) == {"assign.threshold": 0.6}  # 20 pixels are outside
    assert space.digest != USUAL.digest == Space.of(USUAL_CONTENT).digest


USUAL_CONTENT = {
    "objective": WRONG,
    "options": {
        "assign": {"matcher": ["plain", "champion"], "model": ["raw", "champion"], "threshold": ["auto", 0.6]},
        "train": {"head": ["whitening", "linear"], "weight_decay": {"from": 1, "to": 1000, "log": True}},
        "detect": {"min_confidence": {"from": 0.5, "to": 0.9}},
    },
}


# --- who is seen by whom


def test_nobody_and_no_photo_is_on_both_sides() -> None:
    faces = album(people=60)
    searched, apart = halves(faces)
    for name in ("people", "photos"):
        one, other = (set(getattr(side.album, name).tolist()) - {STRANGER} for side in (searched, apart))
        assert one
        assert one & other == set()
    assert len(searched.album.people) + len(apart.album.people) <= len(faces.people)


def test_too_few_people_for_both_sides_are_refused() -> None:
    with pytest.raises(NotEnoughData, match="10 others to judge"):
        halves(album(people=16))


def test_a_face_that_detection_would_not_find_gets_no_name_and_teaches_nothing() -> None:
    faces = album(people=40)
    confidence = np.random.default_rng(1).choice((0.55, 0.95), len(faces.people))
    kept = confidence > 0.7
    asked = questions(faces)[0]
    way = way_of(replace(stored(faces), confidence=confidence), setting(detect__min_confidence=0.7))
    found = way(faces, asked)
    is_seen = kept[asked.library[asked.is_asked]]
    assert (found.named[~is_seen] == STRANGER).all()
    # The slow obvious version: the album without these faces, and its people numbered anew.
    rows, labelled = np.flatnonzero(kept), asked.labelled[kept[asked.labelled]]
    known = np.unique(faces.people[labelled])
    few = replace(
        faces, **{name: getattr(faces, name)[rows] for name in ("vectors", "people", "photos", "quality")}, groups=rows
    )
    place = {int(row): number for number, row in enumerate(rows)}
    library = asked.library[kept[asked.library]]
    number = {person: row for row, person in enumerate(known.tolist())}
    alone = replace(
        asked,
        labelled=np.array([place[int(row)] for row in labelled]),
        owners=np.array([number[person] for person in faces.people[labelled].tolist()]),
        library=np.array([place[int(row)] for row in library]),
        is_asked=asked.is_asked[kept[asked.library]],
        truth=np.array([number.get(person, STRANGER) for person in faces.people[library].tolist()]),
    )
    expected = plain(few, alone)
    np.testing.assert_allclose(found.scores[is_seen], expected.scores, rtol=1e-5)
    old = {int(o): int(faces.people[row]) for o, row in zip(asked.owners, asked.labelled, strict=True)}
    names = [old.get(int(row), -1) for row in found.named[is_seen]]
    assert names == [int(known[row]) if row >= 0 else -1 for row in expected.named]


@pytest.mark.parametrize("changed", [{}, {"cluster__min_samples": 1}, {"cluster__cluster_selection_epsilon": 0.4}])
def test_groups_are_those_that_the_command_makes(changed: dict[str, Any]) -> None:
    faces = stored(album(people=40))
    options = setting(cluster__min_cluster_size=3, cluster__quality_threshold=0.0, **changed)
    own = {name.removeprefix("cluster."): value for name, value in options.items() if name.startswith("cluster.")}
    names = ("min_cluster_size", "min_samples", "cluster_selection_epsilon")
    expected = cluster_embeddings(faces.album.vectors, **{name: own[name] for name in names})
    assert grouped(faces, options).tolist() == expected.tolist()


def test_faces_of_too_low_quality_are_in_no_group() -> None:
    faces = stored(album(people=40))
    found = grouped(faces, setting(cluster__quality_threshold=0.6, cluster__min_cluster_size=2))
    assert (found[faces.album.quality < 0.6] == -1).all()
    assert (found >= 0).any()


# --- what is let in


def test_a_threshold_that_names_nobody_is_replaced_by_one_that_does() -> None:
    _, apart = halves(album(people=60, spread=0.5))
    found = said(apart, setting(), setting(assign__threshold=0.99), WRONG)
    assert found.promotes
    assert found.reasons[0].startswith("found beats in use in wrong")
    assert not said(apart, setting(), setting(), WRONG).promotes


def test_groups_that_leave_nobody_out_replace_groups_of_nobody() -> None:
    _, apart = halves(album(people=60, spread=0.5))
    sizes = {"cluster__quality_threshold": 0.0, "cluster__min_samples": 1}
    found = judge(
        apart, setting(cluster__min_cluster_size=2, **sizes), setting(cluster__min_cluster_size=500, **sizes), GROUPING
    )
    assert found.primary == FACE_F
    assert verdict(found, challenger=FOUND, rivals=[IN_USE]).promotes
    paid = judge(
        apart,
        setting(cluster__min_cluster_size=2, **sizes),
        setting(cluster__min_cluster_size=500, **sizes),
        GROUPING,
        tries=20,
    )
    assert paid.gains[0].low < found.gains[0].low < found.gains[0].value == paid.gains[0].value


@pytest.mark.parametrize("objective", [WRONG, GROUPING])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_best_of_many_on_shuffled_labels_is_refused(seed: int, objective: str) -> None:
    """Twenty seeds of each objective, of which one might pass by luck; none of these does."""
    searched, apart = halves(shuffled(album(seed, people=60), seed), seed)
    tried = [setting(assign__threshold=at) for at in (0.3, 0.5, 0.7, 0.9)]
    if objective == GROUPING:
        tried = [
            setting(cluster__min_cluster_size=size, cluster__quality_threshold=quality, cluster__min_samples=1)
            for size in (2, 3, 5, 9)
            for quality in (0.0, 0.5)
        ]
    worth = [list(scores(searched, one, objective))[-1] for one in tried]
    best = tried[int(np.argmin(worth) if objective == WRONG else np.argmax(worth))]
    assert not said(apart, best, setting(assign__threshold=0.6), objective).promotes
