"""A person who was erased: gone from every file of the library, and not found again on the same photos."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner

from faceml.cli.people import people
from faceml.config import Settings
from faceml.errors import Conflict, NotFound
from faceml.library import Library
from faceml.options import AssignOptions, DetectOptions
from faceml.services.decisions.label import assign_faces_to, label_cluster
from faceml.services.decisions.people import compute_centroids, merge_people, rename_person
from faceml.services.decisions.private import erase_person
from faceml.services.decisions.undo import history, redo, undo
from faceml.services.index.repair import find_orphans, fix_orphans
from faceml.services.photos.detect import backfill_faces, detect_in_assets
from faceml.services.photos.ingest import ingest_folder
from faceml.services.recognise.assign import assign_faces
from faceml.services.recognise.identify import identify_photo
from faceml.services.review.thumbnails import Thumbnails
from faceml.wiring import open_library
from tests.conftest import written
from tests.rest import two_people

ME = "ada"
NAME, FORMER, MERGED = "Zebulon Quux", "Zeb Formerly", "Zachary Elsewhere"


def files_with(library: Library, needle: bytes) -> list[str]:
    home = library.settings.home
    return [str(file.relative_to(home)) for file in home.rglob("*") if file.is_file() and needle in written(file)]


def test_no_file_of_the_library_holds_the_name_or_a_vector_any_more(settings: Settings) -> None:
    library, faces = two_people(settings)
    zeb = label_cluster(library, "clu_0", FORMER, actor=ME).person_id
    rename_person(library, zeb, NAME, actor=ME)
    other = assign_faces_to(library, [faces[4]], MERGED, actor=ME).person_id
    label_cluster(library, "clu_1", "Bea", actor=ME)
    merge_people(library, other, zeb, actor=ME)
    compute_centroids(library)
    with library.repository.read() as unit:
        vectors = unit.vectors.of(faces[:5]).vectors
    needles = [NAME.encode(), FORMER.encode(), MERGED.encode(), NAME.casefold().encode()]
    needles += [np.ascontiguousarray(row, "<f4").tobytes()[:64] for row in vectors]
    assert all(files_with(library, needle) for needle in needles)
    report = erase_person(library, zeb, is_confirmed=True, actor=ME)
    assert (report.people_erased, report.faces_erased, report.prototypes_erased) == (2, 5, 5)
    library.close()
    assert {needle: files for needle in needles if (files := files_with(library, needle))} == {}
    found = find_orphans(open_library(settings), limit=1000)
    assert (found.faces_checked, found.orphans, found.stray_points) == (8, (), 0)


@pytest.fixture
def looked_at(library: Library, photos: Path) -> Library:
    ingest_folder(library.repository, photos)
    backfill_faces(library)
    return library


def test_detection_repair_and_undo_bring_nothing_back(looked_at: Library, photos: Path) -> None:
    library = looked_at
    with library.repository.read() as unit:
        astronaut = next(a.id for a in unit.assets.by_ids(range(1, 9)) if a.path.name == "astronaut.jpg")
        face = unit.faces.in_assets([astronaut])[0].id
    eileen = assign_faces_to(library, [face], "Eileen", actor=ME)
    photo = (photos / "astronaut.jpg").read_bytes()
    assert identify_photo(library, photo).faces[0].best.person_name == "Eileen"  # type: ignore[union-attr]
    with library.repository.read() as unit:
        Thumbnails(library).of([unit.faces.get(face)])
    assert list(library.settings.cache_folder.rglob(f"*{face.hex}*"))
    erase_person(library, eileen.person_id, is_confirmed=True, actor=ME)
    assert not list(library.settings.cache_folder.rglob(f"*{face.hex}*"))
    detect_in_assets(library, [astronaut])
    fix_orphans(library)
    backfill_faces(library, DetectOptions(min_confidence=0.3))
    assign_faces(library, AssignOptions(threshold=0.0))
    for act in (lambda: undo(library, eileen.event_id, actor=ME), lambda: redo(library, eileen.event_id, actor=ME)):
        with pytest.raises(Conflict):
            act()
    with pytest.raises(NotFound):
        undo(library, actor=ME)
    with library.repository.read() as unit:
        assert unit.faces.in_assets([astronaut]) == []
        assert unit.people.names() == {}
    assert identify_photo(library, photo).faces[0].best is None
    lines = [line.text for line in history(library.repository)]
    assert lines == ["erased a person and 1 face, for good", "decided something (assign) about a person who was erased"]


def test_a_face_that_went_to_somebody_else_is_theirs_and_undoing_that_leaves_it_free(settings: Settings) -> None:
    library, faces = two_people(settings)
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    moved = assign_faces_to(library, [faces[0]], "Bea", actor=ME)
    assert erase_person(library, ada, is_confirmed=True, actor=ME).faces_erased == 3
    undo(library, moved.event_id, actor=ME)
    with library.repository.read() as unit:
        assert unit.faces.get(faces[0]).person_id is None
        assert unit.people.names() == {}
    library.close()


def test_the_shell_asks_before_it_erases(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    library, _ = two_people(settings)
    label_cluster(library, "clu_0", "Ada", actor=ME)
    library.close()
    monkeypatch.setenv("FACEML_HOME", str(settings.home))
    with pytest.raises(Conflict, match="--yes"):
        CliRunner().invoke(people, ["erase", "ada"], catch_exceptions=False)
    done = CliRunner().invoke(people, ["erase", "ada", "--yes", "--json"], catch_exceptions=False)
    assert json.loads(done.output)["faces_erased"] == 4


def test_erasing_is_refused_where_it_is_not_meant(settings: Settings) -> None:
    library, _ = two_people(settings)
    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    bea = label_cluster(library, "clu_1", "Bea", actor=ME).person_id
    with pytest.raises(
        Conflict, match="takes 4 faces, 4 vectors, 3 prototypes and the content of 1 decision, for good"
    ):
        erase_person(library, ada, is_confirmed=False, actor=ME)
    merge_people(library, ada, bea, actor=ME)
    with pytest.raises(Conflict, match=f"erase {bea} instead"):
        erase_person(library, ada, is_confirmed=True, actor=ME)
    with pytest.raises(NotFound):
        erase_person(library, UUID(int=1), is_confirmed=True, actor=ME)
    library.close()
