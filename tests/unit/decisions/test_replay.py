"""Replay gives what a slow, obvious reading gives: start from nothing, apply the decisions that stand in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceml.decisions.about_faces import (
    Assign,
    ChooseExemplars,
    Confirm,
    Dismiss,
    Label,
    LabelSome,
    Reject,
    RejectEach,
    Restore,
    Split,
    Unassign,
)
from faceml.decisions.about_people import ChooseCover, Describe, Hide, Merge, Relate, Rename, Unhide
from faceml.decisions.decision import Decision, Redo, Undo
from faceml.decisions.log import Event, FaceEvent
from faceml.decisions.replay import Undos, became, follow_merges, replay, replay_person, survivor, void
from faceml.decisions.states import FaceState, Labelling, PersonState, is_split_part, person_cluster
from faceml.errors import Conflict
from faceml.records import AssignedBy, Dismissal, PersonStatus
from tests.unit.decisions.drawn import FACE, PEOPLE, about_faces, about_people, person, states

FOUND = FaceState(None, None, "clu_1")  # before anybody decided
PARTS = st.sampled_from(["clu_1_sub_aaaaaa", "clu_1_sub_bbbbbb", None])


def event(id_: int, decision: Decision) -> Event[Decision]:
    return Event(id_, decision, "ada", datetime(2026, 1, 1, tzinfo=UTC))


@dataclass
class Diary:
    """A face as decisions, machines and undos change it, each written down as the library does."""

    now: Labelling = field(default_factory=lambda: Labelling(FOUND))
    steps: list[FaceEvent] = field(default_factory=list)
    pairs: list[tuple[int, int]] = field(default_factory=list)
    # With the part of a split, and whom the face was under.
    decided: dict[int, tuple[Decision, str | None, UUID | None]] = field(default_factory=dict)
    last: int = 0

    @property
    def undos(self) -> Undos:
        return Undos(tuple(self.pairs))

    def write(self, decision: Decision, after: Labelling) -> int:
        self.last += 1
        self.steps.append(FaceEvent(event(self.last, decision), self.now.state, after.state))
        self.now = after
        return self.last

    def decide(self, decision: Decision, part: str | None) -> None:
        if isinstance(decision, Split) and self.now.state.cluster_id is None:
            return  # a split is of a cluster's faces
        after = decision.of_face(FACE, self.now, replace(self.now.state, cluster_id=part))
        shown = self.now.state.person_id
        self.decided[self.write(decision, after)] = (decision, part, shown)

    def machine(self, who: UUID | None, cluster: str) -> None:
        """Put the face under somebody or in a cluster, where no person's word forbids it."""
        state = self.now.state
        if state.assigned_by is not AssignedBy.MANUAL and who is not None and who not in self.now.ruled_out:
            state = FaceState(who, AssignedBy.PROTOTYPE, state.cluster_id, 0.8)
        elif state.person_id is None and state.dismissed_as is None and not is_split_part(state.cluster_id):
            state = replace(state, cluster_id=cluster)
        self.now = replace(self.now, state=state)

    def take_back(self, event_id: int) -> int:
        """The event of this undo or redo, by which it can be taken back itself."""
        self.pairs.append((self.last + 1, event_id))
        is_redo = self.undos.stands(self.undos.decision_of(event_id))
        after = replay(FACE, self.steps, self.now, self.undos.stands)
        return self.write(Redo() if is_redo else Undo(), after)

    def obvious(self) -> Labelling:
        return obvious(said for id_, said in self.decided.items() if self.undos.stands(id_))


def obvious(said: Iterable[tuple[Decision, str | None, UUID | None]]) -> Labelling:
    """How a face is labelled that no machine touched, after these decisions."""
    who: UUID | None = None
    by_hand = is_exemplar = False
    dismissed: Dismissal | None = None
    cluster = FOUND.cluster_id
    never: set[UUID] = set()
    for decision, part, shown in said:
        if isinstance(decision, LabelSome) and FACE in decision.left_out:
            decision = Reject(decision.person_id, decision.people)
        if isinstance(decision, RejectEach):
            theirs = [id_ for id_ in decision.counted if FACE in decision.of_faces.get(id_, ())]
            if not theirs:
                continue
            decision = Reject(theirs[0], decision.counted[theirs[0]])
        match decision:
            case Label() | Assign():
                is_exemplar = FACE in decision.exemplars or (is_exemplar and who in decision.people)
                who, by_hand, dismissed = decision.person_id, True, None
                never -= decision.people
            case Confirm() if shown in decision.counted:
                is_exemplar = is_exemplar and who in decision.counted[shown]
                who, by_hand, dismissed = shown, True, None
                never -= decision.counted[shown]
            case Restore() if dismissed is not None:
                who, by_hand, is_exemplar, cluster, dismissed = None, False, False, None, None
            case Unassign():
                who, by_hand, is_exemplar, dismissed = None, True, False, None
            case Reject():
                never.add(decision.person_id)
                if who in decision.people:
                    who, by_hand, is_exemplar, cluster = None, False, False, None
            case Dismiss():
                who, by_hand, is_exemplar, cluster, dismissed = None, True, False, None, decision.dismissed_as
            case ChooseExemplars() if FACE in decision.exemplars:
                who = who if who in decision.people else decision.person_id
                by_hand, is_exemplar, dismissed = True, True, None
                never -= decision.people
            case ChooseExemplars() if who in decision.people:
                is_exemplar = False
            case Split() if dismissed is None:
                cluster = part
    state = FaceState(who, AssignedBy.MANUAL if by_hand else None, cluster, dismissed_as=dismissed)
    return Labelling(state, is_exemplar, frozenset(never))


said = st.tuples(about_faces, PARTS)
acts = st.tuples(st.none() | person, st.sampled_from(["clu_1", "clu_2"]))
picks = st.integers(0, 1000)


@st.composite
def diaries(draw: st.DrawFn, *, with_machines: bool = False) -> Diary:
    """Decisions about a face, taken back and made again in between, and machines at work where that is asked for."""
    diary = Diary()
    for move in draw(st.lists(st.one_of(said, picks, acts) if with_machines else st.one_of(said, picks), max_size=15)):
        standing = [id_ for id_ in range(1, diary.last + 1) if diary.undos.stands(id_)]
        if isinstance(move, int):
            if standing:
                diary.take_back(standing[move % len(standing)])
        elif isinstance(move[0], Decision):
            diary.decide(move[0], move[1])
        else:
            diary.machine(*move)
    return diary


@given(diaries())
def test_replay_is_the_decisions_that_stand_applied_in_order(diary: Diary) -> None:
    assert diary.now == diary.obvious()
    assert replay(FACE, diary.steps, diary.now, diary.undos.stands) == diary.now


@given(diaries(with_machines=True), picks)
def test_undo_then_redo_changes_nothing(diary: Diary, pick: int) -> None:
    standing = [id_ for id_ in diary.decided if diary.undos.stands(id_)]
    if not standing:
        return
    before = diary.now
    diary.take_back(diary.take_back(standing[pick % len(standing)]))
    assert diary.now == before


@given(diaries(with_machines=True), st.data())
def test_decisions_may_be_taken_back_in_any_order(diary: Diary, data: st.DataObject) -> None:
    standing = [id_ for id_ in diary.decided if diary.undos.stands(id_)]
    chosen = data.draw(st.lists(st.sampled_from(standing), unique=True)) if standing else []
    ends = []
    for order in (chosen, data.draw(st.permutations(chosen))):
        again = Diary(diary.now, list(diary.steps), list(diary.pairs), dict(diary.decided), diary.last)
        for event_id in order:
            again.take_back(event_id)
        ends.append(again.now)
    assert ends[0] == ends[1]


@given(states)
def test_a_face_nobody_decided_about_stays_as_it_is(state: FaceState) -> None:
    assert replay(FACE, [], Labelling(state), lambda _: True) == Labelling(state)


@given(diaries(with_machines=True))
def test_no_machine_is_heard_where_a_person_spoke(diary: Diary) -> None:
    now = replay(FACE, diary.steps, diary.now, diary.undos.stands)
    without = diary.obvious()
    if without.state.assigned_by is AssignedBy.MANUAL:
        assert (now.state.assigned_by, now.state.dismissed_as) == (AssignedBy.MANUAL, without.state.dismissed_as)
    assert now.ruled_out == without.ruled_out


@given(diaries(with_machines=True), st.lists(acts), person)
def test_a_name_made_again_is_as_before_whatever_machines_did_meanwhile(
    diary: Diary, meanwhile: list[tuple[UUID | None, str]], who: UUID
) -> None:
    diary.decide(Assign(who, frozenset({who})), None)
    before = diary.now
    undo_id = diary.take_back(diary.last)
    if diary.now.state.assigned_by is AssignedBy.MANUAL:
        return  # an earlier word stands, so machines keep off
    for act in meanwhile:
        diary.machine(*act)
    diary.take_back(undo_id)
    assert diary.now == before


def test_who_is_found_again_by_other_evidence_is_found_by_the_newer() -> None:
    one, other, *_ = PEOPLE
    seen = FaceState(one, AssignedBy.PROTOTYPE, "clu_1", 0.8, runner_up_id=other, runner_up_similarity=0.4)
    now = replace(seen, similarity=0.9, runner_up_id=None, runner_up_similarity=None)
    steps = [FaceEvent(event(1, Reject(other, frozenset({other}))), seen, seen)]
    found = replay(FACE, steps, Labelling(now), lambda _: True)
    assert found == Labelling(now, False, frozenset({other}))
    assert replay(FACE, steps, found, lambda _: True) == found


def test_a_face_dismissed_again_is_in_no_part_of_a_split_made_meanwhile() -> None:
    diary = Diary()
    diary.decide(Dismiss(Dismissal.STRANGER), None)
    undo_id = diary.take_back(diary.last)
    diary.decide(Split("clu_1", 2), "clu_1_sub_aaaaaa")
    assert diary.now.state.cluster_id == "clu_1_sub_aaaaaa"
    diary.take_back(undo_id)
    assert diary.now == diary.obvious()
    assert diary.now.state.cluster_id is None


def test_an_exemplar_that_a_machine_put_under_somebody_is_confirmed_as_whom_the_person_means() -> None:
    ada, merged_into_ada = PEOPLE[:2]
    choice = ChooseExemplars(ada, frozenset({ada, merged_into_ada}), frozenset({FACE}))
    for assigned_by, who in ((AssignedBy.PROTOTYPE, ada), (AssignedBy.MANUAL, merged_into_ada)):
        before = Labelling(FaceState(merged_into_ada, assigned_by, "clu_1"))
        assert choice.of_face(FACE, before, FOUND).state == FaceState(who, AssignedBy.MANUAL, "clu_1")


# --- people


def obvious_person(who: UUID, said: Sequence[Decision]) -> PersonState:
    name, status, into, cover = "Ada", PersonStatus.ACTIVE, None, None
    details: dict[str, Any] = {}
    kin: dict[UUID, str] = {}
    for decision in said:
        if decision.person_id == who and isinstance(decision, Describe):
            details |= decision.details
        if isinstance(decision, Relate) and who in (decision.person_id, decision.other):
            kin.pop(decision.other if who == decision.person_id else decision.person_id, None)
            kin |= {decision.other: decision.kin} if decision.kin and who == decision.person_id else {}
        if decision.person_id == who and isinstance(decision, ChooseCover):
            cover = decision.cover
        if isinstance(decision, Rename) and who in decision.names:
            name = decision.names[who][1]
        elif decision.person_id == who and isinstance(decision, Merge):
            status, into = PersonStatus.MERGED, decision.into
        elif decision.person_id == who and isinstance(decision, Hide | Unhide):
            status, into = PersonStatus.HIDDEN if isinstance(decision, Hide) else PersonStatus.ACTIVE, None
    return PersonState(name, status, into, cover, **details, kin=frozenset(kin.items()))


@given(st.lists(about_people, max_size=8), st.sets(st.integers(1, 8)), person)
def test_a_person_is_who_the_decisions_that_stand_say(said: list[Decision], undone: set[int], who: UUID) -> None:
    events = [event(number, decision) for number, decision in enumerate(said, start=1)]
    found = replay_person(who, events, "Ada", lambda id_: id_ not in undone)
    expected = obvious_person(who, [decision for number, decision in enumerate(said, start=1) if number not in undone])
    renamings = [decision.names[who] for decision in said if isinstance(decision, Rename) and who in decision.names]
    was_renamed = any(
        isinstance(d, Rename) and who in d.names and number not in undone for number, d in enumerate(said, start=1)
    )
    assert found == (expected if was_renamed or not renamings else replace(expected, name=renamings[0][0]))


@given(states, st.frozensets(person))
def test_with_nobody_merged_a_persons_word_stays_as_it_is(state: FaceState, ruled_out: frozenset[UUID]) -> None:
    by_hand = replace(state, assigned_by=AssignedBy.MANUAL, person_id=state.person_id or PEOPLE[0])
    labelling = Labelling(by_hand, True, ruled_out)
    assert follow_merges(labelling, {}, PEOPLE) == labelling


@given(st.permutations(PEOPLE), st.frozensets(person))
def test_a_face_follows_merges_until_one_that_it_was_said_not_to_show(
    order: list[UUID], ruled_out: frozenset[UUID]
) -> None:
    first, second, third = order
    merged = {first: second, second: third}
    labelling = Labelling(FaceState(first, AssignedBy.MANUAL, "clu_1"), True, ruled_out)
    found = follow_merges(labelling, merged, PEOPLE)
    is_free = bool({second, third} & ruled_out)
    assert found.state.person_id == (None if is_free else survivor(first, merged))
    assert found.is_exemplar is not is_free


# --- undos


@given(st.lists(picks, max_size=12))
def test_what_stands_and_what_an_undo_is_about_are_what_they_say(drawn: list[int]) -> None:
    pairs: list[tuple[int, int]] = []
    for number, pick in enumerate(drawn, start=5):  # events 1 to 4 are decisions
        pairs.append((number, pick % (number - 1) + 1))
    undos = Undos(tuple(pairs))

    def stands(event_id: int) -> bool:
        return not any(target == event_id and stands(undo_id) for undo_id, target in pairs)

    def root(event_id: int) -> int:
        return root(dict(pairs)[event_id]) if event_id in dict(pairs) else event_id

    ids = range(1, 5 + len(pairs))
    assert [undos.stands(id_) for id_ in ids] == [stands(id_) for id_ in ids]
    assert [undos.decision_of(id_) for id_ in ids] == [root(id_) for id_ in ids]
    assert undos.about(1) == [id_ for id_ in ids if root(id_) == 1]
    spoken_of = [root(id_) for id_, _ in reversed(pairs) if not stands(root(id_))]
    assert undos.latest == (spoken_of[0] if spoken_of else None)
    if pairs:
        then = undos.with_another(pairs[-1][0])
        assert then.stands(pairs[-1][1]) != undos.stands(pairs[-1][1]) or not then.stands(pairs[-1][0])


@pytest.mark.parametrize("circle", [1, 2, 3])
def test_people_merged_in_a_circle_are_told_and_not_followed_for_ever(circle: int) -> None:
    merged = {PEOPLE[number]: PEOPLE[(number + 1) % circle] for number in range(circle)}
    with pytest.raises(Conflict, match="merged into themselves"):
        survivor(PEOPLE[0], merged)
    assert became(PEOPLE[0], {PEOPLE[0]: PEOPLE[1], PEOPLE[1]: PEOPLE[2]}) == [PEOPLE[1], PEOPLE[2]]


def test_what_is_done_to_a_face_that_a_merge_has_freed_is_done_to_a_free_face() -> None:
    """Said not to be P, found as Q, free since P became Q: nothing that came later is about Q's face any more."""
    p, q, r = PEOPLE[:3]
    merged, free = {p: q}, FaceState(None, None, None)
    found = {who: FaceState(who, AssignedBy.PROTOTYPE, person_cluster(who), 0.8) for who in (p, q, r)}
    rejected = FaceEvent(event(1, Reject(p, frozenset({p}))), found[p], free)
    freed = FaceEvent(event(2, Merge(p, q)), found[q], free)
    grouped, part = replace(free, cluster_id="clu_7"), replace(free, cluster_id="clu_7_sub_aaaaaa")
    split = FaceEvent(event(3, Split("clu_7", 2)), grouped, part)
    refused = FaceEvent(event(4, Reject(q, frozenset({p, q}))), part, part)

    def settled(steps: Sequence[FaceEvent], now: FaceState) -> FaceState:
        """As all decisions have it, as the library's services ask."""
        here = Labelling(now, False, frozenset({p}))
        said = replay(FACE, steps, here, lambda _: True, partial(void, merged=merged, people=PEOPLE))
        return follow_merges(said, merged, PEOPLE, now).at_home.state

    in_no_cluster = replace(found[r], cluster_id=None)
    assert settled([rejected, freed], in_no_cluster) == in_no_cluster
    assert settled([rejected, freed, split], part) == part
    assert settled([rejected, freed, split, refused], part) == part
