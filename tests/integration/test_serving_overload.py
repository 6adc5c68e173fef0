"""Bodies made to cost much and clients that do nothing: the service answers everybody else meanwhile."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
import uvicorn

from faceml.config import Settings
from serving.connections import Server, guarded, listen
from tests.polling import until
from tests.rest import API, Served, environment_of, served, two_people

MB = 1_000_000
SIZE = 15 * MB
OPEN_FILES = 1024
SILENT = 2_000
JSON = "application/json"
FORM = "multipart/form-data; boundary=edge"
PART = b'--edge\r\nContent-Disposition: form-data; name="%b"; filename="a"\r\n\r\n%b\r\n'
FIELD = b'--edge\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'


def filled(start: bytes, piece: bytes, end: bytes = b"", size: int = SIZE) -> bytes:
    return start + piece * (size // len(piece)) + end


def unknown_keys() -> bytes:
    return b"{" + b",".join(b'"k%d":0' % number for number in range(SIZE // 11)) + b"}"


JSON_BODIES: dict[str, Callable[[], bytes]] = {
    "unknown keys": unknown_keys,
    "one key again and again": lambda: filled(b'{"a":0', b',"a":0', b"}"),
    "deep lists": lambda: filled(b'{"embeddings":', b"[", b""),
    "deep objects": lambda: filled(b"", b'{"a":', b"0"),
    "a list of numbers": lambda: filled(b'{"embeddings":[[0', b",0", b"]]}"),
    "a list of nulls": lambda: filled(b'{"embeddings":[[0', b",null", b"]]}"),
    "many rows": lambda: filled(b'{"embeddings":[[0]', b",[0]", b"]}"),
    "empty objects": lambda: filled(b'{"embeddings":[{}', b",{}", b"]}"),
    "a long string": lambda: filled(b'{"embeddings":"', b"a", b'"}'),
    "a long escaped string": lambda: filled(b'{"name":"', b"\\u00e9", b'"}'),
    "many strings": lambda: filled(b'{"embeddings":[[0', b',""', b"]]}"),
    "a long number": lambda: filled(b'{"embeddings":[[', b"9", b"]]}"),
    "a long fraction": lambda: filled(b'{"embeddings":[["x",0.', b"1", b"]]}"),
    "blanks": lambda: filled(b'{"embeddings":', b" ", b""),
    "closing brackets": lambda: filled(b'{"embeddings":[', b"] ", b""),
    "no text at all": lambda: filled(b"", b"\xff\x00"),
}
FORM_BODIES: dict[str, Callable[[], bytes]] = {
    "many photos": lambda: filled(b"", PART % (b"photo", b"x"), b"--edge--"),
    "many large photos": lambda: filled(b"", PART % (b"photo", b"x" * MB), b"--edge--"),
    "many fields": lambda: filled(b"", FIELD % (b"a", b"b"), b"--edge--"),
    "a long field": lambda: FIELD % (b"a", b"b" * SIZE) + b"--edge--",
    "a long header": lambda: filled(b"--edge\r\nContent-Disposition: ", b"a"),
    "many headers": lambda: filled(b"--edge\r\n", b"A: b\r\n"),
    "nearly the edge": lambda: filled((PART % (b"photo", b""))[:-2], b"\r\n--edg"),
    "line ends": lambda: filled((PART % (b"photo", b""))[:-2], b"\r\n"),
    "before the first part": lambda: filled(b"", b"\r\n"),
    "no photo": lambda: filled((PART % (b"photo", b""))[:-2], b"\xff", b"\r\n--edge--"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("overload")
    tracking = f"sqlite:///{folder / 'mlflow.db'}"
    settings = Settings(home=folder / "library", model_pack="opencv-zoo", tracking_uri=tracking)
    library, _ = two_people(settings)
    library.close()
    with served(folder, "--rate", "0", open_files=OPEN_FILES, **environment_of(settings)) as server:
        yield server


def address(server: Served) -> tuple[str, int]:
    return "127.0.0.1", int(server.url.rpartition(":")[2])


def seconds_of_health(server: Served) -> float:
    """How long /health takes now, on a connection of its own."""
    started = time.monotonic()
    connection = HTTPConnection(*address(server), timeout=60)
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200
    connection.close()
    return time.monotonic() - started


def slowest_health_during(server: Served, act: Callable[[], object]) -> float:
    """The longest that /health took while others did it."""
    others = [threading.Thread(target=act) for _ in range(2)]
    for thread in others:
        thread.start()
    slowest = seconds_of_health(server)
    while any(thread.is_alive() for thread in others):
        slowest = max(slowest, seconds_of_health(server))
    return slowest


def assert_answers_during(server: Served, act: Callable[[], object]) -> None:
    """In one of three tries, since a busy machine holds up anybody; the service itself would do so in each."""
    assert any(slowest_health_during(server, act) < 0.5 for _ in range(3))


def refuse(server: Served, path: str, kind: str, body: bytes) -> None:
    connection = HTTPConnection(*address(server), timeout=60)
    connection.request("POST", API + path, body, {"Content-Type": kind})
    answer = connection.getresponse()
    assert answer.status in (400, 413, 422), answer.status
    assert answer.getheader("Content-Type") == "application/problem+json"
    assert len(answer.read()) < 5_000
    connection.close()


@pytest.mark.parametrize("name", JSON_BODIES)
def test_vectors_made_to_cost_much_hold_nobody_up(server: Served, name: str) -> None:
    body = JSON_BODIES[name]()
    assert_answers_during(server, lambda: refuse(server, "/project", JSON, body))


@pytest.mark.parametrize("path", ["/clusters/clu_0/label", "/cluster/dual", "/identify"])
def test_json_made_to_cost_much_holds_nobody_up(server: Served, path: str) -> None:
    bodies = [make() for make in JSON_BODIES.values()]

    def refuse_all() -> None:
        for body in bodies:
            refuse(server, path, JSON, body)

    assert_answers_during(server, refuse_all)


@pytest.mark.parametrize("name", FORM_BODIES)
def test_forms_made_to_cost_much_hold_nobody_up(server: Served, name: str) -> None:
    body = FORM_BODIES[name]()
    assert_answers_during(server, lambda: refuse(server, "/identify", FORM, body))


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/hal+json", "text/plain", ""])
def test_what_claims_to_be_something_else_holds_nobody_up(server: Served, kind: str) -> None:
    fields, keys = filled(b"a", b"&a"), unknown_keys()

    def refuse_all() -> None:
        for path in ("/identify", "/project", "/cluster"):
            refuse(server, path, kind, fields)
            refuse(server, path, kind, keys)

    assert_answers_during(server, refuse_all)


def test_the_largest_bodies_that_are_described_are_taken(server: Served) -> None:
    rows = b",".join([b"[" + b",".join([b"0.012345678901"] * 512) + b"]"] * 1000)
    wide = b",".join([b"[" + b",".join([b"0.5"] * 4096) + b"]"] * 100)
    for body in (rows, wide):
        answer = project(server, body)
        assert answer.status_code == 200, answer.text[:300]
    assert_answers_during(server, lambda: project(server, rows))
    name = b"\\ud83d\\ude00" * 254 + b":"  # 255 letters, 3,049 bytes
    label = server.ask("POST", f"{API}/clusters/clu_0/label", content=b'{"name": "%b"}' % name, headers=said(JSON))
    assert label.status_code == 200, label.text
    marks = server.ask("POST", f"{API}/clusters/clu_1/label", json={"name": "[{&:" * 63})
    assert marks.status_code == 200, marks.text


def project(server: Served, rows: bytes) -> httpx.Response:
    return server.ask("POST", f"{API}/project", content=b'{"embeddings": [%b]}' % rows, headers=said(JSON))


def said(kind: str) -> dict[str, str]:
    return {"Content-Type": kind}


def test_addresses_that_no_request_needs_are_refused(server: Served) -> None:
    assert server.ask("GET", f"{API}/clusters?" + "&".join(f"k{n}=0" for n in range(5_000))).status_code == 414
    with socket.create_connection(address(server), timeout=60) as endless:
        endless.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100_000)
        assert endless.recv(12) == b"HTTP/1.1 400"


# --- connections


@contextmanager
def connected(server: Served, begin: bytes) -> Iterator[list[socket.socket]]:
    """Clients that say this, and no more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, most))
        clients = []
        for _ in range(SILENT):
            client = stack.enter_context(socket.create_connection(address(server), timeout=60))
            clients.append(client)
            with suppress(OSError):  # it had to make way already
                client.sendall(begin)
        yield clients


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        pytest.param(b"GET /health HTTP/1.1\r\nHost: local", marks=pytest.mark.nightly),
        b"POST /api/v1/faces/cluster HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99\r\n\r\n{",
    ],
    ids=["silent", "half a head", "half a body"],
)
def test_two_thousand_clients_that_do_nothing_keep_nobody_out(server: Served, begin: bytes) -> None:
    with connected(server, begin) as clients:
        assert len(clients) == SILENT
        assert min(seconds_of_health(server) for _ in range(3)) < 0.5
        for path in ("/clusters?includeLabeled=true", "/persons", "/model"):
            assert server.ask("GET", API + path).status_code == 200
        assert server.ask("POST", f"{API}/identify", files={"photo": b"x" * 2 * MB}).status_code == 422
        assert "Too many open files" not in server.log.read_text()


@pytest.fixture
def patient() -> Iterator[Callable[[], socket.socket]]:
    """Connections to an app that sends 20 MB, behind uvicorn with a second for a client."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        size = 20 * MB if scope["path"] == "/large" else 2
        headers = [(b"content-length", b"%d" % size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x" * size})

    started = threading.Event()
    sockets = listen("127.0.0.1", 0)
    config = uvicorn.Config(app, http=guarded(head_s=1.0), lifespan="off", log_level="critical", timeout_keep_alive=60)
    server = Server(config, on_start=started.set)
    thread = threading.Thread(target=server.run, args=(sockets,))
    thread.start()
    try:
        assert started.wait(60)
        place = sockets[0].getsockname()
        with ExitStack() as stack:
            yield lambda: stack.enter_context(socket.create_connection(place, timeout=60))
    finally:
        server.should_exit = True
        thread.join(60)


@pytest.mark.parametrize("begin", [b"", b"GET /small HT", b"GET /small HTTP/1.1\r\nHost: a\r\n"])
def test_a_client_that_sends_no_request_is_let_go(patient: Callable[[], socket.socket], begin: bytes) -> None:
    client = patient()
    client.sendall(begin)
    assert is_cut_off(client)


def test_a_head_that_trickles_in_is_cut_off(patient: Callable[[], socket.socket]) -> None:
    client = patient()
    client.setblocking(False)

    def goes_on() -> bool:
        try:
            client.send(b"G")
            return client.recv(1) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    until(lambda: not goes_on())


def test_a_client_that_asks_again_and_again_is_kept(patient: Callable[[], socket.socket]) -> None:
    client, deadline = patient(), time.monotonic() + 3  # three times as long as a silent one is waited for
    while time.monotonic() < deadline:
        client.sendall(b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = b""
        while not answer.endswith(b"xx"):  # head and body may come apart
            piece = client.recv(4096)
            assert piece, "cut off"
            answer += piece
        assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.nightly
def test_who_does_not_take_the_answer_is_let_go_and_who_takes_it_slowly_is_not(
    patient: Callable[[], socket.socket],
) -> None:
    slow, never = patient(), patient()
    for client in (slow, never):
        client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    taken = 0
    while taken < 20 * MB:
        piece = slow.recv(MB)
        assert piece, f"cut off after {taken} bytes"
        taken += len(piece)
        time.sleep(0.1)  # slower than the server's patience allows for the whole
    assert taken_by_end(never) < 20 * MB


def taken_by_end(client: socket.socket) -> int:
    taken = 0
    with suppress(ConnectionError):
        while piece := client.recv(MB):
            taken += len(piece)
    return taken


def is_cut_off(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True
