"""Photos whose files go: noticed, told from a disk that is away, in no list, back with the file, or forgotten."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from faceml.config import Settings
from faceml.errors import Conflict, FolderNotFound
from faceml.library import Library
from faceml.options import DetectOptions
from faceml.services.decisions.label import label_cluster
from faceml.services.decisions.people import compute_centroids, merge_people
from faceml.services.decisions.private import erase_person
from faceml.services.decisions.undo import undo
from faceml.services.index.drain import drain_outbox
from faceml.services.index.repair import find_orphans
from faceml.services.operate.backup import back_up
from faceml.services.operate.check_stores import check_photos
from faceml.services.operate.restore import restore
from faceml.services.operate.status import library_snapshot, read_stats
from faceml.services.photos.detect import detect_in_assets, waiting_photos
from faceml.services.photos.ingest import IngestReport, ingest_folder
from faceml.services.photos.missing import forget_missing, list_missing
from faceml.services.recognise.assign import assign_faces
from faceml.services.review.browse import list_clusters, list_people, show_person
from faceml.storage.sql.asset_rows import LookedAt
from tests.conftest import found_face, people_vectors, unit_rows
from tests.fakes import FakePack, library_with
from tests.rest import API, client_of

ADA, BEA = people_vectors(2, 1, seed=3)
NAMES = ("clu_ada", "clu_ada", "clu_bea", "clu_bea")


def draw(path: Path, shade: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (160, 150), (shade, 0, shade)).save(path, quality=90)
    return path


on_both = pytest.mark.parametrize(
    "library", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
def library(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Library]:
    """An empty library, on SQLite where nothing else is said; its faces are made up."""
    if getattr(request, "param", "") == "postgres":
        settings = replace(settings, database_url=request.getfixturevalue("postgres_library_url"))
    opened = library_with(FakePack(), settings)
    yield opened
    opened.close()


@pytest.fixture
def folder(library: Library, tmp_path: Path) -> Path:
    """Four photos: two of Ada in clu_ada (a, b), two of Bea in clu_bea (c, d)."""
    places = {name: draw(tmp_path / "in" / f"{name}.jpg", 20 * row) for row, name in enumerate("abcd", start=1)}
    ingest_folder(library.repository, tmp_path / "in")
    vectors = [*np.repeat([ADA, BEA], 2, axis=0)]
    with library.repository.begin() as unit:
        unit.contract.pin(library.packs.contract())
        known = unit.assets.at_paths(list(places.values()))
        ids = [known[place].asset_id for place in places.values()]
        faces = unit.faces.add([(id_, found_face(v)) for id_, v in zip(ids, vectors, strict=True)], pack="opencv-zoo")
        unit.assets.record_detection(
            [LookedAt(id_, 160, 150, None) for id_ in ids], min_confidence=0.5, min_face_size=20
        )
        unit.faces.set_clusters(
            [*((face, "clu_ada") for face in faces[:2]), *((face, "clu_bea") for face in faces[2:])]
        )
        unit.outbox.push(faces)
    drain_outbox(library)
    return tmp_path / "in"


def take_in(library: Library, folder: Path) -> IngestReport:
    report = ingest_folder(library.repository, folder)
    drain_outbox(library)
    return report


def faces_by_name(library: Library) -> dict[str, UUID]:
    """Every face, of missing photos too, by its photo's name."""
    with library.repository.read() as unit:
        files = [*unit.assets.below(None, missing=False), *unit.assets.below(None, missing=True)]
        in_photo = unit.faces.by_asset([file.asset_id for file in files])
    return {file.path.stem: face.id for file in files for face in in_photo[file.asset_id]}


def exported(library: Library) -> dict[str, str | None]:
    with library.repository.read() as unit:
        return {Path(row.path).name: row.person_name for row in unit.export_rows()}


def found_by_search(library: Library, vector: Any) -> set[UUID]:
    with library.index.open() as index:
        return {hit.id for hit in index.search(vector[None], limit=100)[0]}


# --- one photo over another


@on_both
def test_a_photo_moved_over_another_takes_its_place_and_the_other_comes_back_whole(
    library: Library, folder: Path
) -> None:
    faces = faces_by_name(library)
    shutil.copy2(folder / "a.jpg", folder.parent / "kept.jpg")
    (folder / "c.jpg").rename(folder / "a.jpg")
    report = take_in(library, folder)
    assert (report.moved, report.missing, report.changed) == (1, 1, 0)
    assert sorted(exported(library)) == ["a.jpg", "b.jpg", "d.jpg"], "nobody else claims a.jpg"
    with library.repository.read() as unit:
        on_a = unit.faces.in_assets([unit.assets.at_paths([folder / "a.jpg"])[folder / "a.jpg"].asset_id])
    assert [face.id for face in on_a] == [faces["c"]]
    (folder.parent / "kept.jpg").rename(folder / "again.jpg")
    assert take_in(library, folder).returned == 1
    assert faces_by_name(library)["again"] == faces["a"]


def test_a_copy_over_another_photo_hides_what_was_there(library: Library, folder: Path) -> None:
    shutil.copyfile(folder / "c.jpg", folder / "a.jpg")
    report = take_in(library, folder)
    assert (report.duplicates, report.missing) == (1, 1)
    assert sorted(exported(library)) == ["b.jpg", "c.jpg", "d.jpg"]
    assert take_in(library, folder).missing == 0


def test_two_photos_that_swap_places_lose_nothing(library: Library, folder: Path) -> None:
    faces = faces_by_name(library)
    for old, new in (("a", "x"), ("c", "a"), ("x", "c")):
        (folder / f"{old}.jpg").rename(folder / f"{new}.jpg")
    report = take_in(library, folder)
    assert (report.moved, report.missing, report.returned) == (2, 0, 0)
    assert (faces_by_name(library)["a"], faces_by_name(library)["c"]) == (faces["c"], faces["a"])


def test_a_library_in_which_two_photos_claim_one_file_is_mended(library: Library, folder: Path) -> None:
    with library.repository.begin() as unit:
        files = unit.assets.below(folder, missing=False)
        unit.assets.rewrite([(files[0].asset_id, _as_file(unit, files[0], folder / "d.jpg"))], is_changed=False)
    (folder / "a.jpg").unlink()
    assert take_in(library, folder).missing == 1
    assert sorted(exported(library)) == ["b.jpg", "c.jpg", "d.jpg"]


def _as_file(unit: Any, known: Any, path: Path) -> Any:
    from faceml.storage.sql.asset_rows import PhotoFile

    return PhotoFile(path, known.content_hash, known.size_bytes, known.mtime_ns, None)


# --- gone, or only away


@on_both
def test_a_deleted_photo_is_noticed_once_and_comes_back_with_its_file(library: Library, folder: Path) -> None:
    label_cluster(library, "clu_ada", "Ada", actor="me")
    (folder / "a.jpg").rename(folder.parent / "a.jpg")
    assert take_in(library, folder).missing == 1
    assert take_in(library, folder).missing == 0
    assert [(photo.path, photo.faces) for photo in list_missing(library.repository)] == [(folder / "a.jpg", 1)]
    assert exported(library) == {"b.jpg": "Ada", "c.jpg": None, "d.jpg": None}
    (folder.parent / "a.jpg").rename(folder / "a.jpg")
    report = take_in(library, folder)
    assert (report.returned, report.added, report.unchanged) == (1, 0, 3)
    assert exported(library) == {"a.jpg": "Ada", "b.jpg": "Ada", "c.jpg": None, "d.jpg": None}


def test_a_photo_that_moved_to_a_folder_taken_in_later_comes_back_there(library: Library, folder: Path) -> None:
    other = folder.parent / "other"
    other.mkdir()
    (folder / "a.jpg").rename(other / "a.jpg")
    assert take_in(library, folder).missing == 1
    assert take_in(library, other).returned == 1
    assert sorted(exported(library)) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


@pytest.mark.parametrize("what", ["vanished", "empty", "with what a system leaves", "a note in it"])
def test_a_folder_that_is_away_is_no_deletion(library: Library, folder: Path, what: str) -> None:
    """As when a disk is not mounted."""
    folder.rename(folder.parent / "away")
    if what == "vanished":
        with pytest.raises(FolderNotFound, match="4 photos below it stay"):
            take_in(library, folder)
    else:
        folder.mkdir()
        if what == "with what a system leaves":
            (folder / "lost+found").mkdir()
            (folder / ".DS_Store").touch()
        if what == "a note in it":
            (folder / "THIS DISK IS NOT MOUNTED").touch()
        report = take_in(library, folder)
        assert (report.missing, report.offline) == (0, 4)
    assert len(exported(library)) == 4
    assert read_stats(library).photos_missing == 0


def test_a_disk_below_the_folder_may_be_away_while_the_rest_is_there(library: Library, folder: Path) -> None:
    disk = folder / "disk" / "2024"
    disk.mkdir(parents=True)
    for name in "ab":
        (folder / f"{name}.jpg").rename(disk / f"{name}.jpg")
    take_in(library, folder)
    shutil.move(disk, folder.parent / "away")
    (folder / "c.jpg").unlink()
    report = take_in(library, folder)
    assert (report.missing, report.offline, report.offline_folders) == (1, 2, (str(folder / "disk"),))
    (folder / "disk").rmdir()
    assert take_in(library, folder).missing == 2, "a folder that was deleted is a deletion"


def test_a_folder_that_may_not_be_looked_into_is_no_deletion(library: Library, folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir()
    (folder / "a.jpg").rename(closed / "a.jpg")
    take_in(library, folder)
    closed.chmod(0)
    try:
        if os.access(closed, os.R_OK):
            pytest.skip("root may look into every folder")
        report = take_in(library, folder)
        assert (report.missing, report.offline) == (0, 1)
    finally:
        closed.chmod(0o700)


# --- in no list


@on_both
def test_faces_of_missing_photos_are_in_no_list(library: Library, folder: Path) -> None:
    label_cluster(library, "clu_ada", "Ada", actor="me")
    compute_centroids(library)
    faces = faces_by_name(library)
    for name in "abc":
        (folder / f"{name}.jpg").unlink()
    take_in(library, folder)
    repository = library.repository
    with repository.read() as unit:
        lists: Mapping[str, set[UUID]] = {
            "clustering": set(unit.vectors.unlabelled(min_quality=0, limit=9).face_ids),
            "map": set(unit.vectors.best(limit=9).face_ids),
            "uncertain": set(unit.vectors.undecided(limit=9).face_ids),
            "matcher": set(unit.vectors.everybody().face_ids),
            "labels": set(unit.vectors.labelled_by_a_person()[0].face_ids),
            "people": set(unit.vectors.under_people()[0].face_ids),
            "cluster": {face.id for name in ("clu_ada", "clu_bea") for face in unit.faces.in_cluster(name)},
            "snapshot": {id_ for id_, _, _ in unit.faces.labels()},
            "groups": {
                id_
                for _, group in unit.groups.sampled([key for key, _ in unit.groups.largest()], most=100)
                for id_ in group.face_ids
            },
            "index": set(unit.outbox.point_ids(limit=99)),
        }
        gone = {faces[name] for name in "abc"}
        assert {name: found & gone for name, found in lists.items() if found & gone} == {}
        assert unit.prototypes.all().person_ids == (), "exemplars and centroid rest"
        assert len(unit.faces.quality_scores()) == 1
    assert [(item.cluster_id, item.face_count) for item in list_clusters(repository, include_labeled=True).items] == [
        ("clu_bea", 1)
    ]
    (ada,) = list_people(repository).items
    assert (ada.name, ada.face_count, ada.prototype_count) == ("Ada", 0, 0)
    assert show_person(repository, "Ada").faces == ()
    assert library_snapshot(repository)["photos_missing"] == 3
    assert found_by_search(library, ADA) == {faces["d"]}
    assert find_orphans(library).stray_points == 0
    assert assign_faces(library).status == "no_prototypes"


@on_both
def test_what_a_person_is_recognised_by_comes_back_with_the_photos(library: Library, folder: Path) -> None:
    label_cluster(library, "clu_ada", "Ada", actor="me")
    compute_centroids(library)
    with library.repository.read() as unit:
        before = unit.prototypes.all()
    for name in "ab":
        (folder / f"{name}.jpg").rename(folder.parent / f"{name}.jpg")
    take_in(library, folder)
    compute_centroids(library)
    assert len(found_by_search(library, ADA)) == 2
    for name in "ab":
        (folder.parent / f"{name}.jpg").rename(folder / f"{name}.jpg")
    take_in(library, folder)
    with library.repository.read() as unit:
        after = unit.prototypes.all()
    assert (after.person_ids, after.roles, after.face_ids) == (before.person_ids, before.roles, before.face_ids)
    np.testing.assert_allclose(after.vectors, before.vectors, atol=1e-6)
    assert len(found_by_search(library, ADA)) == 5, "four faces and a centroid"


def test_a_centroid_is_that_of_the_photos_that_are_there(library: Library, folder: Path) -> None:
    with library.repository.begin() as unit:
        other = unit.faces.in_cluster("clu_ada")[0]
        unit.faces.renew([(other.id, found_face(unit_rows(1, seed=9)[0]))], pack="opencv-zoo")
        name = {file.asset_id: file.path for file in unit.assets.below(None, missing=False)}[other.asset_id]
    label_cluster(library, "clu_ada", "Ada", actor="me")
    compute_centroids(library)
    name.unlink()
    take_in(library, folder)
    with library.repository.read() as unit:
        prototypes = unit.prototypes.all()
    assert prototypes.roles == ("centroid", "exemplar")
    np.testing.assert_allclose(prototypes.vectors, np.stack([ADA, ADA]), atol=1e-6)


@on_both
def test_decisions_reach_faces_of_missing_photos(library: Library, folder: Path) -> None:
    """Taken back, merged, erased: whatever happens to a person happens to all of their faces."""
    first = label_cluster(library, "clu_ada", "Ada", actor="me")
    second = label_cluster(library, "clu_bea", "Bea", actor="me")
    (folder / "a.jpg").rename(folder.parent / "a.jpg")
    (folder / "c.jpg").rename(folder.parent / "c.jpg")
    take_in(library, folder)
    merge_people(library, second.person_id, first.person_id, actor="me")
    undo(library, first.event_id, actor="me")
    for name in "ac":
        (folder.parent / f"{name}.jpg").rename(folder / f"{name}.jpg")
    take_in(library, folder)
    assert exported(library) == {"a.jpg": None, "b.jpg": None, "c.jpg": "Ada", "d.jpg": "Ada"}
    (folder / "c.jpg").unlink()
    take_in(library, folder)
    assert erase_person(library, "Ada", is_confirmed=True, actor="me").faces_erased == 2
    assert sorted(faces_by_name(library)) == ["a", "b"]


def test_a_detection_under_way_adds_nothing_to_a_photo_that_went(library: Library, folder: Path) -> None:
    with library.repository.read() as unit:
        asset_id = unit.assets.at_paths([folder / "a.jpg"])[folder / "a.jpg"].asset_id

    def goes() -> None:
        (folder / "a.jpg").unlink()
        take_in(library, folder)

    report = detect_in_assets(library_with(FindsOne(meanwhile=goes), library.settings), [asset_id])
    assert (report.faces_added, report.errors) == (0, 1)
    assert read_stats(library).total_faces == 3
    assert waiting_photos(library.repository, DetectOptions()) == []


@dataclass(frozen=True)
class FindsOne(FakePack):
    """Finds one face, where none was found before; something happens before it is stored."""

    meanwhile: Callable[[], object] = lambda: None

    def detect(self, image: Any, *, min_confidence: float, min_face_size: int, size_px: int | None = None) -> Any:
        from faceml.vision.detection import Detections

        kps = np.array([[[120, 20], [140, 20], [130, 30], [122, 40], [138, 40]]], np.float32)
        return Detections(np.array([[112, 10, 150, 50]], np.float32), np.array([0.9], np.float32), kps)

    def embed(self, crops: Any) -> Any:
        self.meanwhile()
        return unit_rows(len(crops), seed=5)


# --- said, and forgotten


def test_stats_and_doctor_say_what_is_missing(library: Library, folder: Path) -> None:
    (folder / "a.jpg").unlink()
    take_in(library, folder)
    stats = read_stats(library)
    assert (stats.total_photos, stats.photos_missing, stats.faces_missing, stats.total_faces) == (3, 1, 1, 3)
    assert [each.detail for each in check_photos(library)] == [
        "missing: 1, their files are gone (faceml photos missing)"
    ]
    shutil.rmtree(folder)
    assert f"out of reach: 3 ({folder})" in [each.detail for each in check_photos(library)]


@on_both
def test_forgetting_asks_first_and_then_leaves_nothing(library: Library, folder: Path) -> None:
    label_cluster(library, "clu_ada", "Ada", actor="me")
    compute_centroids(library)
    faces = faces_by_name(library)
    for name in "ab":
        (folder / f"{name}.jpg").unlink()
    take_in(library, folder)
    with pytest.raises(Conflict, match="2 missing photos takes 2 faces, 2 of them named"):
        forget_missing(library, is_confirmed=False, actor="me")
    assert read_stats(library).photos_missing == 2
    report = forget_missing(library, is_confirmed=True, actor="me")
    assert (report.photos_forgotten, report.faces_forgotten, report.not_gone_yet) == (2, 2, ())
    stats = read_stats(library)
    assert (stats.photos_missing, stats.faces_missing, stats.total_photos, stats.points) == (0, 0, 2, 2)
    with library.repository.read() as unit:
        assert unit.vectors.of([faces["a"], faces["b"]]).face_ids == ()
        assert unit.prototypes.people_with_centroid() == set()
        assert unit.people.active_names() == ["Ada"], "who was named stays a person"
    forgotten = forget_missing(library, is_confirmed=True, actor="me")
    assert forgotten.photos_forgotten == 0
    with pytest.raises(Conflict, match="for good"):
        undo(library, _newest_event(library), actor="me")


def _newest_event(library: Library) -> int:
    with library.repository.read() as unit:
        return unit.events.newest_id()


def test_forgetting_spares_what_is_back_or_may_only_be_away(library: Library, folder: Path) -> None:
    for name in "ab":
        (folder / f"{name}.jpg").rename(folder.parent / f"{name}.jpg")
    take_in(library, folder)
    (folder.parent / "a.jpg").rename(folder / "a.jpg")
    folder.rename(folder.parent / "away")
    folder.mkdir()
    with pytest.raises(Conflict, match="no missing photo is to be forgotten"):
        forget_missing(library, is_confirmed=False, actor="me")
    assert forget_missing(library, is_confirmed=True, actor="me").photos_offline == 2
    folder.rmdir()
    (folder.parent / "away").rename(folder)
    report = forget_missing(library, is_confirmed=True, actor="me")
    assert (report.photos_forgotten, report.photos_back) == (1, 1)


def test_whoever_names_an_emptied_folder_forgets_what_was_in_it(library: Library, folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    assert take_in(library, folder).offline == 4
    assert forget_missing(library, folder, is_confirmed=True, actor="me").photos_forgotten == 4
    assert read_stats(library).total_photos == 0


def test_the_command_line_tells_and_forgets(library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from faceml.cli.main import cli

    monkeypatch.setenv("FACEML_HOME", str(library.settings.home))
    (folder / "a.jpg").unlink()

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli, words, catch_exceptions=True)
        return done.output + str(done.exception or "")

    assert "Missing: 1" in run("ingest", str(folder))
    assert "Missing photos: 1 with 1 faces" in run("faces", "stats")
    assert "a.jpg" in run("photos", "missing")
    assert "confirm it (--yes)" in run("photos", "forget-missing")
    assert "Photos forgotten: 1" in run("photos", "forget-missing", "--yes")
    assert "No photo is missing" in run("photos", "missing")


def test_a_backup_knows_what_is_missing(library: Library, folder: Path, tmp_path: Path) -> None:
    (folder / "a.jpg").unlink()
    take_in(library, folder)
    back_up(library, tmp_path / "all.zip", check=True)
    settings = replace(library.settings, home=tmp_path / "restored")
    restore(settings, tmp_path / "all.zip")
    again = library_with(FakePack(), settings)
    stats = read_stats(again)
    assert (stats.photos_missing, stats.total_faces, stats.points) == (1, 3, 3)
    draw(folder / "a.jpg", 20)
    assert take_in(again, folder).returned == 1
    assert read_stats(again).points == 4
    again.close()


def test_the_service_tells_and_forgets(library: Library, folder: Path) -> None:
    (folder / "a.jpg").unlink()
    take_in(library, folder)
    with client_of(library) as api:
        (photo,) = api.get(f"{API}/assets/missing").json()["missing"]
        assert (photo["faces"], set(photo)) == (1, {"assetId", "faces", "since"}), "no path leaves the machine"
        assert api.delete(f"{API}/assets/missing").status_code == 409
        assert api.delete(f"{API}/assets/missing?confirm=true").json()["photosForgotten"] == 1
        assert api.get(f"{API}/assets/missing").json() == {"missing": []}
