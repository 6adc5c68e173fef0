"""Two kernels and the serving app name faces of one library at once; nobody meets a lock, everybody sees the others."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx

from faceml.errors import FacesChanged
from faceml.library import Library
from faceml.services.index.drain import IndexFollower, index_in_background
from faceml.wiring import open_library
from tests.grid import Namer
from tests.rest import API, environment_of, served
from tests.synthetic import synthetic_library

CLUSTERS = 45


def test_kernels_and_the_serving_app_name_faces_at_once(tmp_path: Path) -> None:
    library = synthetic_library(tmp_path / "library", people=CLUSTERS, faces=4)
    kernels = [index_in_background(open_library(library.settings)) for _ in range(2)]
    problems: list[str] = []

    def type_names(mine: Library, actor: str, backwards: bool) -> None:
        namer = Namer(mine, actor=actor)
        for number in range(CLUSTERS):
            if not namer.groups:
                return
            try:
                cluster_id = namer.groups.pop(-1 if backwards else 0)
                namer.revision = namer.name(cluster_id, f"{actor} {number}").revision
            except FacesChanged:  # another was quicker, and it is said so
                namer.look()
            except Exception as error:
                problems.append(f"{actor}: {error!r}")

    def post_names(client: httpx.Client) -> None:
        for number in reversed(range(CLUSTERS)):
            if number % 3:
                answer = client.post(f"/clusters/clu_{number:05}/label", json={"name": f"api {number}"})
                if answer.status_code not in (200, 404):
                    problems.append(f"api: {answer.status_code} {answer.text}")

    with (
        served(tmp_path, "--rate", "0", **environment_of(library.settings)) as server,
        httpx.Client(base_url=server.url + API, timeout=60) as client,
    ):
        workers = [
            threading.Thread(target=type_names, args=(kernels[0], "ada", False)),
            threading.Thread(target=type_names, args=(kernels[1], "bob", True)),
            threading.Thread(target=post_names, args=(client,)),
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert problems == []
        people = client.get("/persons", params={"page_size": 100}).json()
        seen = {item["name"].split()[0] for item in people["items"]}
        assert seen == {"ada", "bob", "api"}
        with library.repository.read() as unit:
            open_now = {cluster for _, person, cluster in unit.faces.labels() if cluster and person is None}
        for mine in kernels:
            namer = Namer(mine, actor="ada")
            assert set(namer.groups) == open_now
            assert {known.name.split()[0] for known in namer.grid.names()} == seen
    for mine in kernels:
        assert isinstance(mine.index_follower, IndexFollower)
        mine.index_follower.close()
        mine.close()
    library.close()
