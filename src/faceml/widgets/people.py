"""The people view's state: everybody with their faces, and every decision about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from faceml.errors import NotFound, WrongUse
from faceml.library import Library
from faceml.records import Dismissal, Face, Person, PersonStatus
from faceml.services.decisions.label import dismiss_faces, reject_person, unassign_faces
from faceml.services.decisions.people import choose_exemplars, hide_person, merge_people, rename_person, unhide_person
from faceml.services.decisions.undo import history, redo, undo
from faceml.services.review.browse import PersonDetails, find, list_people, meant_name, show_person
from faceml.storage.sql.people import PersonSummary
from faceml.widgets import people_screens as screens
from faceml.widgets.screen import Input, Screen, page_of, pages_of
from faceml.widgets.session import Session, carry_out

LISTED = 100  # people; the entry finds any other
DECISIONS = 30  # of the history


class People:
    """One person at a time, the list of all, and the log of decisions, each of which can be taken back here."""

    def __init__(self, library: Library, *, actor: str, pixelate: Callable[[Face], bool] | None = None) -> None:
        self.session = Session(library, pixelate=pixelate)
        self._library, self._actor = library, actor
        self._mode = screens.Mode.LOOKING
        self._page = 1
        self._meant: str | None = None  # whose name what was typed is a slip of
        self._listed: Sequence[PersonSummary] = ()
        self.person: PersonDetails | None = None
        self._refresh()

    # --- what the widget asks for

    def handle(self, given: Input) -> None:
        self._meant = None
        carry_out(self, given, _ACTIONS)

    def screen(self) -> Screen:
        if self.session.photo is not None:
            return self.session.photo_screen(self.session.photo, view=screens.VIEW, subject=str(self._shown_id()))
        lines = history(self._library.repository, limit=DECISIONS)
        return screens.person(
            self.person, self._listed, lines, self._mode, self._page, self.session.notice, meant=self._meant or ""
        )

    def faces(self) -> Sequence[Face]:
        return screens.shown_faces(self.person, self._page) if self.person else ()

    def next_faces(self) -> Sequence[Face]:
        return page_of(self.person.faces, self._page + 1) if self.person else ()

    # --- decisions

    def _rename(self, given: Input) -> None:
        report = rename_person(self._library, self._shown_id(), given.text, actor=self._actor)
        self._done(f"{report.former_name} is called {report.name}")

    def _merge(self, given: Input) -> None:
        source, target = self._asked().person, self._found(given)
        report = merge_people(self._library, source.id, target.id, actor=self._actor)
        self._show(target.id)
        self._done(f"{source.name} is {target.name}: {report.faces_moved} faces moved")

    def _hide(self, _given: Input) -> None:
        change = unhide_person if self._asked().person.status is PersonStatus.HIDDEN else hide_person
        report = change(self._library, self._shown_id(), actor=self._actor)
        self._done(f"{report.person_name} is {report.status}")

    def _take_away(self, given: Input) -> None:
        report = unassign_faces(self._library, _chosen(given), actor=self._actor)
        self._done(f"{report.faces_unassigned} taken away; they have no name now")

    def _reject(self, given: Input) -> None:
        report = reject_person(self._library, _chosen(given), self._shown_id(), actor=self._actor)
        self._done(f"{report.faces_rejected} marked as not {report.person_name}")

    def _not_a_face(self, given: Input) -> None:
        report = dismiss_faces(self._library, _chosen(given), Dismissal.NOT_A_FACE, actor=self._actor)
        self._done(f"{report.faces_dismissed} marked as not a face")

    def _exemplars(self, given: Input) -> None:
        chosen = sorted(given.chosen) or None
        report = choose_exemplars(self._library, self._shown_id(), chosen, actor=self._actor)
        how = "chosen" if chosen else "chosen anew, by quality"
        self._done(f"{len(report.exemplars)} exemplars of {report.person_name} {how}")

    def _undo(self, _given: Input) -> None:
        report = undo(self._library, actor=self._actor)
        self._done(f"Undone: {report.kind} (event {report.undone_event_id}), {report.faces_restored} faces")

    def _redo(self, _given: Input) -> None:
        report = redo(self._library, actor=self._actor)
        self._done(f"Made again: {report.kind}, {report.faces_restored} faces")

    def _toggle(self, given: Input) -> None:
        """Take back the decision of a line of the history, or make it again."""
        line = next(
            line for line in history(self._library.repository, limit=DECISIONS) if line.event_id == int(given.row)
        )
        undo(self._library, line.undone_by or line.event_id, actor=self._actor)
        self._done(f"{'Undone' if line.undone_by is None else 'Made again'}: {line.text}")

    # --- looking around

    def _choose(self, given: Input) -> None:
        self._show(UUID(given.row))

    def _find(self, given: Input) -> None:
        if given.text.strip():
            self._show(self._found(given).id)

    def _found(self, given: Input) -> Person:
        try:
            return find(self._library.repository, given.text)
        except NotFound as error:
            self._meant = meant_name(self._library.repository, given.text)
            if self._meant is None:
                raise
            raise WrongUse(f"nobody is called {given.text.strip()}. Did you mean {self._meant}? ⏎ takes it") from error

    def _step(self, by: int, _given: Input) -> None:
        ids = [person.id for person in self._listed]
        at = ids.index(self._shown_id()) if self._shown_id() in ids else -1
        if not 0 <= at + by < len(ids):
            raise NotFound("that is the end of the list")
        self._show(ids[at + by])

    def _turn(self, by: int, _given: Input) -> None:
        self._page = min(max(1, self._page + by), pages_of(len(self._asked().faces)))

    def _change_mode(self, mode: screens.Mode, _given: Input) -> None:
        self._mode = mode

    def _look(self, given: Input) -> None:
        faces = self._asked().faces
        if not given.face_id and not faces:
            raise NotFound("this person has no face to show: label one first")
        self.session.look(given.face_id or faces[0].id)

    def _back(self, _given: Input) -> None:
        self.session.photo, self._mode = None, screens.Mode.LOOKING

    def _refresh(self, _given: Input | None = None) -> None:
        """See everybody as they are now."""
        listed = [list_people(self._library.repository, status=status, page_size=LISTED).items
                  for status in (PersonStatus.ACTIVE, PersonStatus.HIDDEN)]  # fmt: skip
        self._listed = [person for items in listed for person in items]
        self.session.read_names()
        self._show(self.person.person.id if self.person else None)

    # --- state

    def _show(self, person_id: UUID | None) -> None:
        self._page = 1 if not self.person or self.person.person.id != person_id else self._page
        self._mode, self.session.photo, self.person = screens.Mode.LOOKING, None, None
        known = [person_id] if person_id else []
        for candidate in [*known, *(person.id for person in self._listed[:1])]:
            try:
                self.person = show_person(self._library.repository, candidate)
                break
            except NotFound:  # gone with an undo
                continue
        self._page = min(self._page, pages_of(len(self.person.faces))) if self.person else 1

    def _done(self, text: str) -> None:
        self._refresh()
        self.session.done(text)

    def _asked(self) -> PersonDetails:
        if self.person is None:
            raise NotFound("nobody is named yet: name a cluster first")
        return self.person

    def _shown_id(self) -> UUID:
        return self._asked().person.id


def _chosen(given: Input) -> list[UUID]:
    if not given.chosen:
        raise WrongUse("no face is chosen: click some, or go to them with ↓ and choose with space")
    return sorted(given.chosen)


_ACTIONS: dict[str, Callable[[People, Input], None]] = {
    "find": People._find,
    "choose": People._choose,
    "next": lambda state, given: state._step(1, given),
    "previous": lambda state, given: state._step(-1, given),
    "rename": lambda state, given: state._change_mode(screens.Mode.RENAMING, given),
    "merge": lambda state, given: state._change_mode(screens.Mode.MERGING, given),
    "do_rename": People._rename,
    "do_merge": People._merge,
    "hide": People._hide,
    "take_away": People._take_away,
    "reject": People._reject,
    "not_a_face": People._not_a_face,
    "exemplars": People._exemplars,
    "history": People._toggle,
    "undo": People._undo,
    "redo": People._redo,
    "next_page": lambda state, given: state._turn(1, given),
    "previous_page": lambda state, given: state._turn(-1, given),
    "photo": People._look,
    "back": People._back,
    "refresh": People._refresh,
}
