"""Slices of the gate's answers: the same figures as counted by hand, and none where too few people speak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceml.errors import WrongUse
from faceml.trial.comparison import Verdict
from faceml.trial.model_page import MOST_LETTERS, describe
from faceml.trial.questions import questions
from faceml.trial.recognition import STRANGER, Album, Decisions, Draw, plain
from faceml.trial.slices import (
    DIR_1,
    FALSE_MATCHES,
    RECALL,
    Slice,
    Sliced,
    by_number,
    by_value,
    measure_slices,
    pseudo_groups,
)
from tests.unit.trial.made_up import album

FACES = album(people=80, spread=0.3)
HALVES = ["" if who < 0 else "even" if who % 2 == 0 else "odd" for who in FACES.people.tolist()]


def named(found: Sliced) -> dict[str, Slice]:
    return {part.name: part for part in found.slices}


def test_figures_are_those_counted_face_by_face() -> None:
    found = named(measure_slices(FACES, plain, {"half": HALVES}))
    counts = {name: [0, 0, 0, 0] for name in ("even", "odd")}  # right, known, named, strangers
    for asked in questions(FACES):
        decided = plain(FACES, asked)
        for truth, given, who in zip(decided.truth, decided.named, decided.people, strict=True):
            of = counts["even" if who % 2 == 0 else "odd"]
            if truth == STRANGER:
                of[2], of[3] = of[2] + (given != -1), of[3] + 1
            else:
                of[0], of[1] = of[0] + (given == truth), of[1] + 1
    for name, (right, known, given, strangers) in counts.items():
        measured = found[name].measured
        assert measured[RECALL].value == pytest.approx(right / known)
        assert measured[FALSE_MATCHES].value == pytest.approx(given / strangers)
        assert found[name].faces == known
        assert measured[RECALL].low <= measured[RECALL].value <= measured[RECALL].high


def test_a_part_that_is_served_worse_is_marked() -> None:
    def deaf_to_odd(faces: Album, asked: Draw) -> Decisions:
        found = plain(faces, asked)
        return replace(found, scores=np.where(found.people % 2 == 1, -1, found.scores).astype(np.float32))

    found = named(measure_slices(FACES, deaf_to_odd, {"half": HALVES}))
    assert found["odd"].measured[RECALL].value == 0
    assert RECALL in found["odd"].apart
    fair = measure_slices(FACES, plain, {"half": HALVES})
    assert all(RECALL not in part.apart for part in fair.slices)
    assert fair.whole.apart == ()


def test_fewer_than_ten_people_have_no_figure() -> None:
    few = ["few" if 0 <= who < 9 else "" for who in FACES.people.tolist()]
    (part,) = measure_slices(FACES, plain, {"own": few}).slices
    assert part.measured == {}
    assert "people; 10 are needed" in part.missing[RECALL]
    assert Sliced(part, ()).rows()[0][RECALL] == "too few"
    assert DIR_1 in part.missing


def test_faces_in_no_slice_are_in_none() -> None:
    assert measure_slices(FACES, plain, {"own": [""] * len(FACES.people)}).slices == ()


def test_pseudo_groups_are_of_whole_people_and_the_largest_is_first() -> None:
    groups = pseudo_groups(FACES)
    by_person = {who: {g for g, w in zip(groups, FACES.people.tolist(), strict=True) if w == who} for who in range(80)}
    assert all(len(found) == 1 for found in by_person.values())
    assert {g for g, who in zip(groups, FACES.people.tolist(), strict=True) if who < 0} == {""}
    sizes = [sum(found == {name} for found in by_person.values()) for name in "ABCD"]
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) > 0
    assert set(pseudo_groups(album(people=20))) == {""}  # too few people to tell groups from chance


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2001, 2001, 2001], ["2001", "2001", "2001"]),
        ([2001, np.nan, 2009], ["2001", "", "2009"]),
        ([np.nan], [""]),
        ([], []),
    ],
)
def test_numbers_are_parted_and_unknown_ones_left_out(values: list[float], expected: list[str]) -> None:
    assert by_number(values, parts=2, digits=0) == expected


def test_a_column_of_many_texts_is_refused_and_of_many_numbers_parted() -> None:
    assert by_value("age", ["a", "", "b"]) == ["a", "", "b"]
    assert len(set(by_value("age", [str(age) for age in range(30)]))) == 3
    with pytest.raises(WrongUse, match="the column town has more than 12 texts"):
        by_value("town", [f"town {number}" for number in range(13)])


def test_the_page_of_a_version_has_verdict_and_slices_and_fits_into_mlflow() -> None:
    sliced = measure_slices(FACES, plain, {"half": HALVES})
    page = describe(Verdict(False, ("no clear gain",)), None, sliced)
    assert page.startswith("**The gate refuses it.**\n\n- no clear gain")
    assert "| half | even |" in page
    assert "| --- | --- | ---: |" in page, "numbers stand at the right"
    long = Sliced(sliced.whole, sliced.slices * 200)
    assert len(describe(Verdict(True, ()), None, long)) <= MOST_LETTERS + 10
