"""The views a notebook shows: widgets at a keyboard, pictures where nobody sits at one (papermill)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from faceml.records import Face
from faceml.services.browse import list_clusters
from faceml.services.follow import follow_aside
from faceml.services.picture import draw_clusters
from faceml.widgets.screen import View
from faceml.wiring import Library

if TYPE_CHECKING:
    from PIL.Image import Image

    from faceml.widgets.bench import Bench

CLUSTERS_SHOWN = 20
Pixelate = Callable[[Face], bool]


def label_view(
    library: Library, *, actor: str, interactive: bool = True, pixelate: Pixelate | None = None
) -> Bench | Image:
    """Name clusters, largest first.

    Args:
        actor: who decides, for the log of decisions.
        interactive: False draws a picture of the clusters without a name instead.
        pixelate: which faces to make unrecognisable, for pictures that may be published.
    """
    if not interactive:
        clusters = list_clusters(library, page_size=CLUSTERS_SHOWN)
        return draw_clusters(library, clusters.items, title=f"{clusters.total} clusters without a name")
    from faceml.widgets.labeler import Labeler

    return _bench(library, Labeler(library, actor=actor, pixelate=pixelate), pixelate)


def _bench(library: Library, view: View, pixelate: Pixelate | None) -> Bench:
    from faceml.widgets.bench import Bench

    follow_aside(library)
    return Bench(library, view, pixelate=pixelate)
