"""How long the face grid takes for its answers, and what it holds in memory: seconds and MB of a library made in bulk.

python benchmarks/grid.py                 50,000 and 500,000 faces
python benchmarks/grid.py 50000           so many
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from sqlalchemy import insert

from faceml.config import Settings
from faceml.library import Library
from faceml.services.decisions.bulk import Action
from faceml.services.decisions.undo import undo
from faceml.services.review.grid import FaceGrid
from faceml.storage.grid.face_query import FaceQuery, Place, Quantity, Sort
from faceml.storage.grid.face_tiles import By
from faceml.storage.sql.tables import FaceEmbedding, FaceInstance, ImageAsset, PersonPrototype, PersonRow
from tests.conftest import people_vectors
from tests.fakes import CONTRACT, FakePack, library_with

PERSON_FACES = 250  # a person; half of them named by a person, a quarter by the machine, a quarter in a cluster
NOISE = 0.3
BATCH = 20_000
NAMED = 5_000
START = datetime(2015, 1, 1, tzinfo=UTC)


def main() -> None:
    sizes = [int(argument) for argument in sys.argv[1:]] or [50_000, 500_000]
    for faces in sizes:
        with tempfile.TemporaryDirectory(prefix="faceml-grid-") as folder:
            library = made(Path(folder) / "library", faces)
            print(f"{faces:,} faces")
            for name, took in measured(library):
                print(f"  {name:<52} {took.seconds:8.3f} s, {took.of_processor:8.3f} s of the processor")
            print(f"  memory at its highest {highest_mb():,.0f} MB")
            library.close()


def measured(library: Library) -> Iterator[tuple[str, Took]]:
    resting = library_without_index(library)
    grid = FaceGrid(resting)
    yield "places, the first question", timed(grid.places)
    for query in (FaceQuery(Place.TO_NAME), FaceQuery(Place.UNKNOWN), FaceQuery(Place.PEOPLE)):
        yield f"{query.place}: first page", timed(partial(grid.page, query, limit=300))
    yield "all by quality: first page", timed(lambda: grid.page(FaceQuery(sort=Sort.QUALITY), limit=300))
    total = grid.page(FaceQuery(sort=Sort.QUALITY), limit=1).total
    deep = 4 * total // 5
    yield "all by quality: deep page", timed(lambda: grid.page(FaceQuery(sort=Sort.QUALITY), offset=deep, limit=300))
    yield "all, newest: deep page", timed(lambda: grid.page(FaceQuery(sort=Sort.NEWEST), offset=deep, limit=300))
    yield "groups to name: first page", timed(lambda: grid.groups(FaceQuery(Place.TO_NAME), limit=60))
    yield "people: first page", timed(lambda: grid.groups(FaceQuery(Place.PEOPLE), by=By.PERSON, limit=200))
    yield "histogram of similarity", timed(lambda: grid.histogram(FaceQuery(), Quantity.SIMILARITY))
    yield "timeline", timed(lambda: grid.timeline(FaceQuery()))
    chosen = grid.ids(FaceQuery(Place.UNKNOWN), limit=NAMED)
    yield f"{len(chosen):,} faces named", timed(lambda: grid.decide(Action.NAME, chosen, who="Ada", actor="me"))
    yield "places, after a decision", timed(grid.places)
    yield "first page, after a decision", timed(lambda: grid.page(FaceQuery(sort=Sort.QUALITY), limit=300))
    waiting = FaceQuery(Place.UNCONFIRMED)
    several = grid.ids(waiting, limit=NAMED)
    yield f"{len(several):,} confirmed", timed(lambda: grid.decide(Action.CONFIRM, several, actor="me"))
    yield "that undone", timed(lambda: undo(resting, actor="me"))


def library_without_index(library: Library) -> Library:
    """The index follows later, as in the service."""
    from dataclasses import replace

    return replace(library, index_follower=lambda: None)


@dataclass(frozen=True, slots=True)
class Took:
    seconds: float
    of_processor: float  # the two differ where others use the machine, too


def timed(work: Callable[[], Any]) -> Took:
    started, before = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - started, time.process_time() - before)


def highest_mb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def made(home: Path, faces: int) -> Library:
    """Rows written as they are, without a photo file or a decision."""
    library = library_with(FakePack(), Settings(home=home, model_pack=CONTRACT.name))
    with library.repository.begin() as unit:
        unit.contract.pin(CONTRACT)
    people = max(1, int(faces * (1 - NOISE)) // PERSON_FACES)
    ids = [UUID(int=number + 1) for number in range(people)]
    write(library, PersonRow, ({"id": id_, "name": f"P {n}", "folded_name": f"p {n}"} for n, id_ in enumerate(ids)))
    write(library, ImageAsset, map(photo, range(-(-faces // 3))))
    centres = people_vectors(people, 1, seed=1)
    rng = np.random.default_rng(0)
    for start in range(0, faces, BATCH):
        rows = [face(number, ids, rng) for number in range(start, min(faces, start + BATCH))]
        write(library, FaceInstance, rows)
        owners = np.array([number // PERSON_FACES % people for number in range(start, start + len(rows))])
        vectors = centres[owners] + 0.4 * rng.normal(size=(len(rows), CONTRACT.width)) / np.sqrt(CONTRACT.width)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        blobs = (row.astype("<f4").tobytes() for row in vectors)
        embeddings = [
            {"face_instance_id": row["id"], "pack": CONTRACT.name, "vector": blob}
            for row, blob in zip(rows, blobs, strict=True)
        ]
        write(library, FaceEmbedding, embeddings)
    exemplars = [
        {"person_id": id_, "face_instance_id": face_id, "qdrant_point_id": face_id, "role": "exemplar"}
        for n, id_ in enumerate(ids)
        for face_id in [face_uuid(n * PERSON_FACES)]
    ]
    write(library, PersonPrototype, exemplars)
    return library


def photo(number: int) -> dict[str, Any]:
    taken = START + timedelta(minutes=17 * number)
    path = f"/photos/{number // 1000:04}/IMG_{number:07}.jpg"
    file = {"path": path, "content_hash": f"{number:064x}", "size_bytes": 1, "mtime_ns": 1}
    return {"id": number + 1, **file, "taken_at": taken, "taken_clock": taken, "width": 4000, "height": 3000}


def face_uuid(number: int) -> UUID:
    return UUID(int=(number * 2_654_435_761 % 2**32 << 96) + number)


def face(number: int, people: list[UUID], rng: np.random.Generator) -> dict[str, Any]:
    id_, of_person = face_uuid(number), number // PERSON_FACES
    row = {
        "id": id_,
        "qdrant_point_id": id_,
        "asset_id": number // 3 + 1,
        "bbox_x": number % 3 * 500,
        "bbox_y": 100,
        "bbox_w": 60 + number % 200,
        "bbox_h": 80 + number % 200,
        "landmarks": [[1.0, 2.0]] * 5,
        "detection_confidence": 0.9,
        "quality_score": float(rng.uniform(0.3, 1.0)),
        "cluster_id": None,
        "person_id": None,
        "assigned_by": None,
        "similarity": None,
    }
    if of_person >= len(people):
        return row
    part = number % 4
    if part == 3:
        return {**row, "cluster_id": f"clu_{of_person:06}"}
    machine = {"assigned_by": "prototype", "similarity": float(rng.uniform(0.4, 0.9))}
    return {**row, "person_id": people[of_person], **({"assigned_by": "manual"} if part < 2 else machine)}


def write(library: Library, table: Any, rows: Any) -> None:
    rows = list(rows)
    with library.repository.begin() as unit:
        for start in range(0, len(rows), BATCH):
            unit.grid._session.execute(insert(table), rows[start : start + BATCH])


if __name__ == "__main__":
    main()
