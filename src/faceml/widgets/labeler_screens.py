"""How the cluster labeller looks in each of its states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from faceml.records import Dismissal, Face
from faceml.services.decisions.split import SplitPreview
from faceml.services.recognise.gallery import Resemblance
from faceml.services.review.browse import OpenCluster
from faceml.widgets import screen as ui

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
    progress: ui.ProgressBar,
    notice: ui.Notice | None,
    *,
    page: int,
    at: int,
    likely_from: float,
    meant: str,
    can_undo: bool,
    can_redo: bool,
) -> ui.Screen:
    """Who is this? The faces of one cluster, suggested names, and an entry for another one."""
    pages = ui.pages_of(len(cluster.faces))
    hint = "click, drag or space leaves a face out"
    if cluster.odd:
        hint += f"; {len(cluster.odd)} that fit less come last"
    shown = ui.tiles(cluster.faces, page=page, badge=lambda face: "odd" * (face.id in cluster.odd))
    sheet = ui.Sheet("Faces", shown, hint, is_selectable=True, page=page, pages=pages)
    facts = [
        count_faces(len(cluster.faces)),
        f"quality {cluster.mean_quality:.2f}",
        f"cohesion {cluster.cohesion:.2f}",
    ]
    if cluster.is_mixed:
        facts.append("little alike")
    if cluster.named_faces:
        facts.append(f"{cluster.named_faces:,} more are named")
    walking = (
        ui.Action("skip", "Skip", ("ArrowRight", "n")),
        ui.Action("previous", "Previous", ("ArrowLeft", "p"), is_enabled=at > 0),
    )
    deciding = (
        ui.Action("split", "Split …", ("s",), is_enabled=len(cluster.faces) > 3, is_main=cluster.is_mixed),
        ui.Action("not_a_face", "Not a face", ("f",)),
        ui.Action("stranger", "Stranger", ("x",)),
    )
    return ui.Screen(
        VIEW,
        "One person?" if cluster.is_mixed else "Who is this?",
        subject_of(cluster),
        tuple(facts),
        progress,
        (sheet,),
        suggestions=tuple(
            ui.Suggestion(f"accept_{number}", item.person_name, f"{item.similarity:.2f}", str(number),
                       is_likely=number == 1 and item.similarity >= likely_from and not cluster.is_mixed)
            for number, item in enumerate(suggestions, start=1)
        ),
        entry=ui.Entry("Name of this person", "Type a name", "label", as_typed="label_as_typed", meant=meant),
        actions=(
            *(deciding + walking if cluster.is_mixed else walking + deciding),
            ui.PHOTO,
            replace(ui.UNDO, is_enabled=can_undo),
            replace(ui.REDO, is_enabled=can_redo),
            ui.REFRESH,
            *ui.page_actions(page, pages),
        ),
        notice=notice,
    )  # fmt: skip


def split(cluster: OpenCluster, preview: SplitPreview, progress: ui.ProgressBar, notice: ui.Notice | None) -> ui.Screen:
    """The parts that a split would make; nothing is done yet."""
    titles = [*(f"Part {number}" for number in range(1, len(preview.parts) + 1)), "In no part"]
    sheets = [
        ui.Sheet(
            title,
            ui.tiles(faces[:PREVIEWED]),
            f"{len(faces):,} faces{', the best are shown' * (len(faces) > PREVIEWED)}",
        )
        for title, faces in zip(titles, parts_of(cluster, preview), strict=True)
        if faces
    ]
    return ui.Screen(
        VIEW,
        f"Split into {len(preview.parts)} parts?",
        subject_of(cluster),
        (f"{len(cluster.faces):,} faces", "nothing is done yet"),
        progress,
        tuple(sheets),
        actions=(ui.Action("do_split", "Split", ("Enter", "y"), is_main=True), ui.BACK),
        notice=notice,
    )


def parts_of(cluster: OpenCluster, preview: SplitPreview) -> list[list[Face]]:
    """The open faces of each part, best quality first, and last of those in no part."""
    place = {face_id: number for number, ids in enumerate([*preview.parts, preview.left_out]) for face_id in ids}
    parts: list[list[Face]] = [[] for _ in range(len(preview.parts) + 1)]
    for face in cluster.faces:
        parts[place.get(face.id, -1)].append(face)
    return parts


def finished(progress: ui.ProgressBar, skipped: int, notice: ui.Notice | None, *, can_undo: bool) -> ui.Screen:
    left = f"{skipped:,} skipped: look at them again with Refresh." if skipped else "Every cluster is done."
    return ui.Screen(
        VIEW,
        "That was the last one" if skipped else "All done",
        progress=progress,
        actions=(
            ui.Action("refresh", "Refresh", ("g", "Enter"), is_main=True),
            ui.Action("previous", "Previous", ("ArrowLeft", "p"), is_enabled=skipped > 0),
            replace(ui.UNDO, is_enabled=can_undo),
        ),
        notice=notice,
        empty=left,
    )
