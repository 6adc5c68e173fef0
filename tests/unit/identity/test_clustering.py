"""The clusterers against scikit-learn, and what they promise about memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN, AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from faceml.errors import WrongUse
from faceml.identity import cost
from faceml.identity.cluster_labels import without_small
from faceml.identity.clustering import (
    Method,
    agglomerative,
    cluster_embeddings,
    dbscan,
    recluster_within,
)
from faceml.identity.cost import Linkage, available_memory_bytes, expected_cost, refuse_too_large
from faceml.identity.hdbscan.distances import Metric
from faceml.identity.hdbscan.exact import fit
from tests.conftest import examples

LINKAGES: list[Linkage] = ["single", "average", "complete"]
METRICS: list[Metric] = ["euclidean", "cosine"]


def faces(count: int, width: int, *, seed: int = 0) -> np.ndarray:
    """People of about ten faces, a fifth of the rows alone; unit rows in random order."""
    rng = np.random.default_rng(seed)
    people = rng.standard_normal((max(2, count // 10), width))
    rows = people[rng.integers(0, len(people), count)] + 0.5 * rng.standard_normal((count, width))
    alone = rng.random(count) < 0.2
    rows[alone] = rng.standard_normal((alone.sum(), width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def groups(*sizes: int) -> np.ndarray:
    """So many faces along each axis, all but equal."""
    rows = np.repeat(np.eye(len(sizes)), sizes, axis=0)
    return rows + 1e-3 * np.random.default_rng(0).standard_normal(rows.shape)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("min_samples", [1, 2, 5])
@pytest.mark.parametrize("eps", [0.1, 0.35, 0.8, 1.2])
def test_dbscan_has_the_labels_of_scikit_learn(eps: float, min_samples: int, metric: Metric) -> None:
    rows = faces(600, 24)

    ours = dbscan(rows, eps=eps, min_samples=min_samples, metric=metric)

    theirs = DBSCAN(eps=eps, min_samples=min_samples, metric=metric).fit(rows.astype(np.float64))
    np.testing.assert_array_equal(ours, theirs.labels_)


@settings(max_examples=examples(40))
@given(count=st.integers(1, 60), seed=st.integers(0, 10**6), eps=st.floats(0.05, 4), min_samples=st.integers(1, 8))
def test_dbscan_of_any_rows_has_the_labels_of_scikit_learn(count: int, seed: int, eps: float, min_samples: int) -> None:
    rows = np.random.default_rng(seed).standard_normal((count, 3))

    theirs = DBSCAN(eps=eps, min_samples=min_samples, algorithm="brute").fit(rows)

    np.testing.assert_array_equal(dbscan(rows, eps=eps, min_samples=min_samples), theirs.labels_)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("linkage", LINKAGES)
@pytest.mark.parametrize("eps", [0.2, 0.7, 1.1])
def test_agglomerative_merges_as_scikit_learn_does(linkage: Linkage, eps: float, metric: Metric) -> None:
    rows = faces(400, 24, seed=1)

    ours = agglomerative(rows, eps=eps, linkage=linkage, metric=metric)

    model = AgglomerativeClustering(n_clusters=None, distance_threshold=eps, linkage=linkage, metric=metric)
    assert adjusted_rand_score(ours, model.fit_predict(rows.astype(np.float64))) == 1.0
    assert ours.min() == 0
    assert ours[0] == 0


@pytest.mark.parametrize("method", ["hdbscan", "dbscan", "agglomerative", "linkage"])
def test_every_method_finds_the_people_and_leaves_out_small_groups(method: Method) -> None:
    rows = groups(6, 2, 5)
    rows[6:8] = -rows[6:8] * 3  # far from both, or HDBSCAN counts them to the fringe of one

    labels = cluster_embeddings(rows, method=method, min_cluster_size=4, min_samples=2)

    assert labels.tolist() == [0] * 6 + [-1] * 2 + [1] * 5


@pytest.mark.parametrize("method", ["hdbscan", "dbscan", "agglomerative", "linkage"])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_no_method_stumbles_over_next_to_nothing(method: Method, count: int) -> None:
    assert cluster_embeddings(groups(2)[:count], method=method).tolist() == [-1] * count


def test_the_default_is_exact_hdbscan() -> None:
    rows = faces(300, 24)

    np.testing.assert_array_equal(cluster_embeddings(rows), fit(rows).labels)


def test_a_cluster_of_two_people_falls_apart_and_one_of_one_does_not() -> None:
    assert recluster_within(groups(5, 4)).tolist() == [0] * 5 + [1] * 4
    assert recluster_within(groups(9)[:1]).tolist() == [0]
    assert recluster_within(np.tile([[1.0, 0.0]], (9, 1))).tolist() == [0] * 9


def test_small_groups_become_noise_and_the_rest_is_numbered_from_zero() -> None:
    assert without_small(np.array([3, 0, 3, 0, 5, -1]), 2).tolist() == [0, 1, 0, 1, -1, -1]


def test_quadratic_linkage_is_refused_where_memory_is_short_and_single_linkage_is_not() -> None:
    with pytest.raises(WrongUse, match=r"agglomerative over 2,000 faces needs 0.0 GB and 0.0 GB are free: use linkage"):
        refuse_too_large(2000, 8, method="agglomerative", available=10_000_000)
    with pytest.raises(WrongUse, match="cluster fewer faces"):
        refuse_too_large(2000, 8, method="hdbscan", available=10_000_000)
    refuse_too_large(2000, 8, method="agglomerative", linkage="single", available=250_000_000)
    with pytest.raises(WrongUse, match="agglomerative over 2,000,000 faces"):
        cluster_embeddings(np.empty((2_000_000, 1), np.int8), method="agglomerative")


def test_expected_cost_grows_with_the_square_of_faces_in_time_but_not_in_memory() -> None:
    small, large = (expected_cost(count, 512, operations_per_s=1e11) for count in (20_000, 80_000))

    assert 8 < large.seconds / small.seconds <= 16
    assert expected_cost(20_000, 512).seconds > 0
    assert large.memory_bytes < 5 * small.memory_bytes
    assert expected_cost(50_000, 512).memory_bytes < 600_000_000
    assert expected_cost(20_000, 512, method="agglomerative").memory_bytes > 3_000_000_000
    assert expected_cost(50_000, 512, method="linkage").memory_bytes < 700_000_000


def test_the_machine_tells_how_much_memory_is_free() -> None:
    free = available_memory_bytes()

    assert free > 100_000_000


def test_in_a_container_its_own_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "_CGROUP", tmp_path)
    free = available_memory_bytes()
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("30000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 4000000\nactive_file 1000000\n")
    assert available_memory_bytes() == pytest.approx(free, rel=0.2)
    (tmp_path / "memory.max").write_text("50000000\n")
    assert available_memory_bytes() == 25_000_000


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "kmeans"}, "'kmeans' is not known"),
        ({"method": "dbscan", "eps": 0.0}, "eps=0.0"),
        ({"method": "dbscan", "min_samples": 0}, "min_samples=0"),
        ({"method": "agglomerative", "linkage": "ward"}, "'ward' is not known"),
        ({"method": "agglomerative", "eps": -1.0}, "eps=-1.0"),
    ],
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(WrongUse, match=message):
        cluster_embeddings(faces(20, 4), **wrong)
