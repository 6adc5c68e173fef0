"""A made-up matcher's record, for whoever only needs one."""

from __future__ import annotations

from uuid import UUID

import numpy as np

from faceml.identity.matcher_file import MatcherRecord, MatcherSettings, pack_ids
from faceml.identity.threshold_map import ThresholdMap
from faceml.metrics.identification import Estimate


def any_record() -> MatcherRecord:
    return MatcherRecord(
        pack="opencv-zoo",
        fingerprint="f",
        snapshot="abc",
        made_at="2025-12-23T10:30:00+00:00",
        settings=MatcherSettings(floor=0.46),
        face_ids=pack_ids([UUID(int=number) for number in (1, 2, 256)]),
        groups=np.array([0, -1, 0], np.int32),
        is_tight=np.array([True, False, False]),
        cohort=np.array([0, 1], np.int32),
        person_ids=pack_ids([UUID(int=9)]),
        person_nearness=np.array([0.2], np.float32),
        head=None,
        thresholds={1e-3: Estimate(0.5, 0.4, 0.6)},
        carried=ThresholdMap((-1.0, 1.0), (-1.2, 0.8), 1.0, 1.0),
    )
