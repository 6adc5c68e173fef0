"""A decision that is stored answers with its event, whatever has become of the index."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from faceml.errors import IndexDamaged, IndexUnavailable
from faceml.library import Library
from faceml.options import AssignOptions
from faceml.services.decisions.label import assign_faces_to, label_cluster
from faceml.services.decisions.undo import history
from faceml.services.exchange.import_labels import import_labels
from faceml.services.index.drain import IndexFollower, drain_outbox, index_in_background, index_note
from faceml.services.index.repair import find_orphans
from faceml.services.operate.check_stores import check_index, ok
from faceml.services.operate.status import read_stats
from faceml.services.recognise.assign import assign_faces
from faceml.storage.index.edge_index import open_edge
from faceml.storage.index.stores import EdgeStore, folder_lock
from faceml.vector.face_qdrant import FaceQdrantClient
from tests.fakes import LostIndex
from tests.polling import until
from tests.rest import API, client_of

BEHIND = "wait for the index, nothing is lost: the next command that reaches it brings it up to date"


def nowhere(folder: Path) -> None:
    folder.symlink_to(folder.with_name("not-there"))


def round_and_round(folder: Path) -> None:
    folder.symlink_to(folder)


def a_file(folder: Path) -> None:
    folder.write_text("not an index")


def of_another_pack(folder: Path) -> None:
    with open_edge(folder) as index:
        index.ensure_collection(64)


DAMAGES: tuple[Callable[[Path], None], ...] = (nowhere, round_and_round, a_file, of_another_pack)


class BrokenIndex(LostIndex):
    """An index whose engine raises what nobody foresaw."""

    @contextmanager
    def open(self) -> Iterator[Any]:
        raise RuntimeError("the engine gave up")
        yield


def damaged(library: Library, damage: Callable[[Path], None]) -> Library:
    folder = library.settings.index_folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    damage(folder)
    return library


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_label_is_stored_and_said_whatever_the_index_is(
    two_people: Library, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    report = label_cluster(damaged(two_people, damage), "clu_0", "Ada", actor="ada")
    assert history(two_people.repository)[0].event_id == report.event_id
    assert BEHIND in caplog.text
    assert find_problem(two_people)
    shutil.rmtree(two_people.settings.index_folder, ignore_errors=True)
    two_people.settings.index_folder.unlink(missing_ok=True)
    assert drain_outbox(two_people).backlog == 0
    assert find_orphans(two_people).stale_points == 0


def find_problem(library: Library) -> str:
    return drain_outbox(library, log_level=logging.DEBUG).reason or ""


@pytest.mark.parametrize("damage", DAMAGES)
def test_rest_answers_with_the_event_and_a_note(two_people: Library, damage: Callable[[Path], None]) -> None:
    with client_of(two_people) as api:
        good = api.post(f"{API}/clusters/clu_1/label", json={"name": "Bob"})
        assert (good.status_code, good.headers.get("X-Index-Note")) == (200, None)
        damaged(two_people, damage)
        answer = api.post(f"{API}/clusters/clu_0/label", json={"name": "Ada"})
    assert answer.status_code == 200
    assert int(answer.headers["X-Event-Id"]) == history(two_people.repository)[0].event_id
    assert BEHIND in answer.headers["X-Index-Note"]


def test_an_engine_that_fails_unforeseen_fails_no_decision(
    two_people: Library, faces: list[UUID], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    library = replace(two_people, index=BrokenIndex())
    assert label_cluster(library, "clu_0", "Ada", actor="ada").event_id == 1
    labels = tmp_path / "labels.csv"
    labels.write_text(f"face_id,person_name\n{faces[10]},Bob\n")
    assert import_labels(library, labels, actor="ada").faces_labeled == 1
    assert "the decision is stored, but the index is behind (unexpected RuntimeError)" in caplog.text


def test_the_grid_tells_what_was_decided_and_that_the_index_is_behind(two_people: Library) -> None:
    library = index_in_background(damaged(two_people, a_file))
    follower = library.index_follower
    assert isinstance(follower, IndexFollower)
    with client_of(library) as api:
        answers = []
        for cluster_id, name in (("clu_0", "Ada"), ("clu_1", "Bob")):
            body = {"action": "name", "query": {"place": "to_name", "clusterId": cluster_id}, "name": name}
            answers.append(api.post(f"{API}/grid/decide", json=body).json())
            until(lambda: follower.problem)
    follower.close()
    assert [answer["facesChanged"] for answer in answers] == [4, 4]
    assert answers[1]["notes"][0].startswith("stored; the index is behind: the vector index")


def test_a_follower_survives_an_engine_that_fails_unforeseen(two_people: Library) -> None:
    follower = IndexFollower(replace(two_people, index=BrokenIndex()))
    follower()
    assert until(lambda: follower.problem) == "unexpected RuntimeError"
    follower.close()


def test_a_run_tells_how_many_changes_wait(two_people: Library, faces: list[UUID]) -> None:
    assign_faces_to(two_people, faces[:3], "Ada", actor="ada")
    report = assign_faces(damaged(two_people, round_and_round), AssignOptions(threshold=0.3))
    assert report.assigned == 2
    assert report.index_backlog == 2


@dataclass(frozen=True, slots=True)
class LargeIndex(EdgeStore):
    """The library's own, as if it held very many points."""

    @property
    def takes_long(self) -> bool:
        return True


def test_where_the_index_takes_long_to_open_a_decision_waits_for_whoever_looks_into_it(
    two_people: Library, faces: list[UUID]
) -> None:
    assert drain_outbox(two_people).backlog == 0
    large = replace(two_people, index=LargeIndex(two_people.settings.index_folder))
    with held(two_people):  # nobody may open it
        report = label_cluster(large, "clu_0", "Ada", actor="ada")
        assert index_note(large) is None
        stats = read_stats(large)
    assert (stats.points, stats.index_problem) == (len(faces), None)
    assert stats.index_backlog > 0
    (found,) = [finding for finding in check_index(large) if finding.subject == "index"]
    assert found == ok("index", f"{len(faces)} points; {stats.index_backlog} changes wait for whoever opens it next")
    points, _ = FaceQdrantClient(large).scroll_faces(match={"person_id": str(report.person_id)})
    assert len(points) == 4
    assert read_stats(large).index_backlog == 0


def test_what_an_index_holds_is_known_without_opening_it_until_a_file_changes(
    two_people: Library, faces: list[UUID]
) -> None:
    drain_outbox(two_people)
    store = EdgeStore(two_people.settings.index_folder, wait_s=0.0)
    with held(two_people):
        before = store.info()
    with store.open() as index:
        assert index.info() == before
        index.delete([index.scroll(limit=1)[0][0].id])
        with pytest.raises(IndexUnavailable):
            store.info()  # what was written down is not true any more, and nobody else may open it now
    with held(two_people):
        after = store.info()
    assert before is not None
    assert after == replace(before, points_count=len(faces) - 1, vectors_count=len(faces) - 1)
    assert not store.takes_long
    (store.folder / "edge_config.json").write_text("{")
    with pytest.raises(IndexDamaged):
        store.info()


@contextmanager
def held(library: Library) -> Iterator[None]:
    with folder_lock(library.settings.index_folder, wait_s=0.0):
        yield
