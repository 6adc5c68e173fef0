"""The questions about new photos of known people: asked of the right faces, counted as said, and the same for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from faceml.errors import NotEnoughData
from faceml.trial.recognition import STRANGER, WAYS, Decisions, Way, cut, draw, figures
from tests.unit.trial.made_up import album


@pytest.mark.parametrize("labels", [1, 3])
def test_a_draw_asks_about_new_photos_of_the_known_and_about_strangers(labels: int) -> None:
    faces = album()
    asked = draw(faces, labels=labels, seed=3)
    known = set(faces.people[asked.labelled].tolist())
    assert (np.bincount(asked.owners) == labels).all()
    assert not set(asked.labelled.tolist()) & set(asked.library.tolist())
    assert len(asked.labelled) + len(asked.library) == len(faces.people)
    who = faces.people[asked.library]
    assert (asked.truth[np.isin(who, list(known))] != STRANGER).all()
    assert (asked.truth[~np.isin(who, list(known))] == STRANGER).all()
    assert asked.is_asked[np.isin(who, list(known))].all()
    assert not asked.is_asked[who == -1].any()
    strangers = set(np.unique(faces.people[faces.people >= 0]).tolist()) - known
    questioned = set(who[asked.is_asked].tolist()) - known
    assert len(questioned) == len(strangers) - round(0.2 * len(strangers))


def test_too_few_photos_are_said() -> None:
    with pytest.raises(NotEnoughData, match="ask for fewer labels"):
        draw(album(), labels=50, seed=0)


def test_a_matcher_spares_wrong_decisions_where_some_are_near_everybody() -> None:
    faces = album(people=150)
    draws = [draw(faces, labels=3, seed=seed) for seed in range(3)]
    before, after = ([way(faces, asked) for asked in draws] for way in WAYS.values())
    spared = cut(before, after)
    assert 0 < spared.low < spared.value < spared.high <= 1
    assert cut(before, before).value == 0


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_else_is_asked_changes_no_answer(way: Way) -> None:
    faces = album(people=150, spread=0.4)  # with groups
    asked = draw(faces, labels=3, seed=1)
    assert (faces.tight >= 0).mean() > 0.5
    all_asked = way(faces, replace(asked, is_asked=np.ones(len(asked.library), bool)))
    few = asked.is_asked & (np.random.default_rng(0).random(len(asked.library)) < 0.2)
    found = way(faces, replace(asked, is_asked=few))
    assert found.candidate.tolist() == all_asked.candidate[few].tolist()
    assert np.allclose(found.scores, all_asked.scores[few], atol=1e-6)
    assert found.threshold == all_asked.threshold


def decisions(truth: list[int], candidate: list[int], scores: list[float]) -> Decisions:
    return Decisions(
        np.arange(len(truth)), np.array(truth), np.array(candidate), np.array(scores, np.float32), threshold=0.5
    )


def test_figures_count_as_the_words_say() -> None:
    #                    right  missed  wrong person  stranger named  stranger left
    found = decisions([0, 0, 1, -1, -1], [0, 0, 0, 1, 0], [0.9, 0.4, 0.8, 0.7, 0.2])
    counted = figures([found])
    assert counted.wrong == pytest.approx(3 / 5)
    assert counted.precision == pytest.approx(1 / 3)
    assert counted.recall == pytest.approx(1 / 3)
    assert counted.strangers_named == pytest.approx(1 / 2)
    assert counted.dir_1 == counted.dir_01 == pytest.approx(1 / 3)  # above the highest stranger
    nobody = figures([decisions([0, -1], [0, 0], [0.1, 0.2])])
    assert (nobody.precision, nobody.wrong) == (1.0, 0.5)


def test_the_interval_of_a_cut_draws_people_not_faces() -> None:
    """Of one person's hundred faces alone, whose decisions all changed together, nothing is certain."""
    wrong = [0] * 100 + list(range(1, 21))
    all_wrong = [-1] * 120
    before = Decisions(np.array(wrong), np.array(wrong), np.array(all_wrong), np.zeros(120, np.float32), 0.5)
    is_mended: NDArray[np.bool_] = np.array(wrong) == 0
    after = Decisions(np.array(wrong), np.array(wrong), np.where(is_mended, 0, -1), np.ones(120, np.float32), 0.5)
    spared = cut([before], [after])
    assert spared.value == pytest.approx(100 / 120)
    assert spared.low == 0
    with pytest.raises(NotEnoughData, match="nothing to cut"):
        cut([decisions([0], [0], [0.9])], [decisions([0], [0], [0.9])])
