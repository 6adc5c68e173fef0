"""Names of faces in XMP, as other photo programs read and write them (Metadata Working Group, region schema `mwg-rs`).

areas     boxes as XMP has them, and how a turned photo turns them
elements  an XML document whose elements know their bytes
regions   what a packet says about faces
merge     which regions of a file to write, and which to leave
packet    a packet with other regions, all else byte for byte the same
sidecars  which file belongs to a photo
"""
