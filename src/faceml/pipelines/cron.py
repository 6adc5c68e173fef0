"""Cron lines as cron means them: `minute hour day month weekday`, in the machine's own time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from cronsim import CronSim, CronSimError
from tzlocal import get_localzone

# As CronSim's errors call it, as it is called here, and what it may be.
_FIELDS = (
    ("minute", "minute", "0 to 59"),
    ("hour", "hour", "0 to 23"),
    ("day-of-month", "day", "1 to 31"),
    ("month", "month", "1 to 12, or jan to dec"),
    ("day-of-week", "weekday", "0 to 7, or sun to sat"),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """When something is due.

    Where day and weekday are both given (neither begins with *), either may match, as crontab(5) has it.
    """

    text: str

    def next_after(self, moment: datetime, *, zone: tzinfo | None = None) -> datetime | None:
        """The first instant after `moment` (aware) that is due on the clocks of `zone` (default: the machine's).

        An hour that clocks repeat in autumn counts once, unless minute or hour begins with *. None where none comes
        within fifty years.
        """
        start = moment.astimezone(UTC)  # local times that are repeated do not compare
        for found in CronSim(self.text, moment.astimezone(zone or get_localzone())):
            if found.astimezone(UTC) > start:
                return found.astimezone(UTC).astimezone()
        return None


def parse_cron(text: str) -> Cron:
    """Read a cron line.

    Raises:
        ValueError: it cannot be read, or names no day that ever comes; the message says which field.

    >>> parse_cron("*/20 3 * * mon-fri").next_after(datetime(2026, 11, 28, tzinfo=UTC), zone=UTC).isoformat()
    '2026-11-30T03:00:00+00:00'
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError('it must have five fields, as in "0 3 * * *" (minute hour day month weekday)')
    try:
        CronSim(text, datetime.now(UTC))
    except CronSimError as error:
        raise ValueError(_reason(fields, str(error))) from error
    return Cron(text)


def _reason(fields: list[str], said: str) -> str:
    for field, (known_as, name, allowed) in zip(fields, _FIELDS, strict=True):
        if said == f"Bad {known_as}":
            if name == "day" and _is_read(f"* * {field} * *"):
                return f"day {field} never comes in month {fields[3]}"
            return f"{name} {field!r} cannot be: write {allowed}, or lists, a-b or */n of them"
    return said


def _is_read(text: str) -> bool:
    try:
        CronSim(text, datetime.now(UTC))
    except CronSimError:
        return False
    return True
