"""A matcher's file: whatever goes in comes out, and whatever else it is given it refuses in one line."""

from __future__ import annotations

import io
import pickle
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceml.errors import ModelUnavailable, WrongUse
from faceml.identity.matcher_file import (
    MatcherRecord,
    MatcherSettings,
    as_keys,
    pack_ids,
    read_matcher,
    unpack_ids,
    write_matcher,
)
from faceml.identity.projection import Head, Layer
from faceml.identity.threshold_map import ThresholdMap
from faceml.metrics.identification import Estimate
from tests.records import any_record

ARRAYS = ("face_ids", "groups", "is_tight", "cohort", "person_ids", "person_nearness")
SCORE = st.floats(-1, 1)


@st.composite
def records(draw: st.DrawFn) -> MatcherRecord:
    faces = sorted(draw(st.sets(st.uuids(), min_size=1, max_size=12)))
    people = sorted(draw(st.sets(st.uuids(), max_size=4)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    width = draw(st.integers(1, 5))
    head = Head(rng.normal(size=width).astype(np.float32), rng.normal(size=(width, width)).astype(np.float32), ())
    return MatcherRecord(
        pack=draw(st.text(max_size=9)),
        fingerprint=draw(st.text("0123456789abcdef", max_size=9)),
        snapshot="abc",
        made_at="2025-12-23T10:30:00+00:00",
        settings=MatcherSettings(floor=draw(SCORE), seed=draw(st.integers(0, 9))),
        face_ids=pack_ids(faces),
        groups=rng.integers(-1, 3, len(faces)).astype(np.int32),
        is_tight=rng.random(len(faces)) < 0.5,
        cohort=np.sort(rng.permutation(len(faces))[: len(faces) // 2]).astype(np.int32),
        person_ids=pack_ids(people),
        person_nearness=rng.random(len(people)).astype(np.float32),
        head=draw(st.sampled_from((head, None))),
        thresholds=draw(st.dictionaries(st.sampled_from((1e-2, 1e-3)), st.builds(Estimate, SCORE, SCORE, SCORE))),
        carried=ThresholdMap((-1.0, draw(SCORE)), (-1.0, draw(SCORE)), draw(SCORE), draw(SCORE)),
    )


@settings(max_examples=50, deadline=None)
@given(records(), st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
def test_a_record_survives_its_file(record: MatcherRecord, notes: dict[str, str]) -> None:
    content = write_matcher(record, notes)
    back, told = read_matcher(content)
    assert told == notes
    for name in ("pack", "fingerprint", "snapshot", "made_at", "settings", "thresholds", "carried"):
        assert getattr(back, name) == getattr(record, name)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(back, name), getattr(record, name))
        assert getattr(back, name).dtype == getattr(record, name).dtype
    assert (back.head is None) == (record.head is None)
    if back.head is not None and record.head is not None:
        np.testing.assert_array_equal(back.head.mean, record.head.mean)
        np.testing.assert_array_equal(back.head.skip, record.head.skip)
    assert write_matcher(back, told) == content, "the same matcher is the same file, so its checksum tells it"


@settings(max_examples=50, deadline=None)
@given(records(), st.lists(st.uuids(), max_size=4))
def test_a_face_is_found_by_its_id_and_others_are_not(record: MatcherRecord, others: list[UUID]) -> None:
    known = unpack_ids(record.face_ids)
    asked = [*known[::-1], *(id_ for id_ in others if id_ not in known)]
    expected = [*range(len(known))[::-1], *[-1] * (len(asked) - len(known))]
    assert record.rows_of(asked).tolist() == expected
    assert record.rows_of([]).tolist() == []


def test_ids_that_end_in_zeros_keep_their_order() -> None:
    """numpy's byte strings drop zeros at the end when they are printed, not when they are compared."""
    ids = [UUID(int=1), UUID(int=1 << 64), UUID(int=1 << 120)]
    record = replace(any_record(), face_ids=pack_ids(ids))
    assert record.rows_of([ids[2], ids[1], UUID(int=1 << 119)]).tolist() == [2, 1, -1]
    assert (np.diff(as_keys(record.face_ids).argsort()) == 1).all()


def npz(**arrays: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        pickle.dumps({"facts": 1}),
        npz(vectors=np.eye(3)),
        npz(facts=np.frombuffer(b"{}", np.uint8)),
        npz(facts=np.frombuffer(b'{"format": "x"}', np.uint8)),
        npz(facts=np.array([{}], object)),
    ],
    ids=["nothing", "garbage", "a pickle", "another npz", "no facts", "a foreign format", "objects"],
)
def test_a_foreign_file_is_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(ModelUnavailable, match="not a matcher of faceml's") as refusal:
        read_matcher(content)
    assert "\n" not in str(refusal.value)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused_or_reads_as_it_was(data: st.DataObject) -> None:
    content = bytearray(write_matcher(any_record(), {}))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(1, len(content)))
    try:
        back, _ = read_matcher(bytes(content[:cut]))
    except ModelUnavailable:
        return
    np.testing.assert_array_equal(back.face_ids, any_record().face_ids)


def test_a_newer_format_says_so() -> None:
    facts = np.frombuffer(b'{"format": 2}', np.uint8)
    with pytest.raises(ModelUnavailable, match="a newer faceml"):
        read_matcher(npz(facts=facts))


@pytest.mark.parametrize(
    "change",
    [
        {"groups": np.zeros(2, np.int32)},
        {"groups": np.array([0, -2, 0], np.int32)},
        {"cohort": np.array([3], np.int32)},
        {"cohort": np.array([-1], np.int32)},
        {"person_nearness": np.zeros(2, np.float32)},
        {"face_ids": pack_ids([UUID(int=2), UUID(int=1), UUID(int=3)])},
        {"face_ids": pack_ids([UUID(int=1), UUID(int=1), UUID(int=3)])},
        {"head": Head(np.zeros(2, np.float32), None, (Layer(np.eye(2, dtype=np.float32), np.zeros(2, np.float32)),))},
    ],
    ids=["groups", "group", "cohort", "row", "people", "order", "twice", "head"],
)
def test_what_does_not_fit_together_is_no_matcher(change: dict[str, object]) -> None:
    with pytest.raises(WrongUse):
        replace(any_record(), **change)  # type: ignore[arg-type]
