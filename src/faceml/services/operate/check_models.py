"""Model weights: there, the library's own, under which licence, and where they run."""

from __future__ import annotations

from collections.abc import Iterator

from faceml.errors import FacemlError, ModelUnavailable
from faceml.library import Library
from faceml.records import PackContract
from faceml.services.operate.findings import Finding, fail, ok, warn, with_fix
from faceml.vision.insightface_files import has_models, pack_folder
from faceml.vision.model_packs import OPENCV_ZOO, read_contract


def check_pack(library: Library) -> Iterator[Finding]:
    pinned = _pinned(library)
    settings = library.settings
    is_default = settings.sources.get("FACEML_MODEL_PACK") == "default"
    name = pinned.name if pinned and is_default else settings.model_pack
    try:
        contract = read_contract(name, model_root=settings.model_root, cache_dir=settings.cache_folder)
    except ModelUnavailable as error:
        folder = pack_folder(name, model_root=settings.model_root)
        if name != OPENCV_ZOO and not has_models(folder):
            yield warn(
                "model pack",
                f"{name} is not on this machine ({folder})",
                "the first `faceml faces backfill` downloads it where InsightFace offers it; or set "
                "FACEML_MODEL_PACK=opencv-zoo in a new library, which needs no download",
            )
        else:
            yield with_fix("model pack", str(error))
        return
    if pinned is not None and pinned.fingerprint != contract.fingerprint:
        yield fail(
            "model pack",
            f"the library's vectors are of {pinned.name} ({pinned.fingerprint[:12]}), {name} here has other weights "
            f"({contract.fingerprint[:12]})",
            f"set FACEML_MODEL_PACK={pinned.name} and put the same files back, or start a new FACEML_HOME",
        )
    else:
        yield ok("model pack", f"{name}, {contract.width}-d, weights {contract.fingerprint[:12]}")
    yield _licence(contract)


def check_provider(library: Library) -> Iterator[Finding]:
    """What a session reports: the list of available providers names CUDA also where there is no GPU."""
    del library
    import onnxruntime

    from faceml.vision.sessions import CUDA, preferred_providers, session_options

    session = onnxruntime.InferenceSession(_smallest_model(), session_options(1), providers=list(preferred_providers()))
    runs_on = session.get_providers()[0]
    if CUDA in onnxruntime.get_available_providers() and runs_on != CUDA:
        yield warn(
            "provider",
            f"this ONNX Runtime was built for CUDA, but a session runs on {runs_on}",
            "check the driver (nvidia-smi) and pip install 'onnxruntime-gpu[cuda,cudnn]'; or make install for the CPU",
        )
    else:
        yield ok("provider", f"a session runs on {runs_on}")


def _smallest_model() -> bytes:
    from onnx import TensorProto, helper

    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "smallest", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def _licence(contract: PackContract) -> Finding:
    if "non-commercial" in contract.licence.lower():
        return warn(
            "licence",
            f"{contract.name}: {contract.licence}",
            "for other uses ask InsightFace for a licence, or use FACEML_MODEL_PACK=opencv-zoo (MIT, Apache-2.0)",
        )
    return ok("licence", f"{contract.name}: {contract.licence}")


def _pinned(library: Library) -> PackContract | None:
    """The library's pack; None where the database does not tell, which is another check's finding."""
    from faceml.storage.sql.database import SCHEMA_VERSION, read_schema

    try:
        return library.repository.pack() if read_schema(library.settings.database) == SCHEMA_VERSION else None
    except FacemlError:
        return None
