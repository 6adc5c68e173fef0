"""The command line: parses, calls one service, prints its report. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from tempfile import gettempdir

import click

from faceml import __version__
from faceml.cli import (
    completion,
    demo,
    exchange,
    experiments,
    faces,
    jobs,
    library,
    models,
    people,
    pipeline,
    show,
    suggest,
    train,
)
from faceml.cli.tables import has_colour
from faceml.config import FOLDER_GONE, read_settings
from faceml.errors import FacemlError, WrongUse
from faceml.files import ROOM, free_at, is_full, keep_to_owner, no_space

# Ours to exit codes: 0 done, 1 failed, 2 wrong use.
EXIT_CODES: tuple[tuple[type[FacemlError], int], ...] = ((WrongUse, 2), (FacemlError, 1))
INTERRUPTED = 130
NO_TEMPORARY = "No usable temporary directory found"  # as Python says it


@click.group(cls=show.TaskGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="faceml")
@click.option("--debug", is_flag=True, help="Show the traceback of an error, and log everything.")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:  # noqa: ARG001  `main` looks for it itself
    """Turn a folder of photos into named people, and the names into a better model.

    \b
    A first tour:
      faceml ingest ~/Pictures        take photos in
      faceml faces backfill           find their faces
      faceml faces cluster            group faces that look alike
      faceml faces clusters           see the groups
      faceml faces label ID NAME      say who a group is
      faceml faces assign             recognise them elsewhere
    """
    context.default_map = show.own_defaults()


_START = (library.init, library.ingest, library.label, demo.demo, completion.completion)
_MEASURE = (library.evaluate, library.slices, experiments.experiments)
_CARE = (library.doctor, library.settings, library.backup, library.restore, library.photos, jobs.worker, jobs.jobs)
_EXCHANGE = (exchange.export_xmp, exchange.import_xmp, exchange.export_fiftyone, exchange.import_fiftyone)
_BOXES = (exchange.export_label_studio, exchange.import_label_studio)
for _group, _commands in (
    (cli, (*_START, *_CARE, *_MEASURE, exchange.vectors, faces.faces, people.people, models.models, pipeline.pipeline)),
    (faces.faces, (train.train_matching, train.fit_matcher, suggest.suggest, *_EXCHANGE, *_BOXES)),
    (people.people, (suggest.apart, suggest.relate)),
):
    for _command in _commands:
        _group.add_command(_command)

cli.tasks = {
    "Begin": "demo init ingest",
    "Faces and people": "label faces people photos",
    "Learn and measure": "evaluate slices models experiments",
    "Run by itself": "pipeline worker jobs",
    "Look after it": "doctor backup restore vectors settings completion",
}
faces.faces.tasks = {
    "Look and search": "photos like",
    "Find and group": "backfill unreadable cluster cluster-dual clusters",
    "Name": "label suggest import-labels import-xmp import-fiftyone import-label-studio",
    "Recognise": "assign identify explain calibrate centroids fit-matcher train-matching",
    "Take elsewhere": "export export-xmp export-fiftyone export-label-studio",
    "Look after it": "stats find-orphans ensure-collection",
}
people.people.tasks = {
    "Look": "list show together events history",
    "Name": "enrol",
    "Correct faces": "assign unassign reject dismiss split",
    "Correct people": "rename describe relate merge apart exemplars cover hide unhide erase",
    "Take back": "undo redo",
}


def main() -> None:
    """Entry point of the `faceml` script."""
    is_debug = "--debug" in sys.argv[1:]
    keep_to_owner()
    _print_anything()
    try:
        cli.main(standalone_mode=False, prog_name="faceml")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("faceml: stopped; what was stored stays, and the same command may be run again", err=True)
        sys.exit(INTERRUPTED)
    except FacemlError as error:
        if is_debug:
            raise
        click.echo(_refusal(_line(error)), err=True)
        sys.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, as `head` does
        sys.exit(1)
    except Exception as error:
        if is_debug:
            raise
        unexpected = f"unexpected {type(error).__name__}: {error} (faceml --debug shows where)"
        click.echo(_refusal(_line(error, unexpected)), err=True)
        sys.exit(1)


def _refusal(line: str) -> str:
    return f"{click.style('faceml:', fg='red') if has_colour(sys.stderr) else 'faceml:'} {line}"


def _is_nowhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _print_anything() -> None:
    """Let a name that the terminal's encoding does not know be written out instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _line(error: Exception, otherwise: str = "") -> str:
    """What to tell; of a full disk always how much room is needed, whoever met it."""
    text = otherwise or str(error)
    if NO_TEMPORARY in text:
        return "no folder takes temporary files: set TMPDIR to one that can be written and has room"
    if isinstance(error, FileNotFoundError) and _is_nowhere():
        return FOLDER_GONE
    if not is_full(error) or text.startswith("no space left on"):
        return text
    file = getattr(error.__cause__ or error, "filename", None)
    if file:
        return no_space(Path(os.fsdecode(file)))
    home, temporary = read_settings().home, Path(gettempdir())
    is_temporary = free_at(temporary) < ROOM <= free_at(home)
    return no_space(temporary).replace("FACEML_HOME", "TMPDIR") if is_temporary else no_space(home)


if __name__ == "__main__":
    main()
