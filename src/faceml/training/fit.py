"""Training a projection from labelled vectors to a head; the one door to torch and Lightning."""

from __future__ import annotations

import logging
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import ArrayLike, NDArray
from pytorch_lightning.utilities.exceptions import SIGTERMException

from faceml.errors import FileNotReadable, WrongUse
from faceml.files import new_folder, write_whole
from faceml.identity.projection import Head
from faceml.training.checkpoint import Checkpoint, checkpoint_path, load_checkpoint, save_checkpoint
from faceml.training.data import Faces, training_triplets
from faceml.training.heads import empty_projection, start_projection
from faceml.training.history import Epoch, best_epoch, is_stuck
from faceml.training.module import ProjectionTask
from faceml.training.options import Options

DIGEST = "data"  # in a checkpoint's metadata: of the faces and labels it was trained on
OnEpoch = Callable[[Epoch], None]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A trained head: that of the epoch with the lowest validation loss."""

    head: Head
    history: tuple[Epoch, ...]  # epoch 0, before training, first
    best: Epoch
    checkpoint: Path | None  # of the best epoch; None where no folder was given
    training_faces: int
    validation_faces: int
    seconds: float


def fit(
    vectors: NDArray[np.floating],
    people: ArrayLike,
    options: Options,
    *,
    folder: Path | None = None,
    resume: Path | None = None,
    metadata: Mapping[str, Any] | None = None,
    on_epoch: OnEpoch = lambda _: None,
) -> Fitted:
    """Train on labelled faces; the same seed and data give the same head.

    Args:
        vectors: (N, D) unit rows.
        people: (N,) who each is; two or more with two faces each.
        folder: where the training makes a folder of its own for checkpoints: the best epoch's and the last one's are
            kept, and no other training's are touched.
        resume: a checkpoint of the same data and options to go on from, to `options.epochs` in all.
        metadata: plain values that the checkpoints carry along.
        on_epoch: called after each epoch.
    Raises:
        NotEnoughData: fewer than two people with two faces.
        WrongUse: `resume` was made with other options or for other vectors.
        FileNotReadable: `resume` is not a checkpoint.
    """
    started = time.monotonic()
    faces = Faces.of(vectors, people, seed=options.seed)
    with _quiet(), _one_thread(), _stoppable():
        keeper = _Keeper(folder, {**(metadata or {}), DIGEST: faces.digest()}, on_epoch)
        task = _go_on(faces, options, keeper, resume) if resume else _begin(faces, options, keeper)
        done = keeper.history[-1].number
        if done < options.epochs and not is_stuck(keeper.history, options.patience):
            _trainer(options.epochs - done, keeper).fit(task)
        found = best_epoch(keeper.history)
        return Fitted(
            head=empty_projection(keeper.best).export(),
            history=tuple(keeper.history),
            best=found,
            checkpoint=keeper.checkpoint(),
            training_faces=len(faces.training),
            validation_faces=len(faces.validation),
            seconds=time.monotonic() - started,
        )


class _Keeper(pl.Callback):
    """Follows the epochs: remembers the best, writes checkpoints, stops where nothing gets better."""

    def __init__(self, folder: Path | None, metadata: Mapping[str, Any], on_epoch: OnEpoch) -> None:
        self.history: list[Epoch] = []
        self.best: dict[str, Any] = {}
        self._folder = folder
        self._own: Path | None = None  # of this training, in `folder`
        self._files: dict[int, Path] = {}  # by epoch, as they were written
        self._metadata = metadata
        self._on_epoch = on_epoch

    def note(self, task: ProjectionTask, epoch: Epoch) -> None:
        """An epoch has ended."""
        self.history.append(epoch)
        if best_epoch(self.history) is epoch:
            self.best = {name: value.clone() for name, value in task.projection.state_dict().items()}
        if self._folder is not None:
            self._write(epoch, lambda path: save_checkpoint(path, task, self.history, self.best, self._metadata))

    def go_on_from(self, checkpoint: Checkpoint, file: Path) -> None:
        """Take over what a training had come to, with its best and last checkpoint as far as they are there."""
        self.history, self.best = list(checkpoint.history), checkpoint.best
        if self._folder is None:
            return
        best = best_epoch(self.history)
        beside = checkpoint_path(file.parent, best.number)
        if best is not self.history[-1] and _came_before(beside, self.history):
            self._write(best, lambda path: write_whole(path, beside.read_bytes()))
        self._write(self.history[-1], lambda path: write_whole(path, file.read_bytes()))

    def checkpoint(self) -> Path | None:
        """The best epoch's; the last one's, which holds the best head too, where that was not there to go on from."""
        return self._files.get(best_epoch(self.history).number) or next(reversed(self._files.values()), None)

    def _write(self, epoch: Epoch, write: Callable[[Path], object]) -> None:
        if self._own is None and self._folder is not None:
            self._own = new_folder(self._folder, f"{datetime.now():%Y%m%d-%H%M%S}")
        path = checkpoint_path(cast(Path, self._own), epoch.number)
        write(path)
        self._files[epoch.number] = path
        for number in self._files.keys() - {best_epoch(self.history).number, epoch.number}:
            self._files.pop(number).unlink(missing_ok=True)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        task = cast(ProjectionTask, pl_module)
        epoch = Epoch(self.history[-1].number + 1, task.training_loss, task.validation_loss)
        self.note(task, epoch)
        self._on_epoch(epoch)
        trainer.should_stop = is_stuck(self.history, task.options.patience)


def _came_before(file: Path, history: Sequence[Epoch]) -> bool:
    """Whether a file is an earlier checkpoint of the training with this history."""
    try:
        earlier = load_checkpoint(file).history
    except FileNotReadable:
        return False
    return tuple(history[: len(earlier)]) == earlier


def _begin(faces: Faces, options: Options, keeper: _Keeper) -> ProjectionTask:
    rows = faces.training.numpy()
    start = start_projection(options, faces.vectors.numpy()[rows], faces.owners.numpy()[rows])
    task = ProjectionTask(start, faces, options)
    keeper.note(task, Epoch(0, task.triplet_loss(training_triplets(faces, options.seed)), task.validation_loss))
    return task


def _go_on(faces: Faces, options: Options, keeper: _Keeper, resume: Path) -> ProjectionTask:
    checkpoint = load_checkpoint(resume)
    former = replace(checkpoint.options, epochs=options.epochs, patience=options.patience)
    if former != options:
        changed = [name for name, value in asdict(options).items() if value != getattr(former, name)]
        raise WrongUse(f"the checkpoint was trained with another {', '.join(changed)}: resume with the same options")
    if checkpoint.metadata.get(DIGEST) != faces.digest():
        raise WrongUse("the checkpoint was trained on other faces or labels: train anew, without --resume")
    projection = empty_projection(checkpoint.projection, dropout=options.dropout)
    task = ProjectionTask(projection, faces, options, first_epoch=checkpoint.history[-1].number)
    task.optimizer.load_state_dict(checkpoint.optimizer)
    if task.criterion is not None and checkpoint.criterion is not None:
        task.criterion.load_state_dict(checkpoint.criterion)
    keeper.go_on_from(checkpoint, resume)
    return task


def _trainer(epochs: int, keeper: _Keeper) -> pl.Trainer:
    return pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",  # an update is 0.5 ms of small matrices; sending them to a GPU takes longer
        devices=1,
        callbacks=[keeper],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        reload_dataloaders_every_n_epochs=1,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's advice on GPUs and data loaders, which does not fit here."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Matrices this small gain nothing from a second core, and on a busy machine lose 20-fold waiting for it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=()):
            yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C and SIGTERM leave as they do elsewhere: Lightning makes exit code 1 of the one, 0 of the other."""
    try:
        yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        if isinstance(error, SIGTERMException):
            raise SystemExit(128 + signal.SIGTERM) from None
        raise
