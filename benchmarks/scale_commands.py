"""What every command costs in a large library: seconds, processor, and peak memory, each in a process of its own.

    python benchmarks/scale_commands.py                                  200,000 faces; takes a quarter of an hour
    python benchmarks/scale_commands.py --faces 1000000 --home FOLDER    keeps the library there, and goes on with it
    python benchmarks/scale_commands.py --home FOLDER --only stats label

Times are of the call, without the start of Python; `again` is the same call once more in the same process, as a server
or a notebook has it. The table is Markdown, for docs/results/scale.md. A Qdrant server or PostgreSQL is taken where
QDRANT_URL or DATABASE_URL names an empty one.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fixtures.large_library import WIDTH, make_library
from fixtures.made_library import reopened

from faceml.library import Library

ACTOR = "benchmark"
Work = Callable[[], object]
Command = Callable[[Library], Work]
COMMANDS: dict[str, Command] = {}
TWICE: set[str] = set()


def command(name: str, *, twice: bool = False) -> Callable[[Command], Command]:
    """A command, in the order in which they run: `prepare(library)` imports, and returns what is timed."""

    def keep(prepare: Command) -> Command:
        COMMANDS[name] = prepare
        if twice:
            TWICE.add(name)
        return prepare

    return keep


# --- the index


@command("drain into an empty index")
def _drain(library: Library) -> Work:
    from faceml.services.index.drain import drain_outbox

    return lambda: drain_outbox(library)


@command("find-orphans, all")
def _find_orphans(library: Library) -> Work:
    from faceml.services.index.repair import find_orphans

    return lambda: find_orphans(library, limit=10**9)


@command("find-orphans --fix, empty index")
def _fix_orphans(library: Library) -> Work:
    from faceml.services.index.repair import fix_orphans

    shutil.rmtree(library.settings.index_folder)
    return lambda: fix_orphans(library, limit=10**9)


# --- looking


@command("stats", twice=True)
def _stats(library: Library) -> Work:
    from faceml.services.operate.status import read_stats

    return lambda: read_stats(library)


@command("doctor", twice=True)
def _doctor(library: Library) -> Work:
    from faceml.services.operate.check_stores import check_index, check_photos

    return lambda: [*check_index(library), *check_photos(library)]


def _list(verb: str, **asked: Any) -> Command:
    def prepare(library: Library) -> Work:
        from faceml.services.review import browse

        return lambda: getattr(browse, verb)(library.repository, **asked)

    return prepare


command("clusters, page 1", twice=True)(_list("list_clusters", page_size=100))
command("clusters, page 200", twice=True)(_list("list_clusters", page_size=20, page=200))
command("clusters --include-labeled", twice=True)(_list("list_clusters", page_size=100, include_labeled=True))
command("people list, page 1", twice=True)(_list("list_people", page_size=100))
command("people list, page 20", twice=True)(_list("list_people", page_size=20, page=20))


@command("people show, the largest", twice=True)
def _show(library: Library) -> Work:
    from faceml.services.review.browse import show_person

    return lambda: show_person(library.repository, "Person 000000")


@command("people history", twice=True)
def _history(library: Library) -> Work:
    from faceml.services.decisions.undo import history

    return lambda: history(library.repository)


@command("snapshot for a run", twice=True)
def _snapshot(library: Library) -> Work:
    from faceml.services.operate.status import library_snapshot

    return lambda: library_snapshot(library.repository)


@command("clusters --sheet")
def _sheet(library: Library) -> Work:
    from faceml.services.review.browse import list_clusters
    from faceml.services.review.sheets import draw_clusters

    return lambda: draw_clusters(library, list_clusters(library.repository).items)


@command("people sheet")
def _people_sheet(library: Library) -> Work:
    from faceml.services.review.sheets import draw_people

    return lambda: draw_people(library)


@command("map")
def _map(library: Library) -> Work:
    from faceml.services.review.sheets import draw_map

    return lambda: draw_map(library)


@command("face grid, first screen", twice=True)
def _face_grid(library: Library) -> Work:
    from faceml.services.review.grid import FaceGrid
    from faceml.storage.grid.face_query import FaceQuery, Place

    def work() -> None:
        grid, query = FaceGrid(library), FaceQuery(Place.TO_NAME)
        grid.places()
        grid.groups(query)
        grid.page(query)

    return work


# --- suggestions and recognition


@command("centroids")
def _centroids(library: Library) -> Work:
    from faceml.services.decisions.people import compute_centroids

    return lambda: compute_centroids(library)


def _suggest(verb: str, *arguments: Any) -> Command:
    def prepare(library: Library) -> Work:
        from faceml.services.review import faces, groups

        return lambda: getattr(faces if hasattr(faces, verb) else groups, verb)(library, *arguments)

    return prepare


command("suggest --kind uncertain", twice=True)(_suggest("suggest_uncertain"))
command("suggest --kind merges", twice=True)(_suggest("suggest_merges"))
command("suggest --kind splits", twice=True)(_suggest("suggest_splits"))
command("suggest --kind intruders, the largest", twice=True)(_suggest("suggest_intruders", "Person 000000"))


@command("calibrate")
def _calibrate(library: Library) -> Work:
    from faceml.services.recognise.calibrate import calibrate_library

    return lambda: calibrate_library(library)


def _endpoint(method: str, path: str, **given: Any) -> Command:
    def prepare(library: Library) -> Work:
        from fastapi.testclient import TestClient

        from serving.app import create_app
        from serving.limits import Limits

        app = create_app(library=library, limits=Limits(rate=0))
        client = TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50_000))
        client.__enter__()
        return lambda: client.request(method, f"/api/v1/faces{path}", **given).raise_for_status()

    return prepare


command("GET /clusters", twice=True)(_endpoint("GET", "/clusters"))
command("GET /persons", twice=True)(_endpoint("GET", "/persons"))
command("GET /suggestions", twice=True)(_endpoint("GET", "/suggestions"))


@command("identify: one face, detection left out", twice=True)
def _identify(library: Library) -> Work:
    import numpy as np

    from faceml.services.recognise.gallery import open_way

    probe = np.full((1, WIDTH), WIDTH**-0.5, np.float32)

    def ask() -> object:
        way = open_way(library)
        with library.repository.read() as unit:
            return way.read(unit).match(probe, 0.4)

    return ask


# --- decisions


@command("label a cluster")
def _label(library: Library) -> Work:
    from faceml.services.decisions.label import label_cluster
    from faceml.services.review.browse import list_clusters

    cluster = list_clusters(library.repository, page=2).items[0].cluster_id
    return lambda: label_cluster(library, cluster, "Person 000007", actor=ACTOR)


def _undo(library: Library) -> Work:
    from faceml.services.decisions.undo import undo

    return lambda: undo(library, actor=ACTOR)


command("undo of it")(_undo)


@command("merge two large people")
def _merge(library: Library) -> Work:
    from faceml.services.decisions.people import merge_people
    from faceml.services.review.browse import find

    one, other = (find(library.repository, f"Person {number:06}").id for number in (0, 1))
    return lambda: merge_people(library, one, other, actor=ACTOR)


command("undo of that")(_undo)

# --- files


def _export(name: str) -> Command:
    def prepare(library: Library) -> Work:
        from faceml.services.exchange.export import export_faces

        return lambda: export_faces(library.repository, scratch(library) / name)

    return prepare


command("export to Parquet")(_export("faces.parquet"))
command("export to CSV")(_export("faces.csv"))


@command("export --vectors")
def _export_vectors(library: Library) -> Work:
    from faceml.services.exchange.vectors import export_vectors

    return lambda: export_vectors(library.repository, scratch(library) / "faces.npz")


@command("export of XMP")
def _xmp(library: Library) -> Work:
    from faceml.services.exchange.export import export_xmp

    return lambda: export_xmp(library.repository)


@command("export of XMP, nothing new")
def _xmp_again(library: Library) -> Work:
    return _xmp(library)


@command("import-labels of 5,000 rows")
def _import(library: Library) -> Work:
    from faceml.services.exchange.import_labels import import_labels

    with library.repository.read() as unit:
        loose = unit.vectors.unassigned(since=None, limit=5_000).face_ids
    with (scratch(library) / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("face_id", "person_name"))
        writer.writerows((id_, f"Person {row % 500:06}") for row, id_ in enumerate(loose))
    return lambda: import_labels(library, scratch(library) / "labels.csv", actor=ACTOR)


@command("plain copy of the database")
def _copy(library: Library) -> Work:
    def copy() -> None:
        with (
            (library.settings.home / "faceml.db").open("rb") as source,
            (scratch(library) / "copy").open("wb") as target,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        (scratch(library) / "copy").unlink()

    return copy


@command("backup")
def _backup(library: Library) -> Work:
    from faceml.services.operate.backup import back_up

    return lambda: back_up(library, scratch(library) / "library.faceml")


@command("restore")
def _restore(library: Library) -> Work:
    from dataclasses import replace

    from faceml.services.operate.restore import restore

    shutil.rmtree(scratch(library) / "restored", ignore_errors=True)
    settings = replace(library.settings, home=scratch(library) / "restored")
    return lambda: restore(settings, scratch(library) / "library.faceml")


# --- what changes most of the library, last


@command("assign")
def _assign(library: Library) -> Work:
    from faceml.options import AssignOptions
    from faceml.services.recognise.assign import assign_faces

    return lambda: assign_faces(library, AssignOptions(max_faces=10**9))


@command("cluster-dual")
def _dual(library: Library) -> Work:
    from faceml.options import DualOptions
    from faceml.services.cluster.dual import cluster_dual

    return lambda: cluster_dual(library, DualOptions(max_faces=10**9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=200_000)
    parser.add_argument("--home", type=Path, help="where the library is kept; without it nothing is")
    parser.add_argument("--only", nargs="+", choices=list(COMMANDS), default=list(COMMANDS))
    parser.add_argument("--leave-out", nargs="+", choices=list(COMMANDS), default=[])
    parser.add_argument("--one", choices=list(COMMANDS), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measured(asked.one, asked.home)))
        return
    with tempfile.TemporaryDirectory() as folder:
        home = asked.home or Path(folder) / "library"
        if not home.exists():
            make_library(home, asked.faces).close()
        print("| command | seconds | again | processor s | peak MB |\n|---|---|---|---|---|", flush=True)
        for name in COMMANDS:
            if name in asked.only and name not in asked.leave_out:
                print(row_of(name, home), flush=True)


def row_of(name: str, home: Path) -> str:
    done = subprocess.run(
        [sys.executable, __file__, "--one", name, "--home", str(home)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return f"| {name} | failed: {last} | | | |"
    found = json.loads(done.stdout.splitlines()[-1])
    again = f"{found['again']:.2f}" if found["again"] is not None else ""
    return f"| {name} | {found['seconds']:.2f} | {again} | {found['cpu']:.1f} | {found['peak_mb']:.0f} |"


def measured(name: str, home: Path) -> dict[str, float | None]:
    library = reopened(home)
    work = COMMANDS[name](library)
    cpu, started = time.process_time(), time.perf_counter()
    work()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    again = None
    if name in TWICE:
        started = time.perf_counter()
        work()
        again = time.perf_counter() - started
    return {"seconds": seconds, "again": again, "cpu": cpu, "peak_mb": peak_mb()}


def scratch(library: Library) -> Path:
    """Beside the library: what its commands write elsewhere."""
    folder = library.settings.home.with_name(f"{library.settings.home.name}-scratch")
    folder.mkdir(exist_ok=True)
    return folder


def peak_mb() -> float:
    """Of this process; what getrusage tells begins with its parent's."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
