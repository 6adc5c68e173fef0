"""What the repository promises, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import Engine, create_engine, insert, inspect, text
from sqlalchemy.exc import IntegrityError

from faceml.config import Settings
from faceml.decisions.about_faces import Label
from faceml.decisions.states import Change, FaceState
from faceml.errors import DatabaseUnavailable, ModelMismatch, NotFound, WrongUse
from faceml.options import ClusterOptions
from faceml.records import AssetStatus, AssignedBy, BBox, PackContract, PersonStatus, PrototypeRole, Span
from faceml.services.decisions.people import merge_people, rename_person
from faceml.services.decisions.undo import undo
from faceml.storage.sql.asset_rows import LookedAt, Looseness, PhotoFile
from faceml.storage.sql.chunks import STATEMENT_SIZE
from faceml.storage.sql.database import SCHEMA_VERSION, connect, empty_schema, migrate
from faceml.storage.sql.repository import Repository, UnitOfWork
from faceml.storage.sql.tables import PersonRow
from tests.conftest import add_photo, found_face, unit_rows
from tests.fakes import FakePack, library_with
from tests.polling import until

PACK = PackContract("opencv-zoo", 128, "f" * 64, "MIT", 0.36)


@pytest.fixture
def engine(library_url: str) -> Iterator[Engine]:
    opened = connect(library_url)
    yield opened
    opened.dispose()


@pytest.fixture
def repository(library_url: str) -> Iterator[Repository]:
    opened = Repository(library_url)
    yield opened
    opened.close()


def add_face(unit: UnitOfWork, name: str = "a.jpg", *, seed: int = 0, x: int = 10, quality: float = 0.9):
    asset = unit.assets.at_paths([Path("/photos") / name])
    asset_id = asset[Path("/photos") / name].asset_id if asset else add_photo(unit, name)
    return unit.faces.add([(asset_id, found_face(unit_rows(1, seed=seed)[0], x=x, quality=quality))], pack="p")[0]


# --- schema


def test_the_schema_has_every_column_constraint_and_index_of_the_specification(engine: Engine) -> None:
    schema = inspect(engine)
    columns = {table: {column["name"] for column in schema.get_columns(table)} for table in schema.get_table_names()}
    assert {"id", "name", "status", "merged_into_id", "created_at", "updated_at"} <= columns["persons"]
    assert {
        *("id", "asset_id", "bbox_x", "bbox_y", "bbox_w", "bbox_h", "landmarks", "detection_confidence"),
        *("quality_score", "qdrant_point_id", "cluster_id", "person_id", "created_at", "updated_at"),
    } <= columns["face_instances"]
    assert {"id", "person_id", "face_instance_id", "qdrant_point_id", "role", "created_at"} <= columns[
        "person_prototypes"
    ]
    indexed = {tuple(index["column_names"]) for index in schema.get_indexes("face_instances")}
    assert {("asset_id",), ("cluster_id",), ("person_id",), ("quality_score",)} <= indexed
    unique = [tuple(item["column_names"]) for item in schema.get_unique_constraints("face_instances")]
    assert ("asset_id", "bbox_x", "bbox_y", "bbox_w", "bbox_h") in unique
    assert ("status",) in {tuple(index["column_names"]) for index in schema.get_indexes("persons")}
    assert ("person_id",) in {tuple(index["column_names"]) for index in schema.get_indexes("person_prototypes")}


@pytest.mark.postgres
def test_postgresql_gets_the_types_that_the_specification_names(postgres_url: str) -> None:
    with connect(postgres_url).connect() as connection:
        rows = connection.execute(
            text("SELECT table_name, column_name, udt_name FROM information_schema.columns WHERE table_schema='public'")
        )
        types = {(row.table_name, row.column_name): row.udt_name for row in rows}
    assert types["persons", "id"] == "uuid"
    assert types["persons", "status"] == "person_status"
    assert types["persons", "created_at"] == "timestamptz"
    assert types["face_instances", "landmarks"] == "jsonb"
    assert types["person_prototypes", "role"] == "prototype_role"


def test_names_of_people_are_unique_whatever_their_case(repository: Repository) -> None:
    with repository.begin() as unit:
        unit.people.add("Ångström")
    with pytest.raises(IntegrityError), repository.begin() as unit:
        unit.people.add("ÅNGSTRÖM")


def test_one_box_of_one_photo_is_stored_once(repository: Repository) -> None:
    with repository.begin() as unit:
        add_face(unit)
    with pytest.raises(IntegrityError), repository.begin() as unit:
        add_face(unit)


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == SCHEMA_VERSION


def test_two_that_open_a_new_library_at_once_both_succeed(database_url: str) -> None:
    failures: list[BaseException] = []

    def opened() -> None:
        try:
            connect(database_url).dispose()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=opened) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_library_that_begins_is_told_once(database_url: str) -> None:
    told: list[str] = []
    for _ in range(2):
        repository = Repository(database_url, on_new=lambda: told.append("new"))
        for _ in range(2):
            with repository.read() as unit:
                assert unit.people.count() == 0
        repository.close()
    assert told == ["new"]


def test_the_newest_migration_is_the_one_the_code_expects() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "faceml.storage.sql:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_VERSION


def test_the_migrations_make_the_tables_that_the_code_declares(engine: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from faceml.storage.sql.tables import Base

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = [item for item in compare_metadata(context, Base.metadata) if "lower_name" not in str(item)]
    assert differences == []


def test_a_library_of_a_newer_faceml_is_refused(engine: Engine, library_url: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnavailable, match="newer than this faceml"):
        connect(library_url)


# --- transactions


def test_a_transaction_that_raises_leaves_nothing_behind(repository: Repository) -> None:
    def add_then_fail() -> None:
        with repository.begin() as unit:
            add_face(unit)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        add_then_fail()
    with repository.read() as unit:
        assert unit.faces.count() == 0


def test_deleting_a_photo_deletes_its_faces_vectors_and_exemplars(engine: Engine, repository: Repository) -> None:
    with repository.begin() as unit:
        face = add_face(unit)
        person = unit.people.add("Ada")
        unit.prototypes.add_exemplars(person.id, [face])
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM image_assets"))
        for table in ("face_instances", "face_embeddings", "person_prototypes"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0


def test_times_come_back_as_the_same_instant_in_utc(repository: Repository) -> None:
    taken = datetime(2025, 12, 23, 10, 30, tzinfo=timezone(timedelta(hours=5)))
    with repository.begin() as unit:
        unit.assets.add([PhotoFile(Path("/photos/t.jpg"), "a" * 64, 1, 1, taken)])
    with repository.read() as unit:
        asset = unit.assets.by_ids([known.asset_id for known in unit.assets.with_hashes(["a" * 64]).values()])[0]
    assert asset.taken_at == taken
    assert asset.taken_at.tzinfo == UTC


# --- photos


def test_a_photo_waits_until_it_was_looked_at_and_again_for_looser_thresholds(repository: Repository) -> None:
    with repository.begin() as unit:
        asset_id = add_photo(unit, "a.jpg")
        unit.assets.record_detection([LookedAt(asset_id, 10, 10, None)], min_confidence=0.5, min_face_size=20)
    with repository.read() as unit:
        waits = [
            bool(unit.assets.waiting(min_confidence=confidence, min_face_size=size, limit=9))
            for confidence, size in [(0.5, 20), (0.6, 30), (0.4, 20), (0.5, 10)]
        ]
    assert waits == [False, False, True, True]


def test_a_looser_run_is_remembered_when_a_stricter_one_follows(repository: Repository) -> None:
    with repository.begin() as unit:
        asset_id = add_photo(unit, "a.jpg")
        for confidence in (0.3, 0.5):
            unit.assets.record_detection(
                [LookedAt(asset_id, 10, 10, None)], min_confidence=confidence, min_face_size=20
            )
        assert unit.assets.waiting(min_confidence=0.4, min_face_size=20, limit=9) == []


def test_an_unreadable_photo_keeps_its_reason_and_waits_no_longer(repository: Repository) -> None:
    with repository.begin() as unit:
        asset_id = add_photo(unit, "a.jpg")
        unit.assets.record_detection([LookedAt(asset_id, 0, 0, "empty file")], min_confidence=0.5, min_face_size=20)
        asset = unit.assets.by_ids([asset_id])[0]
        assert (asset.status, asset.error) == (AssetStatus.FAILED, "empty file")
        assert unit.assets.waiting(min_confidence=0.1, min_face_size=1, limit=9) == []


# --- faces


def test_a_video_keeps_how_far_it_was_looked_at_and_waits_for_the_rest(repository: Repository) -> None:
    path, usual = Path("/films/a.mp4"), Looseness(0.5, 20, 640)
    with repository.begin() as unit:
        unit.assets.add([PhotoFile(path, "a" * 64, 1, 1, None, duration_s=90.0)])
        film = unit.assets.at_paths([path])[path].asset_id
        assert unit.films.settled_s(film, usual) == 0
        unit.assets.record_detection([LookedAt(film, 640, 360, None)], min_confidence=0.5, min_face_size=20)
        unit.films.settle(film, 30.0, replace(usual, detected_min_confidence=0.4), width=640, height=360)
    with repository.read() as unit:
        [waiting] = unit.assets.waiting(min_confidence=0.5, min_face_size=20, limit=10)
        assert (waiting.id, waiting.duration_s, waiting.is_video, waiting.width) == (film, 90.0, True, 640)
        assert unit.films.settled_s(film, usual) == 30, "what was found more loosely is found"
        assert unit.films.settled_s(film, Looseness(0.3, 20, 640)) == 0
        assert unit.films.settled_s(film, Looseness(0.5, 20, 1024)) == 0
    with repository.begin() as unit:
        unit.films.end(film)
        assert unit.films.settled_s(film, usual) == 0


def test_faces_of_a_video_and_places_of_the_erased_come_back_with_their_time(repository: Repository) -> None:
    vector, span = unit_rows(1, seed=0)[0], Span(1.5, 9.25, 4.042)
    with repository.begin() as unit:
        film, photo = add_photo(unit, "film.mp4"), add_photo(unit, "a.jpg")
        of_film = unit.faces.add([(film, replace(found_face(vector), span=span))] * 1, pack="p")[0]
        of_photo = unit.faces.add([(photo, found_face(vector))], pack="p")[0]
        unit.erasure.keep_blank([(film, BBox(1, 2, 3, 4), span), (photo, BBox(5, 6, 7, 8), None)])
    with repository.read() as unit:
        [(face_id, stored)] = unit.films.stored([film, photo]).items()
        assert (face_id, stored.bbox, stored.span) == (of_film, BBox(10, 20, 100, 100), span)
        np.testing.assert_array_equal(stored.embedding, vector)
        assert {face.id: face.span for face in unit.faces.by_ids([of_film, of_photo])} == {
            of_film: span,
            of_photo: None,
        }
        assert [(one.bbox, one.span) for one in unit.films.erased(film)] == [(BBox(1, 2, 3, 4), span)]
        assert unit.erasure.boxes([film, photo]) == {photo: [BBox(5, 6, 7, 8)]}
        shared = unit.films.shared_photo([of_film, of_photo])
        assert shared[of_photo] == photo
        assert shared[of_film] < 0


def test_vectors_come_back_bit_for_bit_in_the_order_asked(repository: Repository) -> None:
    with repository.begin() as unit:
        ids = [add_face(unit, f"{seed}.jpg", seed=seed) for seed in range(5)]
        asked = [ids[3], uuid4(), ids[0]]
        embeddings = unit.vectors.of(asked)
    assert embeddings.face_ids == (ids[3], ids[0])
    np.testing.assert_array_equal(embeddings.vectors, np.vstack([unit_rows(1, seed=3), unit_rows(1, seed=0)]))


def test_unlabelled_takes_the_best_faces_and_honours_month_and_quality(repository: Repository) -> None:
    with repository.begin() as unit:
        for day, name in ((datetime(2025, 11, 30, tzinfo=UTC), "n"), (datetime(2025, 12, 1, tzinfo=UTC), "d")):
            unit.assets.add([PhotoFile(Path(f"/photos/{name}.jpg"), name * 64, 1, 1, day)])
        november = add_face(unit, "n.jpg", seed=1, quality=0.9)
        december = add_face(unit, "d.jpg", seed=2, quality=0.8)
        poor = add_face(unit, "d.jpg", seed=3, x=200, quality=0.3)
        assert unit.vectors.unlabelled(min_quality=0.5, limit=1).face_ids == (november,)
        in_december = unit.vectors.unlabelled(
            min_quality=0.0,
            limit=9,
            taken_from=datetime(2025, 12, 1, tzinfo=UTC),
            taken_before=datetime(2026, 1, 1, tzinfo=UTC),
        )
        assert set(in_december.face_ids) == {december, poor}


def test_the_month_of_a_photo_is_where_its_clock_was(repository: Repository) -> None:
    west, east = timezone(timedelta(hours=-7)), timezone(timedelta(hours=9))
    taken = {
        "late.jpg": datetime(2025, 8, 31, 23, 30, tzinfo=west),  # in UTC it is September
        "early.jpg": datetime(2025, 9, 1, 0, 30, tzinfo=east),  # in UTC it is August
        "scan.jpg": datetime(1895, 8, 15, tzinfo=UTC),
        "plain.jpg": datetime(2025, 8, 1, tzinfo=UTC),
    }
    with repository.begin() as unit:
        unit.assets.add(
            [PhotoFile(Path("/photos") / name, (name * 64)[:64], 1, 1, moment) for name, moment in taken.items()]
        )
        faces = {name: add_face(unit, name, seed=seed) for seed, name in enumerate(taken)}
        months = {
            bucket: set(unit.vectors.unlabelled(min_quality=0, limit=9, taken_from=begin, taken_before=end).face_ids)
            for bucket in ("2025-08", "2025-09", "1895-08")
            for begin, end in [ClusterOptions(time_bucket=bucket).month or (None, None)]
        }
        late = unit.assets.at_paths([Path("/photos/late.jpg")])[Path("/photos/late.jpg")].asset_id
        assert unit.assets.by_ids([late])[0].taken_at == taken["late.jpg"]
        rows = {Path(row.path).name: row.taken_at for row in unit.export_rows()}
    assert months["2025-08"] == {faces["late.jpg"], faces["plain.jpg"]}
    assert months["2025-09"] == {faces["early.jpg"]}
    assert months["1895-08"] == {faces["scan.jpg"]}
    assert rows["late.jpg"] == "2025-08-31T23:30:00-07:00"
    assert rows["early.jpg"] == "2025-09-01T00:30:00+09:00"


def test_unassigned_leaves_out_faces_with_a_person_or_a_cluster(repository: Repository) -> None:
    with repository.begin() as unit:
        free, clustered, named = (add_face(unit, f"{seed}.jpg", seed=seed) for seed in range(3))
        unit.faces.set_clusters([(clustered, "clu_1")])
        person = unit.people.add("Ada")
        unit.faces.set_states([(named, FaceState(person.id, AssignedBy.MANUAL, None))])
        assert unit.vectors.unassigned(since=None, limit=9).face_ids == (free,)


def test_more_faces_than_one_statement_takes_are_read_and_moved(repository: Repository) -> None:
    count = STATEMENT_SIZE + 1_000
    vectors = unit_rows(count, seed=5, width=4)
    with repository.begin() as unit:
        asset_id = add_photo(unit, "crowd.jpg")
        ids = unit.faces.add([(asset_id, found_face(v, x=i)) for i, v in enumerate(vectors)], pack="p")
        unit.faces.set_clusters([(id_, "clu_big") for id_ in ids])
        assert len(unit.faces.in_cluster("clu_big")) == count
        np.testing.assert_array_equal(unit.vectors.of(ids).vectors, vectors)


def test_a_face_of_another_library_is_not_found(repository: Repository) -> None:
    with repository.read() as unit, pytest.raises(NotFound, match="is not in this library"):
        unit.faces.get(uuid4())


# --- people, prototypes, events


@pytest.mark.parametrize("name", ["", "   ", "x" * 256])
def test_a_name_that_cannot_be_stored_is_refused(repository: Repository, name: str) -> None:
    with pytest.raises(WrongUse, match="name of a person"), repository.begin() as unit:
        unit.people.add(name)


def test_a_person_is_found_by_a_name_in_other_case_and_spacing(repository: Repository) -> None:
    with repository.begin() as unit:
        person = unit.people.add("  José   García ")
        assert person.name == "José García"
        assert unit.people.named("JOSE\u0301 GARCÍA") == person


def test_people_who_look_alike_are_one_whatever_cannot_be_seen(repository: Repository) -> None:
    with repository.begin() as unit:
        person = unit.people.add("\u200bＡｄａ\xad")
        assert (person.name, unit.people.named("Ada")) == ("Ａｄａ", person)
    with pytest.raises(IntegrityError), repository.begin() as unit:
        unit.people.add("Ada\u200f")


def test_a_library_with_people_who_look_alike_opens_and_they_are_merged_and_taken_apart_again(
    database_url: str, settings: Settings
) -> None:
    names = {"Ada": "ada", "Ada\u200b": "ada\u200b", "\u200bBea": "\u200bbea", "O´Brien": "o´brien", "\u3164": "\u3164"}
    with empty_schema(database_url, "0007") as connection:
        rows = [{"id": uuid4(), "name": name, "folded_name": before} for name, before in names.items()]
        now = {"status": PersonStatus.ACTIVE, "created_at": datetime.now(UTC), "updated_at": datetime.now(UTC)}
        connection.execute(insert(PersonRow), [{**row, **now} for row in rows])
    library = library_with(FakePack(), replace(settings, database_url=database_url))
    ids = {row["name"]: row["id"] for row in rows}
    with library.repository.read() as unit:
        assert {name: person.name for name in ("Ada", "Bea", "o´brien") if (person := unit.people.named(name))} == {
            "Ada": "Ada",
            "Bea": "\u200bBea",
            "o´brien": "O´Brien",
        }
        assert set(unit.people.names().values()) == set(names)
    merged = merge_people(library, ids["Ada\u200b"], ids["Ada"], actor="me")
    undo(library, merged.event_id, actor="me")
    rename_person(library, ids["\u3164"], "Cleo", actor="me")
    rename_person(library, ids["\u200bBea"], "Bea", actor="me")
    with library.repository.read() as unit:
        assert sorted(unit.people.active_names()) == ["Ada", "Ada\u200b", "Bea", "Cleo", "O´Brien"]
    library.close()


def test_a_path_is_found_however_its_accents_were_written(repository: Repository) -> None:
    composed, apart = "caf\xe9", "cafe\u0301"
    with repository.begin() as unit:
        ids = {
            name: add_photo(unit, name) for name in (f"{apart}/{composed}.jpg", "zo\xeb.jpg", "zoe\u0308.jpg", "a.jpg")
        }
        written = [Path("/photos", *parts) for parts in ((composed, f"{apart}.jpg"), (apart, f"{composed}.jpg"))]
        alike = [Path("/photos/zo\xeb.jpg"), Path("/photos/zoe\u0308.jpg"), Path("/photos/a.jpg")]
        found = unit.assets.at_written_paths([*written, *alike, Path("/photos/\xe9.jpg")])
    assert {path: known.asset_id for path, known in found.items()} == {
        **dict.fromkeys(written, ids[f"{apart}/{composed}.jpg"]),
        **{path: ids[path.name] for path in alike},
    }


def test_an_exemplar_counts_only_while_its_face_is_that_persons(repository: Repository) -> None:
    with repository.begin() as unit:
        face = add_face(unit)
        person = unit.people.add("Ada")
        unit.faces.set_states([(face, FaceState(person.id, AssignedBy.MANUAL, None))])
        unit.prototypes.add_exemplars(person.id, [face])
        assert unit.prototypes.all().roles == (PrototypeRole.EXEMPLAR,)
        unit.faces.set_states([(face, FaceState(None, None, None))])
        assert unit.prototypes.all().person_ids == ()


def test_centroids_are_replaced_and_only_changed_ones_reported(repository: Repository) -> None:
    first, second = unit_rows(2, seed=1)
    with repository.begin() as unit:
        person = unit.people.add("Ada")
        created = unit.prototypes.set_centroids({person.id: first})
        assert unit.prototypes.set_centroids({person.id: first}) == []
        assert unit.prototypes.set_centroids({person.id: second}) == created
        assert unit.prototypes.count() == 1


def test_an_event_keeps_the_state_of_each_face_before_and_after(repository: Repository) -> None:
    with repository.begin() as unit:
        face = add_face(unit)
        person = unit.people.add("Ada")
        before = unit.faces.states([face])[face]
        after = FaceState(person.id, AssignedBy.MANUAL, "clu_1")
        event_id = unit.events.append(
            Label(person.id, cluster_id="clu_1"), actor="me", changes=[Change(face, before, after)]
        )
    with repository.read() as unit:
        assert unit.events.changes(event_id) == [Change(face, before, after)]
        assert unit.events.latest(1)[0].decision == Label(person.id, cluster_id="clu_1")


# --- outbox and contract


def test_the_outbox_shows_a_points_present_state_and_leaves_gone_ones_out(repository: Repository) -> None:
    with repository.begin() as unit:
        kept, gone = add_face(unit, "a.jpg", seed=1), add_face(unit, "b.jpg", seed=2)
        unit.outbox.push([kept, gone, kept])
        unit.faces.set_clusters([(kept, "clu_1")])
        unit.faces.remove([gone])
        pending = unit.outbox.peek(10)
        points = unit.outbox.points(pending.point_ids)
    assert pending.point_ids == (kept, gone)
    assert len(pending.row_ids) == 3
    assert [(point.id, point.payload["cluster_id"]) for point in points] == [(kept, "clu_1")]
    assert points[0].payload["person_id"] is None


def test_a_library_is_pinned_to_its_first_pack(repository: Repository) -> None:
    with repository.begin() as unit:
        unit.contract.pin(PACK)
    with repository.begin() as unit:
        unit.contract.pin(PACK)
        assert unit.contract.pinned() == PACK
    other = PackContract("buffalo_l", 512, "0" * 64, "non-commercial", 0.4)
    with pytest.raises(ModelMismatch, match="FACEML_MODEL_PACK=opencv-zoo"), repository.begin() as unit:
        unit.contract.pin(other)


def test_two_workers_that_detect_first_at_once_pin_one_pack(repository: Repository, engine: Engine) -> None:
    pinned: list[PackContract | None] = []

    def pin() -> None:
        with repository.begin() as unit:
            unit.contract.pin(PACK)
            pinned.append(unit.contract.pinned())

    def is_held_up() -> bool:
        with engine.connect() as connection:
            return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar())

    second = threading.Thread(target=pin)
    with repository.begin() as unit:
        unit.contract.pin(PACK)
        second.start()
        if engine.dialect.name == "postgresql":  # SQLite lets one writer in at a time
            until(is_held_up)
    second.join(60)
    assert pinned == [PACK]


def test_a_number_of_an_unknown_cluster_is_given_out_once(repository: Repository) -> None:
    with repository.begin() as unit:
        unit.contract.pin(PACK)
        assert list(unit.contract.next_unknown_clusters(2)) == [1, 2]
    with repository.begin() as unit:
        assert list(unit.contract.next_unknown_clusters(1)) == [3]


# --- out of reach


def test_an_unreachable_postgresql_is_one_line_without_the_password() -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        connect("postgresql+psycopg://me:secret@127.0.0.1:9/none")
    assert "secret" not in str(caught.value)
    assert "make db-up" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.postgres
def test_a_missing_database_of_postgresql_is_named(postgres_server: str) -> None:
    url = postgres_server.replace("/postgres?", "/nowhere?")
    with pytest.raises(DatabaseUnavailable, match="no such database"):
        connect(url)


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "faceml.db"
    file.write_bytes(b"this is no database, it is a text of some length" * 40)
    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        connect(f"sqlite:///{file}")
    assert file.read_bytes().startswith(b"this is no database")


@pytest.mark.parametrize("url", ["mysql://a/b", "nonsense", "postgresql+psycopg://a:b@[::1"])
def test_a_url_of_no_known_database_is_wrong_use(url: str) -> None:
    with pytest.raises(WrongUse, match="DATABASE_URL"):
        connect(url)


def test_postgres_urls_of_other_tools_are_taken_for_psycopg(tmp_path: Path) -> None:
    from faceml.config import Settings

    assert Settings(database_url="postgres://a@b/c").database == "postgresql+psycopg://a@b/c"
    assert create_engine(Settings(home=tmp_path).database).url.database == str(tmp_path / "faceml.db")
