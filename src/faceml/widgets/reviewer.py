"""The review queue's state: one question after the other, answered by a key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from faceml.errors import Conflict, NotEnoughData, NotFound
from faceml.library import Library
from faceml.records import Face
from faceml.services.decisions.undo import undo
from faceml.services.review.review import Answer, Question, Side, Topic, answer, ask, rounds
from faceml.widgets import screen as ui
from faceml.widgets.screen import Input, Screen
from faceml.widgets.session import Session, carry_out

VIEW = "reviewer"
BATCH = 20  # questions between two scorings
TOPICS = tuple(Topic)


class Reviewer:
    """Asks what faceml is unsure of. After each batch the rest is scored again, so that answers count at once."""

    def __init__(self, library: Library, *, actor: str, pixelate: Callable[[Face], bool] | None = None) -> None:
        self.session = Session(library, pixelate=pixelate)
        self._library, self._actor = library, actor
        self._topic, self._round = TOPICS[0], 0
        self._queue: list[Question] = []
        self._put_off: set[str] = set()
        self._answered: list[tuple[Question, Answer]] = []
        self._is_naming = False
        self._faces: dict[UUID, Face] = {}
        self._refresh()

    # --- what the widget asks for

    def handle(self, given: Input) -> None:
        carry_out(self, given, _ACTIONS)

    def screen(self) -> Screen:
        if self.session.photo is not None:
            return self.session.photo_screen(self.session.photo, view=VIEW, subject=self._asked().key)
        rows = tuple(ui.Row(topic, topic.capitalize(), is_chosen=topic is self._topic) for topic in TOPICS)
        question = self.question
        if question is None:
            return Screen(
                VIEW, "Nothing to review", progress=self._progress(), list_title="Review", rows=rows,
                actions=self._actions(), notice=self.session.notice, empty="faceml has no question on any topic now.",
            )  # fmt: skip
        entry = ui.Entry("Name of this person", "Who is it?", "name_both") if self._is_naming else None
        return Screen(
            VIEW, question.text, question.key, (question.evidence,), self._progress(),
            (self._sheet(question.one), self._sheet(question.other)), side_by_side=True, entry=entry,
            actions=self._actions(), notice=self.session.notice, list_title="Review", rows=rows,
        )  # fmt: skip

    def faces(self) -> Sequence[Face]:
        return self._faces_of(self._queue[:1])

    def next_faces(self) -> Sequence[Face]:
        return self._faces_of(self._queue[1:4])

    @property
    def question(self) -> Question | None:
        return self._queue[0] if self._queue else None

    # --- answers

    def _answer(self, is_yes: bool, given: Input) -> None:
        question = self._asked()
        if is_yes and question.needs_name and not self._is_naming:
            self._is_naming = True
            return
        try:
            answered = answer(self._library, question, is_yes=is_yes, name=given.text, actor=self._actor)
        except (NotFound, Conflict):
            self._next()  # what it was about has changed
            raise
        self._answered.append((question, answered))
        self._next()
        self.session.done(answered.text)

    def _put_aside(self, _given: Input) -> None:
        self._put_off.add(self._asked().key)
        self._next()

    def _undo(self, _given: Input) -> None:
        if not self._answered:
            raise NotFound("no answer of this session is left to undo: the history in People undoes anything")
        question, answered = self._answered.pop()
        for event_id in reversed(answered.event_ids):
            undo(self._library, event_id, actor=self._actor)
        self._is_naming = False
        self._queue.insert(0, question)
        self._load()
        self.session.done(f"Undone: {answered.text}")

    # --- looking around

    def _look(self, given: Input) -> None:
        first = self._asked().one.face_ids[0]
        self.session.look(given.face_id or first)

    def _back(self, _given: Input) -> None:
        self.session.photo, self._is_naming = None, False

    def _choose(self, given: Input) -> None:
        self._turn_to(Topic(given.row))

    def _turn(self, by: int, _given: Input) -> None:
        self._turn_to(TOPICS[(TOPICS.index(self._topic) + by) % len(TOPICS)])

    def _refresh(self, _given: Input | None = None) -> None:
        """Score everything again; questions put off come back."""
        self._put_off.clear()
        self.session.read_names()
        self._turn_to(TOPICS[0])

    # --- state

    def _turn_to(self, topic: Topic) -> None:
        self._topic, self._round, self._queue = topic, 0, []
        self._fill()

    def _next(self) -> None:
        self._queue.pop(0)
        self._is_naming = False
        self.session.read_names()
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
        self.session.photo = None
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

    def _sheet(self, side: Side) -> ui.Sheet:
        return ui.Sheet(side.title, ui.tiles([self._faces[id_] for id_ in side.face_ids if id_ in self._faces]))

    def _actions(self) -> tuple[ui.Action, ...]:
        if self._is_naming:
            return (ui.BACK,)
        is_asked = self.question is not None
        return (
            ui.Action("yes", "Yes", ("y",), is_main=True, is_enabled=is_asked),
            ui.Action("no", "No", ("n",), is_main=True, is_enabled=is_asked),
            ui.Action("skip", "Skip", ("ArrowRight", "s"), is_enabled=is_asked),
            replace(ui.PHOTO, is_enabled=is_asked),
            ui.Action("next_topic", "Next topic", ("ArrowDown",)),
            ui.Action("previous_topic", "Previous topic", ("ArrowUp",)),
            replace(ui.UNDO, is_enabled=bool(self._answered)),
            ui.REFRESH,
        )

    def _progress(self) -> ui.ProgressBar:
        count = len(self._answered)
        words = [f"{count} answered", *self.session.pace(count, "an hour", per_s=3600)]
        return ui.ProgressBar(" · ".join(words), (count % BATCH) / BATCH)

    def _asked(self) -> Question:
        if self.question is None:
            raise NotFound("no question is left: refresh (g) asks again")
        return self.question


_ACTIONS: dict[str, Callable[[Reviewer, Input], None]] = {
    "yes": lambda state, given: state._answer(True, given),
    "name_both": lambda state, given: state._answer(True, given),
    "no": lambda state, given: state._answer(False, given),
    "skip": Reviewer._put_aside,
    "undo": Reviewer._undo,
    "photo": Reviewer._look,
    "back": Reviewer._back,
    "choose": Reviewer._choose,
    "next_topic": lambda state, given: state._turn(1, given),
    "previous_topic": lambda state, given: state._turn(-1, given),
    "refresh": Reviewer._refresh,
}
