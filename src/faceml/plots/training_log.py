"""What a training run leaves in MLflow: curves, figures with their intervals, plots; people by id, never by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faceml.identity.projection import Head, project
from faceml.identity.prototypes import centroids
from faceml.metrics.verification import PairScores, pair_scores, roc, tar_at_far
from faceml.tracking import Run
from faceml.training.history import Epoch
from faceml.training.splits import split_faces
from faceml.trial.comparison import Comparison, Verdict
from faceml.trial.heads import HEAD, Compared, LabelledFaces
from faceml.trial.measures import Projected, Trial

if TYPE_CHECKING:
    from faceml.plots.curves import MatchCurve

MAX_PEOPLE_DRAWN = 40
MAX_FACES_PLOTTED = 2_000  # faces of a fold whose pairs are drawn
PLOTTED_FAR = 1e-3
SHORT_ID = 8
ROC_FARS = np.geomspace(1e-6, 1, 121)


def log_epochs(run: Run, history: Sequence[Epoch]) -> None:
    from faceml.plots.curves import epoch_curves

    for epoch in history:
        run.metrics({"train_loss": epoch.loss, "val_loss": epoch.val_loss}, step=epoch.number)
    after = [epoch for epoch in history if epoch.number > 0]
    curves = {"training loss": [e.loss for e in after], "validation loss": [e.val_loss for e in after]}
    run.figure("epochs.png", epoch_curves(curves))


def log_comparison(run: Run, compared: Compared, found: Verdict) -> None:
    comparison = compared.comparison
    run.tags(found.as_tags())
    run.metrics(comparison.metrics())
    run.table("comparison", list(comparison_rows(comparison)))
    if compared.trial is not None:
        _log_plots(run, compared.trial.held_out_only(), compared)


def comparison_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """One row a candidate and measure, with the gain over raw vectors."""
    for name, figures in comparison.measured.items():
        for measure, figure in figures.items():
            gain = comparison.gain(name, comparison.candidates[0], measure)
            yield {
                "candidate": name,
                "measure": measure,
                **asdict(figure),
                "gain": gain.value if gain else "",
                "gain_low": gain.low if gain else "",
                "gain_high": gain.high if gain else "",
            }


def log_confusion(run: Run, labelled: LabelledFaces, rows: NDArray[np.intp], head: Head, *, seed: int) -> None:
    """Whose centroid of training faces each validation face is nearest to."""
    from faceml.plots.curves import confusion

    kept, people = np.unique(labelled.people[rows], return_inverse=True)
    split = split_faces(people, seed=seed)
    projected = project(head, labelled.vectors[rows])
    prototypes = centroids(projected[split.training], people[split.training])
    answered = (projected[split.validation] @ prototypes.T).argmax(axis=1)
    counts = np.zeros((len(kept), len(kept)), np.int64)
    np.add.at(counts, (people[split.validation], answered), 1)
    names = [str(labelled.person_ids[row])[:SHORT_ID] for row in kept]
    # The most confused people, where there are more than a picture shows.
    wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    shown = np.sort(np.argsort(-wrong, kind="stable")[:MAX_PEOPLE_DRAWN])
    run.metrics({"validation_accuracy": float(np.trace(counts) / max(1, counts.sum()))})
    run.figure("confusion.png", confusion(counts[np.ix_(shown, shown)], [names[row] for row in shown]))
    run.table(
        "confusion",
        [{"truth": names[i], "answered": names[j], "faces": int(counts[i, j])} for i, j in np.argwhere(counts)],
    )


def _roc_rows(curves: Sequence[MatchCurve]) -> Iterator[dict[str, Any]]:
    """The curves thinned to a few points a decade, as a table that other runs' curves can be laid over."""
    for curve in curves:
        kept = np.unique(np.searchsorted(curve.far, ROC_FARS).clip(max=len(curve.far) - 1))
        for row in kept:
            at = {} if curve.thresholds is None else {"threshold": min(float(curve.thresholds[row]), 1.0)}
            yield {"candidate": curve.name, "far": float(curve.far[row]), "tar": float(curve.tar[row]), **at}


def _log_plots(run: Run, trial: Trial, compared: Compared) -> None:
    from faceml.plots.curves import MatchCurve, det_curve_plot, roc_curve_plot, score_histogram

    scores = {name: _scores(trial, projected.of(trial)) for name, projected in compared.projected.items()}
    drawable = {name: pairs for name, pairs in scores.items() if len(pairs.genuine) and len(pairs.impostor)}
    rocs = {name: roc(pairs.genuine, pairs.impostor) for name, pairs in drawable.items()}
    curves = [MatchCurve(name, curve.far, curve.tar, curve.thresholds) for name, curve in rocs.items()]
    run.table("roc", list(_roc_rows(curves)))
    run.figure("roc.png", roc_curve_plot(curves))
    run.figure("det.png", det_curve_plot(curves))
    for name in {HEAD, compared.comparison.candidates[0]} & set(drawable):
        threshold = tar_at_far(rocs[name], PLOTTED_FAR).threshold
        pairs = drawable[name]
        run.figure(f"scores-{name}.png", score_histogram(pairs.genuine, pairs.impostor, min(threshold, 1.0)))


def _scores(trial: Trial, projected: Projected) -> PairScores:
    parts = [
        pair_scores(projected.vectors[rows[:MAX_FACES_PLOTTED]], trial.labels[rows[:MAX_FACES_PLOTTED]])
        for _, rows in trial.each_fold()
    ]
    return PairScores(np.concatenate([p.genuine for p in parts]), np.concatenate([p.impostor for p in parts]))
