"""Questions that a person answers with yes or no, the most useful first, and what the answers do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from uuid import UUID

from faceml.errors import WrongUse
from faceml.library import Library
from faceml.records import PersonStatus
from faceml.services.decisions.label import assign_faces_to, is_open, label_open_clusters, reject_person
from faceml.services.decisions.people import merge_people
from faceml.services.decisions.split import mark_different
from faceml.services.review.browse import MOST_FACES, list_people, show_person
from faceml.services.review.faces import UncertainFace, suggest_close_calls, suggest_intruders, suggest_probable
from faceml.services.review.groups import Group, suggest_merges
from faceml.storage.sql.repository import Repository, UnitOfWork

SHOWN = 4  # faces of a person beside the one asked about
MOST_COMPARED = 40  # of their best faces, among which those of bursts are told
OFTEN = 2  # other photos that show two people
COMPANIONS = 3  # named at most
PEOPLE_A_ROUND = 40  # looked through for intruders at a time


class Topic(StrEnum):
    """What a question is about, the most useful first."""

    PROBABLE = "probably known"  # left without a name, though the best person is probably right
    SAME_PERSON = "same person"
    INTRUDERS = "intruders"
    CLOSE_CALLS = "close calls"
    RECOGNISED = "recognised"  # by faceml, and confirmed by nobody yet


@dataclass(frozen=True, slots=True)
class Side:
    """A face, a cluster or a person, shown on one side of a question."""

    title: str
    face_ids: tuple[UUID, ...]
    person_id: UUID | None = None
    cluster_id: str | None = None
    photos: tuple[int, ...] = ()  # how many of a burst each of these faces stands for; empty: each for its own

    @property
    def bursts(self) -> dict[UUID, int]:
        """Those that stand for several photos, and for how many."""
        return {id_: count for id_, count in zip(self.face_ids, self.photos, strict=False) if count > 1}


@dataclass(frozen=True, slots=True)
class Question:
    topic: Topic
    text: str
    evidence: str
    one: Side  # what is asked about
    other: Side
    company: str = ""  # who else is on the photo and often with the person; a hint, never a reason

    @property
    def key(self) -> str:
        """The same when it is asked again."""
        sides = (self.one.person_id or self.one.cluster_id or self.one.face_ids[0], self.other.person_id)
        return f"{self.topic} {sides[0]} {sides[1] or self.other.cluster_id}"

    @property
    def needs_name(self) -> bool:
        """Two clusters that nobody named: a yes has to say who it is."""
        return self.one.cluster_id is not None and self.other.cluster_id is not None


@dataclass(frozen=True, slots=True)
class Answer:
    event_ids: tuple[int, ...]  # oldest first
    text: str


def ask(
    library: Library, topic: Topic, *, limit: int = 20, leaving_out: Collection[str] = (), round_: int = 0
) -> list[Question]:
    """The next questions of a topic; scored anew each time, so that earlier answers count.

    Args:
        leaving_out: keys of questions that were put off.
        round_: of `Topic.INTRUDERS`, which looks through 40 people at a time, those with most faces first.
    """
    several = limit + len(leaving_out)
    questions = {
        Topic.PROBABLE: lambda: _probable(library, several),
        Topic.SAME_PERSON: lambda: _same_person(library, several, leaving_out),
        Topic.INTRUDERS: lambda: _intruders(library, round_, several),
        Topic.CLOSE_CALLS: lambda: _close_calls(library, several),
        Topic.RECOGNISED: lambda: _recognised(library.repository, several),
    }[topic]()
    chosen = list(islice((question for question in questions if question.key not in leaving_out), limit))
    with library.repository.read() as unit:
        return _with_company(unit, chosen)


def rounds(repository: Repository, topic: Topic) -> int:
    """How many rounds a topic has."""
    if topic is not Topic.INTRUDERS:
        return 1
    people = list_people(repository, status=PersonStatus.ACTIVE, page_size=1).total
    return max(1, -(-people // PEOPLE_A_ROUND))


def answer(library: Library, question: Question, *, is_yes: bool, name: str = "", actor: str) -> Answer:
    """Carry an answer out. "No" is remembered: the same pair is not suggested again.

    Args:
        name: who two unnamed clusters are, where they are one person.
    Raises:
        WrongUse: such a name is missing.
        Conflict, NotFound: what the question is about has changed meanwhile; nothing is changed then.
    """
    if question.topic is Topic.SAME_PERSON:
        return _answer_same(library, question, is_yes, name, actor)
    person = question.other.person_id or question.other.title
    still = (lambda face: face.person_id == person) if question.topic is Topic.INTRUDERS else is_open
    if is_yes:
        assigned = assign_faces_to(library, question.one.face_ids, person, if_still=still, actor=actor)
        return Answer((assigned.event_id,), f"yes, {assigned.person_name}")
    rejected = reject_person(library, question.one.face_ids, person, if_still=still, actor=actor)
    return Answer((rejected.event_id,), f"not {rejected.person_name}")


def _answer_same(library: Library, question: Question, is_yes: bool, name: str, actor: str) -> Answer:
    one, other = question.one, question.other
    if not is_yes:
        keys = [side.person_id or side.cluster_id or "" for side in (one, other)]
        marked = mark_different(library, *keys, actor=actor)
        return Answer((marked.event_id,), f"{marked.one} and {marked.other} are different people")
    if one.person_id and other.person_id:
        merged = merge_people(library, other.person_id, one.person_id, actor=actor)
        return Answer((merged.event_id,), f"{other.title} is {one.title}")
    who = one.person_id or name.strip()
    if not who:
        raise WrongUse("both clusters are without a name: type who it is")
    clusters = [side.cluster_id for side in (one, other) if side.cluster_id]
    labelled = label_open_clusters(library, clusters, who, actor=actor)
    faces = sum(report.faces_labeled for report in labelled)
    return Answer(tuple(report.event_id for report in labelled), f"{faces} faces: {labelled[0].person_name}")


def _with_company(unit: UnitOfWork, questions: Sequence[Question]) -> list[Question]:
    """With who is on the photo of a face, where the person asked about is often on photos with them.

    Nothing is ordered or left out by it: who always comes along would be named where they stayed at home.
    """
    asked = {one.one.face_ids[0]: one.other.person_id for one in questions if _is_of_a_face(one)}
    photos = unit.faces.photo_of(sorted(asked))
    on = unit.lives.people_on(sorted(set(photos.values())))
    people = sorted({person_id for person_id in asked.values() if person_id})
    others = sorted(set().union(*on.values()))
    together = unit.lives.photos_together(people, others)
    names = unit.people.names(others)

    def company(question: Question) -> str:
        person = question.other.person_id
        if not _is_of_a_face(question) or person is None:
            return ""
        here = on.get(photos.get(question.one.face_ids[0], 0), set())
        own = 1 if person in here else 0  # this photo, where the face is under them already
        others = {id_: together.get((person, id_), 0) - own for id_ in here - {person}}
        often = sorted((-count, names[id_]) for id_, count in others.items() if count >= OFTEN)
        shown = [name for _, name in often[:COMPANIONS]]
        who = "is" if len(shown) == 1 else "are"
        return f"often seen with {' and '.join(shown)}, who {who} on this photo" if shown else ""

    return [replace(question, company=company(question)) for question in questions]


def _is_of_a_face(question: Question) -> bool:
    return question.topic is not Topic.SAME_PERSON and len(question.one.face_ids) == 1


def _same_person(library: Library, limit: int, leaving_out: Collection[str]) -> Iterator[Question]:
    """Of the largest groups; of all, which takes longer, where those were put off."""
    questions = list(_merges(library, limit))
    if questions and all(question.key in leaving_out for question in questions):
        return _merges(library, limit, thorough=True)
    return iter(questions)


def _merges(library: Library, limit: int, *, thorough: bool = False) -> Iterator[Question]:
    for found in suggest_merges(library, limit=limit, thorough=thorough):
        evidence = f"similarity {found.similarity:.2f}, nearest faces {found.nearest_similarity:.2f}"
        yield Question(Topic.SAME_PERSON, "Same person?", evidence, _side_of(found.one), _side_of(found.other))


def _intruders(library: Library, round_: int, limit: int) -> Iterator[Question]:
    repository = library.repository
    page = list_people(repository, status=PersonStatus.ACTIVE, page=round_ + 1, page_size=PEOPLE_A_ROUND)
    for person in page.items:
        intruders = suggest_intruders(library, person.id, limit=limit)
        if not intruders:
            continue
        side = _person_side(repository, person.id, without=[item.face_id for item in intruders])
        for found in intruders:
            nearest = f", nearer to {found.nearest}" if found.nearest else ""
            text = f"Does this face belong to {person.name}?"
            evidence = f"similarity {found.similarity:.2f}{nearest}"
            yield Question(Topic.INTRUDERS, text, evidence, Side("This face", (found.face_id,)), side)


def _probable(library: Library, limit: int) -> Iterator[Question]:
    for found in suggest_probable(library, limit=limit):
        evidence = f"{found.likelihood:.0%} likely"
        if found.expected is not None and found.expected.faces > 1:
            name, expected = found.nearest.person_name, found.expected
            evidence += f"; {expected.faces} faces without a name look like {name}, about {expected.right:.0f} are"
        yield _is_it(library, Topic.PROBABLE, found, evidence)


def _close_calls(library: Library, limit: int) -> Iterator[Question]:
    for found in suggest_close_calls(library, limit=limit):
        runner_up = f", then {found.runner_up}" if found.runner_up else ""
        evidence = f"similarity {found.nearest.similarity:.2f} at threshold {found.threshold:.2f}{runner_up}"
        yield _is_it(library, Topic.CLOSE_CALLS, found, evidence)


def _is_it(library: Library, topic: Topic, found: UncertainFace, evidence: str) -> Question:
    side = _person_side(library.repository, found.nearest.person_id, without=[found.face_id])
    face = Side("This face", (found.face_id,))
    return Question(topic, f"Is this {found.nearest.person_name}?", evidence, face, side)


def _recognised(repository: Repository, limit: int) -> Iterator[Question]:
    with repository.read() as unit:
        faces = unit.faces.recognised(limit=limit)
    for face in faces:
        if face.person_id is not None:
            side = _person_side(repository, face.person_id, without=[face.id])
            evidence = f"similarity {face.similarity or 0:.2f}, model {face.model_version or 'unknown'}"
            yield Question(Topic.RECOGNISED, f"Is this {side.title}?", evidence, Side("This face", (face.id,)), side)


def _side_of(group: Group) -> Side:
    title = group.name if group.person_id else f"{group.faces} faces without a name"
    return Side(title, group.sample_face_ids, group.person_id, group.cluster_id)


def _person_side(repository: Repository, person_id: UUID, *, without: Sequence[UUID]) -> Side:
    details = show_person(repository, person_id, page_size=min(MOST_COMPARED + len(without), MOST_FACES))
    with repository.read() as unit:
        theirs = {face.id: face for face in [*unit.faces.by_ids(details.exemplars), *details.faces]}
        others = [face for id_, face in theirs.items() if id_ not in without]
        typical = dict(islice(unit.shots.one_a_burst(others[:MOST_COMPARED]).items(), SHOWN))
    ids = tuple(face.id for face in typical)
    return Side(details.person.name, ids, details.person.id, photos=tuple(typical.values()))
