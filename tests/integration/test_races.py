"""What several do to one library at once: a run computes for long, and a person decides meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from faceml.config import Settings
from faceml.decisions.states import FaceState, person_cluster
from faceml.errors import Conflict, DatabaseUnavailable, NotFound
from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions, DualOptions
from faceml.records import AssignedBy, Dismissal
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.cluster.dual import cluster_dual
from faceml.services.decisions.label import assign_faces_to, dismiss_faces, is_open, label_cluster, reject_person
from faceml.services.decisions.people import compute_centroids, hide_person, merge_people
from faceml.services.decisions.private import erase_person
from faceml.services.decisions.split import split_cluster
from faceml.services.decisions.undo import undo
from faceml.services.exchange.import_labels import name_clusters
from faceml.services.photos.ingest import ingest_folder
from faceml.services.recognise.assign import assign_faces
from faceml.services.review.review import Question, Side, Topic, answer
from faceml.storage.sql.repository import Repository
from tests.conftest import add_faces, add_photo, copy_library, found_face, people_vectors, unit_rows
from tests.fakes import FakePack, LostIndex, interrupted, library_with

FACES = 8
DUAL = DualOptions(unknown_min_cluster_size=3)


@pytest.fixture
def library(made_once: Path, tmp_path: Path, library_url: str) -> Iterator[Library]:
    """Ada, Bob and Cy have eight faces each, two of which are labelled; the faces of two others are in one cluster."""
    settings = Settings(home=tmp_path / "library", database_url=library_url, model_pack="opencv-zoo")
    if library_url.startswith("sqlite"):
        copy_library(made_once, settings.home)
    opened = replace(library_with(FakePack(), settings), index=LostIndex())  # of no interest here
    if not library_url.startswith("sqlite"):
        fill(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(home=tmp_path_factory.mktemp("made") / "library", model_pack="opencv-zoo")
    made = replace(library_with(FakePack(), settings), index=LostIndex())
    fill(made)
    made.close()
    return settings.home


def fill(library: Library) -> None:
    ids = add_faces(library, people_vectors(5, FACES, seed=3))
    for number, name in enumerate(("Ada", "Bob", "Cy")):
        assign_faces_to(library, ids[FACES * number : FACES * number + 2], name, actor="ada")
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(id_, "unknown_cluster_1") for id_ in ids[3 * FACES :]])


def states(library: Library) -> list[FaceState]:
    """Of all faces, in the order they were added."""
    with library.repository.read() as unit:
        photo = unit.faces.photo_of([id_ for id_, _, _ in unit.faces.labels()])
        found = unit.faces.states(list(photo))
    return [found[id_] for id_ in sorted(photo, key=photo.__getitem__)]


def ids_of(library: Library) -> list[UUID]:
    with library.repository.read() as unit:
        photo = unit.faces.photo_of([id_ for id_, _, _ in unit.faces.labels()])
    return sorted(photo, key=photo.__getitem__)


def person(library: Library, name: str) -> UUID:
    with library.repository.read() as unit:
        found = unit.people.holding(name)
    assert found is not None
    return found.id


RUNS: dict[str, Callable[[Library], object]] = {
    "dual": lambda library: cluster_dual(library, DUAL),
    "assign": lambda library: assign_faces(library, AssignOptions(threshold=0.5)),
    "cluster": lambda library: cluster_faces(library, ClusterOptions(min_cluster_size=3, quality_threshold=0.1)),
    "dual in larger groups": lambda library: cluster_dual(library, DualOptions(unknown_min_cluster_size=2 * FACES)),
}


@pytest.mark.parametrize("run", ["dual in larger groups", "cluster"])
def test_a_split_made_while_a_run_computes_stands(library: Library, run: str) -> None:
    def split() -> None:
        split_cluster(library, "unknown_cluster_1", min_cluster_size=3, actor="ada")
        parts.extend(states(library)[3 * FACES :])

    parts: list[FaceState] = []
    report = RUNS[run](interrupted(library, split))
    assert len({state.cluster_id for state in parts}) >= 2
    assert states(library)[3 * FACES :] == parts
    assert f"{2 * FACES} faces were changed or removed while this ran" in str(report)


DECISIONS: dict[str, Callable[[Library], object]] = {
    "erase": lambda library: erase_person(library, person(library, "Ada"), is_confirmed=True, actor="ada"),
    "undo": lambda library: undo(library, 1, actor="ada"),
    "hide": lambda library: hide_person(library, person(library, "Ada"), actor="ada"),
    "merge": lambda library: merge_people(library, person(library, "Ada"), person(library, "Bob"), actor="ada"),
    "reject": lambda library: reject_person(library, ids_of(library)[2:FACES], "Ada", actor="ada"),
    "label": lambda library: assign_faces_to(library, ids_of(library)[2:FACES], "Cy", actor="ada"),
    "dismiss": lambda library: dismiss_faces(library, ids_of(library)[2:FACES], Dismissal.STRANGER, actor="ada"),
}


@pytest.mark.parametrize(
    ("library_url", "run", "decision"),
    [
        *(("sqlite", run, decision) for run in ("dual", "assign") for decision in DECISIONS),
        pytest.param("postgres", "assign", "merge", marks=pytest.mark.postgres),
        *(
            pytest.param("postgres", run, decision, marks=[pytest.mark.postgres, pytest.mark.nightly])
            for run in ("dual", "assign")
            for decision in DECISIONS
            if (run, decision) != ("assign", "merge")
        ),
    ],
    indirect=["library_url"],
)
def test_what_is_decided_while_a_run_computes_stands(library: Library, run: str, decision: str) -> None:
    """Ada's faces match Ada first and are what the decision is about; nobody is put under her after it."""
    decided: dict[UUID, FaceState] = {}

    def decide() -> None:
        DECISIONS[decision](library)
        decided.update(zip(ids_of(library), states(library), strict=True))

    RUNS[run](interrupted(library, decide))
    now = dict(zip(ids_of(library), states(library), strict=True))
    assert now.keys() == decided.keys()
    for id_, state in decided.items():
        if state.assigned_by is AssignedBy.MANUAL:  # dual mode gathers whom a person named in that person's cluster
            home = person_cluster(state.person_id) if run == "dual" and state.person_id else state.cluster_id
            assert now[id_] == replace(state, cluster_id=home)
    with library.repository.read() as unit:
        ada = unit.people.holding("Ada")
    if ada is not None:
        assert all(s.assigned_by is AssignedBy.MANUAL for s in now.values() if s.person_id == ada.id)


def test_a_rejection_counts_for_whom_the_person_became_while_a_run_computed(library: Library) -> None:
    """The faces match Bob. Of them somebody said that they are not Ada; then Ada is merged into Bob."""
    bobs = ids_of(library)[FACES + 2 : 2 * FACES]
    reject_person(library, bobs, "Ada", actor="ada")
    merge = DECISIONS["merge"]
    for run in ("dual", "assign"):
        report = RUNS[run](interrupted(library, lambda: merge(library)))
        assert all(state.person_id is None for state in states(library)[FACES + 2 : 2 * FACES])
        assert "faces were changed or removed while this ran" in str(report)
        undo(library, actor="ada")


def test_a_next_person_who_is_gone_is_left_out_of_the_evidence(library: Library) -> None:
    with library.repository.begin() as unit:
        face = ids_of(library)[FACES + 2]
        state = FaceState(person(library, "Bob"), AssignedBy.PROTOTYPE, None, 0.9, UUID(int=7), 0.8, "raw")
        assert unit.faces.set_states([(face, state)]) == {face}
    found = states(library)[FACES + 2]
    assert (found.person_id, found.runner_up_id, found.runner_up_similarity) == (state.person_id, None, None)


def test_an_undisturbed_run_tells_of_no_change(library: Library) -> None:
    for run in RUNS.values():
        assert "while this ran" not in str(run(library))


def test_an_erased_name_does_not_come_back_by_an_answer_given_later(library: Library) -> None:
    ada = Side("Ada", (), person_id=person(library, "Ada"))
    cluster = Side("16 faces", (), cluster_id="unknown_cluster_1")
    same = Question(Topic.SAME_PERSON, "Same person?", "", ada, cluster)
    is_it = Question(Topic.CLOSE_CALLS, "Is this Ada?", "", Side("This face", (ids_of(library)[FACES - 1],)), ada)
    DECISIONS["erase"](library)
    before = states(library)
    for question in (same, is_it):
        with pytest.raises(NotFound):
            answer(library, question, is_yes=True, actor="bob")
    assert states(library) == before
    with library.repository.read() as unit:
        assert unit.people.holding("Ada") is None


def test_an_answer_overrules_nobody_who_was_quicker(library: Library) -> None:
    face, cluster = ids_of(library)[FACES - 1], Side("16 faces", (), cluster_id="unknown_cluster_1")
    bob = Side("Bob", (), person_id=person(library, "Bob"))
    for topic, one, is_yes in ((Topic.CLOSE_CALLS, Side("This face", (face,)), False),
                               (Topic.RECOGNISED, Side("This face", (face,)), True),
                               (Topic.INTRUDERS, Side("This face", (ids_of(library)[0],)), True)):  # fmt: skip
        assign_faces_to(library, one.face_ids, "Cy", actor="cy")
        with pytest.raises(Conflict, match="decided about this meanwhile"):
            answer(library, Question(topic, "Is this Bob?", "", one, bob), is_yes=is_yes, actor="bob")
    with pytest.raises(Conflict, match="decided about this meanwhile"):
        dismiss_faces(library, [face], Dismissal.STRANGER, if_still=is_open, actor="bob")
    label_cluster(library, "unknown_cluster_1", "Dee", actor="cy")
    decided = states(library)
    with pytest.raises(Conflict, match="decided meanwhile"):
        answer(library, Question(Topic.SAME_PERSON, "Same person?", "", bob, cluster), is_yes=True, actor="bob")
    assert states(library) == decided


def test_names_from_a_file_overrule_nobody_who_was_quicker(library: Library, tmp_path: Path) -> None:
    with library.repository.read() as unit:
        photos = unit.assets.by_ids(sorted(unit.faces.photo_of(ids_of(library)[3 * FACES :]).values()))
    labels = tmp_path / "labels.csv"
    labels.write_text("path,person\n" + "".join(f"{photo.path},Eve\n" for photo in photos))
    label_dee: Callable[[], object] = lambda: label_cluster(library, "unknown_cluster_1", "Dee", actor="cy")  # noqa: E731
    report = name_clusters(interrupted(library, label_dee), labels, actor="eve")
    assert (report.clusters_named, report.clusters_skipped) == (0, 1)
    assert {state.person_id for state in states(library)[3 * FACES :]} == {person(library, "Dee")}


def test_a_split_of_faces_that_were_moved_meanwhile_changes_nothing(library: Library) -> None:
    moved = [(id_, "clu_other") for id_ in ids_of(library)[3 * FACES :]]

    def move() -> None:
        with library.repository.begin() as unit:
            unit.faces.set_clusters(moved)

    with pytest.raises(Conflict, match="moved meanwhile"):
        split_cluster(interrupted(library, move), "unknown_cluster_1", actor="ada")


# --- several that take in, look and write


def test_four_ingests_of_one_folder_take_each_photo_in_once(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(1_200):  # more than two transactions
        (folder / f"{number:04}.jpg").write_bytes(str(number // 2).encode())  # each content twice
    with ThreadPoolExecutor(4) as threads:
        reports = list(threads.map(lambda _: ingest_folder(library.repository, folder), range(4)))
    assert sum(report.added for report in reports) == 600
    with library.repository.read() as unit:
        assert unit.assets.count() == 600 + 5 * FACES


def test_four_at_once_leave_one_centroid_a_person(library: Library) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: compute_centroids(library), range(8)))
    with library.repository.read() as unit:
        assert sorted(role for role in unit.prototypes.all().roles if role == "centroid") == ["centroid"] * 3


def test_a_vector_found_again_of_a_face_that_went_is_left_out(library: Library) -> None:
    faces = [(id_, found_face(vector)) for id_, vector in zip(ids_of(library)[:2], unit_rows(2, seed=9), strict=True)]
    DECISIONS["erase"](library)
    with library.repository.begin() as unit:
        unit.faces.renew(faces, pack="opencv-zoo")
        assert unit.faces.by_ids([id_ for id_, _ in faces]) == []


def test_who_reads_sees_one_moment(library: Library) -> None:
    with library.repository.read() as unit:
        names = unit.people.names()
        DECISIONS["erase"](library)
        assert {id_: unit.people.get(id_).name for id_ in names} == names
        assert len(unit.faces.of_person(next(id_ for id_, name in names.items() if name == "Ada"))) == 2
    with library.repository.read() as unit:
        assert sorted(unit.people.names().values()) == ["Bob", "Cy"]


@pytest.mark.postgres
def test_rows_that_two_change_crosswise_are_said_plainly(tmp_path: Path, postgres_url: str) -> None:
    repository = Repository(postgres_url)
    with repository.begin() as unit:
        first, second = add_photo(unit, "a.jpg"), add_photo(unit, "b.jpg")
    both_hold_one = threading.Barrier(2)

    def lock(order: tuple[int, int]) -> str:
        try:
            with repository.begin() as unit:
                unit.assets.lock([order[0]])
                both_hold_one.wait(60)
                unit.assets.lock([order[1]])
        except DatabaseUnavailable as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as threads:
        said = sorted(threads.map(lock, [(first, second), (second, first)]))
    repository.close()
    assert said[0] == ""
    assert "changed the same rows" in said[1]
