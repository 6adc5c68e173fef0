"""Where models run: as asked, or by what the installed ONNX Runtime offers, and one clear line where that cannot be."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faceml.config import PROVIDERS as KNOWN
from faceml.config import Settings, read_settings
from faceml.errors import WrongUse
from faceml.services.operate.check_stores import Level
from faceml.services.operate.doctor import check_provider
from faceml.vision.model_packs import load_pack
from faceml.vision.sessions import CPU, PROVIDERS, choose_provider, offered, provider_of
from tests.fakes import FakePack, library_with

MISSING = next(name for name in ("rocm", "directml", "coreml", "openvino", "cuda") if name not in offered())


class SessionOn:
    """A session that tells where it runs."""

    def __init__(self, provider: str) -> None:
        self.provider = provider

    def get_providers(self) -> list[str]:
        return [self.provider]


def test_the_setting_knows_what_sessions_know() -> None:
    assert set(KNOWN) == {"auto", *PROVIDERS}


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (["cpu"], "cpu"),
        (["cuda", "cpu"], "cuda"),
        (["openvino", "cpu"], "openvino"),
        (["directml", "cpu"], "directml"),
        (["coreml", "cpu"], "cpu"),
    ],
)
def test_auto_takes_the_build_that_somebody_installed(there: list[str], expected: str) -> None:
    assert choose_provider("auto", there) == PROVIDERS[expected]


def test_what_is_asked_for_is_taken_or_refused_in_one_line() -> None:
    assert choose_provider("coreml", ["coreml", "cpu"]) == PROVIDERS["coreml"]
    with pytest.raises(WrongUse, match=r"^FACEML_PROVIDER=rocm: this ONNX Runtime offers cuda, cpu; .*rocm.*auto$"):
        choose_provider("rocm", ["cuda", "cpu"])


def test_an_unknown_provider_is_refused_when_settings_are_read(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="FACEML_PROVIDER='tpu' is not known; use one of auto, cpu"):
        read_settings({"FACEML_PROVIDER": "tpu"}, folder=tmp_path)
    assert read_settings({"FACEML_PROVIDER": "CPU"}, folder=tmp_path).provider == "cpu"


def test_a_pack_runs_where_it_is_told_to(model_cache: Path) -> None:
    pack = load_pack("opencv-zoo", model_root=model_cache, cache_dir=model_cache, provider="cpu")
    assert pack.provider == CPU
    with pytest.raises(WrongUse, match=f"FACEML_PROVIDER={MISSING}"):
        load_pack("opencv-zoo", model_root=model_cache, cache_dir=model_cache, provider=MISSING)


def test_a_fall_back_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    session: Any = SessionOn("NullExecutionProvider")
    with caplog.at_level(logging.WARNING, logger="faceml"):
        for _ in range(2):
            provider_of("made-up", session, asked="cpu")
    assert [record.getMessage() for record in caplog.records] == [
        f"model pack made-up: {CPU} finds no device here, so it runs on NullExecutionProvider"
    ]


def test_doctor_times_a_batch_on_each_provider(settings: Settings) -> None:
    (finding,) = check_provider(library_with(FakePack(), replace(settings, provider="cpu")))
    assert finding.level is Level.OK
    assert "cpu " in finding.detail
    assert finding.detail.endswith(" ms)")
    (finding,) = check_provider(library_with(FakePack(), replace(settings, provider=MISSING)))
    assert finding.level is Level.FAIL
    assert MISSING in finding.detail
