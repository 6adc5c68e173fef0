"""What the library held when a run began, so that runs can be compared."""

from __future__ import annotations

import hashlib
from typing import Any

from faceml.services.stats import count_library
from faceml.wiring import Library


def library_snapshot(library: Library) -> dict[str, Any]:
    """Counts, pack, and hashes: of which face is under whom (two equal ones are the same data), and of its parts.

    `faces_hash` tells which faces there are, `people_hash` also under which people; so a run that groups or names
    the same faces otherwise can be told from one on other faces.
    """
    whole, faces, people = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    with library.repository.read() as unit:
        counts = count_library(unit)
        for face_id, person_id, cluster_id in unit.faces.labels():
            whole.update(f"{face_id} {person_id} {cluster_id}\n".encode())
            faces.update(f"{face_id}\n".encode())
            people.update(f"{face_id} {person_id}\n".encode())
    hashes = {"hash": whole, "faces_hash": faces, "people_hash": people}
    return {**counts, **{name: digest.hexdigest()[:16] for name, digest in hashes.items()}}
