"""The specification's examples of the REST API: read out of it where it is at hand, kept in `documented_api.json`.

python -m tests.contract.spec_examples ../shared/spec/face-pipeline.md    writes the file anew
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

KEPT = Path(__file__).with_name("documented_api.json")
_BODY = re.compile(r"\*\*(?:Request|Response)\*\* \(`(\w+)`\):\n```json\n(.*?)```", re.DOTALL)
_SHELL = re.compile(r"```bash\n(.*?)```", re.DOTALL)


def read_specification(text: str) -> dict[str, Any]:
    """Bodies by the name the specification gives them, and every curl command, in order."""
    commands = []
    for block in _SHELL.findall(text):
        for command in re.split(r"\n(?!\s)", re.sub(r"\\\n\s*", "", block)):
            if command.startswith("curl") and command not in commands:
                commands.append(command.strip())
    return {"bodies": {name: json.loads(body) for name, body in _BODY.findall(text)}, "commands": commands}


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
