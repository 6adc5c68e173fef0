"""What the doctor says of environments that are not this one."""

from __future__ import annotations

import pytest

from faceml.services.operate.check_stores import Finding, Level
from faceml.services.operate.doctor import check_builds, misspelt


def levels(findings: object) -> list[Level]:
    assert hasattr(findings, "__iter__")
    found = list(findings)
    assert all(isinstance(finding, Finding) for finding in found)
    assert all(finding.fix for finding in found if finding.level is not Level.OK), "every trouble has a fix"
    return [finding.level for finding in found]


def builds(subject: str, *names: str) -> list[Finding]:
    return [finding for finding in check_builds(frozenset(names)) if finding.subject == subject]


def test_two_builds_of_onnx_runtime_are_a_failure() -> None:
    assert levels(builds("onnxruntime", "onnxruntime")) == [Level.OK]
    assert levels(builds("onnxruntime", "onnxruntime", "onnxruntime-gpu")) == [Level.FAIL]
    assert levels(builds("onnxruntime")) == [Level.FAIL]


def test_two_builds_of_opencv_are_warned_of() -> None:
    assert levels(builds("opencv", "opencv-python-headless")) == [Level.OK]
    (both,) = builds("opencv", "opencv-python-headless", "opencv-python", "numpy")
    assert both.level is Level.WARN
    assert both.fix is not None
    assert "pip uninstall -y opencv-python opencv-python-headless" in both.fix


@pytest.mark.parametrize("name", ["FACEML_HOEM", "FACEML_MODELPACK", "DATABASE_ULR", "QDRANT_URLS"])
def test_a_misspelt_setting_is_told(name: str) -> None:
    (finding,) = misspelt({name: "x", "PATH": "/bin", "FACEML_HOME": "y"})
    assert name in finding.detail
    assert finding.fix is not None
    assert "did you mean" in finding.fix


def test_other_programs_variables_are_nobodys_business() -> None:
    assert list(misspelt({"DATABASE_HOST": "x", "HOME": "/root", "URL": "y", "FACEML_RUN_ID": "1"})) == []
