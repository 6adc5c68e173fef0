"""What somebody corrects in FiftyOne or Label Studio comes back as their decisions."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest

from faceml.annotation.label_studio import task
from faceml.annotation.marks import Box, Exported, Share
from faceml.config import Settings
from faceml.decisions.states import FaceState
from faceml.errors import Conflict, FileNotReadable, WrongUse
from faceml.library import Library
from faceml.records import AssignedBy
from faceml.services.decisions.label import assign_faces_to, reject_person, unassign_faces
from faceml.services.decisions.undo import undo
from faceml.services.exchange.annotations import (
    export_fiftyone,
    export_label_studio,
    import_fiftyone,
    import_label_studio,
)
from faceml.storage.sql.asset_rows import LookedAt
from tests.conftest import add_faces, add_photo, found_face, people_vectors, unit_rows
from tests.fakes import FakePack, library_with

ME = "tester"


@dataclass(frozen=True)
class Known:
    """Photos p0 to p6 with a face each: 0 and 1 are Ada's by hand, 2 by recognition, the others are nobody's."""

    library: Library
    faces: list[UUID]

    def names(self) -> list[str | None]:
        with self.library.repository.read() as unit:
            faces, names = {face.id: face for face in unit.faces.by_ids(self.faces)}, unit.people.names()
        return [names[person] if (person := faces[id_].person_id) else None for id_ in self.faces]

    def events(self) -> int:
        with self.library.repository.read() as unit:
            return unit.events.newest_id()


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Known]:
    library = library_with(FakePack(), Settings(home=tmp_path / "library", model_pack="opencv-zoo"))
    faces = add_faces(library, people_vectors(1, 7))
    with library.repository.begin() as unit:
        photos = sorted(unit.faces.photo_of(faces).values())
        looked = [LookedAt(id_, 640, 480, None) for id_ in photos]
        unit.assets.record_detection(looked, min_confidence=0.5, min_face_size=20)
    ada = assign_faces_to(library, faces[:2], "Ada", actor=ME).person_id
    with library.repository.begin() as unit:
        unit.faces.set_states([(faces[2], FaceState(ada, AssignedBy.PROTOTYPE, None, similarity=0.7))])
    yield Known(library, faces)
    library.close()


class FiftyOne:
    """A dataset as FiftyOne writes it to disk: with ids of its own, and dates and nothing else in its own words."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "samples.json"
        self.samples = json.loads(self.file.read_text())["samples"]
        for number, sample in enumerate(self.samples):
            sample |= {
                "_id": {"$oid": f"{number:024x}"},
                "_media_type": "image",
                "_rand": 0.5,
                "created_at": {"$date": 1},
            }
            for face in sample["faces"]["detections"]:
                face |= {"_id": {"$oid": f"{number:024x}"}, "attributes": {}}

    def face(self, id_: UUID) -> dict[str, Any]:
        faces = (face for sample in self.samples for face in sample["faces"]["detections"])
        return next(face for face in faces if face["face_id"] == str(id_))

    def write(self) -> Path:
        self.file.write_text(json.dumps({"samples": self.samples}))
        return self.file.parent


@pytest.fixture
def dataset(known: Known, tmp_path: Path) -> FiftyOne:
    export_fiftyone(known.library.repository, tmp_path / "dataset")
    return FiftyOne(tmp_path / "dataset")


def test_three_corrected_faces_come_back_as_three_decisions_that_can_be_taken_back(
    known: Known, dataset: FiftyOne
) -> None:
    before = known.events()
    dataset.face(known.faces[1])["label"] = "Grace"  # by hand she was Ada
    dataset.face(known.faces[2])["label"] = "unknown"  # recognition said Ada
    dataset.face(known.faces[3])["label"] = " Eileen "
    folder = dataset.write()
    report = import_fiftyone(known.library, folder, actor=ME)
    assert (report.faces_named, report.faces_corrected, report.unchanged) == (1, 2, 4)
    assert (report.decisions, report.people, report.skipped) == (3, 2, ())
    assert known.events() == before + 3
    assert known.names() == ["Ada", "Grace", None, "Eileen", None, None, None]

    again = import_fiftyone(known.library, folder, actor=ME)
    assert (again.decisions, again.unchanged) == (0, 7)
    assert known.events() == before + 3
    for _ in range(3):
        undo(known.library, actor=ME)
    assert known.names() == ["Ada", "Ada", "Ada", None, None, None, None]


def test_tags_of_faces_confirm_reject_and_dismiss(known: Known, dataset: FiftyOne) -> None:
    tags = {0: "reject", 2: "Confirm", 3: "not a face", 4: "stranger", 5: "stranger", 6: "blurred"}
    for face, tag in tags.items():
        dataset.face(known.faces[face])["tags"] = [tag]
    report = import_fiftyone(known.library, dataset.write(), actor=ME)
    assert (report.faces_confirmed, report.faces_dismissed, report.faces_corrected) == (1, 3, 1)
    assert (report.decisions, report.unchanged) == (4, 2)
    with known.library.repository.read() as unit:
        states = unit.faces.states(known.faces)
        dismissed = [states[id_].dismissed_as for id_ in known.faces]
        assert states[known.faces[2]].assigned_by is AssignedBy.MANUAL
        assert [id_ for id_, _ in unit.faces.rejections(known.faces)] == [known.faces[0]]
    assert dismissed == [None, None, None, "not_a_face", "stranger", "stranger", None]
    assert import_fiftyone(known.library, dataset.write(), actor=ME).decisions == 0


def test_what_was_decided_here_since_is_not_overruled(known: Known, dataset: FiftyOne) -> None:
    assign_faces_to(known.library, [known.faces[0]], "Bea", actor=ME)  # Ada when it left
    unassign_faces(known.library, [known.faces[2]], actor=ME)
    reject_person(known.library, [known.faces[4]], "Ada", actor=ME)
    for face, label in ((0, "Eve"), (2, "Eve"), (4, "Ada"), (5, "\x00"), (6, "Eve")):
        dataset.face(known.faces[face])["label"] = label
    report = import_fiftyone(known.library, dataset.write(), actor=ME)
    assert (report.faces_named, report.faces_corrected, report.decisions) == (1, 0, 1)
    assert {reason.split(": ", 1)[1] for reason in report.skipped} == {
        f"face {known.faces[0]} was decided about here since (Bea), which stays",
        f"face {known.faces[2]} was decided about here since (unknown), which stays",
        f"somebody said here that face {known.faces[4]} is not Ada, which stays",
        "the name of a person holds control characters: leave them out",
    }
    assert known.names() == ["Bea", "Ada", None, None, None, None, "Eve"]


def test_boxes_drawn_there_name_the_face_at_their_place(known: Known, dataset: FiftyOne) -> None:
    by_photo = {Path(sample["filepath"]).name: sample["faces"]["detections"] for sample in dataset.samples}
    x, y, w, h = by_photo["p3.jpg"][0]["bounding_box"]
    by_photo["p3.jpg"][:] = [{"_cls": "Detection", "label": "Eve", "bounding_box": [x - 0.01, y, w, h]}]
    by_photo["p4.jpg"].append({"_cls": "Detection", "label": "Eve", "bounding_box": [0.8, 0.8, 0.1, 0.1]})
    by_photo["p5.jpg"].append(dict(by_photo["p5.jpg"][0]))
    del by_photo["p2.jpg"][0]["exported_label"]  # as earlier versions wrote it: Ada is what recognition said
    dataset.samples.append({"filepath": "data/elsewhere.jpg", "faces": {"detections": [{**by_photo["p3.jpg"][0]}]}})
    report = import_fiftyone(known.library, dataset.write(), actor=ME)
    assert (report.faces_named, report.boxes) == (1, 10)
    assert sorted(reason.split(": ", 1)[1] for reason in report.skipped) == [
        f"face {known.faces[5]} has a second box there",
        "its photo is not in the library (`faceml ingest` takes it in)",
        "no face was found at the place of 'Eve'",
    ]
    assert known.names()[3] == "Eve"
    with known.library.repository.read() as unit:
        assert unit.faces.get(known.faces[2]).assigned_by is AssignedBy.PROTOTYPE


IN_FIFTYONE = """
import sys
import fiftyone as fo
import fiftyone.core.odm as odm
import json
folder, labels = sys.argv[1], json.loads(sys.argv[2])
samples = [fo.Sample.from_dict(one) for one in json.load(open(folder + "/samples.json"))["samples"]]
for sample in samples:
    for face in sample.faces.detections:
        face.label = labels.pop(face.face_id, face.label)
        if labels.get("tagged") == face.face_id:
            face.tags.append("stranger")
odm.export_collection([one.to_dict(include_private=True) for one in samples], folder + "/samples.json", key="samples")
"""


@pytest.mark.nightly
def test_fiftyones_own_classes_read_the_dataset_and_write_what_is_read_back(known: Known, tmp_path: Path) -> None:
    """Its labels and its writer, in an environment of its own (FACEML_FIFTYONE is its Python), without its database."""
    python = os.environ.get("FACEML_FIFTYONE")
    if python is None:
        pytest.skip("FACEML_FIFTYONE names no Python with fiftyone")
    export_fiftyone(known.library.repository, tmp_path / "dataset")
    labels = {str(known.faces[1]): "Grace", str(known.faces[2]): "unknown", str(known.faces[3]): "Eileen"}
    asked = json.dumps({**labels, "tagged": str(known.faces[4])})
    subprocess.run([python, "-c", IN_FIFTYONE, str(tmp_path / "dataset"), asked], check=True)
    report = import_fiftyone(known.library, tmp_path / "dataset", actor=ME)
    assert (report.faces_named, report.faces_corrected, report.faces_dismissed, report.unchanged) == (1, 2, 1, 3)
    assert (report.decisions, report.skipped) == (4, ())
    assert known.names() == ["Ada", "Grace", None, "Eileen", None, None, None]


class LabelStudio:
    """Tasks as Label Studio exports them, in which somebody submits an annotation that began with our prediction."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tasks = json.loads((folder / "tasks.json").read_text())

    def submit(self, id_: UUID, *labels: str, typed: str = "", **more: Any) -> None:
        one = next(task for task in self.tasks if str(id_) in task["data"]["faces"])
        results = json.loads(json.dumps(one["predictions"][0]["result"]))
        for result in results:
            result["value"]["rectanglelabels"] = list(labels) or result["value"]["rectanglelabels"]
            result["origin"] = "prediction-changed"
        if typed:
            box = {key: results[0]["value"][key] for key in ("x", "y", "width", "height")}
            results.append({"id": str(id_), "type": "textarea", "value": {**box, "text": [typed]}})
        one.setdefault("annotations", []).append({"result": results, "was_cancelled": False, **more})

    def write(self) -> Path:
        file = self.folder / "export.json"
        file.write_text(json.dumps(self.tasks))
        return file


@pytest.fixture
def studio(known: Known, tmp_path: Path) -> LabelStudio:
    report = export_label_studio(known.library.repository, tmp_path / "studio", root=Path("/photos"))
    assert (report.photos, report.faces) == (7, 7)
    return LabelStudio(tmp_path / "studio")


def test_label_studio_gets_boxes_in_percent_of_photos_that_it_can_serve(known: Known, studio: LabelStudio) -> None:
    one = next(task for task in studio.tasks if task["data"]["path"] == "/photos/p2.jpg")
    assert one["data"]["image"] == "/data/local-files/?d=p2.jpg"
    (region,) = one["predictions"][0]["result"]
    assert region["id"] == str(known.faces[2])
    assert region["value"] | {"rotation": 0} == region["value"]
    assert region["value"]["rectanglelabels"] == ["Ada"]
    box = [region["value"][name] for name in ("x", "y", "width", "height")]
    assert box == pytest.approx([100 * 10 / 640, 100 * 20 / 480, 100 * 100 / 640, 100 * 100 / 480])
    root = ElementTree.parse(studio.folder / "interface.xml").getroot()
    labels = [label.attrib["value"] for label in root.iter("Label")]
    assert labels == ["unknown", "stranger", "not_a_face", "Ada"]
    assert {region["from_name"], region["to_name"]} <= {part.attrib.get("name") for part in root}


def test_what_is_submitted_in_label_studio_names_corrects_confirms_and_dismisses(
    known: Known, studio: LabelStudio
) -> None:
    before = known.events()
    studio.submit(known.faces[0])  # Ada by hand, and still
    studio.submit(known.faces[1], "Eve", updated_at="2026-01-02T00:00:00Z")
    studio.submit(known.faces[1], "Bob", updated_at="2026-01-01T00:00:00Z")
    studio.submit(known.faces[2])  # recognised as Ada, and somebody looked
    studio.submit(known.faces[3], "unknown", typed="Zoë <i> O'Hara")
    studio.submit(known.faces[4], "not_a_face")
    studio.submit(known.faces[5], "Bob", was_cancelled=True)
    file = studio.write()
    report = import_label_studio(known.library, file, root=Path("/photos"), actor=ME)
    assert (report.faces_named, report.faces_corrected, report.faces_confirmed) == (1, 1, 1)
    assert (report.faces_dismissed, report.unchanged, report.skipped) == (1, 1, ())
    assert known.names() == ["Ada", "Eve", "Ada", "Zoë <i> O'Hara", None, None, None]
    assert known.events() == before + report.decisions == before + 4
    again = import_label_studio(known.library, file, root=Path("/photos"), actor=ME)
    assert (again.decisions, again.unchanged) == (0, 5)


def test_boxes_of_a_project_that_faceml_did_not_make_name_faces_by_their_place(known: Known, tmp_path: Path) -> None:
    with known.library.repository.begin() as unit:
        photo = add_photo(unit, "trip +1/ü 1.jpg")
        (face,) = unit.faces.add([(photo, found_face(unit_rows(1, seed=9)[0], x=300))], pack="opencv-zoo")
        unit.assets.record_detection([LookedAt(photo, 640, 480, None)], min_confidence=0.5, min_face_size=20)
    box = {"x": 100 * 300 / 640, "y": 100 * 20 / 480, "width": 100 * 100 / 640, "height": 100 * 100 / 480}
    other, turned = {**box, "x": 0.0, "y": 60.0}, {**box, "rotation": 30}
    results = [
        {"id": str(number), "type": "rectanglelabels", "value": {"rotation": 0, **value, "rectanglelabels": ["Eve"]}}
        for number, value in enumerate((box, other, turned))
    ]
    image = "http://localhost:8080/data/local-files/?d=photos/trip%20%2B1/%C3%BC%201.jpg"
    tasks = [{"id": 7, "data": {"image": image}, "annotations": [{"result": results}]}]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    report = import_label_studio(known.library, tmp_path / "export.json", root=Path("/"), actor=ME)
    assert report.faces_named == 1
    assert report.skipped == ("task 7: its box is turned", "task 7: no face was found at the place of 'Eve'")
    with known.library.repository.read() as unit:
        assert unit.faces.get(face).assigned_by is AssignedBy.MANUAL


def test_the_url_of_a_photo_is_read_back_whatever_its_name_is() -> None:
    box = Box("0" * 32, Share(0, 0, 1, 1), Exported("unknown", None), 1.0, 1.0)
    made = task(Path("/photos/a+b & c/ü%20?.jpg"), Path("/photos"), 10, 10, [box])
    assert made["data"]["image"] == "/data/local-files/?d=a%2Bb%20%26%20c/%C3%BC%2520%3F.jpg"


def test_files_that_are_none_of_a_tools_and_photos_elsewhere_are_refused(known: Known, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"does not lie below /elsewhere: give a root that holds all photos \(--root\)"):
        export_label_studio(known.library.repository, tmp_path / "studio", root=Path("/elsewhere"))
    assert list((tmp_path / "studio").iterdir()) == []
    (tmp_path / "samples.json").write_text("[1]")
    with pytest.raises(FileNotReadable, match=r"samples\.json is not a FiftyOneDataset"):
        import_fiftyone(known.library, tmp_path, actor=ME)
    with pytest.raises(FileNotReadable, match=r"samples\.json is not Label Studio's JSON"):
        import_label_studio(known.library, tmp_path / "samples.json", root=Path("/"), actor=ME)
    with pytest.raises(FileNotReadable, match="cannot be read: No such file"):
        import_fiftyone(known.library, tmp_path / "gone", actor=ME)
    with pytest.raises(Conflict, match="not empty"):
        export_label_studio(known.library.repository, tmp_path, root=Path("/"))
