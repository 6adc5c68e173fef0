"""Cron lines as cron means them: `minute hour day month weekday`, in the machine's own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from cronsim import CronSim, CronSimError
from tzlocal import get_localzone

_FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day", "1 to 31"),
    ("month", "1 to 12, or jan to dec"),
    ("weekday", "0 to 7, or sun to sat"),
)


def next_due(line: str, after: datetime, *, zone: tzinfo | None = None) -> datetime | None:
    """The first instant after `after` (aware) that is due on the clocks of `zone` (default: the machine's).

    Where day and weekday are both given (neither begins with *), either may match, as crontab(5) has it. An hour that
    clocks repeat in autumn counts once, unless minute or hour begins with *. None where none comes within fifty years.

    >>> next_due("*/20 3 * * mon-fri", datetime(2026, 11, 28, tzinfo=UTC), zone=UTC).isoformat()
    '2026-11-30T03:00:00+00:00'
    """
    start = after.astimezone(UTC)  # local times that are repeated do not compare
    for found in CronSim(line, after.astimezone(zone or get_localzone())):
        if found.astimezone(UTC) > start:
            return found.astimezone(UTC).astimezone()
    return None


def check_cron(line: str) -> str:
    """The line itself.

    Raises:
        ValueError: it cannot be read, or names no day that ever comes; the message says which field.
    """
    fields = line.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f'{line!r} must have five fields, as in "0 3 * * *" (minute hour day month weekday)')
    for place, (field, (name, allowed)) in enumerate(zip(fields, _FIELDS, strict=True)):
        alone = ["*"] * len(fields)
        alone[place] = field
        if not _is_read(alone):
            raise ValueError(f"{name} {field!r} is not valid: write {allowed}, or lists, a-b or */n of them")
    if not _is_read(fields):
        raise ValueError(f"day {fields[2]} never comes in month {fields[3]}")
    return line


def _is_read(fields: list[str]) -> bool:
    try:
        CronSim(" ".join(fields), datetime.now(UTC))
    except CronSimError:
        return False
    return True
