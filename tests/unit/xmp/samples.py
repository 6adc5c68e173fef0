"""XMP packets in the spellings of the programs that write them (made up here, no real person's)."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from faceml.xmp.areas import Area


def digikam(width: int, height: int, faces: Sequence[tuple[str, Area]]) -> bytes:
    """A sidecar as digiKam writes it: exiv2's compact spelling, each face in Microsoft's schema and in MWG's."""
    microsoft = "".join(
        f"""
      <rdf:li
       MPReg:PersonDisplayName={quoteattr(name)}
       MPReg:Rectangle="{a.x - a.w / 2:.6g}, {a.y - a.h / 2:.6g}, {a.w:.6g}, {a.h:.6g}"/>"""
        for name, a in faces
    )
    mwg = "".join(
        f"""
      <rdf:li>
       <rdf:Description
        mwg-rs:Name={quoteattr(name)}
        mwg-rs:Type="Face">
       <mwg-rs:Area
        stArea:x="{a.x:.6g}"
        stArea:y="{a.y:.6g}"
        stArea:w="{a.w:.6g}"
        stArea:h="{a.h:.6g}"
        stArea:unit="normalized"/>
       </rdf:Description>
      </rdf:li>"""
        for name, a in faces
    )
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:MP="http://ns.microsoft.com/photo/1.2/"
    xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"
    xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#"
    xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
    xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
   digiKam:PickLabel="0"
   digiKam:Note="first line&#xA;second line"
   xmp:Rating="4">
   <!-- a comment that stays -->
   <digiKam:TagsList>
    <rdf:Seq>
     <rdf:li>People/Grace Hopper</rdf:li>
     <rdf:li>Places/Arlington</rdf:li>
    </rdf:Seq>
   </digiKam:TagsList>
   <dc:subject>
    <rdf:Bag>
     <rdf:li>navy</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <MP:RegionInfo rdf:parseType="Resource">
    <MPRI:Regions>
     <rdf:Bag>{microsoft}
     </rdf:Bag>
    </MPRI:Regions>
   </MP:RegionInfo>
   <mwg-rs:Regions rdf:parseType="Resource">
    <mwg-rs:AppliedToDimensions
     stDim:w="{width}"
     stDim:h="{height}"
     stDim:unit="pixel"/>
    <mwg-rs:RegionList>
     <rdf:Bag>{mwg}
     </rdf:Bag>
    </mwg-rs:RegionList>
   </mwg-rs:Regions>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()


DIGIKAM = digikam(
    4000,
    3000,
    [
        ("Grace Hopper", Area(0.25, 0.35, 0.1, 0.2)),
        ("Margaret <Hamilton> & Söhne", Area(0.5, 0.35, 0.1, 0.2)),
    ],
)

# No region list yet, and a description written as one tag is not there: regions as attributes' sibling structure.
LIGHTROOM = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:Exposure2012="+0.35"/>
  <rdf:Description rdf:about="" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#">
   <mwg-rs:Regions>
    <rdf:Description>
     <mwg-rs:RegionList>
      <rdf:Seq>
       <rdf:li><rdf:Description><mwg-rs:Name>Grace Hopper</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type>
        <mwg-rs:Area><rdf:Description stArea:x="0.25" stArea:y="0.35" stArea:w="0.1" stArea:h="0.2"/></mwg-rs:Area>
       </rdf:Description></rdf:li>
      </rdf:Seq>
     </mwg-rs:RegionList>
    </rdf:Description>
   </mwg-rs:Regions>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>"""

# Everything as elements.
EXIFTOOL = b"""<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='Image::ExifTool 12.70'>
<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
 <rdf:Description rdf:about='' xmlns:mwg-rs='http://www.metadataworkinggroup.com/schemas/regions/'
  xmlns:stDim='http://ns.adobe.com/xap/1.0/sType/Dimensions#' xmlns:stArea='http://ns.adobe.com/xmp/sType/Area#'>
  <mwg-rs:Regions rdf:parseType='Resource'>
   <mwg-rs:AppliedToDimensions rdf:parseType='Resource'>
    <stDim:h>3000</stDim:h><stDim:unit>pixel</stDim:unit><stDim:w>4000</stDim:w>
   </mwg-rs:AppliedToDimensions>
   <mwg-rs:RegionList>
    <rdf:Bag>
     <rdf:li rdf:parseType='Resource'>
      <mwg-rs:Area rdf:parseType='Resource'>
       <stArea:h>0.2</stArea:h><stArea:unit>normalized</stArea:unit><stArea:w>0.1</stArea:w>
       <stArea:x>0.25</stArea:x><stArea:y>0.35</stArea:y>
      </mwg-rs:Area>
      <mwg-rs:Name>Grace Hopper</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type>
     </rdf:li>
     <rdf:li rdf:parseType='Resource'>
      <mwg-rs:Area rdf:parseType='Resource'><stArea:x>0.5</stArea:x><stArea:y>0.5</stArea:y></mwg-rs:Area>
      <mwg-rs:Name>sharp here</mwg-rs:Name><mwg-rs:Type>Focus</mwg-rs:Type>
     </rdf:li>
     <rdf:li rdf:parseType='Resource'>
      <mwg-rs:Area rdf:parseType='Resource'>
       <stArea:h>1</stArea:h><stArea:w>1</stArea:w><stArea:x>0.5</stArea:x><stArea:y>0.5</stArea:y>
      </mwg-rs:Area>
      <mwg-rs:Name>A phone wrote this</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type>
     </rdf:li>
    </rdf:Bag>
   </mwg-rs:RegionList>
  </mwg-rs:Regions>
 </rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end='w'?>"""

# An iPhone's: faces without names, with values of its own.
APPLE = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 6.0.0">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" xmlns:apple-fi="http://ns.apple.com/faceinfo/1.0/">
   <mwg-rs:Regions rdf:parseType="Resource">
    <mwg-rs:RegionList>
     <rdf:Seq>
      <rdf:li rdf:parseType="Resource">
       <mwg-rs:Area rdf:parseType="Resource">
        <stArea:y>0.35</stArea:y><stArea:w>0.1</stArea:w><stArea:x>0.25</stArea:x><stArea:h>0.2</stArea:h>
        <stArea:unit>normalized</stArea:unit>
       </mwg-rs:Area>
       <mwg-rs:Type>Face</mwg-rs:Type>
       <mwg-rs:Extensions rdf:parseType="Resource"><apple-fi:FaceID>2</apple-fi:FaceID></mwg-rs:Extensions>
      </rdf:li>
     </rdf:Seq>
    </mwg-rs:RegionList>
   </mwg-rs:Regions>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>"""

PHOTO_GALLERY = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:MP="http://ns.microsoft.com/photo/1.2/">
   <MP:RegionInfo>
    <rdf:Description xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#">
     <MPRI:Regions><rdf:Bag>
      <rdf:li><rdf:Description xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#"
       ><MPReg:Rectangle>0.2, 0.25, 0.1, 0.2</MPReg:Rectangle
       ><MPReg:PersonDisplayName>Grace Hopper</MPReg:PersonDisplayName></rdf:Description></rdf:li>
     </rdf:Bag></MPRI:Regions>
    </rdf:Description>
   </MP:RegionInfo>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>"""
