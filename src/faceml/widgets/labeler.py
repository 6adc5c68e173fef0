"""The cluster labeller's state: which cluster is asked about, and what each key does to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from faceml.errors import Conflict, NotFound, WrongUse
from faceml.library import Library
from faceml.records import Dismissal, Face
from faceml.services.decisions.label import dismiss_faces, is_open, label_cluster
from faceml.services.decisions.split import SplitPreview, prepare_split, preview_split, split_cluster
from faceml.services.decisions.undo import redo, undo
from faceml.services.recognise.gallery import Resemblance
from faceml.services.review.browse import OpenCluster, label_progress, list_open_clusters, look_at_cluster, meant_name
from faceml.services.review.groups import likely_from, suggest_names
from faceml.widgets import labeler_screens as screens
from faceml.widgets.labeler_screens import count_faces
from faceml.widgets.screen import Input, Notice, ProgressBar, Screen, page_of, pages_of
from faceml.widgets.session import Session, carry_out

SUGGESTIONS = 3


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision of this session."""

    event_id: int
    cluster_id: str  # that it was about: shown again when it is taken back
    text: str
    faces_named: int = 0


class Labeler:
    """Walks the clusters that nobody has named, largest first, and carries out what a person decides about each.

    A decision is committed when `handle` returns. Clusters that another kernel or program changed meanwhile are seen
    as they are whenever they come up.
    """

    def __init__(self, library: Library, *, actor: str, pixelate: Callable[[Face], bool] | None = None) -> None:
        self.session = Session(library, pixelate=pixelate)
        self._library, self._actor = library, actor
        self._decided: list[Decided] = []
        self._taken_back: list[Decided] = []
        self._preview: SplitPreview | None = None
        self._part_size = 0  # that the preview was made with
        self._queue: list[str] = []
        self._at, self._page = 0, 1
        self.cluster: OpenCluster | None = None
        self.suggestions: Sequence[Resemblance] = ()
        self._likely_from = 1.0
        self._meant: str | None = None  # whose name what was typed is a slip of
        self._refresh()

    # --- what the widget asks for

    def handle(self, given: Input) -> None:
        self._meant = None
        carry_out(self, given, _ACTIONS)

    def screen(self) -> Screen:
        notice, can_undo = self.session.notice, bool(self._decided)
        if self.session.photo is not None:
            subject = screens.subject_of(self.cluster)
            return self.session.photo_screen(self.session.photo, view=screens.VIEW, subject=subject)
        if self.cluster is None:
            return screens.finished(self._progress(), len(self._queue), notice, can_undo=can_undo)
        if self._preview is not None:
            return screens.split(self.cluster, self._preview, self._progress(), notice)
        return screens.naming(
            self.cluster, self.suggestions, self._progress(), notice, page=self._page, at=self._at,
            likely_from=self._likely_from, meant=self._meant or "", can_undo=can_undo, can_redo=bool(self._taken_back),
        )  # fmt: skip

    def faces(self) -> Sequence[Face]:
        if self.cluster is None:
            return ()
        if self._preview is not None:
            parts = screens.parts_of(self.cluster, self._preview)
            return [face for part in parts for face in part[: screens.PREVIEWED]]
        return page_of(self.cluster.faces, self._page)

    def next_faces(self) -> Sequence[Face]:
        shown = self.cluster.cluster_id if self.cluster else ""
        following = [id_ for id_ in self._queue[self._at : self._at + 3] if id_ != shown]
        found = [cluster for id_ in following[:2] if (cluster := look_at_cluster(self._library.repository, id_))]
        prepare_split()
        return [face for cluster in found for face in page_of(cluster.faces, 1)]

    # --- decisions

    def _label(self, given: Input) -> None:
        who: str | UUID = given.text.strip()
        self._meant = meant_name(self._library.repository, str(who)) if who else None
        if self._meant:
            raise WrongUse(f"did you mean {self._meant}? ⏎ takes that name, ⇧⏎ a new person: {who}")
        if not who:
            best = next(iter(self.suggestions), None)
            if self._asked().is_mixed:
                raise WrongUse("these faces are little alike: split them, leave some out, or type a name")
            if best is None or best.similarity < self._likely_from:
                raise WrongUse("no suggestion is close enough to take by Enter: type a name, or press 1 to 3 for one")
            who = best.person_id
        self._name(who, given)

    def _label_as_typed(self, given: Input) -> None:
        self._name(given.text.strip(), given)

    def _accept(self, number: int, given: Input) -> None:
        self._name(self.suggestions[number - 1].person_id, given)

    def _name(self, who: str | UUID, given: Input) -> None:
        cluster = self._asked()
        chosen = _chosen(cluster, given.left_out)
        try:
            report = label_cluster(
                self._library, cluster.cluster_id, who, face_ids=chosen, left_out=given.left_out, actor=self._actor
            )
        except (Conflict, NotFound):
            self._show(self._at)  # somebody else was quicker: show what there is now
            raise
        text = f"{count_faces(report.faces_labeled)}: {report.person_name}"
        if given.left_out:
            text += f"; {count_faces(len(given.left_out))} not {report.person_name}"
        if report.faces_labeled < len(chosen):
            text += f" ({len(chosen) - report.faces_labeled} left out: named or ruled out by a person)"
        if report.person_name not in self.session.names:
            self.session.read_names()
        self._remember(Decided(report.event_id, cluster.cluster_id, text, report.faces_labeled))
        self._show(self._at)

    def _dismiss(self, dismissed_as: Dismissal, given: Input) -> None:
        cluster = self._asked()
        chosen = _chosen(cluster, given.left_out)
        try:
            report = dismiss_faces(self._library, sorted(chosen), dismissed_as, if_still=is_open, actor=self._actor)
        except (Conflict, NotFound):
            self._show(self._at)
            raise
        word = screens.DISMISSED[dismissed_as]
        self._remember(Decided(report.event_id, cluster.cluster_id, f"{count_faces(report.faces_dismissed)}: {word}"))
        self._show(self._at)

    def _split(self, _given: Input) -> None:
        cluster = self._asked()
        for size in (3, 2):
            preview = preview_split(self._library, cluster.cluster_id, min_cluster_size=size)
            if len(preview.parts) > 1:
                self._preview, self._part_size = preview, size
                return
        self.session.notice = Notice("it does not fall apart: leave single faces out with a click instead")

    def _do_split(self, _given: Input) -> None:
        cluster = self._asked()
        report = split_cluster(self._library, cluster.cluster_id, min_cluster_size=self._part_size, actor=self._actor)
        if report.event_id is not None:
            left_out = f", {count_faces(report.faces_left_out)} in no part" if report.faces_left_out else ""
            text = f"split into {len(report.new_clusters)} parts{left_out}"
            self._queue[self._at : self._at + 1] = report.new_clusters
            self._remember(Decided(report.event_id, cluster.cluster_id, text))
        self._show(self._at)

    def _undo(self, _given: Input) -> None:
        if not self._decided:
            raise NotFound("nothing of this session is left to undo: the history in People undoes anything")
        last = self._decided.pop()  # whatever comes of it: what somebody else took back is not undone twice
        undo(self._library, last.event_id, actor=self._actor)
        self._taken_back.append(last)
        self.session.read_names()
        self._queue = [id_ for id_ in self._queue if id_ != last.cluster_id]
        self._at = min(self._at, len(self._queue))
        self._queue.insert(self._at, last.cluster_id)
        self._show(self._at)
        self.session.done(f"Undone: {last.text}")

    def _redo(self, _given: Input) -> None:
        if not self._taken_back:
            raise NotFound("there is nothing to redo: nothing was undone since the last decision")
        last = self._taken_back.pop()
        redo(self._library, last.event_id, actor=self._actor)
        self._decided.append(last)
        self.session.read_names()
        known = set(self._queue)
        opened = [id_ for id_, _ in list_open_clusters(self._library.repository)]
        self._queue[self._at : self._at] = [id_ for id_ in opened if id_ not in known]
        self._show(self._at)
        self.session.done(f"Made again: {last.text}")

    # --- looking around

    def _skip(self, _given: Input) -> None:
        self._show(self._at + 1)

    def _previous(self, _given: Input) -> None:
        if self._at == 0:
            raise NotFound("this is the first cluster")
        self._show(self._at - 1)

    def _turn(self, by: int, _given: Input) -> None:
        self._page = min(max(1, self._page + by), pages_of(len(self._asked().faces)))

    def _look(self, given: Input) -> None:
        self.session.look(given.face_id or self._asked().faces[0].id)

    def _back(self, _given: Input) -> None:
        if self.session.photo is None:
            self._preview = None
        self.session.photo = None

    def _refresh(self, _given: Input | None = None) -> None:
        """See what others did: clusters, names and counts as they are now."""
        self._queue = [cluster_id for cluster_id, _ in list_open_clusters(self._library.repository)]
        self.session.read_names()
        self._show(0)

    # --- state

    def _show(self, at: int) -> None:
        """Ask about the first open cluster from this place of the queue on; gone ones leave it."""
        self._preview = self.session.photo = self.cluster = None
        self._page, self._at = 1, at
        while self.cluster is None and self._at < len(self._queue):
            self.cluster = look_at_cluster(self._library.repository, self._queue[self._at])
            if self.cluster is None:
                del self._queue[self._at]
        self.suggestions = self._resembled() if self.cluster else []

    def _resembled(self) -> list[Resemblance]:
        self._likely_from = likely_from(self._library)
        try:
            found = suggest_names(self._library, self._asked().cluster_id, limit=SUGGESTIONS)
        except NotFound:  # named by somebody else since we looked
            return []
        return [item for item in found if item.similarity >= self._likely_from / 2]

    def _remember(self, decided: Decided) -> None:
        self._decided.append(decided)
        self._taken_back.clear()
        self.session.done(decided.text)

    def _asked(self) -> OpenCluster:
        if self.cluster is None:
            raise NotFound("no cluster is left: refresh (g) after the next detection or grouping")
        return self.cluster

    def _progress(self) -> ProgressBar:
        counts, left = label_progress(self._library.repository), len(self._queue)
        named_now = sum(decided.faces_named for decided in self._decided)
        words = [
            f"{counts.faces_named:,} of {counts.faces:,} faces named",
            f"{left:,} cluster{'' if left == 1 else 's'} left",
            *self.session.pace(named_now, "faces a minute", per_s=60),
        ]
        return ProgressBar(" · ".join(words), counts.faces_named / counts.faces if counts.faces else 0.0)


def _chosen(cluster: OpenCluster, left_out: Collection[UUID]) -> list[UUID]:
    chosen = [face.id for face in cluster.faces if face.id not in left_out]
    if not chosen:
        raise WrongUse("every face is left out: click some of them to take them in again")
    return chosen


_ACTIONS: dict[str, Callable[[Labeler, Input], None]] = {
    "label": Labeler._label,
    "label_as_typed": Labeler._label_as_typed,
    "accept_1": lambda state, given: state._accept(1, given),
    "accept_2": lambda state, given: state._accept(2, given),
    "accept_3": lambda state, given: state._accept(3, given),
    "not_a_face": lambda state, given: state._dismiss(Dismissal.NOT_A_FACE, given),
    "stranger": lambda state, given: state._dismiss(Dismissal.STRANGER, given),
    "split": Labeler._split,
    "do_split": Labeler._do_split,
    "undo": Labeler._undo,
    "redo": Labeler._redo,
    "skip": Labeler._skip,
    "previous": Labeler._previous,
    "next_page": lambda state, given: state._turn(1, given),
    "previous_page": lambda state, given: state._turn(-1, given),
    "photo": Labeler._look,
    "back": Labeler._back,
    "refresh": Labeler._refresh,
}
