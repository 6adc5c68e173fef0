"""`python -m faceml.cli.reference > docs/cli.md`: all commands, options and settings, out of click itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from faceml.cli.main import EXIT_CODES, INTERRUPTED, cli
from faceml.config import Settings, show_settings

UNWRAPPED = "\b\n"  # click's mark

HEAD = """# The command line

Made by `python -m faceml.cli.reference > docs/cli.md`. `faceml COMMAND --help` says the same in the terminal.

Commands that report something take `--json`. Reports go to the standard output; progress, notes and errors go to the
standard error output. An error is one line with its fix; `faceml --debug COMMAND` shows where it rose, and logs all.
"""


def reference_page() -> str:
    parts = [HEAD, _exit_codes(), _settings(), "## Commands\n"]
    return "\n".join([*parts, *(_entry(command, path) for path, command in commands())])


def commands(group: click.Group = cli, path: tuple[str, ...] = ("faceml",)) -> Iterator[tuple[str, click.Command]]:
    """Every command and group below `group`, the group itself first, with the words that call it."""
    yield " ".join(path), group
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def _exit_codes() -> str:
    failed, wrong = (str(code) for _, code in reversed(EXIT_CODES))
    return f"**Exit codes**: 0 done, {failed} failed, {wrong} wrong use, {INTERRUPTED} stopped by Ctrl-C.\n"


def _settings() -> str:
    lines = ["## Settings\n", "Environment over `.env` over defaults. `faceml settings` shows each, secrets hidden.\n"]
    lines += ["`.env` lies in the project's root, where relative paths start; `faceml settings` says which that is.\n"]
    lines += ["| Variable | Default | What it is |", "|---|---|---|"]
    for item in show_settings(Settings()):
        lines.append(f"| `{item.name}` | {_code(item.value)} | {_cell(item.help)} |")
    return "\n".join([*lines, ""])


def _entry(command: click.Command, path: str) -> str:
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [f"### `{path}`\n", _text(command.help or ""), ""]
    if isinstance(command, click.Group):
        names = [f"`{path} {name}`" for name in sorted(command.commands)]
        lines += ["Commands: " + ", ".join(names), ""]
    lines += [f"    {usage}", ""]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    if options:
        lines += ["| Option | Default | |", "|---|---|---|"]
        lines += [_option(option, context) for option in options]
        lines.append("")
    return "\n".join(lines)


def _option(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    takes = "" if option.is_flag else f" `{option.make_metavar(context)}`"
    default = "" if option.is_flag or option.multiple else option.to_info_dict().get("default")
    shown = _code(str(default)) if isinstance(default, (str, int, float)) or hasattr(default, "parts") else ""
    return f"| {names}{_cell(takes)} | {shown} | {_cell(option.help or '')} |"


def _text(help_text: str) -> str:
    """Paragraphs as they are; one that click is told not to wrap, as it stands."""
    paragraphs = inspect.cleandoc(help_text).split("\n\n")
    return "\n\n".join(
        f"```\n{paragraph.removeprefix(UNWRAPPED)}\n```" if paragraph.startswith(UNWRAPPED) else paragraph
        for paragraph in paragraphs
    )


def _code(text: str) -> str:
    return f"`{_cell(text)}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(reference_page(), end="")
