"""The pictures that people were enrolled by: photos of the library's own, in its folder, named after their content.

Where somebody is erased who is on one, it goes (docs/decisions/0056-enrolled-by-pictures.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from faceml.files import DRAFT, whole_file

if TYPE_CHECKING:
    from faceml.records import Asset
    from faceml.storage.sql.asset_rows import KnownFile

FOLDER = "enrolled"  # of a library


def place_of(home: Path, content_hash: str, suffix: str) -> Path:
    return (home / FOLDER / f"{content_hash}{suffix}").absolute()


def is_enrolled(photo: Asset) -> bool:
    """Whether a photo is the library's own, on whichever machine it lies."""
    return photo.path.parent.name == FOLDER and re.fullmatch("[0-9a-f]{64}", photo.path.stem) is not None


@contextmanager
def kept(pictures: Mapping[Path, bytes]) -> Iterator[dict[Path, Path]]:
    """Write pictures beside their places, readable by their owner alone; they take them once the block has ended well.

    So what a killed block leaves has a draft's name, and `remove_erased` knows it.

    Yields:
        where the draft of each is.
    Raises:
        NoSpace: the disk is full. OSError: the folder cannot be written.
    """
    with ExitStack() as drafts:
        written = {}
        for place, content in pictures.items():
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            written[place] = drafts.enter_context(whole_file(place, is_durable=True))
            written[place].write_bytes(content)
        yield written


def remove_erased(home: Path, photos: Sequence[KnownFile]) -> None:
    """Delete this folder's pictures of who was erased, and what killed enrolments have left.

    Args:
        photos: all on which somebody is who was erased; one that lies here and is not missing is kept for somebody
            else who is on it.
    Raises:
        OSError: one cannot be deleted.
    """
    kept_here = {photo.path for photo in photos if not photo.is_missing}
    gone = {name for photo in photos for name in (photo.content_hash, photo.path.stem)}
    for file in (home / FOLDER).absolute().glob("*"):
        if file.name.endswith(DRAFT) or (file.stem in gone and file not in kept_here):
            file.unlink(missing_ok=True)
