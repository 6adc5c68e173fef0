"""Photos in reports: what of a folder is taken in, what is left out, and which photos cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from faceml.cli.tables import MOST_LINES, listed, one_line, table
from faceml.plots.report_table import named_values

if TYPE_CHECKING:
    from faceml.photo_files import LeftOut
    from faceml.services.photos.follow import Burst
    from faceml.services.photos.ingest import IngestReport
    from faceml.services.recognise.spaces import Alike
    from faceml.services.review.browse import Companions, PhotoEvent, UnreadablePage
    from faceml.storage.pages import Page
    from faceml.storage.sql.asset_rows import UnreadableAsset
    from faceml.storage.sql.lives import PhotoAt


def ingested(report: IngestReport) -> str:
    lines = [f"{name}: {value}" for name, value in named_values(report).items() if isinstance(value, int)]
    lines += listed("Files that cannot be opened", report.unreadable_files)
    if report.missing:
        lines.append("Their faces are in no list until the files are back (`faceml photos missing`)")
    if report.offline:
        lines += listed("Photos are not there, but their folders look offline, so they stay", report.offline_folders)
        lines.append("Where these photos were deleted: `faceml photos forget-missing FOLDER`")
    return "\n".join(lines + left_out(report.left_out))


def left_out(items: Sequence[LeftOut]) -> list[str]:
    """What of a folder is not taken in, why, and how it would be."""
    return [line for item in items for line in listed(f"Left out, {item.what} ({item.fix})", item.paths)]


def unreadable(photos: Sequence[UnreadableAsset], count: int) -> list[str]:
    """The first of `count` photos that cannot be read, with the reason."""
    if not photos:
        return []
    lines = [f"  - {one_line(photo.path)}: {photo.reason}" for photo in photos[:MOST_LINES]]
    more = count - len(lines)
    return ["Unreadable:", *lines, *([f"  ... and {more} more (`faceml faces unreadable` lists all)"] if more else [])]


def unreadable_page(page: UnreadablePage) -> str:
    if not page.total:
        return "Every photo that was looked at could be read"
    lines = [f"{one_line(photo.path)}: {photo.reason} (asset {photo.asset_id})" for photo in page.items]
    return "\n".join([*lines, f"Page {page.page}, {len(lines)} of {page.total} unreadable photos"])


def photos_with(page: Page[PhotoAt]) -> str:
    if not page.total:
        return "No photo shows all of them"
    lines = [f"{str(photo.taken.date()) if photo.taken else '-':10}  {one_line(photo.path)}" for photo in page.items]
    return "\n".join([*lines, f"Page {page.page}, {len(lines)} of {page.total} photos"])


def alike(report: Alike) -> str:
    from faceml.services.recognise.spaces import AlikeFace

    lines = []
    for found in report.found:
        path = one_line(str(found.path))
        if isinstance(found, AlikeFace):
            lines.append(f"{found.similarity:.3f}  {found.face_id}  {found.person_name or '-'}  {path}")
        else:
            lines.append(f"{found.similarity:.3f}  {found.faces} of {report.asked}  {path}")
    return "\n".join(lines or ["Nothing is like them"])


def companions(pairs: Sequence[Companions]) -> str:
    if not pairs:
        return "Nobody is on a photo with anybody yet"
    rows = [(pair.one.name, pair.other.name, pair.photos, pair.first or "-", pair.last or "-") for pair in pairs]
    return "\n".join(table(("Person", "With", "Photos", "First", "Last"), rows))


def events(page: Page[PhotoEvent]) -> str:
    if not page.total:
        return "No photo has a date yet"
    rows = [
        (event.day, event.photos, ", ".join(event.people) or "-", one_line(str(event.folder))) for event in page.items
    ]
    lines = table(("Day", "Photos", "People", "Folder"), rows)
    return "\n".join([*lines, f"Page {page.page}, {len(rows)} of {page.total} events"])


def bursts(found: Sequence[Burst]) -> str:
    if not found:
        return "No photos with faces are nearly the same (of older photos `faceml faces backfill` finds out)"
    lines = []
    for burst in found:
        first = burst.photos[0].taken
        lines.append(f"{len(burst.photos)} photos, {f'{first:%Y-%m-%d %H:%M:%S}' if first else 'without a date'}:")
        lines += [f"  {one_line(str(photo.path))}" for photo in burst.photos]
    return "\n".join(lines)
