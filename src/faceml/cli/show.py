"""How the command line shows things: a report as text or JSON, and bars for long work."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from faceml.config import current_actor
from faceml.errors import FacemlError, WrongUse
from faceml.options import AssignOptions, MachineOptions, Option, StepOptions, options_of
from faceml.path_text import path_text
from faceml.plots.report_table import named_values
from faceml.progress import Progress

if TYPE_CHECKING:
    from faceml.jobs.queue import JobQueue
    from faceml.library import Library
    from faceml.tracking.steps import StepRun

F = TypeVar("F", bound=Callable[..., Any])
FAILED = 1  # exit code

as_json = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
queue_option = click.option("--queue", is_flag=True, help="Run as background job instead of directly.")
_TRACK = "faceml.track"  # in click's notes of a call: no command takes it


def _ask_to_track(context: click.Context, _: click.Parameter, is_asked: bool) -> None:
    context.meta[_TRACK] = is_asked


track_option = click.option(
    "--track",
    is_flag=True,
    expose_value=False,
    callback=_ask_to_track,
    help="Record a run in MLflow, as the notebook does (FACEML_TRACK=yes: always).",
)


@contextmanager
def recorded(library: Library, kind: str) -> Iterator[Callable[[StepRun], None]]:
    """Record what the block does as a run, where somebody asked for that; it hands over what is to be recorded."""
    if not (click.get_current_context().meta.get(_TRACK) or library.settings.track == "yes"):
        yield lambda _: None
        return
    from faceml.services.operate.status import library_snapshot

    with library.tracking.run(kind, library=library_snapshot(library.repository)) as run:

        def record(step: StepRun) -> None:
            run.parameters(step.parameters)
            run.metrics(step.metrics)

        yield record


class TaskGroup(click.Group):
    """A group whose help lists its commands by what a person wants to do."""

    tasks: Mapping[str, str] = {}  # heading → names of commands; the others follow under "Further"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        told = {name for names in self.tasks.values() for name in names.split()}
        further = " ".join(name for name in self.list_commands(ctx) if name not in told)
        width = formatter.width - 6 - max(map(len, self.commands))
        for heading, names in {**self.tasks, "Further": further}.items():
            found = [(name, command) for name in names.split() if (command := self.get_command(ctx, name))]
            if found:
                with formatter.section(heading):
                    formatter.write_dl([(name, command.get_short_help_str(width)) for name, command in found])


class OptionText(click.ParamType[Any]):
    """Reads what was typed; the record of options says what does not fit, in the words of all doors."""

    def __init__(self, option: Option) -> None:
        self._option = option
        is_number = option.kind in (int, float) and not option.choices
        self.name = {int: "integer", float: "float"}[option.kind] if is_number else "text"

    def convert(self, value: Any, *_: Any) -> Any:
        return self._option.read(value) if isinstance(value, str) else value


def takes(record: type[StepOptions]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each of a record's; it gets them as one `options`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            options = record(**{item.name: given.pop(item.name) for item in options_of(record)})
            command(options=options, **given)

        decorated: Callable[..., None] = run
        for item in reversed(options_of(record)):
            decorated = _click_option(item)(decorated)
        return decorated

    return decorate


def _click_option(item: Option) -> Callable[[F], F]:
    flag = "--" + item.shell_name.replace("_", "-")
    if item.kind is bool:
        flag = f"{flag}/--no-{flag.removeprefix('--')}" if item.default else flag
        return click.option(flag, item.name, is_flag=True, default=item.default, help=item.words)
    return click.option(
        flag, item.name, type=OptionText(item), default=item.default, show_default=True, help=item.words
    )


def offers(record: type[StepOptions], name: str) -> Callable[[F], F]:
    """Give a command one option of a record's; what was typed is checked by what the command calls."""
    return next(_click_option(item) for item in options_of(record) if item.name == name)


model_option = offers(AssignOptions, "model")
matcher_option = offers(AssignOptions, "matcher")
on_option = offers(MachineOptions, "on")


def paged(what: str, *, size: int = 20, most: int = 100) -> Callable[[F], F]:
    """Give a command `page`, `page_size` and `after`."""
    number = click.option("--page", default=1, show_default=True, help="Page number.")
    length = click.option("--page-size", default=size, show_default=True, help=f"{what} a page, {most} at most.")
    after = click.option("--after", metavar="PLACE", help="Only what comes behind this: next of another page's --json.")
    return lambda command: number(length(after(command)))


def own_defaults() -> dict[str, Any] | None:
    """The library's own defaults of its commands' options, as click takes them; None: it has the usual ones."""
    from faceml.config import read_settings

    try:
        home = read_settings().home
    except FacemlError:
        return None  # the command itself says what is wrong
    if not (home / "options.json").exists():
        return None
    from faceml.storage.own_options import own_options

    found = own_options(home)
    return {"faces": dict(found.options)} if found else None


def tell_own_defaults() -> None:
    """Say which options of this command are the library's own, as nobody gave others."""
    context = click.get_current_context(silent=True)
    names = list(context.params) if context else []
    own = [name for name in names if context and context.get_parameter_source(name) is ParameterSource.DEFAULT_MAP]
    if context and own:
        values = ", ".join(f"{name}={context.params[name]}" for name in own)
        note(f"Defaults of this library: {values} (faceml experiments defaults)")


def open_configured(*, on: str | None = None, is_new_meant: bool = False) -> Library:
    """The library of the environment, with logging as its settings say; a new one is told on stderr, unless meant.

    `on`: other machines, see `machines.on_ray.machines_at`.
    """
    from faceml.config import read_settings
    from faceml.wiring import open_library

    tell_own_defaults()
    settings = read_settings()
    is_debug = "--debug" in sys.argv[1:]
    level = "DEBUG" if is_debug else settings.log_level
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    if not is_debug:
        logging.getLogger("alembic").setLevel(logging.WARNING)
    return open_library(settings, on=on, on_new=None if is_new_meant else lambda line: click.echo(line, err=True))


def printed(
    text: Callable[[Any], str] | None = None,
    *,
    listed: str | None = None,
    job: str | None = None,
    fails: Callable[[Any], bool] = lambda _: False,
) -> Callable[[Callable[..., object]], Callable[..., None]]:
    """Give a command `--json`, and print what it returns.

    Args:
        text: how a person reads it; without it, one `Name: value` a line.
        listed: the name under which JSON holds the items of a list.
        job: gives the command `--queue`, which hands its options to this job instead.
        fails: whether what it returns makes the exit code 1.
    """

    def decorate(command: Callable[..., object]) -> Callable[..., None]:
        @wraps(command)
        def run(*, as_json: bool, queue: bool = False, **given: Any) -> None:
            if job and queue:
                if given.pop("on", None):
                    raise WrongUse("--on hands the work out by itself: leave --queue out")
                enqueue(job, job_parameters(**given), as_json=as_json)
                return
            report = command(**given)
            as_text = text(report) if text and not as_json else None
            print_report({listed: report} if listed else report, as_text, as_json=as_json)
            if fails(report):
                sys.exit(FAILED)

        return as_json(queue_option(run) if job else run)

    return decorate


def print_report(report: Any, text: str | None = None, *, as_json: bool) -> None:
    """Print a report record: as JSON, as the text given, or as one `Name: value` a line."""
    if as_json:
        click.echo(json.dumps(report, default=_plain, indent=2))
    else:
        click.echo("\n".join(f"{k}: {_cell(v)}" for k, v in named_values(report).items()) if text is None else text)


def open_queue() -> JobQueue:
    from faceml.jobs.queue import connect_queue

    return connect_queue(open_configured())


def enqueue(name: str, parameters: Mapping[str, Any], *, as_json: bool) -> None:
    """Hand a job out, and say how to follow it."""
    if click.get_current_context().meta.get(_TRACK):
        raise WrongUse("--track records what this command does itself: leave it out with --queue")
    queue = open_queue()
    job_id = queue.enqueue(name, **parameters)
    text = f"Queued: job {job_id}\nFollow: faceml jobs show --follow {job_id}"
    if not queue.worker_count():
        text += "\nNo worker is running: start one with `make worker` (or `faceml worker`)"
    print_report({"status": "queued", "job_id": job_id}, text, as_json=as_json)


def job_parameters(options: StepOptions | None = None, **given: Any) -> dict[str, Any]:
    """A command's options as its job takes them; a file's path as a worker elsewhere on this machine finds it."""
    paths = {name: str(value.resolve()) if isinstance(value, Path) else value for name, value in given.items()}
    return {**(options.parameters() if options else {}), **paths}


def note(text: str) -> None:
    """Something to know while waiting; on stderr, so that reports can be piped."""
    click.echo(text, err=True)


def keep_matcher(library: Library) -> None:
    """After groups or many labels changed: fit the library's matcher again where it has one and that is due."""
    from faceml.services.learn.fit_matcher import refit_if_due

    done = refit_if_due(library, actor=current_actor(), on_note=note)
    if done is not None:
        note(f"Matcher: {done.words}")


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[Progress]:
    """A bar on stderr where that is a terminal."""
    from tqdm import tqdm

    with tqdm(desc=title, unit=f" {unit}", disable=not sys.stderr.isatty(), leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def _cell(value: Any) -> str:
    if isinstance(value, Path):
        return path_text(value)
    if isinstance(value, tuple | list):
        return ", ".join(map(_cell, value)) or "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _with_text_keys(value: Any) -> Any:
    """What JSON takes no other keys of."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return path_text(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _with_text_keys(asdict(value))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
