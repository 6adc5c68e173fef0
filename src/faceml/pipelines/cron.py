"""Cron lines as cron means them: `minute hour day month weekday`, in the machine's own time zone.

APScheduler finds the instants; its own reading of a crontab differs (Monday is 0, both day fields must match), so each
field is spelled out for it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))


@dataclass(frozen=True)
class Cron:
    """When something is due.

    Where day and weekday are both given (neither begins with *), either may match, as crontab(5) has it.
    """

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    is_either_day: bool

    def next_after(self, moment: datetime, *, zone: tzinfo | None = None) -> datetime | None:
        """The first instant after `moment` (aware) that is due on the clocks of `zone` (default: the machine's).

        An hour that clocks repeat in autumn counts once, unless every hour is asked for. None where none ever comes.
        """
        trigger = self._local if zone is None else self._in(zone)
        start = probe = moment.astimezone(UTC)  # local times that are repeated neither add up nor compare
        while True:
            found: datetime | None = trigger.get_next_fire_time(None, probe + timedelta(microseconds=1))
            if found is None:
                return None
            for fold in (0, 1) if len(self.hours) == 24 else (0,):
                instant = found.replace(fold=fold).astimezone(UTC)
                if instant > start:
                    return instant.astimezone()
            probe += timedelta(minutes=30)  # APScheduler may answer with either of two equal times

    @cached_property
    def _local(self) -> BaseTrigger:
        return self._in(None)

    def _in(self, zone: tzinfo | None) -> BaseTrigger:
        from apscheduler.triggers.combining import OrTrigger
        from apscheduler.triggers.cron import CronTrigger

        always = {"minute": _listed(self.minutes), "hour": _listed(self.hours), "month": _listed(self.months)}
        day = {"day": _listed(self.days)}
        weekday = {"day_of_week": ",".join(_WEEKDAYS[number] for number in sorted(self.weekdays))}
        if self.is_either_day:
            return OrTrigger([CronTrigger(**always, **part, timezone=zone) for part in (day, weekday)])
        return CronTrigger(**always, **day, **weekday, timezone=zone)


def parse_cron(text: str) -> Cron:
    """Read a cron line.

    Raises:
        ValueError: it is none, or names no day that ever comes; the message says which field.

    >>> sorted(parse_cron("*/20 3 * * mon-fri").minutes)
    [0, 20, 40]
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError('it must have five fields, as in "0 3 * * *" (minute hour day month weekday)')
    values = [_field(field, *spec) for field, spec in zip(fields, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = values
    if min(days) > max(31 if month in (1, 3, 5, 7, 8, 10, 12) else 29 if month == 2 else 30 for month in months):
        raise ValueError(f"day {fields[2]} never comes in month {fields[3]}")
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    return Cron(text, minutes, hours, days, months, frozenset(number % 7 for number in weekdays), either)


def _field(text: str, name: str, lowest: int, highest: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, name, 1, highest) if slash else 1
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = lowest, highest - (name == "weekday")
        else:
            start = _number(first, name, lowest, highest)
            end = _number(last, name, lowest, highest) if dash else highest if slash else start
        if end < start:
            raise ValueError(f"{name} {part!r} runs backwards")
        found.update(range(start, end + 1, step))
    return frozenset(found)


def _number(text: str, name: str, lowest: int, highest: int) -> int:
    names = {"month": _MONTHS, "weekday": _WEEKDAYS}.get(name, ())
    if text.lower() in names:
        return names.index(text.lower()) + (name == "month")
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise ValueError(f"{name} {text!r} is not {lowest} to {highest}")
    return int(text)


def _listed(numbers: frozenset[int]) -> str:
    return ",".join(map(str, sorted(numbers)))
