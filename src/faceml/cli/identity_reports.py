"""People, who a face is and why, and decisions, as a person reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from faceml.cli.reports import space
from faceml.cli.tables import one_line, table

if TYPE_CHECKING:
    from faceml.services.decisions.split import SplitPreview, SplitReport
    from faceml.services.decisions.undo import UndoReport
    from faceml.services.exchange.import_labels import EnrolReport
    from faceml.services.recognise.identify import Explanation, Identification, PersonScore
    from faceml.services.review.browse import PeoplePage, PersonDetails


def explanation(report: Explanation) -> str:
    how = "recognised by faceml" if report.assigned_by == "prototype" else "named by a person"
    who = f"{report.person_name} ({how})" if report.person_name else "nobody"
    lines = [f"Face {report.face_id}: {who}"]
    if report.similarity is not None:
        is_score = (report.model_version or "").startswith("face-matcher/")
        number, places = ("score", ".3f") if is_score else ("similarity", "g")
        asked = f", threshold {report.threshold:{places}}" if report.threshold is not None else ""
        lines.append(f"Assigned at {number} {report.similarity:.3f}{asked}, by model {report.model_version}")
    if report.similarity is not None and report.runner_up_similarity is not None and report.runner_up_name:
        margin = report.similarity - report.runner_up_similarity
        lines.append(f"Second then: {report.runner_up_name} at {report.runner_up_similarity:.3f}, margin {margin:.3f}")
    if report.ruled_out:
        lines.append(f"Ruled out by a person: {', '.join(report.ruled_out)}")
    if report.cannot_be:
        lines.append(f"Cannot be: {', '.join(report.cannot_be)}")
    if report.age is not None:
        lines.append(f"Age on this photo of {report.taken_on}: {report.age}")
    if report.scores:
        lines.append(f"Scores ({report.compared_in}), and what adds up to them:")
        lines += [f"  {_score(item)}" for item in report.scores]
    else:
        lines.append(
            f"Nearest prototypes ({report.compared_in}):" if report.nearest else "No prototypes yet: nobody is named"
        )
        lines += [f"  {item.similarity:6.3f}  {item.person_name} ({item.role})" for item in report.nearest]
    lines += space("raw", report.note)
    return "\n".join(lines)


def _score(found: PersonScore) -> str:
    """One line whose parts add up."""
    item = found.rounded(2)
    parts = [
        f"{item.nearest:.2f} for half the nearest",
        f"{item.centre:.2f} for half the centre",
        f"{_signed(item.face)} because this face is near many",
        f"{_signed(item.person)} because {item.person_name} is",
        *([f"{_signed(item.group)} by its group"] if item.group else []),
    ]
    return f"{item.score:.2f} to {item.person_name}: {', '.join(parts)}"


def _signed(number: float) -> str:
    return f"{'−' if number < 0 else '+'}{abs(number):.2f}"


def identification(report: Identification) -> str:
    lines = [f"Faces: {len(report.faces)}"]
    for face in report.faces:
        who = face.best.person_name if face.is_known and face.best else "nobody known"
        alike = [f"{found}" for found in (face.best, face.runner_up) if found]
        nearest = f" (nearest: {', then '.join(alike)})" if alike else ""
        lines.append(f"  - {who}{nearest}, at {face.bbox.x}, {face.bbox.y}, {face.bbox.w} x {face.bbox.h} pixels")
    lines.append(f"Threshold: {report.threshold:.3f}")
    return "\n".join(lines + space(report.model_version, *report.notes))


def people_page(page: PeoplePage) -> str:
    if not page.items:
        return "Nobody here: `faceml faces label CLUSTER NAME` names the first"
    rows = [(item.name, item.face_count, item.prototype_count, item.status, item.id) for item in page.items]
    lines = table(("Name", "Faces", "Prototypes", "Status", "Id"), rows)
    return "\n".join([*lines, f"Page {page.page}, {len(rows)} of {page.total} people"])


def person(found: PersonDetails) -> str:
    who = found.person
    lines = [f"{who.name} ({who.status})", f"Id: {who.id}", f"Faces: {who.face_count}"]
    if found.also_called:
        lines.append(f"Merged into them: {', '.join(found.also_called)}")
    about = found.about
    told = {"Born": about.born, "Died": about.died, "Also called": ", ".join(about.aliases), "Note": about.note}
    told["Relatives"] = ", ".join(f"{one.name} ({one.kin})" for one in found.relatives)
    lines += [f"{word}: {value}" for word, value in told.items() if value]
    lines.append(f"Exemplars: {len(found.exemplars)}; centroid: {'yes' if found.has_centroid else 'no'}")
    lines += [
        f"  {face.id}  quality {face.quality_score:.2f}  {face.assigned_by or '-'}"
        f"{'  exemplar' if face.id in found.exemplars else ''}"
        f"{f'  age {found.ages[face.id]}' if face.id in found.ages else ''}"
        f"  {one_line(file)}"
        for face, file in zip(found.faces, found.files, strict=False)
    ]
    more = len(found.faces) - len(found.files)
    if found.next:
        lines.append(f"  ... more of {who.face_count} faces: --json, and --after {found.next}")
    elif more > 0:
        lines.append(f"  ... and {more} more")
    return "\n".join(lines)


def preview(found: SplitPreview) -> str:
    if len(found.parts) < 2:
        return f"{found.cluster_id} does not fall apart: try a smaller --min-cluster-size"
    sizes = ", ".join(str(len(part)) for part in found.parts)
    parts = f"{len(found.parts)} parts of {sizes} faces"
    return f"{found.cluster_id} would split into {parts}, and {len(found.left_out)} would fit no part"


def split(report: SplitReport) -> str:
    if report.status == "unchanged":
        return f"{report.original_cluster_id} does not fall apart: try a smaller --min-cluster-size"
    lines = [f"Split {report.original_cluster_id} into:", *(f"  {name}" for name in report.new_clusters)]
    return "\n".join([*lines, f"Faces that fit no part: {report.faces_left_out}", f"Event: {report.event_id}"])


def decisions(lines: Sequence[object]) -> str:
    return "\n".join(map(str, lines)) or "No decision yet: `faceml faces label CLUSTER NAME` makes the first"


def undo(report: UndoReport) -> str:
    verb = "Redone" if report.is_redo else "Undone"
    lines = [f"{verb}: {report.kind} (event {report.decision_id}); faces restored: {report.faces_restored}"]
    if report.faces_left:
        lines.append(f"Faces left as they are, because something later says otherwise: {report.faces_left}")
    return "\n".join([*lines, f"Event: {report.event_id} (undo it to take this back)"])


def enrolled(report: EnrolReport) -> str:
    lines = [f"Enrolled: {report.enrolled} of {len(report.pictures)} pictures of {report.person_name or 'nobody'}"]
    for picture in report.pictures:
        what = (
            f"face {picture.face_id}" if picture.face_id else f"refused ({picture.seen.refused}): {picture.seen.reason}"
        )
        lines.append(f"  {one_line(picture.name)}: {what}")
    return "\n".join([*lines, *([f"Event: {report.event_id}"] if report.event_id else [])])
