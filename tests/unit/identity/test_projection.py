"""The head as arrays, against the slow obvious version."""

from __future__ import annotations

import numpy as np
import pytest

from faceml.errors import ModelMismatch, WrongUse
from faceml.identity.projection import Head, Layer, project
from tests.conftest import unit_rows

RNG = np.random.default_rng(7)


def matrix(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def slow(head: Head, row: np.ndarray) -> np.ndarray:
    z = row.astype(np.float64) - head.mean
    y = np.zeros(head.width_out)
    if head.skip is not None:
        y += head.skip.astype(np.float64) @ z
    if head.layers:
        for layer in head.layers[:-1]:
            z = np.maximum(layer.weight.astype(np.float64) @ z + layer.bias, 0)
        y += head.layers[-1].weight.astype(np.float64) @ z + head.layers[-1].bias
    return y / np.linalg.norm(y)


DOCUMENTED = (Layer(matrix(256, 16), matrix(256)), Layer(matrix(128, 256), matrix(128)))
HEADS = {
    "documented": Head(np.zeros(16, np.float32), None, DOCUMENTED),
    "whitening": Head(matrix(16), matrix(9, 16), ()),
    "residual": Head(matrix(16), matrix(128, 16), DOCUMENTED),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_rows_are_what_the_formula_says_one_by_one_too(head: Head) -> None:
    rows = unit_rows(20, seed=1, width=16)
    projected = project(head, rows)
    assert projected.shape == (20, head.width_out)
    assert projected.dtype == np.float32
    np.testing.assert_allclose(projected, [slow(head, row) for row in rows], atol=2e-6)
    np.testing.assert_allclose(project(head, rows[3]), projected[3], atol=1e-6)


def test_vectors_of_another_pack_are_refused() -> None:
    with pytest.raises(ModelMismatch, match=r"width 12 .* width 16"):
        project(HEADS["whitening"], unit_rows(2, seed=1, width=12))


def test_layers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(WrongUse, match="cannot follow"):
        Head(np.zeros(16, np.float32), None, (DOCUMENTED[1],))
    with pytest.raises(WrongUse, match="does not lead"):
        Head(np.zeros(16, np.float32), matrix(5, 16), DOCUMENTED)
    with pytest.raises(WrongUse, match="layers or a skip"):
        Head(np.zeros(16, np.float32), None, ())


def test_a_row_without_direction_stays_zero() -> None:
    head = Head(np.zeros(2, np.float32), np.zeros((2, 2), np.float32), ())
    assert project(head, np.eye(2)).tolist() == [[0, 0], [0, 0]]
