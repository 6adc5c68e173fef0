"""What the decisions that stand amount to: replayed in order, as if the ones taken back had never been made.

So a decision can be taken back at any time and in any order (DESIGN D4). Merges move no face here: a face keeps the
person it was put under, and `follow_merges` follows the merges that stand, so taking a merge back gives the faces back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

from faceml.decisions.about_people import Rename
from faceml.decisions.decision import Decision
from faceml.decisions.log import Event, FaceEvent
from faceml.decisions.states import FREE, FaceState, Labelling, PersonState, is_of_person, is_split_part
from faceml.errors import Conflict
from faceml.records import AssignedBy

Stands = Callable[[int], bool]  # whether the event of this id stands
IsVoid = Callable[[Labelling], bool]


@dataclass(frozen=True)
class Undos:
    """Which events take which others back: every undo and redo there is.

    >>> undos = Undos(((3, 1), (4, 3), (5, 2)))
    >>> undos.taken_back, undos.stands(1), undos.decision_of(4), undos.latest
    ({2: 5, 3: 4}, True, 1, 2)
    """

    pairs: tuple[tuple[int, int], ...]  # (event, event that it takes back), oldest first

    @cached_property
    def taken_back(self) -> dict[int, int]:
        """The events that do not stand, and by which undo; an undo that was itself undone counts for nothing."""
        answer: dict[int, int] = {}
        for event_id, undoes_id in sorted(self.pairs, reverse=True):
            if event_id not in answer:  # whatever could take it back is newer, and has been looked at
                answer[undoes_id] = event_id
        return answer

    def stands(self, event_id: int) -> bool:
        return event_id not in self.taken_back

    def decision_of(self, event_id: int) -> int:
        """The decision that an undo or redo is about in the end; a decision answers with itself."""
        return self._decisions.get(event_id, event_id)

    def about(self, decision_id: int) -> list[int]:
        """The decision, and every undo and redo of it, oldest first."""
        return [decision_id, *(id_ for id_, _ in self.pairs if self.decision_of(id_) == decision_id)]

    @property
    def latest(self) -> int | None:
        """Of the decisions that are taken back the one spoken of last; None where all stand."""
        spoken_of = (self.decision_of(event_id) for event_id, _ in reversed(self.pairs))
        return next((decision_id for decision_id in spoken_of if not self.stands(decision_id)), None)

    @cached_property
    def _decisions(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for event_id, undoes_id in self.pairs:
            found[event_id] = found.get(undoes_id, undoes_id)
        return found

    def with_another(self, undoes_id: int) -> Undos:
        """As it will be once this event is taken back."""
        newest = max([undoes_id, *(event_id for event_id, _ in self.pairs)]) + 1
        return Undos((*self.pairs, (newest, undoes_id)))


def replay(
    face_id: UUID, steps: Sequence[FaceEvent], now: Labelling, stands: Stands, is_void: IsVoid = lambda _: False
) -> Labelling:
    """How a face would be labelled, had only those decisions been made that stand; merges are left to `follow_merges`.

    What automatic steps did in between shows as a gap, one step's end differing from the next one's start; it counts
    where no decision speaks.

    Args:
        steps: its history, oldest first.
        now: how it is.
        is_void: whether merges or an erasure leave nothing of a name, see `void`: machines then named the face anew.
    """
    if not steps:
        return now
    seen = steps[0].before
    labelling = Labelling(seen)
    for step in steps:
        labelling = _without_void(labelling, seen, is_void)
        labelling = _follow_machine(labelling, seen, step.before, is_void(labelling))
        if stands(step.event.id):
            labelling = step.event.decision.of_face(face_id, labelling, step.after)
        seen = step.after
    labelling = _without_void(labelling, seen, is_void)
    return _follow_machine(labelling, seen, now.state, is_void(labelling))


def replay_person(person_id: UUID, events: Sequence[Event[Decision]], name: str, stands: Stands) -> PersonState:
    """Who a person is by the decisions that stand.

    Args:
        events: about people, oldest first.
        name: of whom nobody renamed.
    """
    renamings = (event.decision for event in events if isinstance(event.decision, Rename))
    first = next((names[person_id][0] for r in renamings if person_id in (names := r.names)), name)
    person = PersonState(first)
    for event in events:
        if stands(event.id):
            person = event.decision.of_person(person_id, person)
    return person


def follow_merges(
    labelling: Labelling, merged: Mapping[UUID, UUID], people: Collection[UUID], now: FaceState = FREE
) -> Labelling:
    """The labelling with merged people followed to whom they became.

    A face that a person put under somebody, and ruled out for one whom that somebody was merged into, goes free: it was
    said not to be them. What a machine said gives way to any rejection, and falls where its person is gone. In a part
    of a split it stays, and where it is free already, in the group that machines have put it in since.

    Args:
        merged: whom each merged person was merged into.
        people: all who are there.
        now: how it is.
    """
    state, person_id = labelling.state, labelling.state.person_id
    if person_id is None:
        return replace(labelling, is_exemplar=False)
    if void(labelling, merged, people):
        return _freed(labelling, now)
    runner_up_id = state.runner_up_id if state.runner_up_id in people else None
    return replace(labelling, state=replace(state, person_id=survivor(person_id, merged), runner_up_id=runner_up_id))


def _freed(labelling: Labelling, now: FaceState) -> Labelling:
    """Under nobody: in a part of a split, or where it is free already, in the group that it is in now."""
    part = labelling.state.cluster_id if is_split_part(labelling.state.cluster_id) else None
    cluster = now.cluster_id if now == replace(FREE, cluster_id=now.cluster_id) else part
    return Labelling(replace(FREE, cluster_id=cluster), False, labelling.ruled_out)


def _without_void(labelling: Labelling, seen: FaceState, is_void: IsVoid) -> Labelling:
    """What is left of a void name once the face was seen free: whatever came after that was done to a free face."""
    return _freed(labelling, seen) if seen.person_id is None and is_void(labelling) else labelling


def void(labelling: Labelling, merged: Mapping[UUID, UUID], people: Collection[UUID]) -> bool:
    """Whether nothing is left of whom a face was put under; see `follow_merges`."""
    state, person_id = labelling.state, labelling.state.person_id
    if person_id is None:
        return False
    if person_id not in people:
        return True
    if state.assigned_by is not AssignedBy.MANUAL:
        return survivor(person_id, merged) in {survivor(id_, merged) for id_ in labelling.ruled_out}
    return not labelling.ruled_out.isdisjoint(became(person_id, merged))


def survivor(person_id: UUID, merged: Mapping[UUID, UUID]) -> UUID:
    """Whom somebody was merged into in the end; themselves where they were not."""
    return [person_id, *became(person_id, merged)][-1]


def became(person_id: UUID, merged: Mapping[UUID, UUID]) -> list[UUID]:
    """Whom somebody was merged into, whom those were, and so on.

    Raises:
        Conflict: they stand in a circle, which no decision makes; a database that somebody wrote into may hold one.
    """
    passed: dict[UUID, None] = {}
    while (into := merged.get(person_id)) is not None:
        if into in passed:
            raise Conflict(
                f"person {into} is merged into themselves by way of others: restore a backup of this library"
            )
        passed[into] = None
        person_id = into
    return list(passed)


def _follow_machine(labelling: Labelling, seen: FaceState, now: FaceState, is_void: bool) -> Labelling:
    """The labelling after what automatic steps did to the face from one look at it to the next."""
    state = labelling.state
    is_decided = state.assigned_by is AssignedBy.MANUAL and not is_void
    if (seen.person_id, seen.assigned_by) != (now.person_id, now.assigned_by) and not is_decided:
        state = replace(now, cluster_id=state.cluster_id)
    elif replace(seen, cluster_id=now.cluster_id) != now and state.assigned_by is AssignedBy.PROTOTYPE:
        # They found the same person by other evidence; whose the face was before a merge stays known.
        state = replace(now, person_id=state.person_id, cluster_id=state.cluster_id)
    # They regroup faces without a name: what they did while the name was taken back says nothing about the name.
    is_named_again = is_decided and state.person_id is not None and seen.person_id is None
    # And they gather whom a person named in that person's cluster: without the name it says nothing.
    is_unnamed = state.person_id is None and is_of_person(now.cluster_id)
    is_kept = is_named_again or is_unnamed or state.dismissed_as is not None or is_split_part(state.cluster_id)
    if seen.cluster_id != now.cluster_id and not is_kept:
        state = replace(state, cluster_id=now.cluster_id)
    is_exemplar = labelling.is_exemplar and state.person_id == labelling.state.person_id
    return replace(labelling, state=state, is_exemplar=is_exemplar)
