"""Installed packages: all there, and none in each other's way."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib import metadata

from faceml import __version__
from faceml.services.checks.findings import Finding, fail, ok, warn
from faceml.wiring import Library

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
