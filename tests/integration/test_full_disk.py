"""A disk that is full: each command ends with one line that names the room needed, and goes on once there is room."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import REPO
from tests.integration.test_owner_only import NOTEBOOK, PIPELINE, notebook

MB = 1 << 20
NEEDED = re.compile(r"no space left on \S.*: [\d.]+ MB are free, \d+ MB are needed: free some")
# Each command in a process of its own, as a user runs it; what takes long to import is there already.
RUN_EACH = """
import json, os, sys, traceback
import numpy, qdrant_edge, sqlalchemy
import faceml.services.index.drain, faceml.storage.index.edge_index, faceml.wiring
from faceml.cli.main import main
told = []
for arguments in json.loads(sys.argv[1]):
    child = os.fork()
    if not child:
        sys.argv[1:] = arguments
        error = os.open(os.environ["TOLD"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(error, 2)
        try:
            main()
        except SystemExit as left:
            sys.stdout.flush()
            os._exit(left.code or 0)
        sys.stdout.flush()
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    told.append((code, open(os.environ["TOLD"]).read()))
print()
print(json.dumps(told))
"""


@dataclass
class SmallDisk:
    """A file system of its own, with a project on it."""

    folder: Path
    told: Path  # where commands' stderr goes, elsewhere

    @property
    def project(self) -> Path:
        return self.folder / "project"

    def grow(self, size_mb: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size_mb}m", self.folder], check=True)

    def leave(self, free_mb: int) -> None:
        """Fill it but for so much."""
        left = shutil.disk_usage(self.folder).free - free_mb * MB
        with (self.folder / "ballast").open("ab") as ballast:
            os.posix_fallocate(ballast.fileno(), ballast.seek(0, os.SEEK_END), max(1, left))

    def make_room(self) -> None:
        (self.folder / "ballast").unlink()

    def run(self, *commands: Sequence[object]) -> list[tuple[int, str]]:
        """Exit code and stderr of each, without what is only logged."""
        known = {name: value for name, value in os.environ.items() if not name.startswith(("FACEML", "MLFLOW"))}
        settings = {"FACEML_HOME": "library", "FACEML_MODEL_PACK": "opencv-zoo", "TOLD": str(self.told)}
        done = subprocess.run(
            [sys.executable, "-c", RUN_EACH, json.dumps([[str(word) for word in words] for words in commands])],
            cwd=self.project, env={**known, **settings, "PYTHONPATH": f"{REPO / 'src'}:{REPO}"},
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        return [(code, told) for code, told in json.loads(done.stdout.splitlines()[-1])]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here ({mounted.stderr.strip()})")
    (folder / "project").mkdir()
    yield SmallDisk(folder, tmp_path / "told")
    subprocess.run(["umount", "-l", folder], check=True)


def faces_of(disk: SmallDisk) -> list[str]:
    with sqlite3.connect(disk.project / "library" / "faceml.db") as database:
        return [row[0] for row in database.execute("SELECT id FROM face_instances ORDER BY id")]


def check(commands: Sequence[Sequence[object]], told: Sequence[tuple[int, str]]) -> list[str]:
    """What is not as it should be; a command that succeeds may log that the index waits."""
    wrong = []
    for command, (code, text) in zip(commands, told, strict=True):
        errors = [line for line in text.splitlines() if line.startswith("faceml: ")]
        if code and not (code in (1, 2) and len(errors) == 1 and NEEDED.search(errors[0])):
            wrong.append(f"{command[:3]} ended with {code}: {text.strip()[-300:]}")
        if "permissions" in text or "Traceback" in text:
            wrong.append(f"{command[:3]} said {text.strip()[-300:]}")
    return wrong


@pytest.mark.nightly
def test_every_command_on_a_disk_of_40_mb_says_what_it_needs_and_goes_on_when_there_is_room(
    disk: SmallDisk, photos: Path
) -> None:
    own = Path(shutil.copytree(photos, disk.folder / "photos"))
    commands: list[Sequence[object]] = [["init", "."], ["ingest", own], ["faces", "backfill"], ["faces", "stats"]]
    assert check(commands, told := disk.run(*commands)) == []
    assert [code for code, _ in told] == [0, 0, 1, 0], told
    disk.grow(1200)
    assert disk.run(["faces", "backfill"])[0][0] == 0
    assert disk.run(["faces", "find-orphans", "--fix"])[0][0] == 0
    (face, other, *_) = faces_of(disk)
    assert [code for code, _ in disk.run(["people", "assign", "Ada", face], ["backup", "first.zip"])] == [0, 0]
    (disk.project / "look.yaml").write_text(PIPELINE)
    (disk.project / "look.ipynb").write_text(json.dumps(notebook(NOTEBOOK)))
    (disk.project / "labels.csv").write_text(f"face_id,person_name\n{other},Grace\n")
    shutil.copy(photos / "hopper.jpg", own / "again.jpg")
    (own / "again.jpg").write_bytes((own / "again.jpg").read_bytes() + b"0")
    for free_mb in (0, 1):
        disk.leave(free_mb)
        commands = writing(own, other, f"at-{free_mb}")
        assert check(commands, disk.run(*commands)) == []
        disk.make_room()
        with sqlite3.connect(disk.project / "library" / "faceml.db") as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("SELECT count(*) FROM persons WHERE name = 'Ada'").fetchone() == (1,)
        assert not [path for path in disk.folder.rglob("*") if path.name.endswith((".part", ".new"))]
    commands = writing(own, other, "again")
    told = disk.run(*commands)
    assert [(command, text) for command, (code, text) in zip(commands, told, strict=True) if code] == []


def writing(photos: Path, face: str, name: str) -> list[Sequence[object]]:
    """Every command that writes; what it makes anew is called `name`."""
    return [
        ["people", "assign", "Grace", face], ["people", "rename", "Ada", "Ada Lovelace"], ["people", "undo"],
        ["people", "hide", "Ada"], ["people", "unhide", "Ada"], ["faces", "centroids"],
        ["faces", "cluster", "--min-cluster-size", "2"], ["faces", "cluster-dual"], ["faces", "assign"],
        ["faces", "find-orphans", "--fix"], ["faces", "export", "faces.csv"],
        ["faces", "export", "faces.npz", "--vectors"], ["faces", "export-xmp"],
        ["faces", "export-fiftyone", f"fiftyone-{name}"], ["faces", "import-labels", "labels.csv"],
        ["vectors", "export", f"shards-{name}"], ["faces", "export-label-studio", f"studio-{name}"],
        ["backup", "second.zip"], ["init", f"project-{name}"], ["ingest", photos], ["faces", "backfill"],
        ["pipeline", "run", "look.yaml"], ["jobs", "list"], ["people", "erase", "Ada", "--yes"],
    ]  # fmt: skip


WRITE_POINTS = """
import sys
from pathlib import Path
from uuid import uuid4
import numpy as np
from faceml.errors import IndexUnavailable
from faceml.storage.index import edge_index
if len(sys.argv) > 2:
    import resource
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]),) * 2)
vectors = np.eye(64, dtype=np.float32)
try:
    for _ in range(3):
        with edge_index.open_edge(Path(sys.argv[1])) as index:
            index.ensure_collection(64)
            index.upsert([uuid4() for _ in vectors], vectors, [{"asset_id": "1"}] * len(vectors))
except IndexUnavailable as error:
    print(error)
else:
    print("written")
"""


def write_points(folder: Path, *limit: int) -> str:
    """What came of it, in a process of its own; a signal that ends it, or a wait without end, fails."""
    command = [sys.executable, "-c", WRITE_POINTS, folder, *map(str, limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
    return done.stdout.strip()


def test_the_index_is_never_ended_by_a_signal_however_little_room_there_is(disk: SmallDisk) -> None:
    told = []
    for size_mb in (40, 120, 200, 260, 340, 500):
        disk.grow(size_mb)
        told.append(write_points(disk.project / "index"))
    assert all(text == "written" or NEEDED.search(text) for text in told)
    assert NEEDED.search(told[0])
    assert told[-1] == "written"


@pytest.mark.parametrize("limit_mb", [60, 200, 500])
def test_an_index_without_memory_says_so_and_lets_go(tmp_path: Path, limit_mb: int) -> None:
    assert re.match(
        r"no memory for the vector index .* MB are needed: raise", write_points(tmp_path / "i", limit_mb * MB)
    )
    assert write_points(tmp_path / "i") == "written"


def test_an_engine_that_waits_for_itself_is_ended_and_its_lock_is_free(tmp_path: Path) -> None:
    waits = f"""
import ctypes
from pathlib import Path
from faceml.storage.index import edge_index, edge_limits
edge_limits.STUCK_S = 0.5
with edge_index.folder_lock(Path({str(tmp_path / "i")!r}), wait_s=0), edge_limits.engine_errors(Path("i")):
    ctypes.PyDLL(None).pause()  # holds the interpreter's own lock, as the engine does
"""
    done = subprocess.run([sys.executable, "-c", waits], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert write_points(tmp_path / "i") == "written"
