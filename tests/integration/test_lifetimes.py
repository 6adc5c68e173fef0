"""Birth and death: who cannot be on a photo is not named there by the machine, through every door."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import update

from faceml.cli.main import cli
from faceml.config import Settings
from faceml.decisions.about_people import Kin
from faceml.errors import Conflict, NameTaken, WrongUse
from faceml.library import Library
from faceml.options import AssignOptions, DualOptions
from faceml.services.cluster.dual import cluster_dual
from faceml.services.decisions.label import assign_faces_to, label_cluster
from faceml.services.decisions.people import merge_people, rename_person
from faceml.services.decisions.private import describe_person, erase_person, relate_people
from faceml.services.decisions.undo import history, redo, undo
from faceml.services.exchange.export import export_faces
from faceml.services.operate.backup import back_up
from faceml.services.operate.restore import restore
from faceml.services.recognise.assign import assign_faces
from faceml.services.recognise.gallery import open_way
from faceml.services.recognise.identify import explain_face
from faceml.services.review.browse import find, show_person
from faceml.services.review.faces import suggest_uncertain
from faceml.services.review.groups import suggest_merges, suggest_names
from faceml.storage.sql.tables import ImageAsset
from tests.conftest import add_faces, people_vectors
from tests.fakes import FakePack, library_with
from tests.rest import API, client_of

ME = "ada"
ALL = AssignOptions(threshold=0.3)


both = pytest.mark.parametrize(
    "library", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
def library(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Library]:
    """Two people of six faces; the first four of each are in clusters, of years 1990 to 1995, the last has no date."""
    url = (
        {}
        if getattr(request, "param", "sqlite") == "sqlite"
        else {"database_url": request.getfixturevalue("postgres_library_url")}
    )
    settings = Settings(home=tmp_path / "library", model_pack="opencv-zoo", tracking_uri=f"sqlite:///{tmp_path}/m.db")
    made = library_with(FakePack(), Settings(**{**_plain(settings), **url}))
    ids = add_faces(made, people_vectors(2, 6, seed=3))
    with made.repository.begin() as unit:
        unit.faces.set_clusters([(id_, f"clu_{row // 6}") for row, id_ in enumerate(ids) if row % 6 < 4])
        photos = unit.faces.photo_of(ids)
        for row, id_ in enumerate(ids):
            taken = datetime(1990 + row % 6, 6, 1, 23, 30, tzinfo=UTC) if row % 6 < 5 else None
            unit.faces._session.execute(
                update(ImageAsset)
                .where(ImageAsset.id == photos[id_])
                .values(taken_at=taken, taken_clock=taken, width=200, height=200)
            )
    yield made
    made.close()


def _plain(settings: Settings) -> dict[str, Any]:
    return {"home": settings.home, "model_pack": settings.model_pack, "tracking_uri": settings.tracking_uri}


@pytest.fixture
def faces(library: Library) -> list[UUID]:
    with library.repository.read() as unit:
        photos = unit.faces.photo_of([face_id for face_id, _, _ in unit.faces.labels()])
    return sorted(photos, key=photos.__getitem__)


def person_of(library: Library, face_id: UUID) -> UUID | None:
    with library.repository.read() as unit:
        return unit.faces.get(face_id).person_id


@both
def test_a_birth_date_removes_and_explains_a_wrong_name_and_undo_brings_it_back(library: Library, faces) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    assign_faces(library, ALL)
    assert (person_of(library, faces[4]), person_of(library, faces[5])) == (ada, ada)
    report = describe_person(library, "Ada", born="1995-3", actor=ME)
    assert (report.born, report.names_taken_back) == ("1995-03", 1)  # of 1994; the last photo has no date
    assert (person_of(library, faces[4]), person_of(library, faces[5])) == (None, ada)
    assert person_of(library, faces[0]) == ada  # whom a person named stays, of whatever year
    assign_faces(library, ALL)
    assert person_of(library, faces[4]) is None
    why = explain_face(library, faces[4])
    assert why.cannot_be == ("Ada (born 1995-03, the photo is of 1994-06-01)",)
    undo(library, actor=ME)
    assert person_of(library, faces[4]) == ada
    redo(library, actor=ME)
    assert person_of(library, faces[4]) is None
    assert any("described Ada: born 1995-03" in line.text for line in history(library.repository))


def test_nobody_is_named_long_after_their_death_but_by_a_person(library: Library, faces) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    describe_person(library, ada, died="1992", actor=ME)
    assign_faces(library, ALL)
    assert (person_of(library, faces[4]), person_of(library, faces[5])) == (None, ada)
    assign_faces_to(library, [faces[4]], "Ada", actor=ME)  # a person knows better
    describe_person(library, ada, died="1991", actor=ME)
    assert person_of(library, faces[4]) == ada
    describe_person(library, ada, died="", actor=ME)
    assert show_person(library.repository, ada).about.died is None


def test_dual_mode_and_suggestions_leave_who_cannot_be_out(library: Library, faces) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    assert [found.person_id for found in suggest_names(library, "clu_1")] == [ada]
    describe_person(library, ada, born="2000", actor=ME)
    assert suggest_names(library, "clu_1") == []
    assert all(found.face_id != faces[4] for found in suggest_uncertain(library, threshold=0.9, min_quality=0.0))
    cluster_dual(library, DualOptions(person_threshold=0.3, unknown_min_cluster_size=2))
    assert (person_of(library, faces[4]), person_of(library, faces[5])) == (None, ada)


def test_a_date_that_is_said_while_recognition_runs_counts(library: Library, faces) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    with library.repository.read() as unit:
        seen = unit.faces.states([faces[4]])
    way = open_way(library)
    describe_person(library, ada, born="2000", actor=ME)
    from faceml.services.recognise.assign import store_matches

    with library.repository.read() as unit:
        known = way.read(unit)  # as if nobody knew the photo's day
        matches = known.match(unit.vectors.of([faces[4]]).vectors, 0.3)
    with library.repository.begin() as unit:
        stored = store_matches(unit, [faces[4]], matches, known.people, seen=seen, model_version="raw", threshold=0.3)
    assert stored.people == {}


@both
def test_merged_people_keep_the_dates_of_who_survives(library: Library, faces) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    bea = label_cluster(library, "clu_1", "Bea", actor=ME).person_id
    assign_faces(library, ALL)
    describe_person(library, bea, born="2000", note="plays chess", aliases=["Bee"], actor=ME)
    assert person_of(library, faces[10]) is None
    merge_people(library, ada, bea, actor=ME)
    assert person_of(library, faces[4]) is None  # Bea, as Ada is called now, was not born
    assert show_person(library.repository, "Ada").about.born == "2000"
    undo(library, actor=ME)
    assert person_of(library, faces[4]) == ada
    assert show_person(library.repository, ada).about.born is None


def test_an_alias_finds_a_person_wherever_a_name_is_typed_and_is_nobody_elses(library: Library, faces) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    describe_person(library, ada, aliases=["Grandma", " GRANDMA ", "Ada"], actor=ME)
    assert show_person(library.repository, "grandma").about.aliases == ("GRANDMA",)
    assert assign_faces_to(library, [faces[4]], "Grandma", actor=ME).person_id == ada
    assert find(library.repository, "gRandma").id == ada
    label_cluster(library, "clu_1", "Bea", actor=ME)
    with pytest.raises(NameTaken, match="already what another person is called"):
        describe_person(library, "Bea", aliases=["Grandma"], actor=ME)
    with pytest.raises(NameTaken, match="tells the two apart"):
        rename_person(library, find(library.repository, "Bea").id, "Grandma", actor=ME)
    event = describe_person(library, ada, aliases=[], actor=ME).event_id
    describe_person(library, "Bea", aliases=["Grandma"], actor=ME)
    with pytest.raises(Conflict, match="another person's by now"):
        undo(library, event, actor=ME)


@both
def test_erasing_forgets_dates_notes_and_aliases_and_a_backup_keeps_them(library: Library, faces, tmp_path) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    describe_person(library, ada, born="1950-05-17", note="a secret", aliases=["Gran"], actor=ME)
    back_up(library, tmp_path / "kept.zip")
    erase_person(library, ada, is_confirmed=True, actor=ME)
    told = " ".join(line.text for line in history(library.repository))
    assert not any(word in told for word in ("1950", "Gran"))
    with library.repository.dump() as dump:
        lines = b"".join(line for shape in dump.shapes for line in dump.lines(shape))
    assert not any(word in lines for word in (b"a secret", b"1950-05-17", b"Gran"))
    elsewhere = Settings(home=tmp_path / "restored", model_pack="opencv-zoo")
    restore(elsewhere, tmp_path / "kept.zip")
    restored = library_with(FakePack(), elsewhere)
    assert show_person(restored.repository, "Gran").about.note == "a secret"
    restored.close()


@both
def test_relatives_are_never_taken_for_one_person_and_are_asked_about_first(library: Library, faces) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    bea = label_cluster(library, "clu_1", "Bea", actor=ME).person_id
    assert len(suggest_merges(library, min_similarity=-1.0)) == 1
    relate_people(library, "Ada", "Bea", Kin.PARENT, actor=ME)
    assert suggest_merges(library, min_similarity=-1.0) == []
    assert [(one.name, one.kin) for one in show_person(library.repository, "Ada").relatives] == [("Bea", Kin.PARENT)]
    assert [(one.name, one.kin) for one in show_person(library.repository, "Bea").relatives] == [("Ada", Kin.CHILD)]
    relate_people(library, "Bea", "Ada", Kin.TWIN, actor=ME)  # said better, from the other side
    assert [one.kin for one in show_person(library.repository, "Ada").relatives] == [Kin.TWIN]
    undo(library, actor=ME)
    assert [one.kin for one in show_person(library.repository, "Ada").relatives] == [Kin.PARENT]
    with client_of(library) as client:
        answer = client.post(f"{API}/persons/{ada}/relate", json={"otherPersonId": str(bea), "kin": "sibling"})
        assert (answer.status_code, answer.json()["kin"]) == (200, "sibling"), answer.text
        assert client.get(f"{API}/persons/{bea}").json()["relatives"][0]["kin"] == "sibling"
        refused = client.post(f"{API}/persons/{ada}/relate", json={"otherPersonId": str(ada), "kin": None})
        assert refused.status_code >= 400
    erase_person(library, bea, is_confirmed=True, actor=ME)
    assert show_person(library.repository, "Ada").relatives == ()


def test_close_calls_between_relatives_come_first(library: Library, faces) -> None:
    vectors, cleo = people_vectors(2, 6, seed=3), people_vectors(3, 6, seed=9)[12:]
    label_cluster(library, "clu_0", "Ada", actor=ME)
    label_cluster(library, "clu_1", "Bea", actor=ME)
    assign_faces_to(library, add_faces(library, cleo[:3], prefix="cleo"), "Cleo", actor=ME)
    add_faces(library, np.stack([vectors[0] + vectors[6], vectors[0] + 0.99 * vectors[7]]), prefix="between")
    add_faces(library, np.stack([cleo[3] + 0.9 * vectors[1]]), prefix="other")
    relate_people(library, "Ada", "Cleo", Kin.TWIN, actor=ME)
    first = suggest_uncertain(library, threshold=0.4, min_quality=0.0)[0]
    assert first.runner_up is not None
    assert {first.nearest.person_name, first.runner_up.person_name} == {"Ada", "Cleo"}


def test_what_cannot_be_is_refused_and_changes_nothing(library: Library, faces) -> None:
    label_cluster(library, "clu_0", "Ada", actor=ME)
    describe_person(library, "Ada", born="1950", actor=ME)
    for said in ({"died": "1949"}, {"born": "soon"}, {"note": "x" * 10_001}, {"aliases": ["\u200b"]}):
        with pytest.raises(WrongUse):
            describe_person(library, "Ada", **said, actor=ME)
    assert describe_person(library, "Ada", born="1950", actor=ME).event_id is None  # nothing new
    assert show_person(library.repository, "Ada").about.born == "1950"


def test_command_rest_and_export_tell_dates_and_ages(library: Library, faces, tmp_path, monkeypatch) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    with client_of(library) as client:
        answer = client.patch(f"{API}/persons/{ada}", json={"born": "1950-06-02", "aliases": ["Gran"]})
        assert (answer.status_code, answer.json()["aliases"]) == (200, ["Gran"]), answer.text
        assert "x-event-id" in answer.headers
        shown = client.get(f"{API}/persons/{ada}").json()
        assert (shown["born"], shown["ages"][str(faces[0])], shown["died"]) == ("1950-06-02", 39, None)
        assert client.patch(f"{API}/persons/{ada}", json={"born": "May"}).status_code in (400, 422)
        assert client.patch(f"{API}/persons/{ada}", json={"born": None}).json()["born"] is None
        assert client.patch(f"{API}/persons/{ada}", json={"born": "1950"}).json()["aliases"] == ["Gran"]
        assert client.get(f"{API}/faces/{faces[0]}/explanation").json()["age"] == 40
        photo = shown["faces"][0]["assetId"]
        assert client.get(f"{API}/assets/{photo}/view").json()["faces"][0]["age"] is not None
    export_faces(library.repository, tmp_path / "faces.csv")
    with (tmp_path / "faces.csv").open(newline="") as file:
        assert [row["age"] for row in islice(csv.DictReader(file), 4)] == ["40", "41", "42", "43"]
    monkeypatch.setenv("FACEML_HOME", str(library.settings.home))
    run = CliRunner().invoke(cli, ["people", "describe", "Gran", "--died", "1991", "--note", "of Leeds", "--json"])
    assert (run.exit_code, json.loads(run.stdout)["note"]) == (0, "of Leeds"), run.output
    told = CliRunner().invoke(cli, ["people", "show", "Ada"]).output
    assert all(line in told for line in ("Born: 1950", "Died: 1991", "Also called: Gran", "Note: of Leeds", "age 40"))
    assert ".jpg" in next(line for line in told.splitlines() if "age 40" in line), "which photo it is on"
    shown = json.loads(CliRunner().invoke(cli, ["people", "show", "Ada", "--json"]).stdout)
    assert (shown["ages"][str(faces[0])], len(shown["files"])) == (40, len(shown["faces"]))
    run = CliRunner().invoke(cli, ["people", "describe", "Ada", "--alias", ""])
    assert "Gran" not in CliRunner().invoke(cli, ["people", "show", "Ada"]).output
    assert run.exit_code == 0
