"""Libraries of any size without detection: vectors of made-up people, and real photo files that show something."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from faceml.config import Settings
from faceml.library import Library
from faceml.records import BBox, FoundFace
from faceml.services.decisions.label import label_cluster
from faceml.services.exchange.import_labels import import_labels
from faceml.services.index.drain import drain_outbox
from faceml.services.review.browse import show_cluster
from faceml.storage.sql.asset_rows import LookedAt, PhotoFile
from tests.conftest import copy_library, people_vectors
from tests.fakes import CONTRACT, FakePack, library_with

PHOTO_PX = (800, 600)
FACE_PX = 150
FACES_A_PHOTO = 4
DISTINCT_PHOTOS = 24  # files; the others are further names of them


def synthetic_library(home: Path, *, people: int, faces: int, known: int = 0, spread: float = 0.35) -> Library:
    """`people` in one cluster each, `faces` each; the first `known` of them as people, with half of their faces.

    The n-th person's cluster is `clu_{n:05}`; of four people or more, no two faces of one are on one photo.
    """
    library = library_with(FakePack(), Settings(home=home, model_pack=CONTRACT.name))
    owners = np.repeat(np.arange(people), faces)
    vectors = people_vectors(people, faces, spread=spread)
    places = np.argsort(np.arange(people * faces) % faces, kind="stable")  # photos go across people
    assets = _photos(library, home.parent / f"{home.name}-photos", -(-people * faces // FACES_A_PHOTO))
    rows = [
        (assets[place // FACES_A_PHOTO], _face(vectors[row], place % FACES_A_PHOTO, row))
        for place, row in enumerate(places)
    ]
    with library.repository.begin() as unit:
        unit.contract.pin(CONTRACT)
        ids = unit.faces.add(rows, pack=CONTRACT.name)
        unit.outbox.push(ids)
        unit.faces.set_clusters([(id_, f"clu_{owners[row]:05}") for id_, row in zip(ids, places, strict=True)])
    _name(replace(library, index_follower=lambda: None), known, faces)
    drain_outbox(library)
    return library


def copy_of(made: Path, home: Path) -> Library:
    """The library of a folder, copied to be changed; its photos stay where they are, to be read only."""
    copy_library(made, home)
    return library_with(FakePack(), Settings(home=home, model_pack=CONTRACT.name))


def _photos(library: Library, folder: Path, count: int) -> list[int]:
    folder.mkdir(parents=True)
    files = []
    for number in range(count):
        path = folder / f"IMG_{number:06}.jpg"
        if number < DISTINCT_PHOTOS:
            path.write_bytes(_drawn(number))
        else:
            os.link(folder / f"IMG_{number % DISTINCT_PHOTOS:06}.jpg", path)
        stat = path.stat()
        made_up = uuid.uuid5(uuid.NAMESPACE_URL, path.name).hex * 2  # one content each, for all the links
        files.append(PhotoFile(path, made_up, stat.st_size, stat.st_mtime_ns, None))
    with library.repository.begin() as unit:
        unit.assets.add(files)
        known = unit.assets.at_paths([file.path for file in files])
        assets = [known[file.path].asset_id for file in files]
        looked_at = [LookedAt(asset_id, *PHOTO_PX, None) for asset_id in assets]
        unit.assets.record_detection(looked_at, min_confidence=0.5, min_face_size=20)
    return assets


@cache
def _drawn(number: int) -> bytes:
    """A JPEG file: a blurred picture with four round somethings where the faces are."""
    rng = np.random.default_rng(number)
    width, height = PHOTO_PX
    coarse = Image.fromarray(rng.integers(60, 120, (12, 16, 3)).astype(np.uint8))
    pixels = np.array(coarse.resize((width, height), Image.Resampling.BICUBIC)) + rng.integers(
        0, 6, (height, width, 3)
    ).astype(np.uint8)
    y, x = np.mgrid[:height, :width]
    for place in range(FACES_A_PHOTO):
        box = _box(place)
        inside = ((x - box.x - box.w / 2) / (box.w / 2)) ** 2 + ((y - box.y - box.h / 2) / (box.h / 2)) ** 2 < 1
        pixels[inside] = rng.integers(120, 250, 3)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def _box(place: int) -> BBox:
    return BBox(100 + 400 * (place % 2), 70 + 300 * (place // 2), FACE_PX, FACE_PX)


def _face(vector: np.ndarray[tuple[int], np.dtype[np.float32]], place: int, row: int) -> FoundFace:
    box = _box(place)
    kps = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32) * FACE_PX
    return FoundFace(box, kps + np.array([box.x, box.y], np.float32), 0.95, 0.6 + 0.39 * (row % 97) / 97, vector)


def _name(library: Library, known: int, faces: int) -> None:
    for person in range(known):
        cluster = show_cluster(library.repository, f"clu_{person:05}")
        half = [face.id for face in cluster.faces[: faces // 2]]
        label_cluster(library, cluster.cluster_id, f"Person {person:05}", face_ids=half, actor="synthetic")


def labelled_library(home: Path) -> None:
    """Forty made-up people whom a table names: enough for a search, which judges the best on people no trial saw."""
    library = synthetic_library(home, people=40, faces=6, spread=1.2)
    with library.repository.read() as unit:
        rows = [f"{face_id},Person {cluster_id}" for face_id, _, cluster_id in unit.faces.labels()]
    (home / "labels.csv").write_text("\n".join(["face_id,person_name", *rows]))
    import_labels(replace(library, index_follower=lambda: None), home / "labels.csv", actor="ada")
    library.close()
