"""Extension of griffe: the doctests at a docstring's end are its section of examples."""

from __future__ import annotations

import re
from textwrap import indent
from typing import Any

from griffe import Extension, Object

FIRST_TEST = re.compile(r"^>>> ", re.MULTILINE)


class Doctests(Extension):
    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring and (found := FIRST_TEST.search(obj.docstring.value)):
            text, tests = obj.docstring.value[: found.start()], obj.docstring.value[found.start() :]
            obj.docstring.value = f"{text}Examples:\n{indent(tests, '    ')}"
