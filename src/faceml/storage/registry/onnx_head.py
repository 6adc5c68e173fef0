"""A projection head as an ONNX file: what the registry keeps, what any ONNX runtime can apply."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceml.errors import ModelUnavailable
from faceml.identity.projection import Head, Layer, project

INPUT, OUTPUT = "embedding", "projection"
# Stated, not inferred: inferring takes 15 s. Serving the file needs no more.
_REQUIREMENTS = ("mlflow", "onnx", "onnxruntime", "numpy")
_EXAMPLE_ROWS = 4
_OPSET, _IR_VERSION = 17, 9  # of 2022: old enough for any runtime in use


def write_onnx(head: Head, notes: Mapping[str, str]) -> bytes:
    """The head as a graph with a free batch axis, (N, D) → (N, d) unit rows; `notes` become its metadata."""
    from onnx import TensorProto, helper, numpy_helper

    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in _arrays(head).items()}
    graph = helper.make_graph(
        _nodes(head),
        "face-projection",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", head.width_in])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", head.width_out])],
        initializer=[numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(
        graph, producer_name="faceml", ir_version=_IR_VERSION, opset_imports=[helper.make_opsetid("", _OPSET)]
    )
    helper.set_model_props(model, dict(notes))
    return bytes(model.SerializeToString())


def read_onnx(content: bytes) -> tuple[Head, dict[str, str]]:
    """A head that `write_onnx` wrote, with its notes.

    Raises:
        ModelUnavailable: the content is not such a file.
    """
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    try:
        model = onnx.load_model_from_string(content)
        arrays = {tensor.name: np.asarray(numpy_helper.to_array(tensor)) for tensor in model.graph.initializer}
        depth = sum(name.startswith("weight_") for name in arrays)
        layers = tuple(Layer(arrays[f"weight_{n}"], arrays[f"bias_{n}"]) for n in range(1, depth + 1))
        head = Head(arrays["mean"], arrays.get("skip"), layers)
    except (DecodeError, KeyError, ValueError, TypeError) as error:
        raise ModelUnavailable(f"this is not a projection of faceml's ({type(error).__name__}: {error})") from error
    return head, {note.key: note.value for note in model.metadata_props}


def save_onnx(content: bytes, head: Head, folder: Path, model: Any) -> None:
    """Make the folder of an `mlflow.models.Model` that any client of MLflow loads and calls."""
    import mlflow.onnx
    import onnx
    from mlflow.models import infer_signature

    example = _example(head.width_in)
    mlflow.onnx.save_model(
        onnx.load_model_from_string(content),
        folder,
        mlflow_model=model,
        signature=infer_signature(example, {OUTPUT: project(head, example)}),
        input_example=example,
        pip_requirements=_pinned(_REQUIREMENTS),
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,  # one file
    )


def _example(width: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(0).normal(size=(_EXAMPLE_ROWS, width)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _pinned(names: tuple[str, ...]) -> list[str]:
    from importlib.metadata import PackageNotFoundError, version

    pinned = []
    for name in names:
        try:
            pinned.append(f"{name}=={version(name)}")
        except PackageNotFoundError:  # onnxruntime-gpu is there under its own name
            pinned.append(name)
    return pinned


def _arrays(head: Head) -> dict[str, NDArray[np.float32]]:
    arrays = {"mean": head.mean}
    if head.skip is not None:
        arrays["skip"] = head.skip
    for number, layer in enumerate(head.layers, start=1):
        arrays |= {f"weight_{number}": layer.weight, f"bias_{number}": layer.bias}
    return arrays


def _nodes(head: Head) -> list[Any]:
    from onnx import helper

    nodes = [helper.make_node("Sub", [INPUT, "mean"], ["centred"])]
    ends = []
    rows = "centred"
    for number in range(1, len(head.layers) + 1):
        if number > 1:
            nodes.append(helper.make_node("Relu", [rows], [f"active_{number}"]))
            rows = f"active_{number}"
        nodes.append(
            helper.make_node("Gemm", [rows, f"weight_{number}", f"bias_{number}"], [f"layer_{number}"], transB=1)
        )
        rows = f"layer_{number}"
    if head.layers:
        ends.append(rows)
    if head.skip is not None:
        nodes.append(helper.make_node("Gemm", ["centred", "skip"], ["skipped"], transB=1))
        ends.append("skipped")
    nodes.append(helper.make_node("Sum", ends, ["sum"]))
    nodes.append(helper.make_node("LpNormalization", ["sum"], [OUTPUT], axis=-1, p=2))
    return nodes
