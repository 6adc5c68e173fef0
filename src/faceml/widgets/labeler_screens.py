"""How the cluster labeller looks in each of its states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from faceml.records import Dismissal, Face
from faceml.services.decisions.split import SplitPreview
from faceml.services.pictures.photo import PhotoView
from faceml.services.recognise.gallery import Resemblance
from faceml.services.review.browse import LabelProgress, OpenCluster
from faceml.widgets.screen import (
    Action,
    Box,
    Entry,
    Group,
    Notice,
    Photo,
    Progress,
    Screen,
    Suggestion,
    pages_of,
    tiles,
)

VIEW = "labeler"
PREVIEWED = 24  # faces of each part of a split
DISMISSED = {Dismissal.NOT_A_FACE: "not a face", Dismissal.STRANGER: "a stranger, not asked again"}
PACE_FROM_S = 20.0  # before that a pace says nothing
BACK = Action("back", "Back", ("Escape",))
UNDO_KEYS, REDO_KEYS = ("u", "Ctrl+z"), ("r", "Ctrl+y", "Ctrl+Shift+z")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the naming has come."""

    library: LabelProgress
    clusters_left: int
    named_now: int  # faces, in this session
    spent_s: float  # in this session

    def shown(self) -> Progress:
        counts = self.library
        left = f"{self.clusters_left:,} cluster{'' if self.clusters_left == 1 else 's'} left"
        words = [f"{counts.faces_named:,} of {counts.faces:,} faces named", left]
        if self.named_now and self.spent_s >= PACE_FROM_S:
            words.append(f"{60 * self.named_now / self.spent_s:.0f} faces a minute")
        return Progress(" · ".join(words), counts.faces_named / counts.faces if counts.faces else 0.0)


def count_faces(count: int) -> str:
    return "1 face" if count == 1 else f"{count:,} faces"


def subject_of(cluster: OpenCluster | None) -> str:
    return f"{cluster.cluster_id} {len(cluster.faces)}" if cluster else ""


def naming(
    cluster: OpenCluster,
    suggestions: Sequence[Resemblance],
    standing: Standing,
    notice: Notice | None,
    *,
    page: int,
    at: int,
    likely_from: float,
    can_undo: bool,
    can_redo: bool,
) -> Screen:
    """Who is this? The faces of one cluster, suggested names, and an entry for another one."""
    pages = pages_of(len(cluster.faces))
    hint = "click, drag or space leaves a face out"
    sheet = Group("Faces", tiles(cluster.faces, page=page), hint, is_selectable=True, page=page, pages=pages)
    facts = [
        count_faces(len(cluster.faces)),
        f"quality {cluster.mean_quality:.2f}",
        f"cohesion {cluster.cohesion:.2f}",
    ]
    if cluster.named_faces:
        facts.append(f"{cluster.named_faces:,} more are named")
    return Screen(
        VIEW,
        "Who is this?",
        subject_of(cluster),
        tuple(facts),
        standing.shown(),
        (sheet,),
        suggestions=tuple(
            Suggestion(f"accept_{number}", item.person_name, f"{item.similarity:.2f}", str(number),
                       is_likely=number == 1 and item.similarity >= likely_from)
            for number, item in enumerate(suggestions, start=1)
        ),
        entry=Entry("Name of this person", "Type a name", "label"),
        actions=(
            Action("skip", "Skip", ("ArrowRight", "n")),
            Action("previous", "Previous", ("ArrowLeft", "p"), is_enabled=at > 0),
            Action("split", "Split …", ("s",), is_enabled=len(cluster.faces) > 3),
            Action("not_a_face", "Not a face", ("f",)),
            Action("stranger", "Stranger", ("x",)),
            Action("photo", "Photo", ("o",)),
            Action("undo", "Undo", UNDO_KEYS, is_enabled=can_undo),
            Action("redo", "Redo", REDO_KEYS, is_enabled=can_redo),
            Action("refresh", "Refresh", ("g",)),
            *page_actions(page, pages),
        ),
        notice=notice,
    )  # fmt: skip


def page_actions(page: int, pages: int) -> tuple[Action, ...]:
    """To turn pages, where there are several."""
    if pages == 1:
        return ()
    return (
        Action("next_page", "Next page", ("PageDown",), is_enabled=page < pages),
        Action("previous_page", "Previous page", ("PageUp",), is_enabled=page > 1),
    )


def split(cluster: OpenCluster, preview: SplitPreview, standing: Standing, notice: Notice | None) -> Screen:
    """The parts that a split would make; nothing is done yet."""
    titles = [*(f"Group {number}" for number in range(1, len(preview.parts) + 1)), "In no group"]
    groups = [
        Group(
            title, tiles(faces[:PREVIEWED]), f"{len(faces):,} faces{', the best are shown' * (len(faces) > PREVIEWED)}"
        )
        for title, faces in zip(titles, parts_of(cluster, preview), strict=True)
        if faces
    ]
    return Screen(
        VIEW,
        f"Split into {len(preview.parts)} groups?",
        subject_of(cluster),
        (f"{len(cluster.faces):,} faces", "nothing is done yet"),
        standing.shown(),
        tuple(groups),
        actions=(Action("do_split", "Split", ("Enter", "y"), is_main=True), BACK),
        notice=notice,
    )


def parts_of(cluster: OpenCluster, preview: SplitPreview) -> list[list[Face]]:
    """The open faces of each part, best quality first, and last of those that fit none."""
    place = {face_id: number for number, ids in enumerate([*preview.parts, preview.left_out]) for face_id in ids}
    parts: list[list[Face]] = [[] for _ in range(len(preview.parts) + 1)]
    for face in cluster.faces:
        parts[place.get(face.id, -1)].append(face)
    return parts


def photo(view: PhotoView, asked: UUID, subject: str, notice: Notice | None) -> Screen:
    """The whole photo with its boxes."""
    boxes = tuple(
        Box(str(box.face_id), box.person_name or "", box.x, box.y, box.w, box.h, box.face_id == asked)
        for box in view.boxes
    )
    return Screen(VIEW, view.file_name, subject, photo=Photo(view.file_name, boxes), actions=(BACK,), notice=notice)


def finished(standing: Standing, skipped: int, notice: Notice | None, *, can_undo: bool) -> Screen:
    """The end of the queue."""
    left = f"{skipped:,} skipped: look at them again with Refresh." if skipped else "Every cluster is done."
    return Screen(
        VIEW,
        "That was the last one" if skipped else "All done",
        progress=standing.shown(),
        actions=(
            Action("refresh", "Refresh", ("g", "Enter"), is_main=True),
            Action("previous", "Previous", ("ArrowLeft", "p"), is_enabled=skipped > 0),
            Action("undo", "Undo", UNDO_KEYS, is_enabled=can_undo),
        ),
        notice=notice,
        empty=left,
    )
