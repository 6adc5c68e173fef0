"""No sequence of decisions and automatic steps loses or overwrites what a person said (DESIGN D4)."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event

from faceml.config import Settings
from faceml.errors import Conflict, NameTaken, NotFound, WrongUse
from faceml.library import Library
from faceml.names import fold_name
from faceml.options import AssignOptions, ClusterOptions, DualOptions
from faceml.records import Dismissal, PersonStatus
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.cluster.dual import cluster_dual
from faceml.services.decisions.bulk import confirm_faces, reject_each, restore_faces
from faceml.services.decisions.label import assign_faces_to, dismiss_faces, label_cluster, reject_person, unassign_faces
from faceml.services.decisions.people import (
    choose_exemplars,
    compute_centroids,
    hide_person,
    merge_people,
    rename_person,
    unhide_person,
)
from faceml.services.decisions.split import mark_different, split_cluster
from faceml.services.decisions.undo import redo, undo
from faceml.services.index.drain import drain_outbox
from faceml.services.index.repair import find_orphans
from faceml.services.recognise.assign import assign_faces
from faceml.services.review.groups import suggest_merges
from faceml.storage.index.stores import index_store
from tests.conftest import add_faces, people_vectors
from tests.fakes import FakePack, LostIndex, library_with
from tests.integration.decisions import Decision, check, differences, snapshot, truth

NAMES = st.sampled_from(["Ada", "Bea", "ADA", "Cleo", "Dora"])
PICK = st.integers(0, 10_000)  # reduced to what there is
PICKS = st.lists(PICK, min_size=1, max_size=4)


@cache
def template() -> Path:
    """Four people with six faces: three of each in two clusters that mix two people; the others in none."""
    home = new_folder()
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    library = opened(home)
    vectors = people_vectors(4, 6, seed=3)
    ids = add_faces(library, vectors)
    with library.repository.begin() as unit:
        for person, cluster in enumerate(("clu_ab", "clu_ab", "clu_cd", "clu_cd")):
            unit.faces.set_clusters([(id_, cluster) for id_ in ids[6 * person : 6 * person + 3]])
    drain_outbox(library)
    library.close()
    return home


def new_folder() -> Path:
    """Among the run's own, which are in memory where it has room, and go with it."""
    return Path(tempfile.mkdtemp(prefix="faceml-decisions-"))


def opened(home: Path) -> Library:
    library = library_with(FakePack(), Settings(home=home, model_pack="opencv-zoo"))
    # Nothing here outlives a power cut, so no commit waits for the disk.
    event.listen(library.repository._engine, "connect", lambda dbapi, _: dbapi.execute("PRAGMA synchronous=OFF"))
    return library


def rounded_snapshot(library: Library) -> dict[str, Any]:
    """A machine that matches a face again, in a product of another shape, finds a similarity of another last bit."""
    return snapshot(library, similarity="round(similarity, 6)")


class Decisions(RuleBasedStateMachine):
    """A person and the machine at work on one library, and the list of what the person said."""

    @initialize()
    def open(self) -> None:
        self.folder = new_folder()
        self.home = Path(shutil.copytree(template(), self.folder / "library"))
        self.library = opened(self.home)
        self.library = replace(self.library, index=LostIndex())
        self.decisions: list[Decision] = []
        self.undos: list[tuple[int, int]] = []
        with self.library.repository.read() as unit:
            photos = unit.faces.photo_of([face_id for face_id, _, _ in unit.faces.labels()])
        self.faces = sorted(photos, key=photos.__getitem__)  # in order of person
        self.logged = 0
        self.before = rounded_snapshot(self.library)
        for pick, name in enumerate(("Ada", "Bea", "Cleo")):  # so that there is something to merge
            self.assign([6 * pick + 3], name)

    # --- what a person does

    @rule(pick=PICK, name=NAMES)
    def label(self, pick: int, name: str) -> None:
        clusters = self.clusters()
        if clusters:
            cluster = clusters[pick % len(clusters)]
            report = label_cluster(self.library, cluster, name, actor="ada")
            self.named("label", report.event_id, report.person_id, name)

    @rule(picks=PICKS, name=NAMES)
    def assign(self, picks: list[int], name: str) -> None:
        report = assign_faces_to(self.library, self.chosen(picks), name, actor="ada")
        self.named("assign", report.event_id, report.person_id, name)

    @rule(picks=PICKS)
    def unassign(self, picks: list[int]) -> None:
        faces = self.chosen(picks)
        try:
            report = unassign_faces(self.library, faces, actor="ada")
        except WrongUse:
            return
        self.said(Decision(report.event_id, "unassign", faces=self.faces_of(report.event_id)))

    @rule(picks=PICKS, dismissed_as=st.sampled_from(Dismissal))
    def dismiss(self, picks: list[int], dismissed_as: Dismissal) -> None:
        faces = self.chosen(picks)
        report = dismiss_faces(self.library, faces, dismissed_as, actor="ada")
        self.said(Decision(report.event_id, "dismiss", faces=tuple(faces), dismissed_as=dismissed_as))

    @rule(picks=PICKS, is_right=st.booleans())
    def judge_recognition(self, picks: list[int], is_right: bool) -> None:
        """Faces of several people at once: they show whom they are under, or none of them does."""
        decide, kind = (confirm_faces, "confirm_each") if is_right else (reject_each, "reject_each")
        with self.library.repository.read() as unit:
            before = {face.id: face.person_id for face in unit.faces.by_ids(self.chosen(picks))}
        try:
            report = decide(self.library, self.chosen(picks), actor="ada")
        except WrongUse:
            return
        shown = {id_: person for id_ in self.faces_of(report.event_id) if (person := before[id_])}
        counted = {person: self.same_as(person) for person in shown.values()}
        self.said(Decision(report.event_id, kind, shown=shown, counted=counted))

    @rule(picks=PICKS)
    def restore(self, picks: list[int]) -> None:
        try:
            report = restore_faces(self.library, self.chosen(picks), actor="ada")
        except WrongUse:
            return
        self.said(Decision(report.event_id, "restore", faces=self.faces_of(report.event_id)))

    @precondition(lambda self: self.people())
    @rule(picks=PICKS, pick=PICK)
    def reject(self, picks: list[int], pick: int) -> None:
        person = self.person(pick)
        report = reject_person(self.library, self.chosen(picks), person, actor="ada")
        same = self.same_as(report.person_id)
        self.said(Decision(report.event_id, "reject", report.person_id, tuple(self.chosen(picks)), same))

    @precondition(lambda self: len(self.people()) > 1)
    @rule(source=PICK, into=PICK)
    def merge(self, source: int, into: int) -> None:
        one, other = self.person(source), self.person(into)
        try:
            report = merge_people(self.library, one, other, actor="ada")
        except (Conflict, WrongUse):
            assert one == other or PersonStatus.ACTIVE not in {self.status(one)} & {self.status(other)}
            return
        self.said(Decision(report.event_id, "merge", one, into=other))

    @precondition(lambda self: self.people())
    @rule(pick=PICK, name=NAMES)
    def rename(self, pick: int, name: str) -> None:
        person = self.person(pick)
        with self.library.repository.read() as unit:
            holder, former = unit.people.holding(name), unit.people.get(person).name
        try:
            report = rename_person(self.library, person, name, actor="ada")
        except NameTaken:
            assert holder is not None
            return
        except Conflict:
            assert self.status(person) == PersonStatus.MERGED
            return
        swaps = (holder.id, former) if holder is not None and holder.id != person else None
        self.said(Decision(report.event_id, "rename", person, name=name, swaps=swaps))

    @precondition(lambda self: self.people())
    @rule(pick=PICK)
    def hide_or_bring_back(self, pick: int) -> None:
        person = self.person(pick)
        status = self.status(person)
        if status != PersonStatus.MERGED:
            kind, change = ("hide", hide_person) if status == PersonStatus.ACTIVE else ("unhide", unhide_person)
            self.said(Decision(change(self.library, person, actor="ada").event_id, kind, person))

    @precondition(lambda self: self.people())
    @rule(pick=PICK, count=st.integers(0, 3))
    def choose_exemplars(self, pick: int, count: int) -> None:
        person = self.person(pick)
        with self.library.repository.read() as unit:
            survivor = unit.people.survivor(person).id
            faces = sorted((face.id for face in unit.faces.of_person(survivor)), key=self.faces.index)[:count]
        try:
            report = choose_exemplars(self.library, person, faces or None, actor="ada")
        except WrongUse:
            assert not faces
            return
        same = self.same_as(report.person_id)
        self.said(Decision(report.event_id, "confirm", report.person_id, report.exemplars, same))

    @rule(pick=PICK, size=st.sampled_from([2, 3]))
    def split(self, pick: int, size: int) -> None:
        clusters = self.clusters()
        if clusters:
            report = split_cluster(self.library, clusters[pick % len(clusters)], min_cluster_size=size, actor="ada")
            if report.event_id is not None:
                with self.library.repository.read() as unit:
                    parts = {c.face_id: c.after.cluster_id for c in unit.events.changes(report.event_id)}
                self.said(Decision(report.event_id, "split", parts=parts))

    @rule(one=PICK, other=PICK)
    def mark_different(self, one: int, other: int) -> None:
        groups = self.clusters() + sorted(truth(self.decisions).names.values())
        if len(groups) > 1:
            pair = (groups[one % len(groups)], groups[other % len(groups)])
            try:
                report = mark_different(self.library, *pair, actor="ada")
            except (NotFound, WrongUse):  # no unnamed face left, nobody under that name, or the same person twice
                return
            self.said(Decision(report.event_id, "apart"))
            suggested = suggest_merges(self.library, min_similarity=-1.0, limit=1000)
            assert {report.one, report.other} not in [{found.one.name, found.other.name} for found in suggested]

    @precondition(lambda self: self.decisions)
    @rule(pick=PICK)
    def undo_anything(self, pick: int) -> None:
        events = [decision.event_id for decision in self.decisions] + [event_id for event_id, _ in self.undos]
        self.take_back(sorted(events)[pick % len(events)])

    @precondition(lambda self: any(decision.stands for decision in self.decisions))
    @rule()
    def undo_the_latest(self) -> None:
        latest = max(decision.event_id for decision in self.decisions if decision.stands)
        try:
            report = undo(self.library, actor="ada")
        except Conflict:
            assert self.cannot_be(latest)
            return
        assert report.undone_event_id == latest
        self.undone(report.event_id, latest)

    @precondition(lambda self: self.undos)
    @rule()
    def redo_the_latest(self) -> None:
        standing = [undo_id for undo_id, _ in self.undos if self.stands(undo_id)]
        if any(not decision.stands for decision in self.decisions):
            try:
                report = redo(self.library, actor="ada")
            except Conflict:
                return
            assert report.is_redo
            assert report.undone_event_id in standing
            self.undone(report.event_id, report.undone_event_id)

    @precondition(lambda self: self.decisions)
    @rule(pick=PICK)
    def there_and_back(self, pick: int) -> None:
        """Undone and redone at once, a decision leaves no trace (unless it cannot be undone)."""
        standing = [decision.event_id for decision in self.decisions if decision.stands]
        if standing:
            event_id, before = standing[pick % len(standing)], rounded_snapshot(self.library)
            if self.take_back(event_id):
                self.take_back(self.undos[-1][0], must=True)
                assert differences(before, rounded_snapshot(self.library)) == []

    # --- what machines do

    @rule(is_dual=st.booleans(), threshold=st.sampled_from([0.3, 0.6]))
    def recognise(self, is_dual: bool, threshold: float) -> None:
        if is_dual:
            cluster_dual(self.library, DualOptions(person_threshold=threshold))
        else:
            assign_faces(self.library, AssignOptions(threshold=threshold))

    @rule(size=st.sampled_from([2, 3]), with_centroids=st.booleans())
    def regroup(self, size: int, with_centroids: bool) -> None:
        cluster_faces(self.library, ClusterOptions(min_cluster_size=size, min_samples=2))
        if with_centroids:
            compute_centroids(self.library)

    @rule()
    def the_index_follows(self) -> None:
        self.library = replace(self.library, index=index_store(self.library.settings))
        assert drain_outbox(self.library).backlog == 0
        self.library = replace(self.library, index=LostIndex())

    # --- what must hold

    @invariant()
    def every_decision_is_what_it_was(self) -> None:
        check(self.library, truth(self.decisions))

    @invariant()
    def the_log_only_grows(self) -> None:
        with self.library.repository.read() as unit:
            count = unit.events.count()
        assert count == len(self.decisions) + len(self.undos)
        assert count >= self.logged
        self.logged = count

    def teardown(self) -> None:
        if not hasattr(self, "library"):
            return
        self.library = replace(self.library, index=index_store(self.library.settings))
        found = find_orphans(self.library, limit=1000)
        assert (found.orphans, found.stale_points, found.stray_points, found.centroids_missing) == ((), 0, 0, 0)
        self.library = replace(self.library, index=LostIndex())
        if self.take_everything_back():
            after = rounded_snapshot(self.library)
            for table in ("exemplars", "rejections", "people"):
                assert after[table] == self.before[table] == []
            with self.library.repository.read() as unit:
                assert all(unit.faces.states(self.faces)[id_].person_id is None for id_ in self.faces)
        self.library.close()
        shutil.rmtree(self.folder)

    # --- helpers

    def take_everything_back(self) -> bool:
        """Undo what stands, the newest first, and again while that helps; False where names hold each other up.

        A decision that was made again after later ones may have to wait until those are undone (`take_back` sees to it
        that none waits without such a reason).
        """
        while standing := [decision.event_id for decision in self.decisions if decision.stands]:
            if not any(self.take_back(event_id) for event_id in reversed(standing)):
                return False
        return True

    def chosen(self, picks: list[int]) -> list[UUID]:
        return list(dict.fromkeys(self.faces[pick % len(self.faces)] for pick in picks))

    def clusters(self) -> list[str]:
        """Their ids, in an order that comes again when a sequence is repeated: ids are made by chance."""
        with self.library.repository.read() as unit:
            names = {face_id: name for face_id, _, name in unit.faces.labels()}
        return list(dict.fromkeys(name for face_id in self.faces if (name := names[face_id])))

    def people(self) -> list[UUID]:
        names = truth(self.decisions).names
        return sorted(names, key=names.__getitem__)

    def person(self, pick: int) -> UUID:
        return self.people()[pick % len(self.people())]

    def status(self, person: UUID) -> str:
        return truth(self.decisions).status[person]

    def faces_of(self, event_id: int) -> tuple[UUID, ...]:
        with self.library.repository.read() as unit:
            return tuple(change.face_id for change in unit.events.changes(event_id))

    def same_as(self, person: UUID) -> frozenset[UUID]:
        with self.library.repository.read() as unit:
            people = unit.people.names()
            return frozenset(id_ for id_ in people if unit.people.survivor(id_).id == person)

    def named(self, kind: str, event_id: int, person: UUID, name: str) -> None:
        is_new = not any(decision.person == person for decision in self.decisions)
        new = name if is_new else None
        faces = self.faces_of(event_id)
        self.said(Decision(event_id, kind, person, faces, self.same_as(person), new_person=new))

    def said(self, decision: Decision) -> None:
        self.decisions.append(decision)

    def stands(self, event_id: int) -> bool:
        return not any(target == event_id and self.stands(undo_id) for undo_id, target in self.undos)

    def decision_of(self, event_id: int) -> int:
        targets = dict(self.undos)
        while event_id in targets:
            event_id = targets[event_id]
        return event_id

    def undone(self, undo_id: int, event_id: int) -> None:
        self.undos.append((undo_id, event_id))
        for decision in self.decisions:
            decision.stands = self.stands(decision.event_id)

    def take_back(self, event_id: int, *, must: bool = False) -> bool:
        if not self.stands(event_id):
            with pytest.raises(Conflict, match="already undone"):
                undo(self.library, event_id, actor="ada")
            return False
        before = rounded_snapshot(self.library)
        try:
            report = undo(self.library, event_id, actor="ada")
        except Conflict:
            assert not must
            assert self.cannot_be(event_id)
            assert differences(before, rounded_snapshot(self.library)) == []
            return False
        self.undone(report.event_id, event_id)
        check(self.library, truth(self.decisions))
        return True

    def cannot_be(self, event_id: int) -> bool:
        """Whether, this taken back, nothing changed, two people had one name or a merge went in a circle."""
        decision_id = self.decision_of(event_id)
        stood = self.stands(decision_id)
        self.undone(0, event_id)
        try:
            if self.stands(decision_id) == stood:
                return True
            merged = {d.person: d.into for d in self.decisions if d.kind == "merge" and d.stands}
            for start in merged:
                at, passed = start, 0
                while at in merged and passed <= len(merged):
                    at, passed = merged[at], passed + 1
                if passed > len(merged):
                    return True
            names = [fold_name(name) for name in truth(self.decisions).names.values()]
            return len(names) > len(set(names))
        finally:
            self.undos.pop()
            for decision in self.decisions:
                decision.stands = self.stands(decision.event_id)


def run(sequences: int) -> None:
    run_state_machine_as_test(
        Decisions,
        settings=settings(
            max_examples=sequences,
            stateful_step_count=15,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


def test_four_sequences_of_decisions_keep_every_one() -> None:
    run(4)


@pytest.mark.nightly
def test_five_hundred_sequences_of_decisions_keep_every_one() -> None:
    run(500)
