"""A page of a list, and the place behind it: what the next page begins after, whatever came and went meanwhile.

A place names the last item, and what it was sorted by where that changes. Names and paths are in no place: they are
looked up (docs/decisions/0055-pages-and-places.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from faceml.errors import WrongUse

LARGEST_PAGE = 100
LARGEST_NUMBER = 2**31 - 1  # of the databases' integers
Item = TypeVar("Item")

_PLACE = re.compile(r"[A-Za-z0-9_.:\-]{1,150}")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    items: tuple[Item, ...]
    total: int  # on all pages
    page: int  # counted from `after`, where somebody asked for what is behind that
    page_size: int
    next: str | None = None  # `after` of the page behind this one; None: this is the last


def rows_of(page: int, page_size: int, most: int = LARGEST_PAGE) -> dict[str, int]:
    """`limit` and `offset` of a page's items and one more, which tells whether there is a next page.

    Raises:
        WrongUse: a page below 1, or a page size outside 1 to `most`.

    >>> rows_of(3, 20)
    {'limit': 21, 'offset': 40}
    """
    if page < 1 or not 1 <= page_size <= most:
        raise WrongUse(f"page={page}, page_size={page_size}: pages count from 1 and hold 1 to {most:,} items")
    return {"limit": page_size + 1, "offset": (page - 1) * page_size}


def page_of(items: Sequence[Item], total: int, page: int, page_size: int, place: Callable[[Item], str]) -> Page[Item]:
    """Of the items of `rows_of`.

    >>> page_of("abc", 9, 1, 2, place=str.upper)
    Page(items=('a', 'b'), total=9, page=1, page_size=2, next='B')
    """
    shown = tuple(items[:page_size])
    return Page(shown, total, page, page_size, place(shown[-1]) if len(items) > page_size else None)


def place_of(after: str | None, *kinds: Callable[[str], Any]) -> Any:
    """What a page is to begin behind: a value of each kind, of text that has dots between them.

    Raises:
        WrongUse: it is something else.

    >>> place_of("15.clu_a", number, str), place_of("7", number), place_of(None, number)
    ((15, 'clu_a'), 7, None)
    """
    if after is None:
        return None
    try:
        parts = after.split(".", len(kinds) - 1) if _PLACE.fullmatch(after) else []
        found = tuple(kind(part) for kind, part in zip(kinds, parts, strict=True))
    except ValueError as error:
        raise WrongUse(f"after={after!r} is no place in this list: take the one that another page names") from error
    return found if len(found) > 1 else found[0]


def number(text: str) -> int:
    """A kind of a place's value. Raises ValueError."""
    if not 0 <= (found := int(text)) <= LARGEST_NUMBER:
        raise ValueError(text)
    return found
