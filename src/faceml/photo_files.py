"""Which files below a folder are photos, and what is left out: counted, named, with the reason and the fix.

No file is opened here but `.facemlignore`.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from pathspec import GitIgnoreSpec

from faceml.errors import FileNotReadable, FolderNotFound
from faceml.files import read_file
from faceml.path_text import path_text

Entry = os.DirEntry[str]


def _suffixes(text: str) -> frozenset[str]:
    return frozenset(f".{suffix}" for suffix in text.split())


# What `vision.image` reads, by the suffixes in use for it.
PHOTO_SUFFIXES = _suffixes("jpg jpeg jpe jfif mpo png webp heic heif hif avif tif tiff bmp gif")
RAW_SUFFIXES = _suffixes(
    "3fr ari arw bay cr2 cr3 crw dcr dng erf fff gpr iiq k25 kdc mef mos mrw nef nrw orf pef ptx raf raw rw2 rwl sr2 "
    "srf srw x3f"
)
VIDEO_SUFFIXES = _suffixes("avi m4v mkv mov mp4 webm")
_OTHER_VIDEOS = _suffixes("3gp insv m2ts mpeg mpg mts ogv vob wmv")
_OTHERS = _suffixes("ai apng dds eps exr hdr heics ico j2k jp2 jpf jpx jxr pbm pcx pgm pnm ppm psb psd svg tga wdp xcf")

_DEVELOPED = (".jpg", ".jpeg", ".heic", ".heif", ".hif")  # what cameras write beside a raw file, phones beside a video
# Of a live photo the still and the video, of three seconds, are written at once; of a film and its poster they are not.
LIVE_WITHIN_S, LIVE_BYTES = 10, 40_000_000

IGNORE_FILE = ".facemlignore"
# Before anybody's own lines, which overrule them (`!@eaDir/`).
IGNORED = (
    ".*",  # hidden, .thumbnails and .Trash among them; on disks of other systems a Mac gives each file a double, ._NAME
    "@eaDir/",  # Synology: thumbnails
    r"\#recycle/",
    r"\#snapshot/",
    "@__thumb/",  # QNAP
    "@Recycle/",
    "@Recently-Snapshot/",
    "$RECYCLE.BIN/",  # Windows
    "$Recycle.Bin/",
    "RECYCLER/",
    "System Volume Information/",
    "lost+found/",
    "**/*.photoslibrary/resources/",  # Apple Photos: thumbnails beside the originals
    "*.lrdata/",  # Lightroom: previews
    "**/appdata_*/preview/",  # Nextcloud
    "**/cache/thumbnails/",  # PhotoPrism, and faceml itself
)


class Reason(NamedTuple):
    """Why something is left out, and what to do about it."""

    what: str
    fix: str


RAW = Reason("raw photos", "pip install 'faceml[raw]' to take them in; JPEGs beside them are taken in as they are")
RAW_TWIN = Reason("raw photos beside their JPEG", "the JPEG is taken in, and each photo counts once")
JXL = Reason("JPEG XL photos", "pip install 'faceml[raw]' to take them in, or export them as JPEG")
OTHER_PICTURE = Reason("pictures of other kinds", "export as JPEG those that are photos")
VIDEO = Reason("videos", "pip install 'faceml[video]' to take them in")
OTHER_VIDEO = Reason("videos of other kinds", "convert them to MP4, or export stills as JPEG")
LIVE_TWIN = Reason("videos of live photos", "their still is taken in, and each photo counts once")
LINKED_FOLDER = Reason("links to folders", "ingest the folder that they point at by its own path")
BROKEN_LINK = Reason("links to nothing", "delete them, or bring back what they point at")
SPECIAL = Reason("pipes, sockets and devices", "they hold no photo, and are never opened")
UNOPENED = Reason("folders that cannot be opened", "give yourself permission to read them, or mount their disk")
IGNORED_PATH = Reason("ignored by a rule", f"a line `!NAME` in a file {IGNORE_FILE} beside NAME takes it in after all")

_BY_SUFFIX = {
    **dict.fromkeys(RAW_SUFFIXES, RAW),
    **dict.fromkeys(VIDEO_SUFFIXES, VIDEO),
    **dict.fromkeys(_OTHER_VIDEOS, OTHER_VIDEO),
    **dict.fromkeys(_OTHERS, OTHER_PICTURE),
    ".jxl": JXL,
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Files and folders left out for one reason."""

    what: str
    fix: str
    paths: tuple[str, ...]  # sorted; a folder's with / behind it

    def __str__(self) -> str:
        return f"{self.what}: {', '.join(self.paths)}"


@dataclass(frozen=True, slots=True)
class FolderPhotos:
    photos: tuple[Path, ...]  # sorted
    left_out: tuple[LeftOut, ...]
    other_files: int  # that are no photos by their names


def photo_folder(folder: Path) -> Path:
    """The folder's absolute path. Raises FolderNotFound where it is missing, or not a folder."""
    try:
        absolute = folder.expanduser().resolve()
        is_there = absolute.is_dir()
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        raise _unopened(folder, error) from error
    if not is_there:
        raise FolderNotFound(
            f"the folder {path_text(absolute)} is not there: check its spelling, or create it and put photos in it"
        )
    return absolute


def find_photos(folder: Path) -> FolderPhotos:
    """All photos below a folder, by their names. Links to folders are not followed, so no circle of them is walked.

    Raises:
        FolderNotFound: it is missing, not a folder, or cannot be opened.
        FileNotReadable: an ignore file cannot be read: what it keeps out would be taken in.
    """
    root = photo_folder(folder)
    try:
        os.scandir(root).close()
    except OSError as error:
        raise _unopened(root, error) from error
    walk = _Walk()
    waiting = [(str(root), IgnoreRules().with_lines(str(root), IGNORED))]
    while waiting:
        waiting += walk.look_into(*waiting.pop())
    left_out = (LeftOut(*reason, tuple(sorted(paths))) for reason, paths in sorted(walk.left_out.items()))
    return FolderPhotos(tuple(sorted(walk.photos)), tuple(left_out), walk.others)


def _unopened(folder: Path, error: Exception) -> FolderNotFound:
    return FolderNotFound(
        f"the folder {path_text(folder)} cannot be opened ({_words(error)}): check it and its permissions"
    )


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """gitignore's: of the lines that fit a path the last one counts, and a file deeper down before one above it."""

    layers: tuple[tuple[int, GitIgnoreSpec], ...] = ()  # letters of the folder in front of a path, and its lines

    def with_lines(self, folder: str, lines: Iterable[str]) -> IgnoreRules:
        """Raises ValueError where a line is no pattern."""
        return IgnoreRules((*self.layers, (len(os.path.join(folder, "")), GitIgnoreSpec.from_lines(lines))))

    def with_file_of(self, folder: str) -> IgnoreRules:
        """Raises FileNotReadable where the folder's ignore file cannot be read."""
        file = Path(folder, IGNORE_FILE)
        try:
            return self.with_lines(folder, os.fsdecode(read_file(file)).removeprefix("\ufeff").splitlines())
        except (OSError, ValueError) as error:
            raise FileNotReadable(
                f"{path_text(file)} cannot be read ({_words(error)}), so what it keeps out is not known: mend it"
            ) from error

    def ignore(self, path: str) -> bool:
        """Whether they leave out what lies at `path`, a folder's with / behind it."""
        answers = (spec.check_file(path[start:]).include for start, spec in reversed(self.layers))
        return bool(next((answer for answer in answers if answer is not None), False))


@cache
def readable_suffixes() -> frozenset[str]:
    """Of what this installation reads: raw photos and JPEG XL with the extra `raw`, videos with the extra `video`."""
    raw = RAW_SUFFIXES if find_spec("rawpy") else frozenset()
    videos = VIDEO_SUFFIXES if find_spec("av") else frozenset()
    return PHOTO_SUFFIXES | raw | videos | ({".jxl"} if find_spec("pillow_jxl") else frozenset())


def is_video(source: Path | bytes) -> bool:
    """Whether a file's name says that it is one."""
    return isinstance(source, Path) and source.suffix.lower() in VIDEO_SUFFIXES


@dataclass(slots=True)
class _Walk:
    photos: list[Path] = field(default_factory=list)
    left_out: dict[Reason, list[str]] = field(default_factory=lambda: defaultdict(list))
    others: int = 0

    def look_into(self, folder: str, rules: IgnoreRules) -> Iterator[tuple[str, IgnoreRules]]:
        """Take note of what lies in a folder; yields the folders in it."""
        try:
            with os.scandir(folder) as listed:
                entries = list(listed)
        except OSError as error:
            self.left_out[UNOPENED].append(f"{path_text(folder)}/: {_words(error)}")
            return
        if any(entry.name == IGNORE_FILE for entry in entries):
            rules = rules.with_file_of(folder)
        there = [(entry, *os.path.splitext(entry.name.lower())) for entry in entries]
        developed = {stem: entry for entry, stem, suffix in there if suffix in _DEVELOPED}
        for entry in entries:
            if not _is_folder(entry):
                self._note_file(entry, rules, developed)
            elif rules.ignore(f"{entry.path}/"):
                self.left_out[IGNORED_PATH].append(f"{path_text(entry.path)}/")
            elif entry.is_symlink():
                self.left_out[LINKED_FOLDER].append(f"{path_text(entry.path)}/")
            else:
                yield entry.path, rules

    def _note_file(self, entry: Entry, rules: IgnoreRules, developed: Mapping[str, Entry]) -> None:
        stem, suffix = os.path.splitext(entry.name.lower())
        fault, is_readable = _fault(entry), suffix in readable_suffixes()
        # A link to nothing may have led to a folder of photos, on a disk that is not there now.
        if suffix not in PHOTO_SUFFIXES and suffix not in _BY_SUFFIX and fault is not BROKEN_LINK:
            self.others += entry.name != IGNORE_FILE
            return
        twin = _twin(entry, suffix, developed[stem]) if stem in developed and not fault else None
        other = twin or (None if is_readable else _BY_SUFFIX.get(suffix))
        reason = IGNORED_PATH if rules.ignore(entry.path) else fault or other
        if reason:
            self.left_out[reason].append(path_text(entry.path))
        else:
            self.photos.append(Path(entry.path))


def _twin(entry: Entry, suffix: str, still: Entry) -> Reason | None:
    """What a file is that lies beside a still of the same name."""
    if suffix in RAW_SUFFIXES and suffix in readable_suffixes():
        return RAW_TWIN
    if suffix not in (".mov", ".mp4"):
        return None
    try:
        video, photo = entry.stat(), still.stat()
    except OSError:
        return None
    is_live = abs(video.st_mtime - photo.st_mtime) <= LIVE_WITHIN_S and video.st_size <= LIVE_BYTES
    return LIVE_TWIN if is_live else None


def _is_folder(entry: Entry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _fault(entry: Entry) -> Reason | None:
    """Why it is no file that can be read."""
    try:
        if entry.is_file():
            return None
        return BROKEN_LINK if entry.is_symlink() and not os.path.exists(entry.path) else SPECIAL
    except OSError:
        return BROKEN_LINK


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
