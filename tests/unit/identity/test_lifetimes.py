"""Who cannot be on a photo of its day: every rule, with and without dates."""

from __future__ import annotations

from collections import Counter
from datetime import date
from uuid import UUID

import numpy as np
import pytest

from faceml.errors import WrongUse
from faceml.identity.assignment import NOBODY, match_people
from faceml.identity.lifetimes import AFTER_DEATH, ANY_TIME, Lifetime, PartialDate, Times
from faceml.identity.matcher import fit_matcher
from tests.conftest import people_vectors

ADA, BEA = UUID(int=1), UUID(int=2)
FACE, OTHER = UUID(int=11), UUID(int=12)
YOUNG = Lifetime.read("2001-05-17", None)


@pytest.mark.parametrize(
    ("born", "died", "taken", "can_be"),
    [
        (None, None, "1900-01-01", True),
        ("2001-05-17", None, "2001-05-16", False),
        ("2001-05-17", None, "2001-05-17", True),
        ("2001-05", None, "2001-04-30", False),
        ("2001-05", None, "2001-05-01", True),
        ("2001", None, "2000-12-31", False),
        ("2001", None, "2001-01-01", True),  # the generous end
        (None, "1980-03-01", "1981-03-01", True),  # a year of grace
        (None, "1980-03-01", "1981-03-02", False),
        (None, "1980", "1981-12-31", True),
        (None, "1980", "1982-01-01", False),
        ("1900", "1980", "1850-01-01", False),
        ("1900", "1980", "1950-01-01", True),
        ("1900", "1980", "2020-01-01", False),
        ("2001", "2001", None, True),  # nobody knows when it was taken
        (None, "9999", "2020-01-01", True),
    ],
)
def test_a_person_is_on_photos_of_their_lifetime_alone(
    born: str | None, died: str | None, taken: str | None, can_be: bool
) -> None:
    life, day = Lifetime.read(born, died), date.fromisoformat(taken) if taken else None
    assert (life.why_not(day) is None) is can_be
    times = Times({ADA: life}, {FACE: day} if day else {})
    assert (times.impossible([(FACE, ADA), (FACE, BEA)]) == set()) is can_be
    row = np.zeros((1, 1), np.float32)
    if (vetoes := times.vetoes([FACE], 1, [BEA, ADA])) is not None:
        vetoes.blank(row, slice(0, 1), np.array([1]))
    assert np.isfinite(row[0, 0]) == can_be  # the fast way says the same


@pytest.mark.parametrize(
    ("born", "taken", "age"),
    [
        ("1950-06-02", "1960-06-01", 9),
        ("1950-06-02", "1960-06-02", 10),
        ("1950-06", "1960-05-31", 9),
        ("1950-06", "1960-06-01", 10),
        ("1950", "1960-01-01", 10),
        ("1950", "1950-01-01", 0),
        ("1950", "1949-12-31", None),
        ("1950", None, None),
        (None, "1960-01-01", None),
        ("2000-02-29", "2001-02-28", 0),
    ],
)
def test_an_age_is_told_where_both_days_are_known(born: str | None, taken: str | None, age: int | None) -> None:
    assert Lifetime.read(born, None).age(date.fromisoformat(taken) if taken else None) == age


@pytest.mark.parametrize("text", ["", "50", "1950-13", "1950-02-30", "17.5.1950", "1950-05-17-1", "0000", "about 1950"])
def test_what_is_no_date_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(WrongUse, match="write 1950, 1950-05 or 1950-05-17"):
        PartialDate.read(text)


def test_nobody_dies_before_they_are_born() -> None:
    with pytest.raises(WrongUse, match="before born"):
        Lifetime.read("1950-05", "1950-04")
    assert Lifetime.read("1950-05", "1950").died == PartialDate(1950)  # may be later that year


def test_a_vetoed_person_is_neither_best_nor_next_and_the_next_best_takes_the_place() -> None:
    faces = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    times = Times({ADA: YOUNG}, {FACE: date(1990, 1, 1), OTHER: date(2010, 1, 1)})
    vetoes = times.vetoes([FACE, OTHER, UUID(int=13)], 3, [ADA, BEA])
    found = match_people(faces, np.eye(3)[:2], [0, 1], min_similarity=0.5, vetoes=vetoes)
    assert found.person_rows.tolist() == [NOBODY, 0, 1]
    assert found.candidate_rows.tolist() == [1, 0, 1]
    assert found.runner_up_rows.tolist() == [NOBODY, 1, 0]  # of the third nobody knows the day


def test_several_prototypes_of_a_person_fall_together() -> None:
    vetoes = Times({ADA: YOUNG}, {FACE: date(1990, 1, 1)}).vetoes([FACE], 1, [ADA, BEA])
    found = match_people(np.eye(4)[:1], np.eye(4), [0, 1, 0, 0], min_similarity=-1.0, vetoes=vetoes)
    assert (found.candidate_rows.tolist(), found.runner_up_rows.tolist()) == ([1], [NOBODY])


def test_a_matcher_gives_the_face_to_the_next_person() -> None:
    vectors = people_vectors(3, 6, seed=3)
    labelled, probes = vectors.reshape(3, 6, -1)[:, :3].reshape(9, -1), vectors[[3, 9]]
    matcher = fit_matcher(labelled, np.repeat(np.arange(3), 3), np.full(9, -1), vectors, np.full(18, -1), floor=0.5)
    assert matcher.match(probes).candidate_rows.tolist() == [0, 1]
    vetoes = Times({ADA: YOUNG}, {FACE: date(1990, 1, 1)}).vetoes([FACE, OTHER], 2, [ADA, BEA, UUID(int=3)])
    found = matcher.match(probes, vetoes=vetoes)
    assert found.candidate_rows[0] in (1, 2)
    assert found.candidate_rows[1] == 1
    assert 0 not in found.runner_up_rows[:1]


def test_nothing_is_compared_where_nothing_is_known() -> None:
    assert ANY_TIME.vetoes([FACE], 1, [ADA]) is None
    assert Times({ADA: YOUNG}).vetoes([FACE], 1, [ADA]) is None
    assert Times({ADA: YOUNG}, {FACE: date(1990, 1, 1)}).vetoes([FACE], 1, [BEA]) is None
    assert Times({ADA: YOUNG}, day=date(1990, 1, 1)).vetoes([], 2, [ADA]) is not None  # a photo from outside
    assert AFTER_DEATH.days >= 365


class Looked(dict[UUID, date]):
    """Days by face, which counts how often one is asked for."""

    asked = 0

    def __getitem__(self, face_id: UUID) -> date:
        self.asked += 1
        return super().__getitem__(face_id)


def test_who_is_ruled_out_is_counted_as_pair_by_pair_without_making_pairs() -> None:
    rng = np.random.default_rng(0)
    faces, people = [[UUID(int=number) for number in range(start, start + 60)] for start in (1, 1000)]
    taken = Looked({face: date(1900 + int(rng.integers(120)), 6, 1) for face in faces[:50]})
    years = rng.integers(1890, 2020, (60, 2))
    born = [str(year) if number % 3 else None for number, year in enumerate(years.min(axis=1))]
    died = [str(year) if number % 4 else None for number, year in enumerate(years.max(axis=1))]
    lives = {person: Lifetime.read(*dates) for person, *dates in zip(people, born, died, strict=True)}
    times = Times(lives, taken)
    found = times.ruled_out(faces)
    assert taken.asked == 50
    slow = Counter(person for face in faces for person in people if lives[person].why_not(taken.get(face)))
    assert found == slow
    assert len(set(found.values())) > 10


def test_nobody_is_ruled_out_where_no_day_or_no_date_is_known() -> None:
    assert ANY_TIME.ruled_out([FACE]) == Counter()
    assert Times({ADA: YOUNG}, {}).ruled_out([FACE, OTHER]) == Counter()
    assert Times({ADA: Lifetime()}, {FACE: date(1900, 1, 1)}).ruled_out([FACE]) == Counter()
