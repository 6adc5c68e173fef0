"""Grouping by products of a card: the same labels and trees. Torch's processor stands in for the card."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from faceml.identity.hdbscan.distances import Metric, points_of
from faceml.identity.hdbscan.exact import fit
from faceml.identity.hdbscan.neighbours import nearest
from faceml.machines.cuda import CudaRows, cards
from tests.unit.identity.test_hdbscan_exact import faces

pytest.importorskip("torch")
on_card = partial(CudaRows, device="cpu")


def rows_of(count: int, *, kind: str) -> NDArray[np.float32]:
    rows = faces(count, 64)
    return rows if kind == "unit" else (rows * np.linspace(0.5, 3, count)[:, None]).astype(np.float32)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("kind", ["unit", "of any length"])
def test_a_card_finds_the_same_groups_and_the_same_tree(kind: str, metric: Metric) -> None:
    rows = rows_of(3_000, kind=kind)

    here, there = (fit(rows, metric=metric, cards=where) for where in (None, on_card))

    assert here.labels.max() >= 1  # two groups at least
    np.testing.assert_array_equal(there.labels, here.labels)
    np.testing.assert_array_equal(there.spanning_tree, here.spanning_tree)


def test_what_comes_later_is_sorted_in_by_a_card_likewise() -> None:
    rows = rows_of(3_000, kind="unit")
    former = fit(rows[:2_500], cards=on_card).graph

    grown = fit(rows, previous=former, cards=on_card)

    np.testing.assert_array_equal(grown.labels, fit(rows).labels)


@pytest.mark.parametrize("kind", ["unit", "of any length"])
def test_a_products_error_stays_within_what_is_proven(kind: str) -> None:
    points = points_of(rows_of(700, kind=kind), metric="euclidean", cards=on_card)
    everyone = slice(0, 700)
    left, right = (side.ravel() for side in np.indices((700, 700)))

    closeness = points.closeness(everyone, everyone).ravel()

    assert points.card is not None
    assert (closeness > points.threshold(points.distances(left, right))).all()
    some = np.array([5, 2, 650])
    np.testing.assert_allclose(points.closeness(some, slice(3, 9)), closeness.reshape(700, 700)[some, 3:9], atol=1e-6)


def test_few_rows_and_machines_without_a_card_stay_here() -> None:
    assert cards("cpu") is None
    assert cards("openvino") is None
    found = cards("cuda")  # a driver is here, or not
    assert found is None or found(np.eye(8, dtype=np.float32)) is None


def test_neighbours_are_those_of_the_processor() -> None:
    rows = rows_of(3_000, kind="unit")

    here, there = (
        nearest(points_of(rows, metric="euclidean", cards=where), 8, exact_to=3) for where in (None, on_card)
    )

    np.testing.assert_array_equal(there.indices[:, :3], here.indices[:, :3])
    np.testing.assert_array_equal(there.distances[:, :3], here.distances[:, :3])
