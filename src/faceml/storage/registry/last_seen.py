"""What a registry said last, kept in the library's cache for the day it does not answer."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from faceml.storage.registry.records import ModelCard, RegisteredModel, RegistryState

logger = logging.getLogger(__name__)


def remember(file: Path, state: RegistryState) -> None:
    """Write what was seen; a cache that cannot be written is no error."""
    content = json.dumps(asdict(state), default=datetime.isoformat).encode()
    if not file.exists() or file.read_bytes() != content:
        write_whole(file, content)


def recall(file: Path) -> RegistryState | None:
    """What was seen last; None where nothing was, or the file is damaged."""
    try:
        state = json.loads(file.read_bytes())
        return RegistryState(tuple(_model(entry) for entry in state["versions"]), state["tags"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("%s cannot be read (%s): passed over", file, error)
        return None


def write_whole(file: Path, content: bytes) -> None:
    """Write a cached file so that no reader ever sees a part of it; a cache that cannot be written is no error."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
        Path(name).replace(file)
    except OSError as error:
        logger.warning("%s cannot be written (%s): going on without the cache", file, error)


def _model(entry: dict[str, Any]) -> RegisteredModel:
    return RegisteredModel(
        **{
            **entry,
            "aliases": tuple(entry["aliases"]),
            "card": ModelCard(**entry["card"]) if entry["card"] else None,
            "created_at": datetime.fromisoformat(entry["created_at"]),
        }
    )
