"""Block-quantised ONNX files → float32 files that ONNX Runtime runs, and runs fast; made once, then cached."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceml.files import write_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECIPE = 1  # part of the cached file's name: raise it whenever this module writes another graph


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def float_model(source: Path, *, cache_dir: Path, free_axes: Mapping[str, Mapping[int, str]]) -> Path:
    """The float32 twin of an ONNX file, with the same outputs up to rounding; written at the first call.

    Weights are dequantised, unused inputs dropped, and PReLU is spelled so that ONNX Runtime keeps its fast layout.
    Two processes may do this at once: each writes its own file, and the last rename wins.

    Args:
        source: quantised or float32.
        free_axes: input name → axis → name, for axes to be made free; all output and inner shapes are forgotten.
    """
    target = cache_dir / f"{source.stem}-{sha256_of(source)[:16]}-r{RECIPE}.onnx"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, _convert(source, free_axes))
    return target


def _convert(source: Path, free_axes: Mapping[str, Mapping[int, str]]) -> bytes:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(source))
    graph = model.graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    nodes = _fold_weights(graph.node, constants)
    nodes = [new for node in nodes for new in _fast_prelu(node, constants)]
    used = {name for node in nodes for name in node.input}
    inputs = [one for one in graph.input if one.name in used and one.name not in constants]
    for kept in ("node", "initializer", "input", "value_info"):
        graph.ClearField(kept)
    graph.node.extend(nodes)
    graph.input.extend(inputs)
    graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items() if name in used
    )
    _free(graph, free_axes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _fold_weights(nodes: Any, constants: dict[str, NDArray[Any]]) -> list[Any]:
    """Compute the nodes that only prepare weights, into `constants`; return the others."""
    remaining = []
    for node in nodes:
        if node.op_type not in ("DequantizeLinear", "Reshape") or any(name not in constants for name in node.input):
            remaining.append(node)
            continue
        operands = [constants[name] for name in node.input]
        attributes = {one.name: one.i for one in node.attribute}
        if node.op_type == "Reshape":
            constants[node.output[0]] = operands[0].reshape(operands[1])
        else:
            constants[node.output[0]] = dequantise(*operands, **attributes)
    return remaining


def dequantise(
    quantised: NDArray[Any],
    scales: NDArray[np.float32],
    zero_points: NDArray[Any] | int = 0,
    *,
    axis: int = 1,
    block_size: int = 0,
    **_other: int,
) -> NDArray[np.float32]:
    """ONNX's DequantizeLinear (opset 21): (quantised - zero point) * scale, a scale for all, an axis row or a block.

    >>> dequantise(np.array([[1, 2, 3]], np.int8), np.array([[10, 1]], np.float32), axis=1, block_size=2).tolist()
    [[10.0, 20.0, 3.0]]
    """

    def spread(values: NDArray[Any]) -> NDArray[Any]:
        if values.size == 1:  # YuNet's carry a block size all the same, which is what ONNX Runtime refuses
            return values.reshape(())
        if block_size and values.ndim == quantised.ndim:
            return np.repeat(values, block_size, axis).take(range(quantised.shape[axis]), axis)
        return values.reshape([-1 if at == axis else 1 for at in range(quantised.ndim)])

    centred = quantised.astype(np.float32) - spread(np.asarray(zero_points)).astype(np.float32)
    return np.asarray(centred * spread(scales), np.float32)


def _fast_prelu(node: Any, constants: dict[str, NDArray[Any]]) -> list[Any]:
    """PReLU(x) = slope·x + (1 - slope)·ReLU(x), as 1×1 convolutions a channel.

    ONNX Runtime's CPU convolutions work on a blocked layout that PReLU does not know, so each one costs two conversions
    and a slow loop: SFace took 37 ms a crop with them and takes 19 ms without (one core).
    """
    from onnx import helper

    if node.op_type != "PRelu" or node.input[1] not in constants:
        return [node]
    (source, slope_name), output = node.input, node.output[0]
    slope = constants[slope_name].reshape(-1, 1, 1, 1)
    constants[f"{output}/slope"], constants[f"{output}/rest"] = slope, 1 - slope
    channels = len(slope)
    return [
        helper.make_node("Relu", [source], [f"{output}/relu"]),
        helper.make_node("Conv", [source, f"{output}/slope"], [f"{output}/all"], group=channels, kernel_shape=[1, 1]),
        helper.make_node(
            "Conv", [f"{output}/relu", f"{output}/rest"], [f"{output}/positive"], group=channels, kernel_shape=[1, 1]
        ),
        helper.make_node("Add", [f"{output}/positive", f"{output}/all"], [output]),
    ]


def _free(graph: Any, free_axes: Mapping[str, Mapping[int, str]]) -> None:
    for one in graph.input:
        for axis, name in free_axes.get(one.name, {}).items():
            one.type.tensor_type.shape.dim[axis].dim_param = name
    for one in graph.output:
        for axis, dimension in enumerate(one.type.tensor_type.shape.dim):
            dimension.dim_param = f"{one.name}_{axis}"
