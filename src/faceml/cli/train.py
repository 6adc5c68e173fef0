"""`faceml faces train-matching`, the specification's (chapter Training System), and `faceml faces fit-matcher`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from faceml.cli import show
from faceml.cli.models import comparison_table
from faceml.options import TrainOptions

if TYPE_CHECKING:
    from faceml.services.learn.fit_matcher import FitReport
    from faceml.services.learn.train import Prepared, TrainReport
    from faceml.training.history import Epoch

SHOWN_EVERY = 5  # epochs


@click.command("train-matching")
@show.takes(TrainOptions)
@click.option("--resume", type=click.Path(path_type=Path), help="Go on from this checkpoint.")
@show.as_json
@show.queue_option
def train_matching(options: TrainOptions, resume: Path | None, as_json: bool, queue: bool) -> None:
    """Train a projection on labeled faces, compare it on people held out, and register it as challenger."""
    from faceml.services.learn.train import Listener
    from faceml.services.learn.train import train_matching as run

    if queue:
        show.enqueue("train_matching_job", show.job_parameters(options, resume=resume), as_json=as_json)
        return
    library = show.open_configured()
    with show.progress_bar("Training", "epochs") as on_progress:
        listener = Listener(
            on_prepared=lambda prepared: None if as_json else _print(preparation(prepared)),
            on_epoch=lambda epoch: None if as_json else _print_epoch(epoch, options.epochs),
            on_progress=on_progress,
        )
        report = run(library, options, resume=resume, listener=listener)
    show.print_report(report, results(report, options.epochs), as_json=as_json)


def preparation(prepared: Prepared) -> str:
    share = prepared.training_faces / prepared.total_faces
    return "\n".join(
        [
            "Training Face Matching Model",
            "=" * 40,
            "Data Preparation:",
            f"  - Total persons: {prepared.persons_used}",
            f"  - Total faces: {prepared.total_faces}",
            f"  - Training faces: {prepared.training_faces} ({share:.0%})",
            f"  - Validation faces: {prepared.validation_faces} ({1 - share:.0%})",
            f"  - Triplets per epoch: ~{prepared.triplets_per_epoch}",
            *(f"  - Warning: {warning}" for warning in prepared.warnings),
            "",
            "Training Progress:",
        ]
    )


def results(report: TrainReport, epochs: int) -> str:
    lines = []
    if report.epochs[-1].number < epochs:
        lines.append(f"Stopped: the validation loss was best at epoch {report.best_epoch}")
    if report.best_epoch == 0:
        lines.append(f"WARNING: {report.warnings[-1]}")
    lines += [
        "",
        "Results:",
        f"  - Final training loss: {report.final_train_loss:.4f}",
        f"  - Final validation loss: {report.final_val_loss:.4f}",
        f"  - Model saved: {report.model_checkpoint}",
        f"  - Checkpoint size: {report.checkpoint_bytes / 1e6:.1f} MB",
        f"  - Training time: {_duration(report.training_time_seconds)}",
        "",
        *comparison_table(report.comparison),
        "",
        f"Registered: face-projection version {report.version}, the challenger",
        *(f"  - {reason}" for reason in report.verdict.reasons),
        "It may become champion: `faceml models promote`"
        if report.verdict.promotes
        else "Nothing that answers has changed; the gate would not let it in",
    ]
    return "\n".join(lines)


def fitted(report: FitReport) -> str:
    reads = [f"  - Threshold at {float(fmr):.1%} of strangers: {score:.3f}" for fmr, score in report.thresholds.items()]
    whitening = "fitted on the library" if report.is_whitened else "not yet, too few faces for it"
    return "\n".join(
        [
            f"Fitted on {report.labelled_faces:,} labelled faces of {report.people:,} people in {report.seconds:.1f} s",
            f"  - Library: {report.library_faces:,} faces in {report.groups:,} groups",
            f"  - Everybody: {report.cohort:,} of them",
            f"  - Whitening: {whitening}",
            *reads,
            *(f"  - {note}" for note in report.notes),
            *(["", *comparison_table(report.comparison)] if report.comparison else []),
            "",
            f"Registered: face-matcher version {report.version}, the challenger",
            *(f"  - {reason}" for reason in report.verdict.reasons),
            "It may become champion: `faceml models promote challenger --kind matcher`"
            if report.verdict.promotes
            else "Nothing that answers has changed; the gate would not let it in",
        ]
    )


@click.command("fit-matcher")
@show.printed(fitted, job="fit_matcher_job")
def fit_matcher() -> object:
    """Fit a matcher on the library and its labels, see whether it pays, and register it as challenger."""
    from faceml.services.learn.fit_matcher import fit_library_matcher

    return fit_library_matcher(show.open_configured(), on_note=show.note)


def _print_epoch(epoch: Epoch, epochs: int) -> None:
    if epoch.number in (1, epochs) or epoch.number % SHOWN_EVERY == 0:
        _print(f"Epoch {epoch.number}/{epochs}: loss={epoch.loss:.4f}, val_loss={epoch.val_loss:.4f}")


def _print(text: str) -> None:
    """To stdout, above the bar."""
    from tqdm import tqdm

    tqdm.write(text)


def _duration(seconds: float) -> str:
    """As the specification writes it.

    >>> _duration(512)
    '8m 32s'
    """
    return f"{int(seconds) // 60}m {int(seconds) % 60}s" if seconds >= 60 else f"{seconds:.1f}s"
