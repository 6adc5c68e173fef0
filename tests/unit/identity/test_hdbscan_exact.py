"""Our labels are hdbscan's own: checked against its generic path, and against exact distances where it rounds."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import hdbscan
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from faceml.errors import WrongUse
from faceml.identity.hdbscan import dendrogram, distances, growth, neighbours, reachability_graph, spanning_tree
from faceml.identity.hdbscan import exact as hdbscan_exact
from faceml.identity.hdbscan.distances import points_of
from faceml.identity.hdbscan.exact import Clustering, cut, fit
from faceml.identity.hdbscan.reachability_graph import Graph
from tests.conftest import examples

many_examples = settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def faces(count: int, width: int, *, seed: int = 0, spread: float = 0.8) -> np.ndarray:
    """People of 2 to 30 faces and of varying spread, a fifth of the rows alone; shuffled unit rows."""
    rng = np.random.default_rng(seed)
    people = rng.standard_normal((max(2, count // 12), width))
    rows = people[rng.integers(0, len(people), count)] / np.sqrt(width)
    rows = rows + spread * rng.uniform(0.3, 1.0, (count, 1)) * rng.standard_normal((count, width)) / np.sqrt(width)
    alone = rng.random(count) < 0.2
    rows[alone] = rng.standard_normal((alone.sum(), width))
    return unit(rows)


def library(rows: np.ndarray, **options: object) -> hdbscan.HDBSCAN:
    """The generic path, which takes float64 only."""
    defaults = {"min_cluster_size": 5, "min_samples": 3, "algorithm": "generic"}
    return hdbscan.HDBSCAN(**(defaults | options)).fit(rows.astype(np.float64))


def library_on_exact_distances(rows: np.ndarray, **options: object) -> hdbscan.HDBSCAN:
    """The generic path on distances from differences, where its own would round near-duplicates away."""
    return library(cdist(rows.astype(np.float64), rows.astype(np.float64)), metric="precomputed", **options)


def assert_same(ours: Clustering, theirs: hdbscan.HDBSCAN) -> None:
    np.testing.assert_array_equal(ours.labels, theirs.labels_)
    np.testing.assert_array_equal(ours.single_linkage[:, [0, 1, 3]], theirs._single_linkage_tree[:, [0, 1, 3]])
    heights, wanted = ours.single_linkage[:, 2], theirs._single_linkage_tree[:, 2]
    np.testing.assert_allclose(heights, wanted, rtol=1e-9, atol=1e-12 * wanted.max())


@pytest.fixture(params=["products kept", "products made again"])
def tiny_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks, samples and queues so small that a few rows go through every branch."""
    monkeypatch.setattr(reachability_graph, "_KEPT", 8192 if request.param == "products kept" else 0)
    monkeypatch.setattr(distances, "BLOCK", 16)
    monkeypatch.setattr(distances, "DIAGONAL", 5)
    monkeypatch.setattr(growth, "_FIRST", 6)
    monkeypatch.setattr(neighbours, "_PENDING", 40)
    monkeypatch.setattr(neighbours, "_ROWS_IN_DOUBT", 7)
    monkeypatch.setattr(neighbours, "_SLICE", 60)
    monkeypatch.setattr(spanning_tree, "_PENDING", 40)
    monkeypatch.setattr(spanning_tree, "_SLICE", 20)
    monkeypatch.setattr(spanning_tree, "_SMALLEST_SAMPLE", 5)


@pytest.mark.parametrize(("count", "width"), [(40, 4), (400, 16), (1200, 64), (2500, 128)])
@pytest.mark.parametrize("kept", [0, 8192])
def test_labels_and_tree_are_those_of_the_generic_path(
    count: int, width: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reachability_graph, "_KEPT", kept)
    rows = faces(count, width)

    ours, theirs = fit(rows), library(rows)

    assert ours.labels.max() >= 0
    assert_same(ours, theirs)


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 1.1])
@pytest.mark.parametrize("method", ["eom", "leaf"])
@pytest.mark.parametrize(("min_cluster_size", "min_samples"), [(2, 1), (3, 2), (10, 12)])
def test_every_parameter_means_what_it_means_in_the_library(
    method: hdbscan_exact.Selection, epsilon: float, min_cluster_size: int, min_samples: int
) -> None:
    rows = faces(400, 24, seed=1)
    options = {
        "min_cluster_size": min_cluster_size,
        "min_samples": min_samples,
        "cluster_selection_epsilon": epsilon,
        "cluster_selection_method": method,
    }

    np.testing.assert_array_equal(fit(rows, **options).labels, library(rows, **options).labels_)


@pytest.mark.usefixtures("tiny_blocks")
@many_examples
@given(
    count=st.integers(5, 120), width=st.integers(1, 6), seed=st.integers(0, 10**6), min_samples=st.integers(1, 9),
    min_cluster_size=st.integers(2, 8), scale=st.sampled_from([1e-20, 1.0, 1e15]), offset=st.sampled_from([0.0, 3.0]),
)  # fmt: skip
def test_rows_without_ties_have_the_labels_of_the_library(
    count: int, width: int, seed: int, min_samples: int, min_cluster_size: int, scale: float, offset: float
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, width)) + 4.0 * rng.integers(0, 3, (count, 1)) + offset
    rows = (rows * scale).astype(np.float32)
    options = {"min_samples": min_samples, "min_cluster_size": min_cluster_size}

    assert_same(fit(rows, **options), library_on_exact_distances(rows, **options))


KINDS_OF_TIES = ["duplicates", "all equal", "lattice", "axes", "near-duplicates"]


def rows_with_ties(kind: str, count: int, rng: np.random.Generator) -> np.ndarray:
    if kind == "duplicates":
        return faces(count, 5, seed=int(rng.integers(1000)))[rng.integers(0, max(1, count // 3), count)]
    if kind == "all equal":
        return np.tile(unit(rng.standard_normal((1, 7))), (count, 1))
    if kind == "lattice":
        return rng.integers(0, 4, (count, 3)).astype(np.float32)
    if kind == "axes":
        return np.eye(count, dtype=np.float32)
    pivots = unit(rng.standard_normal((4, 6)))
    return (pivots[rng.integers(0, 4, count)] + 1e-5 * rng.standard_normal((count, 6))).astype(np.float32)


@pytest.mark.usefixtures("tiny_blocks")
@many_examples
@given(kind=st.sampled_from(KINDS_OF_TIES), count=st.integers(5, 100), seed=st.integers(0, 10**6), k=st.integers(1, 6))
def test_ties_and_near_duplicates_leave_the_merge_heights_exact(kind: str, count: int, seed: int, k: int) -> None:
    """Which of several minimum spanning trees is found is open where distances tie; their weights are not."""
    rows = rows_with_ties(kind, count, np.random.default_rng(seed))

    ours, theirs = fit(rows, min_samples=k), library_on_exact_distances(rows, min_samples=k)

    np.testing.assert_allclose(np.sort(ours.spanning_tree[:, 2]), theirs._single_linkage_tree[:, 2], rtol=1e-12, atol=0)


@pytest.mark.parametrize("kind", KINDS_OF_TIES)
def test_with_ties_labels_agree_with_the_library(kind: str) -> None:
    rows = rows_with_ties(kind, 700, np.random.default_rng(5))

    assert adjusted_rand_score(fit(rows).labels, library_on_exact_distances(rows).labels_) >= 0.999


def test_duplicated_photos_leave_the_labels_of_the_generic_path() -> None:
    rows = faces(1500, 64, seed=2)
    rows[::10] = rows[1::10]

    assert adjusted_rand_score(fit(rows).labels, library(rows).labels_) >= 0.999


def test_near_duplicates_keep_their_exact_core_distances() -> None:
    """Their squared distance of 1e-9 is far below what a float32 product can tell (6e-8)."""
    rng = np.random.default_rng(3)
    rows = unit(faces(60, 64)[rng.integers(0, 60, 900)] + 4e-6 * rng.standard_normal((900, 64)))
    exact = np.sort(cdist(rows.astype(np.float64), rows.astype(np.float64)), axis=1)

    found = fit(rows, min_samples=3).graph

    np.testing.assert_allclose(found.distances[:, 2], exact[:, 3], rtol=1e-12)


def test_rows_of_any_length_have_the_labels_of_the_generic_path() -> None:
    rng = np.random.default_rng(4)
    rows = (faces(800, 32) * rng.uniform(0.5, 40.0, (800, 1)) + 7.0).astype(np.float32)

    assert_same(fit(rows), library(rows))


def test_float64_rows_are_not_rounded() -> None:
    rows = faces(300, 16).astype(np.float64) + 1e-9 * np.random.default_rng(0).standard_normal((300, 16))

    ours = fit(rows)

    assert_same(ours, library(rows))
    assert not np.array_equal(ours.graph.distances, fit(rows.astype(np.float32)).graph.distances)


@pytest.mark.parametrize("kept", [0, 8192])
def test_groups_far_apart_are_joined_by_their_nearest_faces(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups larger than the neighbour lists share no listed edge: the tree has to find every join itself."""
    monkeypatch.setattr(reachability_graph, "_KEPT", kept)
    rng = np.random.default_rng(6)
    rows = unit(np.repeat(rng.standard_normal((12, 32)), 150, axis=0) + 0.3 * rng.standard_normal((1800, 32)))

    assert_same(fit(rows), library(rows))


@pytest.mark.parametrize("kind", ["faces", "lengths"])
def test_cosine_labels_are_those_of_the_generic_path(kind: str) -> None:
    rows = faces(900, 32, seed=7)
    if kind == "lengths":
        rows *= np.random.default_rng(0).uniform(0.1, 90.0, (900, 1)).astype(np.float32)

    assert_same(fit(rows, metric="cosine"), library(rows, metric="cosine"))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_fewer_rows_than_a_cluster_are_all_noise(count: int) -> None:
    result = fit(faces(10, 4)[:count], min_cluster_size=5)

    assert result.labels.tolist() == [-1] * count


def test_beyond_a_few_thousand_rows_their_distances_are_never_all_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachability_graph, "_KEPT", 5000)
    rows = faces(6000, 32)
    fit(rows[:100])
    tracemalloc.start()

    fit(rows)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6000 * 6000 * 4 / 2  # half of what the distances would take in float32


def test_the_same_rows_give_the_same_answer_and_order_does_not_matter() -> None:
    rows = faces(700, 32, seed=8)
    shuffle = np.random.default_rng(0).permutation(700)

    first, again, shuffled = fit(rows), fit(rows.copy()), fit(rows[shuffle])

    np.testing.assert_array_equal(first.single_linkage, again.single_linkage)
    assert adjusted_rand_score(first.labels[shuffle], shuffled.labels) == 1.0


# Growing ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("tiny_blocks")
@many_examples
@given(
    former=st.integers(0, 90), added=st.integers(0, 40), width=st.integers(1, 5), seed=st.integers(0, 10**6),
    min_samples=st.integers(1, 7), neighbours=st.integers(1, 9), crowd=st.booleans(),
)  # fmt: skip
def test_adding_faces_gives_what_a_full_run_gives(
    former: int, added: int, width: int, seed: int, min_samples: int, neighbours: int, crowd: bool
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((former + added, width)).astype(np.float32)
    if crowd and former:  # newcomers crowd around few: core distances shrink and lists lose their former entries
        rows[former:] = rows[rng.integers(0, min(3, former), added)] + 1e-2 * rows[former:]
    options = {"min_samples": min_samples, "neighbours": neighbours}

    grown = fit(rows, previous=fit(rows[:former], **options).graph, **options)

    assert_same_fit(grown, fit(rows, **options))


@pytest.mark.usefixtures("tiny_blocks")
@many_examples
@given(
    former=st.integers(1, 90), added=st.integers(0, 20), gone=st.floats(0, 1), seed=st.integers(0, 10**6),
    before=st.integers(1, 6), after=st.integers(1, 6),
)  # fmt: skip
def test_removing_and_moving_faces_gives_what_a_full_run_gives(
    former: int, added: int, gone: float, seed: int, before: int, after: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((former, 4)).astype(np.float32)
    order = rng.permutation(former + added)[: former + added]
    now = np.concatenate([rows, rng.standard_normal((added, 4)).astype(np.float32)])[order]
    where = np.argsort(order)[:former]
    leaves = rng.random(former) < gone
    stays = np.ones(len(now), dtype=bool)
    stays[where[leaves]] = False
    where = np.where(leaves, -1, np.cumsum(stays)[where] - 1)

    moved = fit(now[stays], min_samples=after, previous=fit(rows, min_samples=before).graph, previous_rows=where)

    assert_same_fit(moved, fit(now[stays], min_samples=after))


@pytest.mark.usefixtures("tiny_blocks")
@settings(max_examples=examples(120), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(2, 80), width=st.integers(1, 4), seed=st.integers(0, 10**6), min_samples=st.integers(1, 5),
    gone=st.floats(0, 0.4), added=st.integers(0, 12), has_ties=st.booleans(),
)  # fmt: skip
def test_faces_that_come_and_go_time_and_again_leave_what_a_full_run_gives(
    count: int, width: int, seed: int, min_samples: int, gone: float, added: int, has_ties: bool
) -> None:
    rng = np.random.default_rng(seed)

    def made(number: int) -> np.ndarray:
        fresh = rng.standard_normal((number, width)).astype(np.float32)
        return np.round(fresh) if has_ties else fresh

    rows = made(count)
    graph = fit(rows, min_samples=min_samples).graph
    for _ in range(3):
        stays = rng.random(len(rows)) >= gone
        where = np.where(stays, np.cumsum(stays) - 1, -1)
        rows = np.concatenate([rows[stays], made(added)])
        changed = fit(rows, min_samples=min_samples, previous=graph, previous_rows=where)
        full = fit(rows, min_samples=min_samples)
        if has_ties:  # which of equal edges is kept may differ, what the tree weighs may not
            np.testing.assert_array_equal(changed.single_linkage[:, 2], full.single_linkage[:, 2])
        else:
            assert_same_fit(changed, full)
        graph = changed.graph


def assert_same_fit(one: Clustering, other: Clustering) -> None:
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.single_linkage, other.single_linkage)


def test_newcomers_do_shrink_core_distances_of_former_faces() -> None:
    """Or the property above would prove less than it says."""
    rows = faces(300, 8, seed=9)

    before, after = fit(rows[:250]).graph, fit(rows).graph

    assert (after.distances[:250, 2] < before.distances[:, 2]).mean() > 0.1


def test_adding_faces_costs_products_of_the_new_ones_only(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = faces(3000, 32, seed=10)
    former = fit(rows[:2850]).graph
    computed = []
    product = distances.Points.closeness

    def counted(points: distances.Points, left: slice, right: slice, **more: object) -> np.ndarray:
        answer = product(points, left, right, **more)
        computed.append(answer.size)
        return answer

    monkeypatch.setattr(distances.Points, "closeness", counted)

    grown = fit(rows, previous=former)

    assert sum(computed) <= 1.02 * 150 * 3000  # once, and again for what lies far out
    monkeypatch.undo()
    assert_same_fit(grown, fit(rows))


def test_taking_clusters_away_costs_a_small_part_of_a_full_run(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = faces(3000, 32, seed=10)
    clustered = fit(rows)
    former, stays = clustered.graph, ~np.isin(clustered.labels, [3, 50, 90])
    where = np.where(stays, np.cumsum(stays) - 1, -1)
    computed = []
    product = distances.Points.closeness

    def counted(points: distances.Points, left: slice, right: slice, **more: object) -> np.ndarray:
        answer = product(points, left, right, **more)
        computed.append(answer.size)
        return answer

    monkeypatch.setattr(distances.Points, "closeness", counted)
    shrunk = fit(rows[stays], previous=former, previous_rows=where)

    assert (~stays).sum() > 20
    assert sum(computed) <= 0.2 * 3000 * 3000
    monkeypatch.undo()
    assert_same_fit(shrunk, fit(rows[stays]))


def test_a_graph_comes_back_from_a_file(tmp_path: Path) -> None:
    rows = faces(300, 16, seed=11)
    np.savez(tmp_path / "graph.npz", **fit(rows[:280]).graph.arrays())

    former = Graph.from_arrays(np.load(tmp_path / "graph.npz"))

    assert_same_fit(fit(rows, previous=former), fit(rows))
    assert_same_fit(cut(former, min_cluster_size=3), fit(rows[:280], min_cluster_size=3))


def test_rows_that_changed_meanwhile_are_not_taken_for_the_former_ones() -> None:
    rows = faces(100, 8)
    graph = fit(rows).graph
    moved, replaced = np.concatenate([rows[:4], rows[5:], rows[4:5]]), rows.copy()
    replaced[[3, 70]] = faces(2, 8, seed=12)

    for now in (moved, replaced, faces(100, 8, seed=13)):
        assert_same_fit(fit(now, previous=graph), fit(now))


def test_a_graph_that_cannot_be_of_these_rows_is_refused() -> None:
    rows = faces(100, 8)
    graph = fit(rows).graph

    with pytest.raises(WrongUse, match="metric euclidean, not cosine"):
        fit(rows, previous=graph, metric="cosine")
    with pytest.raises(WrongUse, match="previous_rows"):
        fit(rows[:50], previous=graph)
    with pytest.raises(WrongUse, match="two former rows in one place"):
        fit(rows, previous=graph, previous_rows=np.zeros(100, dtype=int))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"min_cluster_size": 1}, "min_cluster_size is 1"),
        ({"min_samples": 0}, "min_samples is 0"),
        ({"cluster_selection_epsilon": -0.1}, "cluster_selection_epsilon is -0.1"),
        ({"cluster_selection_method": "best"}, "'best' is not known"),
        ({"metric": "manhattan"}, "'manhattan' is not known"),
    ],
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(WrongUse, match=message):
        fit(faces(20, 4), **wrong)


def test_rows_that_are_no_vectors_are_refused() -> None:
    rows = faces(20, 4)
    rows[7, 2] = np.nan
    with pytest.raises(WrongUse, match="row 7 holds NaN"):
        fit(rows)
    with pytest.raises(WrongUse, match="row 3 is all zeros"):
        fit(np.where(np.arange(20)[:, None] == 3, 0, faces(20, 4)), metric="cosine")
    with pytest.raises(WrongUse, match=r"shape \(20,\)"):
        fit(np.zeros(20))


# The parts ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("tiny_blocks")
@many_examples
@given(count=st.integers(2, 90), width=st.integers(1, 40), seed=st.integers(0, 10**6), k=st.integers(1, 12))
def test_neighbour_lists_are_complete_up_to_their_horizon(count: int, width: int, seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, width)).astype(np.float32) + 2
    exact = cdist(rows.astype(np.float64), rows.astype(np.float64))
    np.fill_diagonal(exact, np.inf)

    found = neighbours.nearest(points_of(rows, metric="euclidean"), k, exact_to=min(k, 3))

    listed = np.zeros(exact.shape, dtype=bool)
    np.put_along_axis(listed, found.indices.astype(np.int64), True, axis=1)
    assert (exact[~listed] >= np.broadcast_to(found.horizon[:, None], exact.shape)[~listed] * (1 - 1e-12)).all()
    core = np.sort(exact, axis=1)[:, : min(k, 3, count - 1)]
    np.testing.assert_allclose(found.distances[:, : core.shape[1]], core, rtol=1e-12)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("scale", [1.0, 1e-18, 1e17])
def test_products_never_exclude_a_pair_that_is_near_enough(metric: distances.Metric, scale: float) -> None:
    """The promise that everything else rests on: nearer than d means closer than `threshold(d)`."""
    rows = (faces(500, 512) * (1.0 if scale == 1.0 else np.linspace(0.1, 3, 500)[:, None]) * scale).astype(np.float32)
    points = points_of(rows, metric=metric)
    everyone = slice(0, 500)
    left, right = (side.ravel() for side in np.indices((500, 500)))
    exact = points.distances(left, right)

    closeness = points.closeness(everyone, everyone).ravel()

    assert (closeness > points.threshold(exact)).all()
    assert (exact >= points.horizon(closeness) * (1 - 1e-12)).all()
    assert (closeness > points.threshold(exact * 0.99)).mean() < 0.01  # and it does exclude what is farther


def test_a_dendrogram_knows_the_heaviest_edge_on_every_path() -> None:
    rng = np.random.default_rng(0)
    count = 60
    tree = dendrogram.edges_between(np.arange(1, count), np.array([rng.integers(0, i) for i in range(1, count)]),
                                    rng.random(count - 1))  # fmt: skip
    line = dendrogram.dendrogram(count, dendrogram.merged(count, tree))
    heaviest = np.full((count, count), np.inf)
    np.fill_diagonal(heaviest, 0)
    heaviest[tree.low, tree.high] = heaviest[tree.high, tree.low] = tree.weight
    for via in range(count):
        heaviest = np.minimum(heaviest, np.maximum(heaviest[:, via, None], heaviest[via]))

    left, right = (side.ravel() for side in np.indices((count, count)))
    np.testing.assert_array_equal(line.joins(left, right).reshape(count, count), heaviest)
