"""What the REST API costs a caller: one embedding projected, beside `mlflow models serve`, and pages of clusters.

    python benchmarks/serving.py --seconds 5 --rounds 3

Both servers run one process each on the same registered model (the documented head, 512 → 256 → 128), and are asked in
turn, so that a busy machine slows both alike; their rate limit, where they have one, is off. The claims: at least 5
times the throughput of `mlflow models serve` at a lower p99; page 1 of the clusters of 50,000 faces within 30 ms
(median), and page 100 as fast.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import psutil
from sqlalchemy import insert
from sqlalchemy.orm import Session

from faceml.config import Settings
from faceml.identity.projection import Head, Layer
from faceml.library import Library
from faceml.records import PackContract
from faceml.storage.registry.records import CHAMPION, ModelCard
from faceml.storage.sql.database import connect
from faceml.storage.sql.tables import FaceInstance, ImageAsset, utc_now
from faceml.wiring import open_library

WIDTH = 512
REPO = Path(__file__).resolve().parents[1]
CONTRACT = PackContract("buffalo_l", WIDTH, "f" * 64, "research only", 0.4)


@dataclass(frozen=True, slots=True)
class Asked:
    """One server's answers to one kind of request."""

    seconds: np.ndarray[tuple[int], np.dtype[np.float64]]  # a request
    a_second: float
    cpu_ms: float  # of the server, a request: what remains of the comparison when others use the machine, too

    def ms(self, percentile: float) -> float:
        return float(np.percentile(self.seconds, percentile) * 1000)


def ask(port: int, path: str, body: object | None, *, seconds: float, connections: int) -> Asked:
    """Keep asking on a few connections, each waiting for its answer; in one thread, so that no answer waits for us."""
    request = _request(port, path, body)
    times: list[float] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, _Exchange())
        server = _server_on(port)
        busy, started = _cpu_s(server), time.perf_counter()
        for key in selector.get_map().values():
            _send(key, request)
        while time.perf_counter() - started < seconds:
            for key, _ in selector.select(timeout=1.0):
                if key.data.take(key.fileobj.recv(1 << 17)):
                    times.append(time.perf_counter() - key.data.sent)
                    _send(key, request)
        elapsed, busy = time.perf_counter() - started, _cpu_s(server) - busy
        for key in selector.get_map().values():
            key.fileobj.close()
    return Asked(np.array(times), len(times) / elapsed, 1000 * busy / len(times))


def _server_on(port: int) -> psutil.Process:
    connections = psutil.net_connections("tcp")
    pids = {c.pid for c in connections if c.laddr and c.laddr.port == port and c.status == psutil.CONN_LISTEN}
    return psutil.Process(max(pid for pid in pids if pid))


def _cpu_s(server: psutil.Process) -> float:
    times = server.cpu_times()
    return float(times.user + times.system)


def _send(key: selectors.SelectorKey, request: bytes) -> None:
    key.data.sent, key.data.data = time.perf_counter(), b""
    key.fileobj.sendall(request)


class _Exchange:
    """One request and its answer."""

    def __init__(self) -> None:
        self.sent = 0.0
        self.data = b""

    def take(self, data: bytes) -> bool:
        """Whether the answer is complete."""
        if not data:
            raise RuntimeError("the server closed the connection")
        self.data += data
        head, found, content = self.data.partition(b"\r\n\r\n")
        if not found:
            return False
        if b" 200 " not in head[:16]:
            raise RuntimeError(self.data[:400].decode(errors="replace"))
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        return length is not None and len(content) >= int(length[1])


def _request(port: int, path: str, body: object | None) -> bytes:
    content = json.dumps(body).encode() if body is not None else b""
    lines = [f"{'POST' if content else 'GET'} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


@contextmanager
def serving(command: list[str], port: int, *, alive: str, folder: Path, environment: dict[str, str]) -> Iterator[int]:
    """A server in a process of its own, ended with the block."""
    path = folder / f"server-{port}.log"
    with path.open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait_for(process, port, alive, path)
            yield port
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 15)
            process.wait(30)


def _wait_for(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
                if b" 200" in connection.recv(64):
                    return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"no server answers on port {port}: {log.read_text()[-2000:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_library(folder: Path, faces: int, clusters: int) -> Library:
    """A library of made-up faces in clusters of all sizes, and a registered champion."""
    settings = Settings(home=folder / "library", model_pack=CONTRACT.name)
    engine = connect(settings.database)
    rng = np.random.default_rng(0)
    names = [f"clu_{uuid4().hex[:12]}" for _ in range(clusters)]
    of_face = np.concatenate([np.arange(clusters), rng.zipf(1.6, faces - clusters) % clusters])
    with Session(engine) as session, session.begin():
        now = utc_now()
        asset = {"size_bytes": 1, "mtime_ns": 1, "status": "detected", "created_at": now, "updated_at": now}
        session.execute(
            insert(ImageAsset),
            [{"id": i + 1, "path": f"/photos/{i}.jpg", "content_hash": f"{i:064d}", **asset} for i in range(faces)],
        )
        box = {"bbox_x": 1, "bbox_y": 1, "bbox_w": 90, "bbox_h": 90, "detection_confidence": 0.9}
        rows = []
        for i, quality in enumerate(rng.random(faces)):
            id_ = uuid4()
            row = {"id": id_, "qdrant_point_id": id_, "asset_id": i + 1, "cluster_id": names[of_face[i]], **box}
            rows.append({**row, "quality_score": float(quality), "created_at": now, "updated_at": now})
        session.execute(insert(FaceInstance), rows)
    engine.dispose()
    library = open_library(settings)
    with library.repository.begin() as unit:
        unit.contract.pin(CONTRACT)
    return library


def register(library: Library) -> None:
    rng = np.random.default_rng(1)

    def layer(outputs: int, inputs: int) -> Layer:
        weight = rng.normal(0, inputs**-0.5, (outputs, inputs)).astype(np.float32)
        return Layer(weight, np.zeros(outputs, np.float32))

    head = Head(np.zeros(WIDTH, np.float32), None, (layer(256, WIDTH), layer(128, 256)))
    card = ModelCard("documented", CONTRACT.name, CONTRACT.fingerprint, "none", 0, 0)
    with library.tracking.run("train") as run:
        version = library.registry.register(head, card, comparison=None, run_id=run.id or "").version
    library.registry.set_alias(CHAMPION, version)


def compare_projection(ours: int, theirs: int, *, seconds: float, rounds: int) -> bool:
    row = np.random.default_rng(2).normal(size=WIDTH)
    row = (row / np.linalg.norm(row)).astype(np.float32).tolist()
    servers = {
        "faceml": (ours, "/api/v1/faces/project", {"embeddings": [row]}),
        "mlflow models serve": (theirs, "/invocations", {"inputs": [row]}),
    }
    found: dict[tuple[str, int], list[Asked]] = {}
    for _ in range(rounds):
        for connections in (1, 8):
            for name, (port, path, body) in servers.items():
                asked = ask(port, path, body, seconds=seconds, connections=connections)
                found.setdefault((name, connections), []).append(asked)
    for (name, connections), asked in found.items():
        medians, tails = [a.ms(50) for a in asked], [a.ms(99) for a in asked]
        rates = [a.a_second for a in asked]
        print(
            f"  {name:20} {connections} connections: median {np.median(medians):7.2f} ms, "
            f"p99 {np.median(tails):7.2f} ms, {np.median(rates):7.0f} requests/s, "
            f"{np.median([a.cpu_ms for a in asked]):.2f} ms of CPU a request   "
            f"(each round: {', '.join(f'{rate:.0f}' for rate in rates)})"
        )
    ours_8, theirs_8 = found["faceml", 8], found["mlflow models serve", 8]
    ratio = np.median([a.a_second / b.a_second for a, b in zip(ours_8, theirs_8, strict=True)])
    is_quicker = all(
        np.median([a.ms(99) for a in found["faceml", n]])
        < np.median([a.ms(99) for a in found["mlflow models serve", n]])
        for n in (1, 8)
    )
    cpu = np.median([b.cpu_ms / a.cpu_ms for a, b in zip(ours_8, theirs_8, strict=True)])
    print(f"  throughput: {ratio:.1f} times (claimed 5); p99 lower: {is_quicker}; CPU a request: {cpu:.1f} times less")
    return bool(ratio >= 5 and is_quicker)


def compare_pages(port: int, *, last: int, rounds: int) -> bool:
    medians = {}
    for page in (1, last // 2, last):
        path = f"/api/v1/faces/clusters?page={page}&pageSize=20"
        asked = [ask(port, path, None, seconds=1.0, connections=1) for _ in range(rounds)]
        medians[page] = float(np.median([a.ms(50) for a in asked]))
        print(f"  page {page:4}: median {medians[page]:6.1f} ms, p99 {np.median([a.ms(99) for a in asked]):6.1f} ms")
    print(f"  page {last} / page 1: {medians[last] / medians[1]:.2f} (claimed flat); within 30 ms: {medians[1] < 30}")
    return medians[1] < 30 and medians[last] < 1.5 * medians[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--faces", type=int, default=50_000)
    parser.add_argument("--clusters", type=int, default=2_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faceml-serving-") as name:
        folder = Path(name)
        os.chdir(folder)
        library = make_library(folder, args.faces, args.clusters)
        register(library)
        tracking = library.settings.tracking
        library.close()
        environment = {
            "FACEML_HOME": str(folder / "library"),
            "MLFLOW_TRACKING_URI": tracking,
            "PYTHONPATH": f"{REPO / 'src'}:{REPO}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # mlflow starts `uvicorn`
        }
        ours, theirs = free_port(), free_port()
        served = [sys.executable, "-m", "serving", "--port", str(ours), "--rate", "0"]
        mlflow = [str(Path(sys.executable).with_name("mlflow")), "models", "serve", "--env-manager", "local"]
        mlflow += ["--model-uri", f"models:/face-projection@{CHAMPION}", "--port", str(theirs), "--host", "127.0.0.1"]
        with serving(served, ours, alive="/health", folder=folder, environment=environment):
            print(f"GET /clusters, {args.faces:,} faces in {args.clusters:,} clusters, SQLite")
            pages_hold = compare_pages(ours, last=args.clusters // 20, rounds=args.rounds)
            with serving(mlflow, theirs, alive="/health", folder=folder, environment=environment):
                print("POST /project, one embedding of 512 numbers")
                projection_holds = compare_projection(ours, theirs, seconds=args.seconds, rounds=args.rounds)
    return 0 if pages_hold and projection_holds else 1


if __name__ == "__main__":
    sys.exit(main())
