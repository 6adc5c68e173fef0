"""When a person may be on a photo: nobody is on one taken before their birth, or long after their death.

This is the one place where it is decided; what asks who a face is gets its answer through a `Gallery` or a `Matching`.
Dates may be known in part: a year, or a year and a month. Then the generous end counts, and what is not known, of the
person or of the photo, rules nobody out.
"""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from faceml.errors import WrongUse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AFTER_DEATH = timedelta(days=365)  # a film waits to be developed, a camera's clock is wrong
_WRITTEN = re.compile(r"(\d{4})(?:-(\d\d?))?(?:-(\d\d?))?")


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A day, a month or a year."""

    year: int
    month: int | None = None
    day: int | None = None

    @classmethod
    def read(cls, text: str) -> PartialDate:
        """
        Raises:
            WrongUse: it is no date, or written otherwise.

        >>> str(PartialDate.read("1950-5")), PartialDate.read("1950").last
        ('1950-05', datetime.date(1950, 12, 31))
        """
        found = _WRITTEN.fullmatch(text.strip())
        parts = [int(part) for part in found.groups() if part is not None] if found else []
        try:
            date(*[*parts, 1, 1][:3])
        except (ValueError, TypeError) as error:
            raise WrongUse(f"{text!r} is no date: write 1950, 1950-05 or 1950-05-17") from error
        return cls(*parts)

    @property
    def first(self) -> date:
        """The first day that it may mean."""
        return date(self.year, self.month or 1, self.day or 1)

    @property
    def last(self) -> date:
        month = self.month or 12
        return date(self.year, month, self.day or calendar.monthrange(self.year, month)[1])

    def __str__(self) -> str:
        parts = (f"{self.month:02}" if self.month else "", f"{self.day:02}" if self.day else "")
        return "-".join((f"{self.year:04}", *filter(None, parts)))


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When somebody was born and died, as far as that is known."""

    born: PartialDate | None = None
    died: PartialDate | None = None

    def __post_init__(self) -> None:
        """Raises WrongUse where nobody can have lived so."""
        if self.born and self.died and self.died.last < self.born.first:
            raise WrongUse(f"died {self.died} is before born {self.born}: correct one of them")

    @classmethod
    def read(cls, born: str | None, died: str | None) -> Lifetime:
        """Raises WrongUse as `PartialDate.read`."""
        return cls(PartialDate.read(born) if born else None, PartialDate.read(died) if died else None)

    @property
    def first(self) -> date | None:
        """The first day on which they may be on a photo; None: any."""
        return self.born.first if self.born else None

    @property
    def last(self) -> date | None:
        """Likewise the last."""
        return min(self.died.last, date.max - AFTER_DEATH) + AFTER_DEATH if self.died else None

    def why_not(self, taken: date | None) -> str | None:
        """Why they cannot be on a photo of this day; None where they can, and where nobody knows the day.

        >>> Lifetime.read("1950", None).why_not(date(1949, 12, 31))
        'born 1950, the photo is of 1949-12-31'
        >>> Lifetime.read("1950", None).why_not(date(1950, 1, 1)), Lifetime.read("1950", None).why_not(None)
        (None, None)
        """
        if taken is not None and self.first is not None and taken < self.first:
            return f"born {self.born}, the photo is of {taken}"
        if taken is not None and self.last is not None and taken > self.last:
            return f"died {self.died}, the photo is of {taken}"
        return None

    def outside(self, days: Sequence[date]) -> int:
        """On how many of these days, ascending, they cannot be on a photo.

        >>> Lifetime.read("1950", "1960").outside([date(1949, 1, 1), date(1955, 1, 1), date(1962, 1, 1)])
        2
        """
        before = bisect_left(days, self.first) if self.first else 0
        return before + (len(days) - bisect_right(days, self.last) if self.last else 0)

    def age(self, taken: date | None) -> int | None:
        """Whole years on that day; of a birth known by its year or month the age they turn then.

        None where either day is not known, before the birth, and where they cannot be on such a photo.

        >>> Lifetime.read("1950-06-02", None).age(date(1960, 6, 1)), Lifetime.read("1950", None).age(date(1960, 2, 1))
        (9, 10)
        """
        if self.born is None or taken is None or self.why_not(taken):
            return None
        turns = (self.born.month or taken.month, self.born.day or taken.day)
        return taken.year - self.born.year - ((taken.month, taken.day) < turns)


@dataclass(frozen=True, slots=True, eq=False)
class Vetoes:
    """Which of P faces cannot show which people, by the day of the photo."""

    taken: NDArray[np.datetime64]  # (P,) NaT: nobody knows
    people: NDArray[np.intp]  # (C,) rows of people of whom something is known, ascending
    first: NDArray[np.datetime64]  # (C,) NaT: any day
    last: NDArray[np.datetime64]  # (C,)

    def blank(self, scores: NDArray[np.float32], faces: slice | NDArray[np.intp], owners: NDArray[np.intp]) -> None:
        """Set what cannot be to -inf, in place.

        Args:
            scores: (B, M) of B faces.
            faces: which of the P they are.
            owners: (M,) row of the person whom each column is about.
        """
        import numpy as np

        found = np.searchsorted(self.people, owners)
        columns = np.flatnonzero(np.append(self.people, -1)[found] == owners)
        of_person, taken = found[columns], self.taken[faces][:, None]  # a comparison with NaT is never true
        is_outside = (taken < self.first[of_person]) | (taken > self.last[of_person])
        scores[:, columns] = np.where(is_outside, np.float32(-np.inf), scores[:, columns])


@dataclass(frozen=True, slots=True)
class Times:
    """When people lived and photos were taken, of those who were asked about."""

    lifetimes: Mapping[UUID, Lifetime] = field(default_factory=dict)  # people of whom something is known
    taken: Mapping[UUID, date] = field(default_factory=dict)  # by face, the day of its photo
    day: date | None = None  # of a photo that the library does not hold

    def vetoes(self, face_ids: Sequence[UUID], count: int, people: Sequence[UUID]) -> Vetoes | None:
        """
        Args:
            face_ids: (P,) who they are, or empty: `count` faces of a photo that the library does not hold.
            people: (K,) whom the rows of a match stand for.
        Returns:
            None where nobody is ruled out.
        """
        import numpy as np

        known = [row for row, person_id in enumerate(people) if person_id in self.lifetimes]
        days = [self.taken.get(face_id) for face_id in face_ids] if face_ids else [self.day] * count
        if not known or not any(days):
            return None
        lives = [self.lifetimes[people[row]] for row in known]
        return Vetoes(
            _days(days), np.array(known, np.intp), _days([life.first for life in lives]), _days([x.last for x in lives])
        )

    def age(self, face_id: UUID, person_id: UUID | None) -> int | None:
        """See `Lifetime.age`."""
        life = self.lifetimes.get(person_id) if person_id else None
        return life.age(self.taken.get(face_id)) if life else None

    def ruled_out(self, face_ids: Iterable[UUID]) -> Counter[UUID]:
        """Of how many of these faces each person cannot be: each is looked up among the days, no pairs are made.

        >>> one, other, person = UUID(int=1), UUID(int=2), UUID(int=3)
        >>> times = Times({person: Lifetime.read("1950", None)}, {one: date(1949, 1, 1), other: date(1950, 1, 1)})
        >>> times.ruled_out([one, other])[person]
        1
        """
        days = sorted(self.taken[face_id] for face_id in face_ids if face_id in self.taken)
        counts = {person_id: life.outside(days) for person_id, life in self.lifetimes.items()}
        return Counter({person_id: count for person_id, count in counts.items() if count})

    def impossible(self, pairs: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
        """Those (face, person) pairs that cannot be."""
        return {
            (face_id, person_id)
            for face_id, person_id in pairs
            if (life := self.lifetimes.get(person_id)) and life.why_not(self.taken.get(face_id))
        }


ANY_TIME = Times()


def _days(days: Sequence[date | None]) -> NDArray[np.datetime64]:
    import numpy as np

    return np.array(days, "datetime64[D]")
