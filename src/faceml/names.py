"""Names of people: as they are stored, and as they are compared. Whatever door a name comes through, it passes here.

What cannot be seen makes no other name: zero-width letters, soft hyphens, marks of direction and fillers go, and what
looks like a blank is one. They stay where they are seen: joiners between letters that would join otherwise (Persian) or
at a virama (Indic scripts; RFC 5892, appendix A), and within an emoji. Compared, names are the same whatever their
case, width and form are (Unicode's NFKC_Casefold, but for those joiners).
"""

from __future__ import annotations

import re
import unicodedata

from faceml.errors import WrongUse

NAME_LENGTH = 255
FOLDED_LENGTH = 512

_BLANK = str.maketrans(dict.fromkeys("\u2800\u3164\uffa0", " "))  # to Unicode, a symbol and letters
_JOINERS = re.compile("([\u200c\u200d])\\1+")
_VIRAMA = 9  # the combining class
# Of Unicode's Default_Ignorable_Code_Point, and the marks of annotations: those never seen, and those seen in places.
_UNSEEN = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff]"
)
_VARIANTS = "\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_SEEN_IN_PLACES = re.compile(f"[\u200c\u200d\U000e0020-\U000e007f{_VARIANTS}]")
_VARIANT = re.compile(f"[{_VARIANTS}]")
_BLACK_FLAG = "\U0001f3f4"  # before the tags of a region's: England, Scotland, Wales


def tidy_name(name: str) -> str:
    """The name as it is stored: Unicode NFC, blanks single, nothing that cannot be seen.

    Raises:
        WrongUse: nothing is left of it, it holds control characters, or more than 255 characters.

    >>> tidy_name("\\u200bAda\\u00a0 Love\\u00adlace\\u200f")
    'Ada Lovelace'
    """
    tidy = _plain(name)
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in tidy):  # PostgreSQL refuses NUL
        raise WrongUse("the name of a person holds control characters: leave them out")
    if not tidy:
        unseen = sorted({f"U+{ord(letter):04X}" for letter in name if not letter.isspace()})
        but_for = f" but for what cannot be seen ({', '.join(unseen[:5])})" if unseen else ""
        raise WrongUse(f"the name of a person is empty{but_for}: give at least one letter")
    if len(tidy) > NAME_LENGTH:
        raise WrongUse(f"the name of a person has {len(tidy)} characters; the longest is {NAME_LENGTH}")
    if len(folded(tidy)) > FOLDED_LENGTH:  # a letter may fold to three
        raise WrongUse(f"the name of a person is too long to be compared: {NAME_LENGTH} plain letters fit")
    return tidy


def fold_name(name: str) -> str:
    """The name as it is compared. Raises WrongUse as `tidy_name`.

    >>> fold_name("  JOSÉ  garcía") == fold_name("José García") == fold_name("Ｊｏｓé García")
    True
    """
    return folded(tidy_name(name))


def folded(text: str) -> str:
    """`fold_name` of anything: also the beginning of a name, and a name that is refused by now."""
    compatible = unicodedata.normalize("NFKC", _plain(text)).casefold()
    return _plain(_VARIANT.sub("", unicodedata.normalize("NFKC", compatible)))


def _plain(text: str) -> str:
    if text.isascii():
        return " ".join(text.split())
    text = unicodedata.normalize("NFC", _UNSEEN.sub("", text.translate(_BLANK)))
    if _SEEN_IN_PLACES.search(text):
        text = _JOINERS.sub(r"\1", text)
        seen = (letter for at, letter in enumerate(text) if not _SEEN_IN_PLACES.match(letter) or _is_seen(text, at))
        text = unicodedata.normalize("NFC", "".join(seen))
    return " ".join(text.split())


def _is_seen(text: str, at: int) -> bool:
    """Whether a joiner, a choice of variant or a tag changes what is seen here."""
    letter, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if letter == "\u200c":
        return _parts_letters(text, at)
    if letter == "\u200d":
        is_emoji = before in ("\ufe0e", "\ufe0f") or _kind(before) == "S"
        return _VIRAMA in (_combines(before), _combines(after)) or (is_emoji and _kind(after) == "S")
    if _VARIANT.match(letter):
        return _kind(before) in ("S", "P", "N") or (before != "" and unicodedata.category(before) == "Lo")
    return text[:at].rstrip("".join(map(chr, range(0xE0020, 0xE0080)))).endswith(_BLACK_FLAG)


def _parts_letters(text: str, at: int) -> bool:
    from idna import valid_contextj  # late: hardly any name asks for it

    return at > 0 and unicodedata.name(text[at - 1], "") != "" and valid_contextj(text, at)


def _kind(letter: str) -> str:
    """Unicode's major category: L letter, M mark, N number, P punctuation, S symbol."""
    return unicodedata.category(letter)[0] if letter else ""


def _combines(letter: str) -> int:
    return unicodedata.combining(letter) if letter else 0
