"""The promises of `VectorIndex`, kept by both adapters; then what only one of them has to keep."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from qdrant_client import QdrantClient

from faceml.errors import IndexDamaged, IndexUnavailable, ModelMismatch, WrongUse
from faceml.records import PackContract
from faceml.storage.index.edge_index import open_edge, reset_edge
from faceml.storage.index.server_index import ServerIndex, connect_server
from faceml.storage.index.vector_index import PAYLOAD_INDEXES, UNSET, Presence, VectorIndex
from faceml.vector.face_qdrant import get_face_qdrant_client
from tests.ports import free_port

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")

WIDTH = 8


@pytest.fixture(params=["edge", "server", "server over http"])
def empty_index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorIndex]:
    """An index without its collection."""
    if request.param == "edge":
        with open_edge(tmp_path / "index") as index:
            yield index
    elif request.param == "server":
        index = ServerIndex(QdrantClient(":memory:"))
        yield index
        index.close()
    else:
        index = connect_server(request.getfixturevalue("qdrant_over_http"))
        yield index
        index.close()


@pytest.fixture
def index(empty_index: VectorIndex) -> VectorIndex:
    empty_index.ensure_collection(WIDTH)
    return empty_index


def unit_rows(count: int, *, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ids_of(count: int, *, first: int = 1) -> list[UUID]:
    """Ids whose order is not the order of writing."""
    return [UUID(int=(first + number) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128) for number in range(count)]


def payload_of(number: int, **changes: Any) -> dict[str, Any]:
    """A payload as the specification draws it; None is "not set"."""
    return {
        "asset_id": str(number // 2),
        "face_instance_id": str(UUID(int=number)),
        "detection_confidence": 0.95,
        "quality_score": 0.82,
        "bbox": {"x": 100, "y": 150, "w": 80, "h": 80},
        "person_id": None,
        "cluster_id": None,
        "is_prototype": False,
        "taken_at": "2025-12-23T10:30:00Z",
        **changes,
    }


def fill(index: VectorIndex, count: int, **changes: Any) -> list[UUID]:
    ids = ids_of(count)
    index.upsert(ids, unit_rows(count), [payload_of(number, **changes) for number in range(count)])
    return ids


def scrolled(index: VectorIndex, *, page: int = 1000, **wanted: Any) -> list[UUID]:
    found, offset = [], None
    while True:
        points, offset = index.scroll(limit=page, offset=offset, **wanted)
        found += [point.id for point in points]
        if offset is None:
            return found


# The collection


def test_an_index_without_its_collection_says_so(empty_index: VectorIndex) -> None:
    assert empty_index.info() is None
    for act in (
        lambda: empty_index.upsert(ids_of(1), unit_rows(1), [{}]),
        lambda: empty_index.search(unit_rows(1), limit=1),
        lambda: empty_index.scroll(limit=1),
        lambda: empty_index.retrieve(ids_of(1)),
        lambda: empty_index.delete(ids_of(1)),
    ):
        with pytest.raises(IndexUnavailable, match="ensure-collection"):
            act()


def test_ensure_collection_creates_it(index: VectorIndex) -> None:
    info = index.info()
    assert info is not None
    assert (info.name, info.width, info.points_count, info.vectors_count) == ("faces", WIDTH, 0, 0)
    assert info.distance == "Cosine"


def test_ensure_collection_makes_the_payload_indexes_of_the_specification(
    index: VectorIndex, request: pytest.FixtureRequest
) -> None:
    in_memory = request.node.callspec.params["empty_index"] == "server"  # which has no payload indexes to make
    assert set(index.info().payload_indexes) == (set() if in_memory else set(PAYLOAD_INDEXES))  # type: ignore[union-attr]


def test_ensure_collection_keeps_what_is_there(index: VectorIndex) -> None:
    ids = fill(index, 3)
    index.ensure_collection(WIDTH)
    assert sorted(scrolled(index)) == sorted(ids)


def test_ensure_collection_refuses_another_width(index: VectorIndex) -> None:
    with pytest.raises(ModelMismatch, match="width 8, not 4"):
        index.ensure_collection(4)


def test_vectors_of_another_width_are_refused(index: VectorIndex) -> None:
    with pytest.raises(ModelMismatch):
        index.upsert(ids_of(1), unit_rows(1, width=4), [{}])
    with pytest.raises(ModelMismatch):
        index.search(unit_rows(1, width=4), limit=1)


# Writing


def test_a_point_comes_back_as_it_was_written(index: VectorIndex) -> None:
    ids, rows = ids_of(3), unit_rows(3)
    index.upsert(ids, rows, [payload_of(number, person_id="ann") for number in range(3)])
    (point,) = index.retrieve([ids[1]], with_vectors=True)
    assert point.id == ids[1]
    assert isinstance(point.id, UUID)
    assert point.vector is not None
    assert point.vector.dtype == np.float32
    np.testing.assert_allclose(point.vector, rows[1], atol=1e-6)
    assert point.payload == payload_of(1, person_id="ann")
    assert point.payload["cluster_id"] is None, "what is not set is there, and null"


def test_vectors_are_left_out_unless_asked_for(index: VectorIndex) -> None:
    ids = fill(index, 1)
    assert index.retrieve(ids)[0].vector is None
    assert index.scroll(limit=1)[0][0].vector is None
    assert index.scroll(limit=1, with_vectors=True)[0][0].vector is not None


def test_an_upsert_replaces_vector_and_whole_payload(index: VectorIndex) -> None:
    ids = fill(index, 2, person_id="ann")
    index.upsert(ids[:1], unit_rows(1, seed=7), [{"cluster_id": "c1"}])
    (point,) = index.retrieve(ids[:1], with_vectors=True)
    assert point.payload == {"cluster_id": "c1"}
    assert point.vector is not None
    np.testing.assert_allclose(point.vector, unit_rows(1, seed=7)[0], atol=1e-6)
    assert scrolled(index, match={"person_id": "ann"}) == ids[1:]
    assert index.info().points_count == 2  # type: ignore[union-attr]


def test_numbers_and_uuids_under_indexed_keys_become_text(index: VectorIndex) -> None:
    person = UUID(int=5)
    ids = ids_of(1)
    index.upsert(ids, unit_rows(1), [{"asset_id": 123, "person_id": person, "quality_score": 0.5}])
    assert index.retrieve(ids)[0].payload == {"asset_id": "123", "person_id": str(person), "quality_score": 0.5}
    assert scrolled(index, match={"asset_id": "123"}) == ids


def test_writing_nothing_is_no_error(index: VectorIndex) -> None:
    index.upsert([], np.empty((0, WIDTH), dtype=np.float32), [])
    index.delete([])
    assert index.retrieve([]) == []
    assert index.search(np.empty((0, WIDTH), dtype=np.float32), limit=1) == []


def test_rows_that_do_not_belong_together_are_refused_before_anything_is_written(index: VectorIndex) -> None:
    with pytest.raises(WrongUse, match="2 ids, 1 vectors"):
        index.upsert(ids_of(2), unit_rows(1), [{}, {}])
    rows = unit_rows(2)
    rows[1, 3] = np.nan
    with pytest.raises(WrongUse, match="NaN"):
        index.upsert(ids_of(2), rows, [{}, {}])
    assert scrolled(index) == []


def test_delete_removes_points_and_forgives_missing_ones(index: VectorIndex) -> None:
    ids = fill(index, 3)
    index.delete([ids[0], UUID(int=999)])
    index.delete([ids[0]])
    assert sorted(scrolled(index)) == sorted(ids[1:])
    assert index.info().points_count == 2  # type: ignore[union-attr]


def test_retrieve_finds_those_that_exist(index: VectorIndex) -> None:
    ids = fill(index, 3)
    found = index.retrieve([ids[2], UUID(int=999), ids[0]])
    assert {point.id for point in found} == {ids[0], ids[2]}


# Reading


@pytest.mark.parametrize("page", [1, 7, 25, 100])
def test_scroll_returns_every_id_once_in_order(index: VectorIndex, page: int) -> None:
    ids = fill(index, 25)
    assert scrolled(index, page=page) == sorted(ids)


def test_scroll_pages_through_a_match(index: VectorIndex) -> None:
    ids = ids_of(30)
    index.upsert(ids, unit_rows(30), [payload_of(number, is_prototype=number % 3 == 0) for number in range(30)])
    assert scrolled(index, page=4, match={"is_prototype": True}) == sorted(ids[::3])


@pytest.mark.parametrize(
    ("match", "numbers"),
    [
        ({"person_id": "ann"}, {0, 1}),
        ({"person_id": None}, {2, 3, 4}),
        ({"is_prototype": True}, {0, 3, 4}),
        ({"is_prototype": False}, {1, 2}),
        ({"person_id": "ann", "is_prototype": True}, {0}),
        ({"person_id": None, "cluster_id": "c1"}, {2}),
        ({"person_id": None, "cluster_id": None}, {3, 4}),
        ({"person_id": Presence.SET}, {0, 1}),
        ({"face_instance_id": Presence.SET, "person_id": None}, {2, 3}),
        ({"asset_id": "0"}, {0, 1}),
        ({"face_instance_id": str(UUID(int=2))}, {2}),
        ({"person_id": "nobody"}, set()),
        ({}, {0, 1, 2, 3, 4}),
    ],
)
def test_match_means_that_all_of_it_holds(index: VectorIndex, match: dict[str, Any], numbers: set[int]) -> None:
    ids = ids_of(5)
    payloads: list[dict[str, Any]] = [
        payload_of(0, person_id="ann", is_prototype=True),
        payload_of(1, person_id="ann"),
        payload_of(2, cluster_id="c1"),
        payload_of(3, is_prototype=True),
        {"is_prototype": True},  # as earlier versions wrote what is not set
    ]
    index.upsert(ids, unit_rows(5), payloads)
    expected = {ids[number] for number in numbers}
    assert set(scrolled(index, match=match)) == expected
    (hits,) = index.search(unit_rows(1), limit=10, match=match)
    assert {hit.id for hit in hits} == expected


def test_search_agrees_with_brute_force(index: VectorIndex) -> None:
    ids, rows, queries = ids_of(500), unit_rows(500), unit_rows(250, seed=1)
    index.upsert(ids, rows, [payload_of(number) for number in range(500)])
    similarities = queries @ rows.T
    order = np.argsort(-similarities, axis=1)[:, :10]
    found = index.search(queries, limit=10)
    assert [[hit.id for hit in hits] for hits in found] == [[ids[column] for column in row] for row in order]
    np.testing.assert_allclose(
        [[hit.similarity for hit in hits] for hits in found], np.take_along_axis(similarities, order, axis=1), atol=1e-5
    )


def test_search_returns_the_payload_and_fewer_hits_where_there_are_no_more(index: VectorIndex) -> None:
    fill(index, 2, cluster_id="c1")
    (hits,) = index.search(unit_rows(1), limit=10)
    assert len(hits) == 2
    assert hits[0].similarity == pytest.approx(1.0, abs=1e-5)
    assert {hit.payload["cluster_id"] for hit in hits} == {"c1"}


@pytest.mark.parametrize("empty_index", ["edge", pytest.param("server", marks=pytest.mark.nightly)], indirect=True)
def test_twenty_thousand_points_are_written_read_and_searched(index: VectorIndex) -> None:
    count = 20_000
    ids, rows = ids_of(count), unit_rows(count)
    index.upsert(ids, rows, [{"asset_id": str(number), "is_prototype": number % 100 == 0} for number in range(count)])
    assert index.info().points_count == count  # type: ignore[union-attr]
    assert scrolled(index, page=5_000) == sorted(ids)
    found = index.search(rows[:2], limit=1, match={"is_prototype": True})
    best = np.argmax(rows[:2] @ rows[::100].T, axis=1) * 100
    assert [hits[0].id for hits in found] == [ids[number] for number in best]


# Edge alone: a folder, one holder at a time


def test_edge_keeps_the_data_when_it_is_opened_again(tmp_path: Path) -> None:
    with open_edge(tmp_path / "index") as index:
        index.ensure_collection(WIDTH)
        ids = fill(index, 5, person_id="ann")
    with open_edge(tmp_path / "index") as index:
        assert scrolled(index, match={"person_id": "ann"}) == sorted(ids)
        assert index.info().width == WIDTH  # type: ignore[union-attr]
        with pytest.raises(ModelMismatch):
            index.ensure_collection(4)


def test_edge_keeps_the_payload_indexes(tmp_path: Path) -> None:
    with open_edge(tmp_path / "index") as index:
        index.ensure_collection(WIDTH)
    with open_edge(tmp_path / "index") as index:
        assert set(index.info().payload_indexes) == set(PAYLOAD_INDEXES)  # type: ignore[union-attr]


def test_edge_only_looks_where_nothing_is_stored(tmp_path: Path) -> None:
    with open_edge(tmp_path / "library" / "index") as index:
        assert index.info() is None
    assert not (tmp_path / "library" / "index").exists()


HOLD = """
import sys
from pathlib import Path
from faceml.storage.index.edge_index import open_edge
with open_edge(Path(sys.argv[1])) as index:
    print("held", flush=True)
    sys.stdin.readline()
"""

WRITE_IN_TURNS = """
import sys
from pathlib import Path
from uuid import uuid4
import numpy as np
from faceml.storage.index.edge_index import open_edge
for turn in range(10):
    with open_edge(Path(sys.argv[1]), wait_s=60) as index:
        index.ensure_collection(8)
        index.upsert([uuid4() for _ in range(5)], np.eye(8, dtype=np.float32)[:5], [{"asset_id": sys.argv[2]}] * 5)
"""

WRITE_FOR_EVER = """
import sys
from pathlib import Path
from uuid import uuid4
import numpy as np
from faceml.storage.index.edge_index import open_edge
rows = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
def write(index, who):
    index.upsert([uuid4() for _ in rows], rows, [{"person_id": who}] * len(rows))
with open_edge(Path(sys.argv[1])) as index:
    index.ensure_collection(8)
    write(index, "before")
with open_edge(Path(sys.argv[1])) as index:
    while True:
        write(index, "cut short")
        print("wrote", flush=True)
"""


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_edge_names_the_process_that_holds_it_and_opens_when_it_lets_go(tmp_path: Path) -> None:
    with python(HOLD, tmp_path / "index") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(IndexUnavailable, match=rf"held by another process \(pid {holder.pid}\); wait"),
            open_edge(tmp_path / "index", wait_s=0.3),
        ):
            pass
        assert holder.poll() is None, "it gave up while the index was still held"
        holder.communicate("done\n")
    with open_edge(tmp_path / "index", wait_s=0) as index:
        index.ensure_collection(WIDTH)


def test_edge_serves_two_writing_processes_in_turn(tmp_path: Path) -> None:
    writers = [python(WRITE_IN_TURNS, tmp_path / "index", number) for number in range(2)]
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0, 0]
    with open_edge(tmp_path / "index") as index:
        assert [len(scrolled(index, match={"asset_id": str(number)})) for number in range(2)] == [50, 50]


def test_edge_serves_threads_in_turn(tmp_path: Path) -> None:
    def write(number: int) -> None:
        with open_edge(tmp_path / "index", wait_s=60) as index:
            index.ensure_collection(WIDTH)
            index.upsert([UUID(int=number)], unit_rows(1), [{}])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(12)))
    with open_edge(tmp_path / "index") as index:
        assert scrolled(index) == [UUID(int=number) for number in range(12)]


def test_edge_says_when_this_process_itself_holds_it(tmp_path: Path) -> None:
    with (
        open_edge(tmp_path / "index"),
        pytest.raises(IndexUnavailable, match="held by another part of this process"),
        open_edge(tmp_path / "index", wait_s=0),
    ):
        pass


def test_edge_waits_for_a_holder_that_does_not_know_our_lock(tmp_path: Path) -> None:
    import qdrant_edge

    with open_edge(tmp_path / "index") as index:
        index.ensure_collection(WIDTH)
    stranger = qdrant_edge.EdgeShard.load(str(tmp_path / "index"))
    with (
        pytest.raises(IndexUnavailable, match=r"held by another process \(pid unknown\)") as refusal,
        open_edge(tmp_path / "index", wait_s=0.1),
    ):
        pass
    assert not isinstance(refusal.value, IndexDamaged)
    stranger.close()
    with open_edge(tmp_path / "index") as index:
        assert index.info() is not None


def test_edge_survives_a_holder_killed_in_the_middle_of_an_upsert(tmp_path: Path) -> None:
    with python(WRITE_FOR_EVER, tmp_path / "index") as writer:
        assert writer.stdout is not None
        acknowledged = sum(writer.stdout.readline() == "wrote\n" for _ in range(3))
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    with open_edge(tmp_path / "index", wait_s=1) as index:
        assert len(scrolled(index, match={"person_id": "before"})) == 500
        assert len(scrolled(index, match={"person_id": "cut short"})) >= 500 * acknowledged
        fill(index, 2)
        assert index.retrieve(ids_of(2), with_vectors=True)[0].vector is not None


def test_edge_starts_afresh_after_a_holder_was_killed_while_creating(tmp_path: Path) -> None:
    with open_edge(tmp_path / "other") as index:
        index.ensure_collection(4)
    (tmp_path / "other").rename(tmp_path / "index.new")  # where a collection is built before it gets its name
    with open_edge(tmp_path / "index") as index:
        index.ensure_collection(WIDTH)
        assert len(fill(index, 1)) == index.info().points_count  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("pattern", "content"),
    [("edge_config.json", b"{"), ("segment.json", b"?"), ("open-1", b""), ("status.dat", b"??")],
)
def test_edge_says_how_to_rebuild_a_damaged_folder_and_makes_room(tmp_path: Path, pattern: str, content: bytes) -> None:
    folder = tmp_path / "index"
    with open_edge(folder) as index:
        index.ensure_collection(WIDTH)
        fill(index, 3)
    broken = list(folder.rglob(pattern))
    assert broken
    for path in broken:
        path.write_bytes(content)
    with pytest.raises(IndexDamaged, match="faceml faces find-orphans --fix"), open_edge(folder):
        pass
    aside = reset_edge(folder)
    assert aside is not None
    assert list(aside.rglob(pattern))
    with open_edge(folder) as index:
        index.ensure_collection(WIDTH)
        assert len(fill(index, 3)) == index.info().points_count  # type: ignore[union-attr]


def test_edge_does_without_its_configuration_file(tmp_path: Path) -> None:
    with open_edge(tmp_path / "index") as index:
        index.ensure_collection(WIDTH)
        ids = fill(index, 3)
    (tmp_path / "index" / "edge_config.json").unlink()
    with open_edge(tmp_path / "index") as index:
        assert index.info().width == WIDTH  # type: ignore[union-attr]
        assert scrolled(index) == sorted(ids)


def test_reset_edge_has_nothing_to_move_where_nothing_is(tmp_path: Path) -> None:
    assert reset_edge(tmp_path / "index") is None


def test_reset_edge_waits_its_turn(tmp_path: Path) -> None:
    with open_edge(tmp_path / "index") as index:
        index.ensure_collection(WIDTH)
        with pytest.raises(IndexUnavailable):
            reset_edge(tmp_path / "index", wait_s=0)
        assert index.info() is not None


# Server alone: a network


def test_server_that_is_not_there_says_how_to_go_on_and_keeps_the_password() -> None:
    port = free_port()
    with pytest.raises(IndexUnavailable, match=f"Qdrant at http://127.0.0.1:{port} does not answer") as error:
        connect_server(f"http://me:secret@127.0.0.1:{port}")
    assert "secret" not in str(error.value)
    assert "start it (`make db-up`) or unset QDRANT_URL" in str(error.value)


def test_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(IndexUnavailable, match="does not answer"):
        connect_server(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=1)


@pytest.mark.parametrize("url", ["foo bar", "ftp://me:secret@db", "http://me:secret@db:port"])
def test_server_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(WrongUse, match="QDRANT_URL") as error:
        connect_server(url)
    assert "secret" not in str(error.value)


def test_server_that_refuses_is_told_from_one_that_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(IndexUnavailable, match=r"refused a call \(HTTP 401 Unauthorized\)"):
            connect_server(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()


# The specification's client


def test_face_qdrant_client_works_as_the_specification_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEML_HOME", str(tmp_path / "library"))
    monkeypatch.delenv("QDRANT_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    client = get_face_qdrant_client()
    with client.library.repository.begin() as unit:
        unit.contract.pin(PackContract("tiny", WIDTH, "00" * 32, "MIT", 0.4))

    client.ensure_collection()
    with client.library.index.open() as index:
        ids = fill(index, 12)
        index.upsert([UUID(int=99)], unit_rows(1, seed=9), [{**UNSET, "person_id": "ann", "is_prototype": True}])

    info = client.get_collection_info()
    assert info is not None
    assert (info.width, info.points_count) == (WIDTH, 13)  # twelve faces and a centroid
    records, next_offset = client.scroll_faces(limit=10)
    assert [record.id for record in records] == sorted(ids)[:10]
    assert all(record.payload["bbox"] == {"x": 100, "y": 150, "w": 80, "h": 80} for record in records)
    rest, end = client.scroll_faces(limit=10, offset=next_offset)
    assert [record.id for record in rest] == sorted(ids)[10:]
    assert end is None
    client.library.close()
