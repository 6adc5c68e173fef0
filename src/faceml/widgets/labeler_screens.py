"""How the cluster labeller looks in each of its states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from faceml.records import Dismissal, Face
from faceml.services.decisions.split import SplitPreview
from faceml.services.review.browse import OpenCluster
from faceml.services.review.groups import Resemblance
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
    Progress,
    Screen,
    Suggestion,
    page_actions,
    pages_of,
    tiles,
)

VIEW = "labeler"
PREVIEWED = 24  # faces of each part of a split
DISMISSED = {Dismissal.NOT_A_FACE: "not a face", Dismissal.STRANGER: "a stranger, not asked again"}


def count_faces(count: int) -> str:
    return "1 face" if count == 1 else f"{count:,} faces"


def subject_of(cluster: OpenCluster | None) -> str:
    return f"{cluster.cluster_id} {len(cluster.faces)}" if cluster else ""


def naming(
    cluster: OpenCluster,
    suggestions: Sequence[Resemblance],
    progress: Progress,
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
        progress,
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
            PHOTO,
            replace(UNDO, is_enabled=can_undo),
            replace(REDO, is_enabled=can_redo),
            REFRESH,
            *page_actions(page, pages),
        ),
        notice=notice,
    )  # fmt: skip


def split(cluster: OpenCluster, preview: SplitPreview, progress: Progress, notice: Notice | None) -> Screen:
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
        progress,
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


def finished(progress: Progress, skipped: int, notice: Notice | None, *, can_undo: bool) -> Screen:
    """The end of the queue."""
    left = f"{skipped:,} skipped: look at them again with Refresh." if skipped else "Every cluster is done."
    return Screen(
        VIEW,
        "That was the last one" if skipped else "All done",
        progress=progress,
        actions=(
            Action("refresh", "Refresh", ("g", "Enter"), is_main=True),
            Action("previous", "Previous", ("ArrowLeft", "p"), is_enabled=skipped > 0),
            replace(UNDO, is_enabled=can_undo),
        ),
        notice=notice,
        empty=left,
    )
