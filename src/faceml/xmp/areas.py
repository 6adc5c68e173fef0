"""Boxes as XMP has them: centre and size as shares of the *stored* photo, before its EXIF orientation is applied.

"Region metadata is applied to the stored image" (MWG Guidelines for Handling Image Metadata 2.0, 5.9), while faceml's
boxes are pixels of the upright photo.
"""

from __future__ import annotations

from dataclasses import dataclass

from faceml.records import BBox

# Orientations that swap width and height, and those that then mirror the photo from side to side and upside down.
SIDEWAYS, _ACROSS, _DOWN = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)
UPRIGHT, QUARTERS = 1, (6, 8)  # as it is; a quarter turned, as cameras are held
_BACK = {6: 8, 8: 6}  # every other orientation undoes itself
SAME_SHAPE = 0.02  # two sizes of one cut differ by rounding, by less than this


@dataclass(frozen=True, slots=True)
class Size:
    """Pixels, or any unit: only the shape counts."""

    width: float
    height: float

    def __str__(self) -> str:
        return f"{self.width:.0f}×{self.height:.0f}"

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
    turned = orientation in SIDEWAYS
    x, y, w, h = (stored.y, stored.x, stored.h, stored.w) if turned else (stored.x, stored.y, stored.w, stored.h)
    return Area(1 - x if orientation in _ACROSS else x, 1 - y if orientation in _DOWN else y, w, h)


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
