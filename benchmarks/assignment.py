"""What assignment costs beside what it cannot do without, and beside one vector query a face.

    python benchmarks/assignment.py --faces 50000 --prototypes 1000

All run on the same vectors in one process, in turns, so that a busy machine slows all alike. The claims:
- matching takes at most 2 times the bare matrix product;
- matching and storing take at most 2 times the bare product and a bare SQL write of the same rows: a plain UPDATE that
  checks nothing, and the outbox rows that go with it;
- matching is at least 100 times faster than a Qdrant query a face among the prototypes, which lie in the index with
  all faces and the specification's payload, as in a library: of the client's own engine (`QdrantClient(":memory:")`),
  and of Qdrant Edge, which faceml uses. A query asks for one point more than a person has prototypes: so many tell the
  best and the second-best person, as matching does. The queries are timed on a sample; the time of all faces is
  computed from it.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
from fixtures.made_library import add_faces, new_library
from numpy.typing import NDArray
from qdrant_client import QdrantClient
from sqlalchemy import bindparam, delete, update

from faceml.decisions.states import FREE
from faceml.identity.assignment import Matches, match_people
from faceml.records import AssignedBy
from faceml.services.recognise.assign import store_matches
from faceml.storage.index.edge_index import open_edge
from faceml.storage.index.server_index import ServerIndex
from faceml.storage.index.vector_index import Payload, VectorIndex
from faceml.storage.sql.repository import UnitOfWork
from faceml.storage.sql.tables import FaceInstance, OutboxRow

CLAIMED_RATIO, CLAIMED_SPEEDUP = 2.0, 100.0
MIN_SIMILARITY = 0.4
Vectors = NDArray[np.float32]


def main() -> int:
    args = arguments()
    rng = np.random.default_rng(0)
    prototypes = unit_rows(rng, args.prototypes, args.width)
    people = rng.permutation(np.arange(args.prototypes) // args.per_person)
    probes = near(rng, prototypes[rng.integers(args.prototypes, size=args.faces)])
    rejected = np.column_stack((rng.integers(args.faces, size=args.rejected), rng.choice(people, args.rejected)))
    scores = np.empty((args.faces, args.prototypes), np.float32)

    def product() -> None:
        np.matmul(probes, prototypes.T, out=scores)

    def match() -> Matches:
        return match_people(probes, prototypes, people, min_similarity=MIN_SIMILARITY, rejected=rejected)

    product()
    print(f"{args.faces:,} faces x {args.prototypes:,} prototypes x {args.width}, {args.repeats} alternating repeats")
    ratio = compared("product", product, "match_people", match, args.repeats)
    with tempfile.TemporaryDirectory() as home:
        whole = stored(Path(home), probes, product, match, len(np.unique(people)), max(2, args.repeats // 2))
        speedups = queried(Path(home), probes, prototypes, people, match, args)
    print(f"  peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    claims = {
        f"matching at most {CLAIMED_RATIO:g} times the product": ratio <= CLAIMED_RATIO,
        f"storing too at most {CLAIMED_RATIO:g} times product and write": whole <= CLAIMED_RATIO,
        **{
            f"at least {CLAIMED_SPEEDUP:g} times faster than a query a face of {name}": speedup >= CLAIMED_SPEEDUP
            for name, speedup in speedups.items()
        },
    }
    for claim, holds in claims.items():
        print(f"claim: {claim}: {'holds' if holds else 'DOES NOT HOLD'}")
    return 0 if all(claims.values()) else 1


def stored(
    home: Path, probes: Vectors, product: Callable[[], None], match: Callable[[], Matches], people: int, repeats: int
) -> float:
    """The service's own steps, from vectors to a committed transaction, beside a product and a plain write."""
    library = new_library(home / "library", probes.shape[1])
    ids = add_faces(library, probes)
    with library.repository.begin() as unit:
        names = [unit.people.add(f"Person {number}").id for number in range(people)]
    matches = match()

    def bare() -> None:
        product()
        with library.repository.begin() as unit:
            plain_write(unit, ids, matches, names)

    def ours() -> None:
        found = match()
        with library.repository.begin() as unit:
            store_matches(
                unit, ids, found, names, seen=dict.fromkeys(ids, FREE), model_version="raw", threshold=MIN_SIMILARITY
            )

    def set_free() -> None:
        with library.repository.begin() as unit:
            unit._session.execute(update(FaceInstance).values(asdict(FREE)))
            unit._session.execute(delete(OutboxRow))

    ratio = compared("product + write", bare, "match + store", ours, repeats, before=set_free)
    library.close()
    return ratio


def plain_write(unit: UnitOfWork, ids: Sequence[UUID], matches: Matches, people: Sequence[UUID]) -> None:
    table = FaceInstance.__table__
    columns = ("person_id", "assigned_by", "similarity", "runner_up_id", "runner_up_similarity", "model_version")
    statement = update(table).where(FaceInstance.id == bindparam("face"))  # type: ignore[arg-type]
    rows = [
        {
            "face": ids[row],
            "person_id": people[int(matches.person_rows[row])],
            "assigned_by": AssignedBy.PROTOTYPE,
            "similarity": float(matches.similarities[row]),
            "runner_up_id": people[int(matches.runner_up_rows[row])],
            "runner_up_similarity": float(matches.runner_up_similarities[row]),
            "model_version": "raw",
            "threshold": MIN_SIMILARITY,
        }
        for row in np.flatnonzero(matches.person_rows >= 0).tolist()
    ]
    unit._session.connection().execute(
        statement.values({name: bindparam(name) for name in (*columns, "threshold")}), rows
    )
    unit.outbox.push([row["face"] for row in rows])


def queried(
    home: Path,
    probes: Vectors,
    prototypes: Vectors,
    people: NDArray[np.intp],
    match: Callable[[], Matches],
    args: argparse.Namespace,
) -> dict[str, float]:
    rows = np.concatenate([probes, prototypes])
    person_ids = [str(uuid4()) for _ in range(int(people.max()) + 1)]
    payloads = [payload(is_prototype=False) for _ in probes]
    payloads += [payload(is_prototype=True, person_id=person_ids[number]) for number in people]
    a_face = min(seconds(match) for _ in range(5)) / len(probes)
    print(f"  match_people: {a_face * 1e6:.1f} us a face", flush=True)
    speedups = {}
    client = ServerIndex(QdrantClient(":memory:"))
    for name, count, opened in (
        ("Edge", args.queries, open_edge(home / "index")),
        ("the client", args.queries // 10, closing(client)),
    ):
        with opened as index:
            index.ensure_collection(rows.shape[1])
            index.upsert([uuid4() for _ in rows], rows, payloads)
            a_query = asked(index, probes[:count], args.per_person + 1)
        speedups[name] = a_query / a_face
        all_faces = f"{a_query * len(probes):,.0f} s for {len(probes):,} faces (computed)"
        print(f"  a query a face of {name}: {a_query * 1e3:.2f} ms over {count} queries, {all_faces}: matching is "
              f"{speedups[name]:,.0f} times faster", flush=True)  # fmt: skip
    return speedups


def asked(index: VectorIndex, probes: Vectors, limit: int) -> float:
    """Seconds a query."""
    started = time.perf_counter()
    for probe in probes:
        index.search(probe[None], limit=limit, match={"is_prototype": True})
    return (time.perf_counter() - started) / len(probes)


def payload(**known: bool | str) -> Payload:
    """As a face's point carries it (specification, chapter Vector Storage)."""
    return {
        "asset_id": "123",
        "face_instance_id": str(uuid4()),
        "detection_confidence": 0.95,
        "quality_score": 0.82,
        "bbox": {"x": 100, "y": 150, "w": 80, "h": 80},
        "taken_at": "2025-12-23T10:30:00+00:00",
        **known,
    }


def compared(
    name: str,
    bare: Callable[[], object],
    our_name: str,
    ours: Callable[[], object],
    repeats: int,
    *,
    before: Callable[[], None] = lambda: None,
) -> float:
    pairs = []
    for work in (bare, ours):  # first touches
        before()
        work()
    for _ in range(repeats):
        pair = []
        for work in (bare, ours):
            before()
            pair.append(seconds(work))
        pairs.append(pair)
    one, other = np.array(pairs).T
    ratio = float(np.median(other / one))
    print(f"  {name:<18} median {np.median(one):7.3f} s  best {one.min():7.3f} s")
    print(f"  {our_name:<18} median {np.median(other):7.3f} s  best {other.min():7.3f} s  "
          f"ratio: median {ratio:.2f}, best against best {other.min() / one.min():.2f}", flush=True)  # fmt: skip
    return ratio


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def unit_rows(rng: np.random.Generator, count: int, width: int) -> Vectors:
    rows = rng.standard_normal((count, width), dtype=np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def near(rng: np.random.Generator, rows: Vectors) -> Vectors:
    noisy = rows + 0.9 * unit_rows(rng, *rows.shape)
    return np.asarray(noisy / np.linalg.norm(noisy, axis=1, keepdims=True), np.float32)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=50_000)
    parser.add_argument("--prototypes", type=int, default=1_000)
    parser.add_argument("--per-person", type=int, default=4, help="prototypes a person: a centroid and three exemplars")
    parser.add_argument("--rejected", type=int, default=1_000, help="pairs (face, person) ruled out by a person")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--queries", type=int, default=300, help="faces that are asked about one by one")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
