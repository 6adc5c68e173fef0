"""Settings: read once at an entry point, then passed as arguments (DESIGN D13).

Environment over `.env` in the project's root over defaults. Every value remembers where it came from. Relative paths
start at the root, never at the working folder: a kernel inherits the shell's variables, but not its folder
(docs/decisions/0026-the-project-root.md).
"""

from __future__ import annotations

import codecs
import io
import os
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from faceml.addresses import sqlite_url, with_absolute_file, without_password
from faceml.errors import WrongUse
from faceml.home import from_home, has_home

PROVIDERS = ("auto", "cpu", "cuda", "rocm", "openvino", "coreml", "directml")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FOLDER_GONE = "the working folder was deleted: change to one that is there (cd), and try again"
OWN_HOME = "cache/home"  # of the library, for what others' code keeps in a home folder where the user has none
_MARKS = (  # by which a file of that name makes its folder a project's root
    (".env", re.compile(r"^[\s#]*(?:export\s+)?FACEML_\w+\s*=", re.MULTILINE)),
    ("pyproject.toml", re.compile(r'^name = "faceml"$', re.MULTILINE)),
)


@dataclass(frozen=True, slots=True)
class ProjectRoot:
    """The folder that relative paths of settings start at, and what marks it."""

    folder: Path = Path()
    marker: str = "working folder"  # a file's name, where one marks it


def _setting(env: str, help_: str, default: Any = "", *, secret: bool = False) -> Any:
    """A field that is read from the environment variable `env`; a secret is never shown."""
    return field(default=default, repr=not secret, metadata={"env": env, "help": help_, "secret": secret})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of faceml, typed, with its default; empty text means "not set"."""

    home: Path = _setting("FACEML_HOME", "folder of the library: database, vector index, caches", Path("library"))
    model_pack: str = _setting(
        "FACEML_MODEL_PACK", "model pack: opencv-zoo, an InsightFace pack, or its folder", "buffalo_l"
    )
    model_root: Path = _setting(
        "FACEML_MODEL_ROOT", "InsightFace root; packs lie in its models/ folder", Path("~/.insightface")
    )
    quality_model: str = _setting(
        "FACEML_QUALITY_MODEL", "ONNX file of a model that rates faces, as eDifFIQA does; empty: faces are not rated"
    )
    provider: str = _setting(
        "FACEML_PROVIDER",
        "where models run: auto, cpu, cuda (also compares faces), rocm, openvino, coreml or directml",
        "auto",
    )
    database_url: str = _setting("DATABASE_URL", "PostgreSQL; empty: SQLite in the library's folder", secret=True)
    qdrant_url: str = _setting("QDRANT_URL", "Qdrant server; empty: the embedded engine", secret=True)
    redis_url: str = _setting("REDIS_URL", "Redis for jobs; empty: the embedded one", secret=True)
    tracking_uri: str = _setting("MLFLOW_TRACKING_URI", "MLflow; empty: mlruns/mlflow.db here", secret=True)
    api_key: str = _setting("FACEML_API_KEY", "key that the REST API asks for", secret=True)
    api_read_key: str = _setting("FACEML_API_READ_KEY", "second key, which may only read", secret=True)
    api_origins: str = _setting("FACEML_API_ORIGINS", "web origins that may call the REST API (a,b); empty: none")
    webhook_url: str = _setting("FACEML_WEBHOOK_URL", "who is told of recognised faces; empty: nobody", secret=True)
    webhook_sends: str = _setting("FACEML_WEBHOOK_SENDS", "what it is told: ids, or names too", "ids")
    track: str = _setting("FACEML_TRACK", "whether commands record runs in MLflow, as notebooks do: yes or no", "no")
    log_level: str = _setting("LOG_LEVEL", "DEBUG, INFO, WARNING, ERROR or CRITICAL", "WARNING")
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    root: ProjectRoot = ProjectRoot()

    @property
    def database(self) -> str:
        """SQLAlchemy URL; a plain `postgresql://` is taken to mean psycopg."""
        if not self.database_url:
            return sqlite_url(self.home / "faceml.db")
        scheme, _, rest = self.database_url.partition("://")
        return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else self.database_url

    @property
    def index_folder(self) -> Path:
        return self.home / "index"

    @property
    def checkpoint_folder(self) -> Path:
        return self.home / "models"

    @property
    def cache_folder(self) -> Path:
        return self.home / "cache"

    @property
    def redis_folder(self) -> Path:
        return self.home / "redis"

    @property
    def tracking(self) -> str:
        return self.tracking_uri or sqlite_url(self._runs_folder / "mlflow.db")

    @property
    def artifact_folder(self) -> Path:
        return self._runs_folder / "artifacts"

    @property
    def _runs_folder(self) -> Path:
        return (self.root.folder / "mlruns").resolve()


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One line of `faceml settings`."""

    name: str
    value: str
    source: str
    help: str


def read_settings(environ: Mapping[str, str] | None = None, *, folder: Path | None = None) -> Settings:
    """Settings from the environment and from `.env` in the root of the project that `folder` (default: here) is in.

    Every path, and every SQLite file in a URL, is absolute.

    Raises:
        WrongUse: a value that cannot be used, with the variable's name.
    """
    root = find_root(folder)
    environ = os.environ if environ is None else environ
    dotenv = _read_dotenv(root.folder / ".env")
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for setting in _setting_fields():
        name = setting.metadata["env"]
        if name in environ:  # also when empty: that is how a setting of .env is switched off
            values[setting.name], sources[name] = environ[name] or setting.default, "environment"
        elif dotenv.get(name):
            values[setting.name], sources[name] = dotenv[name], ".env"
        else:
            values[setting.name], sources[name] = setting.default, "default"
    values["home"] = _from_root(root, values["home"])
    if sources["FACEML_MODEL_ROOT"] == "default" and not has_home():
        values["model_root"] = values["home"] / OWN_HOME / Path(values["model_root"]).relative_to("~")
    else:
        values["model_root"] = _from_root(root, values["model_root"])
    if os.sep in values["model_pack"]:  # a folder, not a name
        values["model_pack"] = str(_from_root(root, values["model_pack"]))
    if values["quality_model"]:
        values["quality_model"] = str(_from_root(root, values["quality_model"]))
    for name in ("database_url", "tracking_uri"):
        values[name] = with_absolute_file(values[name], root.folder)
    values["log_level"] = _checked_level(str(values["log_level"]))
    if values["webhook_sends"] not in ("ids", "names"):
        raise WrongUse(f"FACEML_WEBHOOK_SENDS={values['webhook_sends']!r}: write ids or names")
    if values["track"] not in ("yes", "no"):
        raise WrongUse(f"FACEML_TRACK={values['track']!r}: write yes or no")
    values["provider"] = _checked_provider(str(values["provider"]))
    return Settings(**values, sources=sources, root=root)


def find_root(folder: Path | None = None) -> ProjectRoot:
    """The project that `folder` (default: the working folder) is in: the nearest folder upwards that is marked.

    A `.env` that names a setting `FACEML_…` marks it, set or commented out as `faceml init` leaves it; so does the
    pyproject.toml of faceml's own checkout. Where nothing is marked, the root is `folder` itself.
    """
    try:
        folder = (folder or Path.cwd()).resolve()
    except FileNotFoundError as error:
        raise WrongUse(FOLDER_GONE) from error
    for place in (folder, *folder.parents):
        for name, mark in _MARKS:
            if mark.search(_text(place / name)):
                return ProjectRoot(place, name)
    return ProjectRoot(folder)


def show_settings(settings: Settings) -> list[ShownSetting]:
    """Each setting with its value and source, secrets hidden."""
    return [
        ShownSetting(
            name=setting.metadata["env"],
            value=_shown(str(getattr(settings, setting.name)), secret=setting.metadata["secret"]),
            source=settings.sources.get(setting.metadata["env"], "argument"),
            help=setting.metadata["help"],
        )
        for setting in _setting_fields()
    ]


def setting_names() -> list[str]:
    """The environment variables that are read."""
    return [setting.metadata["env"] for setting in _setting_fields()]


def _setting_fields() -> list[Field[Any]]:
    return [item for item in fields(Settings) if "env" in item.metadata]


def _shown(value: str, *, secret: bool) -> str:
    if not secret or not value:
        return value
    return without_password(value) if "://" in value else "***"


def _checked_level(level: str) -> str:
    if level.upper() not in LOG_LEVELS:
        raise WrongUse(f"LOG_LEVEL={level!r} is not a level; use one of {', '.join(LOG_LEVELS)}")
    return level.upper()


def _checked_provider(provider: str) -> str:
    if provider.lower() not in PROVIDERS:
        raise WrongUse(f"FACEML_PROVIDER={provider!r} is not known; use one of {', '.join(PROVIDERS)}")
    return provider.lower()


def _from_root(root: ProjectRoot, path: str | Path) -> Path:
    return (root.folder / from_home(Path(path))).resolve()


def _text(file: Path) -> str:
    """What a file says; nothing where there is none that may be read."""
    try:
        return _decoded(file.read_bytes()) if file.is_file() else ""
    except OSError:
        return ""


def _decoded(content: bytes) -> str:
    """Text as editors save it, with or without a mark of its encoding; what is not UTF-8 in it can be told later."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    return content.decode("utf-8-sig", errors="surrogateescape")


def _read_dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values  # only where there is a file to read

    try:
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise WrongUse(f"{path} cannot be read ({error.strerror}): make it readable, or move it away") from error
    values = {name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value}
    for name in setting_names():
        if re.search(r"[\udc80-\udcff]", values.get(name, "")):
            raise WrongUse(f"{name} in {path} is not in UTF-8: save the file as UTF-8")
    return values


def current_actor() -> str:
    """Who makes a decision at this keyboard, for the log of decisions."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
