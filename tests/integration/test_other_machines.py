"""What outgrows one machine, done by others: the same faces, vectors and groups; and by a real Ray of two processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from faceml.cli.main import cli
from faceml.config import Settings
from faceml.errors import MachinesUnavailable, ModelMismatch, WrongUse
from faceml.identity.hdbscan import exact
from faceml.identity.hdbscan.exact import fit
from faceml.library import Library
from faceml.machines.here import HERE
from faceml.machines.on_ray import RayMachines, machines_at
from faceml.options import ClusterOptions
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.photos.detect import backfill_faces
from faceml.services.photos.ingest import ingest_folder
from faceml.vision.model_packs import PackSource
from faceml.vision.stream import Wanted, find_faces_of
from faceml.wiring import ConfiguredPacks, open_library
from tests.conftest import add_faces, people_vectors
from tests.fakes import OtherMachines
from tests.ports import free_port


@pytest.fixture
def detected(library: Library, photos: Path) -> Library:
    """Faces found here."""
    ingest_folder(library.repository, photos)
    backfill_faces(library)
    return replace(library, packs=ConfiguredPacks(library.settings, library.repository))


@pytest.fixture
def empty(settings: Settings, tmp_path: Path) -> Iterator[Library]:
    """Another library, whose models are opened as a user's are."""
    opened = open_library(replace(settings, home=tmp_path / "second"))
    yield opened
    opened.close()


Found = dict[tuple[object, ...], np.ndarray]


def found_in(library: Library) -> Found:
    """Each face's photo and box, and its vector."""
    with library.repository.read() as unit:
        faces = [face for faces in unit.faces.by_asset(list(range(1, 20))).values() for face in faces]
        rows = unit.vectors.of([face.id for face in faces])
        vectors = dict(zip(rows.face_ids, rows.vectors, strict=True))
    return {(face.asset_id, face.bbox): vectors[face.id] for face in faces}


def assert_same(here: Found, there: Found) -> None:
    assert here.keys() == there.keys()
    for place, vector in here.items():
        np.testing.assert_allclose(vector, there[place], atol=1e-6)


def test_photos_looked_at_elsewhere_have_the_same_faces(detected: Library, empty: Library, photos: Path) -> None:
    (photos / "text.jpg").write_bytes(b"this is no picture")
    ingest_folder(empty.repository, photos)
    machines = OtherMachines()
    report = backfill_faces(replace(empty, machines=machines))
    assert machines.journeys == 1
    assert (report.processed, report.errors, report.total_faces) == (5, 1, 8)
    assert_same(found_in(detected), found_in(empty))


def test_groups_made_elsewhere_are_the_same(bare_library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "COMPARED_WITH_ALL", 100)
    add_faces(bare_library, people_vectors(30, 6))
    options, machines, notes = ClusterOptions(neighbours="approximate"), OtherMachines(), list[str]()
    clusters = []
    for library in (bare_library, replace(bare_library, machines=machines)):
        cluster_faces(library, options, on_note=notes.append)
        with library.repository.read() as unit:
            clusters.append(unit.faces.clusters_of_free(unit.vectors.unlabelled(min_quality=0, limit=1000).face_ids))
    assert machines.journeys > 0
    assert clusters[0] == clusters[1]
    assert notes == ["Neighbours are looked for on other machines; the tree is made here, of 2,880 edges at most: 0 MB"]


def test_models_of_another_library_are_refused_in_one_line(detected: Library, photos: Path) -> None:
    source = detected.packs.source()
    assert isinstance(source, PackSource)
    with pytest.raises(ModelMismatch, match="copy those there"):
        find_faces_of(Wanted(0.5, 20, None), source, "0" * 64, [(1, photos / "hopper.jpg")])


def test_machines_are_named_or_refused() -> None:
    assert machines_at(None) is machines_at("") is HERE
    for wrong in ("spark", "ray://", "ray://host", "ray://host:port", "http://host:1"):
        with pytest.raises(WrongUse, match=r"is not ray or ray://HOST:PORT"):
            machines_at(wrong)


def test_on_and_queue_exclude_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEML_HOME", str(tmp_path))
    for words in (("backfill",), ("cluster",), ("cluster-dual",)):
        done = CliRunner().invoke(cli, ["faces", *words, "--on", "ray", "--queue"])
        assert isinstance(done.exception, WrongUse)
        assert "leave --queue out" in str(done.exception)


# --- Ray itself: it takes ten seconds of processor time to start


@pytest.fixture(scope="module")
def on_ray() -> Iterator[RayMachines]:
    ray = pytest.importorskip("ray", reason="faceml[ray] is not installed")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=200_000_000)
    machines = RayMachines("ray")
    yield machines
    machines.close()


@pytest.mark.nightly
def test_ray_finds_the_same_faces(on_ray: RayMachines, detected: Library, empty: Library, photos: Path) -> None:
    ingest_folder(empty.repository, photos)
    report = backfill_faces(replace(empty, machines=on_ray))
    assert (report.processed, report.errors, report.total_faces) == (4, 0, 8)
    assert_same(found_in(detected), found_in(empty))


@pytest.mark.nightly
def test_ray_makes_the_same_graph_bit_by_bit(on_ray: RayMachines) -> None:
    rows = people_vectors(1500, 7)
    here, there = (fit(rows, is_exact=False, machines=machines) for machines in (HERE, on_ray))
    assert not here.graph.is_exact
    np.testing.assert_array_equal(here.labels, there.labels)
    for name, array in here.graph.arrays().items():
        np.testing.assert_array_equal(array, there.graph.arrays()[name])


def killed_once(folder: Path, number: int) -> int:
    """The square; who is asked for 25 first, dies."""
    mark = folder / "killed"
    if number == 5 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


def always_killed(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.nightly
def test_a_killed_process_changes_nothing(on_ray: RayMachines, tmp_path: Path) -> None:
    assert list(on_ray.map(killed_once, (tmp_path,), range(20), at_once=2)) == [number**2 for number in range(20)]
    assert (tmp_path / "killed").exists()


@pytest.mark.nightly
def test_a_process_that_dies_each_time_ends_the_run_in_one_line(on_ray: RayMachines) -> None:
    with pytest.raises(MachinesUnavailable, match="what was stored stays") as error:
        list(on_ray.map(always_killed, (), range(2)))
    assert "\n" not in str(error.value)


@pytest.mark.nightly
def test_what_a_piece_of_work_raises_arrives_as_itself(on_ray: RayMachines, detected: Library) -> None:
    shared = Wanted(0.5, 20, None), detected.packs.source(), "0" * 64
    with pytest.raises(ModelMismatch, match="copy those there"):
        list(on_ray.map(find_faces_of, shared, [[]]))


@pytest.mark.nightly
def test_an_address_where_nothing_answers_is_one_line() -> None:
    pytest.importorskip("ray", reason="faceml[ray] is not installed")
    with pytest.raises(MachinesUnavailable, match="no Ray answers there"):
        machines_at(f"ray://127.0.0.1:{free_port()}")
