"""Names of people: what cannot be seen makes no other person, what is seen stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceml.errors import WrongUse
from faceml.names import fold_name, folded, tidy_name

ODD = (
    "\u200b\u200c\u200d\u200e\ufe0f\xad\u034f\u3164\uffa0\u2800\ufeff\xa0 \u3000ａ１aée\u0301´ßİıﬁ\u0930\u0915\u094d"
    "\u0636\u0627\u0639\u062f👩🏽❤↔\u20e3\U0001f3f4\U000e0067葛\U000e0100.\u0345α"
)
TEXTS = st.text(st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=["Cs"])))
PERSIAN, JOINED = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "\u0639\u0644\u06cc\u0631\u0636\u0627"
FAMILY, ENGLAND = (
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "\U0001f3f4" + "".join(chr(0xE0000 + n) for n in b"gbeng\x7f"),
)


@pytest.mark.parametrize(
    "name",
    [
        *("\u200bAda", "A\u200cda", "Ad\u200da", "Ada\ufeff", "A\u2060da", "A\xadda", "A\u034fda", "Ada\ufe0f"),
        *("\u202aAda\u202c", "Ada\u200f", "\u2066Ada\u2069", "Ada\u061c", "Ada\U000e0041", "Ada\u180e"),
        *("Ada\xa0", "\u3000Ada", "Ada\u3164", "\uffa0Ada", "\u2800Ada ", "Ada\u2003", "\u202fAda", "ADA", "ada"),
        *("Ａｄａ", "𝐀𝐝𝐚", "A\u200b\u200dd\xada", "\u200e \u3164Ada"),
    ],
)
def test_what_looks_like_ada_is_ada(name: str) -> None:
    assert fold_name(name) == fold_name("Ada")
    assert tidy_name(name).casefold() in ("ada", "ａｄａ", "𝐀𝐝𝐚")


def test_what_looks_like_a_blank_is_one() -> None:
    for blank in "\xa0\u2002\u2007\u202f\u205f\u3000\u3164\uffa0\u2800":
        assert tidy_name(f"Ada{blank}Lovelace") == tidy_name(f"Ada{blank}\u200b {blank}Lovelace") == "Ada Lovelace"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        (PERSIAN, JOINED),
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u0937"),  # Devanagari: half a letter, or both in one
        ("\u0d28\u0d4d\u200c\u0d31", "\u0d28\u0d4d\u0d31"),  # Malayalam: a virama that is seen
        ("\u09b0\u200d\u09cd\u09af\u09be", "\u09b0\u09cd\u09af\u09be"),  # Bengali: RA with YA-phalaa, as in Rachel
        (FAMILY, FAMILY.replace("\u200d", "")),
        ("\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f3f3\U0001f308"),
        ("\U0001f642\u200d\u2194\ufe0f", "\U0001f642\u2194"),
        (ENGLAND, "\U0001f3f4"),
        ("José", "Jose"),
    ],
)
def test_a_joiner_that_is_seen_stays_and_makes_another_name(name: str, other: str) -> None:
    assert tidy_name(name) == name
    assert tidy_name(other) == other
    assert fold_name(name) != fold_name(other)


@pytest.mark.parametrize(
    ("name", "tidy"),
    [
        (f"{PERSIAN}\u200c", PERSIAN),
        (PERSIAN.replace("\u200c", "\u200c\u200c\u200b"), PERSIAN),
        ("\u0930\u093e\u200c\u092e", "\u0930\u093e\u092e"),  # no virama: nothing to keep apart
        ("\u0633\u0627\u200c\u0631\u0627", "\u0633\u0627\u0631\u0627"),  # an alef joins nothing behind it
        (f"{FAMILY}\u200d", FAMILY),
        ("❤\ufe0f", "❤\ufe0f"),
        ("葛\U000e0100城", "葛\U000e0100城"),
    ],
)
def test_a_joiner_goes_where_it_changes_nothing_and_a_variant_stays_where_there_is_one(name: str, tidy: str) -> None:
    assert tidy_name(name) == tidy
    assert fold_name(name) == fold_name(tidy)


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\ufeff\u200e", "\xad", "\u3164", "\u2800 \xa0", "\u200d"])
def test_a_name_of_nothing_to_be_seen_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(WrongUse, match=r"^the name of a person is empty.*: give at least one letter$"):
        tidy_name(name)


def test_the_line_says_what_was_there() -> None:
    with pytest.raises(WrongUse, match=r"empty but for what cannot be seen \(U\+00AD, U\+200B\)"):
        tidy_name("\u200b \xad")


@given(TEXTS)
def test_a_name_is_tidied_and_folded_once_and_for_all(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    try:
        tidy = tidy_name(text)
    except WrongUse:
        return
    assert tidy_name(tidy) == tidy
    assert fold_name(tidy) == fold_name(text) == folded(text)
