"""What an embedded index holds, kept with its files: opening Edge reads all points, 4 s and 3 GB at a million faces."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from faceml.files import write_cache
from faceml.storage.index.vector_index import CollectionInfo

FILE = "faceml-info.json"


def keep_info(folder: Path, info: CollectionInfo) -> None:
    """Remember what the index that was just closed holds."""
    content = {"files": _state_of(folder), **asdict(info)}
    write_cache(folder / FILE, json.dumps(content).encode())


def kept_info(folder: Path) -> CollectionInfo | None:
    """What the index held when it was closed; None where that is not known, or any file is another one since."""
    found = _read(folder)
    return found[1] if found is not None and found[0] == _state_of(folder) else None


def kept_points(folder: Path) -> int:
    """How many points there were at some time; 0 where that is not known."""
    found = _read(folder)
    return found[1].points_count if found is not None else 0


def _read(folder: Path) -> tuple[str, CollectionInfo] | None:
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        files = content.pop("files")
        return files, CollectionInfo(**{**content, "payload_indexes": tuple(content["payload_indexes"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _state_of(folder: Path) -> str:
    """Changes with every file's name, size or time."""
    digest = hashlib.sha256()
    try:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != FILE:
                stat = path.stat()
                digest.update(f"{path.relative_to(folder)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    except OSError:  # it is being written to
        return ""
    return digest.hexdigest()
