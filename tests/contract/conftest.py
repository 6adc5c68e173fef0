"""Qdrant's REST API over qdrant-client's in-memory engine: what faceml sends crosses a real socket, parsed as Qdrant's.

Only the calls that the server adapter makes. The engine is not the server's: the wire is what this adds to the suite.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import TypeAdapter
from qdrant_client import QdrantClient, models

DONE = {"operation_id": 0, "status": "completed"}


class QdrantEngine:
    """One collection `faces`; calls are named by HTTP method and the path below the collection."""

    def __init__(self) -> None:
        self.client = QdrantClient(":memory:")
        self.payload_schema: dict[str, Any] = {}

    def call(self, route: str, body: dict[str, Any]) -> Any:
        match route:
            case "GET exists":
                return {"exists": self.client.collection_exists("faces")}
            case "PUT ":
                return self.client.create_collection("faces", models.CreateCollection(**body).vectors)
            case "GET ":
                return self.client.get_collection("faces").model_dump(mode="json") | {
                    "payload_schema": self.payload_schema
                }
            case "PUT index":
                wanted = models.CreateFieldIndex(**body)
                self.payload_schema[wanted.field_name] = {"data_type": wanted.field_schema, "points": 0}
                return DONE
            case "PUT points":
                self.client.upsert("faces", models.PointsBatch(**body).batch)
                return DONE
            case "POST points/delete":
                self.client.delete("faces", models.PointIdsList(**body))
                return DONE
            case "POST points/count":
                return {"count": self.client.count("faces").count}
            case "POST points":
                wanted = models.PointRequest(**body)
                return self.client.retrieve("faces", wanted.ids, with_vectors=wanted.with_vector)
            case "POST points/scroll":
                wanted = models.ScrollRequest(**body)
                points, offset = self.client.scroll(
                    "faces", wanted.filter, wanted.limit, offset=wanted.offset, with_vectors=wanted.with_vector
                )
                return {"points": points, "next_page_offset": offset}
            case "POST points/query/batch":
                return self.client.query_batch_points("faces", models.QueryRequestBatch(**body).searches)
        raise LookupError(route)


class QdrantHandler(BaseHTTPRequestHandler):
    engine: QdrantEngine

    def answer(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/collections/faces").strip("/")
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        reply = {"result": self.engine.call(f"{self.command} {path}", body), "status": "ok", "time": 0.0}
        content = TypeAdapter(Any).dump_json(reply)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def qdrant_over_http() -> Iterator[str]:
    """The URL of a Qdrant server with no collection yet, gone after the test."""
    handler = type("OneEngineHandler", (QdrantHandler,), {"engine": QdrantEngine()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
