"""What the vector index costs: Qdrant Edge (ours, embedded) beside qdrant-client's local mode, on the same faces.

    python benchmarks/index.py --faces 20000
    python benchmarks/index.py --faces 20000 --server http://localhost:6333   # a Qdrant server of your own as well

Each adapter runs in a process of its own, one after the other, so that its peak memory is its own; `x Edge` is the
ratio to Edge on this machine. A server must hold no collection `faces`: the benchmark fills one and deletes it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.storage.index.vector_index import COLLECTION, VectorIndex

PAGE = 5_000
LIMIT = 5
SEARCHES = 20
PEOPLE = 100
MIB_OF_MAXRSS = 2**20 if sys.platform == "darwin" else 2**10


def main() -> int:
    args = _arguments()
    if args.adapter:
        print(json.dumps(measure(args.adapter, args.faces, args.width, args.server)))
        return 0
    if not args.server:
        print("left out: a Qdrant server; --server URL names one")
    adapters = ["edge", "memory", *(["server"] if args.server else [])]
    results = {adapter: _in_own_process(adapter, args) for adapter in adapters}
    print(f"{args.faces:,} faces x {args.width}; x Edge is the ratio to Edge\n")
    print(f"{'':28}" + "".join(f"{adapter:>12}{'x Edge':>9}" for adapter in adapters))
    for step, ours in results["edge"].items():
        cells = [f"{results[name][step]:>12.4f}{results[name][step] / ours:>9.1f}" for name in adapters]
        print(f"{step:28}" + "".join(cells))
    return 0


def measure(adapter: str, faces: int, width: int, url: str) -> dict[str, float]:
    """Seconds (or MiB) of each step, in the order of a library's life."""
    rows, ids = (
        unit_rows(faces, width),
        [UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128) for number in range(faces)],
    )
    payloads = [_payload(number) for number in range(faces)]
    before_mib = _peak_mib()
    queries = unit_rows(SEARCHES, width, seed=1)
    with _opened(adapter, url) as index:
        index.ensure_collection(width)
        steps = {
            "upsert, s": _seconds(lambda: index.upsert(ids, rows, payloads)),
            "one more point, s": _seconds(lambda: index.upsert(ids[:1], rows[:1], payloads[:1])),
            "scroll payloads, s": _seconds(lambda: _scroll(index, with_vectors=False)),
            "scroll vectors too, s": _seconds(lambda: _scroll(index, with_vectors=True)),
            "search top-5, s a query": _seconds(lambda: index.search(queries, limit=LIMIT)) / SEARCHES,
            "filtered top-5, s a query": _seconds(
                lambda: index.search(queries, limit=LIMIT, match={"person_id": "person 7"})
            )
            / SEARCHES,
        }
    return {**steps, "peak memory, MiB over data": max(0.001, _peak_mib() - before_mib)}


def unit_rows(count: int, width: int, *, seed: int = 0) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((count, width), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


@contextmanager
def _opened(adapter: str, url: str) -> Iterator[VectorIndex]:
    # Each adapter's library is imported only where it is measured: it counts as its memory.
    if adapter == "edge":
        from faceml.storage.index.edge_index import open_edge

        with tempfile.TemporaryDirectory() as folder, open_edge(Path(folder) / "index") as edge:
            yield edge
        return
    from qdrant_client import QdrantClient

    from faceml.storage.index.server_index import ServerIndex, connect_server

    if adapter == "memory":
        warnings.filterwarnings("ignore", module="qdrant_client|__main__|faceml")
        yield ServerIndex(QdrantClient(":memory:"))
        return
    server = connect_server(url, timeout_s=60)
    if server.info() is not None:
        raise SystemExit(f"the server already holds a collection `{COLLECTION}`: use an empty one")
    try:
        yield server
    finally:
        QdrantClient(url=url).delete_collection(COLLECTION)


def _payload(number: int) -> dict[str, object]:
    return {
        "asset_id": str(number // 2),
        "face_instance_id": str(UUID(int=number)),
        "detection_confidence": 0.95,
        "quality_score": 0.82,
        "bbox": {"x": 100, "y": 150, "w": 80, "h": 80},
        "person_id": f"person {number % PEOPLE}",
        "is_prototype": number % 50 == 0,
        "taken_at": "2025-12-23T10:30:00Z",
    }


def _scroll(index: VectorIndex, *, with_vectors: bool) -> None:
    offset = None
    while True:
        _, offset = index.scroll(limit=PAGE, offset=offset, with_vectors=with_vectors)
        if offset is None:
            return


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB_OF_MAXRSS


def _in_own_process(adapter: str, args: argparse.Namespace) -> dict[str, float]:
    options = ["--adapter", adapter, "--faces", str(args.faces), "--width", str(args.width), "--server", args.server]
    done = subprocess.run([sys.executable, __file__, *options], check=True, stdout=subprocess.PIPE, text=True)
    steps: dict[str, float] = json.loads(done.stdout)
    return steps


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=5_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--server", default="", help="URL of a Qdrant server to measure as well")
    parser.add_argument("--adapter", choices=["edge", "memory", "server"], help="measure only this one, print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
