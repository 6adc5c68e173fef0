"""What `faceml doctor` looks at on this machine: packages, folder, disk, settings and model weights."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import metadata
from pathlib import Path

from faceml import __version__
from faceml.config import setting_names
from faceml.errors import FacemlError, ModelUnavailable
from faceml.library import Library
from faceml.records import PackContract
from faceml.services.operate.findings import Finding, fail, ok, warn, with_fix
from faceml.vision.insightface_files import has_models, pack_folder
from faceml.vision.model_packs import OPENCV_ZOO, read_contract

REINSTALL = "make install"


def check_packages(library: Library) -> Iterator[Finding]:
    del library
    yield _required(installed())
    yield from runtime_findings(installed())
    yield from opencv_findings(installed())


def installed() -> frozenset[str]:
    """Names of the packages in this environment, as pip spells them."""
    return frozenset(_canonical(package.metadata["Name"] or "") for package in metadata.distributions())


def runtime_findings(names: frozenset[str]) -> Iterator[Finding]:
    """ONNX Runtime's two builds write into one folder: with both, the last installed wins silently."""
    there = sorted(names & {"onnxruntime", "onnxruntime-gpu"})
    if len(there) == 2:
        yield fail(
            "onnxruntime",
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other",
            "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu   # or onnxruntime",
        )
    elif not there:
        yield fail("onnxruntime", "it is not installed, so no model can run", f"{REINSTALL}   # EXTRA=gpu for CUDA")
    else:
        yield ok("onnxruntime", f"{there[0]} {metadata.version(there[0])}")


def opencv_findings(names: frozenset[str]) -> Iterator[Finding]:
    """OpenCV's builds write into one folder, too; the one without windows is enough."""
    there = sorted(name for name in names if re.fullmatch(r"opencv(-contrib)?-python(-headless)?", name))
    if len(there) > 1:
        yield warn(
            "opencv",
            f"{' and '.join(there)} are installed and overwrite each other",
            f"pip uninstall -y {' '.join(there)} && pip install opencv-python-headless",
        )
    elif not there:
        yield fail("opencv", "it is not installed", REINSTALL)
    else:
        yield ok("opencv", f"{there[0]} {metadata.version(there[0])}")


def _required(names: frozenset[str]) -> Finding:
    try:
        needed = [text for text in metadata.requires("faceml") or [] if "extra ==" not in text]
    except metadata.PackageNotFoundError:
        return warn("packages", "faceml itself is not installed, only its source is used", REINSTALL)
    missing = sorted({_name(text) for text in [*needed, "insightface"]} - names)
    if missing:
        return fail("packages", f"not installed: {', '.join(missing)}", REINSTALL)
    return ok(
        "packages", f"faceml {__version__}, Python {platform.python_version()}, {len(needed) + 1} needed, all there"
    )


def _name(requirement: str) -> str:
    return _canonical(re.split(r"[\s<>=!~;\[(]", requirement, maxsplit=1)[0])


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


LOW_BYTES = 2 << 30
NO_BYTES = 200 << 20
INTERNAL = {"FACEML_RUN_ID", "FACEML_RUN_SPOOL", "FACEML_SHARED", "FACEML_REQUIRE_ALL"}


def check_folder(library: Library) -> Iterator[Finding]:
    home = library.settings.home
    existing = _existing(home)
    if not existing.is_dir():
        yield fail("folder", f"{home} cannot be made: {existing} is no folder", "set FACEML_HOME to another place")
        return
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        yield fail(
            "folder",
            f"{existing} cannot be written ({error.strerror})",
            f"chown or chmod it for the user {os.environ.get('USER', '') or os.getuid()}, or set FACEML_HOME elsewhere",
        )
        return
    yield ok("folder", str(home) if existing == home else f"{home} is made by the first command")


def check_disk(library: Library) -> Iterator[Finding]:
    existing = _existing(library.settings.home)
    free = shutil.disk_usage(existing).free
    shown = f"{free / 1e9:.1f} GB free at {existing}"
    fix = "free some space, or set FACEML_HOME to another disk"
    yield ok("disk", shown) if free >= LOW_BYTES else (warn if free >= NO_BYTES else fail)("disk", shown, fix)


def check_settings(library: Library) -> Iterator[Finding]:
    root = library.settings.root
    yield ok("root", f"{root.folder.resolve()} ({root.marker}), where relative paths start")
    yield from misspelt(os.environ)


def misspelt(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Variables that look like a setting, but are none."""
    known = setting_names()
    for name in sorted(environ):
        meant = get_close_matches(name, known, n=1, cutoff=0.85)
        if name not in {*known, *INTERNAL} and (name.startswith("FACEML_") or meant):
            hint = f"did you mean {meant[0]}?" if meant else f"settings are {', '.join(known)}"
            yield warn("settings", f"{name} is set, but no setting of faceml", hint)


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


def check_pack(library: Library) -> Iterator[Finding]:
    pinned = _pinned(library)
    settings = library.settings
    is_default = settings.sources.get("FACEML_MODEL_PACK") == "default"
    name = pinned.name if pinned and is_default else settings.model_pack
    try:
        contract = read_contract(name, model_root=settings.model_root)
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

    session = onnxruntime.InferenceSession(_smallest_model(), session_options(), providers=list(preferred_providers()))
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
