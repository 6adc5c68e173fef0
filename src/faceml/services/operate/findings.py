"""What a check found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from faceml.library import Library


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"  # works, but not as well as it could, or not for long
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    subject: str
    detail: str
    fix: str | None = None  # what to do; always there for warn and fail


Check = Callable[[Library], Iterable[Finding]]


def ok(subject: str, detail: str) -> Finding:
    return Finding(Level.OK, subject, detail)


def warn(subject: str, detail: str, fix: str) -> Finding:
    return Finding(Level.WARN, subject, detail, fix)


def fail(subject: str, detail: str, fix: str) -> Finding:
    return Finding(Level.FAIL, subject, detail, fix)


def with_fix(subject: str, message: str) -> Finding:
    """A failure with the message of one of faceml's own errors, which ends in the fix.

    >>> with_fix("database", "PostgreSQL at db does not answer: start it, or unset DATABASE_URL").fix
    'start it, or unset DATABASE_URL'
    """
    parts = re.fullmatch(r"(.*)[:;] (.+)", message, re.DOTALL)
    return fail(subject, parts[1], parts[2]) if parts else fail(subject, message, "as it says")
