"""A name is tidied once, whatever door it comes through; a table's columns and paths are taken as people write them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from PIL import Image

from faceml.cli.main import cli
from faceml.errors import FileNotReadable, WrongUse
from faceml.library import Library
from faceml.records import BBox
from faceml.services.decisions.label import assign_faces_to, label_cluster
from faceml.services.decisions.people import rename_person
from faceml.services.decisions.private import erase_person
from faceml.services.exchange.import_labels import import_labels, name_clusters
from faceml.services.exchange.import_xmp import import_xmp
from faceml.services.learn.evaluate import evaluate_labels
from faceml.services.photos.ingest import ingest_folder
from faceml.services.review.browse import find
from faceml.storage.hints import people_named
from faceml.storage.sql.asset_rows import LookedAt
from faceml.xmp.areas import Size, area_of
from tests.conftest import found_face, unit_rows
from tests.rest import API, client_of
from tests.unit.xmp.samples import digikam

ME = "ada"
UNSEEN = "\u200b\xad"


@pytest.fixture
def library(two_people: Library) -> Library:
    return two_people


def people(library: Library) -> list[str]:
    with library.repository.read() as unit:
        return unit.people.active_names()


def table(folder: Path, text: str) -> Path:
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return folder / "labels.csv"


def photo_with_a_face(library: Library, file: Path) -> UUID:
    """A photo on the disk, in which a face was found."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (200, 200), "white").save(file)
    ingest_folder(library.repository, file.parent)
    with library.repository.begin() as unit:
        asset_id = unit.assets.at_paths([file])[file].asset_id
        unit.assets.record_detection([LookedAt(asset_id, 200, 200, None)], min_confidence=0.5, min_face_size=20)
        return unit.faces.add([(asset_id, found_face(unit_rows(1, seed=9)[0]))], pack="opencv-zoo")[0]


def test_every_door_takes_ada_for_ada(
    library: Library, faces: list[UUID], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label_cluster(library, "clu_0", "Ada", actor=ME)
    photo = tmp_path / "photos" / "a.jpg"
    photo_with_a_face(library, photo)
    area = area_of(BBox(10, 20, 100, 100), Size(200, 200))
    photo.with_name("a.jpg.xmp").write_bytes(digikam(200, 200, [("\u200eAda\u2003", area)]))
    assert import_xmp(library, photo.parent, actor=ME).faces_labeled == 1
    assign_faces_to(library, [faces[4]], f"{UNSEEN}Ａｄａ", actor=ME)
    table_of_names = table(tmp_path, f"face_id,person\n{faces[5]},Ada\u3164\n{faces[10]},A\ufeffda\n")
    assert import_labels(library, table_of_names, actor=ME).people == 1
    with client_of(library) as client:
        named = client.post(f"{API}/clusters/clu_1/label", json={"name": "\u2066ADA\u2069"})
        assert named.status_code == 200
    monkeypatch.setenv("FACEML_HOME", str(library.settings.home))
    done = CliRunner().invoke(cli, ["people", "assign", "A\u034fda", str(faces[11])])
    assert (done.exit_code, "Ada" in done.output) == (0, True)
    assert people(library) == ["Ada"]
    assert find(library.repository, "ａｄａ\u200b").name == "Ada"
    assert people_named(library.settings.home / "faceml.db", "Ａ\u200b") == ["Ada"]


def test_every_door_refuses_a_name_of_nothing_to_be_seen_and_changes_nothing(
    library: Library, faces: list[UUID], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    for act in (
        lambda: label_cluster(library, "clu_1", UNSEEN, actor=ME),
        lambda: assign_faces_to(library, [faces[4]], UNSEEN, actor=ME),
        lambda: rename_person(library, ada, UNSEEN, actor=ME),
        lambda: import_labels(library, table(tmp_path, f"face_id,person\n{faces[4]},{UNSEEN}\n"), actor=ME),
    ):
        with pytest.raises(WrongUse, match="the name of a person is empty but for what cannot be seen"):
            act()
    with client_of(library) as client:
        refused = client.post(f"{API}/clusters/clu_1/label", json={"name": "\u3164"})
        assert refused.status_code == 422
        assert "cannot be seen (U+3164)" in refused.text
    monkeypatch.setenv("FACEML_HOME", str(library.settings.home))
    done = CliRunner().invoke(cli, ["faces", "label", "clu_1", "\u200b"])
    assert isinstance(done.exception, WrongUse)
    assert people(library) == ["Ada"]


def test_an_old_name_that_is_refused_by_now_stands_in_nobodys_way(library: Library, faces: list[UUID]) -> None:
    hidden = assign_faces_to(library, [faces[4]], "Bea", actor=ME).person_id
    label_cluster(library, "clu_0", "Ada", actor=ME)
    with closing(sqlite3.connect(library.settings.home / "faceml.db")) as sql, sql:  # as an earlier version took it
        sql.execute("UPDATE persons SET name = :name, folded_name = :name WHERE name = 'Bea'", {"name": UNSEEN})
        assert sql.execute("UPDATE label_events SET details = replace(details, 'Bea', '\\u200b')").rowcount == 2
    assert erase_person(library, "Ada", is_confirmed=True, actor=ME).faces_erased == 4
    assert rename_person(library, hidden, "Bea", actor=ME).former_name == UNSEEN


def test_a_table_that_names_a_person_in_two_spellings_names_one(library: Library, tmp_path: Path) -> None:
    rows = "".join(f"/photos/p{row}.jpg,{('Ada', 'A' + UNSEEN + 'da', 'ＡＤＡ')[row % 3]}\n" for row in range(6))
    labels = table(tmp_path, f"path, person_name \n{rows}")
    measured = evaluate_labels(library.repository, labels).people
    assert measured is not None
    assert measured.people == 1
    report = name_clusters(library, labels, actor=ME)
    assert (report.clusters_named, report.people, report.named[0].agreeing) == (1, 1, 4)
    assert people(library) == ["Ada"]


@pytest.mark.parametrize("column", ["person", "person_name"])
def test_both_columns_are_taken_by_both_tables(
    column: str, library: Library, faces: list[UUID], tmp_path: Path
) -> None:
    labels = table(tmp_path, f"path,{column}\n/photos/p0.jpg,Ada\n")
    assert import_labels(library, labels, actor=ME).faces_labeled == 1
    assert evaluate_labels(library.repository, labels).faces_found == 1


def test_a_table_without_either_says_what_it_needs(library: Library, tmp_path: Path) -> None:
    with pytest.raises(FileNotReadable, match=r"has the columns name, path; it needs person_name \(or person\)"):
        import_labels(library, table(tmp_path, "path,name\na.jpg,Ada\n"), actor=ME)


def test_the_line_of_a_name_that_cannot_be_one_is_told(library: Library, tmp_path: Path) -> None:
    labels = table(tmp_path, "path,person\n\n/photos/p0.jpg,Ada\n/photos/p1.jpg,\u200b\n")
    for read in (lambda: import_labels(library, labels, actor=ME), lambda: name_clusters(library, labels, actor=ME)):
        with pytest.raises(FileNotReadable, match=r"labels\.csv, line 4: the name of a person is empty"):
            read()
    assert people(library) == []


@pytest.mark.parametrize("on_disk", ["cafe\u0301/zoe\u0308.jpg", "caf\xe9/zo\xeb.jpg", "caf\xe9/zoe\u0308.jpg"])
def test_a_photo_is_found_by_its_path_however_its_accents_were_written(
    on_disk: str, bare_library: Library, tmp_path: Path
) -> None:
    photo_with_a_face(bare_library, tmp_path / on_disk)
    for number, written in enumerate(("cafe\u0301/zo\xeb.jpg", "caf\xe9/zo\xeb.jpg", "cafe\u0301/zoe\u0308.jpg")):
        labels = table(tmp_path, f"path,person\n{written},Person {number}\n")
        assert import_labels(bare_library, labels, actor=ME).faces_labeled == 1
        below = tmp_path / Path(on_disk).parent
        assert evaluate_labels(bare_library.repository, labels, photos=below).faces_found == 1
    assert people(bare_library) == ["Person 0", "Person 1", "Person 2"]
