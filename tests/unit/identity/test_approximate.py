"""Approximate neighbours: what is listed is true, what is missed is estimated, and groups are those of exact ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from faceml.identity.cost import MOST_EXACT, compares_all, expected_cost
from faceml.identity.hdbscan import approximate, cells, exact, meetings, sparse_graph
from faceml.identity.hdbscan.approximate import approximately_nearest
from faceml.identity.hdbscan.distances import points_of
from faceml.identity.hdbscan.exact import Clustering, fit
from faceml.identity.hdbscan.reachability_graph import Graph
from faceml.machines.on_ray import Shards
from faceml.metrics.agreement import adjusted_rand, bcubed
from tests.fakes import OtherMachines

PEOPLE, FACES, WIDTH = 90, 8, 48
TO = 3


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few rows are compared in cells that a slow version can look at all pairs."""
    monkeypatch.setattr(exact, "COMPARED_WITH_ALL", 100)


def rows_of(count: int = PEOPLE * FACES, *, seed: int = 0, spread: float = 0.75) -> np.ndarray:
    """People of eight faces, shuffled; a tenth of the rows are strangers."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((PEOPLE, WIDTH))[truth_of(count)] + spread * rng.standard_normal((count, WIDTH))
    rows[::10] = rng.standard_normal((len(rows[::10]), WIDTH))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def truth_of(count: int = PEOPLE * FACES) -> np.ndarray:
    return np.random.default_rng(99).permutation(count) // FACES % PEOPLE


def approximated(rows: np.ndarray, **more: object) -> Clustering:
    return fit(rows, is_exact=False, **more)


def slow(rows: np.ndarray) -> np.ndarray:
    """(N, N) distances, of a row to itself infinite."""
    distances = cdist(rows.astype(np.float64), rows.astype(np.float64))
    np.fill_diagonal(distances, np.inf)
    return distances


def assert_true(graph: Graph, rows: np.ndarray) -> None:
    """Every list is ascending, names nobody twice or oneself, and says how far each is."""
    distances = slow(rows)
    for row, (listed, far) in enumerate(zip(graph.neighbours, graph.distances, strict=True)):
        assert (listed >= 0).all()
        assert row not in listed
        assert len(set(listed)) == len(listed)
        np.testing.assert_allclose(far, distances[row, listed], atol=1e-6)
        assert (np.diff(far) >= 0).all()


def true_recall(graph: Graph, rows: np.ndarray) -> float:
    nearest = np.argsort(slow(rows), axis=1, kind="stable")[:, :TO]
    return float(
        np.mean([len(set(one) & set(other)) / TO for one, other in zip(graph.neighbours, nearest, strict=True)])
    )


# --- lists


def test_what_is_listed_is_true_and_the_estimate_of_what_is_missed_right() -> None:
    rows = rows_of()
    graph = approximated(rows).graph
    assert_true(graph, rows)
    assert not graph.is_exact
    assert 0.8 < true_recall(graph, rows) < 1
    assert graph.recall == pytest.approx(true_recall(graph, rows), abs=0.02)


def test_more_sets_of_cells_find_more() -> None:
    points = points_of(rows_of(), metric="euclidean")
    one, several = (approximately_nearest(points, to=TO, enough=enough).recall for enough in (0.0, 1.0))
    assert one < several


def test_the_same_seed_gives_the_same_lists_and_another_one_others() -> None:
    points = points_of(rows_of(), metric="euclidean")
    first, again, other = (approximately_nearest(points, to=TO, seed=seed).lists for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.indices, again.indices)
    np.testing.assert_array_equal(first.distances, again.distances)
    assert (first.indices != other.indices).any()


def test_progress_goes_up_to_the_end_of_a_set() -> None:
    seen: list[tuple[int, int]] = []
    approximated(rows_of(), on_progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1][0] % 100 == 0
    assert all(0 < done <= total for done, total in seen)


@pytest.mark.parametrize("kind", ["long and short", "cosine"])
def test_rows_of_any_length_are_compared_too(kind: str) -> None:
    lengths = np.random.default_rng(5).uniform(1.9, 2.1, (PEOPLE * FACES, 1))
    rows = rows_of() * lengths
    metric = "cosine" if kind == "cosine" else "euclidean"
    found, wanted = (fit(rows, metric=metric, is_exact=is_exact) for is_exact in (False, True))
    assert found.graph.recall > 0.8
    assert adjusted_rand(wanted.labels, found.labels) > 0.9


def test_one_photo_many_times_over_is_no_trap() -> None:
    rows = rows_of()
    rows[: len(rows) // 2] = rows[0]
    labels = approximated(rows).labels
    assert len(set(labels[: len(rows) // 2])) == 1
    assert labels[0] >= 0


# --- other machines


@pytest.mark.parametrize("late_by", [0, 3, 1000])
def test_other_machines_give_the_same_bits_however_late_they_answer(
    late_by: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approximate, "_PENDING_A_ROW", 1)  # floors rise often
    rows = rows_of()
    machines = OtherMachines(late_by=late_by)
    here, there = approximated(rows), approximated(rows, machines=machines)
    assert machines.journeys > 10
    assert same_graph(here.graph, there.graph)
    np.testing.assert_array_equal(here.labels, there.labels)


def test_newcomers_are_looked_for_by_other_machines_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparse_graph, "_FEW", 1)
    rows, machines = rows_of(), OtherMachines()
    former = approximated(rows[:-200]).graph
    here, there = approximated(rows, previous=former), approximated(rows, previous=former, machines=machines)
    assert machines.journeys > 0
    assert same_graph(here.graph, there.graph)


def test_a_cell_of_very_many_is_compared_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approximate, "BLOCK", 20)
    monkeypatch.setattr(meetings, "BLOCK", 20)
    rows = rows_of()
    rows[: len(rows) // 2] = rows[0]
    assert same_graph(approximated(rows).graph, approximated(rows, machines=OtherMachines()).graph)


def test_shards_are_read_as_one_array() -> None:
    rows = rows_of(50)
    shards = Shards([rows[:20], rows[20:40], rows[40:]])
    assert len(shards) == 50
    for which in (slice(15, 45), slice(50, 60), np.array([49, 0, 20]), np.array([[1, 41], [39, 5]])):
        np.testing.assert_array_equal(shards[which], rows[which])
    np.testing.assert_array_equal(shards.take(np.array([3, 30]), axis=0), rows[[3, 30]])


def same_graph(one: Graph, other: Graph) -> bool:
    return all(np.array_equal(array, other.arrays()[name]) for name, array in one.arrays().items())


# --- groups


def test_groups_are_as_good_as_exact_ones() -> None:
    rows, truth = rows_of(), truth_of()
    found, wanted = approximated(rows), fit(rows)
    assert bcubed(truth, found.labels).f >= bcubed(truth, wanted.labels).f - 0.01
    assert adjusted_rand(wanted.labels, found.labels) > 0.95


def test_few_rows_are_compared_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of()
    monkeypatch.setattr(exact, "COMPARED_WITH_ALL", len(rows))
    found, wanted = approximated(rows), fit(rows)
    assert found.graph.is_exact
    np.testing.assert_array_equal(found.labels, wanted.labels)
    np.testing.assert_array_equal(found.single_linkage, wanted.single_linkage)


def test_lists_that_hold_everybody_give_the_exact_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(200)
    monkeypatch.setattr(approximate, "WIDTH", 199)
    monkeypatch.setattr(cells, "VISITS", 199)
    found, wanted = approximated(rows), fit(rows)
    assert not found.graph.is_exact
    assert found.graph.recall == 1.0
    np.testing.assert_array_equal(np.sort(found.spanning_tree[:, 2]), np.sort(wanted.spanning_tree[:, 2]))


@pytest.mark.parametrize("name", ["ages", "families"])
@pytest.mark.parametrize("pack", ["opencv-zoo", "scrfd500m_edgeface_xs"])
def test_hard_faces_are_grouped_as_exactly(shared: Path, name: str, pack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the usual number that is compared with all
    vectors = np.load(shared / "data" / "hard" / f"{name}-{pack}.npz")["vectors"].astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert adjusted_rand(fit(vectors).labels, approximated(vectors).labels) == 1.0


# --- the graph that is kept


def test_newcomers_are_compared_with_all_and_enter_lists() -> None:
    rows = rows_of()
    former = approximated(rows[:-20]).graph
    graph = approximated(rows, previous=former).graph
    assert_true(graph, rows)
    nearest = np.argsort(slow(rows), axis=1, kind="stable")[-20:, :TO]
    np.testing.assert_array_equal(graph.neighbours[-20:, :TO], nearest)
    for host, guest in zip(*np.nonzero(slow(rows)[:-20, -20:] < former.distances[:, -1, None]), strict=True):
        assert (
            len(rows) - 20 + guest in graph.neighbours[host]
            or graph.distances[host, -1] <= slow(rows)[host, -20:][guest]
        )
    assert float(graph.recall) > float(former.recall)


def test_many_newcomers_are_looked_for_in_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparse_graph, "_FEW", 1)
    rows, truth = rows_of(), truth_of()
    grown = approximated(rows, previous=approximated(rows[:-200]).graph)
    assert_true(grown.graph, rows)
    assert bcubed(truth, grown.labels).f >= bcubed(truth, approximated(rows).labels).f - 0.01


def test_rows_that_went_leave_no_trace_and_the_others_find_new_neighbours() -> None:
    rows = rows_of()
    former = approximated(rows).graph
    stay = np.random.default_rng(3).permutation(len(rows))[:-30]
    places = np.full(len(rows), -1)
    places[stay] = np.arange(len(stay))
    found = approximated(rows[stay], previous=former, previous_rows=places)
    known = found.graph.neighbours >= 0
    assert known[:, :TO].all()
    np.testing.assert_allclose(
        found.graph.distances[known], slow(rows[stay])[np.nonzero(known)[0], found.graph.neighbours[known]], atol=1e-6
    )
    assert adjusted_rand(approximated(rows[stay]).labels, found.labels) > 0.95


def test_a_row_that_is_another_by_now_is_never_taken_for_the_former() -> None:
    rows = rows_of()
    former = approximated(rows).graph
    rows[7] = -rows[7]
    graph = approximated(rows, previous=former).graph
    known = graph.neighbours >= 0
    np.testing.assert_allclose(
        graph.distances[known], slow(rows)[np.nonzero(known)[0], graph.neighbours[known]], atol=1e-6
    )


def test_exact_after_approximate_trusts_nothing_of_it() -> None:
    rows = rows_of()
    found = fit(rows, previous=approximated(rows[:-5]).graph)
    assert found.graph.is_exact
    np.testing.assert_array_equal(found.labels, fit(rows).labels)


def test_approximate_after_exact_keeps_what_is_proven() -> None:
    rows = rows_of()
    proven = fit(rows)
    np.testing.assert_array_equal(approximated(rows, previous=proven.graph).labels, proven.labels)
    grown = approximated(rows, previous=fit(rows[:-10]).graph)
    assert float(grown.graph.recall) == 1.0
    assert adjusted_rand(proven.labels, grown.labels) > 0.98


def test_a_graph_comes_back_from_its_arrays_and_one_kept_by_a_former_version_is_exact() -> None:
    graph = approximated(rows_of()).graph
    again = Graph.from_arrays(graph.arrays())
    assert (bool(again.is_exact), float(again.recall)) == (False, float(graph.recall))
    old = {name: values for name, values in graph.arrays().items() if name not in ("is_exact", "recall")}
    assert Graph.from_arrays(old).is_exact
    del old["weights"]
    with pytest.raises(KeyError, match="weights"):
        Graph.from_arrays(old)


def test_linkage_goes_on_from_approximate_lists() -> None:
    from faceml.identity.clustering import cluster_embeddings

    rows = rows_of()
    found, wanted = (
        cluster_embeddings(rows, method="linkage", min_cluster_size=2, neighbours=way)
        for way in ("approximate", "exact")
    )
    assert adjusted_rand(wanted, found) > 0.95


# --- what it costs


def test_auto_compares_all_up_to_a_number_and_only_where_another_way_is_known() -> None:
    assert compares_all("auto", MOST_EXACT)
    assert not compares_all("auto", MOST_EXACT + 1)
    assert compares_all("exact", 10 * MOST_EXACT)
    assert not compares_all("approximate", 10)
    assert compares_all("approximate", 10, method="dbscan")


def test_expected_cost_of_approximate_grows_slower_than_the_square() -> None:
    small, large = (expected_cost(count, 512, is_exact=False, operations_per_s=1e11) for count in (100_000, 1_000_000))
    assert 10 < large.seconds / small.seconds < 32
    assert large.seconds < expected_cost(1_000_000, 512, operations_per_s=1e11).seconds / 6
    assert large.memory_bytes < 5_000_000_000
