"""ONNX Runtime sessions: where they run, what goes in and what comes out."""

from __future__ import annotations

import contextlib
import io
import logging
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceml.errors import ModelUnavailable, WrongUse

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession, SessionOptions

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
PROVIDERS = {  # as `FACEML_PROVIDER` has them
    "cuda": CUDA,
    "rocm": "ROCMExecutionProvider",
    "directml": "DmlExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": CPU,
}
# Each is in a build that somebody chose to install; CoreML is in every Mac's, and waits to be asked for.
AUTOMATIC = ("cuda", "rocm", "directml", "openvino", "cpu")

log = logging.getLogger(__name__)


def offered() -> list[str]:
    """What this ONNX Runtime was built with, as `FACEML_PROVIDER` names it; of devices only a session tells."""
    import onnxruntime

    there = onnxruntime.get_available_providers()
    return [name for name, provider in PROVIDERS.items() if provider in there]


@cache
def preferred_providers(asked: str = "auto") -> tuple[str, ...]:
    """What a session is to try, in this order: what was asked for, or the first that is offered, and the CPU.

    Raises:
        WrongUse: what was asked for is not offered.
    """
    chosen = choose_provider(asked, offered())
    if chosen == CUDA:
        import onnxruntime

        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it cannot find
            onnxruntime.preload_dlls()
    return (CPU,) if chosen == CPU else (chosen, CPU)


def choose_provider(asked: str, there: Sequence[str]) -> str:
    """
    >>> choose_provider("auto", ["rocm", "coreml", "cpu"]), choose_provider("auto", ["coreml", "cpu"])
    ('ROCMExecutionProvider', 'CPUExecutionProvider')
    """
    if asked == "auto":
        return PROVIDERS[next(name for name in AUTOMATIC if name in there)]
    if asked not in there:
        raise WrongUse(
            f"FACEML_PROVIDER={asked}: this ONNX Runtime offers {', '.join(there)}; install the build for {asked}, "
            "or set auto"
        )
    return PROVIDERS[asked]


def session_options() -> SessionOptions:
    """One thread a call: `stream.find_faces` keeps every core busy with photos of its own, and idle threads spin."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return options


def open_session(model: Path | bytes, *, provider: str = "auto") -> InferenceSession:
    """Raises ModelUnavailable where ONNX Runtime refuses the file, WrongUse where it lacks the provider."""
    import onnxruntime

    providers, source = list(preferred_providers(provider)), model if isinstance(model, bytes) else str(model)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints its fall back from CUDA to CPU
            return onnxruntime.InferenceSession(source, session_options(), providers=providers)
    except Exception as error:  # its exceptions have no public common base
        raise ModelUnavailable(
            f"ONNX Runtime cannot load {source if isinstance(source, str) else 'a model'} ({type(error).__name__}); "
            "delete the file and try again"
        ) from error


def network_input(
    images: NDArray[np.uint8], *, mean: float = 0.0, std: float = 1.0, bgr: bool = False
) -> NDArray[np.float32]:
    """(N, H, W, 3) RGB → (N, 3, H, W) of (value - mean) / std; for a 640×640 canvas, under half the time of OpenCV.

    Args:
        bgr: turn the channels round, for models trained that way.
    """
    channels = images[..., ::-1] if bgr else images
    values = np.ascontiguousarray(channels.transpose(0, 3, 1, 2), dtype=np.float32)
    if (mean, std) != (0.0, 1.0):
        values -= np.float32(mean)
        values *= np.float32(1.0 / std)
    return values


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row to length 1; a row of zeros stays zero.

    >>> unit_rows(np.array([[3.0, 4.0]], np.float32)).round(6).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


@cache
def log_once(level: int, message: str) -> None:
    """Log a message the first time it comes up in this process."""
    log.log(level, message)


def provider_of(pack: str, session: InferenceSession, *, asked: str = "auto") -> str:
    """Where a session really runs; said once in the log, and as a warning where it should run elsewhere."""
    provider, wanted = str(session.get_providers()[0]), preferred_providers(asked)[0]
    log_once(logging.INFO, f"model pack {pack} runs on {provider}")
    if provider != wanted:
        log_once(logging.WARNING, f"model pack {pack}: {wanted} finds no device here, so it runs on {provider}")
    return provider


def timed_batch(provider: str) -> tuple[str, float]:
    """Where a session of a small made-up network runs, and the seconds of one batch, the second one."""
    session = open_session(_small_model(), provider=provider)
    where = str(session.get_providers()[0])
    batch = {"x": np.zeros((8, 3, 112, 112), np.float32)}
    session.run(None, batch)
    started = time.perf_counter()
    session.run(None, batch)
    return (where if where == PROVIDERS[provider] else ""), time.perf_counter() - started


def _small_model() -> bytes:
    """Three layers of convolution on crops, as recognisers begin."""
    from onnx import TensorProto, helper, numpy_helper

    shapes = ((32, 3, 3, 3), (32, 32, 3, 3), (32, 32, 3, 3))
    weights = [numpy_helper.from_array(np.full(s, 0.01, np.float32), f"w{n}") for n, s in enumerate(shapes)]
    names = ["x", "a", "b", "y"]
    nodes = [
        helper.make_node("Conv", [names[n], f"w{n}"], [names[n + 1]], strides=[2, 2], pads=[1, 1, 1, 1])
        for n in range(3)
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 112, 112])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 32, 14, 14])
    graph = helper.make_graph(nodes, "small", [x], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())
