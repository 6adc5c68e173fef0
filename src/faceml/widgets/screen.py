"""What a view shows, as plain records: the front end (bench.js) draws a screen and knows nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from faceml.records import Face

PAGE_FACES = 60  # of a sheet shown at once


@dataclass(frozen=True, slots=True)
class Tile:
    """One face of a sheet."""

    face_id: str
    label: str  # read out, and shown on hovering
    badge: str = ""  # a word or two in its corner


@dataclass(frozen=True, slots=True)
class Sheet:
    title: str
    tiles: tuple[Tile, ...]
    detail: str = ""
    is_selectable: bool = False  # faces can be left out by click, rubber band or space
    starts_selected: bool = True
    page: int = 1
    pages: int = 1


@dataclass(frozen=True, slots=True)
class Action:
    """Something a person can do now: a button, and its keys (letters work with Alt while a name is being typed)."""

    name: str
    label: str
    keys: tuple[str, ...] = ()
    is_main: bool = False
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Suggestion:
    action: str
    name: str
    detail: str  # the similarity, "0.82"
    key: str
    is_likely: bool  # Enter on an empty entry takes it


@dataclass(frozen=True, slots=True)
class Entry:
    label: str
    placeholder: str
    action: str  # what Enter does, with the completion shown where there is one
    completes: bool = True  # over the names of people
    text: str = ""
    verb: str = ""  # what Enter does with a name, in a word or two before it: "merge into"
    as_typed: str = ""  # what Shift+Enter does: an action that takes the text as it stands for a new name
    meant: str = ""  # a name that the text is a slip of: it takes the text's place


@dataclass(frozen=True, slots=True)
class Notice:
    text: str
    kind: Literal["done", "hint", "problem"] = "hint"


@dataclass(frozen=True, slots=True)
class ProgressBar:
    text: str
    share: float  # 0 to 1


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a list: a person, or a decision of the history."""

    id: str
    text: str
    detail: str = ""
    is_chosen: bool = False
    is_struck: bool = False
    button: str = ""  # what is written on its button; empty: it has no button


@dataclass(frozen=True, slots=True)
class Slider:
    name: str
    label: str
    low: float
    high: float
    step: float
    value: float
    shown: str


@dataclass(frozen=True, slots=True)
class Box:
    """Where a face is, as shares (0 to 1) of the photo's width and height."""

    name: str
    x: float
    y: float
    w: float
    h: float
    is_asked: bool


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    label: str
    key: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Screen:
    view: str
    title: str
    subject: str = ""  # what is asked about: with it goes what was selected and typed
    facts: tuple[str, ...] = ()
    progress: ProgressBar | None = None
    sheets: tuple[Sheet, ...] = ()
    side_by_side: bool = False  # the sheets
    suggestions: tuple[Suggestion, ...] = ()
    entry: Entry | None = None
    actions: tuple[Action, ...] = ()
    notice: Notice | None = None
    list_title: str = ""
    rows: tuple[Row, ...] = ()
    history: tuple[Row, ...] = ()
    sliders: tuple[Slider, ...] = ()
    photo: tuple[Box, ...] | None = None  # shown whole, with these boxes, in place of sheets
    tabs: tuple[Tab, ...] = ()
    empty: str = ""  # shown in place of sheets where there are no sheets


@dataclass(frozen=True, slots=True)
class Input:
    """What a person did, as the front end reports it."""

    key: str = ""  # "Enter", "s", "Ctrl+z"; empty for a click
    action: str = ""  # of the button that was clicked
    text: str = ""  # in the entry
    left_out: frozenset[UUID] = frozenset()
    chosen: frozenset[UUID] = frozenset()  # of sheets that start unselected
    face_id: UUID | None = None  # the face in focus
    row: str = ""  # the list's row
    values: Mapping[str, float] = field(default_factory=dict)  # of sliders


BACK = Action("back", "Back", ("Escape",))
REFRESH = Action("refresh", "Refresh", ("g",))
PHOTO = Action("photo", "Photo", ("o",))
UNDO = Action("undo", "Undo", ("u", "Ctrl+z"))
REDO = Action("redo", "Redo", ("r", "Ctrl+y", "Ctrl+Shift+z"))


def page_actions(page: int, pages: int) -> tuple[Action, ...]:
    if pages == 1:
        return ()
    return (
        Action("next_page", "Next page", ("PageDown",), is_enabled=page < pages),
        Action("previous_page", "Previous page", ("PageUp",), is_enabled=page > 1),
    )


def action_of(given: Input, screen: Screen) -> str:
    """The name of the action an input asks for; empty where it means nothing on this screen.

    >>> screen = Screen("demo", "Demo", actions=(Action("skip", "Skip", ("ArrowRight", "n")),))
    >>> action_of(Input(key="n"), screen), action_of(Input(key="q"), screen), action_of(Input(action="skip"), screen)
    ('skip', '', 'skip')
    """
    if given.action:
        return given.action
    if given.key == "Enter" and screen.entry is not None:
        return screen.entry.action
    suggested = {suggestion.key: suggestion.action for suggestion in screen.suggestions}
    keys = {key: action.name for action in screen.actions if action.is_enabled for key in action.keys}
    return suggested.get(given.key) or keys.get(given.key, "")


def tiles(
    faces: Sequence[Face],
    *,
    page: int = 1,
    badge: Callable[[Face], str] = lambda _: "",
    detail: Callable[[Face], str] = lambda _: "",
) -> tuple[Tile, ...]:
    """The faces of one page; `detail` is added to what is read out."""
    return tuple(
        Tile(
            str(face.id), f"face {number} of {len(faces)}, quality {face.quality_score:.2f}{detail(face)}", badge(face)
        )
        for number, face in enumerate(page_of(faces, page), start=(page - 1) * PAGE_FACES + 1)
    )


def page_of(faces: Sequence[Face], page: int) -> Sequence[Face]:
    return faces[(page - 1) * PAGE_FACES : page * PAGE_FACES]


def pages_of(count: int) -> int:
    return max(1, -(-count // PAGE_FACES))
