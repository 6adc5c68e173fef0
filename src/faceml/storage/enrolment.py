"""Pictures by which somebody is to be known: which face of the library each shows, and what was said of it before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from faceml.decisions.states import FaceState
from faceml.records import Person
from faceml.storage.sql.repository import UnitOfWork
from faceml.vision.overlap import SAME_FACE_IOU, SAME_PLACE_IOU, pair_boxes
from faceml.vision.quality import Refusal, Seen, look_at

if TYPE_CHECKING:
    from faceml.progress import Progress
    from faceml.vision.model_packs import FacePack


@dataclass(frozen=True, slots=True)
class EnrolledPicture:
    name: str  # of its file
    content_hash: str
    seen: Seen  # what is on it, and why it is refused where it is
    asset_id: int | None = None  # of those that are taken, as below
    face_id: UUID | None = None  # under the person now

    def refuse(self, why: Refusal, reason: str) -> EnrolledPicture:
        return replace(self, seen=replace(self.seen, refused=why, reason=reason), asset_id=None, face_id=None)


def look_at_all(
    pictures: Sequence[tuple[str, bytes]], pack: FacePack, *, face: int | None, on_progress: Progress
) -> list[EnrolledPicture]:
    """See `look_at`; of two that are the same the second is refused."""
    found, hashes = list[EnrolledPicture](), set[str]()
    for name, content in pictures:
        one = EnrolledPicture(name, hashlib.sha256(content).hexdigest(), look_at(content, name, pack, face=face))
        if one.seen.refused is None and one.content_hash in hashes:
            one = one.refuse(Refusal.TWICE, "it is the same picture as another of these")
        hashes.add(one.content_hash)
        found.append(one)
        on_progress(len(found), len(pictures))
    return found


def with_faces(
    unit: UnitOfWork, person: Person | None, pictures: Sequence[EnrolledPicture], *, is_kept: bool = False
) -> list[EnrolledPicture]:
    """Pictures with their faces, of those that the library has; refused where a person decided otherwise about one.

    Args:
        person: under whom the faces are to be; None: somebody new.
        is_kept: all that are not refused are in the library, and were looked at.
    """
    assets = {
        hash_: file.asset_id for hash_, file in unit.assets.with_hashes([p.content_hash for p in pictures]).items()
    }
    faces, blank = unit.faces.by_asset(list(assets.values())), unit.erasure.boxes(list(assets.values()))
    ids = [face.id for here in faces.values() for face in here]
    states, names, rejected = unit.faces.states(ids), unit.people.names(), set(unit.faces.rejections(ids))

    def checked(one: EnrolledPicture) -> EnrolledPicture:
        box, asset_id = one.seen.face, assets.get(one.content_hash)
        gone = one.refuse(Refusal.NO_FACE, "its face is gone meanwhile: hand it in again") if is_kept else one
        if one.seen.refused or box is None:
            return one
        if asset_id is None:
            return gone
        if any(box.iou(other) >= SAME_FACE_IOU for other in blank.get(asset_id, ())):
            return one.refuse(Refusal.ERASED, "its face is of somebody who was erased: hand in another picture")
        there = pair_boxes([box], [face.bbox for face in faces[asset_id]], min_iou=SAME_PLACE_IOU)
        if not there:
            return gone
        face_id = faces[asset_id][there[0]].id
        state, is_ruled_out = states[face_id], person is not None and (face_id, person.id) in rejected
        if objection := _objection(state, person, names, is_ruled_out=is_ruled_out):
            return one.refuse(*objection)
        return replace(one, asset_id=asset_id, face_id=face_id)

    return list(map(checked, pictures))


def _objection(
    state: FaceState, person: Person | None, names: Mapping[UUID, str], *, is_ruled_out: bool
) -> tuple[Refusal, str] | None:
    if person is not None and state.is_decided and state.person_id == person.id:
        return Refusal.ALREADY_THEIRS, "its face is theirs already"
    if said := "it is not theirs" if is_ruled_out else state.said(names):
        return (
            Refusal.DECIDED_OTHERWISE,
            f"a person said of its face: {said}; undo that first (`faceml people history`)",
        )
    return None
