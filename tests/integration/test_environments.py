"""Surroundings that are no developer's: a user without a name or home, a terminal of few letters, closed folders."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from faceml.cli.main import _line, cli
from faceml.config import Settings
from faceml.wiring import open_library
from tests.conftest import REPO

NOBODY = "12345"  # a user that no passwd knows
EACH = """
import json, sys
from faceml.cli.main import main
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit as left:
        print("exit", left.code)
"""


def run(
    folder: Path, *commands: Sequence[str], user: str = "", environment: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[bytes]:
    """Commands one after the other, with no variable set but these."""
    able = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]  # to read this Python
    as_user = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", *able] if user else []
    known = {"PATH": os.defpath, "PYTHONPATH": f"{REPO / 'src'}:{REPO}", "FACEML_MODEL_PACK": "opencv-zoo"}
    return subprocess.run(
        [*as_user, sys.executable, "-c", EACH, json.dumps(commands)],
        cwd=folder,
        env={**known, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        check=False,
    )


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder of a user without a name, in which that user may run faceml."""
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become somebody else")
    with tempfile.TemporaryDirectory(prefix="faceml-nobody-") as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        Image.new("RGB", (64, 64), "white").save(folder / "photos" / "a.jpg")
        for place in (folder, folder / "photos", folder / "photos" / "a.jpg"):
            os.chown(place, int(NOBODY), int(NOBODY))
        tried = run(folder, ["--version"], user=NOBODY)
        if tried.returncode:
            pytest.skip(f"nobody else can run this Python here ({tried.stderr.decode()[-200:]})")
        yield folder


def test_a_user_without_a_name_and_home_can_use_everything(nobodys: Path) -> None:
    commands = [["ingest", "photos"], ["faces", "stats"], ["jobs", "list"], ["models", "list"], ["backup", "b.zip"]]
    done = run(nobodys, ["settings"], *commands, user=NOBODY)
    assert (done.stderr, done.stdout.count(b"exit")) == (b"", 0)
    assert b"Photos: 1 (1 waiting" in done.stdout
    assert str(nobodys / "library" / "cache" / "home" / ".insightface").encode() in done.stdout
    told = run(nobodys, ["settings"], user=NOBODY, environment={"FACEML_HOME": "~/faces"})
    assert told.stderr == (
        b"faceml: ~/faces: the user has no home folder here (HOME is not set): write the whole path\n"
    )


def test_runs_that_cannot_be_recorded_are_told_at_once_in_one_line(nobodys: Path) -> None:
    (nobodys / "mlruns").mkdir(mode=0o755)  # another user's
    commands = [["pipeline", "run", "nightly", "-p", "photos=photos"], ["doctor"]]
    shutil.copytree(REPO / "pipelines", nobodys / "pipelines")
    shutil.copytree(REPO / "notebooks", nobodys / "notebooks")
    done = run(nobodys, *commands, user=NOBODY)
    place = str(nobodys / "mlruns")
    errors = [line for line in done.stderr.decode().splitlines() if not line.startswith("A new, empty library")]
    assert errors == [
        f"faceml: {place} cannot be written, so no run can be recorded: make it writable, or name another place in "
        "MLFLOW_TRACKING_URI"
    ]
    assert f"fail  mlflow       {place} cannot be written" in done.stdout.decode()


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_name_that_the_terminal_cannot_show_is_written_out(encoding: str, tmp_path: Path) -> None:
    library = open_library(Settings(home=tmp_path / "library"))
    with library.repository.begin() as unit:
        for name in ("José", "Żółć", "林 徽因"):
            unit.people.add(name)
    library.close()
    done = run(tmp_path, ["people", "list"], environment={"PYTHONIOENCODING": encoding, "LC_ALL": "C"})
    assert done.stderr == b""
    assert done.stdout.decode("utf-8" if encoding == "ascii" else encoding).count("active") == 3


def test_a_mistyped_library_is_told_to_be_new_once_and_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (64, 64), "white").save(tmp_path / "photos" / "a.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACEML_HOME", "library")
    assert CliRunner().invoke(cli, ["ingest", "photos"]).stderr == ""  # where it is meant
    monkeypatch.setenv("FACEML_HOME", "librari")
    first, second = (CliRunner().invoke(cli, ["people", "list", "--json"]) for _ in range(2))
    assert first.stderr == (
        f"A new, empty library begins in {tmp_path / 'librari'} (FACEML_HOME: environment); if you meant one that you "
        "have, correct that (beside it there is library)\n"
    )
    assert (second.stderr, first.stdout) == ("", second.stdout)
    assert json.loads(first.stdout)["items"] == []


def test_the_environments_library_is_told_to_be_new_in_a_notebook_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        library = open_library()
        assert library.repository.pack() is None
        library.close()
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count(f"begins in {tmp_path / 'library'} (FACEML_HOME: default)") == 1


def test_without_a_temporary_folder_one_line_says_what_to_set() -> None:
    error = FileNotFoundError(2, "No usable temporary directory found in ['/tmp', '/var/tmp']")
    assert _line(error, f"unexpected {error}") == (
        "no folder takes temporary files: set TMPDIR to one that can be written and has room"
    )


def test_no_package_that_reads_faces_keeps_an_id_of_the_machine_or_tells_its_maker(
    tmp_path: Path, model_cache: Path
) -> None:
    """ONNX Runtime makes such an id, and sends it with what it runs, unless it is told not to."""
    code = (
        "import sys; from pathlib import Path; from faceml.vision.model_packs import load_pack; "
        "load_pack('opencv-zoo', model_root=Path(sys.argv[1]), cache_dir=Path(sys.argv[1]))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    command = [sys.executable, "-c", code, str(model_cache)]
    subprocess.run(command, env={**environment, "HOME": str(tmp_path)}, check=True, timeout=120)
    assert list(tmp_path.rglob("*")) == []
