"""Regions as programs really write them, against the standard in all sorts of ways: read, or named as lost."""

from __future__ import annotations

import pytest

from faceml.xmp.areas import Area, Size
from faceml.xmp.elements import NotXmp
from faceml.xmp.merge import NamedFace, region_changes
from faceml.xmp.packet import write_regions
from faceml.xmp.regions import read_regions

PHOTO = Size(400, 300)
AREA = Area(0.5, 0.4, 0.2, 0.3)
NAMESPACES = (
    'xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"'
    ' xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"'
    ' xmlns:MP="http://ns.microsoft.com/photo/1.2/" xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"'
    ' xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#" xmlns:acd="http://ns.acdsee.com/regions/"'
    ' xmlns:acdArea="http://ns.acdsee.com/sType/Area#" xmlns:iptc="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
)


def packet(*descriptions: str) -> str:
    inner = "".join(f'<rdf:Description rdf:about="" {NAMESPACES}>{text}</rdf:Description>' for text in descriptions)
    rdf = f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{inner}</rdf:RDF>'
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{rdf}</x:xmpmeta>'


def mwg(
    x: str = "0.5",
    y: str = "0.4",
    w: str = "0.2",
    h: str = "0.3",
    *,
    unit: str = "normalized",
    kind: str = "Face",
    name: str = "Ada",
    size: str = 'stDim:w="400" stDim:h="300"',
) -> str:
    return (
        f'<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions {size} stDim:unit="pixel"/>'
        f'<mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Name="{name}" mwg-rs:Type="{kind}">'
        f'<mwg-rs:Area stArea:x="{x}" stArea:y="{y}" stArea:w="{w}" stArea:h="{h}" stArea:unit="{unit}"/>'
        "</rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
    )


def microsoft(rectangle: str) -> str:
    return (
        '<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag><rdf:li>'
        f'<rdf:Description MPReg:Rectangle="{rectangle}" MPReg:PersonDisplayName="Ada"/>'
        "</rdf:li></rdf:Bag></MPRI:Regions></MP:RegionInfo>"
    )


def iptc(unit: str, shape: str, *sides: str) -> str:
    x, y, w, h = sides
    return (
        '<iptc:ImageRegion><rdf:Bag><rdf:li rdf:parseType="Resource"><iptc:RegionBoundary rdf:parseType="Resource">'
        f"<iptc:rbUnit>{unit}</iptc:rbUnit><iptc:rbShape>{shape}</iptc:rbShape><iptc:rbX>{x}</iptc:rbX>"
        f"<iptc:rbY>{y}</iptc:rbY><iptc:rbW>{w}</iptc:rbW><iptc:rbH>{h}</iptc:rbH></iptc:RegionBoundary>"
        "<iptc:PersonInImage><rdf:Bag><rdf:li>Ada</rdf:li></rdf:Bag></iptc:PersonInImage></rdf:li></rdf:Bag>"
        "</iptc:ImageRegion>"
    )


EMPTY = '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag/></mwg-rs:RegionList></mwg-rs:Regions>'
ACDSEE = (
    '<acd:Regions rdf:parseType="Resource"><acd:RegionList><rdf:Bag><rdf:li rdf:parseType="Resource">'
    "<acd:Name>Ada</acd:Name><acd:Type>Face</acd:Type>"
    '<acd:DLYArea acdArea:x="0.5" acdArea:y="0.4" acdArea:w="0.2" acdArea:h="0.3"/>'
    "</rdf:li></rdf:Bag></acd:RegionList></acd:Regions>"
)
READ = {
    "decimal commas": packet(mwg("0,5", "0,4", "0,2", "0,3")),
    "pixels": packet(mwg("200", "120", "80", "90", unit="pixel")),
    "unit in capitals": packet(mwg(unit="Normalized")),
    "kind in small letters": packet(mwg(kind="face")),
    "an empty list before the full one": packet(EMPTY, mwg()),
    "Microsoft's with commas": packet(microsoft("0.4, 0.25, 0.2, 0.3")),
    "Microsoft's without blanks": packet(microsoft("0.4,0.25,0.2,0.3")),
    "Microsoft's with decimal commas": packet(microsoft("0,4; 0,25; 0,2; 0,3")),
    "Microsoft's with decimal commas and commas": packet(microsoft("0,4, 0,25, 0,2, 0,3")),
    "ACDSee's": packet(ACDSEE),
    "IPTC's": packet(iptc("relative", "rectangle", "0.4", "0.25", "0.2", "0.3")),
    "two schemas": packet(mwg(), microsoft("0.4, 0.25, 0.2, 0.3")),
    "a blank line before it": "\n" + packet(mwg()),
    "a declaration behind a blank line": '\n<?xml version="1.0" encoding="UTF-8"?>' + packet(mwg()),
    "NULs after it": packet(mwg()) + "\0" * 200,
}


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_the_face_is_read(text: str) -> None:
    found = read_regions(text.encode())
    assert [(region.name, region.is_face) for region in found.regions] == [("Ada", True)]
    area = found.regions[0].area
    assert area is not None
    assert area.iou(AREA) > 0.999
    assert found.lost == ()


def test_letters_in_an_encoding_that_is_not_declared_are_windows_own() -> None:
    data = packet(mwg(name="Zoë")).encode("cp1252")
    assert read_regions(data).regions[0].name == "Zoë"
    face = NamedFace("1", "Ann", Area(0.1, 0.1, 0.1, 0.1), "manual")
    written = write_regions(data, region_changes(read_regions(data).regions, [face], known={"1"}), PHOTO)
    assert [region.name for region in read_regions(written).regions] == ["Zoë", "Ann"]
    assert "Zoë" in written.decode(), "in UTF-8 by now"


@pytest.mark.parametrize(
    "text",
    [
        *[packet(mwg(x=x)) for x in ("nan", "inf", "1e308", "-1e308", "", "left", "12")],
        packet(mwg(w="0")),
        packet(mwg(h="-0.3")),
        packet(mwg(unit="inch")),
        packet(mwg(unit="pixel", size="")),
        packet(microsoft("0.4, 0.25, 0.2")),
        packet(microsoft("nan, 0.25, 0.2, 0.3")),
        packet(iptc("relative", "circle", "0.4", "0.25", "0.2", "0.3")),
        packet(iptc("pixel", "rectangle", "160", "75", "80", "90")),
    ],
)
def test_a_name_without_an_area_is_told_and_ends_nothing(text: str) -> None:
    assert read_regions(text.encode()).lost == ("Ada",)


def test_a_pets_region_and_a_nameless_one_are_no_loss() -> None:
    assert read_regions(packet(mwg(x="nan", kind="Pet")).encode()).lost == ()
    assert read_regions(packet(mwg(x="nan", name="")).encode()).lost == ()


def test_the_size_of_another_picture_goes_with_its_empty_list() -> None:
    """What is written must be what the next export takes for this photo's."""
    empty = mwg(size='stDim:w="300" stDim:h="300"')
    start, end = empty.index("<rdf:li>"), empty.index("</rdf:li>") + len("</rdf:li>")
    data = packet(empty[:start] + empty[end:]).encode()
    assert read_regions(data).regions == ()
    changes = region_changes([], [NamedFace("1", "Ann", AREA, "manual")], known={"1"})
    written = read_regions(write_regions(data, changes, PHOTO))
    assert written.applied_to == PHOTO
    assert [region.name for region in written.regions] == ["Ann"]


def test_a_full_list_keeps_the_size_it_was_drawn_on() -> None:
    data = packet(mwg(size='stDim:w="800" stDim:h="600"')).encode()
    face = NamedFace("1", "Ann", Area(0.1, 0.1, 0.1, 0.1), "manual")
    written = write_regions(data, region_changes(read_regions(data).regions, [face], known={"1"}), PHOTO)
    assert read_regions(written).applied_to == Size(800, 600)


def test_nothing_but_a_repair_is_forgiven() -> None:
    with pytest.raises(NotXmp, match="not XML"):
        read_regions(packet(mwg()).encode()[:-30])
