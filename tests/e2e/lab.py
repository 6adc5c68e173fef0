"""A JupyterLab of its own for a test: on loopback, with a random port and token, an empty home, and a real browser."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from faceml.library import Library
from tests.conftest import REPO, skip_or_fail

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
START_S = 180  # a busy machine may need minutes


@dataclass(frozen=True)
class Lab:
    url: str
    token: str
    folder: Path
    log: Path
    runtime: Path  # where the server and its kernels say how they are reached

    def get(self, path: str) -> Any:
        return self._ask(path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._ask(path, json.dumps(body).encode())

    def _ask(self, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(f"{self.url}{path}?token={self.token}", data=body)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def running_lab(
    folder: Path,
    environment: Mapping[str, str],
    *,
    theme: str = "JupyterLab Light",
    command: Sequence[str] = (sys.executable, "-m", "jupyterlab", "."),
) -> Iterator[Lab]:
    """Run a command that starts JupyterLab in `folder`, until the block ends; only this server and its kernels stop."""
    home = folder / ".home"
    settings = home / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
    token, port = secrets.token_hex(16), _free_port()
    options = {
        "ServerApp": {
            "allow_root": True, "ip": "127.0.0.1", "open_browser": False, "port": port, "port_retries": 0,
        },
        "IdentityProvider": {"token": token},
        "KernelManager": {"transport": "ipc"},
        "LabApp": {"check_for_updates_class": "jupyterlab.NeverCheckForUpdate", "news_url": None},
    }  # fmt: skip
    (home / "config" / "jupyter_server_config.json").write_text(json.dumps(options))
    environ = {
        **os.environ,
        **environment,
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "config" / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": f"{REPO / 'src'}:{REPO}",
    }
    log = folder / ".home" / "lab.log"
    # The kernels' sockets: their path has at most 100 characters.
    with log.open("w") as output, tempfile.TemporaryDirectory(prefix="faceml-lab-") as runtime:
        environ["JUPYTER_RUNTIME_DIR"] = runtime
        server = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=output, stderr=output, start_new_session=True
        )
        lab = Lab(f"http://127.0.0.1:{port}", token, folder, log, Path(runtime))
        try:
            _wait_until_up(lab, server)
            yield lab
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # `make` and what it started
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(lab: Lab, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert server.poll() is None, lab.log.read_text()[-2000:]
        with suppress(OSError):
            lab.get("/api")
            return
        time.sleep(0.1)
    raise AssertionError(lab.log.read_text()[-2000:])


@contextmanager
def browser() -> Iterator[Any]:
    """A real chromium; the test skips, or fails where everything is required, if there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        skip_or_fail("playwright is not installed")
    found = next((path for path in CHROMIUM if Path(path).exists()), shutil.which("chromium"))
    if not found:
        skip_or_fail("chromium is not installed")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
               "--disable-background-networking", "--disable-component-update", "--disable-sync")  # fmt: skip
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, headless=True, args=list(options))
        yield opened
        opened.close()


def open_notebook(page: Any, lab: Lab, name: str) -> None:
    """Open a notebook and run all of its cells, by keyboard."""
    from playwright.sync_api import TimeoutError, expect

    page.goto(f"{lab.url}/lab/tree/{name}?reset&token={lab.token}")
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").first.wait_for(timeout=START_S * 1000)
    # Run All before the status bar says Idle is dropped without a word; the notebook's own sign says idle too early.
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=START_S * 1000)
    ran = page.locator(".jp-NotebookPanel .jp-InputPrompt").filter(has_text=re.compile(r"\[(\*|\d+)\]"))
    for _ in range(5):
        page.keyboard.press("Control+Shift+C")
        palette = page.locator(".lm-CommandPalette-input")
        palette.wait_for()
        page.keyboard.type("Run All Cells")
        page.locator('.lm-CommandPalette-item[data-command="runmenu:run-all"], '
                     '.lm-CommandPalette-item[data-command="notebook:run-all-cells"]').first.wait_for()  # fmt: skip
        page.keyboard.press("Enter")
        with suppress(TimeoutError):
            ran.first.wait_for(timeout=5_000)
            return
    raise AssertionError("JupyterLab does not run the cells")


def lab_folder(tmp_path: Path, library: Library, cells: list[str]) -> tuple[Path, dict[str, str]]:
    folder = tmp_path / "lab"
    folder.mkdir()
    if cells:
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
        notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
        nbformat.write(notebook, folder / "03_label.ipynb")
    else:
        shutil.copy(REPO / "notebooks" / "03_label.ipynb", folder)
    return folder, {
        "FACEML_HOME": str(library.settings.home),
        "FACEML_MODEL_PACK": "opencv-zoo",
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "LOGNAME": "ada",
    }


def assert_no_face_in(notebook: Path, library: Library) -> None:
    with library.repository.read() as unit:
        ids = [str(face_id) for face_id, _, _ in unit.faces.labels()]
    text = notebook.read_text()
    assert not any(face_id in text for face_id in ids)
    assert "image/" not in text
