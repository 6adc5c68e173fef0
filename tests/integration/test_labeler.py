"""The labeller's state without a browser: the same keys, and what the database says."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner

from faceml.cli.people import people
from faceml.config import Settings
from faceml.errors import Conflict, FacemlError, NotFound, WrongUse
from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.decisions.label import label_cluster
from faceml.services.decisions.undo import history, undo
from faceml.services.index.drain import IndexFollower, drain_outbox, index_in_background
from faceml.services.index.repair import find_orphans
from faceml.services.recognise.assign import assign_faces
from faceml.services.review.browse import list_open_clusters
from faceml.storage.index.stores import IndexStore
from faceml.storage.index.vector_index import VectorIndex
from faceml.widgets.labeler import Labeler
from faceml.widgets.screen import Input
from faceml.wiring import open_library
from tests.conftest import REPO
from tests.fakes import FakePack, library_with
from tests.synthetic import copy_of, synthetic_library

PEOPLE, FACES = 6, 8


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


@pytest.fixture
def labeler(library: Library) -> Labeler:
    return Labeler(library, actor="ada")


def press(view: Labeler, *keys: str, text: str = "", left_out: frozenset[UUID] = frozenset()) -> None:
    for key in keys:
        view.handle(Input(key=key, text=text, left_out=left_out))


def asked(view: Labeler) -> str:
    assert view.cluster is not None
    return view.cluster.cluster_id


def people_of(library: Library, cluster_id: str) -> list[str | None]:
    with library.repository.read() as unit:
        names = unit.people.names()
        return sorted(
            (names[face.person_id] if face.person_id else None for face in unit.faces.in_cluster(cluster_id)), key=str
        )


def test_clusters_come_largest_first_and_a_typed_name_is_stored_before_the_next(
    library: Library, labeler: Labeler
) -> None:
    assert asked(labeler) == "clu_00002"
    assert labeler.screen().facts[0] == "8 faces"
    press(labeler, "Enter", text="Cleo")
    assert people_of(library, "clu_00002") == ["Cleo"] * FACES
    assert asked(labeler) == "clu_00003"
    progress = labeler.screen().progress
    assert progress is not None
    assert progress.text == "16 of 48 faces named · 5 clusters left"


def test_enter_on_an_empty_entry_takes_a_close_suggestion_and_refuses_a_far_one(
    library: Library, labeler: Labeler
) -> None:
    with pytest.raises(WrongUse, match="no suggestion is close enough"):
        press(labeler, "Enter")
    while not asked(labeler).startswith("clu_00000"):  # half of whom is named
        press(labeler, "ArrowRight")
    suggestion = labeler.screen().suggestions[0]
    assert (suggestion.name, suggestion.is_likely) == ("Person 00000", True)
    press(labeler, "Enter")
    assert people_of(library, "clu_00000") == ["Person 00000"] * FACES


def test_digits_take_a_suggestion_of_any_similarity(library: Library, labeler: Labeler) -> None:
    while asked(labeler) != "clu_00001":
        press(labeler, "n")
    press(labeler, "1")
    assert people_of(library, "clu_00001") == ["Person 00001"] * FACES


def test_faces_left_out_are_asked_about_next(library: Library, labeler: Labeler) -> None:
    assert labeler.cluster is not None
    out = frozenset(face.id for face in labeler.cluster.faces[:3])
    press(labeler, "Enter", text="Cleo", left_out=out)
    assert asked(labeler) == "clu_00002"
    assert {face.id for face in labeler.cluster.faces} == out
    assert "5 more are named" in labeler.screen().facts
    assert "Cleo" not in [suggestion.name for suggestion in labeler.screen().suggestions], "they were said not to be"
    with pytest.raises(WrongUse, match="no suggestion is close enough"):
        press(labeler, "Enter")
    press(labeler, "u")
    assert people_of(library, "clu_00002") == [None] * FACES
    press(labeler, "r")
    press(labeler, "x")
    assert people_of(library, "clu_00002") == ["Cleo"] * 5
    assert asked(labeler) == "clu_00003"
    with pytest.raises(WrongUse, match="every face is left out"):
        press(labeler, "f", left_out=frozenset(face.id for face in labeler.cluster.faces))


def test_a_slip_of_a_known_name_is_asked_about_before_it_makes_a_new_person(library: Library, labeler: Labeler) -> None:
    press(labeler, "Enter", text="Cleopatra Selene")
    with pytest.raises(WrongUse, match="did you mean Cleopatra Selene"):
        press(labeler, "Enter", text="cleoptara selene")
    entry = labeler.screen().entry
    assert entry is not None
    assert entry.meant == "Cleopatra Selene"
    press(labeler, "Enter", text=entry.meant)
    assert people_of(library, "clu_00003") == ["Cleopatra Selene"] * FACES
    labeler.handle(Input(action=entry.as_typed, text="Cleopatra Selen"))
    assert people_of(library, "clu_00004") == ["Cleopatra Selen"] * FACES
    assert labeler.screen().entry.meant == ""  # type: ignore[union-attr]


def put_into(library: Library, cluster_id: str, other: str, count: int) -> list[UUID]:
    """Some faces of another cluster, as a clustering that erred would have it."""
    with library.repository.begin() as unit:
        ids = [face.id for face in unit.faces.in_cluster(other)][:count]
        unit.faces.set_clusters([(id_, cluster_id) for id_ in ids])
    return ids


def test_faces_that_fit_less_come_last_and_are_marked(library: Library) -> None:
    odd = put_into(library, "clu_00002", "clu_00003", 2)
    labeler = Labeler(library, actor="ada")
    assert asked(labeler) == "clu_00002"
    (sheet,) = labeler.screen().sheets
    assert {tile.face_id for tile in sheet.tiles[-2:]} == set(map(str, odd))
    assert [tile.badge for tile in sheet.tiles] == [""] * FACES + ["odd"] * 2
    assert "2 that fit less come last" in sheet.detail
    assert labeler.screen().title == "Who is this?"


def test_a_cluster_of_little_alike_faces_offers_to_split_it_first_and_no_name_by_enter(library: Library) -> None:
    for other in ("clu_00003", "clu_00004", "clu_00005"):
        put_into(library, "clu_00002", other, FACES)
    labeler = Labeler(library, actor="ada")
    screen = labeler.screen()
    assert (screen.title, screen.actions[0].name) == ("One person?", "split")
    assert "little alike" in screen.facts
    with pytest.raises(WrongUse, match="little alike: split them"):
        press(labeler, "Enter")
    press(labeler, "s", "Enter")
    assert [labeler.screen().title, asked(labeler)[:13]] == ["Who is this?", "clu_00002_sub"]


def test_what_is_dismissed_is_neither_grouped_nor_recognised_until_it_is_undone(
    library: Library, labeler: Labeler
) -> None:
    while asked(labeler) != "clu_00000":
        press(labeler, "n")
    assert labeler.cluster is not None
    faces = [face.id for face in labeler.cluster.faces]
    press(labeler, "f")
    cluster_faces(library, ClusterOptions(min_cluster_size=3))
    assign_faces(library, AssignOptions(threshold=0.3))
    with library.repository.read() as unit:
        states = unit.faces.states(faces)
    assert {(state.cluster_id, state.person_id, state.dismissed_as) for state in states.values()} == {
        (None, None, "not_a_face")
    }
    assert history(library.repository)[0].text == "said of 4 faces: not a face"
    press(labeler, "u")
    assert asked(labeler) == "clu_00000"
    assert {face.id for face in labeler.cluster.faces} == set(faces)
    press(labeler, "r")
    with pytest.raises(NotFound, match="nothing was undone"):
        labeler.handle(Input(action="redo"))


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


def test_a_split_is_shown_before_it_is_done(library: Library, labeler: Labeler) -> None:
    with library.repository.begin() as unit:
        other = [face.id for face in unit.faces.in_cluster("clu_00003")]
        unit.faces.set_clusters([(face_id, "clu_00002") for face_id in other])
    press(labeler, "g")
    assert labeler.screen().facts[0] == "16 faces"
    press(labeler, "s")
    screen = labeler.screen()
    assert screen.title == "Split into 2 parts?"
    assert [len(sheet.tiles) for sheet in screen.sheets] == [FACES, FACES]
    press(labeler, "Escape")
    assert len(history(library.repository)) == 2, "only the two labels of the fixture"
    press(labeler, "s", "Enter")
    assert asked(labeler).startswith("clu_00002_sub_")
    parts = [cluster_id for cluster_id, _ in list_open_clusters(library.repository) if "_sub_" in cluster_id]
    press(labeler, "u")
    assert asked(labeler) == "clu_00002"
    assert not any("_sub_" in cluster_id for cluster_id, _ in list_open_clusters(library.repository)), parts
    press(labeler, "r")
    assert asked(labeler) in parts


def test_skipping_and_going_back_decide_nothing(library: Library, labeler: Labeler) -> None:
    first = asked(labeler)
    press(labeler, "ArrowRight", "n")
    press(labeler, "ArrowLeft", "p")
    assert asked(labeler) == first
    with pytest.raises(NotFound, match="first cluster"):
        labeler.handle(Input(action="previous"))
    press(labeler, *["n"] * PEOPLE)
    screen = labeler.screen()
    assert (screen.title, screen.empty) == (
        "That was the last one",
        "6 skipped: look at them again with Refresh.",
    )
    press(labeler, "Enter")
    assert asked(labeler) == first
    assert len(history(library.repository)) == 2


def test_undo_walks_back_through_this_session_only(library: Library, labeler: Labeler) -> None:
    press(labeler, "Enter", text="Cleo")
    press(labeler, "Enter", text="Dora")
    press(labeler, "u", "u")
    assert asked(labeler) == "clu_00002"
    assert "Cleo" not in labeler.session.names
    with pytest.raises(NotFound, match="nothing of this session"):
        labeler.handle(Input(action="undo"))
    press(labeler, "r")
    assert people_of(library, "clu_00002") == ["Cleo"] * FACES


def test_what_somebody_else_took_back_is_not_in_the_way_of_undo(library: Library, labeler: Labeler) -> None:
    press(labeler, "Enter", text="Cleo")
    press(labeler, "Enter", text="Dora")
    undo(library, actor="bob")
    with pytest.raises(Conflict, match="already undone"):
        press(labeler, "u")
    press(labeler, "u")
    assert asked(labeler) == "clu_00002"


def test_the_whole_photo_shows_whose_faces_are_on_it(library: Library, labeler: Labeler) -> None:
    press(labeler, "o")
    photo = labeler.screen().photo
    assert photo is not None
    assert len(photo) == 4
    assert sum(box.is_asked for box in photo) == 1
    shown = labeler.session.photo
    assert shown is not None
    assert shown.jpeg.startswith(b"\xff\xd8")
    press(labeler, "Escape")
    assert labeler.screen().title == "Who is this?"


def test_two_kernels_see_each_others_names_and_never_overwrite_them(library: Library) -> None:
    other_library = open_library(library.settings)
    one, other = Labeler(library, actor="ada"), Labeler(other_library, actor="bob")
    press(one, "Enter", text="Cleo")
    with pytest.raises(Conflict, match=r"decided meanwhile \(Cleo\)"):
        press(other, "Enter", text="Dora")
    assert people_of(library, "clu_00002") == ["Cleo"] * FACES
    assert asked(other) == "clu_00003", "what is left is shown at once"
    press(other, "Enter", text="Dora")
    press(one, "g")
    assert asked(one) == "clu_00004"
    assert {"Cleo", "Dora"} <= set(one.session.names)
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

    def close(self) -> None:
        self._real.close()


def test_an_index_held_by_another_process_neither_delays_nor_fails_a_label(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    index = WatchedIndex(library.index)
    library = index_in_background(replace(library, index=index))
    labeler = Labeler(library, actor="ada")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(library.settings.index_folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(REPO / "src")}, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    press(labeler, "Enter", text="Cleo")
    press(labeler, "Enter", text="Dora")
    assert people_of(library, "clu_00003") == ["Dora"] * FACES
    assert threading.get_ident() not in index.askers, "whoever labels does not ask for the index"
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
        view = Labeler(mine, actor=name)
        for number in range(3 * PEOPLE):
            if view.cluster is None:
                break
            try:
                press(view, "Enter", text=f"{name} {number}")
            except (Conflict, NotFound):  # the other was quicker: it is told, and goes on
                continue
            except FacemlError as error:
                problems.append(error)

    threads = [threading.Thread(target=name_all, args=(mine, name)) for mine, name in zip(libraries, "AB", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert list_open_clusters(library.repository) == []
    for mine in libraries:
        mine.close()


NAME = """
import sys
from faceml.config import read_settings
from faceml.services.index.drain import index_in_background
from faceml.storage.index.stores import IndexStore
from faceml.storage.index.vector_index import VectorIndex
from faceml.widgets.labeler import Labeler
from faceml.widgets.screen import Input
from faceml.library import Library
from faceml.wiring import open_library

library = index_in_background(open_library(read_settings()))
view = Labeler(library, actor="ada")
print("ready", flush=True)
number = 0
while view.cluster is not None:
    view.handle(Input(key="Enter", text=f"Person {number}"))
    print(f"Person {number}", flush=True)
    number += 1
"""


def test_a_kernel_killed_at_any_moment_loses_at_most_the_label_being_typed(tmp_path: Path) -> None:
    library = synthetic_library(tmp_path / "library", people=120, faces=3)
    environment = {
        **os.environ,
        "FACEML_HOME": str(library.settings.home),
        "FACEML_MODEL_PACK": "opencv-zoo",
        "PYTHONPATH": str(REPO / "src"),
    }
    kernel = subprocess.Popen([sys.executable, "-c", NAME], env=environment, stdout=subprocess.PIPE, text=True)
    assert kernel.stdout is not None
    assert kernel.stdout.readline() == "ready\n"
    shown = [kernel.stdout.readline().strip() for _ in range(random.Random(7).randrange(20, 60))]
    kernel.send_signal(signal.SIGKILL)
    shown += [line.strip() for line in kernel.stdout if line.endswith("\n")]
    assert kernel.wait(30) == -signal.SIGKILL
    with library.repository.read() as unit:
        people = set(unit.people.names().values())
        assert unit.faces.counts().assigned == 3 * len(people)
    assert set(shown) <= people
    assert len(people) <= len(shown) + 1
    assert drain_outbox(library).backlog == 0


def test_a_label_of_chosen_faces_passes_by_what_a_person_said(library: Library) -> None:
    with library.repository.read() as unit:
        ids = [face.id for face in unit.faces.in_cluster("clu_00000")]
    report = label_cluster(library, "clu_00000", "Cleo", face_ids=ids, actor="ada")
    assert report.faces_labeled == FACES // 2
    assert people_of(library, "clu_00000") == ["Cleo"] * 4 + ["Person 00000"] * 4


def test_an_empty_library_says_that_all_is_done(tmp_path: Path) -> None:
    library = library_with(FakePack(), Settings(home=tmp_path / "empty", model_pack="opencv-zoo"))
    screen = Labeler(library, actor="ada").screen()
    assert (screen.title, screen.empty) == ("All done", "Every cluster is done.")
