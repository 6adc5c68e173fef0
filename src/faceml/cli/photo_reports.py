"""Photos in reports: what of a folder is taken in, what is left out, and which photos cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from faceml.cli.tables import MOST_LINES, listed, one_line
from faceml.plots.report_table import named_values

if TYPE_CHECKING:
    from faceml.photo_files import LeftOut
    from faceml.services.photos.ingest import IngestReport
    from faceml.services.review.browse import UnreadablePage
    from faceml.storage.sql.asset_rows import UnreadableAsset


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
