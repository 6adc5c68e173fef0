"""`python -m serving.describe > docs/api.md`: the API on one page, out of its OpenAPI description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import click

from faceml.config import Settings
from serving.__main__ import serve
from serving.app import create_app

HEAD = """# The REST API

Made by `python -m serving.describe > docs/api.md`; the running service describes itself at `/openapi.json`.

`make serve` serves the library of `FACEML_HOME` at `http://127.0.0.1:8000`, with a page to try requests on at `/docs`
(Swagger UI; nothing of it comes from another site). With `FACEML_API_KEY` set, every request but `/health` and
`/ready` carries it: `Authorization: Bearer KEY` or `X-API-Key: KEY`; `FACEML_API_READ_KEY` may read, identify, search
and project, and nothing else. A browser asks for a name and a password before it shows `/docs`: any name, and the key;
requests tried there take it from *Authorize*. Without a key the service answers on loopback only. `/label` is the page
to name faces on ([labelling](labelling.md)); it asks for the key in the same way, and uses the routes below.

Errors are problem details (RFC 9457, `application/problem+json`): 400 cannot be read, 401 key wanted, 403 key may
only read, 404 no such thing, 405 not with this method (`Allow` says which), 408 too slow, 409 the library forbids it,
413 too large, 414 address too long, 422 a value does not fit, 429 too many requests, 500 a fault of the service, 503
a part does not answer now, 504 took too long. Lists carry an ETag. A page
has the way to the next one in its `Link` header (RFC 8288, `<?after=…>; rel="next"`): to what comes behind its last
item, so nothing is passed over where something before it went. `X-Total-Count` counts all pages. Without a `Link` the
list has ended. Decisions answer with `X-Event-Id`, the `eventId`
of `POST /undo`; a decision that is stored while the index is behind also with `X-Index-Note`: how many changes wait,
and what brings them over. `POST /grid/decide` answers before the index has followed, which comes within five seconds;
where faces are not as somebody saw them its 409 has their ids in `changedFaceIds`. Clustering tells what to know of
its figures in `X-Note`. Request fields may be camelCase or snake_case; an unknown one is refused. `queue: true` answers
202 with a `jobId` for `GET /jobs/{job_id}`. HEAD works wherever GET does, and OPTIONS tells what a path takes.
"""


CLIENT = """## From Python

`faceml.client` has a typed method for each operation below, and raises the service's errors as faceml's own:

```python
from faceml.client import Client

client = Client("http://127.0.0.1:8000")  # key="…" where the service asks for one
for cluster in client.list_face_clusters(page_size=100)["items"]:
    print(cluster["clusterId"], cluster["faceCount"])
while client.after:  # where the latest list goes on
    page = client.list_face_clusters(page_size=100, after=client.after)
client.label("clu_1", name="Ada")
client.undo_decision(event_id=int(client.headers["X-Event-Id"]))
```

`python -m serving.typed_client` writes it anew where the API changed.
"""


LIMITS = """## Its limits

- A body may have 64 KB, pictures 64 MB (`multipart/form-data`), ids of faces for
  `/grid/decide`, `/grid/suggest` and `/grid/tiles` 2 MB, and embeddings for `/project` 16 MB: 1,000 rows of 512
  numbers of 30 letters. More than 2,000 lists, objects or fields are refused unread. Path and query have 8 KB, headers
  64 KB.
- A client has 15 s to send the head of a request and 30 s for its body; one that does neither, or does not take its
  answer, is let go.
- Half of the process's open files (`ulimit -n`, less 200) may be connections, 4,000 at most. A new one takes the
  place of the client that has been silent for longest; requests that are worked on stay.

## Behind a proxy

TLS, compression and a second machine are a proxy's work. Tell the service its address, or every client is one to the
rate limit: `python -m serving --proxy 127.0.0.1` believes the `X-Forwarded-For` of requests that come from there, and
of no others. Let the proxy set that header, and pass `Host` on, by which pages of other sites are told apart (nginx:
`proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Host $host;`). Without a key, what was forwarded for
another machine gets no answer. `uvicorn serving.app:app` serves the same app within uvicorn's limits, not these: it
believes that header from this machine, and waits for silent clients without end.
"""


def api_page() -> str:
    described = create_app(Settings()).openapi()
    return "\n".join([HEAD, *_starting(), CLIENT, LIMITS, *_sections(described)])


def _starting() -> Iterator[str]:
    yield "## Starting it\n\n`python -m serving`, or `make serve HOST=… PORT=… PROXY=…`, takes\n"
    for option in serve.params:
        if isinstance(option, click.Option):
            default = f" (default {option.default})" if option.default != "" else ""
            yield f"- `{option.opts[0]}`{default}: {option.help}"
    yield ""


def _sections(described: dict[str, Any]) -> Iterator[str]:
    operations = [
        (operation["tags"][0], method.upper(), path, operation)
        for path, item in described["paths"].items()
        for method, operation in item.items()
    ]
    for tag, group in groupby(operations, key=lambda found: found[0]):
        yield f"## {tag.capitalize()}\n"
        for _, method, path, operation in group:
            yield from _operation(method, path, operation, described["components"]["schemas"])


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    yield f"### `{method} {path}`\n\n{operation['description']}\n"
    asked = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    for parameter in asked:
        schema = parameter["schema"]
        words = parameter.get("description") or schema.get("description", "")
        default = f" (default {json.dumps(schema['default'])})" if "default" in schema else ""
        yield f"- `{parameter['name']}`{default}{': ' if words else ''}{words}"
    if asked:
        yield ""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield from _bodies("Request", content["schema"], schemas)
    for status, answer in operation["responses"].items():
        if int(status) < 300:
            for content in answer.get("content", {}).values():
                yield from _bodies(f"Answer {status}", content["schema"], schemas)


def _bodies(title: str, schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    for part in schema.get("anyOf", [schema]):
        name = part.get("$ref", "").rpartition("/")[2]
        examples = schemas.get(name, {}).get("examples", [])
        if examples:
            yield f"{title} (`{name}`):\n\n```json\n{json.dumps(examples[0], ensure_ascii=False)}\n```\n"
            if title == "Request":
                yield from _options(schemas[name]["properties"])
        elif name.startswith("Body_"):  # FastAPI's name for the fields of a form
            yield f"{title}, a form (`multipart/form-data`):\n"
            for field, described in schemas[name]["properties"].items():
                yield f"- `{field}`: {described.get('description') or described['type']}"
            yield ""
        elif name:
            yield f"{title}: `{name}`\n"


def _options(fields: dict[str, Any]) -> Iterator[str]:
    described = {name: field for name, field in fields.items() if "description" in field}
    for name, field in described.items():
        yield f"- `{name}` (default {json.dumps(field.get('default'))}): {field['description']}"
    if described:
        yield ""


if __name__ == "__main__":
    print(api_page(), end="")
