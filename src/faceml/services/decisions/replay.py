"""What the decisions that stand amount to: replayed in order, as if the ones taken back had never been made.

So a decision can be taken back at any time and in any order (DESIGN D4). Merges move no face here: a face keeps the
person it was put under, and `settled` follows the merges that stand, so taking a merge back gives the faces back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from faceml.records import AssignedBy, Dismissal, PersonStatus
from faceml.storage.sql.events import Event, Step
from faceml.storage.sql.face_states import FaceState, is_split_part

PEOPLE_KINDS = ("merge", "rename", "hide", "unhide")  # decisions about people; the others are about faces


@dataclass(frozen=True, slots=True)
class Word:
    """What a decision says about the faces that it names."""

    kind: str
    person_id: UUID | None = None
    people: frozenset[UUID] = frozenset()  # who counted as that person: they, and all who were merged into them by then
    exemplars: frozenset[UUID] = frozenset()
    dismissed_as: Dismissal | None = None

    def details(self) -> dict[str, Any]:
        dismissed = {"dismissed_as": str(self.dismissed_as)} if self.dismissed_as else {}
        return {"people": sorted(map(str, self.people)), "exemplars": sorted(map(str, self.exemplars)), **dismissed}

    @staticmethod
    def of(event: Event) -> Word:
        people, exemplars = (frozenset(map(UUID, event.details.get(key, ()))) for key in ("people", "exemplars"))
        dismissed_as = event.details.get("dismissed_as")
        return Word(event.kind, event.person_id, people, exemplars, Dismissal(dismissed_as) if dismissed_as else None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a face by people's decisions, and where these leave room by automatic steps."""

    state: FaceState
    is_exemplar: bool = False
    ruled_out: frozenset[UUID] = frozenset()


def say(word: Word, face_id: UUID, verdict: Verdict, *, cluster_id: str | None = None) -> Verdict:
    """The verdict after one more decision.

    Args:
        cluster_id: the part that a split puts the face in.
    """
    state, under = verdict.state, verdict.state.person_id in word.people
    match word.kind:
        case "label" | "assign":
            is_exemplar = face_id in word.exemplars or (verdict.is_exemplar and under)
            named = FaceState(word.person_id, AssignedBy.MANUAL, state.cluster_id)
            return Verdict(named, is_exemplar, verdict.ruled_out - word.people)
        case "unassign":
            # Manual without a person: a decision too, so automatic steps keep off.
            return Verdict(FaceState(None, AssignedBy.MANUAL, state.cluster_id), False, verdict.ruled_out)
        case "dismiss":
            # Out of its cluster too: a group of people is no place for what nobody is to be asked about.
            dismissed = FaceState(None, AssignedBy.MANUAL, None, dismissed_as=word.dismissed_as)
            return Verdict(dismissed, False, verdict.ruled_out)
        case "reject" if word.person_id is not None:
            ruled_out = verdict.ruled_out | {word.person_id}
            # Out of its cluster too: that is the person's, and only a face in none is recognised anew.
            return Verdict(_FREE, False, ruled_out) if under else replace(verdict, ruled_out=ruled_out)
        case "exemplars" if face_id in word.exemplars:
            # Whoever stands for a person is that person: said by hand, if only a machine had said so.
            person_id = state.person_id if under and state.assigned_by is AssignedBy.MANUAL else word.person_id
            chosen = FaceState(person_id, AssignedBy.MANUAL, state.cluster_id)
            return Verdict(chosen, True, verdict.ruled_out - word.people)
        case "exemplars" if under:
            return replace(verdict, is_exemplar=False)
        case "split" if state.dismissed_as is None:
            return replace(verdict, state=replace(state, cluster_id=cluster_id))
    return verdict


def replay(face_id: UUID, steps: Sequence[Step], now: Verdict, stands: Callable[[int], bool]) -> Verdict:
    """The verdict on a face if only the decisions that stand had been made; merges are left to `settled`.

    What automatic steps did in between shows as a gap, one step's end differing from the next one's start; it counts
    where no decision speaks.

    Args:
        steps: its history, oldest first.
        now: how it is.
    """
    if not steps:
        return now
    seen = steps[0].before
    verdict = Verdict(seen)
    for step in steps:
        verdict = _let_machine_act(verdict, seen, step.before)
        if stands(step.event.id):
            verdict = say(Word.of(step.event), face_id, verdict, cluster_id=step.after.cluster_id)
        seen = step.after
    return _let_machine_act(verdict, seen, now.state)


def settled(verdict: Verdict, merged: Mapping[UUID, UUID], people: Collection[UUID]) -> Verdict:
    """The verdict with merged people followed to whom they became.

    A face that a person put under somebody, and ruled out for one whom that somebody was merged into, goes free: it was
    said not to be them. What a machine said gives way to any rejection, and falls where its person is gone.

    Args:
        merged: whom each merged person was merged into.
        people: all who are there.
    """
    state, person_id = verdict.state, verdict.state.person_id
    if person_id is None:
        return replace(verdict, is_exemplar=False)
    is_manual = state.assigned_by is AssignedBy.MANUAL
    # A person's word about somebody is void only where they were erased.
    is_free = person_id not in people or (
        not is_manual and survivor(person_id, merged) in {survivor(id_, merged) for id_ in verdict.ruled_out}
    )
    while person_id in merged:
        person_id = merged[person_id]
        is_free = is_free or person_id in verdict.ruled_out
    if is_free:
        return Verdict(_FREE, False, verdict.ruled_out)
    runner_up_id = state.runner_up_id if state.runner_up_id in people else None
    return replace(verdict, state=replace(state, person_id=person_id, runner_up_id=runner_up_id))


def survivor(person_id: UUID, merged: Mapping[UUID, UUID]) -> UUID:
    while person_id in merged:
        person_id = merged[person_id]
    return person_id


def taken_back(undos: Sequence[tuple[int, int]]) -> dict[int, int]:
    """The events that do not stand, and by which undo; an undo that was itself undone counts for nothing.

    Args:
        undos: (event, event that it takes back).

    >>> taken_back([(3, 1), (4, 3), (5, 2)])
    {2: 5, 3: 4}
    """
    answer: dict[int, int] = {}
    for event_id, undoes_id in sorted(undos, reverse=True):
        if event_id not in answer:  # whatever could take it back is newer, and has been looked at
            answer[undoes_id] = event_id
    return answer


def latest_taken_back(undos: Sequence[tuple[int, int]]) -> int | None:
    """The decision that is taken back, and was spoken of last; None where all stand.

    Args:
        undos: (event, event that it takes back), oldest first.

    >>> latest_taken_back([(3, 1), (4, 2), (5, 3)])
    2
    """
    decision_of: dict[int, int] = {}
    spoken_of: dict[int, int] = {}
    for event_id, undoes_id in undos:
        decision = decision_of[event_id] = decision_of.get(undoes_id, undoes_id)
        spoken_of[decision] = event_id
    held_back = [decision for decision in taken_back(undos) if decision in spoken_of]
    return max(held_back, key=spoken_of.__getitem__, default=None)


def replay_name(person_id: UUID, events: Sequence[Event], now: str, stands: Callable[[int], bool]) -> str:
    """The person's name by the renamings that stand; `events` oldest first."""
    renamings = [(event.id, event.details["names"][str(person_id)]) for event in events if _renames(event, person_id)]
    name = renamings[0][1][0] if renamings else now
    for event_id, (_, after) in renamings:
        name = after if stands(event_id) else name
    return str(name)


def replay_status(
    person_id: UUID, events: Sequence[Event], stands: Callable[[int], bool]
) -> tuple[PersonStatus, UUID | None]:
    """The person's status, and whom they were merged into, by the decisions that stand."""
    answer: tuple[PersonStatus, UUID | None] = (PersonStatus.ACTIVE, None)
    for event in events:
        if event.person_id != person_id or not stands(event.id):
            continue
        match event.kind:
            case "merge":
                answer = (PersonStatus.MERGED, UUID(event.details["into"]))
            case "hide":
                answer = (PersonStatus.HIDDEN, None)
            case "unhide":
                answer = (PersonStatus.ACTIVE, None)
    return answer


def _renames(event: Event, person_id: UUID) -> bool:
    return event.kind == "rename" and str(person_id) in event.details["names"]


_FREE = FaceState(None, None, None)


def _let_machine_act(verdict: Verdict, seen: FaceState, now: FaceState) -> Verdict:
    state = verdict.state
    is_decided = state.assigned_by is AssignedBy.MANUAL
    if (seen.person_id, seen.assigned_by) != (now.person_id, now.assigned_by) and not is_decided:
        state = replace(now, cluster_id=state.cluster_id)
    # It regroups faces without a name: what it did with one while the name was taken back is no news of the name.
    is_named_again = is_decided and state.person_id is not None and seen.person_id is None
    is_kept = is_named_again or state.dismissed_as is not None or is_split_part(state.cluster_id)
    if seen.cluster_id != now.cluster_id and not is_kept:
        state = replace(state, cluster_id=now.cluster_id)
    return replace(verdict, state=state)
