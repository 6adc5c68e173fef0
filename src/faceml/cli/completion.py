"""`faceml completion`, and what a shell is offered behind commands that ask for a person or a cluster."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_FACEML_COMPLETE"
# Click's script splits what it offers at blanks; names have some.
_SPLITS, _QUOTES = "COMPREPLY+=($value)", 'COMPREPLY+=("$(printf \'%q\' "$value")")'


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash:  eval "$(faceml completion bash)"                  in ~/.bashrc
    zsh:   eval "$(faceml completion zsh)"                   in ~/.zshrc
    fish:  faceml completion fish > ~/.config/fish/completions/faceml.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    root = context.find_root().command
    # `source()` would start bash to ask for its version; the script itself is all that is wanted.
    script = kind.source_template % kind(root, {}, "faceml", VARIABLE).source_vars()
    click.echo(script.replace(_SPLITS, _QUOTES))


def people(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from faceml.storage.hints import people_named

    return [CompletionItem(name) for name in people_named(_database(), incomplete)]


def clusters(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from faceml.storage.hints import clusters_named

    found = clusters_named(_database(), incomplete)
    return [CompletionItem(cluster_id, help=f"{faces} faces") for cluster_id, faces in found]


def _database() -> Path | None:
    """The library's file; None where the library is a server's database."""
    from faceml.config import read_settings

    settings = read_settings()
    return None if settings.database_url else settings.home / "faceml.db"
