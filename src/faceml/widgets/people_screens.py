"""How the people view looks."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from faceml.records import AssignedBy, Face, PersonStatus
from faceml.services.decisions.undo import HistoryLine
from faceml.services.review.browse import PersonDetails
from faceml.storage.sql.people import PersonSummary
from faceml.widgets import screen as ui

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
    notice: ui.Notice | None,
    *,
    meant: str,
) -> ui.Screen:
    """The list of people, the faces of one, and the history."""
    rows = tuple(
        ui.Row(str(item.id), item.name, _count(item), is_chosen=shown is not None and item.id == shown.person.id)
        for item in listed
    )
    decisions = tuple(_decision(line) for line in lines)
    if shown is None:
        return ui.Screen(
            VIEW, "People", actions=(ui.REFRESH,), notice=notice, history=decisions,
            empty="Nobody has a name yet: name a cluster first.",
        )  # fmt: skip
    return ui.Screen(
        VIEW, shown.person.name, f"{shown.person.id} {len(shown.faces)} {mode}", _facts(shown),
        sheets=_sheets(shown, page), entry=_entry(shown, mode, meant), actions=_actions(shown, mode, page),
        notice=notice, list_title="People", rows=rows, history=decisions,
    )  # fmt: skip


def shown_faces(details: PersonDetails, page: int) -> list[Face]:
    return [*_exemplars(details), *ui.page_of(details.faces, page)]


def _exemplars(details: PersonDetails) -> list[Face]:
    return [face for face in details.faces if face.id in details.exemplars]


def _sheets(shown: PersonDetails, page: int) -> tuple[ui.Sheet, ...]:
    exemplars = _exemplars(shown)
    sheet = ui.tiles(shown.faces, page=page, badge=_similarity, detail=_found_by)
    faces = ui.Sheet(
        "Faces", sheet, "click, drag or space chooses", is_selectable=True, starts_selected=False,
        page=page, pages=ui.pages_of(len(shown.faces)),
    )  # fmt: skip
    return (ui.Sheet("Recognised by", ui.tiles(exemplars)), faces) if exemplars else (faces,)


def _similarity(face: Face) -> str:
    return "" if face.similarity is None else f"{face.similarity:.2f}"


def _found_by(face: Face) -> str:
    if face.assigned_by is AssignedBy.MANUAL:
        return ", named by a person"
    return f", recognised by {face.model_version or 'faceml'}, similarity {face.similarity or 0:.2f}"


def _facts(shown: PersonDetails) -> tuple[str, ...]:
    by_hand = sum(face.assigned_by is AssignedBy.MANUAL for face in shown.faces)
    facts = [f"{len(shown.faces):,} faces", f"{by_hand:,} named by a person"]
    facts.append("with centroid" if shown.has_centroid else "no centroid")
    if shown.also_called:
        facts.append(f"also called {', '.join(shown.also_called)}")
    if shown.person.status is PersonStatus.HIDDEN:
        facts.append("hidden")
    return tuple(facts)


def _entry(shown: PersonDetails, mode: Mode, meant: str) -> ui.Entry:
    if mode is Mode.RENAMING:
        return ui.Entry(f"New name of {shown.person.name}", "New name", "do_rename", False, shown.person.name)
    if mode is Mode.MERGING:
        return ui.Entry(
            f"Who {shown.person.name} is", f"{shown.person.name} is …", "do_merge", verb="merge into", meant=meant
        )
    return ui.Entry("Find a person", "Find a person", "find", meant=meant)


def _actions(shown: PersonDetails, mode: Mode, page: int) -> tuple[ui.Action, ...]:
    if mode is not Mode.LOOKING:
        return (ui.BACK,)
    is_hidden = shown.person.status is PersonStatus.HIDDEN
    return (
        ui.Action("next", "Next", ("ArrowRight",)),
        ui.Action("previous", "Previous", ("ArrowLeft",)),
        ui.Action("rename", "Rename", ("e",)),
        ui.Action("merge", "Merge …", ("m",), is_enabled=not is_hidden),
        ui.Action("hide", "Bring back" if is_hidden else "Hide", ("h",)),
        ui.Action("reject", "Not them", ("n",)),
        ui.Action("take_away", "Take away", ("t",)),
        ui.Action("not_a_face", "Not a face", ("f",)),
        ui.Action("exemplars", "Exemplars", ("k",)),
        ui.PHOTO,
        ui.UNDO,
        ui.REDO,
        ui.REFRESH,
        *ui.page_actions(page, ui.pages_of(len(shown.faces))),
    )


def _decision(line: HistoryLine) -> ui.Row:
    is_undone = line.undone_by is not None
    detail = f"{line.actor}, {line.at.astimezone():%d %b %H:%M}"
    return ui.Row(str(line.event_id), line.text, detail, is_struck=is_undone, button="Redo" if is_undone else "Undo")


def _count(item: PersonSummary) -> str:
    return f"{item.face_count:,}" if item.status is PersonStatus.ACTIVE else f"{item.face_count:,} · hidden"
