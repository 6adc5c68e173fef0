"""Clustering goes on from the last run's neighbour graph, and never trusts one that does not fit."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from faceml.errors import WrongUse
from faceml.identity import cost
from faceml.identity.hdbscan import exact as hdbscan_exact
from faceml.identity.hdbscan import reachability_graph
from faceml.identity.hdbscan.exact import fit
from faceml.library import Library
from faceml.options import ClusterOptions, DualOptions
from faceml.records import Embeddings
from faceml.services.cluster import grouping
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.cluster.dual import cluster_dual, key_figures
from faceml.services.cluster.grouping import group_faces
from faceml.services.decisions.label import label_cluster
from faceml.services.learn.fit_matcher import fit_library_matcher
from faceml.services.recognise.spaces import Space
from tests.conftest import add_faces, found_face, people_vectors, unit_rows

PEOPLE, FACES = 12, 6


@pytest.fixture
def library(bare_library: Library, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Twelve people of six faces and ten strangers, enough to keep a graph of."""
    monkeypatch.setattr(grouping, "WORTH_KEEPING", 10)
    add_faces(bare_library, np.vstack([people_vectors(PEOPLE, FACES, spread=0.8), unit_rows(10, seed=77)]))
    return bare_library


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where each clustering started from."""
    seen: list[str] = []
    for name in ("graph_of", "graph_from"):
        original = getattr(hdbscan_exact, name)

        def noted(*args: Any, _name: str = name, _original: Any = original, **more: Any) -> Any:
            seen.append(_name)
            return _original(*args, **more)

        monkeypatch.setattr(hdbscan_exact, name, noted)
        monkeypatch.setattr(reachability_graph, name, noted)
    return seen


def clusters(library: Library) -> dict[UUID, str | None]:
    with library.repository.read() as unit:
        return {face_id: cluster for face_id, _, cluster in unit.faces.labels()}


def assert_as_from_the_start(library: Library) -> None:
    """The clusters that stand are those of a full run over the faces without a name."""
    with library.repository.read() as unit:
        faces = unit.vectors.unlabelled(min_quality=0.5, limit=10_000)
    labels = fit(faces.vectors).labels.tolist()
    names = clusters(library)
    pairs = {(label, names[face_id]) for label, face_id in zip(labels, faces.face_ids, strict=True)}
    assert len(pairs) == len({label for label, _ in pairs}) == len({name for _, name in pairs})
    assert (-1, None) in pairs


def graph_files(library: Library) -> list[Path]:
    return sorted((library.settings.cache_folder / "graphs").iterdir())


def test_new_faces_and_named_ones_change_the_graph_and_clusters_keep_their_ids(library: Library, starts) -> None:
    cluster_faces(library)
    before = clusters(library)
    add_faces(library, people_vectors(PEOPLE + 1, FACES, spread=0.8)[-4:], prefix="new")
    named = sorted({name for name in before.values() if name})[:2]
    for name in named:
        label_cluster(library, name, f"Person {name}", actor="me")
    cluster_faces(library)
    assert starts == ["graph_of", "graph_from"]
    assert_as_from_the_start(library)
    after = clusters(library)
    grouped = {id_: name for id_, name in before.items() if name}
    assert {id_: after[id_] for id_ in grouped} == grouped
    assert len(graph_files(library)) == 1


def test_a_face_detected_again_keeps_its_id_but_its_new_vector_counts(library: Library, starts) -> None:
    cluster_faces(library)
    before = clusters(library)
    moved = next(face_id for face_id, name in before.items() if name)
    with library.repository.begin() as unit:
        unit.faces.renew([(moved, found_face(unit_rows(1, seed=500)[0]))], pack="opencv-zoo")
    cluster_faces(library)
    assert starts == ["graph_of", "graph_from"]
    assert clusters(library)[moved] is None
    assert_as_from_the_start(library)


@pytest.mark.parametrize(
    "harm", ["cut short", "a bit flipped", "no graph", "of another library", "arrays that do not fit"]
)
def test_a_damaged_or_foreign_file_is_passed_by_with_one_line(
    library: Library, starts: list[str], caplog: pytest.LogCaptureFixture, harm: str
) -> None:
    cluster_faces(library)
    before = clusters(library)
    (path,) = graph_files(library)
    content = path.read_bytes()
    if harm == "cut short":
        path.write_bytes(content[: len(content) // 2])
    elif harm == "a bit flipped":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif harm == "no graph":
        path.write_text("hello")
    else:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        if harm == "of another library":
            arrays["key"] = np.array(str(arrays["key"]).replace("f" * 64, "e" * 64))
        else:
            arrays["edges"] = arrays["edges"] + 10_000
        np.savez(path.with_suffix(""), **arrays)
    caplog.set_level(logging.INFO)
    cluster_faces(library)
    assert starts == ["graph_of", "graph_of"]
    assert [record.levelname for record in caplog.records if "neighbour graph" in record.message] == ["WARNING"]
    assert clusters(library) == before
    cluster_faces(library)
    assert starts[2:] == ["graph_from"]


def test_a_folder_that_cannot_be_written_costs_no_clustering(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    library.settings.cache_folder.mkdir(parents=True, exist_ok=True)
    (library.settings.cache_folder / "graphs").write_text("in the way")
    assert cluster_faces(library).clusters_found == PEOPLE
    assert any("could not be kept" in record.message for record in caplog.records)


def test_each_purpose_space_and_pack_has_a_graph_of_its_own(library: Library, starts) -> None:
    cluster_faces(library)
    cluster_dual(library)
    cluster_faces(library)
    cluster_dual(library)
    assert starts == ["graph_of", "graph_of", "graph_from", "graph_from"]
    with library.repository.read() as unit:
        faces = unit.vectors.unlabelled(min_quality=0.5, limit=10_000)
    options = {"min_cluster_size": 5, "min_samples": 3}
    group_faces(library, faces, purpose="unlabelled", space=Space("face-projection/3"), **options)
    assert starts[4:] == ["graph_of"]
    assert len(graph_files(library)) == 3


def everybody(library: Library) -> Embeddings:
    with library.repository.read() as unit:
        found = unit.vectors.everybody()
    return Embeddings(found.face_ids, found.vectors)


@pytest.mark.parametrize("former", [cluster_faces, cluster_dual])
def test_a_first_grouping_starts_from_the_graph_that_another_kept(library: Library, starts, former) -> None:
    former(library)
    add_faces(library, people_vectors(PEOPLE + 1, FACES, spread=0.8)[-4:], prefix="new")
    faces = everybody(library)
    options = {"purpose": "everybody", "min_cluster_size": 3, "min_samples": 2}
    labels = group_faces(library, faces, **options, begun_by=("unlabelled", "unknown")).labels
    assert starts == ["graph_of", "graph_from"]
    assert labels.tolist() == fit(faces.vectors, min_cluster_size=3, min_samples=2).labels.tolist()
    assert len(graph_files(library)) == 2, "each goes on with its own"


def test_a_matcher_is_fitted_from_what_clustering_kept(library: Library, mlflow_here: Path, starts) -> None:
    cluster_faces(library)
    for name in sorted({name for name in clusters(library).values() if name})[:2]:
        label_cluster(library, name, f"Person {name}", actor="me")
    fit_library_matcher(library, measure=lambda _: None)
    assert starts == ["graph_of", "graph_from"]
    fit_library_matcher(library, measure=lambda _: None)
    assert starts[2:] == ["graph_from"]


def test_another_groupings_graph_that_is_damaged_or_of_another_space_is_passed_by(library: Library, starts) -> None:
    cluster_faces(library)
    faces = everybody(library)
    options = {"purpose": "everybody", "min_cluster_size": 3, "min_samples": 2, "begun_by": ("unknown", "unlabelled")}
    group_faces(library, faces, space=Space("face-projection/3"), **options)
    assert starts == ["graph_of", "graph_of"]
    path = next(path for path in graph_files(library) if path.name.startswith("unlabelled"))
    path.write_text("hello")
    group_faces(library, faces, **options)
    assert starts[2:] == ["graph_of"]


def test_where_most_faces_are_new_the_start_is_fresh(library: Library, starts) -> None:
    cluster_faces(library)
    add_faces(library, people_vectors(40, FACES, seed=900, spread=0.8), prefix="many")
    cluster_faces(library)
    assert starts == ["graph_of", "graph_from", "graph_of"]  # the former graph was looked at, and left alone
    assert_as_from_the_start(library)


def test_a_large_run_is_announced_and_one_that_does_not_fit_is_refused(library: Library, monkeypatch) -> None:
    notes: list[str] = []
    cluster_faces(library, on_note=notes.append)
    assert notes == []
    monkeypatch.setattr(grouping, "WORTH_ANNOUNCING", 50)
    cluster_faces(library, on_note=notes.append)
    cluster_dual(library, DualOptions(unknown_method="dbscan"), on_note=notes.append)
    assert len(notes) == 2
    assert notes[0].startswith("Grouping 82 faces by hdbscan: about 0 s and")
    assert "by dbscan" in notes[1]
    monkeypatch.setattr(cost, "available_memory_bytes", lambda: 100_000)
    for run in (cluster_faces, cluster_dual):
        with pytest.raises(WrongUse, match=r"hdbscan over 82 faces needs .* are free: cluster fewer faces"):
            run(library)


def test_linkage_goes_on_from_the_kept_graph_and_groups_as_from_the_start(
    library: Library, starts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ClusterOptions(method="linkage", min_cluster_size=2, min_similarity=0.3)
    cluster_faces(library, options)
    add_faces(library, people_vectors(PEOPLE + 1, FACES, spread=0.8)[-4:], prefix="new")
    cluster_faces(library, options)
    extended = clusters(library)
    monkeypatch.setattr(grouping, "WORTH_KEEPING", 10_000)
    cluster_faces(library, options)
    assert starts == ["graph_of", "graph_from", "graph_of"]
    assert clusters(library) == extended
    assert len(set(extended.values()) - {None}) >= PEOPLE


# --- approximate neighbours


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdbscan_exact, "COMPARED_WITH_ALL", 20)


@pytest.mark.usefixtures("few_are_many")
def test_clusters_keep_their_ids_between_exact_and_approximate_and_the_report_says_which(library: Library) -> None:
    assert cluster_faces(library).neighbour_recall is None
    before = clusters(library)
    for path in graph_files(library):
        path.unlink()  # else nothing is new, and what is proven is used
    report = cluster_faces(library, ClusterOptions(neighbours="approximate"))
    assert report.neighbour_recall is not None
    assert f"an estimated {report.neighbour_recall:.1%} of each face's nearest were found" in str(report.note)
    after = clusters(library)
    kept = [after[face_id] == name for face_id, name in before.items() if name]
    assert np.mean(kept) > 0.9
    assert cluster_faces(library, ClusterOptions(neighbours="exact")).neighbour_recall is None
    assert clusters(library) == before
    assert_as_from_the_start(library)


@pytest.mark.usefixtures("few_are_many")
def test_dual_mode_groups_with_approximate_neighbours_and_goes_on_from_the_kept_graph(library: Library) -> None:
    options = DualOptions(neighbours="approximate")
    first = cluster_dual(library, options)
    add_faces(library, people_vectors(PEOPLE + 1, FACES, spread=0.8)[-4:], prefix="new")
    again = cluster_dual(library, options)
    assert (first.clusters_found, again.clusters_found) == (PEOPLE, PEOPLE + 1)
    assert again.neighbour_recall is not None
    assert any("neighbours are approximate" in note for note in again.notes)
    assert key_figures(again)["neighbour_recall"] == round(again.neighbour_recall, 4)


def test_few_faces_are_all_compared_and_nothing_is_said(library: Library) -> None:
    report = cluster_faces(library, ClusterOptions(neighbours="approximate"))
    assert (report.neighbour_recall, report.note) == (None, None)
    assert_as_from_the_start(library)
