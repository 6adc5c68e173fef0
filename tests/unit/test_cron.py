"""Cron lines mean what cron means; croniter, which faceml itself does not use, is the second opinion."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faceml.pipelines.cron import parse_cron

croniter = pytest.importorskip("croniter")
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday


def field(lowest: int, highest: int) -> st.SearchStrategy[str]:
    number = st.integers(lowest, highest)
    # croniter takes 0-0 for every day
    span = st.sets(number, min_size=2, max_size=2).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, highest)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.one_of(st.just("*"), number.map(str), span, step, st.lists(number.map(str), min_size=2).map(",".join))


@given(
    st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
)
@example(("0", "3", "*", "*", "1-5"), START)
@example(("0", "3", "13", "*", "5"), START)
@example(("*/7", "*", "*", "*", "*/2"), START)
def test_the_next_instant_is_crons(fields: tuple[str, ...], moment: datetime) -> None:
    text = " ".join(fields)
    cron = parse_cron(text)
    oracle = croniter.croniter(text, moment, day_or=cron.is_either_day)
    for _ in range(3):
        found = cron.next_after(moment, zone=UTC)
        assert found == oracle.get_next(datetime)
        moment = found


def test_names_and_sundays_second_number() -> None:
    assert parse_cron("0 3 * jan-mar sun").months == frozenset({1, 2, 3})
    assert parse_cron("0 3 * * 7").weekdays == parse_cron("0 3 * * sun").weekdays == frozenset({0})
    assert parse_cron("0 3 * * 5-7").weekdays == frozenset({5, 6, 0})


def due(text: str, after: datetime, count: int) -> list[str]:
    """The next times on Berlin's clocks."""
    found, cron = [], parse_cron(text)
    for _ in range(count):
        instant = cron.next_after(after, zone=BERLIN)
        assert instant is not None
        assert instant > after
        found.append(instant.astimezone(BERLIN).isoformat(timespec="minutes"))
        after = instant
    return found


def test_a_time_that_clocks_repeat_comes_once_and_every_hour_comes_every_hour() -> None:
    evening = datetime(2027, 10, 30, 20, tzinfo=UTC)  # at 3:00 in the night clocks go back to 2:00
    assert due("30 2 * * *", evening, 3) == [
        "2027-10-31T02:30+02:00",
        "2027-11-01T02:30+01:00",
        "2027-11-02T02:30+01:00",
    ]
    assert due("30 * * * *", datetime(2027, 10, 30, 23, 50, tzinfo=UTC), 3) == [
        "2027-10-31T02:30+02:00",
        "2027-10-31T02:30+01:00",
        "2027-10-31T03:30+01:00",
    ]


def test_a_time_that_clocks_leave_out_still_comes() -> None:
    evening = datetime(2027, 3, 27, 20, tzinfo=UTC)  # at 2:00 in the night clocks go on to 3:00
    first, second = due("30 2 * * *", evening, 2)
    assert first.startswith("2027-03-28T03:30")
    assert second.startswith("2027-03-29T02:30")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 3 * *", "five fields"),
        ("60 3 * * *", "minute '60' is not 0 to 59"),
        ("0 3 0 * *", "day '0' is not 1 to 31"),
        ("0 3 * 13 *", "month '13'"),
        ("0 3 * * 8", "weekday '8'"),
        ("0 3 * * frid", "weekday 'frid'"),
        ("0 5-3 * * *", "hour '5-3' runs backwards"),
        ("*/0 * * * *", "minute '0' is not 1 to 59"),
        ("0 0 31 2,4 *", "day 31 never comes"),
        ("@daily", "five fields"),
    ],
)
def test_what_is_no_cron_line_is_told_by_its_field(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("*", r"\*")):
        parse_cron(text)
