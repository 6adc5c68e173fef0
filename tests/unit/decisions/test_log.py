"""What is stored of a decision reads back as the decision, in this version and in those before and after it."""

from __future__ import annotations

import json
from dataclasses import asdict
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceml.decisions.about_faces import Assign, Label
from faceml.decisions.decision import Decision, Unknown
from faceml.decisions.log import (
    KINDS,
    Effects,
    decode,
    decode_effects,
    decode_state,
    encode,
    encode_state,
    kind_of,
)
from faceml.decisions.states import FaceState, Labelling
from tests.unit.decisions.drawn import EVERY_KIND, FACE, PEOPLE, states

ADA, BEA, CLEO = PEOPLE
effects = st.builds(Effects, st.none() | st.text(), st.lists(st.sampled_from(PEOPLE)).map(tuple))


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), beside=effects)
def test_every_decision_reads_back_as_it_was_written(kind: str, data: st.DataObject, beside: Effects) -> None:
    decision: Decision = data.draw(EVERY_KIND[KINDS[kind]])
    stored = json.loads(json.dumps(encode(decision, beside)))
    assert kind_of(decision) == kind
    assert decode(kind, decision.person_id, stored) == decision
    assert decode_effects(stored) == beside


@given(states)
def test_every_state_of_a_face_reads_back_as_it_was_written(state: FaceState) -> None:
    assert asdict(decode_state(json.loads(json.dumps(encode_state(state))))) == asdict(state)


def test_what_the_first_versions_did_not_store_is_filled_in() -> None:
    assert decode("label", ADA, {}) == Label(ADA)
    assert decode("label", ADA, {}).words("4 faces", {ADA: "Ada"}) == "labelled a cluster (4 faces) as Ada"
    first = {"person_id": str(ADA), "assigned_by": "manual", "cluster_id": None, "runner_up_id": None}
    assert decode_state(first).dismissed_as is None


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("recolour", {"of": [str(BEA)], "colour": "red"}),
        ("dismiss", {"dismissed_as": "a_statue", "of": str(BEA)}),
        ("split", {"cluster_id": "clu_1", "of": str(BEA)}),
        ("merge", {"into": ["two", "people"], "of": str(BEA)}),
    ],
)
def test_what_a_newer_version_stored_is_told_in_a_line_and_kept(kind: str, details: dict[str, object]) -> None:
    decision = decode(kind, ADA, details)
    assert isinstance(decision, Unknown)
    assert (
        decision.words("2 faces", {})
        == f"decided something that a newer version of faceml understands ({kind}, 2 faces)"
    )
    assert "update" in decision.irreversible
    assert (kind_of(decision), encode(decision)) == (kind, details)
    assert decision.concerns == {ADA, BEA}
    left = FaceState(None, None, "clu_red")
    assert decision.of_face(FACE, Labelling(FaceState(ADA, None, None)), left).state == left


def test_a_decision_tells_itself_with_the_names_people_have_now() -> None:
    decision = Assign(ADA, imported_from="names.csv")
    assert decision.words("1 face", {ADA: "Ada Lovelace"}) == "assigned 1 face to Ada Lovelace from names.csv"
    assert decision.words("1 face", {}) == "assigned 1 face to somebody from names.csv"
    apart = decode("apart", None, {"groups": ["clu_1", str(CLEO)], "sides": [[], [str(UUID(int=9))]]})
    assert apart.words("1 face", {CLEO: "Cleo"}) == "said that clu_1 and Cleo are different people"
