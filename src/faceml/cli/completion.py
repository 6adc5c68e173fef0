"""`faceml completion`, and what a shell is offered behind commands that ask for a person or a cluster."""

from __future__ import annotations

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
    from faceml.config import read_settings
    from faceml.storage.hints import people_named

    settings = read_settings()
    if settings.database_url:
        return []
    return [CompletionItem(name) for name in people_named(settings.home / "faceml.db", incomplete)]


def clusters(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from faceml.config import read_settings
    from faceml.storage.hints import clusters_named

    settings = read_settings()
    if settings.database_url:
        return []
    found = clusters_named(settings.home / "faceml.db", incomplete)
    return [CompletionItem(cluster_id, help=f"{faces} faces") for cluster_id, faces in found]
