"""How many actions a person needs: somebody who knows everybody, at the face grid's own logic and a served library."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from faceml.config import Settings
from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions
from faceml.records import AssignedBy, PackContract
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.decisions.label import assign_faces_to
from faceml.services.recognise.assign import assign_faces
from tests.conftest import REPO, add_faces, people_vectors
from tests.fakes import FakePack, library_with
from tests.rest import served_here
from tests.unit.identity.test_calibration import embed_crops

pytestmark = pytest.mark.nightly
FRONT = REPO / "front"
SPREAD = 1.0  # faces of one made-up person are as alike as a real person's, cosine 0.5


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that is the user."""
    node, esbuild = shutil.which("node"), FRONT / "node_modules" / "esbuild" / "bin" / "esbuild"
    if not node or not esbuild.exists():
        pytest.skip("the scripted user needs node and `npm --prefix front ci`")
    script = tmp_path_factory.mktemp("user") / "user.mjs"
    options = ["--bundle", "--platform=node", "--format=esm", "--loader:.css=empty", f"--outfile={script}"]
    subprocess.run([esbuild, "test/scripted_user.ts", *options], cwd=FRONT, check=True, capture_output=True)
    return [node, str(script)]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = library_with(FakePack(), Settings(home=tmp_path / "library", model_pack="opencv-zoo"))
    yield opened
    opened.close()


def work(user: list[str], library: Library, place: str, truth: dict[UUID, str]) -> Any:
    """What it took; whatever was said is right."""
    known = json.dumps({str(face_id): name for face_id, name in truth.items()})
    with served_here(library) as url:
        done = subprocess.run([*user, url, place], input=known, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-3000:]
    took = json.loads(done.stdout)
    said = confirmed(library)
    print(f"{len(set(said.values()))} people, {len(said)} of {len(truth)} faces named: {took}")
    assert {face_id: name for face_id, name in said.items() if name != truth[face_id]} == {}
    return took


def confirmed(library: Library) -> dict[UUID, str]:
    """Whom a person put each face under."""
    with library.repository.read() as unit:
        names = unit.people.names()
        states = unit.faces.states([face_id for face_id, _, _ in unit.faces.labels()])
    by_hand = {id_: state for id_, state in states.items() if state.assigned_by is AssignedBy.MANUAL}
    return {id_: names[state.person_id] for id_, state in by_hand.items() if state.person_id}


def test_eighty_people_take_one_action_a_cluster(
    shared: Path, model_cache: Path, tmp_path: Path, scripted: list[str]
) -> None:
    vectors, owners = embed_crops(shared, model_cache, "opencv-zoo")
    several = np.flatnonzero(np.bincount(owners)[owners] > 1)
    contract = PackContract("opencv-zoo", vectors.shape[1], "f" * 64, "MIT", 0.36)
    library = library_with(FakePack(contract), Settings(home=tmp_path / "library", model_pack="opencv-zoo"))
    ids = add_faces(library, vectors[several])
    truth = dict(zip(ids, (f"Person {owner}" for owner in owners[several]), strict=True))
    cluster_faces(library, ClusterOptions(min_cluster_size=3, min_samples=2))
    took = work(scripted, library, "to_name", truth)
    assert len(set(confirmed(library).values())) == 80
    assert took["actions"] <= 1.05 * took["groups"]
    library.close()


def test_five_hundred_recognised_faces_of_twenty_people_take_at_most_forty_actions(
    library: Library, scripted: list[str]
) -> None:
    people, faces, known = 20, 28, 3
    ids = add_faces(library, people_vectors(people, faces, spread=SPREAD))
    truth = {id_: f"Person {row // faces:02}" for row, id_ in enumerate(ids)}
    for person in range(people):
        assign_faces_to(library, ids[person * faces : person * faces + known], f"Person {person:02}", actor="ada")
    recognised = assign_faces(library, AssignOptions(threshold=0.3)).assigned
    assert recognised >= 450
    took = work(scripted, library, "unconfirmed", truth)
    assert took["actions"] <= 40
    assert len(confirmed(library)) >= 450


def test_a_hundred_mixed_faces_of_five_people_are_sorted_in_at_most_twelve_actions(
    library: Library, scripted: list[str]
) -> None:
    ids = add_faces(library, people_vectors(5, 20, spread=SPREAD))
    truth = {id_: f"Person {row // 20}" for row, id_ in enumerate(ids)}
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(id_, "clu_mixed") for id_ in ids])
    took = work(scripted, library, "unknown", truth)
    assert took["actions"] <= 12
    assert len(confirmed(library)) == 100
