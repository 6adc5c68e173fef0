"""README and tutorial as a newcomer follows them: every command, in order, in a folder that holds nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image

from tests.conftest import REPO
from tests.ports import free_port

BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>[^>]*) -->\n)?```bash\n(?P<text>.*?)```", re.DOTALL)
PAGES = ("README.md", pytest.param("docs/tutorial.md", marks=pytest.mark.nightly))


class Newcomer:
    """A shell in an empty folder: a home with photos, a `.venv`, no settings; what is exported stays."""

    def __init__(self, folder: Path, photos: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.port = free_port()
        shutil.copytree(photos, self.home / "Pictures")
        activate = folder / ".venv" / "bin" / "activate"
        activate.parent.mkdir(parents=True)
        activate.write_text(f'export PATH="{Path(sys.executable).parent}:$PATH"\n')
        self.environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", str(REPO)),
        }

    def run(self, block: str) -> str:
        """What a block prints.

        Raises:
            AssertionError: a command of it fails.
        """
        kept = self.folder.parent / "exports"
        script = f"set -eu -o pipefail\n{self.filled_in(block)}\nexport -p > {kept}\n"
        if kept.exists():
            script = f"source {kept}\n{script}"
        shell = subprocess.Popen(
            ["bash", "-c", script],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = shell.communicate(timeout=400)
        finally:  # a server that the block left running ends with it
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
        assert shell.returncode == 0, f"{block}\n{said}"
        return said

    def filled_in(self, block: str) -> str:
        """The block with the library's own ids in place of the made-up ones."""
        block = block.replace(":8000", f":{self.port}").replace("--port 8000", f"--port {self.port}")
        invented = dict.fromkeys(re.findall(r"clu_[0-9a-f]{12}", block))
        if invented:
            there = json.loads(self.run("faceml faces clusters --json"))["items"]
            for name, cluster in zip(invented, there, strict=False):
                block = block.replace(name, cluster["cluster_id"])
        if str(UUID(int=0)) in block:
            face = json.loads(self.run('faceml people show "Grace Hopper" --json'))["faces"][0]["id"]
            block = block.replace(str(UUID(int=0)), face)
        return block


@pytest.fixture
def newcomer(tmp_path: Path, photo_folder: Path) -> Newcomer:
    """With six photos each of two people: enough for a group, and to train on."""
    photos = tmp_path / "made"
    shutil.copytree(photo_folder, photos)
    for name in ("hopper", "astronaut"):
        for number in range(5):
            with Image.open(photos / f"{name}.jpg") as photo:
                photo.rotate(3 * number - 6).save(photos / f"{name}{number}.jpg")
    folder = tmp_path / "faceml"
    folder.mkdir()
    return Newcomer(folder, photos)


def blocks(page: str) -> list[str]:
    """The blocks of a page that are to run."""
    found = BLOCK.finditer((REPO / page).read_text())
    return [match["text"] for match in found if match["reason"] is None]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_works_for_a_newcomer(page: str, newcomer: Newcomer) -> None:
    before = {path.name for path in newcomer.folder.iterdir()}
    for block in blocks(page):
        newcomer.run(block)
    if page == "docs/tutorial.md":
        assert {path.name for path in newcomer.folder.iterdir()} == before, "its last block leaves nothing behind"


@pytest.mark.parametrize("page", PAGES)
def test_a_block_that_does_not_run_says_why(page: str) -> None:
    skipped = [match["reason"] for match in BLOCK.finditer((REPO / page).read_text()) if match["reason"] is not None]
    assert all(reason.strip() for reason in skipped)
    assert len(skipped) < len(blocks(page))
