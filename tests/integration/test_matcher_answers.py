"""What recognition says with a matcher that is champion: better names, in scores that add up, and the way back."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from faceml.cli.identity_reports import explanation
from faceml.cli.main import cli
from faceml.config import Settings
from faceml.decisions.states import FREE
from faceml.errors import WrongUse
from faceml.options import AssignOptions, DualOptions
from faceml.records import AssignedBy, Dismissal
from faceml.services.cluster.dual import cluster_dual
from faceml.services.decisions.label import assign_faces_to, reject_person
from faceml.services.decisions.private import erase_person
from faceml.services.learn.fit_matcher import fit_library_matcher
from faceml.services.learn.promote import promote, roll_back
from faceml.services.recognise.assign import AssignReport, assign_faces
from faceml.services.recognise.gallery import open_way
from faceml.services.recognise.identify import PARTS, PersonScore, explain_face, identify_photo
from tests.conftest import copy_library
from tests.crowds import KNOWN, LABELS, Crowd, crowd, crowd_of
from tests.fakes import CONTRACT, FakePack, LoadedPack, library_with
from tests.heads import CARD, comparison, register, unmeasured, whitening_head
from tests.rest import API, client_of

ME = "ada"
EVERYBODY = 10_000
AUTO = AssignOptions(max_faces=EVERYBODY, threshold="auto")
PLAIN = replace(AUTO, matcher="plain")


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Crowd:
    """40 people known by three faces each, and 40 strangers; some faces and people are near everybody."""
    folder = tmp_path_factory.mktemp("crowd")
    made = crowd(folder / "library")
    made.library.close()
    return made


@pytest.fixture
def people(made_once: Crowd, mlflow_here: Path, tmp_path: Path) -> Iterator[Crowd]:
    """A copy of it."""
    copied = copy_of(made_once, tmp_path / "library")
    yield copied
    copied.library.close()


@pytest.fixture(scope="module")
def crowned_once(made_once: Crowd, empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Crowd:
    """The same with a champion, and MLflow's store beside it."""
    folder = tmp_path_factory.mktemp("crowned")
    (folder / "mlruns").mkdir()
    shutil.copy(empty_mlflow, folder / "mlruns" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        crowned = copy_of(made_once, folder / "library")
        crown(crowned)
    crowned.library.close()
    return crowned


@pytest.fixture
def fitted(crowned_once: Crowd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    """A copy of that."""
    shutil.copytree(crowned_once.library.settings.home.parent / "mlruns", tmp_path / "mlruns")
    monkeypatch.chdir(tmp_path)
    copied = copy_of(crowned_once, tmp_path / "library")
    yield copied
    copied.library.close()


def copy_of(made: Crowd, home: Path) -> Crowd:
    """The same people in a library of its own, with the MLflow store of the working folder."""
    copy_library(made.library.settings.home, home)
    pack = FakePack(contract=made.library.packs.contract())
    return replace(made, library=library_with(pack, Settings(home=home)))


def crown(people: Crowd) -> int:
    version = fit_library_matcher(people.library, measure=unmeasured).version
    promote(people.library, version, actor=ME, force=True, reason="for the test", kind="matcher")
    return version


def assigned(people: Crowd, options: AssignOptions = AUTO) -> AssignReport:
    """What is assigned to faces that are free again."""
    people.set_free()
    return assign_faces(people.library, options)


# --- the same questions, answered better


def test_a_champion_answers_differently_and_better_than_plain_cosines(fitted: Crowd) -> None:
    before = assigned(fitted, PLAIN)
    plain, plainly_wrong = fitted.named(), fitted.wrong()
    after = assigned(fitted)
    assert (before.model_version, after.model_version) == ("raw", "face-matcher/1")
    assert {state.model_version for state in fitted.named().values()} == {"face-matcher/1"}
    assert fitted.named() != plain
    assert fitted.wrong() < 0.8 * plainly_wrong


def test_without_a_champion_everything_is_as_it_was(people: Crowd) -> None:
    usual = assigned(people, AssignOptions(max_faces=EVERYBODY))
    states = people.named()
    fit_library_matcher(people.library, measure=unmeasured)  # a challenger answers nothing
    again = assigned(people, AssignOptions(max_faces=EVERYBODY, matcher="champion"))
    assert replace(again, seconds=0) == replace(usual, seconds=0)
    assert (usual.model_version, usual.threshold, usual.notes) == ("raw", 0.6, ())
    assert people.named() == states
    assigned(people, replace(AssignOptions(max_faces=EVERYBODY), matcher="plain"))
    assert people.named() == states
    assert assigned(people, replace(AUTO, matcher="challenger")).model_version == "face-matcher/1"
    assert assigned(people, replace(AUTO, matcher="1")).model_version == "face-matcher/1"


def test_a_rollback_gives_the_earlier_answers_exactly(fitted: Crowd) -> None:
    assigned(fitted, PLAIN)
    plain = fitted.named()
    assigned(fitted)
    first = fitted.named()
    gone = [fitted.ids[row] for row in np.flatnonzero(fitted.truth >= KNOWN)[:60].tolist() if row % 2]
    fit_on_less(fitted, gone)
    assigned(fitted)
    second = {id_: state for id_, state in fitted.named().items() if state.model_version == "face-matcher/2"}
    assert {id_: state.similarity for id_, state in second.items()} != {
        id_: state.similarity for id_, state in first.items()
    }, "another cohort scores otherwise"
    roll_back(fitted.library, actor=ME, kind="matcher")
    assigned(fitted)
    assert fitted.named() == first
    roll_back(fitted.library, actor=ME, kind="matcher")
    assigned(fitted)
    assert fitted.named() == plain


def fit_on_less(people: Crowd, without: list[UUID]) -> None:
    """A second champion, fitted while some faces are no faces."""
    library = people.library
    with library.repository.begin() as unit:
        unit.faces.set_decided(
            [(id_, replace(FREE, dismissed_as=Dismissal.NOT_A_FACE, assigned_by=AssignedBy.MANUAL)) for id_ in without]
        )
    crown(people)
    with library.repository.begin() as unit:
        unit.faces.set_decided([(id_, FREE) for id_ in without])


def test_an_erased_person_is_proposed_for_nothing_any_more(fitted: Crowd) -> None:
    assigned(fitted)
    erased = max(range(KNOWN), key=lambda number: len(named_as(fitted, fitted.person(number))))
    gone = fitted.person(erased)
    assert named_as(fitted, gone)
    erase_person(fitted.library, gone, is_confirmed=True, actor=ME)
    left = set(fitted.states())
    assert left < set(fitted.ids)
    assign_faces(fitted.library, AUTO)
    with fitted.library.repository.begin() as unit:
        free = [(id_, FREE) for id_, state in unit.faces.states(list(left)).items() if state.assigned_by == "prototype"]
        unit.faces.set_states(free)
    assign_faces(fitted.library, AUTO)
    after = fitted.states().values()
    assert not {state.person_id for state in after} & {gone}
    assert not {state.runner_up_id for state in after} & {gone}
    face = next(iter(fitted.named()))
    assert fitted.name(erased) not in [one.person_name for one in explain_face(fitted.library, face).scores]


def named_as(people: Crowd, person_id: UUID) -> list[UUID]:
    return [id_ for id_, state in people.named().items() if state.person_id == person_id]


def test_who_is_labelled_today_is_recognised_without_fitting_again(fitted: Crowd) -> None:
    newcomers = [number for number in range(KNOWN, 2 * KNOWN) if len(fitted.rows_of(number)) > LABELS]
    for number in newcomers[:8]:
        ids = [fitted.ids[row] for row in fitted.rows_of(number)[:LABELS]]
        assign_faces_to(fitted.library, ids, fitted.name(number), actor=ME)
    assert assigned(fitted).model_version == "face-matcher/1"
    found = [set(named_as(fitted, fitted.person(number))) for number in newcomers[:8]]
    others = [{fitted.ids[row] for row in fitted.rows_of(number)[LABELS:]} for number in newcomers[:8]]
    assert sum(len(given & theirs) for given, theirs in zip(found, others, strict=True)) >= 4


def test_a_person_ruled_out_is_never_proposed(fitted: Crowd) -> None:
    assigned(fitted)
    wrong = {id_: state.person_id for id_, state in fitted.named().items() if state.person_id}
    for id_, person_id in list(wrong.items())[:10]:
        reject_person(fitted.library, [id_], person_id, actor=ME)
    with fitted.library.repository.begin() as unit:
        unit.faces.set_states([(id_, FREE) for id_ in fitted.named()])
        unit.faces.set_decided([(id_, FREE) for id_ in list(wrong)[:10]])
    assign_faces(fitted.library, AUTO)
    states = fitted.states()
    for id_, person_id in list(wrong.items())[:10]:
        assert person_id not in (states[id_].person_id, states[id_].runner_up_id)


# --- once a photo


def test_nobody_is_named_twice_on_a_photo_nor_beside_their_own_label(fitted: Crowd) -> None:
    assigned(fitted, replace(AUTO, threshold=0.3))
    states = fitted.states()
    shown = [
        (photo, states[id_].person_id)
        for id_, photo in zip(fitted.ids, fitted.photos.tolist(), strict=True)
        if states[id_].person_id
    ]
    assert len(shown) == len(set(shown))
    assert len(fitted.named()) > 40


def test_in_dual_mode_a_mirror_goes_to_review(mlflow_here: Path, tmp_path: Path) -> None:
    """Five people; somebody known is on one photo beside their picture in a mirror, and on one beside a label."""
    made = mirrors(tmp_path / "library")
    mirrored, shown = (made.ids[row] for row in (-2, -1))
    crown(made)
    report = cluster_dual(made.library, DualOptions(person_threshold=0.5))
    assert report.model_version == "face-matcher/1"
    states = made.states()
    on_photo = [states[made.ids[row]] for row in np.flatnonzero(made.photos == made.photos[-2])]
    assert [state.person_id is not None for state in on_photo].count(True) == 1
    assert report.in_review == 2
    assert states[shown] == FREE, "its photo shows the person already, by a label"
    assert states[mirrored].person_id is None or on_photo[0].person_id is None
    assert any("scores of face-matcher/1" in note for note in report.notes)
    plain = cluster_dual(made.library, DualOptions(person_threshold=0.5, matcher="plain"))
    assert (plain.in_review, plain.model_version) == (0, "raw"), "it looks at photos only where it is asked to"


def mirrors(home: Path) -> Crowd:
    rng = np.random.default_rng(4)
    truth = np.append(np.repeat(np.arange(12), 5), [0, 0])
    vectors = rng.standard_normal((12, 128))[truth] + 0.4 * rng.standard_normal((len(truth), 128))
    photos = np.arange(len(truth))
    photos[-2] = photos[4]  # the mirror, on the photo of a face of person 0 that nobody labelled
    photos[-1] = photos[0]  # beside a label
    labelled = [row for row in range(60) if row % 5 < LABELS]
    return crowd_of(home, vectors.astype(np.float32), truth, photos, labelled)


# --- what numbers mean


def test_a_number_is_a_cosine_and_its_note_says_what_it_became(fitted: Crowd) -> None:
    report = assigned(fitted, AssignOptions(max_faces=EVERYBODY, threshold=0.6))
    meaning, carried = report.notes
    assert meaning.startswith("numbers are scores of face-matcher/1: a cosine less half of")
    assert carried == f"0.6 in cosines is {report.threshold:.2f} here: as many strangers reach it"
    assert {state.threshold for state in fitted.named().values()} == {report.threshold}
    assert all(state.similarity >= report.threshold for state in fitted.named().values() if state.similarity)
    assert len(assigned(fitted).notes) == 1, "auto is the matcher's own"


def test_a_projection_and_a_matcher_are_not_both_asked_for(fitted: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "matcher='1' has a whitening of its own and compares no vectors of model='2': leave one of them out"
    for options in (AssignOptions, DualOptions):
        with pytest.raises(WrongUse, match=re.escape(line)):
            options(model="2", matcher="1")
        options(model="raw", matcher="1")
        options(model="2", matcher="plain")
    face = fitted.ids[0]
    with pytest.raises(WrongUse, match=re.escape(line)):
        explain_face(fitted.library, face, model=2, matcher=1)
    command = commands(fitted, monkeypatch)
    refused = command("faces", "explain", str(face), "--model", "2", "--matcher", "1")
    assert refused == line


def test_a_matcher_goes_before_a_head_and_who_names_vectors_gets_those(fitted: Crowd) -> None:
    head = register(fitted.library, whitening_head(1), card=CARD, comparison=comparison(0.05))
    promote(fitted.library, head.version, actor=ME, force=True, reason="for the test")
    names = [
        open_way(fitted.library, model, matcher).name
        for model, matcher in (("champion", "champion"), ("champion", "plain"), ("raw", "champion"), (1, "champion"))
    ]
    assert names == ["face-matcher/1", "face-projection/1", "raw", "face-projection/1"]
    assert open_way(fitted.library, "raw", 1).name == "face-matcher/1"
    dual = cluster_dual(fitted.library, DualOptions())
    assert dual.model_version == "face-matcher/1"
    assert dual.notes[-1] == "unknown faces were grouped in face-projection/1"


# --- explaining


def test_the_parts_add_up_as_printed_in_json_and_over_rest(fitted: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    assigned(fitted)
    for face_id in list(fitted.named())[:6]:
        found = explain_face(fitted.library, face_id)
        assert found.compared_in == "face-matcher/1"
        assert not found.nearest
        for one in found.scores:
            assert sum(getattr(one, part) for part in PARTS) == pytest.approx(one.score, abs=1e-6)
        scores = [one.score for one in found.scores]
        assert scores == sorted(scores, reverse=True)
        for line in lines_of_scores(explanation(found)):
            score, *parts = (int(number.replace(".", "").replace("−", "-")) for number in NUMBER.findall(line))
            assert sum(parts) == score, line
    command = commands(fitted, monkeypatch)
    told = json.loads(command("faces", "explain", str(face_id), "--json"))["scores"][0]
    assert sum(told[part] for part in PARTS) == pytest.approx(told["score"], abs=1e-6)
    with client_of(fitted.library) as client:
        answer = client.get(f"{API}/faces/{face_id}/explanation").json()
        assert answer["scores"][0]["personName"] == told["person_name"]
        assert sum(answer["scores"][0][part] for part in PARTS) == pytest.approx(answer["scores"][0]["score"])
        plainly = client.get(f"{API}/faces/{face_id}/explanation?matcher=plain").json()
        assert (plainly["comparedIn"], plainly["scores"]) == ("raw", [])
        assert plainly["nearest"]


NUMBER = re.compile(r"[−+-]?\d+\.\d\d\b")


def lines_of_scores(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if " for half the nearest, " in line]
    assert lines
    return lines


def test_a_face_is_explained_as_it_was_assigned(fitted: Crowd) -> None:
    assigned(fitted, PLAIN)
    plain = next(iter(fitted.named()))
    assert explain_face(fitted.library, plain).compared_in == "raw"
    assert explain_face(fitted.library, plain, matcher="champion").compared_in == "face-matcher/1"
    unnamed = next(id_ for id_, state in fitted.states().items() if state.person_id is None)
    assert explain_face(fitted.library, unnamed).compared_in == "face-matcher/1"
    assigned(fitted)
    face, state = next(iter(fitted.named().items()))
    roll_back(fitted.library, actor=ME, kind="matcher")
    found = explain_face(fitted.library, face)
    assert (found.compared_in, found.similarity) == ("face-matcher/1", state.similarity)
    text = explanation(found)
    assert f"Assigned at score {state.similarity:.3f}, threshold {state.threshold:.3f}, by model face-matcher/1" in text
    gone = replace(state, model_version="face-matcher/7")
    with fitted.library.repository.begin() as unit:
        unit.faces.set_states([(face, gone)])
    assert (
        explain_face(fitted.library, face).note == "face-matcher/7, which assigned this face, is gone; compared in raw"
    )


def test_rounded_parts_still_add_up() -> None:
    rng = np.random.default_rng(0)
    for _ in range(500):
        parts = rng.normal(0, 0.3, 5)
        one = explained(parts).rounded(2)
        assert round(100 * one.score) == sum(round(100 * getattr(one, part)) for part in PARTS)
        assert all(abs(getattr(one, part) - exact) < 0.01 for part, exact in zip(PARTS, parts, strict=True))


def explained(parts: Any) -> PersonScore:
    return PersonScore("Ada", float(sum(parts)), *parts)


# --- a photo that the library does not hold


@dataclass(frozen=True)
class PackThatFinds(FakePack):
    """Finds a face for each of these vectors, side by side, on any photo."""

    vectors: Any = ()

    def detect(self, image: Any, *, min_confidence: float, min_face_size: int, size_px: int | None = None) -> Any:
        from faceml.vision.detection import Detections

        left = 120.0 * np.arange(len(self.vectors))[:, None]
        boxes = np.hstack((left + 10, np.full_like(left, 20), left + 110, np.full_like(left, 120)))
        kps = np.array([[40, 55], [80, 55], [60, 80], [45, 100], [75, 100]]) + np.dstack((left, 0 * left))
        return Detections(boxes.astype(np.float32), np.full(len(left), 0.9, np.float32), kps.astype(np.float32))

    def embed(self, crops: Any) -> Any:
        return np.asarray(self.vectors, np.float32)


def photo_of(people: Crowd, rows: list[int], folder: Path) -> tuple[Any, bytes]:
    """The library with models that find these faces on any photo, and a photo."""
    file = folder / "photo.png"
    Image.fromarray(np.full((140, 120 * len(rows) + 20, 3), 90, np.uint8)).save(file)
    pack = PackThatFinds(vectors=people.vectors[rows])
    return replace(people.library, packs=LoadedPack(pack)), file.read_bytes()


def test_a_photo_from_elsewhere_is_answered_by_the_matcher(fitted: Crowd, tmp_path: Path) -> None:
    assigned(fitted)
    right = [row for row, id_ in enumerate(fitted.ids) if id_ in fitted.named() and fitted.truth[row] < KNOWN]
    row = max(right, key=lambda row: fitted.states()[fitted.ids[row]].similarity or 0)
    library, photo = photo_of(fitted, [row, row], tmp_path)
    found = identify_photo(library, photo, threshold=0.5)
    assert found.model_version == "face-matcher/1"
    assert found.notes[-1].startswith("0.5 in cosines is ")
    one, other = found.faces
    assert one.best is not None
    assert other.best is not None
    assert one.best.person_id == other.best.person_id, "whom both are most like"
    assert [one.is_known, other.is_known].count(True) == 1, "one person is once on a photo"
    plain = identify_photo(library, photo, threshold=0.5, way=open_way(library, matcher="plain"))
    assert plain.model_version == "raw"
    with client_of(library) as client:
        files = {"photo": photo}
        answer = client.post(f"{API}/identify?threshold=0.5", files=files).json()
        assert (answer["modelVersion"], answer["notes"]) == ("face-matcher/1", list(found.notes))
        assert [face["personId"] for face in answer["faces"]].count(None) == 1
        assert answer["faces"][0]["best"]["similarity"] == pytest.approx(one.best.similarity, abs=1e-4)
        plainly = client.post(f"{API}/identify?matcher=plain", files=files).json()
        assert (plainly["modelVersion"], plainly["notes"]) == ("raw", [])
        assert client.post(f"{API}/identify?matcher=best", files=files).status_code == 422
        assert client.post(f"{API}/identify?matcher=9", files=files).status_code == 404
        assert client.get(f"{API}/model").json()["matcher"] == "face-matcher/1"


def commands(people: Crowd, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command line on this library: what it prints, or the line of what it refuses."""
    monkeypatch.setenv("FACEML_HOME", str(people.library.settings.home))
    monkeypatch.setenv("FACEML_MODEL_PACK", CONTRACT.name)

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli, words)
        return str(done.exception) if done.exception else done.output

    return run


def test_evaluation_says_who_would_be_named_now_and_assignment_names_them(
    fitted: Crowd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = tmp_path / "known.csv"
    name_of = dict(zip(fitted.ids, map(fitted.name, fitted.truth.tolist()), strict=True))
    with fitted.library.repository.read() as unit, known.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["path", "person", "x", "y", "w", "h"])
        rows.writerows((row.path, name_of[UUID(row.face_id)], row.x, row.y, row.w, row.h) for row in unit.export_rows())
    run = commands(fitted, monkeypatch)

    def told(*options: str) -> dict[str, Any]:
        return dict(json.loads(run("evaluate", "--labels", str(known), "--json", *options)))

    assigned(fitted, PLAIN)
    before = told()
    by_matcher, plainly = (
        told("--again", "--threshold", "auto"),
        told("--again", "--threshold", "auto", "--matcher=plain"),
    )
    assert before["again"] is None
    assert (by_matcher["again_by"], plainly["again_by"]) == ("face-matcher/1", "raw")
    assert by_matcher["recognition"] == plainly["recognition"] == plainly["again"] == before["recognition"]
    assigned(fitted)
    assert by_matcher["again"] == told()["recognition"] != before["recognition"]
    assert "Named now by face-matcher/1: " in run("evaluate", "--labels", str(known), "--again")
    assert "leave one of them out" in run("evaluate", "--labels", str(known), "--again", "--model=1", "--matcher=1")
