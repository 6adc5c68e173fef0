"""One writer of labels at a time, on PostgreSQL as on SQLite."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

_LABELS = 7_302_912  # any constant: PostgreSQL's advisory locks are numbers


def lock_labels(session: Session) -> None:
    """Wait until no other transaction writes labels; held until this one ends, taken again at no cost.

    SQLite's writing transactions exclude each other anyway. On PostgreSQL two would read the same faces and the later
    would overwrite the earlier one's decision.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LABELS})
