"""The command line as a person uses it: real models, real files, and real processes where those tell more."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from faceml.cli.main import cli, main
from tests.conftest import copy_library

FACEML = Path(sys.executable).with_name("faceml")


class Shell:
    """Runs `faceml …` with a library of its own."""

    def __init__(self, folder: Path, model_root: Path) -> None:
        self.folder = folder
        self.home = folder / "library"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FACEML_", "MLFLOW_"))}
        self.environment = {
            **kept,
            "FACEML_HOME": str(self.home),
            "FACEML_MODEL_PACK": "opencv-zoo",
            "FACEML_MODEL_ROOT": str(model_root),
        }

    def run(self, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [FACEML, *map(str, words)],
            env={**self.environment, **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def says(self, *words: str | Path, **environment: str) -> str:
        done = self.run(*words, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuses(self, code: int, *words: str | Path, **environment: str) -> str:
        """The one line it says instead of doing it."""
        done = self.run(*words, **environment)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        lines = [line for line in done.stderr.splitlines() if line.startswith("faceml: ")]
        assert len(lines) == 1, done.stderr
        return lines[0]


class ShellHere(Shell):
    """The same in the process of the test: one of its own takes a second to import what a command needs."""

    def run(self, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        typed, code = ["faceml", *map(str, words)], 0
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(StringIO()) as out,
            redirect_stderr(StringIO()) as err,
        ):
            patch.setattr(sys, "argv", typed)
            patch.chdir(self.folder)
            for name, value in {**self.environment, **environment}.items():
                patch.setenv(name, value)
            try:
                main()
            except SystemExit as left:
                code = int(left.code or 0)
        return subprocess.CompletedProcess(typed, code, out.getvalue(), err.getvalue())


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, tmp_path / "models")


@pytest.fixture
def shell_here(tmp_path: Path) -> Shell:
    return ShellHere(tmp_path, tmp_path / "models")


@pytest.fixture(scope="module")
def with_faces(photo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library whose photos were looked at."""
    shell = ShellHere(tmp_path_factory.mktemp("with-faces"), Path("models"))
    shell.says("ingest", photo_folder)
    shell.says("faces", "backfill")
    return shell.home


@pytest.fixture
def looked(shell_here: Shell, with_faces: Path) -> Shell:
    """A shell with a copy of that library, eight faces in it."""
    copy_library(with_faces, shell_here.home)
    return shell_here


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_first_session_from_photos_to_a_recognised_person(shell: Shell, photos: Path) -> None:
    assert "Added: 4" in shell.says("ingest", photos)
    assert "New faces: 8" in shell.says("faces", "backfill")
    assert "New faces: 0" in shell.says("faces", "backfill")
    assert "Total faces: 8" in shell.says("faces", "cluster", "--min-cluster-size", "3")
    table = shell.folder / "faces.csv"
    shell.says("faces", "export", table)
    assert {Path(row["path"]).name for row in rows(table)} == {"astronaut.jpg", "hopper.jpg", "group.jpg"}
    labels = shell.folder / "labels.csv"
    labels.write_text(f"path,person_name\n{photos / 'hopper.jpg'},Grace Hopper\n{photos / 'group.jpg'},Nobody\n")
    said = shell.says("faces", "import-labels", labels)
    assert "Faces labeled: 1" in said
    assert "group.jpg has 6 faces here" in said
    assert "Centroids computed: 1" in shell.says("faces", "centroids")
    copy = photos / "later"
    copy.mkdir()
    from PIL import Image

    with Image.open(photos / "hopper.jpg") as photo:
        photo.resize((photo.width * 3 // 4, photo.height * 3 // 4)).save(copy / "again.jpg", quality=80)
    shell.says("ingest", copy)
    shell.says("faces", "backfill")
    report = json.loads(shell.says("faces", "assign", "--json"))
    assert (report["assigned"], report["people_matched"], report["status"]) == (1, 1, "completed")
    shell.says("faces", "export", table)
    named = {Path(row["path"]).name: row for row in rows(table) if row["person_name"]}
    assert {name: row["assigned_by"] for name, row in named.items()} == {
        "hopper.jpg": "manual",
        "again.jpg": "prototype",
    }
    explained = shell.says("faces", "explain", named["again.jpg"]["face_id"])
    assert "Grace Hopper (recognised by faceml)" in explained
    assert re.search(r"Assigned at similarity 0\.\d{3}, threshold 0\.6, by model raw", explained)
    stats = shell.says("faces", "stats")
    assert re.search(r"Total faces: 9\nAssigned faces: 2\nClustered faces: \d+\nTotal persons: 1", stats)
    assert "Qdrant Collection: faces\nPoints: 10\nVectors: 10" in stats  # nine faces and a centroid


def test_the_printed_reports_are_the_specifications(looked: Shell) -> None:
    orphans = looked.says("faces", "find-orphans", "--limit", "50")
    assert orphans.startswith("Checking 50 faces for orphaned embeddings...\n\n" + "=" * 50)
    assert "ORPHAN DETECTION RESULTS:" in orphans
    assert "Total faces checked: 8\nOrphaned faces found: 0\nAffected assets: 0" in orphans
    dual = looked.says("faces", "cluster-dual")
    assert dual.startswith(
        "Dual-Mode Clustering Results:\n" + "=" * 40 + "\nPhase 1 (Supervised):\n  - Faces processed: 8\n"
        "  - Assigned to persons: 0 (0.0%)\n  - Persons matched: 0\n\nPhase 2 (Unsupervised):\n"
    )
    assert "\nCluster Distribution:\n  - person_* clusters: 0 (0 faces)\n  - unknown_cluster_* groups: " in dual


def test_every_reporting_command_answers_in_json(
    looked: Shell, photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in looked.environment.items():
        monkeypatch.setenv(name, value)
    commands: list[list[str | Path]] = [
        ["ingest", photo_folder],
        ["settings"],
        ["faces", "backfill"],
        ["faces", "cluster"],
        ["faces", "cluster-dual"],
        ["faces", "clusters"],
        ["faces", "assign"],
        ["faces", "centroids"],
        ["faces", "stats"],
        ["faces", "find-orphans"],
        ["faces", "find-orphans", "--fix"],
        ["faces", "ensure-collection"],
        ["faces", "export", looked.folder / "faces.parquet"],
    ]
    for words in commands:
        done = CliRunner().invoke(cli, [*map(str, words), "--json"], catch_exceptions=False)
        assert isinstance(json.loads(done.stdout), dict), words


def test_parquet_and_csv_hold_the_same_rows(looked: Shell) -> None:
    from pyarrow import parquet

    looked.says("faces", "export", looked.folder / "f.csv")
    looked.says("faces", "export", looked.folder / "f.parquet")
    table = parquet.read_table(looked.folder / "f.parquet").to_pylist()
    assert [row["face_id"] for row in table] == [row["face_id"] for row in rows(looked.folder / "f.csv")]
    assert list(table[0])[:14] == list(rows(looked.folder / "f.csv")[0])[:14]


def test_clusters_are_listed_named_and_drawn(shell_here: Shell, photos: Path) -> None:
    from PIL import Image

    for number in range(5):
        with Image.open(photos / "hopper.jpg") as photo:
            photo.rotate(3 * number - 6).save(photos / f"hopper{number}.jpg")
    shell_here.says("ingest", photos)
    shell_here.says("faces", "backfill")
    shell_here.says("faces", "cluster", "--min-cluster-size", "5")
    page = json.loads(shell_here.says("faces", "clusters", "--json"))
    cluster_id = next(item["cluster_id"] for item in page["items"] if item["face_count"] == 6)
    assert re.fullmatch(r"clu_[0-9a-f]{12}", cluster_id)
    said = shell_here.says("faces", "label", cluster_id, "Grace Hopper", "--json")
    assert json.loads(said)["faces_labeled"] == 6
    assert json.loads(said)["prototypes_created"] == 3
    assert cluster_id not in shell_here.says("faces", "clusters")
    sheet = shell_here.folder / "sheet.png"
    assert "Grace Hopper" in shell_here.says("faces", "clusters", "--include-labeled", "--sheet", sheet)
    assert Image.open(sheet).width > 500


# --- what goes wrong: one clear line with the fix, nothing lost


def test_a_missing_folder_is_one_line(shell: Shell) -> None:
    assert "check its spelling" in shell.refuses(2, "ingest", "nowhere")


def test_an_unreachable_postgresql_is_one_line_and_the_traceback_comes_with_debug(shell: Shell, photos: Path) -> None:
    url = {"DATABASE_URL": "postgresql://me:secret@127.0.0.1:9/faces"}
    said = shell.refuses(1, "ingest", photos, **url)
    assert "does not answer" in said
    assert "make db-up" in said
    assert "secret" not in said
    assert "Traceback" in shell.run("--debug", "ingest", photos, **url).stderr


@pytest.mark.postgres
def test_a_wrong_password_is_one_line(shell: Shell, password_postgres: str) -> None:
    assert "refuses this user or password" in shell.refuses(1, "faces", "stats", DATABASE_URL=password_postgres)


def test_a_missing_pack_without_network_is_one_line(shell: Shell, photos: Path) -> None:
    shell.says("ingest", photos)
    offline = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    said = shell.refuses(1, "faces", "backfill", FACEML_MODEL_PACK="buffalo_l", **offline)
    assert "buffalo_l" in said
    assert "FACEML_MODEL_PACK=opencv-zoo" in said
    assert "New faces: 8" in shell.says("faces", "backfill"), "the photos still wait"


def test_another_pack_than_the_librarys_is_one_line(looked: Shell, shared: Path) -> None:
    other = {
        "FACEML_MODEL_PACK": "scrfd500m_edgeface_xs",
        "FACEML_MODEL_ROOT": str(shared / "models" / "insightface"),
    }
    said = looked.refuses(1, "faces", "backfill", "--min-confidence", "0.2", **other)
    assert "set FACEML_MODEL_PACK=opencv-zoo" in said
    assert "Total faces: 8" in looked.says("faces", "stats")


def test_an_unreadable_photo_is_counted_and_named_by_its_reason(shell_here: Shell, photos: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    shell_here.says("ingest", photos)
    said = shell_here.says("faces", "backfill")
    assert "Photos that could not be read: 1" in said
    assert "New faces: 8" in said


def test_a_library_that_cannot_be_written_is_one_line(shell: Shell, photos: Path) -> None:
    (shell.folder / "file").write_text("not a folder")
    said = shell.refuses(1, "ingest", photos, FACEML_HOME=str(shell.folder / "file" / "library"))
    assert "cannot be" in said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["faces", "cluster", "--min-cluster-size", "1"], "faces from 2 to 10,000"),
        (["faces", "cluster", "--time-bucket", "2025-13"], "YYYY-MM"),
        (["faces", "assign", "--since", "yesterday"], "YYYY-MM-DD"),
        (["faces", "assign", "--threshold", "2"], "threshold=2 is not a number from 0 to 1 or auto"),
        (["faces", "export", "faces.xlsx"], ".csv and .parquet"),
        (["faces", "import-labels", "nowhere.csv"], "cannot be read"),
        (["faces", "cluster-dual", "--unknown-method", "kmeans"], "hdbscan, dbscan, agglomerative or linkage"),
        (["pipeline", "run", "nowhere"], "there is no pipeline"),
    ],
)
def test_wrong_use_is_told_in_one_line_with_exit_code_2(shell: Shell, words: list[str], expected: str) -> None:
    assert expected in shell.refuses(2, *words)


def test_an_unknown_cluster_fails_with_exit_code_1(shell: Shell) -> None:
    assert "faceml faces clusters" in shell.refuses(1, "faces", "label", "clu_none", "Ada")


def test_an_unknown_option_is_wrong_use(shell: Shell) -> None:
    done = shell.run("faces", "cluster", "--nonsense")
    assert done.returncode == 2
    assert "No such option" in done.stderr
