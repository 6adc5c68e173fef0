"""An XMP packet with other regions in it; every byte that is not one of those regions stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from faceml.xmp.areas import Size
from faceml.xmp.elements import ENCODING, Element, NotXmp, parse, repaired
from faceml.xmp.merge import NamedFace, RegionChanges
from faceml.xmp.regions import FACEML, MWG_RS, RDF, REGION_LIST, ST_AREA, ST_DIM, list_of, mwg_regions, struct_body

_EMPTY = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="faceml">\n'
    b' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    b'  <rdf:Description rdf:about="">\n'
    b"  </rdf:Description>\n"
    b" </rdf:RDF>\n"
    b"</x:xmpmeta>\n"
    b'<?xpacket end="w"?>\n'
)


def write_regions(packet: bytes | None, changes: RegionChanges, photo: Size) -> bytes:
    """The packet after `changes`.

    Args:
        packet: what there is; None makes a new one.
        photo: stored pixels.
    Raises:
        NotXmp: it cannot be read, or not be changed without loss.
    """
    data = repaired(packet) if packet is not None else _EMPTY
    root = parse(data)
    if not _is_utf8(data):
        raise NotXmp("it is not in UTF-8, so it is not changed")
    edits = [(region.start, region.end, _item(face)) for region, face in changes.replaced]
    edits += [(region.start, region.end, b"") for region in changes.removed]
    if changes.added:
        edits += [_insertion(root, changes.added, photo), *_resized(root, photo)]
    for start, end, text in sorted(edits, reverse=True):
        data = data[:start] + text + data[end:]
    parse(data)  # never leave a file behind that cannot be read
    return data


def _resized(root: Element, photo: Size) -> list[tuple[int, int, bytes]]:
    """The photo's size in place of another picture's, which stands with a list of regions that is empty."""
    regions = mwg_regions(root)
    body = struct_body(regions) if regions else None
    applied, bag = (body.child(f"{MWG_RS} AppliedToDimensions"), list_of(body)) if body else (None, None)
    if applied is None or (bag is not None and bag.children):
        return []
    return [(applied.start, applied.end, _dimensions(photo))]


def _insertion(root: Element, faces: Sequence[NamedFace], photo: Size) -> tuple[int, int, bytes]:
    """Where new regions go, and what is written there."""
    items = b"".join(_item(face) for face in faces)
    regions = mwg_regions(root)
    if regions is not None:
        body = struct_body(regions)
        bag = list_of(body)
        if bag is not None:
            return _into(bag, items)
        if body.child(REGION_LIST) is not None:
            raise NotXmp("its list of regions has a form that is not known")
        return _into(body, _list(items))
    whole = (
        f'<mwg-rs:Regions xmlns:mwg-rs="{MWG_RS}" xmlns:rdf="{RDF}" rdf:parseType="Resource">\n'.encode()
        + _dimensions(photo)
        + b"\n"
        + _list(items)
        + b"</mwg-rs:Regions>\n"
    )
    rdf = root.first(f"{RDF} RDF")
    if rdf is None:
        raise NotXmp("it has no rdf:RDF, so it is not XMP")
    description = rdf.child(f"{RDF} Description")
    if description is not None:
        return _into(description, whole)
    opened = f'<rdf:Description xmlns:rdf="{RDF}" rdf:about="">\n'.encode()
    return _into(rdf, opened + whole + b"</rdf:Description>\n")


def _is_utf8(data: bytes) -> bool:
    declared = ENCODING.match(data)
    return b"\0" not in data[:4] and (declared is None or declared[1].lower() in (b"utf-8", b"us-ascii"))


def _into(element: Element, text: bytes) -> tuple[int, int, bytes]:
    """Put text at an element's end; a tag written <a/> is opened for it."""
    if not element.is_empty_tag:
        return element.inner_end, element.inner_end, text
    return element.end - 2, element.end, b">\n" + text + b"</" + element.tag + b">"


def _list(items: bytes) -> bytes:
    opened = f'<mwg-rs:RegionList xmlns:mwg-rs="{MWG_RS}"><rdf:Bag xmlns:rdf="{RDF}">\n'.encode()
    return opened + items + b"</rdf:Bag></mwg-rs:RegionList>\n"


def _dimensions(photo: Size) -> bytes:
    return (
        f'<mwg-rs:AppliedToDimensions xmlns:mwg-rs="{MWG_RS}" xmlns:stDim="{ST_DIM}"'
        f' stDim:w="{photo.width:.0f}" stDim:h="{photo.height:.0f}" stDim:unit="pixel"/>'
    ).encode()


def _item(face: NamedFace) -> bytes:
    area = face.area
    name = quoteattr(face.name)
    return (
        f'<rdf:li xmlns:rdf="{RDF}"><rdf:Description xmlns:mwg-rs="{MWG_RS}" xmlns:faceml="{FACEML}"'
        f' mwg-rs:Name={name} mwg-rs:Type="Face" faceml:FaceId={quoteattr(face.face_id)}'
        f" faceml:WrittenName={name} faceml:AssignedBy={quoteattr(face.assigned_by)}>"
        f'<mwg-rs:Area xmlns:stArea="{ST_AREA}" stArea:x="{_share(area.x)}" stArea:y="{_share(area.y)}"'
        f' stArea:w="{_share(area.w)}" stArea:h="{_share(area.h)}" stArea:unit="normalized"/>'
        "</rdf:Description></rdf:li>"
    ).encode()


def _share(value: float) -> str:
    """Nine digits: the largest photo that is read has 32,766 pixels a side."""
    return f"{value:.9f}".rstrip("0").rstrip(".")
