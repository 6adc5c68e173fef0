"""Bodies to the letter of the specification, and its curl commands against a real server."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from faceml.config import Settings
from faceml.library import Library
from faceml.records import BBox
from faceml.services.decisions.label import label_cluster
from faceml.services.photos.ingest import ingest_folder
from serving.schemas import clusters, faces, persons, runs
from tests.conftest import found_face, people_vectors
from tests.contract.spec_examples import differences, kept, read_specification
from tests.fakes import library_with
from tests.rest import Served, environment_of, served

BODIES = kept()["bodies"]
QUESTIONS = [name for name in BODIES if name.endswith("Request")]
ANSWERS = [name for name in BODIES if name.endswith("Response")]
JOB = {"status": "queued", "jobId": "uuid"}


def model(name: str) -> Any:
    return next(getattr(module, name) for module in (clusters, faces, persons, runs) if hasattr(module, name))


def test_what_the_tests_keep_is_what_the_specification_says(shared: Path) -> None:
    assert kept() == read_specification((shared / "spec" / "face-pipeline.md").read_text())


@pytest.mark.parametrize("name", QUESTIONS)
def test_documented_requests_are_understood_and_their_values_are_the_defaults(name: str) -> None:
    documented = BODIES[name]
    if name == "MergePersonsRequest":
        documented = {"intoPersonId": "3f1f6a52-5f0e-4f6e-8a53-9d0f4a1c2b37"}
    question = model(name).model_validate(documented)
    if name not in ("MergePersonsRequest", "LabelClusterRequest"):
        assert question == model(name)()


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_have_the_documented_names_in_the_documented_order(name: str) -> None:
    schema = model(name).model_json_schema(mode="serialization")
    assert list(schema["properties"]) == list(BODIES[name])
    assert set(schema["required"]) == set(BODIES[name])


def test_a_difference_is_seen() -> None:
    documented = {"items": [{"id": "uuid", "n": 1, "x": 0.5}], "total": 3}
    assert differences(documented, {"items": [{"id": "a", "n": 2, "x": 1}], "total": 0}) == []
    for wrong in (
        {"items": [{"id": "a", "n": 2.5, "x": 1}], "total": 0},
        {"items": [{"id": "a", "n": 2}], "total": 0},
        {"items": [{"id": "a", "n": 2, "x": 1, "more": 1}], "total": 0},
        {"items": [], "total": 0},
        {"items": [{"id": "a", "n": 2, "x": 1}], "total": "0"},
    ):
        assert differences(documented, wrong) != []


# --- the curl commands


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, photo_folder: Path, opencv_zoo: Any) -> Iterator[dict[str, Any]]:
    """A small library in which everything exists that the commands name, and a server on it."""
    folder = tmp_path_factory.mktemp("curl")
    settings = Settings(home=folder / "library", model_pack="opencv-zoo", tracking_uri=f"sqlite:///{folder / 'm.db'}")
    library = library_with(opencv_zoo, settings)
    ingest_folder(library.repository, photo_folder)
    people = fill(library)
    library.close()
    environment = dict(environment_of(settings))
    with served(folder, **environment) as server:
        yield {"server": server, **people}


def fill(library: Library) -> dict[str, str]:
    """Ada and Bea to merge, twice; a cluster of two people, clu_abc123; unknown_cluster_5; and photo 123."""
    sizes = {"first": 4, "second": 4, "clu_abc123": 12, "unknown_cluster_5": 4, "third": 4, "fourth": 4}
    vectors = iter(people_vectors(12, 6, seed=8))
    with closing(sqlite3.connect(library.settings.home / "faceml.db")) as database, database:
        database.execute("UPDATE image_assets SET id = 123 WHERE path LIKE '%group.jpg'")
    with library.repository.begin() as unit:
        unit.contract.pin(library.packs.contract())
        placed: list[tuple[Any, str]] = []
        for row, (name, size) in enumerate(sizes.items()):
            found = [
                (123, found_face(next(vectors), x=5000 + 200 * (20 * row + i), quality=0.5 + i / 50))
                for i in range(size)
            ]
            placed += [(id_, name) for id_ in unit.faces.add(found, pack=library.packs.contract().name)]
        unit.faces.set_clusters(placed)
        unit.outbox.push([id_ for id_, _ in placed])
    names = {"first": "source-uuid", "second": "target-uuid", "third": "duplicate-uuid", "fourth": "canonical-uuid"}
    return {
        slot: str(label_cluster(library, name, slot.title(), actor="test").person_id) for name, slot in names.items()
    }


def documented_answer(command: str) -> Any:
    """The body that the specification shows for the path of a command."""
    if '"queue": true' in command:
        return JOB
    table = {
        r"/clusters(\?|\")": "ClusterListResponse",
        r"/clusters\?": "ClusterListResponse",
        r"/clusters/\w+\"": "ClusterDetailResponse",
        r"/label": "LabelClusterResponse",
        r"/split": "SplitClusterResponse",
        r"/persons\?": "PersonListResponse",
        r"/merge": "MergePersonsResponse",
        r"/detect/": "DetectFacesResponse",
        r"/cluster\"": "ClusteringResultResponse",
        r"/assets/": "FaceInstanceListResponse",
    }
    return BODIES[next(name for pattern, name in table.items() if re.search(pattern, command))]


def test_every_curl_command_of_the_specification_gets_the_documented_answer(shown: dict[str, Any]) -> None:
    server: Served = shown["server"]
    for command in kept()["commands"]:
        filled = command.replace("http://localhost:8000", server.url)
        for slot in ("source-uuid", "target-uuid", "duplicate-uuid", "canonical-uuid"):
            filled = filled.replace("{" + slot + "}", shown[slot]).replace(slot, shown[slot])
        done = subprocess.run(["bash", "-c", f"{filled} -sS"], capture_output=True, text=True, check=True, timeout=99)
        answer = json.loads(done.stdout)
        assert differences(documented_answer(command), answer) == [], command


def test_the_server_logs_paths_as_templates_and_no_names(shown: dict[str, Any]) -> None:
    log = shown["server"].log.read_text()
    assert "POST /api/v1/faces/clusters/{cluster_id}/label 200" in log
    for secret in ("John Doe", "Alice Johnson", "clu_abc123", shown["source-uuid"]):
        assert secret not in log


def test_boxes_are_spelled_out() -> None:
    box = faces.BoundingBox.of(BBox(100, 150, 80, 80))
    assert box.model_dump(by_alias=True) == BODIES["ClusterDetailResponse"]["faces"][0]["bbox"]
