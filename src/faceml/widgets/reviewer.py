"""The review queue's state: one question after the other, answered by a key."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from faceml.errors import Conflict, NotEnoughData, NotFound
from faceml.library import Library
from faceml.records import Face
from faceml.services.decisions.undo import undo
from faceml.services.pictures.thumbnails import PhotoView, look_at_photo
from faceml.services.review.browse import active_names
from faceml.services.review.review import Question, Side, Topic, answer, ask, rounds
from faceml.widgets.labeler_screens import BACK, UNDO_KEYS, photo
from faceml.widgets.screen import Action, Entry, Event, Group, Notice, Progress, Row, Screen, action_of, tiles

VIEW = "reviewer"
BATCH = 20  # questions between two scorings
TOPICS = tuple(Topic)


@dataclass(frozen=True, slots=True)
class Answered:
    question: Question
    event_ids: tuple[int, ...]
    text: str


class Reviewer:
    """Asks what faceml is unsure of. After each batch the rest is scored again, so that answers count at once."""

    def __init__(
        self,
        library: Library,
        *,
        actor: str,
        pixelate: Callable[[Face], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._library, self._actor, self._pixelate, self._clock = library, actor, pixelate, clock
        self._topic, self._round = TOPICS[0], 0
        self._queue: list[Question] = []
        self._put_off: set[str] = set()
        self._answered: list[Answered] = []
        self._started: float | None = None
        self._notice: Notice | None = None
        self._photo: PhotoView | None = None
        self._is_naming = False
        self._faces: dict[UUID, Face] = {}
        self._names: Sequence[str] = ()
        self._refresh()

    # --- what the widget asks for

    def handle(self, event: Event) -> None:
        """Raises FacemlError: it cannot be done, and nothing has changed."""
        action = _ACTIONS.get(action_of(event, self.screen()))
        if action:
            self._notice = None
            self._started = self._clock() if self._started is None else self._started
            action(self, event)

    def screen(self) -> Screen:
        if self._photo is not None and self.question is not None:
            return photo(self._photo, self.question.one.face_ids[0], self.question.key, self._notice)
        rows = tuple(Row(topic, topic.capitalize(), is_chosen=topic is self._topic) for topic in TOPICS)
        question = self.question
        if question is None:
            return Screen(
                VIEW, "Nothing to review", progress=self._progress(), list_title="Review", rows=rows,
                actions=self._actions(), notice=self._notice, empty="faceml has no question on any topic now.",
            )  # fmt: skip
        entry = Entry("Name of this person", "Who is it?", "name_both") if self._is_naming else None
        return Screen(
            VIEW, question.text, question.key, (question.evidence,), self._progress(),
            (self._group(question.one), self._group(question.other)), side_by_side=True, entry=entry,
            actions=self._actions(), notice=self._notice, list_title="Review", rows=rows,
        )  # fmt: skip

    def faces(self) -> Sequence[Face]:
        return self._faces_of(self._queue[:1])

    def foresee(self) -> Sequence[Face]:
        return self._faces_of(self._queue[1:4])

    def names(self) -> Sequence[str]:
        return self._names

    def photo_jpeg(self) -> bytes | None:
        return self._photo.jpeg if self._photo else None

    def say(self, notice: Notice) -> None:
        self._notice = notice

    @property
    def question(self) -> Question | None:
        return self._queue[0] if self._queue else None

    # --- answers

    def _answer(self, is_yes: bool, event: Event) -> None:
        question = self._asked()
        if is_yes and question.needs_name and not self._is_naming:
            self._is_naming = True
            return
        try:
            given = answer(self._library, question, is_yes=is_yes, name=event.text, actor=self._actor)
        except (NotFound, Conflict):
            self._next()  # what it was about has changed
            raise
        self._answered.append(Answered(question, given.event_ids, given.text))
        self._next()
        self._notice = self._notice or Notice(given.text, "done")

    def _put_aside(self, _event: Event) -> None:
        self._put_off.add(self._asked().key)
        self._next()

    def _undo(self, _event: Event) -> None:
        if not self._answered:
            raise NotFound("no answer of this session is left to undo: People shows the history of all")
        last = self._answered.pop()
        for event_id in reversed(last.event_ids):
            undo(self._library, event_id, actor=self._actor)
        self._is_naming = False
        self._queue.insert(0, last.question)
        self._load()
        self._notice = Notice(f"Undone: {last.text}", "done")

    # --- looking around

    def _look(self, event: Event) -> None:
        face_id = event.face_id or self._asked().one.face_ids[0]
        self._photo = look_at_photo(self._library.repository, face_id, pixelate=self._pixelate)

    def _back(self, _event: Event) -> None:
        self._photo, self._is_naming = None, False

    def _choose(self, event: Event) -> None:
        self._turn_to(Topic(event.row))

    def _turn(self, by: int, _event: Event) -> None:
        self._turn_to(TOPICS[(TOPICS.index(self._topic) + by) % len(TOPICS)])

    def _refresh(self, _event: Event | None = None) -> None:
        """Score everything again; questions put off come back."""
        self._put_off.clear()
        self._names = active_names(self._library.repository)
        self._turn_to(TOPICS[0])

    # --- state

    def _turn_to(self, topic: Topic) -> None:
        self._topic, self._round, self._queue = topic, 0, []
        self._fill()

    def _next(self) -> None:
        self._queue.pop(0)
        self._is_naming = False
        self._names = active_names(self._library.repository)
        self._fill()

    def _fill(self) -> None:
        """With an empty queue, ask anew: of this topic, its further rounds, and then the other topics."""
        for step in range(len(TOPICS) + 1):
            while not self._queue and self._round < rounds(self._library.repository, self._topic):
                self._queue = self._ask()
                self._round += not self._queue
            if self._queue or step == len(TOPICS):
                break
            self._topic, self._round = TOPICS[(TOPICS.index(self._topic) + 1) % len(TOPICS)], 0
        self._photo = None
        self._load()

    def _ask(self) -> list[Question]:
        try:
            return ask(self._library, self._topic, limit=BATCH, leaving_out=self._put_off, round_=self._round)
        except NotEnoughData:
            return []

    def _load(self) -> None:
        ids = {id_ for question in self._queue for side in (question.one, question.other) for id_ in side.face_ids}
        with self._library.repository.read() as unit:
            self._faces = {face.id: face for face in unit.faces.by_ids(sorted(ids))}

    def _faces_of(self, questions: Sequence[Question]) -> list[Face]:
        ids = [id_ for question in questions for side in (question.one, question.other) for id_ in side.face_ids]
        return [face for id_ in ids if (face := self._faces.get(id_))]

    def _group(self, side: Side) -> Group:
        return Group(side.title, tiles([self._faces[id_] for id_ in side.face_ids if id_ in self._faces]))

    def _actions(self) -> tuple[Action, ...]:
        if self._is_naming:
            return (BACK,)
        is_asked = self.question is not None
        return (
            Action("yes", "Yes", ("y",), is_main=True, is_enabled=is_asked),
            Action("no", "No", ("n",), is_main=True, is_enabled=is_asked),
            Action("skip", "Skip", ("ArrowRight", "s"), is_enabled=is_asked),
            Action("photo", "Photo", ("o",), is_enabled=is_asked),
            Action("next_topic", "Next topic", ("ArrowDown",)),
            Action("previous_topic", "Previous topic", ("ArrowUp",)),
            Action("undo", "Undo", UNDO_KEYS, is_enabled=bool(self._answered)),
            Action("refresh", "Refresh", ("g",)),
        )

    def _progress(self) -> Progress:
        count = len(self._answered)
        words = [f"{count} answered"]
        spent_s = self._clock() - self._started if self._started is not None else 0.0
        if count and spent_s >= 20:
            words.append(f"{3600 * count / spent_s:.0f} an hour")
        return Progress(" · ".join(words), (count % BATCH) / BATCH)

    def _asked(self) -> Question:
        if self.question is None:
            raise NotFound("there is no question: refresh (g) asks again")
        return self.question


_ACTIONS: dict[str, Callable[[Reviewer, Event], None]] = {
    "yes": lambda state, event: state._answer(True, event),
    "name_both": lambda state, event: state._answer(True, event),
    "no": lambda state, event: state._answer(False, event),
    "skip": Reviewer._put_aside,
    "undo": Reviewer._undo,
    "photo": Reviewer._look,
    "back": Reviewer._back,
    "choose": Reviewer._choose,
    "next_topic": lambda state, event: state._turn(1, event),
    "previous_topic": lambda state, event: state._turn(-1, event),
    "refresh": Reviewer._refresh,
}
