"""Cron lines mean what cron means: held against a slow obvious version, and on clocks that are changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faceml.pipelines.cron import check_cron, next_due

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday
Field = tuple[str, set[int]]  # as it is written, and the numbers it means


def field(lowest: int, highest: int, *, last: int | None = None) -> st.SearchStrategy[Field]:
    """What may stand in a field: numbers up to `highest`, though * means all up to `last`."""
    last = last or highest
    number = st.integers(lowest, highest)
    span = st.sets(number, min_size=2, max_size=2).map(lambda pair: (min(pair), max(pair)))
    several = st.sets(number, min_size=2)
    step = st.integers(1, highest)
    return st.one_of(
        st.just(("*", set(range(lowest, last + 1)))),
        number.map(lambda value: (str(value), {value})),
        several.map(lambda values: (",".join(map(str, values)), values)),
        span.map(lambda ends: (f"{ends[0]}-{ends[1]}", set(range(ends[0], ends[1] + 1)))),
        step.map(lambda by: (f"*/{by}", set(range(lowest, last + 1, by)))),
        st.tuples(span, step).map(lambda two: (f"{two[0][0]}-{two[0][1]}/{two[1]}", _every(*two))),
    )


def _every(ends: tuple[int, int], by: int) -> set[int]:
    return set(range(ends[0], ends[1] + 1, by))


def obvious(fields: tuple[Field, ...], after: datetime) -> Iterator[datetime]:
    """Every instant that is due, found by looking at each day."""
    (_, minutes), (_, hours), (day_text, days), (_, months), (weekday_text, weekdays) = fields
    both = day_text.startswith("*") or weekday_text.startswith("*")
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        on_day, on_weekday = midnight.day in days, midnight.isoweekday() % 7 in weekdays
        if midnight.month in months and (on_day and on_weekday if both else on_day or on_weekday):
            times = (midnight.replace(hour=hour, minute=minute) for hour in sorted(hours) for minute in sorted(minutes))
            yield from (time for time in times if time > after)
        midnight += timedelta(days=1)


@given(
    st.tuples(field(0, 59), field(0, 23), field(1, 28, last=31), field(1, 12), field(0, 6)),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
)
@example((("0", {0}), ("3", {3}), ("*", set(range(1, 32))), ("*", set(range(1, 13))), ("1-5", {1, 2, 3, 4, 5})), START)
@example((("0", {0}), ("3", {3}), ("13", {13}), ("*", set(range(1, 13))), ("5", {5})), START)
@example((("0", {0}), ("3", {3}), ("13", {13}), ("*", set(range(1, 13))), ("*/2", {0, 2, 4, 6})), START)
def test_the_next_instant_is_crons(fields: tuple[Field, ...], moment: datetime) -> None:
    line = check_cron(" ".join(text for text, _ in fields))
    expected = obvious(fields, moment)
    for _ in range(3):
        found = next_due(line, moment, zone=UTC)
        assert found == next(expected)
        assert found is not None
        moment = found


@pytest.mark.parametrize(
    ("line", "same"),
    [("0 3 * jan-mar sun", "0 3 * 1-3 0"), ("0 3 * * 7", "0 3 * * sun"), ("0 3 * * 5-7", "0 3 * * 0,5,6")],
)
def test_names_and_sundays_second_number(line: str, same: str) -> None:
    moment = START
    for _ in range(20):
        found = next_due(line, moment)
        assert found is not None
        assert found == next_due(same, moment)
        moment = found


def due(text: str, after: datetime, count: int) -> list[str]:
    """The next times on Berlin's clocks."""
    found = []
    for _ in range(count):
        instant = next_due(text, after, zone=BERLIN)
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
    assert first.startswith("2027-03-28T03:00")
    assert second.startswith("2027-03-29T02:30")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 3 * *", "five fields"),
        ("60 3 * * *", "minute '60' is not valid: write 0 to 59"),
        ("0 3 0 * *", "day '0' is not valid: write 1 to 31"),
        ("0 3 * 13 *", "month '13'"),
        ("0 3 * * 8", "weekday '8'"),
        ("0 3 * * frid", "weekday 'frid'"),
        ("0 5-3 * * *", "hour '5-3'"),
        ("*/0 * * * *", "minute '*/0'"),
        ("0 0 31 2,4 *", "day 31 never comes in month 2,4"),
        ("0 0 3 * * *", "five fields"),  # CronSim would take it as one with seconds
        ("@daily", "five fields"),
    ],
)
def test_what_is_no_cron_line_is_told_by_its_field(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("*", r"\*")):
        check_cron(text)
