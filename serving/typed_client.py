"""`python -m serving.typed_client`: writes `faceml.client`'s methods and types, out of the OpenAPI description."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import faceml
from faceml.config import Settings
from serving.app import create_app

FOLDER = Path(faceml.__file__).parent / "client"
MADE = '"""Made by `python -m serving.typed_client`: {what}."""\n\nfrom __future__ import annotations\n\n'
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
BINARY = "application/octet-stream"
WIDEST = 118
Schema = Mapping[str, Any]


def sources() -> dict[str, str]:
    """The made files of the package, by name."""
    described = create_app(Settings()).openapi()
    return {
        "operations.py": _operations(described),
        "shapes.py": _shapes(described["components"]["schemas"], described),
    }


def _shapes(schemas: Mapping[str, Schema], described: Schema) -> str:
    asked = _asked(described)
    parts = [_shape(name, schema, in_snake=name in asked) for name, schema in sorted(schemas.items())]
    kept = [part for part in parts if part]
    return MADE.format(what="what is sent and answered") + (
        "from typing import Any, Literal, NotRequired, TypeAlias, TypedDict\n\n" + "\n".join(kept)
    )


def _shape(name: str, schema: Schema, *, in_snake: bool) -> str:
    if name.startswith("Body_"):
        return ""  # fields of a form: arguments
    if "properties" not in schema:
        return f"{_name(name)}: TypeAlias = {_type(schema, quoted=True)}\n"
    lines = [f"\nclass {_name(name)}(TypedDict):"]
    words = (schema.get("description") or "").split("\n")[0].strip()
    lines += [f'    """{words[: WIDEST - 10]}"""\n'] if words else []
    needed = schema.get("required", ())
    for field, of in schema["properties"].items():
        type_ = _type(of)
        key = _snake(field) if in_snake else field
        lines.append(f"    {key}: {type_ if field in needed else f'NotRequired[{type_}]'}")
    return "\n".join([*lines, ""])


def _type(schema: Schema, *, quoted: bool = False) -> str:
    if "$ref" in schema:
        name = _name(schema["$ref"].rpartition("/")[2])
        return f'"{name}"' if quoted else name
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(part, quoted=quoted) for part in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return f"Literal[{', '.join(repr(value).replace(chr(39), chr(34)) for value in values)}]"
    if schema.get("type") == "array":
        return f"list[{_type(schema.get('items', {}), quoted=quoted)}]"
    if schema.get("type") == "object":
        more = schema.get("additionalProperties")
        return f"dict[str, {_type(more, quoted=quoted) if isinstance(more, Mapping) else 'Any'}]"
    return PLAIN.get(schema.get("type", ""), "Any")


def _asked(described: Schema) -> set[str]:
    """Schemas that are only sent: their fields may be written as Python does."""
    sent, answered = set[str](), set[str]()
    for _, _, operation in _each(described):
        _reach(operation.get("requestBody", {}), described, sent)
        _reach(operation["responses"], described, answered)
    return sent - answered


def _reach(part: Any, described: Schema, found: set[str]) -> None:
    for name in re.findall(r"'#/components/schemas/(\w+)'", repr(part)):
        if name not in found:
            found.add(name)
            _reach(described["components"]["schemas"][name], described, found)


def _each(described: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, item in described["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def _operations(described: Schema) -> str:
    methods = [_method(*found, described) for found in _each(described)]
    names = {_name(name) for name in described["components"]["schemas"]}
    used = sorted(names & {word for text in methods for word in re.findall(r"\w+", text.replace(_words_of(text), ""))})
    head = MADE.format(what="one method for each of the API's operations")
    head += "from typing import Any, Literal, Protocol, Unpack\n\n"
    head += f"from faceml.client.shapes import (\n{''.join(f'    {name},{chr(10)}' for name in used)})\n\n\n"
    head += _BASE
    return head + "\n".join(methods)


_BASE = '''class Operations(Protocol):
    """What a client of faceml's REST API can ask for; arguments that are not given are the service's to choose."""

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        photo: bytes | None = None,
        photos: list[bytes] | None = None,
        form: dict[str, Any] | None = None,
    ) -> Any:
        """Send a request; what it answers, as JSON says it, or bytes."""

'''


def _method(method: str, path: str, operation: Schema, described: Schema) -> str:
    given, named, query = [], [], []
    for item in operation.get("parameters", []):
        name, type_ = _snake(item["name"]), _type(item["schema"])
        if item["in"] == "path":
            given.append(f"{name}: {type_}")
            path = path.replace("{" + item["name"] + "}", "{" + name + "}")
        elif item["in"] == "query":
            optional = type_ if type_.endswith("None") else f"{type_} | None"
            named.append(f"{name}: {type_}" if item.get("required") else f"{name}: {optional} = None")
            query.append(f'"{item["name"]}": {name}')
    content = operation.get("requestBody", {}).get("content", {})
    sent, rest = "", ""
    if "multipart/form-data" in content:
        fields, sent = _form(content["multipart/form-data"]["schema"], described)
        given.append(fields[0])
        named += fields[1:]
    elif content:
        schema = next(iter(content.values()))["schema"]
        rest, sent = _body(schema, described)
        if not rest.startswith("**"):
            given.append(rest)
            rest = ""
    takes = ["self", *given, *(["*", *named] if named else []), *([rest] if rest else [])]
    answered = _answered(operation)
    address = f'f"{path}"' if "{" in path else f'"{path}"'
    asks = f", query={{{', '.join(query)}}}" if query else ""
    words = " ".join(operation.get("description", "").split("\n\n")[0].split()) or operation["operationId"]
    return (
        f"    def {operation['operationId']}({', '.join(takes)}) -> {answered}:\n"
        f'        """{_short(words)}"""\n'
        f'        answer: {answered} = self.ask("{method}", {address}{asks}{sent})\n'
        "        return answer\n"
    )


def _form(schema: Schema, described: Schema) -> tuple[list[str], str]:
    """A form's arguments, its pictures first, and how they are passed on."""
    fields = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
    several = "photos" in fields
    others = {name: of for name, of in fields.items() if name not in ("photo", "photos")}
    taken = [f"{_snake(name)}: {_type(of)} = None" for name, of in others.items()]
    form = ", ".join(f'"{name}": {_snake(name)}' for name in others)
    sent = ", photos=photos" if several else ", photo=photo"
    return ["photos: list[bytes]" if several else "photo: bytes", *taken], sent + (f", form={{{form}}}" if form else "")


def _body(schema: Schema, described: Schema) -> tuple[str, str]:
    parts = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    name = parts[0].get("$ref", "").rpartition("/")[2]
    if len(parts) == 1 and "properties" in described["components"]["schemas"].get(name, {}):
        return f"**body: Unpack[{_name(name)}]", ", body=body"
    return f"body: {_type(schema)}", ", body=body"


def _answered(operation: Schema) -> str:
    found = []
    for status, answer in operation["responses"].items():
        for kind, content in answer.get("content", {}).items():
            if status < "3":
                found.append(_type(content["schema"]) if "json" in kind else "str" if kind == "text/plain" else "bytes")
    return " | ".join(dict.fromkeys(found)) or "None"


def _short(words: str) -> str:
    words = words.replace('"', "'").replace("\\", "")
    return words if len(words) <= WIDEST - 14 else f"{words[: WIDEST - 15].rpartition(' ')[0]} …"


def _name(name: str) -> str:
    """Of two models of one name FastAPI tells the modules, "serving__schemas__grid__GroupItem": GridGroupItem."""
    *_, module, plain = ("", "", *name.split("__"))
    return f"{module.capitalize()}{plain}"


def _words_of(method: str) -> str:
    return method.partition('"""')[2].partition('"""')[0]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def write(folder: Path = FOLDER) -> None:
    files = []
    for name, text in sources().items():
        files.append(folder / name)
        files[-1].write_text(text, encoding="utf-8")
    for step in (["check", "--quiet", "--fix", "--exit-zero"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *step, *map(str, files)], check=True)


if __name__ == "__main__":
    write()
