"""The command line: parses, calls one service, prints its report. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import sys

import click

from faceml import __version__
from faceml.cli import (
    backup,
    completion,
    demo,
    exchange,
    experiments,
    faces,
    init,
    jobs,
    library,
    models,
    people,
    pipeline,
    suggest,
    train,
)
from faceml.errors import FacemlError, WrongUse

# Ours to exit codes: 0 done, 1 failed, 2 wrong use.
EXIT_CODES: tuple[tuple[type[FacemlError], int], ...] = ((WrongUse, 2), (FacemlError, 1))
INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="faceml")
@click.option("--debug", is_flag=True, help="Show the traceback of an error, and log everything.")
def cli(debug: bool) -> None:
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


cli.add_command(library.ingest)
cli.add_command(library.evaluate)
cli.add_command(library.doctor)
cli.add_command(completion.completion)
cli.add_command(library.settings)
faces.faces.add_command(train.train_matching)
cli.add_command(backup.backup)
cli.add_command(backup.restore)
cli.add_command(faces.faces)
faces.faces.add_command(exchange.export_xmp)
faces.faces.add_command(exchange.import_xmp)
faces.faces.add_command(exchange.export_fiftyone)
cli.add_command(people.people)
cli.add_command(models.models)
cli.add_command(experiments.experiments)
cli.add_command(pipeline.pipeline)
cli.add_command(jobs.worker)
cli.add_command(jobs.jobs)
cli.add_command(demo.demo)
cli.add_command(init.init)
faces.faces.add_command(suggest.suggest)
people.people.add_command(suggest.apart)


def main() -> None:
    """Entry point of the `faceml` script."""
    is_debug = "--debug" in sys.argv[1:]
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
        click.echo(f"faceml: {error}", err=True)
        sys.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, as `head` does
        sys.exit(1)
    except Exception as error:
        if is_debug:
            raise
        click.echo(f"faceml: unexpected {type(error).__name__}: {error} (faceml --debug shows where)", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
