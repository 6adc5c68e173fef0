"""Look at everything that commonly goes wrong, and say how to fix it; nothing is changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from faceml.config import ShownSetting, show_settings
from faceml.library import Library
from faceml.services.operate import check_machine, check_stores
from faceml.services.operate.findings import Check, Finding, Level, fail

CHECKS: tuple[Check, ...] = (
    check_machine.check_packages,
    check_machine.check_provider,
    check_machine.check_pack,
    check_machine.check_folder,
    check_machine.check_privacy,
    check_machine.check_disk,
    check_stores.check_database,
    check_stores.check_index,
    check_stores.check_photos,
    check_stores.check_erasures,
    check_stores.check_unfinished,
    check_stores.check_redis,
    check_stores.check_mlflow,
    check_machine.check_settings,
)
log = logging.getLogger(__name__)


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
