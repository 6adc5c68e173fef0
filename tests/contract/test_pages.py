"""Lists in pages, each begun behind the one before: nothing is passed over, whatever came and went meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from faceml.cli.main import cli
from faceml.client import Client
from faceml.config import Settings
from faceml.decisions.states import FaceState
from faceml.errors import NotFound, WrongUse
from faceml.records import AssignedBy
from faceml.services.review.browse import (
    list_clusters,
    list_events,
    list_people,
    list_unreadable,
    photos_with,
    show_cluster,
    show_person,
)
from faceml.storage.pages import number, place_of
from faceml.storage.sql.asset_rows import LookedAt
from faceml.storage.sql.repository import Repository
from faceml.storage.sql.tables import ImageAsset
from tests.conftest import add_photo, found_face, unit_rows
from tests.fakes import CONTRACT, FakePack, library_with
from tests.rest import API, LOCAL, client_of

SIZES = (1, 3, 2, 2, 3, 1, 1, 4)  # faces of each cluster, and of each person
FAILED = 7
Lister = Callable[..., Any]


@dataclass
class Made:
    repository: Repository
    clusters: list[list[UUID]]  # faces of each
    people: list[UUID]
    photos: list[int]  # with everybody on them


@pytest.fixture
def made(database_url: str) -> Iterator[Made]:
    repository = Repository(database_url)
    yield fill(repository)
    repository.close()


def fill(repository: Repository) -> Made:
    """Clusters and people of a few sizes, several of each size; eight photos of two days, one of no day, show them."""
    made = Made(repository, [], [], [])
    with repository.begin() as unit:
        unit.contract.pin(CONTRACT)
        made.photos = [add_photo(unit, f"{'trip' if photo % 3 else 'home'}/{photo}.jpg") for photo in range(8)]
        for photo, asset_id in enumerate(made.photos[:-1]):
            taken = datetime(2020, 5, 1 + photo // 4, 12, photo % 2, tzinfo=UTC)
            dated = sa.update(ImageAsset).where(ImageAsset.id == asset_id).values(taken_at=taken, taken_clock=taken)
            unit.faces._session.execute(dated)
        vectors = iter(unit_rows(2 * sum(SIZES), seed=1))
        for number, size in enumerate(SIZES):
            faces = [found_face(next(vectors), x=50 * number, quality=0.5 + n // 2 / 8) for n in range(2 * size)]
            ids = unit.faces.add(list(zip(made.photos, faces, strict=False)), pack=CONTRACT.name)
            unit.faces.set_clusters([(id_, f"clu_{number}") for id_ in ids[:size]])
            person = unit.people.add(f"Person {number}")
            unit.faces.set_decided([(id_, FaceState(person.id, AssignedBy.MANUAL, None)) for id_ in ids[size:]])
            made.clusters.append(ids[:size])
            made.people.append(person.id)
        failed = [add_photo(unit, f"{number % 4}/bad{number}.jpg") for number in range(FAILED)]
        looked_at = [LookedAt(asset_id, None, None, "the file is empty") for asset_id in failed]
        unit.assets.record_detection(looked_at, min_confidence=0.5, min_face_size=20)
    return made


LISTS: dict[str, Callable[[Made], Lister]] = {
    "clusters": lambda made: lambda **page: list_clusters(made.repository, include_labeled=True, **page),
    "people": lambda made: lambda **page: list_people(made.repository, **page),
    "unreadable photos": lambda made: lambda **page: list_unreadable(made.repository, **page),
    "photos with somebody": lambda made: lambda **page: photos_with(made.repository, [made.people[7]], **page),
    "events": lambda made: lambda **page: list_events(made.repository, **page),
    "a cluster's faces": lambda made: lambda **page: show_cluster(made.repository, "clu_7", **page),
    "a person's faces": lambda made: lambda **page: show_person(made.repository, made.people[7], **page),
}


def items(page: Any) -> list[Any]:
    return list(page.items if hasattr(page, "items") else page.faces)


def walked(lister: Lister, page_size: int) -> Iterator[Any]:
    page = lister(page_size=page_size)
    yield page
    while page.next is not None:
        page = lister(page_size=page_size, after=page.next)
        yield page


@pytest.mark.parametrize("name", LISTS)
def test_pages_behind_each_other_are_the_whole_list(made: Made, name: str) -> None:
    lister = LISTS[name](made)
    whole = lister(page_size=100)
    assert whole.next is None
    assert len(items(whole)) == whole.total > 2
    for size in (1, 2, whole.total):
        pages = list(walked(lister, size))
        assert [item for page in pages for item in items(page)] == items(whole)
        assert {page.total for page in pages} == {whole.total}
    by_number = [lister(page_size=2, page=number) for number in (1, 2)]
    assert [item for page in by_number for item in items(page)] == items(whole)[:4]
    assert items(lister(page_size=1, page=2, after=by_number[0].next)) == items(whole)[3:4], "counted from there"
    assert items(lister(page_size=2, page=90)) == []
    assert lister(page_size=2, page=90).total == whole.total


def test_a_cluster_that_leaves_an_earlier_page_makes_the_next_pass_nothing_over(made: Made) -> None:
    whole = [item.cluster_id for item in list_clusters(made.repository).items]
    first = list_clusters(made.repository, page_size=3)
    with made.repository.begin() as unit:
        left = made.clusters[int(first.items[0].cluster_id.removeprefix("clu_"))]
        unit.faces.set_decided([(id_, FaceState(made.people[0], AssignedBy.MANUAL, None)) for id_ in left])
        unit.faces.set_clusters([(id_, "clu_99") for id_ in made.clusters[whole.index("clu_0")][:1]])
    by_number = list_clusters(made.repository, page=2, page_size=3)
    behind = list_clusters(made.repository, page_size=3, after=first.next)
    assert behind.items[0].cluster_id == whole[3] != by_number.items[0].cluster_id


def test_people_who_become_others_keep_the_place_of_who_comes_next(made: Made) -> None:
    first = list_people(made.repository, page_size=2)
    with made.repository.begin() as unit:
        unit.people.set_names({first.items[1].id: "Zoe"})
        unit.people.remove(first.items[0].id)
    (second, *_) = list_people(made.repository, page_size=2, after=first.next).items
    assert second.face_count < first.items[1].face_count
    with made.repository.begin() as unit:
        unit.people.remove(first.items[1].id)
    with pytest.raises(NotFound, match="begin again"):
        list_people(made.repository, after=first.next)


@pytest.mark.parametrize("after", ["", "x", "-1", "9999999999999999999", "1.\0", "7\n", "…", "1" * 200])
def test_what_is_no_place_is_told_so(after: str) -> None:
    for kinds in ((number,), (UUID,), (number, str), (number, UUID)):
        with pytest.raises(WrongUse, match="after="):
            place_of(after, *kinds)


def test_what_a_page_ended_with_may_be_gone(made: Made) -> None:
    for name, make in LISTS.items():
        with pytest.raises(WrongUse, match="another page names"):
            make(made)(after="x")
        if name in ("unreadable photos", "photos with somebody", "events"):
            with pytest.raises(NotFound, match="begin again"):
                make(made)(after="4711")
    with pytest.raises(NotFound, match="begin again"):
        show_cluster(made.repository, "clu_7", after=str(uuid4()))


def test_the_best_faces_come_first_and_the_cluster_s_people_are_those_of_all_pages(made: Made) -> None:
    with made.repository.begin() as unit:
        worst = show_cluster(made.repository, "clu_7").faces[-1].id
        unit.faces.set_decided([(worst, FaceState(made.people[2], AssignedBy.MANUAL, None))])
        unit.faces.set_clusters([(worst, "clu_7")])
    first = show_cluster(made.repository, "clu_7", page_size=2)
    assert (first.total, first.person_id, len(first.faces)) == (4, made.people[2], 2)
    assert first.faces[0].quality_score >= first.faces[1].quality_score > 0.5
    with pytest.raises(WrongUse, match="1 to 1,000"):
        show_cluster(made.repository, "clu_7", page_size=1_001)


def test_the_service_links_to_the_next_page_and_the_client_follows(tmp_path: Path) -> None:
    library = library_with(FakePack(), Settings(home=tmp_path / "library", model_pack=CONTRACT.name))
    made = fill(library.repository)
    with client_of(library) as api:
        first = api.get(f"{API}/clusters?page_size=3&includeLabeled=true&page=1")
        assert list(first.json()) == ["items", "total", "page", "pageSize"]
        second = api.get(first.request.url.join(first.links["next"]["url"]))
        last = api.get(second.request.url.join(second.links["next"]["url"]))
        shown = [item["clusterId"] for answer in (first, second, last) for item in answer.json()["items"]]
        assert sorted(shown) == [f"clu_{number}" for number in range(8)]
        assert ("next" in last.links, last.headers["X-Total-Count"]) == (False, "8")
        known = {"If-None-Match": second.headers["ETag"]}
        assert api.get(second.request.url, headers=known).status_code == 304
        assert api.get(f"{API}/clusters?after=x").status_code == 422
        assert api.get(f"{API}/unreadable?after=4711").status_code == 404
        client = Client(LOCAL, session=api)
        cluster = client.get_cluster("clu_7", page_size=3)
        assert (len(cluster["faces"]), client.headers["X-Total-Count"]) == (3, "4")
        assert len(client.get_cluster("clu_7", page_size=3, after=client.after)["faces"]) == 1
        assert client.after is None
        person = client.get_person(str(made.people[7]), page_size=3)
        rest = client.get_person(str(made.people[7]), page_size=3, after=client.after)
        assert len({face["id"] for page in (person, rest) for face in page["faces"]}) == person["faceCount"] == 4
        assert client.list_photos_with(person_id=[str(made.people[7])], page_size=3)["total"] == 4
        assert len(client.list_days(page_size=2)["items"]) == 2
        assert len(client.list_days(page_size=2, after=client.after)["items"]) == 2
    library.close()


def test_the_shell_says_where_the_list_goes_on(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "library", model_pack=CONTRACT.name)
    library = library_with(FakePack(), settings)
    fill(library.repository)
    library.close()

    def said(*arguments: str) -> Any:
        done = CliRunner().invoke(cli, arguments, env={"FACEML_HOME": str(settings.home)}, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    first = said("faces", "clusters", "--page-size", "6", "--include-labeled", "--json")
    rest = said("faces", "clusters", "--page-size", "6", "--include-labeled", "--after", first["next"], "--json")
    assert (len(rest["items"]), rest["next"]) == (2, None)
    for command in (("faces", "unreadable"), ("faces", "photos", "Person 7"), ("people", "list"), ("people", "events")):
        page = said(*command, "--page-size", "2", "--json")
        assert said(*command, "--page-size", "2", "--after", page["next"], "--json")["items"] != page["items"]
    shown = said("people", "show", "Person 7", "--page-size", "3")
    assert "... more of 4 faces: --json, and --after " in shown
