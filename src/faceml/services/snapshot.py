"""What the library held when a run was made, so that runs can be compared."""

from __future__ import annotations

import hashlib
from typing import Any

from faceml.services.stats import count_library
from faceml.wiring import Library


def library_snapshot(library: Library) -> dict[str, Any]:
    """Counts, pack, and a hash over which face is under whom: two equal hashes are the same data."""
    digest = hashlib.sha256()
    with library.repository.read() as unit:
        counts = count_library(unit)
        for face_id, person_id, cluster_id in unit.faces.labels():
            digest.update(f"{face_id} {person_id} {cluster_id}\n".encode())
    return {**counts, "hash": digest.hexdigest()[:16]}
