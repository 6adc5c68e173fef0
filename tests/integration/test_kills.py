"""Erasing, backing up and restoring, killed 200 times; and somebody erased where two machines work. Nightly."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from faceml.config import Settings
from faceml.library import Library
from faceml.services.decisions.label import assign_faces_to
from faceml.services.decisions.private import erase_person
from faceml.services.index.drain import drain_outbox
from faceml.services.index.repair import find_orphans
from faceml.services.operate.backup import back_up
from faceml.services.operate.doctor import examine
from faceml.services.operate.restore import restore
from faceml.wiring import open_library
from tests.conftest import REPO, add_faces, people_vectors
from tests.fakes import FakePack, library_with
from tests.polling import until

pytestmark = pytest.mark.nightly

ME = "ada"
KILLS = int(os.environ.get("FACEML_KILLS", "200"))
PEOPLE, FACES = 8, 25
WORK = """
import sys
from pathlib import Path
from faceml.config import read_settings
from faceml.services.decisions.private import erase_person
from faceml.services.operate.backup import back_up
from faceml.services.operate.restore import restore
from faceml.wiring import open_library
import faceml.storage.index.edge_index

task, file = sys.argv[1], Path(sys.argv[2])
settings = read_settings()
print("ready", flush=True)
if task == "erase":
    erase_person(open_library(settings), sys.argv[3], is_confirmed=True, actor="ada")
elif task == "backup":
    back_up(open_library(settings), file)
else:
    restore(settings, file)
"""
DRAIN = """
import threading
from faceml.config import read_settings
from faceml.services.index.drain import drain_outbox
from faceml.wiring import open_library

library = open_library(read_settings())
print("ready", flush=True)
while True:
    drain_outbox(library)
    threading.Event().wait(0.2)  # a server's rounds, shortened
"""


def environment(settings: Settings) -> dict[str, str]:
    own = {"FACEML_HOME": str(settings.home), "FACEML_MODEL_PACK": "opencv-zoo", "DATABASE_URL": settings.database_url}
    own |= {"MLFLOW_TRACKING_URI": settings.tracking_uri, "PYTHONPATH": f"{REPO / 'src'}:{REPO}"}
    return {**os.environ, **own, "TMPDIR": str(settings.home.parent)}


def kill(settings: Settings, seconds: float, *words: str) -> bool:
    """Start a task and kill it so long after it is ready; whether it was at work then."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, *words], env=environment(settings), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        assert process.wait(seconds) == 0, "it must not have failed by itself"
        return False
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait(120)
        return True


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A library of eight people, to be copied."""
    folder = tmp_path_factory.mktemp("original")
    settings = Settings(
        home=folder / "library", model_pack="opencv-zoo", tracking_uri=f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}"
    )
    library = library_with(FakePack(), settings)
    ids = add_faces(library, people_vectors(PEOPLE, FACES, seed=4))
    for number in range(PEOPLE):
        assign_faces_to(library, ids[number * FACES : (number + 1) * FACES], name(number), actor=ME)
    drain_outbox(library)
    library.close()
    return settings


def name(number: int) -> str:
    return f"Person-{number}-Quux"


def needles(library: Library, person: str) -> list[bytes]:
    with library.repository.read() as unit:
        found = unit.people.named(person)
        assert found is not None
        rows = unit.vectors.of([face.id for face in unit.faces.of_person(found.id)]).vectors
    return [person.encode(), person.casefold().encode(), *(np.ascontiguousarray(r, "<f4").tobytes()[:48] for r in rows)]


def files_with(folder: Path, wanted: list[bytes]) -> list[str]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return [str(file.relative_to(folder)) for file in files if any(n in file.read_bytes() for n in wanted)]


def is_in_step(library: Library, faces: int) -> None:
    assert drain_outbox(library).backlog == 0
    found = find_orphans(library, limit=10_000)
    assert (found.faces_checked, found.orphans, found.stale_points, found.stray_points) == (faces, (), 0, 0)
    subjects = {finding.subject for finding in examine(library).findings}
    assert not subjects & {"erasure", "backup", "restore"}


def copied(original: Settings, folder: Path) -> Settings:
    shutil.copytree(original.home, folder / "library")
    return replace(original, home=folder / "library")


@pytest.mark.timeout(7200)
def test_two_hundred_kills_leave_nothing_and_lose_nothing(original: Settings, tmp_path: Path) -> None:
    rng = random.Random(14)
    at_work: Counter[str] = Counter()
    for number in range(KILLS):
        task = ("erase", "restore", "backup")[number % 3]
        folder = tmp_path / str(number)
        folder.mkdir()
        settings = copied(original, folder)
        library = library_with(FakePack(), settings)
        gone = needles(library, name(0))
        file = folder / "faces.zip"
        if task == "restore":
            back_up(library, file, check=False)
            library.close()
            shutil.rmtree(settings.home)
        at_work[task] += kill(settings, rng.uniform(0.0, 1.5), task, str(file), name(0))
        if task == "restore":
            if not (settings.home / "faceml.db").exists():  # else it was done but for its last line
                restore(settings, file)
            library = library_with(FakePack(), settings)
            is_in_step(library, PEOPLE * FACES)
        elif task == "backup":
            assert back_up(library, file).faces == PEOPLE * FACES
            assert sorted(path.name for path in folder.iterdir()) == ["faces.zip", "library"]
            is_in_step(library, PEOPLE * FACES)
        else:
            drain_outbox(library)
            if is_there(library, name(0)):  # killed before it was committed: nothing is lost
                is_in_step(library, PEOPLE * FACES)
                erase_person(library, name(0), is_confirmed=True, actor=ME)
            is_in_step(library, (PEOPLE - 1) * FACES)
            library.close()
            assert files_with(folder, gone) == []
        library.close()
        shutil.rmtree(folder)
    print(dict(at_work), "of", KILLS, "were at work when they were killed")
    assert min(at_work[task] for task in ("erase", "restore", "backup")) > 0


def is_there(library: Library, person: str) -> bool:
    with library.repository.read() as unit:
        return unit.people.named(person) is not None


@pytest.mark.postgres
@pytest.mark.timeout(1800)
def test_somebody_erased_where_two_machines_a_server_and_a_notebook_work_is_gone_everywhere(
    original: Settings, postgres_url: str, postgres_server: str, tmp_path: Path
) -> None:
    import psycopg

    first = replace(original, home=tmp_path / "one", database_url=postgres_url)
    second = replace(first, home=tmp_path / "two")
    source = library_with(FakePack(), original)
    gone = needles(source, name(0))
    back_up(source, tmp_path / "faces.zip", check=False)
    source.close()
    restore(first, tmp_path / "faces.zip")
    (tmp_path / "faces.zip").unlink()  # a backup is named in docs/privacy.md
    shutil.copytree(first.home / "index", second.home / "index")
    processes = [
        subprocess.Popen([sys.executable, "-c", DRAIN], env=environment(one), stdout=subprocess.PIPE, text=True)
        for one in (first, second)  # a server on each machine
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        notebook = library_with(FakePack(), first)
        person = person_of(notebook, name(0))
        erase_person(notebook, person, is_confirmed=True, actor=ME)
        for one in (first, second):  # whoever is first at it: the notebook, or the server there
            until(lambda home=one.home: len(list((home / "erased").glob("*"))) == 3)
    finally:
        for process in processes:
            assert process.poll() is None, "it must not have failed by itself"
            process.kill()
            process.wait(120)
    notebook.close()
    assert files_with(tmp_path, gone) == []
    other = open_library(second)
    with other.repository.dump() as dump:
        lines = b"".join(line for shape in dump.shapes for line in dump.lines(shape))
    other.close()
    assert not any(needle in lines for needle in gone)
    plain = postgres_url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:  # as docs/privacy.md says of PostgreSQL
        connection.execute("VACUUM FULL")
        connection.execute("CHECKPOINT")
        folder = connection.execute("SELECT current_setting('data_directory')").fetchone()
    assert folder is not None
    assert files_with(Path(folder[0]) / "base", gone) == []


def person_of(library: Library, person: str) -> UUID:
    with library.repository.read() as unit:
        found = unit.people.named(person)
    assert found is not None
    return found.id
