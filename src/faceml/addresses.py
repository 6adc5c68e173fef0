"""Addresses of stores: the URL of a SQLite file, the file of a URL, and how an address may be shown."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from faceml.home import from_home

# A query is settings of SQLite's; any other ? is a letter of the path that somebody did not write as %3F.
_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///(?!:memory:|file:)(?P<file>.+?)(?P<query>\?\w+=[^/?]*)?", re.DOTALL)
_ADDRESS = re.compile(r"(?:\w[\w+.-]*:/)?/\S+")
_QUERY_ITEM = re.compile(r"[^&;]+")
_KEYWORD = re.compile(r"\w+\s*=\s*(?:'[^']*'|\S+)")  # libpq's other way to name a database
_HARMLESS = re.compile(  # in a URL's query: how, where and as whom; the rest may open something
    r"(?:host(?:addr)?|port|user|db|dbname|application_name|client_encoding|options|target_session_attrs|channel_binding"
    r"|(?:connect_|socket_|socket_connect_)?timeout|ssl(?:mode|cert|key|rootcert)|ssl_\w+(?:file|certs|reqs|hostname)"
    r"|mode|uri|cache|protocol|prefer_grpc|max_connections|health_check_interval)\s*=[\w\s./:,%+*-]*",
    re.IGNORECASE,
)


def sqlite_url(file: Path) -> str:
    """The URL of a SQLite file, as SQLAlchemy and MLflow read it, whatever letters are in its path.

    >>> sqlite_url(Path("/photos/faceml.db")), sqlite_url(Path("/Who? 2024/faceml.db"))
    ('sqlite:////photos/faceml.db', 'sqlite+pysqlite:////Who%3F 2024/faceml.db')
    """
    path = str(file).replace("%", "%25").replace("?", "%3F")  # all that SQLAlchemy reads otherwise; bytes stay bytes
    # With its driver: of `sqlite:///` MLflow makes the folder that stands there, %3F and all, beside the right one.
    return f"sqlite:///{path}" if path == str(file) else f"sqlite+pysqlite:///{path}"


def sqlite_file(url: str) -> Path | None:
    """The file of such a URL; None for a server, a database in memory, or anything else.

    >>> [str(sqlite_file(url)) for url in ("sqlite:////Who%3F/a.db?timeout=9", "sqlite:////Who? 2024/a.db")]
    ['/Who?/a.db', '/Who? 2024/a.db']
    """
    found = _SQLITE.fullmatch(url)
    return Path(unquote(found["file"])) if found else None


def with_absolute_file(url: str, folder: Path = Path()) -> str:
    """The URL; where it names a SQLite file, with that file's whole path, a relative one from `folder` (default: here).

    >>> with_absolute_file("sqlite:///mlruns/mlflow.db", Path("/project"))
    'sqlite:////project/mlruns/mlflow.db'
    """
    found, file = _SQLITE.fullmatch(url), sqlite_file(url)
    if found is None or file is None:
        return url
    return sqlite_url((folder / from_home(file)).resolve()) + (found["query"] or "")


def without_password(url: str) -> str:
    """The URL as it may be shown: no secret before its host, and of its query only what is known to be none.

    >>> without_password("postgresql://me:secret@db:5432/faces?sslmode=require&sslpassword=secret")
    'postgresql://me:***@db:5432/faces?sslmode=require&sslpassword=***'
    """
    scheme, is_url, rest = url.partition("://") if "://" in url else ("", "", url)
    is_file = scheme.startswith(("sqlite", "file"))
    credentials, at, place = rest.rpartition("@")  # a password may hold / ? # and @, whatever its URL should look like
    user, has_password, _ = credentials.partition(":")
    if is_file or (not has_password and set("/?#") & set(credentials)):
        shown, place = "", rest
    elif has_password:
        shown = f"{user}:***@"
    else:
        shown = "***@" if at and scheme in ("", "http", "https") else f"{user}{at}"  # a token may stand for both
    path, asks, query = place.partition("?")
    path, is_cut, _ = (path, "", "") if is_file else path.partition("#")
    path = path if is_url else _KEYWORD.sub(_shown_item, path)
    return f"{scheme}{is_url}{shown}{path}{is_cut and '#***'}{asks}{_QUERY_ITEM.sub(_shown_item, query)}"


def without_secrets(text: str) -> str:
    """A message of somebody else's, with the URLs and paths in it as they may be shown.

    >>> without_secrets("request to http://me:secret@host/api?token=secret failed")
    'request to http://me:***@host/api?token=*** failed'
    """
    return _ADDRESS.sub(lambda found: without_password(found[0]), text)


def _shown_item(item: re.Match[str]) -> str:
    name, is_set, _ = item[0].partition("=")
    return item[0] if _HARMLESS.fullmatch(item[0]) else f"{name}=***" if is_set else "***"
