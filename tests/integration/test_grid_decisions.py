"""What is decided on the face grid, and what else goes on meanwhile: other kernels, a held index, a kill."""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner

from faceml.cli.people import people
from faceml.errors import Conflict, FacemlError, FacesChanged, WrongUse
from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.decisions import decide
from faceml.services.decisions.bulk import Action
from faceml.services.decisions.label import label_cluster
from faceml.services.decisions.undo import history, redo, undo
from faceml.services.index.drain import IndexFollower, drain_outbox, index_in_background
from faceml.services.index.repair import find_orphans
from faceml.services.recognise.assign import assign_faces
from faceml.services.review.browse import show_person
from faceml.storage.grid.face_query import FaceQuery, Place
from faceml.storage.grid.face_tiles import By
from faceml.storage.index.stores import IndexStore
from faceml.storage.index.vector_index import CollectionInfo, VectorIndex
from faceml.wiring import open_library
from tests.conftest import REPO
from tests.grid import Namer, people_of
from tests.synthetic import copy_of, synthetic_library

PEOPLE, FACES = 6, 8
PEOPLE_THERE = FaceQuery(Place.PEOPLE)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clusters of eight faces; half of the first two are named already."""
    home = tmp_path_factory.mktemp("made") / "library"
    synthetic_library(home, people=PEOPLE, faces=FACES, known=2).close()
    return home


@pytest.fixture
def library(made_once: Path, tmp_path: Path) -> Iterator[Library]:
    opened = copy_of(made_once, tmp_path / "library")
    yield opened
    opened.close()


def test_of_very_many_faces_the_best_are_compared_for_exemplars(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    with library.repository.read() as unit:
        faces = unit.faces.in_cluster("clu_00005")
        quality = {face.id: number / 10 for number, face in enumerate(faces)}
        monkeypatch.setattr(decide, "LOOKED_AT", 4)
        among_best = decide.best_exemplars(unit, quality)
        best = dict(list(quality.items())[-4:])
        assert among_best == decide.exemplars_among(unit.vectors.of(list(best)), best)
        assert among_best
        assert among_best <= set(best)
        assert not decide.best_exemplars(unit, quality, count=0)


def test_garbage_is_collected_again_after_a_decision_that_is_made_or_refused(library: Library) -> None:
    namer = Namer(library, actor="ada")
    group = FaceQuery(Place.TO_NAME, cluster_id="clu_00005")
    with pytest.raises(WrongUse, match="nothing to confirm"):
        namer.grid.decide(Action.CONFIRM, group, actor="ada")
    assert gc.isenabled()
    namer.grid.decide(Action.NAME, group, who="Ada", actor="ada")
    assert gc.isenabled()


def test_what_is_dismissed_is_neither_grouped_nor_recognised_until_it_is_undone(library: Library) -> None:
    namer = Namer(library, actor="ada")
    group = FaceQuery(Place.TO_NAME, cluster_id="clu_00000")
    faces = namer.grid.ids(group)
    namer.grid.decide(Action.DISMISS, group, dismissed_as="not_a_face", actor="ada")  # type: ignore[arg-type]
    cluster_faces(library, ClusterOptions(min_cluster_size=3))
    assign_faces(library, AssignOptions(threshold=0.3))
    with library.repository.read() as unit:
        states = unit.faces.states(faces)
    assert {(state.cluster_id, state.person_id, state.dismissed_as) for state in states.values()} == {
        (None, None, "not_a_face")
    }
    assert history(library.repository)[0].text == "said of 4 faces: not a face"
    undo(library, actor="ada")
    assert set(namer.grid.ids(group)) == set(faces)
    redo(library, actor="ada")
    assert namer.grid.ids(group) == []


def test_faces_are_dismissed_from_a_shell_too(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEML_HOME", str(library.settings.home))
    with library.repository.read() as unit:
        face = unit.faces.in_cluster("clu_00003")[0].id
    done = CliRunner().invoke(people, ["dismiss", str(face), "--as", "stranger", "--json"])
    assert json.loads(done.output) | {"event_id": 0} == {
        "dismissed_as": "stranger",
        "faces_dismissed": 1,
        "event_id": 0,
    }
    with library.repository.read() as unit:
        state = unit.faces.states([face])[face]
    assert (state.cluster_id, state.dismissed_as) == (None, "stranger")
    assert history(library.repository)[0].text == "said of 1 face: a stranger, stop asking"


def test_a_portrait_is_chosen_from_a_shell_and_shown_in_the_grid(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEML_HOME", str(library.settings.home))
    grid = Namer(library, actor="ada").grid
    theirs = grid.ids(FaceQuery(Place.PEOPLE, person_id=show_person(library.repository, "Person 00000").person.id))

    def portrait() -> UUID:
        return next(
            group.cover[0] for group in grid.groups(PEOPLE_THERE, by=By.PERSON).groups if group.label == "Person 00000"
        )

    other = next(face_id for face_id in theirs if face_id != portrait())
    done = CliRunner().invoke(people, ["cover", "Person 00000", str(other), "--json"])
    assert (done.exit_code, json.loads(done.output)["person_name"]) == (0, "Person 00000"), done.output
    assert portrait() == other
    refused = CliRunner().invoke(people, ["cover", "Person 00001", str(other)])
    assert (refused.exit_code, type(refused.exception)) == (1, WrongUse)
    undo(library, actor="ada")
    assert portrait() != other


def test_two_kernels_see_each_others_names_and_never_overwrite_them(library: Library) -> None:
    other_library = open_library(library.settings)
    one, other = Namer(library, actor="ada"), Namer(other_library, actor="bob")
    first = one.name_next("Cleo")
    with pytest.raises(FacesChanged):
        other.name(first, "Dora")
    with pytest.raises(Conflict, match="no face is there any more"):
        other.grid.decide(Action.NAME, FaceQuery(Place.TO_NAME, cluster_id=first), who="Dora", actor="bob")
    assert list(people_of(library, first)) == ["Cleo"] * FACES
    other.look()
    assert first not in other.groups, "what is left is shown at once"
    second = other.name_next("Dora")
    one.look()
    assert second not in one.groups
    assert {"Cleo", "Dora"} <= {known.name for known in one.grid.names()}
    other_library.close()


HOLD = """
import sys
from pathlib import Path
from faceml.storage.index.edge_index import open_edge
with open_edge(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


class WatchedIndex:
    """The real one, which notes the threads that ask for it."""

    def __init__(self, real: IndexStore) -> None:
        self._real = real
        self.askers: set[int] = set()

    def open(self) -> AbstractContextManager[VectorIndex]:
        self.askers.add(threading.get_ident())
        return self._real.open()

    def info(self) -> CollectionInfo | None:
        return self._real.info()

    @property
    def takes_long(self) -> bool:
        return self._real.takes_long

    def close(self) -> None:
        self._real.close()


def test_an_index_held_by_another_process_neither_delays_nor_fails_a_name(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    index = WatchedIndex(library.index)
    library = index_in_background(replace(library, index=index))
    namer = Namer(library, actor="ada")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(library.settings.index_folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(REPO / "src")}, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    namer.name_next("Cleo")
    second = namer.name_next("Dora")
    assert list(people_of(library, second)) == ["Dora"] * FACES
    assert threading.get_ident() not in index.askers, "whoever names does not ask for the index"
    holder.communicate()
    assert isinstance(library.index_follower, IndexFollower)
    library.index_follower.close()
    assert index.askers, "its follower did"
    assert drain_outbox(library).backlog == 0
    found = find_orphans(library, limit=1000)
    assert (found.orphans, found.stale_points, found.stray_points) == ((), 0, 0)
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_two_threads_naming_at_once_meet_no_lock_error(library: Library) -> None:
    libraries = [open_library(library.settings) for _ in range(2)]
    problems: list[FacemlError] = []

    def name_all(mine: Library, name: str) -> None:
        namer = Namer(mine, actor=name)
        number = 0
        while namer.groups:
            number += 1
            try:
                namer.name_next(f"{name} {number}")
            except FacesChanged:  # the other was quicker: it is told, and goes on
                namer.look()
            except FacemlError as error:
                problems.append(error)

    threads = [threading.Thread(target=name_all, args=(mine, name)) for mine, name in zip(libraries, "AB", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert Namer(library, actor="ada").groups == []
    for mine in libraries:
        mine.close()


NAME = """
from faceml.config import read_settings
from faceml.services.index.drain import index_in_background
from faceml.wiring import open_library
from tests.grid import Namer

namer = Namer(index_in_background(open_library(read_settings())), actor="ada")
print("ready", flush=True)
for number in range(len(namer.groups)):
    namer.name_next(f"Person {number}")
    print(f"Person {number}", flush=True)
"""


def test_a_kernel_killed_at_any_moment_loses_at_most_the_name_being_typed(tmp_path: Path) -> None:
    library = synthetic_library(tmp_path / "library", people=120, faces=3)
    environment = {
        **os.environ,
        "FACEML_HOME": str(library.settings.home),
        "FACEML_MODEL_PACK": "opencv-zoo",
        "PYTHONPATH": f"{REPO / 'src'}:{REPO}",
    }
    kernel = subprocess.Popen([sys.executable, "-c", NAME], env=environment, stdout=subprocess.PIPE, text=True)
    assert kernel.stdout is not None
    assert kernel.stdout.readline() == "ready\n"
    shown = [kernel.stdout.readline().strip() for _ in range(random.Random(7).randrange(10, 30))]
    kernel.send_signal(signal.SIGKILL)
    shown += [line.strip() for line in kernel.stdout if line.endswith("\n")]
    assert kernel.wait(30) == -signal.SIGKILL
    with library.repository.read() as unit:
        named = set(unit.people.names().values())
        assert unit.faces.counts().assigned == 3 * len(named)
    assert set(shown) <= named
    assert len(named) <= len(shown) + 1
    assert drain_outbox(library).backlog == 0


def test_a_label_of_chosen_faces_passes_by_what_a_person_said(library: Library) -> None:
    with library.repository.read() as unit:
        ids = [face.id for face in unit.faces.in_cluster("clu_00000")]
    report = label_cluster(library, "clu_00000", "Cleo", face_ids=ids, actor="ada")
    assert report.faces_labeled == FACES // 2
    assert Counter(people_of(library, "clu_00000")) == {"Cleo": 4, "Person 00000": 4}
    with pytest.raises(Conflict, match=r"decided meanwhile \(Cleo, Person 00000\)"):
        label_cluster(library, "clu_00000", "Dora", face_ids=ids, actor="ada")
