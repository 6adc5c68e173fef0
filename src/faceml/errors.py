"""Every error faceml raises on purpose.

FacemlError
├── WrongUse                  the caller asked for something that cannot be (exit code 2)
│   ├── FolderNotFound
│   └── FileNotReadable
├── NotFound                  an id or name that the library does not know
├── Conflict                  the library holds something that forbids it
│   ├── FacesChanged          faces are not as somebody saw them who decides about them
│   ├── ModelMismatch         a pack that differs from the library's
│   └── NameTaken
├── NotEnoughData             too few faces or labels for an honest answer
├── UnreadablePhoto           one photo; recorded on its asset, never stops a run
├── PipelineFailed            a step of a pipeline failed
├── MissingExtra              a part of faceml whose packages are not installed; an ImportError, too
└── Unavailable               a part outside the process does not answer; trying later may help
    ├── DatabaseUnavailable
    ├── LibraryBusy           another run holds the library; nobody's labels are held up by it
    ├── IndexUnavailable
    │   └── IndexDamaged      its files cannot be read; it is rebuilt from the database
    ├── QueueUnavailable
    ├── MachinesUnavailable   those that work was to be done on
    ├── NoSpace               the disk is full; it goes on once there is room
    └── ModelUnavailable      weights that are not on this machine and cannot be fetched

A message names the thing, the value and the fix, in one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID


class FacemlError(Exception):
    """Base of all errors whose message is meant for the person at the keyboard."""


class WrongUse(FacemlError):
    pass


class FolderNotFound(WrongUse):
    pass


class FileNotReadable(WrongUse):
    pass


class NotFound(FacemlError):
    pass


class Conflict(FacemlError):
    pass


class ModelMismatch(Conflict):
    pass


class FacesChanged(Conflict):
    def __init__(self, face_ids: Sequence[UUID]) -> None:
        faces = "1 face is" if len(face_ids) == 1 else f"{len(face_ids)} faces are"
        super().__init__(f"{faces} not as you saw them: somebody decided meanwhile; look again, nothing was changed")
        self.face_ids = tuple(face_ids)


class NameTaken(Conflict):
    pass


class NotEnoughData(FacemlError):
    pass


class UnreadablePhoto(FacemlError):
    pass


class PipelineFailed(FacemlError):
    pass


class MissingExtra(FacemlError, ModuleNotFoundError):
    pass


class Unavailable(FacemlError):
    pass


class DatabaseUnavailable(Unavailable):
    pass


class LibraryBusy(Unavailable):
    pass


class IndexUnavailable(Unavailable):
    pass


class IndexDamaged(IndexUnavailable):
    pass


class QueueUnavailable(Unavailable):
    pass


class MachinesUnavailable(Unavailable):
    pass


class NoSpace(Unavailable):
    pass


class ModelUnavailable(Unavailable):
    pass
