"""Paths as text that a database, a CSV, JSON and a terminal can hold, also those whose names are not UTF-8.

On Linux a name is bytes. What is not UTF-8 in it Python holds as lone surrogates (PEP 383), which PostgreSQL, JSON and
terminals refuse. Such a path, and no other, is written as its file URI (RFC 8089), and read back from it.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from urllib.parse import unquote_to_bytes

_URI = "file://"


def path_text(path: Path | str) -> str:
    r"""How a path is stored, written and shown.

    >>> path_text(Path("/photos/café.jpg")), path_text(Path("/photos/caf\udce9.jpg"))
    ('/photos/café.jpg', 'file:///photos/caf%E9.jpg')
    """
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        return Path(path).absolute().as_uri()
    return text


def path_of(text: str) -> Path:
    r"""The path that was written, by a person perhaps: any file URI of this machine is understood.

    >>> path_of("file:///photos/caf%E9.jpg") == Path("/photos/caf\udce9.jpg"), path_of("a.jpg") == Path("a.jpg")
    (True, True)
    """
    if not text.startswith(f"{_URI}/"):
        return Path(text)
    return Path(os.fsdecode(unquote_to_bytes(text.removeprefix(_URI))))


def name_text(path: Path) -> str:
    r"""The last part of a path as it is shown.

    >>> name_text(Path("/photos/caf\udce9.jpg"))
    'caf%E9.jpg'
    """
    return Path(path_text(path)).name


def composed(path: Path) -> str:
    """How a path is compared with one that somebody wrote down."""
    return unicodedata.normalize("NFC", str(path))
