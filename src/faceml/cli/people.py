"""`faceml people …`: who is in the library, and every decision about it. People are given by name or id."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from faceml.cli import completion, identity_reports, photo_reports, show
from faceml.config import current_actor
from faceml.options import SplitOptions
from faceml.path_text import path_text

person = click.argument("person", shell_complete=completion.people)
STATUS = click.Choice(["active", "hidden", "merged", "all"])
face_ids = click.argument("face_ids", metavar="FACE_ID...", nargs=-1, required=True, type=click.UUID)


@click.group(cls=show.TaskGroup)
def people() -> None:
    """Name, merge and correct people; every decision can be undone."""


@people.command("list")
@click.option("--status", type=STATUS, default="active", show_default=True, help="Only people of this status.")
@show.paged("People")
@show.printed(identity_reports.people_page)
def list_(status: str, **page: Any) -> object:
    """List people, most faces first."""
    from faceml.records import PersonStatus
    from faceml.services.review.browse import list_people

    wanted = None if status == "all" else PersonStatus(status)
    return list_people(show.open_configured().repository, status=wanted, **page)


@people.command("show")
@person
@show.paged("Faces", size=1_000, most=1_000)
@show.printed(identity_reports.person)
def show_(person: str, **page: Any) -> object:
    """Show one person: faces, exemplars, names of those merged into them."""
    from faceml.services.review.browse import show_person

    return show_person(show.open_configured().repository, person, **page)


@people.command()
@click.argument("source", shell_complete=completion.people)
@click.argument("target", shell_complete=completion.people)
@show.printed()
def merge(source: str, target: str) -> object:
    """Merge SOURCE into TARGET: they are the same person, called TARGET."""
    from faceml.services.decisions.people import merge_people
    from faceml.services.review.browse import find

    library = show.open_configured()
    one, other = (find(library.repository, name).id for name in (source, target))
    return merge_people(library, one, other, actor=current_actor())


@people.command()
@person
@click.argument("name")
@show.printed()
def rename(person: str, name: str) -> object:
    """Give PERSON another NAME."""
    from faceml.services.decisions.people import rename_person

    return _decide(rename_person, person, name)


@people.command()
@person
@click.option("--born", help="Year, month or day of birth: 1950, 1950-05, 1950-05-17; empty: not known.")
@click.option("--died", help="Likewise of death.")
@click.option("--note", help="What you want to remember of them; empty: nothing.")
@click.option("--alias", "aliases", multiple=True, help="What else they are called, instead of what was said before.")
@show.printed()
def describe(person: str, aliases: tuple[str, ...], **said: str | None) -> object:
    """Write down when PERSON was born and died, a note, and what else they are called."""
    from faceml.services.decisions.private import describe_person

    return describe_person(show.open_configured(), person, **said, aliases=aliases or None, actor=current_actor())


@people.command()
@person
@show.printed()
def hide(person: str) -> object:
    """Leave PERSON out of lists and recognition; their faces stay theirs."""
    from faceml.services.decisions.people import hide_person

    return _decide(hide_person, person)


@people.command()
@person
@show.printed()
def unhide(person: str) -> object:
    """Bring a hidden PERSON back."""
    from faceml.services.decisions.people import unhide_person

    return _decide(unhide_person, person)


@people.command()
@person
@click.option("--yes", is_flag=True, help="Erase; without it, say what that would take.")
@show.printed(fails=lambda report: bool(report.not_gone_yet))
def erase(person: str, yes: bool) -> object:
    """Erase PERSON for good: faces, vectors, prototypes, and their name in the log. This cannot be undone."""
    from faceml.services.decisions.private import erase_person

    return erase_person(show.open_configured(), person, is_confirmed=yes, actor=current_actor())


@people.command()
@person
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--face", type=click.IntRange(min=1), help="Which face of one picture is meant; 1 is the leftmost.")
@show.printed(identity_reports.enrolled, fails=lambda report: report.refused > 0)
def enrol(person: str, photos: tuple[Path, ...], face: int | None) -> object:
    """Let PERSON, known or new, be known by pictures; each is taken, or refused with the reason (exit code 1)."""
    from faceml.errors import FileNotReadable
    from faceml.files import read_file
    from faceml.services.exchange.import_labels import enrol as run

    try:
        pictures = [(path_text(photo), read_file(photo)) for photo in photos]
    except OSError as error:
        raise FileNotReadable(f"{error.filename} cannot be read ({error.strerror}): check its spelling") from error
    return run(show.open_configured(), person, pictures, face=face, actor=current_actor())


@people.command()
@person
@face_ids
@show.printed()
def assign(person: str, face_ids: tuple[UUID, ...]) -> object:
    """Say that faces are PERSON's; a new name makes a new person."""
    from faceml.services.decisions.label import assign_faces_to

    return assign_faces_to(show.open_configured(), face_ids, person, actor=current_actor())


@people.command()
@face_ids
@show.printed()
def unassign(face_ids: tuple[UUID, ...]) -> object:
    """Take faces from the person they are under; they stay without a name."""
    from faceml.services.decisions.label import unassign_faces

    return unassign_faces(show.open_configured(), face_ids, actor=current_actor())


@people.command()
@person
@face_ids
@show.printed()
def reject(person: str, face_ids: tuple[UUID, ...]) -> object:
    """Say that faces are NOT that PERSON, who is never proposed for them again."""
    from faceml.services.decisions.label import reject_person

    return reject_person(show.open_configured(), face_ids, person, actor=current_actor())


@people.command()
@face_ids
@click.option(
    "--as",
    "dismissed_as",
    type=click.Choice(["not-a-face", "stranger"]),
    default="not-a-face",
    show_default=True,
    help="Why they are dismissed.",
)
@show.printed()
def dismiss(face_ids: tuple[UUID, ...], dismissed_as: str) -> object:
    """Take faces out of clusters and recognition: they are not faces, or strangers nobody wants to name."""
    from faceml.records import Dismissal
    from faceml.services.decisions.label import dismiss_faces

    why = Dismissal(dismissed_as.replace("-", "_"))
    return dismiss_faces(show.open_configured(), face_ids, why, actor=current_actor())


@people.command()
@click.argument("cluster_id", shell_complete=completion.clusters)
@show.takes(SplitOptions)
@click.option("--preview", is_flag=True, help="Only show the parts it would make.")
@show.track_option
@show.queue_option
@show.as_json
def split(cluster_id: str, options: SplitOptions, preview: bool, queue: bool, as_json: bool) -> None:
    """Split a cluster that shows several people."""
    from faceml.services.decisions.split import preview_split, split_cluster
    from faceml.tracking.steps import split_run

    size = options.min_cluster_size
    if queue and not preview:
        show.enqueue("split_cluster_job", show.job_parameters(options, cluster_id=cluster_id), as_json=as_json)
        return
    library = show.open_configured()
    if preview:
        parts = preview_split(library, cluster_id, min_cluster_size=size)
        show.print_report(parts, identity_reports.preview(parts), as_json=as_json)
        return
    with show.recorded(library, "split") as record:
        report = split_cluster(library, cluster_id, min_cluster_size=size, actor=current_actor())
        record(split_run(cluster_id, options, report))
    show.print_report(report, identity_reports.split(report), as_json=as_json)


@people.command()
@click.argument("event_id", type=int, required=False)
@show.printed(identity_reports.undo)
def undo(event_id: int | None) -> object:
    """Take a decision back: EVENT_ID of `faceml people history`, or the latest that stands."""
    from faceml.services.decisions.undo import undo as run

    return run(show.open_configured(), event_id, actor=current_actor())


@people.command()
@click.argument("event_id", type=int, required=False)
@show.printed(identity_reports.undo)
def redo(event_id: int | None) -> object:
    """Make a decision again that was undone: EVENT_ID, or that of the latest undo."""
    from faceml.services.decisions.undo import redo as run

    return run(show.open_configured(), event_id, actor=current_actor())


@people.command()
@click.option("--limit", default=20, show_default=True, help="Decisions to show.")
@show.printed(identity_reports.decisions, listed="events")
def history(limit: int) -> object:
    """Show the latest decisions, newest first."""
    from faceml.services.decisions.undo import history as run

    return run(show.open_configured().repository, limit=limit)


@people.command()
@click.argument("person", required=False, shell_complete=completion.people)
@click.option("--limit", default=20, show_default=True, help="Pairs to list.")
@show.printed(photo_reports.companions, listed="together")
def together(person: str | None, limit: int) -> object:
    """List who is on photos with whom, most photos first: with PERSON, or all pairs."""
    from faceml.services.review.browse import list_together

    return list_together(show.open_configured().repository, person, limit=limit)


@people.command()
@show.paged("Events")
@show.printed(photo_reports.events)
def events(**page: Any) -> object:
    """List days, the folders that photos of them lie in, and who is on these."""
    from faceml.services.review.browse import list_events

    return list_events(show.open_configured().repository, **page)


@people.command()
@person
@click.argument("face_ids", metavar="[FACE_ID]...", nargs=-1, type=click.UUID)
@show.printed()
def exemplars(person: str, face_ids: tuple[UUID, ...]) -> object:
    """Choose the faces PERSON is recognised by; without any, the best three are chosen anew."""
    from faceml.services.decisions.people import choose_exemplars

    return choose_exemplars(show.open_configured(), person, face_ids or None, actor=current_actor())


@people.command()
@person
@click.argument("face_id", type=click.UUID)
@show.printed()
def cover(person: str, face_id: UUID) -> object:
    """Choose the face that is PERSON's portrait."""
    from faceml.services.decisions.people import choose_cover

    return choose_cover(show.open_configured(), person, face_id, actor=current_actor())


def _decide(service: Callable[..., object], person: str, *said: str, **options: bool) -> object:
    """Carry out a decision about a person, given by name or id."""
    from faceml.services.review.browse import find

    library = show.open_configured()
    return service(library, find(library.repository, person).id, *said, actor=current_actor(), **options)
