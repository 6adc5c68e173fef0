"""What to tell somebody who wrote a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def known_names(word: str, known: Iterable[str]) -> str:
    """List the known names, the likeliest one first as a question.

    >>> known_names("notebok", ["notebook", "when"])
    'did you mean notebook? Known: notebook, when'
    >>> known_names("xyz", [])
    'none are known'
    """
    names = sorted(known)
    if not names:
        return "none are known"
    likeliest = get_close_matches(word, names, n=1)
    question = f"did you mean {likeliest[0]}? " if likeliest else ""
    return f"{question}Known: {', '.join(names)}"
