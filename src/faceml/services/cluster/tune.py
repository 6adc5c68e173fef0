"""What options of detection, clustering and recognition would do, without doing it; and doing it, recorded as a run.

A `Tuner` looks at the faces that the step itself would take, or at a sample of them where they are many, in the space
that the step compares them in.
"""

from __future__ import annotations

from typing import cast
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from faceml.decisions.states import SPLIT_MARK
from faceml.errors import NotEnoughData
from faceml.identity.cost import Method, Neighbours
from faceml.identity.hdbscan.distances import Metric
from faceml.identity.linkage import usual_similarity
from faceml.identity.strangers import OpenSetScores, score_open_set
from faceml.library import Library
from faceml.once import Latest
from faceml.options import AssignOptions, ClusterOptions, DetectOptions, DualOptions
from faceml.records import Dismissal, Embeddings
from faceml.services.cluster.cluster import ClusterReport, cluster_faces
from faceml.services.cluster.dual import DualReport, cluster_dual, key_figures
from faceml.services.cluster.grouping import group_faces, without_loose
from faceml.services.decisions.bulk import Action
from faceml.services.operate.status import library_snapshot
from faceml.services.recognise.assign import AssignReport, assign_faces
from faceml.services.recognise.gallery import MatcherWay, Way, open_way, usual_threshold
from faceml.services.recognise.spaces import RAW, Space, open_space
from faceml.services.review.grid import Decided, FaceGrid
from faceml.storage.grid.face_table import BY_PERSON, NO_CLUSTER, NOBODY, FaceTable
from faceml.storage.live_table import LiveTable
from faceml.trial.moves import (
    DetectionEffect,
    Example,
    FalseMatches,
    GroupingEffect,
    Groups,
    Moves,
    RecognitionEffect,
    Start,
    another,
    continued,
    examples_of,
    false_matches,
    whole_groups,
)

TUNING = "tuning"  # the purpose of graphs that are kept between two settings
LARGEST_SAMPLE = 2_000  # faces; grouped again in about a second
LARGEST_ASKED = 5_000  # faces that are matched again
LARGEST_CALIBRATION = 4_000  # labelled faces scored
EXAMPLES = 6  # shown of each kind of change


class Tuner:
    """One library's; safe to use from several threads."""

    def __init__(self, library: Library, live: LiveTable | None = None) -> None:
        self._library = library
        self._live = live or LiveTable(library.repository)
        self._scores: Latest[OpenSetScores | None] = Latest()

    def start(self) -> Start:
        """What to begin with. Raises NotEnoughData: no face was detected yet."""
        way, pinned = open_way(self._library), self._library.repository.pack()
        if pinned is None:
            raise NotEnoughData("the library has no faces to try anything on: detect some first")
        usual = pinned.match_threshold if isinstance(way, MatcherWay) else usual_threshold(self._library, way.space)
        return Start(usual, way.name)

    def detection(self, options: DetectOptions, *, quality_threshold: float = 0.5) -> DetectionEffect:
        """Which faces would not have been kept. What was below the options of then is not known any more."""
        table = self._live.now()
        rows = np.flatnonzero(~table.is_missing & (table.dismissed == 0))
        confidence, size = table.confidence[rows], table.sizes[rows]
        unsure, small = confidence < np.float32(options.min_confidence), size < options.min_face_size
        is_kept = ~(unsure | small)
        # How far a face is from falling out, as a share of the bound: below 0 it does.
        margin = np.minimum(
            confidence / max(options.min_confidence, 1e-6) - 1, size / max(options.min_face_size, 1) - 1
        )
        examples = []
        for change, chosen in (("dropped", np.flatnonzero(~is_kept)), ("kept", np.flatnonzero(is_kept))):
            nearest = chosen[np.argsort(np.abs(margin[chosen]), kind="stable")][:EXAMPLES]
            ids = table.uuids(rows[nearest])
            examples += [Example(id_, change, float(margin[at])) for id_, at in zip(ids, nearest, strict=True)]
        undecided = rows[~is_kept & (table.assigned[rows] != BY_PERSON)]
        return DetectionEffect(
            faces=len(rows),
            kept=int(is_kept.sum()),
            unsure=int(unsure.sum()),
            small=int(small.sum()),
            good=int((is_kept & (table.quality[rows] >= np.float32(quality_threshold))).sum()),
            undecided=tuple(table.uuids(undecided)),
            examples=tuple(examples),
        )

    def grouping(self, options: ClusterOptions) -> GroupingEffect:
        """How `cluster_faces` would group.

        Raises:
            NotEnoughData: there is no face for it. NotFound, ModelMismatch, Unavailable: of the model.
        """
        table, space = self._live.now(), open_space(self._library, options.model)
        eligible = _to_group(table, options)
        if not len(eligible):
            raise NotEnoughData("no face waits to be grouped with these options: detect some, or lower the quality")
        rows = eligible[whole_groups(table.cluster[eligible].astype(np.int64), most=LARGEST_SAMPLE)]
        faces, rows = self._vectors(table, rows, space)
        before = table.cluster[rows].astype(np.int64)
        labels = continued(before, self._labels(faces, space, options, len(eligible)))
        moves, worth = Moves.between(before, labels), table.quality[rows]
        with_whom = {"joined": labels, "moved": labels, "left": before}
        examples = []
        for change, row in examples_of(moves, worth, most=EXAMPLES):
            groups = with_whom[change]
            other = another(int(groups[row]), groups, worth, but=row)
            other_id = faces.face_ids[other] if other is not None else None
            examples.append(Example(faces.face_ids[row], change, float(worth[row]), other_id))
        return GroupingEffect(
            faces=len(rows),
            faces_in_all=len(eligible),
            before=Groups.of(before),
            after=Groups.of(labels),
            joined=len(moves.joined),
            left=len(moves.left),
            moved=len(moves.moved),
            examples=tuple(examples),
            model_version=space.name,
            note=space.note,
        )

    def recognition(self, options: AssignOptions, *, again: bool = False) -> RecognitionEffect:
        """Whom `assign_faces` would name; `again`: whom `cluster_dual` would, all that nobody decided about.

        Raises:
            NotEnoughData: "auto" without enough labels. NotFound, ModelMismatch, Unavailable: of the model or matcher.
        """
        table, way = self._live.now(), open_way(self._library, options.model, options.matcher)
        threshold = way.threshold(options.threshold)
        eligible = _to_recognise(table, again=again)
        rows = eligible
        if len(eligible) > LARGEST_ASKED:
            rows = np.sort(np.random.default_rng(0).choice(eligible, LARGEST_ASKED, replace=False))
        faces, rows = self._vectors(table, rows, Space(RAW))
        with self._library.repository.read() as unit:
            known = way.read(unit, faces.face_ids)
        matches = known.match(faces.vectors, threshold.value)
        codes = np.array([table.person_codes.known(person.hex) for person in known.people] + [NOBODY], np.int64)
        before, after = table.person[rows].astype(np.int64), codes[matches.person_rows]
        moves, similarities = Moves.between(before, after), matches.similarities
        nearness = -np.abs(similarities - threshold.value)
        examples = []
        for change, row in examples_of(moves, nearness, most=EXAMPLES):
            code = int(before[row] if change == "left" else after[row])
            who = table.people.get(code)
            portrait = _portrait(table, code, but=int(rows[row]))
            name = who.name if who else ""
            examples.append(Example(faces.face_ids[row], change, float(similarities[row]), portrait, name))
        return RecognitionEffect(
            faces=len(rows),
            faces_in_all=len(eligible),
            before=int((before >= 0).sum()),
            after=int((after >= 0).sum()),
            joined=len(moves.joined),
            left=len(moves.left),
            moved=len(moves.moved),
            threshold=threshold.value,
            model_version=way.name,
            similarities=np.sort(similarities[np.isfinite(similarities)]),
            false_matches=self._false_matches(way, threshold.value, table.revision),
            examples=tuple(examples),
            notes=threshold.notes,
        )

    def _vectors(self, table: FaceTable, rows: NDArray[np.intp], space: Space) -> tuple[Embeddings, NDArray[np.intp]]:
        """Those of the rows that have a vector, and these vectors in a space."""
        with self._library.repository.read() as unit:
            faces = space.embeddings(unit.vectors.of(table.uuids(rows)))
        return faces, table.rows_of(faces.face_ids)

    def _labels(self, faces: Embeddings, space: Space, options: ClusterOptions, count: int) -> NDArray[np.int64]:
        """As `cluster_faces` labels; a sample is as strict as all `count` faces would be."""
        least, pinned = options.min_similarity, self._library.repository.pack()
        if least is None and pinned is not None:
            least = usual_similarity(space.threshold(pinned.match_threshold), count)
        found = group_faces(
            self._library,
            faces,
            purpose=TUNING,
            space=space,
            min_cluster_size=options.min_cluster_size,
            min_samples=options.min_samples,
            cluster_selection_epsilon=options.cluster_selection_epsilon,
            metric=cast(Metric, options.metric),
            method=cast(Method, options.method),
            min_similarity=least,
            neighbours=cast(Neighbours, options.neighbours),
        )
        size = options.min_cluster_size
        return without_loose(faces.vectors, found.labels, min_cohesion=options.min_cohesion, min_cluster_size=size)

    def _false_matches(self, way: Way, threshold: float, revision: str) -> FalseMatches | None:
        if isinstance(way, MatcherWay):
            return None
        scores = self._scores.of((way.name, way.space.checksum, revision), lambda: self._score(way.space))
        return false_matches(scores, threshold) if scores else None

    def _score(self, space: Space) -> OpenSetScores | None:
        with self._library.repository.read() as unit:
            labelled, people = unit.vectors.labelled_by_a_person()
        rows = slice(0, LARGEST_CALIBRATION)
        _, owners = np.unique([str(person_id) for person_id in people[rows]], return_inverse=True)
        if len(set(owners.tolist())) < 2:
            return None
        return score_open_set(space.project(labelled.vectors[rows]), owners)


def apply_detection(faces: FaceGrid, library: Library, options: DetectOptions, *, actor: str) -> Decided:
    """Dismiss the faces that these bounds would not keep and nobody decided about: one decision, recorded as a run.

    Raises:
        NotEnoughData: there is none. WrongUse: they are too many. Unavailable: MLflow is, before any decision.
    """
    revision, below = faces.table.revision, Tuner(library, faces.live).detection(options).undecided
    if not below:
        raise NotEnoughData("nothing to dismiss: every face that nobody decided about is within these bounds")
    asked = {"min_confidence": options.min_confidence, "min_face_size": options.min_face_size}
    with library.tracking.run("tune", parameters=asked, library=library_snapshot(library.repository)) as run:
        done = faces.decide(Action.DISMISS, below, dismissed_as=Dismissal.NOT_A_FACE, revision=revision, actor=actor)
        run.metrics({"faces_dismissed": done.report.faces})
    return done


def apply_grouping(library: Library, options: ClusterOptions) -> ClusterReport:
    """Cluster, recorded as a run. Raises as `cluster_faces`, and Unavailable where MLflow is, before any work."""
    asked, held = options.parameters(), library_snapshot(library.repository)
    asked.pop("model")
    with library.tracking.run("cluster", parameters={"mode": "single", **asked}, library=held) as run:
        report = cluster_faces(library, options)
        run.parameters({"model": report.model_version})
        run.metrics({**key_figures(report), "seconds": report.seconds})
    return report


def apply_recognition(library: Library, options: AssignOptions, *, again: bool) -> AssignReport | DualReport:
    """Name the free faces; `again`: all that nobody decided about, the others grouped anew. Recorded as a run.

    Raises:
        Unavailable: MLflow is, before any work. As `assign_faces` and `cluster_dual`.
    """
    dual = DualOptions(person_threshold=options.threshold, model=options.model, matcher=options.matcher)
    asked = {"mode": "dual", **dual.parameters()} if again else options.parameters()
    asked.pop("model")
    kind, held = "cluster" if again else "assign", library_snapshot(library.repository)
    with library.tracking.run(kind, parameters=asked, library=held) as run:
        report = cluster_dual(library, dual) if again else assign_faces(library, options)
        run.parameters({"model": report.model_version})
        if isinstance(report, DualReport):
            run.metrics({**key_figures(report), "seconds": report.seconds})
        else:
            counted = ("processed", "assigned", "unassigned", "people_matched", "seconds")
            run.metrics({name: getattr(report, name) for name in counted})
    return report


def _to_group(table: FaceTable, options: ClusterOptions) -> NDArray[np.intp]:
    """Rows that `cluster_faces` would take, see `is_unlabelled`."""
    mask = ~table.is_missing & (table.dismissed == 0) & (table.person == NOBODY) & ~_in_split_part(table)
    mask &= table.quality >= np.float32(options.quality_threshold)
    if options.month:
        first, after = (int(moment.timestamp()) for moment in options.month)
        mask &= (table.taken >= first) & (table.taken < after)
    rows = np.flatnonzero(mask)
    return np.sort(rows[np.argsort(-table.quality[rows], kind="stable")][: options.max_faces])


def _to_recognise(table: FaceTable, *, again: bool) -> NDArray[np.intp]:
    """Rows that `assign_faces` would take, or, `again`, `cluster_dual`."""
    mask = ~table.is_missing & (table.dismissed == 0)
    if again:
        return np.flatnonzero(mask & (table.assigned != BY_PERSON) & ~_in_split_part(table))
    return np.flatnonzero(mask & (table.assigned == 0) & (table.person == NOBODY) & (table.cluster == NO_CLUSTER))


def _in_split_part(table: FaceTable) -> NDArray[np.bool_]:
    parts = [SPLIT_MARK in text for text in table.cluster_codes.texts]
    return np.asarray(np.array([*parts, False])[table.cluster])


def _portrait(table: FaceTable, code: int, *, but: int) -> UUID | None:
    """The best face that a person put under somebody; None where there is none."""
    row = another(code, np.where(table.assigned == BY_PERSON, table.person, NOBODY), table.quality, but=but)
    return table.uuids(np.array([row]))[0] if row is not None and code >= 0 else None
