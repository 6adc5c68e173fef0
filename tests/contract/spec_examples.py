"""The specification's examples: read out of it where it is at hand, kept in `documented_api.json`.

python -m tests.contract.spec_examples ../shared/spec/face-pipeline.md    writes the file anew
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

KEPT = Path(__file__).with_name("documented_api.json")
_BODY = re.compile(r"\*\*(?:Request|Response)\*\* \(`(\w+)`\):\n```json\n(.*?)```", re.DOTALL)
_SHELL = re.compile(r"```bash\n(.*?)```", re.DOTALL)
_CODE = re.compile(r"```(?:python|bash)\n(?:[^`]*?\n)?(from image_search_service\..*?)```", re.DOTALL)
_QUERY = re.compile(r"^(SELECT .*?);", re.DOTALL | re.MULTILINE)
_MODULE = "image_search_service"
_COMMAND_LINE = f"uv run python -m {_MODULE}.scripts.cli faces "


def read_specification(text: str) -> dict[str, Any]:
    """Bodies by the name the specification gives them; every curl command, command line, make target
    and query; the code."""
    return {
        "bodies": {name: json.loads(body) for name, body in _BODY.findall(text)},
        "commands": list(_commands(text, "curl")),
        "shell": [line for line in _commands(text, (_COMMAND_LINE, "make faces-")) if "<command>" not in line],
        "code": list(dict.fromkeys(_CODE.findall(text))),
        "sql": [" ".join(query.split()) for query in _QUERY.findall(text)],
    }


def _commands(text: str, start: str | tuple[str, ...]) -> dict[str, None]:
    """Every command that starts so, once, in order."""
    lines = [line.strip() for block in _SHELL.findall(text) for line in re.sub(r"\\\n\s*", "", block).splitlines()]
    return dict.fromkeys(line for line in lines if line.startswith(start))


def words_of(command_line: str) -> list[str]:
    """What one of the specification's command lines hands to its program.

    >>> words_of("uv run python -m image_search_service.scripts.cli faces backfill --limit 100")
    ['faces', 'backfill', '--limit', '100']
    """
    return shlex.split(command_line.removeprefix(_COMMAND_LINE.removesuffix("faces ")))


def with_our_name(code: str) -> str:
    return code.replace(_MODULE, "faceml")


def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(KEPT.read_text())
    return found


def differences(documented: Any, answer: Any, at: str = "$") -> list[str]:
    """Where an answer's names, nesting or types are not the documented ones; a documented null may be anything."""
    if documented is None or (answer is None and at.endswith(("Id", "Name", "id"))):
        return []
    if isinstance(documented, dict):
        if not isinstance(answer, dict) or documented.keys() != answer.keys():
            return [f"{at}: {sorted(documented)} is documented, not {answer!r}"]
        return [line for key in documented for line in differences(documented[key], answer[key], f"{at}.{key}")]
    if isinstance(documented, list):
        if not isinstance(answer, list) or not answer:
            return [f"{at}: a list that is not empty is wanted, not {answer!r}"]
        return [line for i, item in enumerate(answer) for line in differences(documented[0], item, f"{at}[{i}]")]
    kinds = (int, float) if isinstance(documented, float) or at.endswith("seconds") else type(documented)
    return [] if isinstance(answer, kinds) else [f"{at}: {documented!r} is documented, not {answer!r}"]


if __name__ == "__main__":
    KEPT.write_text(json.dumps(read_specification(Path(sys.argv[1]).read_text()), indent=1) + "\n")
