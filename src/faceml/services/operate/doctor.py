"""Look at everything that commonly goes wrong, and say how to fix it; nothing is changed.

Here what is on this machine: packages, folder, disk, settings and model weights; the stores are in `check_stores`.
"""

from __future__ import annotations

import logging
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import metadata
from pathlib import Path

from faceml import __version__
from faceml.addresses import sqlite_file
from faceml.config import ShownSetting, setting_names, show_settings
from faceml.errors import ModelUnavailable, WrongUse
from faceml.files import open_to_others
from faceml.library import Library
from faceml.records import PackContract
from faceml.services.operate import check_stores
from faceml.services.operate.check_stores import Check, Finding, Level, fail, has_current_database, ok, warn, with_fix
from faceml.vision.insightface_files import has_models, pack_folder
from faceml.vision.model_packs import OPENCV_ZOO, read_contract
from faceml.vision.quality import QualityModel
from faceml.vision.sessions import CPU
from faceml.wiring import pack_name

REINSTALL = "make install"
log = logging.getLogger(__name__)


def check_packages(_: Library) -> Iterator[Finding]:
    yield _required(installed())
    yield from check_builds(installed())


def installed() -> frozenset[str]:
    """Names of the packages in this environment, as pip spells them."""
    return frozenset(_canonical(package.metadata["Name"] or "") for package in metadata.distributions())


def check_builds(names: frozenset[str]) -> Iterator[Finding]:
    """ONNX Runtime and OpenCV: the builds of each write into one folder, so of two the last installed wins silently."""
    for subject, pattern, worse, best, install in (
        (
            "onnxruntime",
            "onnxruntime(-gpu)?",
            fail,
            "onnxruntime-gpu   # or onnxruntime",
            f"{REINSTALL}   # EXTRA=gpu for CUDA",
        ),
        ("opencv", "opencv(-contrib)?-python(-headless)?", warn, "opencv-python-headless", REINSTALL),
    ):
        there = sorted(name for name in names if re.fullmatch(pattern, name))
        if len(there) > 1:
            yield worse(
                subject,
                f"{' and '.join(there)} are installed and overwrite each other",
                f"pip uninstall -y {' '.join(there)} && pip install {best}",
            )
        elif there:
            yield ok(subject, f"{there[0]} {metadata.version(there[0])}")
        else:
            yield fail(subject, "it is not installed, so no model can run", install)


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
    existing = _nearest_existing(home)
    if not existing.is_dir():
        yield fail("folder", f"{home} cannot be made: {existing} is not a folder", "set FACEML_HOME to another place")
        return
    try:
        with tempfile.TemporaryFile(dir=existing):
            yield ok("folder", str(home) if existing == home else f"{home} is made by the first command")
    except OSError as error:
        yield fail(
            "folder",
            f"{existing} cannot be written ({error.strerror})",
            f"chown or chmod it for the user {os.environ.get('USER', '') or os.getuid()}, or set FACEML_HOME elsewhere",
        )


def check_privacy(library: Library) -> Iterator[Finding]:
    """Whether others on this machine can read the library, or the runs that show it."""
    settings = library.settings
    runs = sqlite_file(settings.tracking)
    places = [place for place in (settings.home, settings.artifact_folder, runs) if place is not None]
    found = [(place, file) for place in places if (file := open_to_others(place)) is not None]
    for place, file in found:
        yield warn("privacy", f"others on this machine can read {file}: it may show faces", f"chmod -R go= {place}")
    if not found:
        yield ok("privacy", "only their owner can read the library and its runs")


def check_disk(library: Library) -> Iterator[Finding]:
    existing = _nearest_existing(library.settings.home)
    free = shutil.disk_usage(existing).free
    shown = f"{free / 1e9:.1f} GB free at {existing}"
    fix = "free some space, or set FACEML_HOME to another disk"
    yield ok("disk", shown) if free >= LOW_BYTES else (warn if free >= NO_BYTES else fail)("disk", shown, fix)
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        yield fail("disk", "no folder takes temporary files", "set TMPDIR to one that can be written and has room")


def check_settings(library: Library) -> Iterator[Finding]:
    root = library.settings.root
    yield ok("root", f"{root.folder.resolve()} ({root.marker}), where relative paths start")
    yield from misspelt(os.environ)


def misspelt(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Variables that look like settings, but are not."""
    known = setting_names()
    for name in sorted(environ):
        meant = get_close_matches(name, known, n=1, cutoff=0.85)
        if name not in {*known, *INTERNAL} and (name.startswith("FACEML_") or meant):
            hint = f"did you mean {meant[0]}?" if meant else f"settings are {', '.join(known)}"
            yield warn("settings", f"{name} is set, but faceml has no such setting", hint)


def _nearest_existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


def check_pack(library: Library) -> Iterator[Finding]:
    pinned = library.repository.pack() if has_current_database(library) else None
    name, model_root = pack_name(library.settings, pinned), library.settings.model_root
    try:
        contract = read_contract(name, model_root=model_root)
    except ModelUnavailable as error:
        folder = pack_folder(name, model_root=model_root)
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


def check_quality_model(library: Library) -> Iterator[Finding]:
    if not (file := library.settings.quality_model):
        return
    try:
        yield ok("quality model", QualityModel.load(Path(file), provider=library.settings.provider).name)
    except (ModelUnavailable, WrongUse) as error:
        yield with_fix("quality model", str(error))


def check_provider(library: Library) -> Iterator[Finding]:
    """What a session reports: the list of available providers names CUDA even where there is no GPU."""
    from faceml.vision.sessions import offered, preferred_providers, timed_batch

    try:
        wanted = preferred_providers(library.settings.provider)[0]
    except WrongUse as error:
        yield with_fix("provider", str(error))
        return
    timed = {name: timed_batch(name) for name in offered()}
    runs_on = next((where for where, _ in timed.values() if where == wanted), CPU)
    times = ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, (where, seconds) in timed.items() if where)
    if runs_on != wanted:
        yield warn(
            "provider",
            f"{wanted} was built in, but finds no device: a session runs on {runs_on} (one batch: {times})",
            "check the driver (nvidia-smi) and pip install 'onnxruntime-gpu[cuda,cudnn]'; or make install for the CPU",
        )
    else:
        yield ok("provider", f"a session runs on {runs_on} (one batch: {times})")


def _licence(contract: PackContract) -> Finding:
    if "non-commercial" in contract.licence.lower():
        return warn(
            "licence",
            f"{contract.name}: {contract.licence}",
            "for other uses ask InsightFace for a licence, or use FACEML_MODEL_PACK=opencv-zoo (MIT, Apache-2.0)",
        )
    return ok("licence", f"{contract.name}: {contract.licence}")


CHECKS: tuple[Check, ...] = (
    check_packages,
    check_provider,
    check_pack,
    check_quality_model,
    check_folder,
    check_privacy,
    check_disk,
    check_stores.check_database,
    check_stores.check_index,
    check_stores.check_photos,
    check_stores.check_erasures,
    check_stores.check_unfinished,
    check_stores.check_redis,
    check_stores.check_mlflow,
    check_settings,
)


@dataclass(frozen=True, slots=True)
class DoctorReport:
    findings: tuple[Finding, ...]
    settings: tuple[ShownSetting, ...]  # secrets hidden

    @property
    def is_well(self) -> bool:
        return all(finding.level is not Level.FAIL for finding in self.findings)


def examine(library: Library) -> DoctorReport:
    """Run every check; one that breaks is a finding, and stops no other."""
    findings = tuple(finding for check in CHECKS for finding in _findings(check, library))
    return DoctorReport(findings, tuple(show_settings(library.settings)))


def _findings(check: Check, library: Library) -> Iterator[Finding]:
    try:
        yield from check(library)
    except Exception as error:
        log.debug("%s broke", check.__name__, exc_info=True)
        subject = check.__name__.removeprefix("check_")
        yield fail(subject, f"could not be checked ({type(error).__name__}: {error})", "faceml --debug doctor")
