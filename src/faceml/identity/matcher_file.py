"""A matcher as a file: ids of a library's faces and numbers about them, no vectors.

Whoever reads it takes labelled faces and vectors from the library as it is then: new labels count at once, and what
was erased is not found any more. Docs: docs/decisions/0028-a-matcher-holds-no-vectors.md.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.errors import ModelUnavailable, WrongUse
from faceml.identity.cohort import IN_NO_GROUP, MOST_IN_COHORT, NEIGHBOURS
from faceml.identity.matcher import NEARNESS_WEIGHT
from faceml.identity.projection import Head
from faceml.identity.smoothing import GROUP_WEIGHT
from faceml.identity.threshold_map import ThresholdMap
from faceml.metrics.identification import Estimate

FORMAT = 1
UNKNOWN = -1  # no face of the library as it was
ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class MatcherSettings:
    """What it was fitted with."""

    floor: float  # see `faceml.identity.matcher.FLOOR_MARGIN`
    seed: int = 0
    nearness_weight: float = NEARNESS_WEIGHT
    group_weight: float = GROUP_WEIGHT
    neighbours: int = NEIGHBOURS
    most_in_cohort: int = MOST_IN_COHORT


@dataclass(frozen=True, slots=True, eq=False)
class MatcherRecord:
    """A matcher without its vectors: N faces of a library as they were grouped, U of them the cohort, K people."""

    pack: str
    fingerprint: str  # of the pack whose vectors it takes
    snapshot: str  # hash of the labels it was fitted on
    made_at: str  # ISO 8601, UTC
    settings: MatcherSettings
    face_ids: NDArray[np.uint8]  # (N, 16) ascending
    groups: NDArray[np.int32]  # (N,) -1: in no group
    is_tight: NDArray[np.bool_]  # (N,) fits its group closely
    cohort: NDArray[np.int32]  # (U,) rows of face_ids
    person_ids: NDArray[np.uint8]  # (K, 16)
    person_nearness: NDArray[np.float32]  # (K,) as it was fitted, for reports; later labels change it
    head: Head | None  # linear; None where the library had too few faces for one
    thresholds: Mapping[float, Estimate]  # score by the share of strangers that may pass, with its interval
    carried: ThresholdMap  # cosine of the plain way → score that as many strangers reach

    def __post_init__(self) -> None:
        """Raises WrongUse where the shapes do not fit together."""
        faces, people = len(self.face_ids), len(self.person_ids)
        found = (self.face_ids.shape, self.person_ids.shape, self.groups.shape, self.is_tight.shape)
        if found != ((faces, ID_BYTES), (people, ID_BYTES), (faces,), (faces,)):
            raise WrongUse(f"ids {found[0]} and {found[1]}, groups {found[2]} and marks {found[3]} do not fit together")
        if self.person_nearness.shape != (people,) or self.cohort.ndim != 1:
            raise WrongUse(f"{people} people need as many numbers, not {self.person_nearness.shape}")
        if len(self.cohort) and not 0 <= self.cohort.min() <= self.cohort.max() < faces:
            raise WrongUse(f"the cohort names faces beyond the {faces} there are")
        if (self.groups < IN_NO_GROUP).any() or (as_keys(self.face_ids)[1:] <= as_keys(self.face_ids)[:-1]).any():
            raise WrongUse("groups are numbers from -1, and ids ascend")
        if self.head is not None and (self.head.layers or self.head.skip is None):
            raise WrongUse("a matcher's head is linear")

    def facts(self) -> tuple[str, ...]:
        """What there is to know of it, in words."""
        read = ", ".join(
            f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f}) at {fmr:.1%} of strangers"
            for fmr, found in sorted(self.thresholds.items())
        )
        return (
            f"Library: {len(self.face_ids):,} faces, {len(self.cohort):,} of them stand for everybody",
            f"Whitening: {'fitted on the library' if self.head else 'not yet, the library had too few faces for it'}",
            f"Threshold: {read or 'too few labels to read one off'}; 0.6 in cosines is {self.carried.of(0.6):.3f}",
        )

    def rows_of(self, face_ids: Sequence[UUID]) -> NDArray[np.intp]:
        """(P,) row of each of these faces; -1: it was not there."""
        known, asked = as_keys(self.face_ids), as_keys(pack_ids(face_ids))
        if not len(known):
            return np.full(len(asked), UNKNOWN)
        rows = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        return np.where(known[rows] == asked, rows, UNKNOWN)


def pack_ids(ids: Sequence[UUID]) -> NDArray[np.uint8]:
    """(N, 16) bytes of ids.

    >>> unpack_ids(pack_ids([UUID(int=7)]))
    [UUID('00000000-0000-0000-0000-000000000007')]
    """
    return np.frombuffer(b"".join(id_.bytes for id_ in ids), np.uint8).reshape(-1, ID_BYTES)


def unpack_ids(packed: NDArray[np.uint8]) -> list[UUID]:
    return [UUID(bytes=row.tobytes()) for row in packed]


def as_keys(packed: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """(N,) ids that numpy compares as a whole."""
    return np.ascontiguousarray(packed).view(f"S{ID_BYTES}").reshape(-1)


def write_matcher(record: MatcherRecord, notes: Mapping[str, str]) -> bytes:
    """The record as the content of an .npz file; `notes` go with it."""
    facts = {
        "format": FORMAT,
        "pack": record.pack,
        "fingerprint": record.fingerprint,
        "snapshot": record.snapshot,
        "made_at": record.made_at,
        "settings": asdict(record.settings),
        "thresholds": {repr(fmr): asdict(found) for fmr, found in record.thresholds.items()},
        "carried": asdict(record.carried),
        "notes": dict(notes),
    }
    arrays = {name: getattr(record, name) for name in _ARRAYS}
    if record.head is not None and record.head.skip is not None:
        arrays |= {"head_mean": record.head.mean, "head_skip": record.head.skip}
    file = io.BytesIO()
    np.savez_compressed(file, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)
    return file.getvalue()


def read_matcher(content: bytes) -> tuple[MatcherRecord, dict[str, str]]:
    """A record that `write_matcher` wrote, with its notes.

    Raises:
        ModelUnavailable: the content is not such a file, or a newer faceml wrote it.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        facts = json.loads(arrays.pop("facts").tobytes())
        if facts["format"] > FORMAT:
            raise ModelUnavailable("a newer faceml fitted this matcher: upgrade faceml, or fit it again")
        return _record(facts, arrays), dict(facts["notes"])
    except _DAMAGED as error:
        reason = " ".join(str(error).split())
        raise ModelUnavailable(f"this is not a matcher of faceml's ({type(error).__name__}: {reason})") from error


_ARRAYS = ("face_ids", "groups", "is_tight", "cohort", "person_ids", "person_nearness")
_DAMAGED = (
    *(WrongUse, OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, IndexError),
    *(RuntimeError, zipfile.BadZipFile, zlib.error),
)


def _record(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> MatcherRecord:
    values: dict[str, Any] = {
        **{name: facts[name] for name in ("pack", "fingerprint", "snapshot", "made_at")},
        **{name: arrays[name] for name in _ARRAYS},
        "settings": MatcherSettings(**facts["settings"]),
        "head": Head(arrays["head_mean"], arrays["head_skip"], ()) if "head_mean" in arrays else None,
        "thresholds": {float(fmr): Estimate(**found) for fmr, found in facts["thresholds"].items()},
        "carried": ThresholdMap.from_json(json.dumps(facts["carried"])),
    }
    return MatcherRecord(**values)
