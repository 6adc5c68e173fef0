"""Every step compares vectors of one space: the champion's, the raw one, or that of a version asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from faceml.config import Settings
from faceml.errors import ModelMismatch, NotFound, WrongUse
from faceml.identity.projection import Head, project
from faceml.identity.threshold_map import equal_rates, stranger_scores
from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions, DualOptions
from faceml.records import AssignedBy, Face, PrototypeRole
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.cluster.dual import cluster_dual
from faceml.services.cluster.sweep import sweep_clusters
from faceml.services.decisions.label import assign_faces_to, label_cluster
from faceml.services.decisions.people import compute_centroids
from faceml.services.decisions.split import preview_split
from faceml.services.learn.promote import promote, roll_back
from faceml.services.recognise.assign import assign_faces
from faceml.services.recognise.calibrate import calibrate_library
from faceml.services.recognise.gallery import likely_from
from faceml.services.recognise.identify import explain_face
from faceml.services.recognise.spaces import open_space, space_in_use
from faceml.services.review.faces import suggest_intruders, suggest_uncertain
from faceml.services.review.groups import suggest_merges, suggest_names, suggest_splits
from faceml.wiring import open_library
from tests.conftest import WIDTH, add_faces, copy_library, people_vectors, unit_rows
from tests.fakes import library_with
from tests.heads import CARD, card_for, comparison, deep_head, matrix, register, residual_head

PEOPLE, FACES = 4, 8


@pytest.fixture(scope="module")
def named_once(tmp_path_factory: pytest.TempPathFactory, opencv_zoo: Any) -> Path:
    """Four people of eight faces, named, each with a centroid."""
    folder = tmp_path_factory.mktemp("named")
    settings = Settings(home=folder / "library", model_pack="opencv-zoo", model_root=folder / "no-models")
    made = library_with(opencv_zoo, replace(settings, tracking_uri=f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}"))
    add_faces(made, people_vectors(PEOPLE, FACES))
    cluster_faces(made)
    names = [face.cluster_id for face in sorted(faces(made), key=lambda face: face.asset_id) if face.cluster_id]
    for number, name in enumerate(dict.fromkeys(names)):
        label_cluster(made, name, f"Person {number}", actor="me")
    compute_centroids(made)
    made.close()
    return made.settings.home


@pytest.fixture
def named(named_once: Path, mlflow_here: Path, library: Library) -> Library:
    copy_library(named_once, library.settings.home)
    return library


def faces(library: Library) -> list[Face]:
    with library.repository.read() as unit:
        return unit.faces.by_ids([face_id for face_id, _, _ in unit.faces.labels()])


def crown(library: Library, head: Head) -> int:
    """Register a head and make it the champion, by a person's word."""
    version = register(library, head, card=card_for(library), comparison=comparison(0.05)).version
    promote(library, version, actor="me", force=True, reason="for the test")
    return version


def newcomers(library: Library, *, prefix: str = "new") -> list[UUID]:
    return add_faces(library, people_vectors(PEOPLE, FACES)[::FACES] + 0.005, prefix=prefix)


def assigned(library: Library, ids: Sequence[UUID]) -> dict[UUID, tuple[str | None, float | None]]:
    return {face.id: (face.model_version, face.similarity) for face in faces(library) if face.id in ids}


def test_without_a_registry_everything_is_raw_and_nothing_is_made(named: Library) -> None:
    (named.settings.home.parent / "mlruns" / "mlflow.db").unlink()
    report = assign_faces(named)
    assert (report.model_version, report.notes) == ("raw", ())
    assert list((named.settings.home.parent / "mlruns").iterdir()) == []


def test_an_assignment_carries_the_version_that_made_it_and_after_rolling_back_the_older_one(named: Library) -> None:
    crown(named, residual_head(0))
    crown(named, residual_head(9))
    first = newcomers(named)
    assert assign_faces(named, AssignOptions(threshold=0.5)).model_version == "face-projection/2"
    assert {version for version, _ in assigned(named, first).values()} == {"face-projection/2"}
    roll_back(named, actor="me")
    second = newcomers(named, prefix="second")
    assign_faces(named, AssignOptions(threshold=0.5))
    assert {version for version, _ in assigned(named, second).values()} == {"face-projection/1"}
    roll_back(named, actor="me")
    third = newcomers(named, prefix="third")
    assert assign_faces(named).model_version == "raw"
    assert {version for version, _ in assigned(named, third).values()} == {"raw"}
    assert {version for version, _ in assigned(named, first).values()} == {"face-projection/2"}


def test_similarities_are_those_of_projected_faces_and_projected_prototypes(named: Library) -> None:
    head = deep_head(3)
    crown(named, head)
    new = newcomers(named)
    assign_faces(named, AssignOptions(threshold=0.1))
    with named.repository.read() as unit:
        raw_faces, people = unit.vectors.under_people()
        raw_prototypes, new_vectors = unit.prototypes.all(), unit.vectors.of(new)
    # Slowly, face by face: exemplars are projected faces, centroids the unit mean of projected faces.
    labelled = [face.id for face in faces(named) if face.assigned_by is AssignedBy.MANUAL]
    for face_id, vector in zip(new_vectors.face_ids, new_vectors.vectors, strict=True):
        best = -1.0
        for row, (person, role) in enumerate(zip(raw_prototypes.person_ids, raw_prototypes.roles, strict=True)):
            if role is PrototypeRole.EXEMPLAR:
                prototype = project(head, raw_prototypes.vectors[row])
            else:
                own = [
                    project(head, v)
                    for v, p, id_ in zip(raw_faces.vectors, people, raw_faces.face_ids, strict=True)
                    if p == person and id_ in labelled
                ]
                prototype = np.mean(own, axis=0) / np.linalg.norm(np.mean(own, axis=0))
            best = max(best, float(prototype @ project(head, vector)))
        assert assigned(named, new)[face_id] == ("face-projection/1", pytest.approx(best, abs=1e-5))


def test_raw_and_any_version_can_be_asked_for(named: Library) -> None:
    crown(named, residual_head(0))
    newcomers(named)
    assert assign_faces(named, AssignOptions(model="raw")).model_version == "raw"
    register(named, deep_head(1), card=card_for(named))
    for selector in ("2", 2, "challenger", "face-projection/2"):
        assert open_space(named, selector).name == "face-projection/2"
    with pytest.raises(NotFound, match=r"no projection '9'.*raw, challenger, champion, or a version of 1, 2"):
        open_space(named, 9)
    with pytest.raises(WrongUse, match="champion, challenger, raw"):
        open_space(named, "best")


def test_a_champion_of_another_pack_is_passed_over_with_a_note_but_never_used(named: Library) -> None:
    register(named, deep_head(1), card=CARD)
    named.registry.set_alias("champion", 1)
    report = cluster_dual(named)
    assert report.model_version == "raw"
    assert report.notes == ("face-projection/1 was made for vectors of opencv-zoo, this library's are of opencv-zoo; "
                            "raw embeddings were used",)  # fmt: skip
    with pytest.raises(ModelMismatch, match="choose another version"):
        cluster_faces(named, ClusterOptions(model="1"))


KEEN = Head(np.zeros(WIDTH, np.float32), np.eye(64, WIDTH, dtype=np.float32), ())


def faintly_different(library: Library) -> list[UUID]:
    """People who differ in a small direction only, which the keen head looks at alone."""
    people = np.repeat(np.eye(PEOPLE, WIDTH), FACES, axis=0)
    rng = np.random.default_rng(1)
    people[:, PEOPLE:64] += 0.05 * rng.normal(size=(PEOPLE * FACES, 64 - PEOPLE))
    noise = np.zeros((PEOPLE * FACES, WIDTH))
    noise[:, 64:] = rng.normal(size=(PEOPLE * FACES, WIDTH - 64))
    return add_faces(library, (people + noise).astype(np.float32))


def test_clusters_are_made_in_the_space(mlflow_here: Path, library: Library) -> None:
    faintly_different(library)
    assert cluster_faces(library).clusters_found < PEOPLE
    crown(library, KEEN)
    report = cluster_faces(library)
    assert (report.clusters_found, report.model_version) == (PEOPLE, "face-projection/1")
    assert cluster_dual(library).clusters_found == PEOPLE


@pytest.fixture
def faint(mlflow_here: Path, library: Library) -> Library:
    """Of four people the first is in two clusters, the next two are in one; of the last some faces are named."""
    ids = faintly_different(library)
    with library.repository.begin() as unit:
        for name, rows in {"clu_a": range(4), "clu_a2": range(4, 8), "clu_bc": range(8, 24)}.items():
            unit.faces.set_clusters([(ids[row], name) for row in rows])
    assign_faces_to(library, [*ids[24:31], ids[0]], "Dora", actor="me")  # one of them is no face of hers
    assign_faces_to(library, ids[1:4], "Ada", actor="me")
    compute_centroids(library)
    return library


def test_suggestions_are_made_in_the_champions_space(faint: Library) -> None:
    def suggested() -> list[object]:
        merges = [{found.one.name, found.other.name} for found in suggest_merges(faint)]
        parts = [sorted(map(len, found.parts)) for found in suggest_splits(faint)]
        intruders = [found.nearest.person_name for found in suggest_intruders(faint, "Dora") if found.nearest]
        names = [alike.person_name for alike in suggest_names(faint, "clu_a2") if alike.similarity > likely_from(faint)]
        return [merges, parts, intruders, names]

    assert suggested() != (keen := [[{"Ada", "clu_a2"}], [[8, 8]], ["Ada"], ["Ada"]])
    crown(faint, KEEN)
    assert suggested() == keen
    assert [len(part) for part in preview_split(faint, "clu_bc").parts] == [8, 8]
    assert {found.nearest.person_name for found in suggest_uncertain(faint, threshold=0.95)} == {"Ada", "Dora"}
    roll_back(faint, actor="me")
    assert suggested() != keen


def test_suggestions_go_on_in_raw_vectors_where_the_registry_never_answered(faint: Library) -> None:
    away = replace(faint, registry=open_library(replace(faint.settings, tracking_uri="http://127.0.0.1:9")).registry)
    assert suggest_merges(away) == suggest_merges(faint)
    assert space_in_use(away).is_raw


def test_a_sweep_compares_in_the_space_asked_for(faint: Library) -> None:
    settings: dict[str, Any] = {"min_cluster_sizes": (3,), "min_samples": (2,)}
    crown(faint, KEEN)
    keen, raw = sweep_clusters(faint, **settings), sweep_clusters(faint, model="raw", **settings)
    assert (keen.model_version, raw.model_version) == ("face-projection/1", "raw")
    assert keen.runs[0].score > raw.runs[0].score


def test_dual_mode_weighs_assignments_of_another_version_again(named: Library) -> None:
    new = newcomers(named)
    assign_faces(named)
    before = assigned(named, new)
    crown(named, residual_head(0))
    cluster_dual(named, DualOptions(person_threshold=0.5))
    after = assigned(named, new)
    assert {version for version, _ in after.values()} == {"face-projection/1"}
    assert all(after[id_][1] != before[id_][1] for id_ in new)


@pytest.fixture
def many(mlflow_here: Path, library: Library) -> Library:
    """Twelve named people, enough to calibrate on."""
    add_faces(library, people_vectors(12, FACES, seed=3))
    cluster_faces(library)
    for number, name in enumerate(sorted({face.cluster_id for face in faces(library) if face.cluster_id})):
        label_cluster(library, name, f"Person {number}", actor="me")
    return library


# Draws all vectors together: half of every cosine's distance to 1.
GATHERING = Head(-0.7 * matrix(WIDTH, 1, seed=4)[:, 0], np.eye(WIDTH, dtype=np.float32), ())


def test_a_threshold_is_carried_over_at_equal_rates_of_strangers(many: Library) -> None:
    strangers = people_vectors(30, 5, seed=40, spread=1.0)
    owners = np.repeat(np.arange(30), 5)
    thresholds = equal_rates(stranger_scores(strangers, owners), stranger_scores(project(GATHERING, strangers), owners))
    assert thresholds is not None
    with many.tracking.run("train") as run:
        many.registry.register(
            GATHERING, card_for(many), comparison=None, run_id=str(run.id), thresholds=thresholds.to_json()
        )
    many.registry.set_alias("champion", 1)
    raw, mine = calibrate_library(many, fmr=0.01, model="raw"), calibrate_library(many, fmr=0.01)
    assert (raw.model_version, mine.model_version) == ("raw", "face-projection/1")
    assert mine.threshold == pytest.approx(thresholds.of(raw.threshold))
    assert mine.threshold > raw.threshold + 0.1
    space = open_space(many)
    assert space.threshold(0.3) == thresholds.of(0.3) > 0.4
    assert open_space(many, "raw").threshold(0.3) == 0.3
    add_faces(many, unit_rows(3, seed=8), prefix="new")
    (note,) = assign_faces(many, AssignOptions(threshold=0.6)).notes
    assert note.startswith("the threshold 0.6 was used as given, but cosines of face-projection/1 are not those of raw")
    assert f"{thresholds.of(0.6):.3f} is as strict here as 0.6 there" in note
    assert assign_faces(many, AssignOptions(threshold=0.6, model="raw")).notes == ()


def test_a_threshold_read_off_the_labels_a_projection_learned_from_is_questioned(many: Library) -> None:
    crown(many, GATHERING)  # registered without a map
    mine = calibrate_library(many, fmr=0.01)
    assert mine.threshold > calibrate_library(many, fmr=0.01, model="raw").threshold + 0.1
    assert "strangers may pass more often than asked" in str(mine.note)
    for threshold in ("banana", 1.5):
        with pytest.raises(WrongUse, match=str(threshold)):
            assign_faces(many, AssignOptions(threshold=threshold))


def test_a_face_is_explained_in_the_space_that_assigned_it(named: Library) -> None:
    crown(named, residual_head(0))
    new = newcomers(named)
    assign_faces(named, AssignOptions(threshold=0.5))
    crown(named, deep_head(5))
    mine = explain_face(named, new[0])
    assert (mine.model_version, mine.compared_in) == ("face-projection/1", "face-projection/1")
    assert mine.nearest[0].similarity == pytest.approx(mine.similarity, abs=0.02)  # its centroid has moved with it
    assert explain_face(named, new[0], model="raw").compared_in == "raw"
    by_hand = next(face.id for face in faces(named) if face.assigned_by is AssignedBy.MANUAL)
    assert explain_face(named, by_hand).compared_in == "face-projection/2"
    named.tracking.store.client.delete_model_version("face-projection", "1")
    gone = explain_face(named, new[0])
    assert gone.compared_in == "face-projection/2"
    assert gone.note == "face-projection/1, which assigned this face, is gone; compared in face-projection/2"


def test_projected_vectors_that_an_earlier_version_kept_go_when_the_library_is_opened(named: Library) -> None:
    kept = named.settings.cache_folder / "spaces"
    kept.mkdir(parents=True)
    (kept / "0123.npy").write_bytes(b"vectors")
    open_library(named.settings).close()
    assert not kept.exists()
