"""Where a photo is that is no longer where it was: gone, or on a disk that is away."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from functools import cache
from pathlib import Path

MOUNTS_OF_USERS = frozenset({Path("/media"), Path("/run/media")})  # disks come and go in these, or a folder below
MOUNTS = MOUNTS_OF_USERS | {Path("/mnt"), Path("/Volumes"), Path("/net")}
# What systems leave in a folder that holds nothing of its owner's.
LEFT_BEHIND = frozenset({"lost+found", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "Thumbs.db"})


class Whereabouts(Enum):
    THERE = "there"
    GONE = "gone"  # its folder is there, and other things are in it
    OFFLINE = "offline"  # nobody can tell: a disk may be away


def looker(root: Path | None) -> Callable[[Path], tuple[Whereabouts, Path]]:
    """A function that tells where a photo is, and which folder to blame; it looks at each folder once.

    Args:
        root: a folder that is known to be reachable; None: whatever is not there is offline.
    """

    @cache
    def state_of(folder: Path) -> tuple[Whereabouts, Path]:
        reached, below = folder, folder
        while not reached.exists():
            reached, below = reached.parent, reached
        if root is None or not reached.is_relative_to(root):
            return Whereabouts.OFFLINE, below
        if below != reached and _holds_disks(reached):
            return Whereabouts.OFFLINE, below
        is_empty = all(name.startswith(".") or name in LEFT_BEHIND for name in os.listdir(reached))
        return (Whereabouts.OFFLINE, reached) if is_empty else (Whereabouts.GONE, reached)

    def look(path: Path) -> tuple[Whereabouts, Path]:
        try:
            path.lstat()
            return Whereabouts.THERE, path.parent
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError:
            return Whereabouts.OFFLINE, path.parent
        try:
            return state_of(path.parent)
        except OSError:
            return Whereabouts.OFFLINE, path.parent

    return look


def _holds_disks(folder: Path) -> bool:
    """Whether what went from this folder may be a disk.

    >>> _holds_disks(Path("/mnt")), _holds_disks(Path("/run/media/ada")), _holds_disks(Path("/home/ada"))
    (True, True, False)
    """
    return folder in MOUNTS or (folder.parent in MOUNTS_OF_USERS and not folder.is_mount())
