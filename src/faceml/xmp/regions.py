"""What an XMP packet says about faces: MWG regions, and those of Microsoft's that say something else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from faceml.vision.overlap import SAME_FACE_IOU
from faceml.xmp.areas import Area, Size
from faceml.xmp.elements import Element, parse

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MWG_RS = "http://www.metadataworkinggroup.com/schemas/regions/"
ST_AREA = "http://ns.adobe.com/xmp/sType/Area#"
ST_DIM = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
FACEML = "urn:faceml:regions/1.0/"  # which regions are ours, see `Mark`
_MPREG = "http://ns.microsoft.com/photo/1.2/t/Region#"

REGIONS, REGION_LIST = f"{MWG_RS} Regions", f"{MWG_RS} RegionList"
_LISTS = {f"{RDF} Bag", f"{RDF} Seq", f"{RDF} Alt"}
_OURS = {f"{MWG_RS} {name}" for name in ("Name", "Type", "Area")} | {
    f"{FACEML} {name}" for name in ("FaceId", "WrittenName", "AssignedBy")
}


@dataclass(frozen=True, slots=True)
class Mark:
    """What faceml leaves on a region it writes: whose it is, and what it said, to tell a later edit by others."""

    face_id: str
    written_name: str
    assigned_by: str  # manual or prototype: a guess is not read back as a person's word


@dataclass(frozen=True, slots=True)
class Region:
    name: str  # empty where nobody is named
    kind: str  # Face, Pet, Focus, BarCode; empty where it does not say
    area: Area | None  # None where it has none that can be read
    mark: Mark | None
    start: int  # its bytes in the packet
    end: int
    has_more: bool  # than faceml writes

    @property
    def is_face(self) -> bool:
        """A region over the whole photo, as phones write, is not a face; digiKam reads it so too."""
        return self.kind in ("Face", "") and self.area is not None and self.area != Area(0.5, 0.5, 1.0, 1.0)

    @property
    def is_ours(self) -> bool:
        """Written by faceml and not touched by anybody since."""
        return self.mark is not None and self.mark.written_name == self.name and not self.has_more


@dataclass(frozen=True, slots=True)
class Regions:
    applied_to: Size | None  # the photo's size when they were drawn
    regions: tuple[Region, ...]


def read_regions(packet: bytes) -> Regions:
    """All regions of a packet, in order.

    Raises:
        NotXmp: it cannot be read.
    """
    root = parse(packet)
    mwg = root.first(REGIONS)
    body = struct_body(mwg) if mwg else None
    applied = body.child(f"{MWG_RS} AppliedToDimensions") if body else None
    bag = list_of(body) if body else None
    regions = [_region(item) for item in bag.children if item.name == f"{RDF} li"] if bag else []
    areas = [region.area for region in regions if region.area is not None]
    regions += [  # digiKam writes each face in both schemas
        region
        for region in _microsoft(root)
        if region.area is not None and all(region.area.iou(area) < SAME_FACE_IOU for area in areas)
    ]
    return Regions(_size(applied) if applied else None, tuple(regions))


def struct_body(element: Element) -> Element:
    """The element that holds a structure's fields: itself, or the rdf:Description inside."""
    return element.child(f"{RDF} Description") or element


def list_of(body: Element) -> Element | None:
    """The rdf:Bag (or Seq) of a RegionList."""
    listed = body.child(REGION_LIST)
    return next((child for child in listed.children if child.name in _LISTS), None) if listed else None


def _region(item: Element) -> Region:
    body = struct_body(item)
    area = body.child(f"{MWG_RS} Area")
    return Region(
        name=_value(body, MWG_RS, "Name"),
        kind=_value(body, MWG_RS, "Type"),
        area=_area(area) if area else None,
        mark=_mark(body),
        start=item.start,
        end=item.end,
        has_more=bool(_fields(body) - _OURS),
    )


def _fields(body: Element) -> set[str]:
    named = {*body.attributes, *(child.name for child in body.children)}
    return {name for name in named if not name.startswith(f"{RDF} ")}


def _mark(body: Element) -> Mark | None:
    face_id = _value(body, FACEML, "FaceId")
    if not face_id:
        return None
    return Mark(face_id, _value(body, FACEML, "WrittenName"), _value(body, FACEML, "AssignedBy"))


def _value(body: Element, namespace: str, name: str) -> str:
    """A field as an attribute or as an element; empty where there is none."""
    key = f"{namespace} {name}"
    child = body.child(key)
    return body.attributes.get(key, child.text if child else "").strip()


def _numbers(body: Element, namespace: str, *names: str) -> list[float] | None:
    try:
        numbers = [float(_value(body, namespace, name)) for name in names]
    except ValueError:
        return None
    return numbers if all(math.isfinite(number) for number in numbers) else None


def _area(element: Element) -> Area | None:
    body = struct_body(element)
    numbers = _numbers(body, ST_AREA, "x", "y", "w", "h")
    is_share = _value(body, ST_AREA, "unit") in ("normalized", "")
    return Area(*numbers) if numbers and is_share and min(numbers[2:]) > 0 else None


def _size(element: Element) -> Size | None:
    numbers = _numbers(struct_body(element), ST_DIM, "w", "h")
    return Size(*numbers) if numbers and min(numbers) > 0 else None


def _microsoft(root: Element) -> Iterator[Region]:
    """Windows Photo Gallery's: "x, y, w, h" of the corner, as shares."""
    for item in root.walk():
        body = struct_body(item) if item.name == f"{RDF} li" else None
        rectangle = _value(body, _MPREG, "Rectangle") if body else ""
        name = _value(body, _MPREG, "PersonDisplayName") if body else ""
        try:
            x, y, w, h = (float(part) for part in rectangle.split(","))
        except ValueError:
            continue
        yield Region(name, "Face", Area(x + w / 2, y + h / 2, w, h), None, item.start, item.end, has_more=True)
