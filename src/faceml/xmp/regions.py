"""What an XMP packet says about faces: MWG regions, and those in other schemas that say something else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from faceml.vision.overlap import SAME_FACE_IOU
from faceml.xmp.areas import Area, Size
from faceml.xmp.elements import Element, parse, repaired

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
MWG_RS = "http://www.metadataworkinggroup.com/schemas/regions/"
ST_AREA = "http://ns.adobe.com/xmp/sType/Area#"
ST_DIM = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
FACEML = "urn:faceml:regions/1.0/"  # which regions are ours, see `Mark`
_MPREG = "http://ns.microsoft.com/photo/1.2/t/Region#"
_ACDSEE, _ACDSEE_AREA = "http://ns.acdsee.com/regions/", "http://ns.acdsee.com/sType/Area#"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
MOST = 1e6  # pixels
MOST_SHARES = 10  # an area this far outside of its photo is a mistake

REGION_LIST = f"{MWG_RS} RegionList"
_ITEM = f"{RDF} li"
_LISTS = {f"{RDF} Bag", f"{RDF} Seq", f"{RDF} Alt"}
_OURS = {f"{MWG_RS} {name}" for name in ("Name", "Type", "Area")} | {
    f"{FACEML} {name}" for name in ("FaceId", "WrittenName", "AssignedBy")
}


Foreign = tuple[str, str, Area | None]  # name, kind, area; no name: no region of this schema


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
        return self.says_face and self.area is not None and self.area != Area(0.5, 0.5, 1.0, 1.0)

    @property
    def says_face(self) -> bool:
        return self.kind.casefold() in ("face", "")

    @property
    def is_ours(self) -> bool:
        """Written by faceml and not touched by anybody since."""
        return self.mark is not None and self.mark.written_name == self.name and not self.has_more


@dataclass(frozen=True, slots=True)
class Regions:
    applied_to: Size | None  # the photo's size when they were drawn
    regions: tuple[Region, ...]

    @property
    def lost(self) -> tuple[str, ...]:
        """Names of faces whose area cannot be read."""
        return tuple(region.name for region in self.regions if region.says_face and region.name and not region.area)


def read_regions(packet: bytes) -> Regions:
    """All regions of a packet, in order.

    Raises:
        NotXmp: it cannot be read.
    """
    root = parse(repaired(packet))
    mwg = mwg_regions(root)
    body = struct_body(mwg) if mwg else None
    applied = body.child(f"{MWG_RS} AppliedToDimensions") if body else None
    size = _size(applied) if applied else None
    bag = list_of(body) if body else None
    regions = [_region(item, size) for item in bag.children if item.name == _ITEM] if bag else []
    areas = [region.area for region in regions if region.area is not None]
    regions += [  # digiKam and others write each face in several schemas
        region
        for region in _of_others(root)
        if region.area is None or all(region.area.iou(area) < SAME_FACE_IOU for area in areas)
    ]
    return Regions(size, tuple(regions))


def mwg_regions(root: Element) -> Element | None:
    """The mwg-rs:Regions that lists some; there are programs that leave an empty one before it."""
    found = [element for element in root.walk() if element.name == f"{MWG_RS} Regions"]
    full = (element for element in found if (bag := list_of(struct_body(element))) and bag.children)
    return next(full, found[0] if found else None)


def struct_body(element: Element) -> Element:
    """The element that holds a structure's fields: itself, or the rdf:Description inside."""
    return element.child(f"{RDF} Description") or element


def list_of(body: Element) -> Element | None:
    """The rdf:Bag (or Seq) of a RegionList."""
    listed = body.child(REGION_LIST)
    return next((child for child in listed.children if child.name in _LISTS), None) if listed else None


def _region(item: Element, photo: Size | None) -> Region:
    body = struct_body(item)
    area = body.child(f"{MWG_RS} Area")
    return Region(
        name=_value(body, MWG_RS, "Name"),
        kind=_value(body, MWG_RS, "Type"),
        area=_area(area, ST_AREA, photo) if area else None,
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


def _numbers(texts: Iterable[str]) -> list[float] | None:
    """None where one is not a number, or absurd; some programs write decimal commas."""
    try:
        numbers = [float(text.replace(",", ".")) for text in texts]
    except ValueError:
        return None
    return numbers if all(abs(number) <= MOST for number in numbers) else None


def _area(element: Element, namespace: str, photo: Size | None) -> Area | None:
    body = struct_body(element)
    numbers = _numbers(_value(body, namespace, name) for name in "xywh")
    return _as_share(numbers, _value(body, namespace, "unit"), photo)


def _as_share(numbers: list[float] | None, unit: str, photo: Size | None) -> Area | None:
    """An area of x, y, w and h in shares of the photo or in its pixels."""
    if numbers is None or min(numbers[2:]) <= 0:
        return None
    if unit.casefold() in ("pixel", "pixels"):
        if photo is None:
            return None
        numbers = [number / side for number, side in zip(numbers, (photo.width, photo.height) * 2, strict=True)]
    elif unit.casefold() not in ("normalized", "relative", ""):
        return None
    return Area(*numbers) if max(map(abs, numbers)) <= MOST_SHARES else None


def _size(element: Element) -> Size | None:
    body = struct_body(element)
    numbers = _numbers(_value(body, ST_DIM, name) for name in "wh")
    return Size(*numbers) if numbers and min(numbers) > 0 else None


def _of_others(root: Element) -> Iterator[Region]:
    """Regions in other schemas than MWG's: Microsoft's, ACDSee's, and IPTC's."""
    for item in root.walk():
        if item.name == _ITEM:
            body = struct_body(item)
            for name, kind, area in (_microsoft(body), _acdsee(body), _iptc(body)):
                if name:
                    yield Region(name, kind, area, None, item.start, item.end, has_more=True)


def _microsoft(body: Element) -> Foreign:
    """Windows Photo Gallery's: "x, y, w, h" of the corner, as shares; semicolons where commas are decimal."""
    rectangle = _value(body, _MPREG, "Rectangle")
    parts = re.split(r";\s*|,\s+", rectangle) if re.search(r";|,\s", rectangle) else rectangle.split(",")
    numbers = _numbers(parts)
    area = _as_share(_centred(numbers), "", None) if numbers and len(numbers) == 4 else None
    return _value(body, _MPREG, "PersonDisplayName"), "Face", area


def _acdsee(body: Element) -> Foreign:
    area = body.child(f"{_ACDSEE} DLYArea") or body.child(f"{_ACDSEE} ALGArea")
    kind = _value(body, _ACDSEE, "Type")
    return _value(body, _ACDSEE, "Name"), kind, _area(area, _ACDSEE_AREA, None) if area else None


def _iptc(body: Element) -> Foreign:
    """IPTC's image regions: a rectangle's corner and size; circles and polygons frame no face."""
    boundary, shown = body.child(f"{_IPTC} RegionBoundary"), body.child(f"{_IPTC} PersonInImage")
    names = [child.text.strip() for child in shown.walk() if child.name == _ITEM] if shown else []
    if boundary is None or len(names) != 1:
        return "", "", None
    frame = struct_body(boundary)
    numbers = _numbers(_value(frame, _IPTC, f"rb{side}") for side in "XYWH")
    is_rectangle = _value(frame, _IPTC, "rbShape") == "rectangle"
    return (
        names[0],
        "Face",
        _as_share(_centred(numbers), _value(frame, _IPTC, "rbUnit"), None) if is_rectangle else None,
    )


def _centred(numbers: list[float] | None) -> list[float] | None:
    """x and y of the centre in place of the corner's."""
    if numbers is None:
        return None
    x, y, w, h = numbers
    return [x + w / 2, y + h / 2, w, h]
