"""The people view's state: everybody with their faces, and every decision about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from faceml.errors import NotFound, WrongUse
from faceml.library import Library
from faceml.records import Dismissal, Face, PersonStatus
from faceml.services.decisions.history import history
from faceml.services.decisions.label import dismiss_faces, reject_person, unassign_faces
from faceml.services.decisions.people import hide_person, merge_people, rename_person, unhide_person
from faceml.services.decisions.prototypes import choose_exemplars
from faceml.services.decisions.undo import redo, undo
from faceml.services.pictures.thumbnails import PhotoView, look_at_photo
from faceml.services.review.browse import PersonDetails, active_names, find, list_people, show_person
from faceml.storage.sql.people import PersonSummary
from faceml.widgets import people_screens as screens
from faceml.widgets.labeler_screens import photo
from faceml.widgets.screen import PAGE_FACES, Event, Notice, Screen, action_of, pages_of

LISTED = 100  # people; the entry finds any other
DECISIONS = 30  # of the history


class People:
    """One person at a time, the list of all, and the log of decisions, each of which can be taken back here."""

    def __init__(self, library: Library, *, actor: str, pixelate: Callable[[Face], bool] | None = None) -> None:
        self._library, self._actor, self._pixelate = library, actor, pixelate
        self._mode = screens.Mode.LOOKING
        self._page = 1
        self._photo: PhotoView | None = None
        self._asked_face = UUID(int=0)
        self._notice: Notice | None = None
        self._listed: Sequence[PersonSummary] = ()
        self._names: Sequence[str] = ()
        self.person: PersonDetails | None = None
        self._refresh()

    # --- what the widget asks for

    def handle(self, event: Event) -> None:
        """Raises FacemlError: it cannot be done, and nothing has changed."""
        action = _ACTIONS.get(action_of(event, self.screen()))
        if action:
            self._notice = None
            action(self, event)

    def screen(self) -> Screen:
        if self._photo is not None and self.person is not None:
            return photo(self._photo, self._asked_face, str(self.person.person.id), self._notice)
        lines = history(self._library.repository, limit=DECISIONS)
        return screens.person(self.person, self._listed, lines, self._mode, self._page, self._notice)

    def faces(self) -> Sequence[Face]:
        return screens.shown_faces(self.person, self._page) if self.person else ()

    def foresee(self) -> Sequence[Face]:
        return self.person.faces[self._page * PAGE_FACES : (self._page + 1) * PAGE_FACES] if self.person else ()

    def names(self) -> Sequence[str]:
        return self._names

    def photo_jpeg(self) -> bytes | None:
        return self._photo.jpeg if self._photo else None

    def say(self, notice: Notice) -> None:
        self._notice = notice

    # --- decisions

    def _rename(self, event: Event) -> None:
        report = rename_person(self._library, self._shown_id(), event.text, actor=self._actor)
        self._done(f"{report.former_name} is called {report.name}")

    def _merge(self, event: Event) -> None:
        source, target = self._asked().person, find(self._library.repository, event.text)
        report = merge_people(self._library, source.id, target.id, actor=self._actor)
        self._show(target.id)
        self._done(f"{source.name} is {target.name}: {report.faces_moved} faces moved")

    def _hide(self, _event: Event) -> None:
        change = unhide_person if self._asked().person.status is PersonStatus.HIDDEN else hide_person
        report = change(self._library, self._shown_id(), actor=self._actor)
        self._done(f"{report.person_name} is {report.status}")

    def _take_away(self, event: Event) -> None:
        report = unassign_faces(self._library, _chosen(event), actor=self._actor)
        self._done(f"{report.faces_unassigned} taken away, without a name now")

    def _reject(self, event: Event) -> None:
        report = reject_person(self._library, _chosen(event), self._shown_id(), actor=self._actor)
        self._done(f"{report.faces_rejected} said to be not {report.person_name}")

    def _not_a_face(self, event: Event) -> None:
        report = dismiss_faces(self._library, _chosen(event), Dismissal.NOT_A_FACE, actor=self._actor)
        self._done(f"{report.faces_dismissed} said to be no face")

    def _exemplars(self, event: Event) -> None:
        chosen = sorted(event.chosen) or None
        report = choose_exemplars(self._library, self._shown_id(), chosen, actor=self._actor)
        how = "chosen" if chosen else "chosen anew, by quality"
        self._done(f"{len(report.exemplars)} exemplars of {report.person_name} {how}")

    def _undo(self, _event: Event) -> None:
        report = undo(self._library, actor=self._actor)
        self._done(f"Undone: {report.kind} (event {report.undone_event_id}), {report.faces_restored} faces")

    def _redo(self, _event: Event) -> None:
        report = redo(self._library, actor=self._actor)
        self._done(f"Made again: {report.kind}, {report.faces_restored} faces")

    def _toggle(self, event: Event) -> None:
        """Take back the decision of a line of the history, or make it again."""
        line = next(
            line for line in history(self._library.repository, limit=DECISIONS) if line.event_id == int(event.row)
        )
        undo(self._library, line.undone_by or line.event_id, actor=self._actor)
        self._done(f"{'Undone' if line.undone_by is None else 'Made again'}: {line.text}")

    # --- looking around

    def _choose(self, event: Event) -> None:
        self._show(UUID(event.row))

    def _find(self, event: Event) -> None:
        if event.text.strip():
            self._show(find(self._library.repository, event.text).id)

    def _step(self, by: int, _event: Event) -> None:
        ids = [person.id for person in self._listed]
        at = ids.index(self._shown_id()) if self._shown_id() in ids else -1
        if not 0 <= at + by < len(ids):
            raise NotFound("that is the end of the list")
        self._show(ids[at + by])

    def _turn(self, by: int, _event: Event) -> None:
        self._page = min(max(1, self._page + by), pages_of(len(self._asked().faces)))

    def _change_mode(self, mode: screens.Mode, _event: Event) -> None:
        self._mode = mode

    def _look(self, event: Event) -> None:
        faces = self._asked().faces
        if not event.face_id and not faces:
            raise NotFound("there is no face to show")
        self._asked_face = event.face_id or faces[0].id
        self._photo = look_at_photo(self._library.repository, self._asked_face, pixelate=self._pixelate)

    def _back(self, _event: Event) -> None:
        self._photo, self._mode = None, screens.Mode.LOOKING

    def _refresh(self, _event: Event | None = None) -> None:
        """See everybody as they are now."""
        listed = [list_people(self._library.repository, status=status, page_size=LISTED).items
                  for status in (PersonStatus.ACTIVE, PersonStatus.HIDDEN)]  # fmt: skip
        self._listed = [person for items in listed for person in items]
        self._names = active_names(self._library.repository)
        self._show(self.person.person.id if self.person else None)

    # --- state

    def _show(self, person_id: UUID | None) -> None:
        self._page = 1 if not self.person or self.person.person.id != person_id else self._page
        self._mode, self._photo, self.person = screens.Mode.LOOKING, None, None
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
        self._notice = Notice(text, "done")

    def _asked(self) -> PersonDetails:
        if self.person is None:
            raise NotFound("nobody is named yet: name a cluster first")
        return self.person

    def _shown_id(self) -> UUID:
        return self._asked().person.id


def _chosen(event: Event) -> list[UUID]:
    if not event.chosen:
        raise WrongUse("no face is chosen: click some, or go to them with ↓ and choose with space")
    return sorted(event.chosen)


_ACTIONS: dict[str, Callable[[People, Event], None]] = {
    "find": People._find,
    "choose": People._choose,
    "next": lambda state, event: state._step(1, event),
    "previous": lambda state, event: state._step(-1, event),
    "rename": lambda state, event: state._change_mode(screens.Mode.RENAMING, event),
    "merge": lambda state, event: state._change_mode(screens.Mode.MERGING, event),
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
    "next_page": lambda state, event: state._turn(1, event),
    "previous_page": lambda state, event: state._turn(-1, event),
    "photo": People._look,
    "back": People._back,
    "refresh": People._refresh,
}
