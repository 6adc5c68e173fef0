"""A project of one's own: the notebooks, pipelines and `.env` that faceml ships and `faceml init` lays out."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from faceml.config import Settings, show_settings
from faceml.errors import NoSpace, WrongUse
from faceml.files import is_full, no_space

SHIPPED = (("notebooks", "*.ipynb"), ("pipelines", "*.yaml"))
DOTENV_HEAD = """\
# Settings of the faceml project in this folder. Take the # off a line to set it; the environment comes first.
# Relative paths start here, whatever folder a command or a notebook runs in. `faceml settings` shows what holds.
"""


@dataclass(frozen=True, slots=True)
class LaidOut:
    folder: Path
    notebooks: int
    pipelines: int


def shipped_folder() -> Path:
    """The folder that holds faceml's own `notebooks/` and `pipelines/`: in the installed package, or its checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "shipped"  # as pyproject.toml puts them into the wheel
    return installed if installed.is_dir() else package.parents[1]


def lay_out_project(folder: Path) -> LaidOut:
    """Copy the notebooks and pipelines into `folder`, and mark it as a project by a `.env` that sets nothing yet.

    Raises:
        WrongUse: one of the files is there already, or the folder cannot be written. Nothing is overwritten.
    """
    texts = {
        folder / part / file.name: file.read_text(encoding="utf-8")
        for part, pattern in SHIPPED
        for file in sorted((shipped_folder() / part).glob(pattern))
    }
    texts[folder / ".env"] = _dotenv()
    taken = next((file for file in texts if file.exists()), None)
    if taken is not None:
        raise WrongUse(f"{taken} is there already, and nothing is overwritten: move it away, or name another folder")
    try:
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as stream:
                stream.write(text)
    except OSError as error:
        for file in texts:  # of which none was there
            with suppress(OSError):
                file.unlink()
        if is_full(error):
            raise NoSpace(no_space(folder)) from error
        raise WrongUse(f"{folder} cannot be written ({error.strerror}): name another folder") from error
    counts = {part: sum(file.parent.name == part for file in texts) for part, _ in SHIPPED}
    return LaidOut(folder, **counts)


def _dotenv() -> str:
    lines = [f"\n# {item.help}\n# {item.name}={item.value}\n" for item in show_settings(Settings())]
    return DOTENV_HEAD + "".join(lines)
