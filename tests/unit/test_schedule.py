"""The schedule under a clock of the test's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from faceml.pipelines.schedule import STATE, Entry, Schedule

ZONE = ZoneInfo("UTC")
NIGHTLY = Entry("nightly", "0 3 * * *", Path("nightly.yaml"))
HOURLY = Entry("hourly", "30 * * * *", Path("hourly.yaml"))


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


class Over(BaseException):
    """Ends the schedule, as SIGTERM's SystemExit does."""


class FakeClock:
    """Jumps to whatever is waited for; the test's time is over at `end`."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.moment, self.end = start, end

    def now(self) -> datetime:
        return self.moment

    def wait_until(self, moment: datetime) -> None:
        if moment > self.end:
            raise Over
        self.moment = moment


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)


def runs(
    home: Path,
    start: datetime,
    end: datetime,
    *entries: Entry,
    takes: timedelta = timedelta(minutes=1),
    doing: Callable[[Entry], None] = lambda _: None,
) -> list[tuple[str, datetime]]:
    """What ran when, each run taking so long."""
    clock = FakeClock(start, end)
    done: list[tuple[str, datetime]] = []

    def run(entry: Entry) -> None:
        if clock.now() > end:
            raise Over
        done.append((entry.name, clock.now()))
        clock.moment += takes
        doing(entry)

    with pytest.raises(Over):
        Schedule(entries or (NIGHTLY,), home=home, now=clock.now, wait_until=clock.wait_until).run_forever(run)
    return done


def test_it_runs_when_it_is_due_and_not_at_once(tmp_path: Path) -> None:
    assert runs(tmp_path, at(1, 12), at(4, 12)) == [("nightly", at(day, 3)) for day in (2, 3, 4)]


def test_two_pipelines_take_turns(tmp_path: Path) -> None:
    done = runs(tmp_path, at(1, 1), at(1, 4), NIGHTLY, HOURLY, takes=timedelta(minutes=40))
    assert done == [
        ("hourly", at(1, 1, 30)),
        ("hourly", at(1, 2, 30)),
        ("nightly", at(1, 3, 10)),  # due at 3:00, while the other was running
        ("hourly", at(1, 3, 50)),
    ]


def test_times_missed_during_a_long_run_are_made_up_for_once(tmp_path: Path) -> None:
    done = runs(tmp_path, at(1, 1), at(1, 7), HOURLY, takes=timedelta(hours=2, minutes=15))
    assert done == [("hourly", at(1, 1, 30)), ("hourly", at(1, 3, 45)), ("hourly", at(1, 6))]


def test_nights_missed_while_the_machine_was_off_are_made_up_for_once(tmp_path: Path) -> None:
    assert runs(tmp_path, at(1, 12), at(2, 12)) == [("nightly", at(2, 3))]
    assert runs(tmp_path, at(9, 8, 15), at(10, 12)) == [("nightly", at(9, 8, 15)), ("nightly", at(10, 3))]


def test_a_restart_repeats_nothing(tmp_path: Path) -> None:
    assert runs(tmp_path, at(1, 12), at(2, 4)) == [("nightly", at(2, 3))]
    assert runs(tmp_path, at(2, 4), at(2, 12)) == []


def test_a_run_that_took_the_machine_down_is_not_tried_again_and_again(tmp_path: Path) -> None:
    def die(_: Entry) -> None:
        raise Over

    assert runs(tmp_path, at(1, 12), at(5), doing=die) == [("nightly", at(2, 3))]
    assert runs(tmp_path, at(2, 4), at(3, 12)) == [("nightly", at(3, 3))]


def test_a_first_start_that_saw_no_run_still_counts(tmp_path: Path) -> None:
    assert runs(tmp_path, at(1, 12), at(1, 20)) == []
    assert runs(tmp_path, at(2, 8), at(2, 12)) == [("nightly", at(2, 8))]


def test_another_cron_line_counts_from_now_on(tmp_path: Path) -> None:
    runs(tmp_path, at(1, 12), at(2, 4))
    changed = Entry("nightly", "0 1 * * *", NIGHTLY.file)
    assert runs(tmp_path, at(2, 5), at(3, 12), changed) == [("nightly", at(3, 1))]


def test_a_failure_stops_nothing(tmp_path: Path) -> None:
    def fail(_: Entry) -> None:
        raise RuntimeError("broken")

    assert len(runs(tmp_path, at(1, 12), at(4, 12), doing=fail)) == 3


@pytest.mark.parametrize("content", ["", "no json", "[]", json.dumps({"nightly": {"handled": "?"}})])
def test_a_broken_record_is_a_new_start(tmp_path: Path, content: str) -> None:
    (tmp_path / STATE).write_text(content)
    assert runs(tmp_path, at(1, 12), at(2, 12)) == [("nightly", at(2, 3))]


def test_a_clock_that_was_set_back_does_not_silence_it(tmp_path: Path) -> None:
    runs(tmp_path, at(20, 12), at(21, 12))
    assert runs(tmp_path, at(1, 12), at(2, 12)) == [("nightly", at(2, 3))]


@pytest.mark.parametrize("back", [timedelta(hours=2), timedelta(days=400)])
def test_a_clock_that_is_set_back_while_it_runs_does_not_silence_it(
    tmp_path: Path, back: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock(at(20, 12), at(21, 2))
    done: list[datetime] = []

    def run(_: Entry) -> None:
        done.append(clock.now())
        clock.moment += timedelta(minutes=1)
        if len(done) == 3:
            clock.moment -= back
            clock.end = clock.moment + timedelta(hours=2)

    with pytest.raises(Over):
        Schedule([HOURLY], home=tmp_path, now=clock.now, wait_until=clock.wait_until).run_forever(run)
    set_at = at(20, 14, 31) - back
    assert done[3:] == [set_at + timedelta(minutes=59), set_at + timedelta(hours=1, minutes=59)]
    assert "the clock was set back by" in caplog.text
    assert runs(tmp_path, set_at + timedelta(hours=2), set_at + timedelta(hours=2, minutes=50), HOURLY) == []


def test_a_clock_that_is_put_right_makes_nothing_due_twice(tmp_path: Path) -> None:
    done = runs(tmp_path, at(1, 12), at(1, 15), HOURLY, takes=-timedelta(seconds=20))
    assert [moment for _, moment in done] == [at(1, hour, 30) for hour in (12, 13, 14)]
