"""`faceml faces suggest` and `faceml people apart`: where a person's minute is worth most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from faceml.cli import completion, show
from faceml.config import current_actor

if TYPE_CHECKING:
    from faceml.library import Library
    from faceml.services.review.faces import UncertainFace
    from faceml.services.review.groups import Group, MergeSuggestion, SplitSuggestion

KINDS = ("merges", "splits", "uncertain")


@click.command()
@click.option("--kind", type=click.Choice(KINDS), help="Only suggestions of this kind; all without.")
@click.option("--limit", default=10, show_default=True, help="Suggestions of each kind.")
@click.option("--thorough", is_flag=True, help="Look through all groups, not the largest until anything is found.")
@show.matcher_option
@show.as_json
def suggest(kind: str | None, limit: int, thorough: bool, matcher: str, as_json: bool) -> None:
    """Suggest what to look at: groups that are one person, clusters that are two, faces that are a close call."""
    library = show.open_configured()
    found = {name: _ask(library, name, limit, thorough, matcher) for name in ([kind] if kind else KINDS)}
    if as_json:
        show.print_report({name: [asdict(item) for item in items] for name, items in found.items()}, as_json=True)
    else:
        click.echo("\n\n".join(_section(name, items) for name, items in found.items()))


@click.command()
@click.argument("one")
@click.argument("other")
@show.printed()
def apart(one: str, other: str) -> object:
    """Say that ONE and OTHER, clusters or people, are different people: merging them is not suggested again."""
    from faceml.services.decisions.split import mark_different

    return mark_different(show.open_configured(), one, other, actor=current_actor())


@click.command()
@click.argument("person", shell_complete=completion.people)
@click.argument("other", shell_complete=completion.people)
@click.option(
    "--as",
    "kin",
    type=click.Choice(["parent", "child", "sibling", "twin", "no-relative"]),
    required=True,
    help="What OTHER is to PERSON.",
)
@show.printed()
def relate(person: str, other: str, kin: str) -> object:
    """Say what OTHER is to PERSON: relatives look alike, and are never taken for one person."""
    from faceml.decisions.about_people import Kin
    from faceml.services.decisions.private import relate_people

    said = None if kin == "no-relative" else Kin(kin)
    return relate_people(show.open_configured(), person, other, said, actor=current_actor())


def _ask(library: Library, kind: str, limit: int, thorough: bool, matcher: str) -> list[Any]:
    from faceml.services.review import faces as single
    from faceml.services.review import groups

    match kind:
        case "merges":
            return groups.suggest_merges(library, limit=limit, thorough=thorough, on_note=_note)
        case "splits":
            return groups.suggest_splits(library, limit=limit, thorough=thorough, on_note=_note)
    return single.suggest_uncertain(library, limit=limit, matcher=matcher)


def _note(text: str) -> None:
    click.echo(f"{text}: --thorough", err=True)


def _section(kind: str, items: list[Any]) -> str:
    title, line, nothing = _SECTIONS[kind]
    lines = [title]
    for number, item in enumerate(items, 1):
        if kind == "uncertain" and item.expected and (number == 1 or item.expected is not items[number - 2].expected):
            lines.append(f"  probably {_expected(item)}")
        lines.append(f"{number:3}. {line(item)}")
    return "\n".join(lines if items else [title, nothing])


def _expected(found: UncertainFace) -> str:
    name, expected = found.nearest.person_name, found.expected
    if expected is None or expected.faces == 1:
        return name
    return f"{name}: {expected.faces} faces without a name, about {expected.right:.0f} of them theirs"


def _merge(found: MergeSuggestion) -> str:
    return (
        f"{_group(found.one)} + {_group(found.other)}: centres {found.similarity:.2f}, "
        f"faces {found.mean_similarity:.2f} on average, the nearest {found.nearest_similarity:.2f}"
    )


def _group(group: Group) -> str:
    return f"{group.name} ({group.faces} faces)"


def _split(found: SplitSuggestion) -> str:
    sizes = " + ".join(str(len(part)) for part in found.parts)
    rest = f", {len(found.left_out)} fit no part" if found.left_out else ""
    option = " (--min-cluster-size 2)" if found.min_cluster_size < 3 else ""
    return (
        f"{found.cluster_id} ({found.faces} faces): into {sizes}{rest}{option}; halves are {found.similarity:.2f} alike"
    )


def _uncertain(found: UncertainFace) -> str:
    runner_up = f", then {found.runner_up}" if found.runner_up else ""
    answer = "named" if found.is_match else "unknown"
    likely = f"; {found.likelihood:.0%} likely" if found.likelihood is not None and found.expected else ""
    return f"{found.face_id}: {found.nearest}{runner_up} (threshold {found.threshold:.2f}: {answer}{likely})"


_SECTIONS: dict[str, tuple[str, Callable[[Any], str], str]] = {
    "merges": (
        "The same person? (`faceml faces label` or `faceml people merge` says yes, `faceml people apart` no)",
        _merge,
        "  nothing looks like one person twice",
    ),
    "splits": (
        "Two people? (`faceml people split CLUSTER` says yes)",
        _split,
        "  no cluster looks like two people",
    ),
    "uncertain": (
        "Who is this? (`faceml people assign NAME FACE_ID` or `faceml people reject NAME FACE_ID` says)",
        _uncertain,
        "  no face is a close call, or nobody is named yet",
    ),
}
