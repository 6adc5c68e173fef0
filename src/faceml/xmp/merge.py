"""Which regions of a file to write, and which to leave: nothing that somebody else wrote is ever changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from faceml.names import folded
from faceml.vision.overlap import SAME_PLACE_IOU, pair_boxes
from faceml.xmp.areas import Area
from faceml.xmp.regions import Mark, Region

SAME_AREA_IOU = 0.9999  # equal but for the digits that are written


@dataclass(frozen=True, slots=True)
class NamedFace:
    """A face that is to stand in the file."""

    face_id: str
    name: str
    area: Area  # of the stored photo
    assigned_by: str

    @property
    def mark(self) -> Mark:
        return Mark(self.face_id, self.name, self.assigned_by)


@dataclass(frozen=True, slots=True)
class RegionChanges:
    """What becomes of a file's regions, and what is added."""

    replaced: tuple[tuple[Region, NamedFace], ...]
    removed: tuple[Region, ...]
    added: tuple[NamedFace, ...]
    unchanged: int
    disputed: tuple[tuple[Region, NamedFace], ...]  # somebody gave this face another name: theirs stays


def region_changes(regions: Sequence[Region], faces: Sequence[NamedFace], *, known: Collection[str]) -> RegionChanges:
    """Bring a file's regions up to these faces.

    Args:
        known: ids of all faces of this photo. A region that faceml wrote for one of them goes when that face has no
            name any more; regions of faces that are not known here stay, another library may have written them.
    """
    partner = _pair(regions, faces)
    replaced, disputed, there = [], [], 0
    for number, region_number in partner.items():
        face, region = faces[number], regions[region_number]
        if region.is_ours and not _says(region, face):
            replaced.append((region, face))
        elif region.is_ours or folded(region.name) == folded(face.name):
            there += 1
        else:
            disputed.append((region, face))
    removed = [
        region
        for number, region in enumerate(regions)
        if region.is_ours and region.mark and region.mark.face_id in known and number not in partner.values()
    ]
    added = [face for number, face in enumerate(faces) if number not in partner]
    return RegionChanges(tuple(replaced), tuple(removed), tuple(added), there, tuple(disputed))


def _says(region: Region, face: NamedFace) -> bool:
    is_same_place = region.area is not None and region.area.iou(face.area) > SAME_AREA_IOU
    return region.name == face.name and region.mark == face.mark and is_same_place


def _pair(regions: Sequence[Region], faces: Sequence[NamedFace]) -> dict[int, int]:
    """Region by face, both as numbers: by the id that faceml left, then by overlap."""
    by_id = {region.mark.face_id: row for row, region in enumerate(regions) if region.is_ours and region.mark}
    partner = {number: by_id[face.face_id] for number, face in enumerate(faces) if face.face_id in by_id}
    rest = [number for number in range(len(faces)) if number not in partner]
    free = [row for row, region in enumerate(regions) if region.is_face and region.name and row not in partner.values()]
    places = [area for row in free if (area := regions[row].area)]
    pairs = pair_boxes([faces[number].area for number in rest], places, min_iou=SAME_PLACE_IOU)
    return partner | {rest[number]: free[place] for number, place in pairs.items()}
