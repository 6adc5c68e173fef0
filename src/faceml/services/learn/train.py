"""Train a projection on the faces that people labelled, measure what it is worth, register it as challenger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from faceml.errors import NotEnoughData, WrongUse
from faceml.library import Library
from faceml.options import TrainOptions
from faceml.plots.training_log import log_comparison, log_confusion, log_epochs
from faceml.progress import Progress, silent, told
from faceml.records import PackContract
from faceml.services.operate.status import library_snapshot
from faceml.storage.registry.records import ModelCard, RegisteredModel
from faceml.storage.sql.repository import Repository
from faceml.tracking import Run
from faceml.training.history import Epoch, nothing_learnt
from faceml.training.options import Options
from faceml.training.splits import split_faces
from faceml.trial.comparison import RAW, Comparison, Recipe, Verdict, verdict
from faceml.trial.heads import (
    HEAD,
    Champion,
    Compared,
    LabelledFaces,
    compare_heads,
    count_trainings,
    mark_faces,
    threshold_map,
)
from faceml.trial.model_page import describe

if TYPE_CHECKING:
    from faceml.training.fit import Fitted

MIN_PEOPLE, MIN_FACES = 5, 5  # the documented minimum
TRIPLETS_A_FACE = 30


@dataclass(frozen=True, slots=True)
class Prepared:
    """What will be trained on; known before the first epoch."""

    persons_used: int
    total_faces: int
    training_faces: int
    validation_faces: int
    triplets_per_epoch: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainReport:
    status: str
    persons_used: int
    total_faces: int
    training_faces: int
    validation_faces: int
    triplets_per_epoch: int
    epochs: tuple[Epoch, ...]
    best_epoch: int
    final_train_loss: float
    final_val_loss: float
    model_checkpoint: str
    checkpoint_bytes: int
    training_time_seconds: float
    comparison: Comparison
    verdict: Verdict
    version: int  # of `face-projection`, now its challenger
    run_id: str
    warnings: tuple[str, ...]  # those of `Prepared`, and what the training itself came to


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told how far a training has come."""

    on_prepared: Callable[[Prepared], None] = lambda _: None
    on_epoch: Callable[[Epoch], None] = lambda _: None
    on_progress: Progress = silent  # in epochs, those of the comparison included


@told
def train_matching(
    library: Library,
    chosen: TrainOptions = TrainOptions(),
    *,
    resume: Path | None = None,
    listener: Listener | None = None,
) -> TrainReport:
    """Learn a projection from labels that people gave, compare it on people held out, and register it.

    Nothing that answers changes: the new version is the challenger until `faceml models promote`. People with fewer
    labelled faces than `min_faces` are not trained on; in the comparison they are strangers.

    Args:
        resume: a checkpoint to go on from, made on the same labels with the same options.
    Raises:
        WrongUse: a checkpoint that does not fit.
        NotEnoughData: fewer than two people with enough faces.
        FileNotReadable: `resume` is not a checkpoint.
        Unavailable: MLflow cannot be reached; at the start, before any work.
    """
    options, min_faces, listener = Options.of(chosen), chosen.min_faces, listener or Listener()
    labelled, contract = _read(library.repository, chosen.quality_threshold)
    rows = labelled.rows_of_many(min_faces)
    prepared = _prepare(labelled, rows, options, min_faces)
    listener.on_prepared(prepared)
    champion = _champion(library, contract)
    rivals = [RAW] if champion is None else [RAW, champion.space]
    snapshot = library_snapshot(library.repository)
    settings = {**asdict(chosen), "weight_decay": options.decay, "resume": resume}
    with library.tracking.run("train", parameters=settings, library=snapshot) as run:
        from faceml.training.fit import fit  # torch and Lightning, seconds

        # The new head is trained again in every fold, and so is the champion.
        counter = _Counter(listener, options.epochs, 1 + len(rivals) * count_trainings(labelled, min_faces))
        fitted = fit(
            labelled.vectors[rows],
            labelled.people[rows],
            options,
            folder=library.settings.checkpoint_folder,
            resume=resume,
            metadata={"pack": contract.name, "fingerprint": contract.fingerprint},
            on_epoch=counter.epoch_done,
        )
        log_epochs(run, fitted.history)
        untrained = nothing_learnt(fitted.history, options.head)
        run.tags({"best_epoch": fitted.best.number, **({"untrained": untrained} if untrained else {})})
        recipe = Recipe(asdict(options), min_faces, mark_faces([labelled.face_ids[row] for row in rows]))
        compared = compare_heads(labelled, options, recipe, champion=champion, on_fold=counter.fold_done)
        found = verdict(compared.comparison, challenger=HEAD, rivals=rivals)
        log_comparison(run, compared, found)
        log_confusion(run, labelled, rows, fitted.head, seed=options.seed)
        card = _card(options, contract, str(snapshot["hash"]), prepared)
        registered = _register(library, run, card, fitted, compared)
        library.registry.describe(registered, describe(found, compared.comparison))
    return _report(prepared, untrained, fitted, compared, found, registered)


def _read(repository: Repository, quality_threshold: float) -> tuple[LabelledFaces, PackContract]:
    with repository.read() as unit:
        faces, owners = unit.vectors.labelled_by_a_person(min_quality=quality_threshold)
        known = {face.id: face for face in unit.faces.by_ids(faces.face_ids)}
        pinned = unit.contract.pinned()
    if pinned is None or not owners:
        raise NotEnoughData(
            f"nobody labelled a face of quality {quality_threshold:g} or more yet: `faceml faces label CLUSTER NAME`"
        )
    people = tuple(sorted(set(owners)))
    row = {person_id: number for number, person_id in enumerate(people)}
    numbers = np.array([row[person_id] for person_id in owners], dtype=np.intp)
    of_each = [known[face_id] for face_id in faces.face_ids]
    photos, quality = np.array([face.asset_id for face in of_each]), np.array([face.quality_score for face in of_each])
    return LabelledFaces(faces.face_ids, faces.vectors, numbers, people, photos, quality), pinned


def _prepare(labelled: LabelledFaces, rows: NDArray[np.intp], options: Options, min_faces: int) -> Prepared:
    sizes = np.unique(labelled.people[rows], return_counts=True)[1]
    if len(sizes) < 2:
        raise NotEnoughData(
            f"{len(sizes)} of {len(labelled.person_ids)} labelled people have {min_faces} faces or more that are good "
            "enough; training needs 2, better 10: label more, or lower --min-faces or --quality-threshold"
        )
    split = split_faces(labelled.people[rows], seed=options.seed)
    warnings = []
    if len(sizes) < MIN_PEOPLE or sizes.min() < MIN_FACES:
        warnings.append(
            f"{len(sizes)} people with at least {sizes.min()} faces: below the minimum of {MIN_PEOPLE} people with "
            f"{MIN_FACES} faces, do not expect a better model"
        )
    return Prepared(
        persons_used=len(sizes),
        total_faces=len(rows),
        training_faces=len(split.training),
        validation_faces=len(split.validation),
        triplets_per_epoch=len(split.training) * TRIPLETS_A_FACE,
        warnings=tuple(warnings),
    )


def _champion(library: Library, contract: PackContract) -> Champion | None:
    """The champion where it takes this library's vectors."""
    found = library.registry.state().champion
    if found is None or found.card is None or found.card.fingerprint != contract.fingerprint:
        return None
    loaded = library.registry.load(found)
    return Champion(loaded.model.space, loaded.artefact, loaded.comparison)


class _Counter:
    """Counts epochs of all that is trained; a fold counts as one training when it is done."""

    def __init__(self, listener: Listener, epochs: int, fits: int) -> None:
        self._listener = listener
        self._epochs = epochs
        self._fits = fits
        self._done = 0  # trainings

    def epoch_done(self, epoch: Epoch) -> None:
        self._listener.on_progress(epoch.number, self._epochs * self._fits)
        self._listener.on_epoch(epoch)

    def fold_done(self) -> None:
        self._done = min(self._done + 1, self._fits - 1)
        self._listener.on_progress((1 + self._done) * self._epochs, self._epochs * self._fits)


def _card(options: Options, contract: PackContract, snapshot: str, prepared: Prepared) -> ModelCard:
    how = (options.head, options.loss, *([options.mining] if options.loss == "triplet" else []))
    return ModelCard(
        kind=" ".join(how),
        pack=contract.name,
        fingerprint=contract.fingerprint,
        snapshot=snapshot,
        people=prepared.persons_used,
        faces=prepared.total_faces,
        candidate=HEAD,
    )


def _register(library: Library, run: Run, card: ModelCard, fitted: Fitted, compared: Compared) -> RegisteredModel:
    if run.id is None:
        raise WrongUse("a projection is registered under its MLflow run, and this spool has no run: open one")
    return library.registry.register(
        fitted.head,
        card,
        comparison=compared.comparison.to_json(),
        run_id=run.id,
        thresholds=threshold_map(compared),
        files=[fitted.checkpoint] if fitted.checkpoint else [],
    )


def _report(
    prepared: Prepared,
    untrained: str | None,
    fitted: Fitted,
    compared: Compared,
    found: Verdict,
    registered: RegisteredModel,
) -> TrainReport:
    checkpoint = fitted.checkpoint
    return TrainReport(
        **asdict(prepared) | {"warnings": (*prepared.warnings, *([untrained] if untrained else []))},
        status="completed",
        epochs=fitted.history,
        best_epoch=fitted.best.number,
        final_train_loss=fitted.best.loss,
        final_val_loss=fitted.best.val_loss,
        model_checkpoint=str(checkpoint),
        checkpoint_bytes=checkpoint.stat().st_size if checkpoint else 0,
        training_time_seconds=fitted.seconds,
        comparison=compared.comparison,
        verdict=found,
        version=registered.version,
        run_id=str(registered.run_id),
    )
