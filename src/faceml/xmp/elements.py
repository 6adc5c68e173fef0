"""An XML document whose elements know which bytes they are, so that one can be changed and no other byte moves.

Files of strangers are read here: a document type (and with it every entity) is refused, nothing is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

MAX_BYTES = 32 << 20  # a sidecar has kilobytes; darktable's longest histories some megabytes
MAX_DEPTH = 200
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
ENCODING = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml[^>]*\bencoding\s*=\s*[\"']([^\"']+)")  # as it is declared
_TAG = re.compile(rb"<([^\s/>]+)(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")


class NotXmp(Exception):
    """The bytes are not XML that is read here; the message is a short reason."""


@dataclass(slots=True)
class Element:
    """One element; names are `namespace local`, as expat joins them."""

    name: str
    attributes: dict[str, str]
    start: int  # the byte of its "<"
    inner_start: int  # the byte behind its start tag
    tag: bytes  # its name as written, prefix and all
    is_empty_tag: bool  # written <a/>
    inner_end: int = -1  # the byte of its end tag
    end: int = -1  # the byte behind it
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def first(self, name: str) -> Element | None:
        """The first of `walk` that has this name."""
        return next((element for element in self.walk() if element.name == name), None)

    def child(self, name: str) -> Element | None:
        return next((child for child in self.children if child.name == name), None)


def repaired(data: bytes) -> bytes:
    """A packet as its writer meant it: nothing before it, no NULs after it, and in UTF-8 where it is in cp1252 and does
    not say so."""
    if data.startswith(_UTF16) or b"\0" in data[:4]:
        return data
    data = data.lstrip().rstrip(b"\0")
    try:
        data.decode()
    except UnicodeDecodeError:
        if not ENCODING.match(data):
            return data.decode("cp1252", errors="replace").encode()
    return data


def parse(data: bytes) -> Element:
    """The root element.

    Raises:
        NotXmp: not well-formed, too large, too deep, or with a document type.
    """
    if len(data) > MAX_BYTES:
        raise NotXmp(f"it has {len(data)} bytes; at most {MAX_BYTES} are read")
    builder = _Builder(data)
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise NotXmp(f"it is not XML ({error})") from error
    if builder.root is None:
        raise NotXmp("it is empty")
    return builder.root


class _Builder:
    def __init__(self, data: bytes) -> None:
        self.root: Element | None = None
        self._data = data
        self._open: list[Element] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        start = self.parser.CurrentByteIndex
        written = _TAG.match(self._data, start)
        # In UTF-16 that is no tag: such a document is read, but never changed.
        inner, tag = (written.end(), written[1]) if written else (start, b"")
        element = Element(name, attributes, start, inner, tag, bool(written and written[0].endswith(b"/>")))
        if self._open:
            self._open[-1].children.append(element)
        elif self.root is None:
            self.root = element
        if len(self._open) >= MAX_DEPTH:
            raise NotXmp(f"its elements are nested more than {MAX_DEPTH} deep")
        self._open.append(element)

    def _end(self, _: str) -> None:
        element = self._open.pop()
        if element.is_empty_tag:
            element.inner_end = element.end = element.inner_start
        else:
            element.inner_end = self.parser.CurrentByteIndex
            closing = self._data.find(b">", element.inner_end)
            element.end = closing + 1

    def _characters(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text

    def _doctype(self, *_: object) -> NoReturn:
        raise NotXmp("it declares a document type, which XMP never does")
