"""Names travel through XMP sidecars: out of one library, into another, and in from other programs."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image, PngImagePlugin

from faceml.config import Settings
from faceml.decisions.about_faces import Assign
from faceml.errors import FolderNotFound, NotEnoughData
from faceml.library import Library
from faceml.records import BBox, Face
from faceml.services.decisions.label import assign_faces_to, reject_person, unassign_faces
from faceml.services.decisions.people import rename_person
from faceml.services.decisions.undo import undo
from faceml.services.exchange.export import export_xmp
from faceml.services.exchange.import_xmp import import_xmp
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from faceml.xmp.areas import Area, Size, area_of, stored
from faceml.xmp.regions import read_regions
from tests.conftest import copy_library
from tests.fakes import library_with
from tests.unit.xmp.samples import DIGIKAM, digikam
from tests.unit.xmp.test_areas import ORIENTATIONS, save_turned

ACTOR = "tester"
NAMES = ("Ada Lovelace", "Grace Hopper", "Söhne & <Töchter>", "林 徽因", 'O\'Neill "Tip"', "Margaret Hamilton")


@pytest.fixture
def other(library: Library, tmp_path: Path, opencv_zoo: Any) -> Iterator[Library]:
    """A second, empty library."""
    opened = library_with(opencv_zoo, replace(library.settings, home=tmp_path / "other"))
    yield opened
    opened.close()


def detect(library: Library, folder: Path) -> None:
    ingest_folder(library.repository, folder)
    backfill_faces(library)


def faces_on(library: Library, photo: Path) -> list[Face]:
    with library.repository.read() as unit:
        asset = unit.assets.at_paths([photo])[photo]
        return sorted(unit.faces.in_assets([asset.asset_id]), key=lambda face: (face.bbox.x, face.bbox.y))


def named_boxes(library: Library, *, named: bool = True) -> set[tuple[str, BBox, str | None]]:
    with library.repository.read() as unit:
        rows = list(unit.export_rows())
    return {(r.path, BBox(r.x, r.y, r.w, r.h), r.person_name) for r in rows if r.person_name or not named}


def name_everybody(library: Library) -> None:
    with library.repository.read() as unit:
        rows = list(unit.export_rows())
    later = replace(library, index_follower=lambda: None)
    for number, row in enumerate(rows):
        assign_faces_to(later, [UUID(row.face_id)], NAMES[number % len(NAMES)], actor=ACTOR)


@pytest.fixture(scope="module")
def turned_once(photo_folder: Path, tmp_path_factory: pytest.TempPathFactory, opencv_zoo: Any) -> Path:
    """The same scene of six faces, stored in all eight orientations, and a library that has looked at them."""
    folder = tmp_path_factory.mktemp("turned")
    (folder / "photos").mkdir()
    with Image.open(photo_folder / "group.jpg") as group:
        for orientation in ORIENTATIONS:
            save_turned(group, orientation, folder / "photos" / f"group{orientation}.jpg")
    looked = library_with(opencv_zoo, Settings(home=folder / "library", model_pack="opencv-zoo"))
    detect(looked, folder / "photos")
    looked.close()
    return folder


@pytest.fixture
def turned_photos(turned_once: Path, library: Library) -> Iterator[Path]:
    """Their folder; `library` knows their faces."""
    copy_library(turned_once / "library", library.settings.home)
    yield turned_once / "photos"
    for sidecar_file in (turned_once / "photos").glob("*.xmp"):
        sidecar_file.unlink()


def test_every_name_and_box_survives_the_round_trip_in_all_orientations(
    library: Library, other: Library, turned_photos: Path
) -> None:
    name_everybody(library)
    before = {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in turned_photos.glob("*.jpg")}
    exported = export_xmp(library.repository, turned_photos)
    faces = len(named_boxes(library))
    assert faces > 40
    assert (exported.photos, exported.sidecars_written, exported.faces, exported.skipped) == (8, 8, faces, ())
    assert {file.name for file in turned_photos.glob("*.xmp")} == {f"group{o}.jpg.xmp" for o in ORIENTATIONS}
    assert {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in before} == before, "photos are untouched"

    detect(other, turned_photos)
    imported = import_xmp(other, turned_photos, actor=ACTOR)
    assert (imported.names, imported.faces_labeled, imported.without_face) == (faces, faces, 0)
    assert named_boxes(other) == named_boxes(library)

    again = import_xmp(other, turned_photos, actor=ACTOR)
    assert (again.faces_labeled, again.already_labeled, again.people) == (0, faces, 0)
    assert export_xmp(other.repository).disputed == ()
    assert export_xmp(other.repository).sidecars_written == 0, "nothing changed since"


@pytest.mark.parametrize("forgets_orientation", [False, True])
def test_digikams_regions_of_turned_photos_find_their_faces(
    library: Library, turned_photos: Path, forgets_orientation: bool
) -> None:
    """By the standard regions are of the stored photo; one that was drawn on the upright photo is understood, too."""
    for orientation in ORIENTATIONS:
        photo = turned_photos / f"group{orientation}.jpg"
        write_as_digikam(photo, faces_on(library, photo), 1 if forgets_orientation else orientation)
    imported = import_xmp(library, turned_photos, actor=ACTOR)
    assert imported.skipped == ()
    assert imported.faces_labeled == imported.names == 16
    for orientation in ORIENTATIONS:
        first, *_, last = faces_on(library, turned_photos / f"group{orientation}.jpg")
        assert (person_of(library, first), person_of(library, last)) == ("Grace Hopper", "Margaret <Hamilton> & Söhne")


def write_as_digikam(photo: Path, faces: list[Face], orientation: int) -> None:
    """Names for the first and the last face, with boxes half as large again, as people draw them."""
    with Image.open(photo) as image:
        raw = Size(*image.size)
        upright_size = raw.turned(image.getexif()[0x0112])
    named = []
    for face, name in ((faces[0], "Grace Hopper"), (faces[-1], "Margaret <Hamilton> & Söhne")):
        drawn = area_of(face.bbox, upright_size)
        named.append((name, stored(Area(drawn.x, drawn.y, drawn.w * 1.2, drawn.h * 1.25), orientation)))
    sidecar(photo).write_bytes(digikam(int(raw.width), int(raw.height), named))


def person_of(library: Library, face: Face) -> str | None:
    with library.repository.read() as unit:
        current = unit.faces.get(face.id)
        return unit.people.get(current.person_id).name if current.person_id else None


def sidecar(photo: Path) -> Path:
    return photo.with_name(photo.name + ".xmp")


@pytest.fixture
def hopper(photos: Path) -> Path:
    """A folder with one photo of one face."""
    for other in ("astronaut.jpg", "group.jpg", "nobody.png"):
        (photos / other).unlink()
    return photos


@pytest.fixture
def portrait(library: Library, hopper: Path) -> tuple[Path, Face]:
    """A photo with one face, in the library."""
    detect(library, hopper)
    photo = hopper / "hopper.jpg"
    (face,) = faces_on(library, photo)
    return photo, face


def test_what_else_a_sidecar_holds_is_kept(library: Library, portrait: tuple[Path, Face]) -> None:
    photo, face = portrait
    start, end = DIGIKAM.index(b"<MP:RegionInfo"), DIGIKAM.index(b"</rdf:Description>\n </rdf:RDF>")
    theirs = DIGIKAM[:start] + DIGIKAM[end:]
    sidecar(photo).write_bytes(theirs)
    sidecar(photo).chmod(0o640)
    assign_faces_to(library, [face.id], "Grace Hopper", actor=ACTOR)
    assert export_xmp(library.repository).sidecars_written == 1
    ours = sidecar(photo).read_bytes()
    assert ours.startswith(theirs[:start])
    assert ours.endswith(theirs[start:])
    assert [region.name for region in read_regions(ours).regions] == ["Grace Hopper"]
    assert sidecar(photo).stat().st_mode & 0o777 == 0o640
    unassign_faces(library, [face.id], actor=ACTOR)
    assert export_xmp(library.repository).names_removed == 1
    assert b"Grace" not in sidecar(photo).read_bytes().replace(b"People/Grace Hopper", b"")


def test_a_rename_reaches_the_sidecar_but_anothers_name_is_left_and_told(
    library: Library, portrait: tuple[Path, Face]
) -> None:
    photo, face = portrait
    person = assign_faces_to(library, [face.id], "Grace", actor=ACTOR)
    export_xmp(library.repository)
    rename_person(library, person.person_id, "Grace Hopper", actor=ACTOR)
    assert export_xmp(library.repository).sidecars_written == 1
    text = sidecar(photo).read_text()
    assert 'mwg-rs:Name="Grace Hopper"' in text
    theirs = text.replace('mwg-rs:Name="Grace Hopper"', 'mwg-rs:Name="Admiral Hopper"')
    sidecar(photo).write_text(theirs)
    report = export_xmp(library.repository)
    assert report.disputed == (f"{photo}: Grace Hopper, where the sidecar says Admiral Hopper",)
    assert sidecar(photo).read_text() == theirs


def test_recognition_is_no_decision_on_either_side(
    library: Library, other: Library, portrait: tuple[Path, Face], photos: Path
) -> None:
    from faceml.decisions.states import FaceState
    from faceml.records import AssignedBy

    _, face = portrait
    with library.repository.begin() as unit:
        person = unit.people.add("Grace Hopper")
        unit.faces.set_states([(face.id, FaceState(person.id, AssignedBy.PROTOTYPE, None, 0.8))])
    report = export_xmp(library.repository)
    assert (report.sidecars_written, report.recognised_left_out) == (0, 1)
    assert export_xmp(library.repository, recognised=True).sidecars_written == 1
    detect(other, photos)
    imported = import_xmp(other, photos, actor=ACTOR)
    assert (imported.faces_labeled, imported.guesses_skipped) == (0, 1)
    assert named_boxes(other) == set()


def test_a_decision_made_here_is_never_overruled(library: Library, other: Library, photos: Path) -> None:
    detect(library, photos)
    detect(other, photos)
    first, second, third = faces_on(library, photos / "group.jpg")[:3]
    assign_faces_to(library, [first.id, second.id, third.id], "Ada", actor=ACTOR)
    export_xmp(library.repository)
    here, rejected, emptied = faces_on(other, photos / "group.jpg")[:3]
    assign_faces_to(other, [here.id], "Grace", actor=ACTOR)
    assign_faces_to(other, [emptied.id, rejected.id], "Ada", actor=ACTOR)
    reject_person(other, [rejected.id], "Ada", actor=ACTOR)
    unassign_faces(other, [emptied.id], actor=ACTOR)
    imported = import_xmp(other, photos, actor=ACTOR)
    assert imported.faces_labeled == 0
    assert imported.decided_otherwise >= 2
    assert [person_of(other, face) for face in (here, rejected, emptied)] == ["Grace", None, None]


def test_an_import_is_undone_like_any_decision(library: Library, other: Library, photos: Path) -> None:
    detect(library, photos)
    name_everybody(library)
    export_xmp(library.repository)
    detect(other, photos)
    report = import_xmp(other, photos, actor=ACTOR)
    assert report.people == len(NAMES)
    with other.repository.read() as unit:
        events = unit.events.latest(100)
    decisions = [event.decision for event in events]
    assert {decision.imported_from for decision in decisions if isinstance(decision, Assign)} == {"XMP"}
    assert {event.kind for event in events} == {"assign"}
    for event in events:
        undo(other, event.id, actor=ACTOR)
    assert named_boxes(other) == set()


def test_adobes_name_of_a_sidecar_and_xmp_inside_the_photo_are_read(library: Library, hopper: Path) -> None:
    """And where a sidecar and the photo both speak, the sidecar counts."""
    with Image.open(hopper / "hopper.jpg") as image:
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", regions_of_whole_face("Inside").decode())
        image.save(hopper / "inside.png", pnginfo=info)
        image.save(hopper / "both.jpg", xmp=regions_of_whole_face("Inside"), quality=95)
        image.save(hopper / "stem.jpg", quality=90)
        image.save(hopper / "pair.jpg", quality=85)
        image.save(hopper / "pair.png")
    detect(library, hopper)
    for name, face_name in (("both.jpg.xmp", "Beside"), ("stem.xmp", "Stem"), ("pair.xmp", "Whose?")):
        (hopper / name).write_bytes(regions_of_whole_face(face_name))
    import_xmp(library, hopper, actor=ACTOR)
    found = {Path(path).name: name for path, _, name in named_boxes(library)}
    assert found == {"inside.png": "Inside", "both.jpg": "Beside", "stem.jpg": "Stem"}


def regions_of_whole_face(name: str) -> bytes:
    """A region around the face of hopper.jpg, without the size that it applies to."""
    from faceml.xmp.merge import NamedFace, region_changes
    from faceml.xmp.packet import write_regions

    face = NamedFace("x", name, Area(0.49, 0.29, 0.35, 0.3), "manual")
    packet = write_regions(None, region_changes((), [face], known=()), Size(1, 1))
    start, end = packet.index(b"<mwg-rs:AppliedToDimensions"), packet.index(b"<mwg-rs:RegionList")
    return packet[:start] + packet[end:]


def test_a_sidecar_of_another_cut_or_that_is_broken_is_left_and_told(
    library: Library, portrait: tuple[Path, Face], photos: Path
) -> None:
    photo, face = portrait
    assign_faces_to(library, [face.id], "Grace", actor=ACTOR)
    cut = DIGIKAM.replace(b'stDim:w="4000"', b'stDim:w="9000"')
    for theirs, reason in ((cut, "9000×3000"), (b"<x:xmpmeta", "not XML"), (b"<!DOCTYPE a><a/>", "document type")):
        sidecar(photo).write_bytes(theirs)
        (told,) = export_xmp(library.repository).skipped
        assert reason in told
        assert sidecar(photo).read_bytes() == theirs
        (told,) = import_xmp(library, photos, actor=ACTOR).skipped
        assert reason in told


def test_a_sidecar_that_cannot_be_written_is_told(library: Library, portrait: tuple[Path, Face]) -> None:
    photo, face = portrait
    assign_faces_to(library, [face.id], "Grace", actor=ACTOR)
    sidecar(photo).mkdir()
    assert export_xmp(library.repository).skipped == (f"{sidecar(photo)} cannot be written: Is a directory",)


def test_a_photo_that_is_not_there_is_told(library: Library, portrait: tuple[Path, Face]) -> None:
    photo, face = portrait
    assign_faces_to(library, [face.id], "Grace", actor=ACTOR)
    photo.unlink()
    assert export_xmp(library.repository).skipped == (f"{photo}: the photo is not there",)
    assert not sidecar(photo).exists()


def test_a_photo_whose_last_look_failed_is_told_and_the_others_are_written(
    library: Library, portrait: tuple[Path, Face], photos: Path, photo_folder: Path
) -> None:
    photo, _ = portrait
    shutil.copy(photo_folder / "astronaut.jpg", photos)
    detect(library, photos)
    name_everybody(library)
    content = photo.read_bytes()
    photo.write_bytes(content[:200])
    detect(library, photos)
    told = export_xmp(library.repository)
    assert [line.split(":")[0] for line in told.skipped] == [str(photo)]
    assert "`faceml faces backfill` looks again" in told.skipped[0]
    assert told.sidecars_written > 0
    photo.write_bytes(content)
    detect(library, photos)
    assert export_xmp(library.repository).skipped == ()
    assert sidecar(photo).exists()


def test_a_sidecar_that_is_a_link_stays_one(library: Library, portrait: tuple[Path, Face], tmp_path: Path) -> None:
    photo, face = portrait
    assign_faces_to(library, [face.id], "Grace", actor=ACTOR)
    elsewhere = tmp_path / "sidecars" / "hopper.xmp"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(regions_of_whole_face("Grace").replace(b"Grace", b""))
    sidecar(photo).symlink_to(elsewhere)
    assert export_xmp(library.repository).sidecars_written == 1
    assert sidecar(photo).is_symlink()
    assert b"Grace" in elsewhere.read_bytes()


@pytest.mark.parametrize("length", [247, 251])
def test_the_longest_name_of_a_file_has_its_sidecar(library: Library, hopper: Path, length: int) -> None:
    """A name has 255 bytes at most, the sidecar's four included."""
    photo = hopper / ("é" * ((length - 4) // 2) + "x" * ((length - 4) % 2) + ".jpg")
    (hopper / "hopper.jpg").rename(photo)
    detect(library, hopper)
    name_everybody(library)
    assert export_xmp(library.repository).skipped == ()
    assert sidecar(photo).exists()


@pytest.mark.parametrize(
    ("photo", "beside"), [("a.jpg", "A.JPG.XMP"), ("a.JPG", "a.jpg.xmp"), ("a.JPG", "A.xmp"), ("a.jpg", "a.Xmp")]
)
def test_a_sidecar_is_found_in_whatever_case_its_name_is(
    library: Library, hopper: Path, photo: str, beside: str
) -> None:
    (hopper / "hopper.jpg").rename(hopper / photo)
    (hopper / beside).write_bytes(regions_of_whole_face("Grace"))
    detect(library, hopper)
    assert import_xmp(library, hopper, actor=ACTOR).faces_labeled == 1
    export_xmp(library.repository)
    assert [file.name for file in hopper.glob("*.[xX][mM][pP]")] == [beside], "written to, and no other beside it"


def test_two_hopper_that_differ_in_case_keep_their_own_sidecars(library: Library, hopper: Path) -> None:
    (hopper / "hopper.jpg").rename(hopper / "a.jpg")
    with Image.open(hopper / "a.jpg") as image:
        image.save(hopper / "A.JPG", quality=80)
    (hopper / "A.JPG.xmp").write_bytes(regions_of_whole_face("Grace"))
    detect(library, hopper)
    import_xmp(library, hopper, actor=ACTOR)
    assert {Path(path).name: name for path, _, name in named_boxes(library)} == {"A.JPG": "Grace"}


def test_names_beside_a_copy_of_a_photo_are_taken_in(library: Library, portrait: tuple[Path, Face]) -> None:
    photo, _ = portrait
    copies = photo.parent / "copies"
    copies.mkdir()
    copy = copies / "again.jpg"
    copy.write_bytes(photo.read_bytes())
    sidecar(copy).write_bytes(regions_of_whole_face("Grace"))
    assert ingest_folder(library.repository, copies).duplicates == 1
    found = import_xmp(library, copies, actor=ACTOR)
    assert (found.photos, found.photos_not_ingested, found.faces_labeled) == (1, 0, 1)
    assert person_of(library, faces_on(library, photo)[0]) == "Grace"
    assert import_xmp(library, photo.parent, actor=ACTOR).decided_otherwise == 0
    sidecar(photo).write_bytes(regions_of_whole_face("Ada"))
    assert import_xmp(library, photo.parent, actor=ACTOR).decided_otherwise == 1, "a person's word stays"


def test_one_region_out_of_all_bounds_ends_no_import(library: Library, hopper: Path) -> None:
    with Image.open(hopper / "hopper.jpg") as image:
        image.save(hopper / "absurd.jpg", quality=90)
    detect(library, hopper)
    theirs = regions_of_whole_face("Ada")
    start = theirs.index(b'stArea:x="') + len(b'stArea:x="')
    (hopper / "absurd.jpg.xmp").write_bytes(theirs[:start] + b"1e308" + theirs[theirs.index(b'"', start) :])
    (hopper / "hopper.jpg.xmp").write_bytes(regions_of_whole_face("Grace"))
    found = import_xmp(library, hopper, actor=ACTOR)
    assert found.faces_labeled == 1
    assert found.skipped == (f"{hopper / 'absurd.jpg'}: the region of 'Ada' has no area that can be read",)


def test_wrong_folders_are_told(library: Library, photos: Path) -> None:
    with pytest.raises(FolderNotFound):
        export_xmp(library.repository, photos / "nowhere")
    with pytest.raises(FolderNotFound):
        import_xmp(library, photos / "nowhere", actor=ACTOR)
    with pytest.raises(NotEnoughData, match="ingest it first"):
        import_xmp(library, photos, actor=ACTOR)
