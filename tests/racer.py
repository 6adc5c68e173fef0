"""One of several processes that do all there is to do to one library at once: `python -m tests.racer URL HOME …`.

Says every event that it was answered with, one a line, and ends with 1 and a traceback at an error that nobody expects
of two who work on one library.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import numpy as np

from faceml.config import Settings
from faceml.errors import Conflict, LibraryBusy, NotEnoughData, NotFound, WrongUse
from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions, DualOptions
from faceml.records import Dismissal
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.cluster.dual import cluster_dual
from faceml.services.decisions.label import assign_faces_to, dismiss_faces, label_cluster, reject_person, unassign_faces
from faceml.services.decisions.people import compute_centroids, merge_people
from faceml.services.decisions.private import erase_person
from faceml.services.decisions.split import split_cluster
from faceml.services.decisions.undo import history, undo
from faceml.services.operate.status import library_snapshot, read_stats
from faceml.services.photos.ingest import ingest_folder
from faceml.services.recognise.assign import assign_faces
from faceml.services.review.browse import list_clusters, list_people, show_cluster, show_person
from faceml.services.review.review import Topic, ask
from tests.conftest import add_faces, people_vectors
from tests.fakes import FakePack, library_with

PEOPLE = 8
T = TypeVar("T")
EXPECTED = (Conflict, LibraryBusy, NotEnoughData, NotFound, WrongUse)  # somebody was quicker; nothing was changed


class Racer:
    def __init__(self, library: Library, photos: Path, seed: int) -> None:
        self.library, self.photos = library, photos
        self.random, self.seed = random.Random(seed), seed
        self.vectors, self.rounds = people_vectors(PEOPLE, 40, seed=5), 0

    def run(self, acts: Sequence[Callable[[Racer], object]], until_s: float) -> None:
        while time.monotonic() < until_s:
            self.rounds += 1
            try:
                report = self.random.choice(acts)(self)
            except EXPECTED:
                continue
            if event_id := getattr(report, "event_id", None):
                print(event_id, flush=True)

    def name(self) -> str:
        return f"Person {self.random.randrange(PEOPLE)}"

    def person(self) -> UUID:
        return self.pick([person.id for person in list_people(self.library.repository, page_size=100).items])

    def cluster(self) -> str:
        items = list_clusters(self.library.repository, page_size=100, include_labeled=True).items
        return self.pick([item.cluster_id for item in items])

    def faces(self) -> list[UUID]:
        with self.library.repository.read() as unit:
            ids = [face_id for face_id, _, _ in unit.faces.labels()]
        return self.random.sample(ids, min(3, len(ids)))

    def pick(self, items: Sequence[T]) -> T:
        if not items:
            raise NotFound("there is nothing to pick from yet")
        return self.random.choice(items)

    def take_in(self) -> None:
        """What somebody else may take in at the same moment, and photos with faces of known people."""
        (self.photos / f"{self.rounds % 50}.jpg").write_bytes(str(self.random.randrange(200)).encode())
        ingest_folder(self.library.repository, self.photos)
        with self.library.repository.read() as unit:
            is_full = unit.faces.count() > 400
        if not is_full:
            rows = self.random.sample(range(len(self.vectors)), 2)
            noise = np.random.default_rng(self.rounds).normal(scale=0.01, size=(2, self.vectors.shape[1]))
            add_faces(self.library, self.vectors[rows] + noise, prefix=f"{self.seed}-{self.rounds}-")

    def look(self) -> None:
        show_cluster(self.library.repository, self.cluster())
        show_person(self.library.repository, self.person())
        history(self.library.repository, limit=50)
        library_snapshot(self.library.repository)
        read_stats(self.library)
        ask(self.library, self.random.choice(list(Topic)), limit=3)


INGESTING = (Racer.take_in, Racer.take_in, Racer.look)
DECIDING: tuple[Callable[[Racer], object], ...] = (
    lambda r: label_cluster(r.library, r.cluster(), r.name(), actor="racer"),
    lambda r: label_cluster(r.library, r.cluster(), r.name(), actor="racer"),
    lambda r: assign_faces_to(r.library, r.faces(), r.name(), actor="racer"),
    lambda r: unassign_faces(r.library, r.faces(), actor="racer"),
    lambda r: reject_person(r.library, r.faces(), r.person(), actor="racer"),
    lambda r: dismiss_faces(r.library, r.faces(), Dismissal.STRANGER, actor="racer"),
    lambda r: merge_people(r.library, r.person(), r.person(), actor="racer"),
    lambda r: split_cluster(r.library, r.cluster(), min_cluster_size=2, actor="racer"),
    lambda r: undo(r.library, r.random.choice([None, r.random.randrange(1, 200)]), actor="racer"),
    Racer.look,
)
RUNNING: tuple[Callable[[Racer], object], ...] = (
    lambda r: cluster_faces(r.library, ClusterOptions(min_cluster_size=r.random.choice([3, 5]))),
    lambda r: cluster_dual(r.library, DualOptions(person_threshold=0.5, unknown_min_cluster_size=3)),
    lambda r: assign_faces(r.library, AssignOptions(threshold=0.5)),
    lambda r: compute_centroids(r.library),
)
ERASING = (*DECIDING, lambda r: erase_person(r.library, r.person(), is_confirmed=True, actor="racer"))
PARTS = (*[INGESTING] * 4, DECIDING, ERASING, RUNNING, RUNNING)  # by number of the racer


def main(home: str, database_url: str, photos: str, number: int, seconds: float) -> None:
    library = library_with(FakePack(), Settings(home=Path(home), database_url=database_url, model_pack="opencv-zoo"))
    print("ready", flush=True)
    sys.stdin.readline()  # all begin at once
    Racer(library, Path(photos), number).run(PARTS[number], time.monotonic() + seconds)
    library.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
