"""Quantised ONNX files made float: the same numbers, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceml.vision.float_models import dequantise, float_model


def prelu_model(path: Path) -> Path:
    """Conv, then PReLU with slopes below 0, between, and above 1; batch 1; a weight listed as an input."""
    chance = np.random.default_rng(0)
    weights = chance.normal(size=(16, 3, 3, 3)).astype(np.float32)
    slopes = np.linspace(-0.9, 1.2, 16, dtype=np.float32).reshape(16, 1, 1)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["data", "w"], ["c"], kernel_shape=[3, 3]),
            helper.make_node("PRelu", ["c", "slope"], ["out"]),
        ],
        "small",
        [
            helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 8, 8]),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [16, 3, 3, 3]),
        ],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 16, 6, 6])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(slopes, "slope")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    return path


def run(path: Path, batch: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"data": batch})[0]


def test_the_twin_computes_the_same_and_takes_any_batch(tmp_path: Path) -> None:
    source = prelu_model(tmp_path / "small.onnx")
    twin = float_model(source, cache_dir=tmp_path / "cache", free_axes={"data": {0: "N"}})
    batch = np.random.default_rng(1).normal(size=(5, 3, 8, 8)).astype(np.float32)
    one_by_one = np.concatenate([run(source, row[None]) for row in batch])
    np.testing.assert_allclose(run(twin, batch), one_by_one, rtol=1e-4, atol=1e-5)
    model = onnx.load(twin)
    assert [one.name for one in model.graph.input] == ["data"]
    assert "PRelu" not in {node.op_type for node in model.graph.node}


def test_the_twin_is_made_once_and_anew_for_another_source(tmp_path: Path) -> None:
    source = prelu_model(tmp_path / "small.onnx")
    first = float_model(source, cache_dir=tmp_path / "cache", free_axes={})
    written = first.stat().st_mtime_ns
    assert float_model(source, cache_dir=tmp_path / "cache", free_axes={}) == first
    assert first.stat().st_mtime_ns == written
    model = onnx.load(source)
    model.doc_string = "another file"
    onnx.save(model, source)
    assert float_model(source, cache_dir=tmp_path / "cache", free_axes={}) != first


def test_two_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    source = prelu_model(tmp_path / "small.onnx")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: float_model(source, cache_dir=tmp_path / "cache", free_axes={}), range(16)))
    assert len(set(made)) == 1
    assert list((tmp_path / "cache").iterdir()) == [made[0]]
    onnx.checker.check_model(onnx.load(made[0]))


@pytest.mark.parametrize(("axis", "block_size"), [(0, 3), (1, 4), (1, 5)])
def test_blocks_are_dequantised_as_the_slow_version_does(axis: int, block_size: int) -> None:
    chance = np.random.default_rng(0)
    quantised = chance.integers(-128, 128, (6, 10), dtype=np.int8)
    blocks = [-(-side // block_size) if at == axis else side for at, side in enumerate(quantised.shape)]
    scales = chance.uniform(0.1, 2, blocks).astype(np.float32)
    zeros = chance.integers(-5, 6, blocks, dtype=np.int8)
    expected = np.empty(quantised.shape, np.float32)
    for cell in np.ndindex(quantised.shape):
        block = tuple(place // block_size if at == axis else place for at, place in enumerate(cell))
        expected[cell] = (int(quantised[cell]) - int(zeros[block])) * scales[block]
    np.testing.assert_allclose(
        dequantise(quantised, scales, zeros, axis=axis, block_size=block_size), expected, rtol=1e-6
    )


def test_a_scale_for_all_and_one_for_each_row() -> None:
    quantised = np.array([[1, 2], [3, 4]], np.int8)
    assert dequantise(quantised, np.array([2], np.float32), block_size=9).tolist() == [[2, 4], [6, 8]]
    rows = dequantise(quantised, np.array([2, 10], np.float32), np.array([0, 1], np.int8), axis=0)
    assert rows.tolist() == [[2, 4], [20, 30]]
