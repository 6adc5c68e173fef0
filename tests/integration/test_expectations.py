"""What a matcher makes of review and calibration: who is probably known, and which strangers would be named."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner

from faceml.cli.main import cli
from faceml.config import Settings
from faceml.errors import ModelUnavailable, NotEnoughData, NotFound, WrongUse
from faceml.identity import strangers
from faceml.identity.calibration import calibrate_scores
from faceml.library import Library
from faceml.once import Latest
from faceml.services.decisions.label import assign_faces_to, reject_person
from faceml.services.decisions.people import compute_centroids
from faceml.services.learn.fit_matcher import fit_library_matcher
from faceml.services.learn.promote import promote
from faceml.services.recognise import gallery
from faceml.services.recognise.calibrate import calibrate_library, threshold_in_use
from faceml.services.recognise.gallery import likely_from, usual_score, usual_threshold
from faceml.services.recognise.matching import open_matcher
from faceml.services.review.faces import suggest_close_calls, suggest_probable, suggest_uncertain
from faceml.services.review.groups import suggest_names
from faceml.services.review.review import Topic, answer, ask
from tests.conftest import add_faces, copy_library, people_vectors
from tests.fakes import CONTRACT, FakePack, library_with
from tests.heads import unmeasured
from tests.rest import API, client_of
from tests.synthetic import synthetic_library

ME = "ada"
PEOPLE, FACES, KNOWN = 32, 8, 24


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """32 people with 8 faces each that vary much; 24 of them are known by 4."""
    home = tmp_path_factory.mktemp("made") / "library"
    library = synthetic_library(home, people=PEOPLE, faces=FACES, known=KNOWN, spread=1.5)
    compute_centroids(library)
    library.close()
    return library.settings


@pytest.fixture
def plain(made_once: Settings, mlflow_here: Path, tmp_path: Path) -> Iterator[Library]:
    copy_library(made_once.home, tmp_path / "library")
    library = library_with(FakePack(), Settings(home=tmp_path / "library", model_pack=CONTRACT.name))
    yield library
    library.close()


def with_matcher(library: Library) -> Library:
    version = fit_library_matcher(library, measure=unmeasured).version
    promote(library, version, actor=ME, force=True, reason="to see", kind="matcher")
    return library


@pytest.fixture(scope="module")
def crowned_once(made_once: Settings, empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with that library, its matcher the champion, and MLflow's store."""
    folder = tmp_path_factory.mktemp("crowned")
    (folder / "mlruns").mkdir()
    shutil.copy(empty_mlflow, folder / "mlruns" / "mlflow.db")
    copy_library(made_once.home, folder / "library")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with_matcher(library_with(FakePack(), Settings(home=folder / "library", model_pack=CONTRACT.name))).close()
    return folder


@pytest.fixture
def library(crowned_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A copy with a champion."""
    copy_library(crowned_once, tmp_path / "crowned")
    monkeypatch.chdir(tmp_path / "crowned")
    opened = library_with(FakePack(), Settings(home=tmp_path / "crowned" / "library", model_pack=CONTRACT.name))
    yield opened
    opened.close()


def truth(library: Library, face_ids: list[UUID]) -> list[str]:
    """The name that each face's person has, or would have."""
    with library.repository.read() as unit:
        states = unit.faces.states(face_ids)
    return [f"Person {(states[face_id].cluster_id or '')[-5:]}" for face_id in face_ids]


# --- who is probably known


def test_without_a_matcher_nobody_is_probably_known(plain: Library) -> None:
    assert suggest_probable(plain) == []
    assert {(face.likelihood, face.expected) for face in suggest_uncertain(plain)} == {(None, None)}
    assert ask(plain, Topic.PROBABLE) == []


class LostRegistry:
    """A registry that never answered."""

    def state(self) -> None:
        raise ModelUnavailable("MLflow is away, and no version was ever fetched")


def test_suggestions_are_plain_where_the_registry_is_away(plain: Library) -> None:
    cut_off: Library = replace(plain, matchers=cast(Any, LostRegistry()))
    assert suggest_uncertain(cut_off) == suggest_uncertain(plain)
    assert suggest_names(cut_off, "clu_00003") == suggest_names(plain, "clu_00003")
    assert likely_from(cut_off) == CONTRACT.match_threshold


def test_suggestions_are_made_by_the_matcher_that_is_asked_for(library: Library) -> None:
    by_cosines = suggest_uncertain(library, matcher="plain")
    assert {(face.likelihood, face.expected) for face in by_cosines} == {(None, None)}
    assert suggest_uncertain(library, matcher="face-matcher/1") == suggest_uncertain(library)
    assert suggest_names(library, "clu_00003", matcher="plain") != suggest_names(library, "clu_00003")
    with pytest.raises(NotFound, match="there is no matcher '7'"):
        suggest_names(library, "clu_00003", matcher=7)
    told = CliRunner().invoke(cli, ["faces", "suggest", "--kind", "uncertain", "--matcher", "plain", "--json"]).output
    assert [found["face_id"] for found in json.loads(told)["uncertain"]] == [str(f.face_id) for f in by_cosines[:10]]
    with client_of(library) as api:
        items = api.get(f"{API}/suggestions?kind=uncertain&matcher=plain").json()["uncertain"]
        assert {item["likelihood"] for item in items} == {None}
        assert api.get(f"{API}/suggestions?kind=uncertain&matcher=best").status_code == 422
        assert api.get(f"{API}/suggestions?kind=uncertain&matcher=7").status_code == 404


def test_faces_left_without_a_name_that_are_probably_known_come_first_person_by_person(library: Library) -> None:
    found = suggest_uncertain(library, limit=1_000)
    probable = [face for face in found if face.expected is not None]
    assert probable == found[: len(probable)] == suggest_probable(library, limit=1_000)
    assert found[len(probable) :] == suggest_close_calls(library, limit=1_000)
    assert suggest_uncertain(library, limit=3) == found[:3]
    people = [face.nearest.person_id for face in probable]
    assert [one for one, other in zip(people, [None, *people], strict=False) if one != other] == list(
        dict.fromkeys(people)
    ), "a person's faces are together"
    by_person = defaultdict(list)
    for face in probable:
        assert not face.is_match
        assert face.likelihood is not None
        assert face.likelihood >= 0.5
        by_person[face.nearest.person_id].append(face)
    rights = []
    for faces in by_person.values():
        chances = [face.likelihood or 0.0 for face in faces]
        assert chances == sorted(chances, reverse=True)
        assert {(face.expected.faces, round(face.expected.right, 9)) for face in faces if face.expected} == {
            (len(faces), round(sum(chances), 9))
        }
        rights.append(sum(chances))
    assert rights == sorted(rights, reverse=True)
    with library.repository.read() as unit:
        decided = set(unit.vectors.labelled_by_a_person()[0].face_ids)
    assert not decided & {face.face_id for face in found}


def test_as_many_are_right_as_were_expected(library: Library) -> None:
    """Of made-up people whose truth is known; of real ones see benchmarks/expectations.py."""
    probable = suggest_probable(library, limit=1_000)
    names = truth(library, [face.face_id for face in probable])
    right = sum(face.nearest.person_name == name for face, name in zip(probable, names, strict=True))
    expected = sum(face.likelihood or 0.0 for face in probable)
    assert len(probable) >= KNOWN / 2
    assert right == pytest.approx(expected, abs=3 * np.sqrt(len(probable) / 4))


def test_an_answer_counts_at_once_and_no_is_remembered(library: Library) -> None:
    first, second = suggest_probable(library, limit=2)
    assign_faces_to(library, [first.face_id], first.nearest.person_name, actor=ME)
    reject_person(library, [second.face_id], second.nearest.person_name, actor=ME)
    left = {face.face_id: face.nearest.person_id for face in suggest_uncertain(library, limit=1_000)}
    assert first.face_id not in left
    assert left.get(second.face_id) != second.nearest.person_id


def test_a_number_is_a_cosine_here_too(library: Library) -> None:
    matching = open_matcher(library)
    assert matching is not None
    found = suggest_uncertain(library, threshold=0.5, limit=1)
    assert found[0].threshold == matching.threshold(0.5).value
    assert suggest_uncertain(library, limit=1)[0].threshold == usual_score(library, matching) == likely_from(library)
    assert suggest_uncertain(library, min_quality=1.0) == []


def test_review_asks_about_them_first(library: Library) -> None:
    assert next(iter(Topic)) is Topic.PROBABLE
    probable = suggest_probable(library)
    questions = ask(library, Topic.PROBABLE)
    assert [item.one.face_ids for item in questions] == [(face.face_id,) for face in probable]
    face, question = probable[0], questions[0]
    assert face.expected is not None
    assert question.text == f"Is this {face.nearest.person_name}?"
    assert question.evidence == (
        f"{face.likelihood:.0%} likely; {face.expected.faces} faces without a name look like "
        f"{face.nearest.person_name}, about {face.expected.right:.0f} are"
    )
    close = {item.one.face_ids for item in ask(library, Topic.CLOSE_CALLS, limit=100)}
    assert not close & {item.one.face_ids for item in questions}
    answer(library, question, is_yes=True, actor=ME)
    left = ask(library, Topic.PROBABLE, limit=100)
    assert left
    assert question.key not in {item.key for item in left}


def test_the_command_line_and_rest_tell_the_expected_number(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEML_HOME", str(library.settings.home))
    monkeypatch.setenv("FACEML_MODEL_PACK", CONTRACT.name)
    face = suggest_probable(library)[0]
    assert face.expected is not None
    name, count, right = face.nearest.person_name, face.expected.faces, face.expected.right
    told = CliRunner().invoke(cli, ["faces", "suggest", "--kind", "uncertain"], catch_exceptions=False).output
    lines = told.splitlines()
    assert lines[1] == f"  probably {name}: {count} faces without a name, about {right:.0f} of them theirs"
    assert lines[2].startswith(f"  1. {face.face_id}: {name}")
    assert lines[2].endswith(f"unknown; {face.likelihood:.0%} likely)")
    assert sum(line.startswith(f"  probably {name}") for line in lines) == 1
    as_json = CliRunner().invoke(cli, ["faces", "suggest", "--kind", "uncertain", "--json"], catch_exceptions=False)
    first = json.loads(as_json.output)["uncertain"][0]
    assert (first["likelihood"], first["expected"]) == (face.likelihood, {"faces": count, "right": right})
    with client_of(library) as api:
        item = api.get(f"{API}/suggestions?kind=uncertain").json()["uncertain"][0]
    assert (item["faceId"], item["likelihood"]) == (str(face.face_id), pytest.approx(face.likelihood))
    assert item["expected"] == {"faceCount": count, "right": pytest.approx(right)}


# --- names of a cluster


def test_a_cluster_resembles_people_by_the_mean_score_of_its_faces(library: Library) -> None:
    matching = open_matcher(library)
    assert matching is not None
    with library.repository.read() as unit:
        names, faces = unit.people.names(), unit.groups.of("clu_00003")
    scores = matching.matcher.scores(faces.vectors, matching.groups(faces.face_ids)).total.mean(axis=0)
    found = suggest_names(library, "clu_00003", limit=KNOWN)
    assert found[0].person_name == "Person 00003"
    assert [names[matching.people[row]] for row in np.argsort(-scores)] == [item.person_name for item in found]
    assert [item.similarity for item in found] == pytest.approx(sorted(scores, reverse=True), abs=1e-6)


# --- calibration


def test_a_matcher_is_calibrated_by_its_scores(library: Library) -> None:
    report = calibrate_library(library)
    matching = open_matcher(library)
    assert matching is not None
    assert (report.model_version, report.threshold) == ("face-matcher/1", matching.threshold("auto").value)
    assert report.note == f"a score, not a cosine: {matching.threshold(0.6).note}"
    assert report.strangers is not None
    assert report.strangers.people_with_relatives > 0
    assert calibrate_library(library, matcher="plain").model_version == "raw"
    assert calibrate_library(library, model="raw").model_version == "raw"
    assert calibrate_library(library, model="raw", matcher=1).model_version == "face-matcher/1"
    assert calibrate_library(library, fmr=0.02).threshold < report.threshold
    with pytest.raises(WrongUse, match="leave one of them out"):
        calibrate_library(library, model=1, matcher=1)


class Counted(Latest[Any]):
    """What is kept, and how often it was made."""

    made = 0

    def of(self, key: Any, make: Callable[[], Any], **kept: Any) -> Any:
        def counted() -> Any:
            self.made += 1
            return make()

        return super().of(key, counted, **kept)


def test_a_threshold_is_read_off_once_a_state_of_the_labels(plain: Library) -> None:
    kept = Counted()
    library = replace(plain, thresholds=kept, index_follower=lambda: None)
    first = suggest_uncertain(library)[0]
    assert suggest_uncertain(library)[0] == first
    assert calibrate_library(library).threshold == usual_threshold(library) == first.threshold
    assert threshold_in_use(library).value == first.threshold
    assert kept.made == 1
    assert calibrate_library(library, fmr=0.02).threshold < first.threshold
    assert kept.made == 2
    assign_faces_to(library, [first.face_id], "Somebody new", actor=ME)
    assert calibrate_library(library).calibration.faces == calibrate_library(plain).calibration.faces
    suggest_uncertain(library)
    assert kept.made == 3


def test_suggestions_keep_the_threshold_of_very_many_labels_until_a_hundredth_changed(
    plain: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked_anew() -> tuple[float, int]:
        """As by another process: the threshold, and how often it was read off."""
        counted = Counted()
        return usual_threshold(replace(plain, thresholds=counted, index_follower=lambda: None)), counted.made

    first, made = asked_anew()
    assert (asked_anew(), made) == ((first, 1), 1), "few labels: read off each time"
    monkeypatch.setattr(gallery, "FEWEST_PROBES", 60)
    monkeypatch.setattr(gallery, "MAY_CHANGE", 0.05)  # 4 of 96 labels, and each new one counts twice
    assert asked_anew() == (first, 1)
    assert asked_anew() == (first, 0)
    with plain.repository.begin() as unit:
        unit.faces.set_clusters([(id_, "clu_new") for id_ in unit.vectors.undecided(limit=50).face_ids])
    assert asked_anew() == (first, 0), "a clustering labels nobody"
    some = [face.face_id for face in suggest_uncertain(plain)]
    assign_faces_to(plain, some[:2], "Somebody new", actor=ME)
    assert asked_anew() == (first, 0)
    assert calibrate_library(plain).threshold != first, "who asks for it gets that of now"
    assign_faces_to(plain, some[2:3], "Somebody new", actor=ME)
    (later, made), again = asked_anew(), asked_anew()
    assert (later != first, made, again) == (True, 1, (later, 0))
    (file,) = (plain.settings.cache_folder / "thresholds").iterdir()
    for content in ("", "[1]", '["raw ", "2020-01-01", 96, "2020-01-01", 0.5]', '["raw ", "x", 96, "y", 0.5]', "\xff"):
        file.write_text(content)
        assert asked_anew() == (later, 1), content


def test_what_labelled_faces_score_with_a_matcher_is_kept_with_it(library: Library) -> None:
    matching = open_matcher(library)
    assert matching is not None
    assert matching.strangers() is matching.strangers(0.01)
    report = calibrate_library(library)
    assert report.calibration == calibrate_scores(matching.matcher.as_strangers(), matching.matcher.person_rows)


def test_suggestions_keep_what_very_many_labelled_faces_score_with_a_matcher(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Counted()
    library = replace(library, strangers=kept, index_follower=lambda: None)

    def asked_after_a_label() -> int:
        before, probable = kept.made, suggest_uncertain(library, limit=2)[0]
        assign_faces_to(library, [probable.face_id], probable.nearest.person_id, actor=ME)
        suggest_uncertain(library)
        return kept.made - before

    suggest_uncertain(library)
    assert asked_after_a_label() == 1, "few labels: asked anew each time"
    monkeypatch.setattr(gallery, "FEWEST_PROBES", 60)
    monkeypatch.setattr(gallery, "MAY_CHANGE", 0.05)  # two of 97 labels, as above
    assert [asked_after_a_label() for _ in range(4)] == [0, 0, 1, 0]
    matching = open_matcher(library)
    assert matching is not None
    assert matching.strangers().probes.size == len(matching.labelled), "who calibrates gets those of now"


@pytest.mark.parametrize("matcher", ["plain", "champion"])
def test_a_report_says_that_a_sample_was_asked_about(
    matcher: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEML_HOME", str(library.settings.home))
    monkeypatch.setenv("FACEML_MODEL_PACK", CONTRACT.name)
    command = ["faces", "calibrate", "--fmr", "0.02", "--matcher", matcher]
    told = CliRunner().invoke(cli, command, catch_exceptions=False).output
    assert f"From {4 * KNOWN} labelled faces of {KNOWN} people\n" in told
    monkeypatch.setattr(strangers, "FEWEST_PROBES", 60)
    monkeypatch.setattr(strangers, "SHOWN", 1)
    told = CliRunner().invoke(cli, command, catch_exceptions=False).output
    assert f"From {4 * KNOWN} labelled faces of {KNOWN} people, a sample: 60 of the faces\n" in told


def test_it_says_when_the_labels_have_moved_on(library: Library) -> None:
    ids = add_faces(library, people_vectors(10, 4, seed=9, spread=0.8), prefix="new")
    later = replace(library, index_follower=lambda: None)
    for number in range(20):  # ten pairs of twins
        assign_faces_to(later, ids[2 * number : 2 * number + 2], f"Newcomer {number}", actor=ME)
    report = calibrate_library(library)
    assert report.threshold != pytest.approx(report.calibration.threshold, abs=0.005)
    assert report.note is not None
    assert f"now it would be {report.calibration.threshold:.3f}: `faceml faces fit-matcher`" in report.note


def test_one_label_a_person_is_enough_for_a_matcher_and_the_refusal_says_so(mlflow_here: Path, tmp_path: Path) -> None:
    library = synthetic_library(tmp_path / "library", people=64, faces=3, known=60, spread=0.8)
    with pytest.raises(NotEnoughData, match=r"0 people with two or more.*fit a matcher, which needs no second face"):
        calibrate_library(library)
    report = calibrate_library(with_matcher(library))
    assert (report.model_version, report.calibration.faces) == ("face-matcher/1", 60)
    assert report.calibration.own_matches.high == 1.0
    library.close()


def test_too_few_labels_for_a_matcher_too_are_refused_without_naming_one(mlflow_here: Path, tmp_path: Path) -> None:
    library = synthetic_library(tmp_path / "library", people=6, faces=4, known=5)
    with pytest.raises(NotEnoughData) as refused:
        calibrate_library(library)
    assert "matcher" not in str(refused.value)
    library.close()


def test_the_report_tells_strangers_apart_and_what_helps(plain: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEML_HOME", str(plain.settings.home))
    monkeypatch.setenv("FACEML_MODEL_PACK", CONTRACT.name)
    twins = people_vectors(1, 5, seed=7)
    for name, rows in (("One twin", twins[:3]), ("The other", twins[3:])):
        assign_faces_to(plain, add_faces(plain, rows, prefix=name), name, actor=ME)
    report = calibrate_library(plain, fmr=0.02)
    assert report.strangers is not None
    assert report.strangers.relatives is not None
    assert report.strangers.relatives.value > 0.02 > report.strangers.unrelated.value
    assert report.advice is not None
    told = CliRunner().invoke(cli, ["faces", "calibrate", "--fmr", "0.02"], catch_exceptions=False).output
    for words in (
        "  unrelated to anybody known: ",
        f"  relatives, or as alike: {report.strangers.relatives.value:.2%} (",
        "of 26 people have somebody on their photos or as alike",
        "  What helps: label more of each person; ",
        "(`faceml faces fit-matcher`); and look at what was recognised, under *Review*",
    ):
        assert words in told
    as_json = CliRunner().invoke(cli, ["faces", "calibrate", "--fmr", "0.02", "--json"], catch_exceptions=False).output
    assert json.loads(as_json)["strangers"]["relatives"]["value"] == report.strangers.relatives.value
