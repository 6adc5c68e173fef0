"""Put new faces under the people they match (specification, chapter Person Recognition)."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from uuid import UUID

import numpy as np

from faceml.decisions.states import FaceState
from faceml.identity.assignment import NOBODY, Matches
from faceml.library import Library
from faceml.options import AssignOptions
from faceml.progress import Progress, silent, told
from faceml.services.index.drain import drain_outbox
from faceml.services.recognise.gallery import assigned_state, note_of_changed, open_way
from faceml.storage.sql.repository import UnitOfWork

WEBHOOK_TIMEOUT_S = 5.0
MOST_TOLD = 1_000  # faces of one run
NAMES = "names"  # of FACEML_WEBHOOK_SENDS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AssignReport:
    processed: int
    assigned: int
    unassigned: int
    people_matched: int
    threshold: float  # a cosine, or a score of a matcher
    seconds: float
    index_backlog: int
    status: str  # "completed", or "no_prototypes" where nobody is labelled yet
    model_version: str  # what compared them: "raw", "face-projection/3" or "face-matcher/3"
    notes: tuple[str, ...]


@told
def assign_faces(
    library: Library, options: AssignOptions = AssignOptions(), *, on_progress: Progress = silent
) -> AssignReport:
    """Match faces without person and cluster to people; below `threshold` they stay unknown.

    Never proposes a person whom someone ruled out for that face, and touches no face that a person decided about, while
    this runs neither; a note says how many changed meanwhile. The
    oldest take part where there are more than `max_faces`. A matcher finds each person once a photo, whom a person
    labelled there first; who else looks like them stays unknown.

    Args:
        on_progress: of faces assigned that the index follows.
    Raises:
        NotEnoughData: "auto" without enough labels.
        NotFound, ModelMismatch, Unavailable: of the model or matcher.
    """
    started = time.monotonic()
    way = open_way(library, options.model, options.matcher)
    threshold = way.threshold(options.threshold)
    with library.repository.read() as unit:
        faces = unit.vectors.unassigned(since=options.found_since, limit=options.max_faces)
        seen = unit.faces.states(faces.face_ids)
        known = way.read(unit, faces.face_ids)
    matches = known.match(faces.vectors, threshold.value)
    with library.repository.begin() as unit:
        stored = store_matches(
            unit, faces.face_ids, matches, known.people, seen=seen, model_version=way.name, threshold=threshold.value
        )
    tell_recognised(library, stored.people, model_version=way.name)
    backlog = drain_outbox(library, on_progress=on_progress).backlog
    return AssignReport(
        processed=len(faces.face_ids),
        assigned=len(stored.people),
        unassigned=len(faces.face_ids) - len(stored.people),
        people_matched=len(set(stored.people.values())),
        threshold=threshold.value,
        seconds=time.monotonic() - started,
        index_backlog=backlog,
        status="completed" if known.people else "no_prototypes",
        model_version=way.name,
        notes=(*threshold.notes, *note_of_changed(stored.changed)),
    )


@dataclass(frozen=True, slots=True)
class Stored:
    people: Mapping[UUID, UUID]  # whom each face that was assigned is under now
    changed: int  # faces left alone, because they, or whom they match, changed since they were read


def store_matches(
    unit: UnitOfWork,
    face_ids: Sequence[UUID],
    matches: Matches,
    people: Sequence[UUID],
    *,
    seen: Mapping[UUID, FaceState],
    model_version: str,
    threshold: float,
) -> Stored:
    """Write matches for faces that are still as they were `seen`, and free."""
    unchanged = unit.faces.unchanged(seen)
    states = {
        id_: assigned_state(
            people, matches, row, cluster_id=seen[id_].cluster_id, model_version=model_version, threshold=threshold
        )
        for row in np.flatnonzero(matches.person_rows != NOBODY).tolist()
        if (id_ := face_ids[row]) in unchanged
    }
    written = unit.faces.set_states(list(states.items()), seen)
    unit.outbox.push(sorted(written))
    assigned = {id_: person_id for id_ in written if (person_id := states[id_].person_id) is not None}
    return Stored(assigned, len(seen) - len(unchanged) + len(states) - len(written))


def tell_recognised(library: Library, people: Mapping[UUID, UUID], *, model_version: str) -> None:
    """POST whom a run recognised to the owner's address, where one is set: ids, and names if they are asked for.

    Nobody waits for the answer, and a webhook that does not take it is logged and fails nothing.

    Args:
        people: by face.
    """
    if not library.settings.webhook_url or not people:
        return
    names = {}
    if library.settings.webhook_sends == NAMES:
        with library.repository.read() as unit:
            names = unit.people.names(sorted(set(people.values())))
    faces = [
        {"faceId": str(id_), "personId": str(who), **({"personName": names[who]} if who in names else {})}
        for id_, who in sorted(people.items())[:MOST_TOLD]
    ]
    body = {"event": "recognised", "modelVersion": model_version, "count": len(people), "faces": faces}
    Thread(target=_post, args=(library.settings.webhook_url, json.dumps(body).encode()), name="webhook").start()


def _post(url: str, body: bytes) -> None:
    try:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("its address is no http address: write it as https://host/path")
        request = Request(url, data=body, headers={"Content-Type": "application/json"}, method="POST")
        urlopen(request, timeout=WEBHOOK_TIMEOUT_S).close()
    except Exception as error:  # whatever happens there is no business of recognition
        reason = getattr(error, "reason", None) or error
        log.warning("the webhook did not take who was recognised: %s", reason)
