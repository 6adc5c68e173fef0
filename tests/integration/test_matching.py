"""A matcher fitted on a library, registered without its vectors, and put together again with the labels of now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner

from faceml.cli.main import cli
from faceml.config import Settings
from faceml.errors import Conflict, ModelMismatch, ModelUnavailable, NotEnoughData, NotFound, WrongUse
from faceml.identity.assignment import NOBODY, Matches
from faceml.identity.calibration import calibrate_scores
from faceml.identity.matcher import FLOOR_MARGIN, fit_matcher
from faceml.jobs.functions import fit_matcher_job
from faceml.library import Library
from faceml.records import Dismissal, LibraryFaces
from faceml.services.decisions.label import assign_faces_to, dismiss_faces
from faceml.services.decisions.people import hide_person
from faceml.services.decisions.private import erase_person
from faceml.services.learn.fit_matcher import FitReport, Question, fit_library_matcher
from faceml.services.learn.promote import count_tries, judge, list_models, promote, roll_back, show_model
from faceml.services.operate.backup import back_up
from faceml.services.operate.restore import restore
from faceml.services.recognise.matching import Matching, open_matcher
from faceml.trial.comparison import Comparison, from_json
from tests.conftest import add_faces, copy_library, people_vectors
from tests.fakes import CONTRACT, FakePack, library_with
from tests.heads import comparison, unmeasured
from tests.rest import API, client_of, two_people
from tests.synthetic import synthetic_library

ME = "ada"
PEOPLE, FACES, KNOWN, LABELS = 16, 10, 12, 5


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """16 people with 10 faces each, of whom 12 are known by 5."""
    library = synthetic_library(tmp_path_factory.mktemp("made") / "library", people=PEOPLE, faces=FACES, known=KNOWN)
    library.close()
    return library.settings


@pytest.fixture
def labelled(made_once: Settings, mlflow_here: Path, tmp_path: Path) -> Iterator[Library]:
    """A copy of that library, with an MLflow of its own."""
    copy_library(made_once.home, tmp_path / "library")
    library = library_with(FakePack(), Settings(home=tmp_path / "library", model_pack=CONTRACT.name))
    yield library
    library.close()


def everybody(library: Library) -> LibraryFaces:
    with library.repository.read() as unit:
        return unit.vectors.everybody()


def ask(library: Library, matching: Matching, *, min_similarity: float = -np.inf) -> tuple[list[UUID], Matches]:
    """Every face that nobody labelled, as assign asks."""
    faces = everybody(library)
    rows = [row for row, label in enumerate(faces.labels) if label is None]
    ids = [faces.face_ids[row] for row in rows]
    with library.repository.read() as unit:
        taken, rejections = unit.faces.people_on_photos(), unit.faces.rejections(ids)
    found = matching.match(
        faces.vectors[rows],
        ids,
        min_similarity=min_similarity,
        photos=faces.photos[rows],
        taken=taken,
        rejections=rejections,
    )
    return ids, found


def opened(library: Library, selector: str | int = "challenger") -> Matching:
    matching = open_matcher(library, selector)
    assert matching is not None
    return matching


def person(library: Library, number: int) -> UUID:
    with library.repository.read() as unit:
        return next(id_ for id_, name in unit.people.names().items() if name == f"Person {number:05}")


def same(one: Matches, other: Matches) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("person_rows", "candidate_rows", "similarities", "runner_up_rows", "runner_up_similarities")
    )


# --- fitting


def test_a_fitted_matcher_is_the_challenger_and_changes_no_answer(labelled: Library) -> None:
    report = fit_library_matcher(labelled)
    assert (report.people, report.labelled_faces, report.library_faces) == (KNOWN, KNOWN * LABELS, PEOPLE * FACES)
    assert (report.version, report.is_whitened, report.verdict.promotes) == (1, False, False)
    assert "label more" in report.verdict.reasons[0], "too few for the gate to ask"
    model = labelled.matchers.get("challenger")
    assert (model.space, model.run_id, model.aliases) == ("face-matcher/1", report.run_id, ("challenger",))
    assert model.card is not None
    assert (model.card.people, model.card.faces, model.card.fingerprint) == (
        KNOWN,
        KNOWN * LABELS,
        CONTRACT.fingerprint,
    )
    assert open_matcher(labelled) is None, "there is no champion"
    assert labelled.registry.state().versions == (), "projections are another kind"


def test_the_artefact_holds_no_vector(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    record = labelled.matchers.load("challenger").artefact
    faces = everybody(labelled)
    held = np.concatenate([getattr(record, name).ravel().astype(np.float32) for name in ("groups", "person_nearness")])
    assert len(held) == len(faces.face_ids) + KNOWN, "a number a face and a number a person"
    content = labelled.matchers.content(labelled.matchers.get(1))
    assert len(content) < faces.vectors.nbytes / 4
    assert record.head is None


def test_the_run_tells_how_it_was_fitted(labelled: Library) -> None:
    report = fit_library_matcher(labelled)
    run = labelled.tracking.store.client.get_run(report.run_id)
    assert run.data.params["nearness_weight"] == "0.5"
    assert (run.data.metrics["cohort"], run.data.metrics["people"]) == (report.cohort, KNOWN)
    assert run.data.tags["verdict"] == "refuses"
    told = str(run.data)
    assert "Person 0" not in told, "no name leaves the library"
    assert not any(str(id_) in told for id_ in everybody(labelled).face_ids)


def test_a_library_with_one_person_cannot_be_fitted(mlflow_here: Path, tmp_path: Path) -> None:
    library = synthetic_library(tmp_path / "library", people=4, faces=4, known=1)
    with pytest.raises(NotEnoughData, match="1 people are labelled"):
        fit_library_matcher(library)
    assert library.matchers.state().versions == ()


def test_what_the_gate_is_asked_is_the_library_and_its_answer_goes_with_the_version(labelled: Library) -> None:
    asked: list[Question] = []

    def measure(question: Question) -> Comparison:
        asked.append(question)
        found = from_json(comparison(0.05))
        gains = tuple(replace(gain, challenger="matcher") for gain in found.gains)
        names = tuple("matcher" if name == "head" else name for name in found.candidates)
        measured = {("matcher" if name == "head" else name): one for name, one in found.measured.items()}
        return replace(found, candidates=names, measured=measured, gains=gains)

    report = fit_library_matcher(labelled, measure=measure)
    assert report.verdict.promotes
    album = asked[0].album
    assert len(album.vectors) == PEOPLE * FACES
    assert np.bincount(album.people[album.people >= 0]).tolist() == [LABELS] * KNOWN
    assert asked[0].tries == 1
    fit_library_matcher(labelled, measure=measure)
    assert asked[1].tries == 2, "each try on the same labels counts"
    assert promote(labelled, actor=ME, kind="matcher").promoted
    fit_library_matcher(labelled, measure=measure)
    assert asked[2].tries == 1, "since the last promotion"
    assert judge(labelled, kind="matcher").promotes, "its champion is the same method on earlier labels"
    assert show_model(labelled, 1, kind="matcher").comparison == report.comparison
    assert count_tries(labelled.matchers.state(), "other labels") == 1


# --- opening


def test_the_matcher_of_the_library_answers_as_one_fitted_in_memory(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    matching = opened(labelled)
    faces = everybody(labelled)
    people = sorted({label for label in faces.labels if label})
    owners = np.array([people.index(label) if label else NOBODY for label in faces.labels])
    known, others = np.flatnonzero(owners >= 0), np.flatnonzero(owners < 0)
    groups = matching.groups(faces.face_ids)
    pure = fit_matcher(
        faces.vectors[known],
        owners[known],
        groups[known],
        faces.vectors[others],
        groups[others],
        floor=CONTRACT.match_threshold + FLOOR_MARGIN,
    )
    with labelled.repository.read() as unit:
        taken = [(photo, people.index(person_id)) for photo, person_id in unit.faces.people_on_photos()]
    ids, found = ask(labelled, matching)
    tight = matching.tight(ids)
    expected = pure.match(
        faces.vectors[others], groups=groups[others], tight=tight, photos=faces.photos[others], taken=taken
    )
    assert matching.people == tuple(people)
    np.testing.assert_array_equal(found.candidate_rows, expected.candidate_rows)
    np.testing.assert_allclose(found.similarities, expected.similarities, atol=1e-5)
    threshold = calibrate_scores(pure.as_strangers(), pure.person_rows, fmr=1e-3).threshold
    assert matching.threshold("auto").value == pytest.approx(threshold, abs=1e-5)
    assert len(set(groups[groups >= 0])) == PEOPLE, "everybody is a group of their own here"
    assert set(tight[tight >= 0]) <= set(groups)


def test_known_people_are_named_and_strangers_are_not(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    matching = opened(labelled)
    ids, found = ask(labelled, matching, min_similarity=matching.threshold(0.6).value)
    with labelled.repository.read() as unit:
        clusters = {id_: state.cluster_id for id_, state in unit.faces.states(ids).items()}
    truth = [int((clusters[id_] or "clu_99").removeprefix("clu_")) for id_ in ids]
    named = [matching.people[row] if row != NOBODY else None for row in found.person_rows]
    known = {person(labelled, number): number for number in range(KNOWN)}
    assert [known.get(id_, -1) if id_ else -1 for id_ in named] == [n if n < KNOWN else -1 for n in truth]


def test_plain_is_nothing_and_other_words_are_refused(labelled: Library) -> None:
    assert open_matcher(labelled, "plain") is None
    with pytest.raises(WrongUse, match="write champion, challenger, plain"):
        open_matcher(labelled, "best")
    with pytest.raises(NotFound, match=r"there is no matcher '3'.*fit-matcher.*use plain"):
        open_matcher(labelled, 3)
    fit_library_matcher(labelled, measure=unmeasured)
    assert opened(labelled, "face-matcher/1").name == opened(labelled, 1).name == "face-matcher/1"


def test_a_matcher_of_another_pack_is_not_used(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    labelled.matchers.tag_version(1, {"fingerprint": "0" * 64, "pack": "buffalo_l"})
    with pytest.raises(ModelMismatch, match="promote it where it was trained"):
        promote(labelled, 1, actor=ME, force=True, reason="why not", kind="matcher")
    labelled.matchers.set_alias("champion", 1)
    assert open_matcher(labelled) is None
    with pytest.raises(ModelMismatch, match="made for vectors of buffalo_l, this library's are of opencv-zoo"):
        open_matcher(labelled, 1)


def test_a_matcher_with_settings_that_are_not_known_here_is_not_used(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    loaded = labelled.matchers.load(1)
    assert loaded.model.card is not None
    other = replace(loaded.artefact, settings=replace(loaded.artefact.settings, neighbours=7))
    labelled.matchers.register(other, loaded.model.card, comparison=None, run_id=loaded.model.run_id or "")
    with pytest.raises(ModelUnavailable, match="face-matcher/2 was fitted with settings of another faceml"):
        open_matcher(labelled, 2)


def test_it_is_kept_until_a_label_changes_and_the_new_label_counts_at_once(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    first = opened(labelled)
    assert opened(labelled) is first
    strangers = [id_ for id_, label in zip(*_faces_of(labelled, KNOWN), strict=True) if label is None]
    assign_faces_to(labelled, strangers[:2], "Newcomer", actor=ME)
    second = opened(labelled)
    assert second is not first
    assert len(second.people) == KNOWN + 1
    ids, found = ask(labelled, second, min_similarity=second.threshold(0.6).value)
    newcomer = next(id_ for id_ in second.people if id_ not in first.people)
    rows = [ids.index(id_) for id_ in strangers[2:]]
    assert {second.people[row] for row in found.person_rows[rows]} == {newcomer}
    second_at_all = labelled.matchers.load("challenger").artefact
    assert len(second_at_all.person_ids) == KNOWN, "the artefact itself is as it was fitted"


def _faces_of(library: Library, cluster: int) -> tuple[list[UUID], list[UUID | None]]:
    faces = everybody(library)
    with library.repository.read() as unit:
        states = unit.faces.states(faces.face_ids)
    rows = [row for row, id_ in enumerate(faces.face_ids) if states[id_].cluster_id == f"clu_{cluster:05}"]
    return [faces.face_ids[row] for row in rows], [faces.labels[row] for row in rows]


def test_new_faces_are_in_no_group(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    matching = opened(labelled)
    assert matching.groups([UUID(int=1)]).tolist() == matching.tight([UUID(int=1)]).tolist() == [-1]
    faces = everybody(labelled)
    alone = matching.match(faces.vectors[:3])
    assert np.isfinite(alone.similarities).all()


def test_a_hidden_person_is_not_recognised(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    hidden = person(labelled, 3)
    hide_person(labelled, hidden, actor=ME)
    matching = opened(labelled)
    assert hidden not in matching.people
    assert len(matching.people) == KNOWN - 1
    assert fit_library_matcher(labelled).people == KNOWN - 1


def test_an_erased_person_is_forgotten_without_fitting_again(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    before = opened(labelled)
    gone = person(labelled, 3)
    ids = [id_ for id_, label in zip(*_faces_of(labelled, 3), strict=True) if label == gone]
    erase_person(labelled, gone, is_confirmed=True, actor=ME)
    after = opened(labelled)
    assert gone not in after.people
    assert not after.labelled.keys() & set(ids)
    assert len(after.matcher.known) == len(before.matcher.known) - len(ids)
    ask(labelled, after)


def test_a_cohort_face_that_is_gone_is_left_out(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    before = opened(labelled)
    cohort = before.record.face_ids[before.record.cohort]
    with labelled.repository.begin() as unit:
        unit.faces.remove([UUID(bytes=cohort[0].tobytes())])
    after = opened(labelled)
    assert len(after.matcher.cohort.vectors) == len(before.matcher.cohort.vectors) - 1


def test_nobody_labelled_is_plain(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    for number in range(KNOWN):
        hide_person(labelled, person(labelled, number), actor=ME)
    assert open_matcher(labelled, "challenger") is None


# --- thresholds


def test_a_number_is_a_cosine_and_says_what_it_became(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    matching = opened(labelled)
    found = matching.threshold(0.6)
    assert found.note == f"0.6 in cosines is {found.value:.2f} here: as many strangers reach it"
    scores = [matching.threshold(asked).value for asked in (0.0, 0.3, 0.5, 0.6, 0.7, 0.9)]
    assert scores == sorted(scores)
    assert all(score < asked + 0.05 for score, asked in zip(scores, (0.0, 0.3, 0.5, 0.6, 0.7, 0.9), strict=True))
    assert matching.threshold("auto").note is None
    for wrong in (1.5, "high"):
        with pytest.raises(WrongUse):
            matching.threshold(wrong)


def test_few_labels_leave_auto_unanswered_and_numbers_as_good_as_they_can_be(mlflow_here: Path, tmp_path: Path) -> None:
    library = synthetic_library(tmp_path / "library", people=6, faces=6, known=3)
    report = fit_library_matcher(library)
    assert report.thresholds == {}
    assert "label more" in report.notes[0]
    matching = opened(library)
    with pytest.raises(NotEnoughData, match=r"face-matcher/1 was fitted on too few labels.*1,000"):
        matching.threshold("auto")
    usual = 1 - matching.matcher.as_strangers().highest  # what a usual face's and person's nearness takes off
    assert matching.threshold(0.6).value == pytest.approx(0.6 - usual, abs=1e-5)


# --- explaining


def test_the_parts_of_a_score_add_up_to_it(labelled: Library) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    matching = opened(labelled)
    faces = everybody(labelled)
    rows = [row for row, label in enumerate(faces.labels) if label is None]
    ids = [faces.face_ids[row] for row in rows]
    found = matching.match(faces.vectors[rows], ids)  # each photo on its own, as explain looks at a face
    with labelled.repository.read() as unit:
        for row in (0, 5, 30):
            parts = matching.explain(unit, ids[row])
            assert len(parts) == KNOWN
            assert parts[0].person_id == matching.people[found.candidate_rows[row]]
            assert parts[0].score == pytest.approx(found.similarities[row], abs=1e-5)
            assert [part.score for part in parts] == sorted((part.score for part in parts), reverse=True)
        assert matching.explain(unit, UUID(int=1)) == ()


# --- champions


def test_a_rollback_gives_the_earlier_answers_exactly(labelled: Library) -> None:
    first = fit_library_matcher(labelled)
    promote(labelled, 1, actor=ME, force=True, reason="to see", kind="matcher")
    ids, before = ask(labelled, opened(labelled, "champion"))
    with labelled.repository.begin() as unit:  # fewer faces make another matcher
        unit.faces.remove(_faces_of(labelled, PEOPLE - 1)[0])
    gone = set(ids) - set(everybody(labelled).face_ids)
    kept = opened(labelled, "champion")
    ids, before = ask(labelled, kept)
    assert gone
    second = fit_library_matcher(labelled)
    assert second.cohort != first.cohort
    promote(labelled, 2, actor=ME, force=True, reason="to see", kind="matcher")
    assert opened(labelled, "champion").name == "face-matcher/2"
    assert roll_back(labelled, actor=ME, kind="matcher").champion == 1
    again, after = ask(labelled, opened(labelled, "champion"))
    assert again == ids
    assert same(before, after)
    assert roll_back(labelled, actor=ME, kind="matcher").champion is None
    assert open_matcher(labelled) is None
    with pytest.raises(Conflict, match="no champion to roll back: plain cosines are used"):
        roll_back(labelled, actor=ME, kind="matcher")


def test_the_commands_serve_matchers_beside_projections(labelled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEML_HOME", str(labelled.settings.home))
    monkeypatch.setenv("FACEML_MODEL_PACK", CONTRACT.name)
    run = CliRunner()

    def told(*arguments: str) -> str:
        return run.invoke(cli, arguments, catch_exceptions=False).output

    nothing = told("models", "list", "--kind", "matcher")
    assert nothing == "No matcher is registered: plain cosines are used; `faceml faces fit-matcher` fits one\n"
    fitted = told("faces", "fit-matcher")
    assert "Fitted on 60 labelled faces of 12 people" in fitted
    assert "Registered: face-matcher version 1, the challenger" in fitted
    refused = run.invoke(cli, ["models", "promote", "challenger", "--kind", "matcher"])
    assert refused.exit_code == 1
    assert "does not beat what is in use (plain cosines)" in refused.output
    forced = told("models", "promote", "1", "--kind", "matcher", "--force", "--reason", "to see")
    assert "`faceml models rollback --kind matcher` goes back" in forced
    assert "In use: version 1" in told("models", "list", "--kind", "matcher")
    shown = told("models", "show", "champion", "--kind", "matcher")
    assert "face-matcher/1 (champion)" in shown
    assert "Fitted on: 60 faces of 12 people" in shown
    assert "Library: 160 faces" in shown
    assert "plain cosines are used again" in told("models", "rollback", "--kind", "matcher")
    assert "No projection is registered: raw embeddings are used" in told("models", "list")


@pytest.mark.nightly
def test_matchers_travel_in_a_backup(labelled: Library, tmp_path: Path) -> None:
    fit_library_matcher(labelled, measure=unmeasured)
    fit_library_matcher(labelled, measure=unmeasured)
    promote(labelled, 1, actor=ME, force=True, reason="to see", kind="matcher")
    ids, before = ask(labelled, opened(labelled, "champion"))
    report = back_up(labelled, tmp_path / "faces.zip")
    assert (report.models, report.champion, report.left_out) == (2, None, ())
    elsewhere = replace(
        labelled.settings, home=tmp_path / "elsewhere", tracking_uri=f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}"
    )
    assert restore(elsewhere, tmp_path / "faces.zip").models == 2
    back = replace(labelled, **_parts_of(elsewhere))
    again, after = ask(back, opened(back, "champion"))
    assert again == ids
    assert same(before, after)
    now, then = list_models(back, kind="matcher"), list_models(labelled, kind="matcher")
    assert [(m.version, m.aliases, m.card, m.checksum) for m in now.versions] == [
        (m.version, m.aliases, m.card, m.checksum) for m in then.versions
    ]
    assert now.history == then.history


def _parts_of(settings: object) -> dict[str, object]:
    from faceml.wiring import open_library

    opened_ = open_library(settings)  # type: ignore[arg-type]
    return {name: getattr(opened_, name) for name in ("settings", "repository", "index", "registry", "matchers")}


def test_fit_report_is_what_it_says(labelled: Library) -> None:
    report = fit_library_matcher(labelled)
    record = labelled.matchers.load(report.version).artefact
    assert isinstance(report, FitReport)
    assert set(report.thresholds) == {"0.01", "0.001"}
    assert report.thresholds["0.001"] == record.thresholds[1e-3].value >= report.thresholds["0.01"]


# --- the other doors


def test_rest_and_the_job_answer_alike(labelled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEML_HOME", str(labelled.settings.home))
    monkeypatch.setenv("FACEML_MODEL_PACK", CONTRACT.name)
    job = fit_matcher_job()
    assert list(job)[:4] == ["status", "version", "people", "labelled_faces"]
    assert (job["status"], job["version"], job["people"], job["promotes"]) == ("completed", 1, KNOWN, False)
    with client_of(labelled) as client:
        told = client.post(f"{API}/fit-matcher").json()
        assert (told["status"], told["version"], told["labelledFaces"]) == ("completed", 2, KNOWN * LABELS)
        assert "label more" in told["reasons"][0]
        assert set(told["thresholds"]) == {"0.01", "0.001"}
    assert [model.version for model in labelled.matchers.state().versions] == [1, 2]


def test_rest_says_that_nobody_is_labelled(settings: Settings, mlflow_here: Path) -> None:
    library, _ = two_people(settings)
    with client_of(library) as client:
        answer = client.post(f"{API}/fit-matcher")
    assert answer.status_code == 409
    assert "0 people are labelled" in answer.json()["detail"]


# --- reading everybody


def test_everybody_is_read_with_photo_quality_and_label(database_url: str, tmp_path: Path) -> None:
    library = library_with(
        FakePack(), Settings(home=tmp_path / "library", database_url=database_url, model_pack=CONTRACT.name)
    )
    ids = add_faces(library, people_vectors(3, 2))
    assign_faces_to(library, ids[:2], "Ada", actor=ME)
    assign_faces_to(library, ids[2:3], "Grace", actor=ME)
    dismiss_faces(library, ids[4:5], Dismissal.NOT_A_FACE, actor=ME)
    dismiss_faces(library, ids[5:6], Dismissal.STRANGER, actor=ME)
    with library.repository.read() as unit:
        newest = unit.events.newest_id()
        names = {name: id_ for id_, name in unit.people.names().items()}
        photo = unit.faces.photo_of(ids)
    hide_person(library, names["Grace"], actor=ME)
    found = everybody(library)
    kept = sorted(id_ for id_ in ids if id_ != ids[4])
    assert list(found.face_ids) == kept
    assert found.photos.tolist() == [photo[id_] for id_ in kept]
    assert found.labels == tuple(names["Ada"] if id_ in ids[:2] else None for id_ in kept)
    assert set(found.quality) == {0.9}
    with library.repository.read() as unit:
        np.testing.assert_array_equal(found.vectors, unit.vectors.of(kept).vectors)
        assert unit.events.newest_id() == newest + 1
        faces, owners = unit.vectors.labelled_by_a_person(active_only=True)
        assert (set(faces.face_ids), set(owners)) == (set(ids[:2]), {names["Ada"]})
    library.close()
