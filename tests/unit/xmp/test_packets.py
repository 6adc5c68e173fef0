"""Packets of other programs are read in every spelling, and changed without losing a byte of theirs."""

from __future__ import annotations

import pytest

from faceml.xmp.areas import Area, Size
from faceml.xmp.elements import NotXmp, parse
from faceml.xmp.merge import NamedFace, region_changes
from faceml.xmp.packet import write_regions
from faceml.xmp.regions import Region, read_regions
from tests.unit.xmp.samples import APPLE, DIGIKAM, EXIFTOOL, LIGHTROOM, PHOTO_GALLERY

PHOTO = Size(4000, 3000)
ADA = NamedFace("id-ada", "Ada", Area(0.7, 0.6, 0.1, 0.2), "manual")


def rewritten(packet: bytes | None, *faces: NamedFace, known: tuple[str, ...] = ()) -> bytes:
    regions = read_regions(packet).regions if packet else ()
    return write_regions(packet, region_changes(regions, faces, known={f.face_id for f in faces} | set(known)), PHOTO)


def names(packet: bytes) -> list[str]:
    return [region.name for region in read_regions(packet).regions]


def test_digikams_spelling_is_read() -> None:
    found = read_regions(DIGIKAM)
    assert found.applied_to == Size(4000, 3000)
    grace, margaret = found.regions
    assert (grace.name, grace.kind, grace.area) == ("Grace Hopper", "Face", Area(0.25, 0.35, 0.1, 0.2))
    assert margaret.name == "Margaret <Hamilton> & Söhne"


def test_the_other_spellings_are_read() -> None:
    (lightroom,) = read_regions(LIGHTROOM).regions
    assert (lightroom.name, lightroom.area) == ("Grace Hopper", Area(0.25, 0.35, 0.1, 0.2))
    face, focus, whole = read_regions(EXIFTOOL).regions
    assert (face.name, face.area, face.is_face) == ("Grace Hopper", Area(0.25, 0.35, 0.1, 0.2), True)
    assert not focus.is_face
    assert not whole.is_face, "a region over the whole photo is no face"
    (apple,) = read_regions(APPLE).regions
    assert (apple.name, apple.is_face, apple.has_more) == ("", True, True)
    (gallery,) = read_regions(PHOTO_GALLERY).regions
    assert gallery.name == "Grace Hopper"
    assert gallery.area is not None
    assert gallery.area.iou(Area(0.25, 0.35, 0.1, 0.2)) > 0.999


def test_a_new_packet_is_read_back() -> None:
    bob = NamedFace("id-bob", "Bob \"the\" <b> & 'sons'", Area(0.123456789, 0.2, 0.05, 0.06), "prototype")
    packet = rewritten(None, ADA, bob)
    found = read_regions(packet)
    assert found.applied_to == PHOTO
    assert [(r.name, r.area, r.mark) for r in found.regions] == [(f.name, f.area, f.mark) for f in (ADA, bob)]
    assert all(region.is_ours and region.is_face for region in found.regions)
    assert rewritten(packet, ADA, bob) == packet, "nothing changed, nothing written"


@pytest.mark.parametrize("packet", [DIGIKAM, LIGHTROOM, EXIFTOOL, APPLE, PHOTO_GALLERY])
def test_adding_a_face_keeps_every_foreign_byte(packet: bytes) -> None:
    after = rewritten(packet, ADA)
    assert sorted(names(after)) == sorted([*names(packet), "Ada"])
    start = next(i for i, (a, b) in enumerate(zip(packet, after, strict=False)) if a != b)
    assert after.endswith(packet[start:]), "something was only inserted, nothing else moved"
    again = rewritten(after, known=("id-ada",))  # the name was taken back
    assert names(again) == names(packet)
    assert again == packet or packet == PHOTO_GALLERY  # an empty list stays where there was none


def test_tags_written_as_one_are_opened() -> None:
    rdf = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">%s</rdf:RDF>'
    short = rdf % b'<rdf:Description rdf:about="" xmlns:x="urn:x/" x:Rating="4"/>'
    assert names(rewritten(short, ADA)) == ["Ada"]
    assert b'x:Rating="4"' in rewritten(short, ADA)
    assert names(rewritten(rdf % b"", ADA)) == ["Ada"]
    bag = APPLE[: APPLE.index(b"<rdf:Seq>")] + b"<rdf:Bag/>" + APPLE[APPLE.index(b"</rdf:Seq>") + 10 :]
    assert names(rewritten(bag, ADA)) == ["Ada"]
    listless = bag.replace(b"<mwg-rs:RegionList>", b"").replace(b"</mwg-rs:RegionList>", b"")
    assert names(rewritten(listless.replace(b"<rdf:Bag/>", b""), ADA)) == ["Ada"]
    with pytest.raises(NotXmp, match=r"no rdf:RDF"):
        rewritten(b"<svg/>", ADA)


def test_a_name_that_somebody_else_wrote_stays() -> None:
    mistaken = NamedFace("id-1", "Ada", Area(0.26, 0.36, 0.1, 0.2), "manual")
    regions = read_regions(DIGIKAM).regions
    plan = region_changes(regions, [mistaken], known={"id-1"})
    assert [(region.name, face.name) for region, face in plan.disputed] == [("Grace Hopper", "Ada")]
    assert write_regions(DIGIKAM, plan, PHOTO) == DIGIKAM


def test_a_name_that_looks_the_same_in_both_is_no_dispute() -> None:
    there = NamedFace("id-1", "Grace\u200b\u3000HOPPER", Area(0.26, 0.36, 0.1, 0.2), "manual")
    plan = region_changes(read_regions(DIGIKAM).regions, [there], known={"id-1"})
    assert (plan.disputed, plan.unchanged) == ((), 1)


def test_the_same_name_is_not_written_twice() -> None:
    same = NamedFace("id-1", "Grace Hopper", Area(0.26, 0.36, 0.1, 0.2), "manual")
    assert rewritten(DIGIKAM, same) == DIGIKAM


def test_a_renamed_person_is_renamed_where_faceml_wrote_the_name() -> None:
    packet = rewritten(DIGIKAM, ADA)
    renamed = NamedFace("id-ada", "Ada Lovelace", ADA.area, "manual")
    assert names(rewritten(packet, renamed)) == ["Grace Hopper", "Margaret <Hamilton> & Söhne", "Ada Lovelace"]


def test_a_region_of_ours_that_somebody_edited_is_theirs() -> None:
    packet = rewritten(None, ADA).replace(b'mwg-rs:Name="Ada"', b'mwg-rs:Name="Countess"')
    assert names(rewritten(packet, ADA)) == ["Countess"]
    assert names(rewritten(packet, known=("id-ada",))) == ["Countess"]


def test_a_region_of_another_library_stays() -> None:
    assert names(rewritten(rewritten(None, ADA), known=("some-other-face",))) == ["Ada"]


def test_apples_unnamed_region_stays_beside_ours() -> None:
    grace = NamedFace("id-1", "Grace", Area(0.25, 0.35, 0.1, 0.2), "manual")
    assert names(rewritten(APPLE, grace)) == ["", "Grace"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no element found"),
        (b"<a><b></a>", "mismatched tag"),
        (b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "document type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        (b"<a>" * 300 + b"</a>" * 300, "nested"),
    ],
)
def test_what_is_no_xmp_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(NotXmp, match=reason):
        parse(data)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "iso-8859-1"])
def test_a_packet_that_is_not_in_utf_8_is_read_but_not_changed(encoding: str) -> None:
    declaration = f'<?xml version="1.0" encoding="{encoding.removesuffix("-be")}"?>'
    wide = (declaration + DIGIKAM.decode().split("?>", 1)[1]).encode(encoding)
    assert names(wide) == ["Grace Hopper", "Margaret <Hamilton> & Söhne"]
    with pytest.raises(NotXmp, match="UTF-8"):
        rewritten(wide, ADA)


def test_an_element_knows_its_bytes() -> None:
    data = "<a x='>'>ü<b y=\"/>\"/><c>t</c></a>".encode()
    root = parse(data)
    b, c = root.children
    assert data[b.start : b.end] == b'<b y="/>"/>'
    assert data[c.inner_start : c.inner_end] == b"t"
    assert data[root.start : root.end] == data


def test_an_unmarked_region_is_nobodys_but_its_writers() -> None:
    assert all(isinstance(region, Region) and not region.is_ours for region in read_regions(DIGIKAM).regions)
