"""Boxes as XMP has them: centre and size as shares of the *stored* photo, before its EXIF orientation is applied.

"Region metadata is applied to the stored image" (MWG Guidelines for Handling Image Metadata 2.0, 5.9), while faceml's
boxes are pixels of the upright photo.
"""

from __future__ import annotations

from dataclasses import dataclass

from faceml.records import BBox

SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
_BACK = {6: 8, 8: 6}  # every other orientation undoes itself
SAME_SHAPE = 0.02  # two sizes of one cut differ by rounding, by less than this


@dataclass(frozen=True, slots=True)
class Size:
    """Pixels, or any unit: only the shape counts."""

    width: float
    height: float

    def turned(self, orientation: int) -> Size:
        return Size(self.height, self.width) if orientation in SIDEWAYS else self

    def has_shape_of(self, other: Size) -> bool:
        """Whether one may be the other, made smaller or larger.

        >>> Size(4000, 3000).has_shape_of(Size(1024, 768)), Size(4000, 3000).has_shape_of(Size(3000, 4000))
        (True, False)
        """
        mine, others = self.width * other.height, self.height * other.width
        return others > 0 and abs(mine / others - 1) < SAME_SHAPE


@dataclass(frozen=True, slots=True)
class Area:
    """Centre (x, y) and size (w, h), each 0 to 1 of the photo's width or height."""

    x: float
    y: float
    w: float
    h: float

    def iou(self, other: Area) -> float:
        """Intersection over union, 0 to 1; the same in pixels, since shares only stretch the axes."""
        return bbox_of(self, _FINE).iou(bbox_of(other, _FINE))


_FINE = Size(1e12, 1e12)  # pixels so small that rounding to them is lost in a share's last digits


def upright(stored: Area, orientation: int) -> Area:
    """An area of the stored photo on the upright one.

    Args:
        orientation: EXIF tag 0x0112; any value but 2 to 8 means upright already.

    >>> upright(Area(0.1, 0.2, 0.3, 0.4), 6)  # the camera was held sideways: turn by 90 degrees clockwise
    Area(x=0.8, y=0.1, w=0.4, h=0.3)
    """
    x, y = stored.x, stored.y
    centre = {
        2: (1 - x, y),
        3: (1 - x, 1 - y),
        4: (x, 1 - y),
        5: (y, x),
        6: (1 - y, x),
        7: (1 - y, 1 - x),
        8: (y, 1 - x),
    }.get(orientation, (x, y))
    size = (stored.h, stored.w) if orientation in SIDEWAYS else (stored.w, stored.h)
    return Area(*centre, *size)


def stored(upright_area: Area, orientation: int) -> Area:
    """The inverse of `upright`."""
    return upright(upright_area, _BACK.get(orientation, orientation))


def area_of(bbox: BBox, photo: Size) -> Area:
    """A box of the upright photo as shares of it."""
    return Area(
        (bbox.x + bbox.w / 2) / photo.width,
        (bbox.y + bbox.h / 2) / photo.height,
        bbox.w / photo.width,
        bbox.h / photo.height,
    )


def bbox_of(area: Area, photo: Size) -> BBox:
    """The inverse of `area_of`, to the pixel."""
    return BBox(
        round((area.x - area.w / 2) * photo.width),
        round((area.y - area.h / 2) * photo.height),
        round(area.w * photo.width),
        round(area.h * photo.height),
    )
