"""Many at once for a minute, or ten: all there is to do, in eight processes and over REST."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faceml.config import Settings
from faceml.library import Library
from faceml.services.decisions.decide import Written, settle
from faceml.services.index.drain import drain_outbox
from faceml.services.index.repair import find_orphans
from faceml.storage.sql.repository import UnitOfWork
from tests.conftest import REPO, add_faces, people_vectors
from tests.contract.test_rest_api_live import FACES, PEOPLE, Clicker
from tests.fakes import FakePack, library_with
from tests.racer import PARTS
from tests.rest import environment_of, served


@pytest.fixture
def library(tmp_path: Path, database_url: str) -> Iterator[Library]:
    settings = Settings(
        home=tmp_path / "library",
        database_url=database_url,
        model_pack="opencv-zoo",
        tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}",
    )
    opened = library_with(FakePack(), settings)
    faces = add_faces(opened, people_vectors(PEOPLE, FACES, seed=5))
    with opened.repository.begin() as unit:
        unit.faces.set_clusters([(id_, f"clu_{row // FACES}") for row, id_ in enumerate(faces)])
    yield opened
    opened.close()


class NothingWritten(Exception):
    pass


@contextmanager
def not_kept(library: Library) -> Iterator[UnitOfWork]:
    """A writing transaction that is rolled back."""
    try:
        with library.repository.begin() as unit:
            yield unit
            raise NothingWritten
    except NothingWritten:
        pass


def check_agreement(library: Library, acknowledged: set[int]) -> None:
    """SQL, index and event log say the same, and no decision that was answered is missing."""
    assert drain_outbox(library).backlog == 0
    found = find_orphans(library, limit=1_000_000)
    assert (found.orphans, found.stale_points, found.stray_points, found.centroids_missing) == ((), 0, 0, 0)
    with not_kept(library) as unit:
        assert unit.events.by_ids(acknowledged).keys() == acknowledged
        written: Written = settle(unit, [id_ for id_, _, _ in unit.faces.labels()], unit.events.undos())
        assert written.changes == ()  # the faces are as the decisions that stand have them
        centroids = [role for role in unit.prototypes.all().roles if role == "centroid"]
        assert len(centroids) <= len(unit.people.active_names())


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seconds", [60])
def test_eight_processes_that_do_everything_at_once_leave_all_in_agreement(
    library: Library, tmp_path: Path, seconds: int
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    words = [str(library.settings.home), library.settings.database, str(photos)]
    start, pipes = [sys.executable, "-m", "tests.racer", *words], dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    racers = [
        subprocess.Popen([*start, str(number), str(seconds)], cwd=REPO, text=True, **pipes)
        for number in range(len(PARTS))
    ]
    assert [racer.stdout.readline() for racer in racers if racer.stdout] == ["ready\n"] * len(PARTS)
    for racer in racers:
        if racer.stdin:
            racer.stdin.write("go\n")
            racer.stdin.flush()
    said = [racer.communicate()[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * len(PARTS)  # what went wrong stands on stderr
    acknowledged = {int(line) for events in said for line in events.split()}
    print(f"{len(acknowledged)} decisions were answered")
    assert acknowledged
    check_agreement(library, acknowledged)


class Mixed(Clicker):
    """A client that also groups, splits, erases, and asks for everything that is slow to say."""

    def run_until(self, until_s: float) -> None:
        acts = [self.label, self.assign, self.reject, self.unassign, self.merge, self.undo, self.read, self.split]
        acts += [self.group, self.erase, self.suggest, self.explain, self.show]
        while time.monotonic() < until_s:
            self._random.choice(acts)()
        self._client.close()

    def one_of(self, path: str, key: str) -> str:
        return str(self._random.choice([item[key] for item in self.ask("GET", path)["items"]] or ["nobody"]))

    def person(self) -> str:
        return self.one_of("/persons?status=active&pageSize=100", "id")

    def split(self) -> None:
        self.ask("POST", f"/clusters/{self.one_of('/clusters?pageSize=100', 'clusterId')}/split", minClusterSize=2)

    def group(self) -> None:
        self.ask("POST", self._random.choice(["/cluster", "/cluster/dual"]))

    def erase(self) -> None:
        if self._random.random() < 0.2:
            self.ask("DELETE", f"/persons/{self.person()}?confirm=true")

    def suggest(self) -> None:
        kind = self._random.choice(["merges", "splits", "uncertain"])
        self.ask("GET", f"/suggestions?kind={kind}&limit=3")

    def explain(self) -> None:
        self.ask("GET", f"/faces/{self.face()}/explanation")

    def show(self) -> None:
        self.ask("GET", f"/persons/{self.person()}")


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seconds", [600])
def test_a_mixed_load_is_answered_without_one_500(library: Library, tmp_path: Path, seconds: int) -> None:
    with library.repository.read() as unit:
        faces = [id_ for id_, _, _ in unit.faces.labels()]
    drain_outbox(library)
    with served(tmp_path, "--rate", "0", **environment_of(library.settings)) as server:
        clients = [Mixed(server.url, faces, seed) for seed in range(8)]
        until_s = time.monotonic() + seconds
        threads = [threading.Thread(target=one.run_until, args=(until_s,)) for one in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        log = server.log.read_text()
    statuses = sum((one.statuses for one in clients), Counter())
    print(dict(statuses))
    assert 500 not in statuses, log[-5_000:]
    assert "unexpected" not in log, log[-5_000:]
    check_agreement(library, {event for one in clients for event in one.events})
