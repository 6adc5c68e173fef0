"""How the people view looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from faceml.records import AssignedBy, Face, PersonStatus
from faceml.services.decisions.history import HistoryLine
from faceml.services.review.browse import PersonDetails
from faceml.storage.sql.people import PersonSummary
from faceml.widgets.screen import (
    BACK,
    PHOTO,
    REDO,
    REFRESH,
    UNDO,
    Action,
    Entry,
    Group,
    Notice,
    Row,
    Screen,
    page_actions,
    page_of,
    pages_of,
    tiles,
)

VIEW = "people"


class Mode(StrEnum):
    """What the entry is for."""

    LOOKING = "looking"
    RENAMING = "renaming"
    MERGING = "merging"


def person(
    shown: PersonDetails | None,
    listed: Sequence[PersonSummary],
    lines: Sequence[HistoryLine],
    mode: Mode,
    page: int,
    notice: Notice | None,
) -> Screen:
    """The list of people, the faces of one, and the history."""
    rows = tuple(
        Row(str(item.id), item.name, _count(item), is_chosen=shown is not None and item.id == shown.person.id)
        for item in listed
    )
    decisions = tuple(_decision(line) for line in lines)
    if shown is None:
        return Screen(
            VIEW, "People", actions=(REFRESH,), notice=notice, history=decisions,
            empty="Nobody has a name yet: name a cluster first.",
        )  # fmt: skip
    return Screen(
        VIEW, shown.person.name, f"{shown.person.id} {len(shown.faces)} {mode}", _facts(shown),
        groups=_groups(shown, page), entry=_entry(shown, mode), actions=_actions(shown, mode, page), notice=notice,
        list_title="People", rows=rows, history=decisions,
    )  # fmt: skip


def shown_faces(details: PersonDetails, page: int) -> list[Face]:
    return [*_exemplars(details), *page_of(details.faces, page)]


def _exemplars(details: PersonDetails) -> list[Face]:
    return [face for face in details.faces if face.id in details.exemplars]


def _groups(shown: PersonDetails, page: int) -> tuple[Group, ...]:
    exemplars = _exemplars(shown)
    badges = {face.id: f"{face.similarity:.2f}" for face in shown.faces if face.similarity is not None}
    sheet = tuple(
        replace(tile, label=f"{tile.label}, {_found_by(face)}")
        for tile, face in zip(tiles(shown.faces, page=page, badges=badges), page_of(shown.faces, page), strict=True)
    )
    faces = Group(
        "Faces", sheet, "click, drag or space chooses", is_selectable=True, starts_selected=False,
        page=page, pages=pages_of(len(shown.faces)),
    )  # fmt: skip
    return (Group("Recognised by", tiles(exemplars)), faces) if exemplars else (faces,)


def _found_by(face: Face) -> str:
    if face.assigned_by is AssignedBy.MANUAL:
        return "named by a person"
    return f"recognised by {face.model_version or 'faceml'}, similarity {face.similarity or 0:.2f}"


def _facts(shown: PersonDetails) -> tuple[str, ...]:
    by_hand = sum(face.assigned_by is AssignedBy.MANUAL for face in shown.faces)
    facts = [f"{len(shown.faces):,} faces", f"{by_hand:,} named by a person"]
    facts.append("with centroid" if shown.has_centroid else "no centroid")
    if shown.also_called:
        facts.append(f"also called {', '.join(shown.also_called)}")
    if shown.person.status is PersonStatus.HIDDEN:
        facts.append("hidden")
    return tuple(facts)


def _entry(shown: PersonDetails, mode: Mode) -> Entry:
    if mode is Mode.RENAMING:
        return Entry(f"New name of {shown.person.name}", "New name", "do_rename", False, shown.person.name)
    if mode is Mode.MERGING:
        return Entry(f"Who {shown.person.name} is", f"{shown.person.name} is …", "do_merge")
    return Entry("Find a person", "Find a person", "find")


def _actions(shown: PersonDetails, mode: Mode, page: int) -> tuple[Action, ...]:
    if mode is not Mode.LOOKING:
        return (BACK,)
    is_hidden = shown.person.status is PersonStatus.HIDDEN
    return (
        Action("next", "Next", ("ArrowRight",)),
        Action("previous", "Previous", ("ArrowLeft",)),
        Action("rename", "Rename", ("e",)),
        Action("merge", "Merge …", ("m",), is_enabled=not is_hidden),
        Action("hide", "Bring back" if is_hidden else "Hide", ("h",)),
        Action("reject", "Not them", ("n",)),
        Action("take_away", "Take away", ("t",)),
        Action("not_a_face", "Not a face", ("f",)),
        Action("exemplars", "Exemplars", ("k",)),
        PHOTO,
        UNDO,
        REDO,
        REFRESH,
        *page_actions(page, pages_of(len(shown.faces))),
    )


def _decision(line: HistoryLine) -> Row:
    is_undone = line.undone_by is not None
    return Row(
        str(line.event_id),
        line.text,
        f"{line.actor}, {line.at.astimezone():%d %b %H:%M}",
        is_struck=is_undone,
        button="Redo" if is_undone else "Undo",
    )


def _count(item: PersonSummary) -> str:
    return f"{item.face_count:,}" if item.status is PersonStatus.ACTIVE else f"{item.face_count:,} · hidden"
