"""Sliders beside a live plot, and how far a long cell has come: with somebody at the notebook, and with nobody."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from matplotlib.figure import Figure

from faceml.library import Library
from faceml.options import AssignOptions, ClusterOptions
from faceml.plots.interactive import MIME
from faceml.services.cluster.cluster import cluster_faces
from faceml.services.cluster.tune import Tuner
from faceml.services.decisions.undo import history
from faceml.services.recognise.calibrate import view_thresholds
from faceml.widgets.controls import detection_controls, grouping_controls, threshold_controls
from faceml.widgets.progress import Clock, progress
from tests.synthetic import copy_of, synthetic_library

PEOPLE, FACES = 6, 8


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made") / "library"
    synthetic_library(home, people=PEOPLE, faces=FACES, known=3).close()
    return home


@pytest.fixture
def library(made_once: Path, tmp_path: Path) -> Iterator[Library]:
    opened = copy_of(made_once, tmp_path / "library")
    yield opened
    opened.close()


def moved(controls: Any, description: str, value: Any) -> str:
    """Move the slider of that name; returns what is said then, once the picture is another."""
    slider = next(child for child in controls.children if getattr(child, "description", None) == description)
    *_, text, picture = controls.children
    before = picture.value
    slider.value = value
    assert picture.value != before
    assert bytes(picture.value).startswith(b"\x89PNG")
    return str(text.value)


def test_bounds_of_detection_count_live(library: Library) -> None:
    controls = detection_controls(library, is_live=True)
    assert "48 of 48 faces kept" in controls.children[-2].value
    assert "0 of 48 faces kept: 0 are below the confidence, 48 too small" in moved(controls, "size, px", 300)
    assert "48 are below the confidence" in moved(controls, "confidence", 1.0)


def test_groups_are_tried_beside_those_there_are_and_none_is_changed(library: Library) -> None:
    report = cluster_faces(library, ClusterOptions())
    controls = grouping_controls(library, is_live=True)
    assert f"{report.clusters_found} groups (now {report.clusters_found})" in controls.children[-2].value
    assert f"0 groups (now {report.clusters_found})" in moved(controls, "faces", 30)
    assert "no face waits to be grouped" in moved(controls, "quality", 1.0)
    assert len(history(library.repository)) == 3
    assert cluster_faces(library, ClusterOptions()).clusters_found == report.clusters_found


def test_a_threshold_tells_what_it_lets_in(library: Library) -> None:
    views = view_thresholds(library, ["raw"])
    controls = threshold_controls(views, is_live=True)
    right, wrong = (views[0].genuine >= 0.9).mean(), (views[0].impostor >= 0.9).mean()
    assert f"From 0.90 on: {right:.1%}" in moved(controls, "threshold", 0.9)
    assert f"{wrong:.2%} would be taken" in controls.children[-2].value
    assert threshold_controls((), is_live=True) is None


def test_false_matches_are_those_of_a_slow_count(library: Library) -> None:
    (view,) = view_thresholds(library, ["raw"])
    tuner = Tuner(library)
    for threshold in (0.05, 0.2, 0.9):
        found = tuner.recognition(AssignOptions(threshold=threshold, matcher="plain"), again=True).false_matches
        assert found is not None
        assert found.share == (view.impostor >= threshold).mean()
        assert found.share <= found.at_most <= 1


def test_where_nobody_sits_there_is_a_sentence_and_a_plot(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    for shown in (
        detection_controls(library),
        grouping_controls(library),
        threshold_controls(view_thresholds(library, ["raw"])),
    ):
        assert isinstance(shown, Figure)
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == ["48", "36", "From"]


def test_a_long_cell_tells_the_time_left_and_leaves_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter(range(0, 1_000, 10))
    clock = Clock("photos", lambda: float(next(seconds)))
    assert clock.told(0, 90)
    assert clock.told(30, 90)
    assert clock.words.startswith("30 of 90 photos, ")
    assert clock.words.endswith(" left")
    with progress("Photos looked at", "photos") as on_progress:
        on_progress(1, 2)
        on_progress(2, 2)
    assert capsys.readouterr().out.startswith("Photos looked at: 2 photos in ")
    with progress("Nothing to do") as on_progress:
        pass
    assert capsys.readouterr().out == ""


def test_a_front_end_that_can_ask_has_somebody_before_it() -> None:
    """JupyterLab's requests say that it can ask for input, papermill's that it cannot."""
    manager = KernelManager()
    manager.kernel_cmd = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel()
    client = manager.client()
    code = (
        "from faceml.plots.curves import score_histogram\n"
        "from faceml.tracking.unattended import is_attended\n"
        "print(is_attended())\nscore_histogram([0.6, 0.7], [0.1, 0.2], 0.4)"
    )
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        for can_ask in (True, False):
            said: list[dict[str, Any]] = []
            client.execute_interactive(
                code,
                allow_stdin=can_ask,
                timeout=60,
                output_hook=lambda message, said=said: said.append(message["content"]),
            )
            assert str(can_ask) in "".join(content.get("text", "") for content in said)
            (shown,) = [content["data"] for content in said if "data" in content]
            assert "image/png" in shown
            assert (MIME in shown) is can_ask
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
