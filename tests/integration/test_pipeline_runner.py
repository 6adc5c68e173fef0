"""Pipelines of tiny notebooks, run in real kernels and recorded in a real MLflow store."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from faceml.errors import PipelineFailed, Unavailable, WrongUse
from faceml.pipelines.definition import read_pipeline
from faceml.pipelines.history import PipelineRun, RunStatus, StepRun, StepStatus, new_run_folder, past_runs, save_run
from faceml.pipelines.runner import run_pipeline
from faceml.tracking import Tracking

DETECT = """
import os
from faceml.pipelines.results import report
from faceml.tracking import Tracking
from PIL import Image
face = Image.new("RGB", (8, 8), "red")
with Tracking("sqlite:///never-made.db", ".").run("detect", parameters={"photos": photos}) as run:
    run.metrics({"quality": 0.5})
    run.faces_picture("sheet.png", face)
display(face)
report(faces=faces, home=os.environ["FACEML_HOME"], cwd=os.getcwd())
"""
CLUSTER = """
from pathlib import Path
from faceml.pipelines.results import report
if fail_if_exists and Path(fail_if_exists).exists():
    raise ValueError("eps must be positive\\nsecond line")
report(clusters=faces * 2, title=title)
"""


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    folder = tmp_path_factory.mktemp("mlruns")
    return Tracking(f"sqlite:///{folder}/mlflow.db", folder / "artifacts")


def make_project(folder: Path) -> Path:
    """Three steps: detect, cluster when there are faces, report."""
    write_notebook(folder / "detect.ipynb", "photos = '.'\nfaces = 3", ("# Find the faces", DETECT))
    write_notebook(
        folder / "cluster.ipynb",
        "faces = -1\ntitle = ''\nfail_if_exists = None",
        ("## Read", "x = 1"),
        ("## Group them", CLUSTER),
    )
    write_notebook(
        folder / "report.ipynb",
        "clusters = 'default'",
        ("# Tell", "from faceml.pipelines.results import report\nreport(clusters=clusters)"),
    )
    (folder / "small.yaml").write_text(
        textwrap.dedent("""\
        name: small
        parameters:
          photos: {type: path, default: .}
          faces: 3
          stop: ""
        steps:
          - name: detect
            notebook: detect.ipynb
            parameters: {photos: "${parameters.photos}", faces: "${parameters.faces}"}
          - name: cluster
            notebook: cluster.ipynb
            when: ${steps.detect.faces}
            parameters:
              faces: ${steps.detect.faces}
              title: ${steps.detect.faces} faces
              fail_if_exists: ${parameters.stop}
          - name: report
            notebook: report.ipynb
            parameters: {clusters: "${steps.cluster.clusters}"}
        """)
    )
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path)


@dataclass(frozen=True)
class Finished:
    project: Path
    run: PipelineRun
    progress: list[tuple[int, int, str, int, int]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tracking: Tracking) -> Finished:
    """One run that went well, looked at by several tests."""
    project = make_project(tmp_path_factory.mktemp("finished"))
    progress: list[tuple[int, int, str, int, int]] = []
    done = run(project, tracking, on_progress=lambda *told: progress.append(told))
    return Finished(project, done, progress)


def write_notebook(path: Path, parameters: str, *cells: tuple[str, str]) -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    for heading, source in cells:
        notebook.cells += [nbformat.v4.new_markdown_cell(heading), nbformat.v4.new_code_cell(source.strip())]
    nbformat.write(notebook, path)


def run(project: Path, tracking: Tracking, **options: Any) -> PipelineRun:
    options = {"parameters": {}, "home": project / "library", "folder": project, **options}
    return run_pipeline(read_pipeline(project / "small.yaml"), tracking=tracking, **options)


def remember(project: Path, *steps: StepRun) -> None:
    """Leave the record of an earlier run."""
    started = datetime.now().astimezone()
    folder = new_run_folder(project / "library", "small", started)
    parameters = {"photos": str(project), "faces": 3, "stop": ""}
    save_run(PipelineRun("small", RunStatus.FAILED, started, parameters, steps, folder=folder))


def client_of(tracking: Tracking) -> Any:
    from mlflow import MlflowClient  # late: collecting the tests stays quick

    return MlflowClient(tracking.store.uri)


def artifacts(tracking: Tracking, step: StepRun) -> Path:
    uri: str = client_of(tracking).get_run(step.run_id).info.artifact_uri
    return Path(uri.removeprefix("file://"))


def test_results_travel_from_step_to_step(finished: Finished) -> None:
    assert finished.run.status is RunStatus.DONE
    detect, cluster, report = finished.run.steps
    assert detect.results == {"faces": 3, "home": str(finished.project / "library"), "cwd": str(finished.project)}
    assert cluster.results == {"clusters": 6, "title": "3 faces"}
    assert report.results == {"clusters": 6}


def test_progress_is_told_cell_by_cell(finished: Finished) -> None:
    assert finished.progress[:4] == [(1, 3, "detect", cell, 3) for cell in range(4)]
    assert finished.progress[-1] == (3, 3, "report", 3, 3)


def test_a_run_is_kept_with_its_notebooks(finished: Finished) -> None:
    folder = finished.run.folder
    assert folder is not None
    assert sorted(path.name for path in folder.iterdir()) == [
        "01_detect.ipynb",
        "02_cluster.ipynb",
        "03_report.ipynb",
        "report.html",
        "run.json",
    ]
    broken = folder.with_name("small-broken")
    broken.mkdir()
    (broken / "run.json").write_text("{")
    assert past_runs(finished.project / "library", "small") == [finished.run]
    assert past_runs(finished.project / "library", "other") == []


def test_a_run_is_an_mlflow_run_with_a_child_a_step(finished: Finished, tracking: Tracking) -> None:
    client = client_of(tracking)
    detect = finished.run.steps[0]
    parent, child = client.get_run(finished.run.run_id), client.get_run(detect.run_id)
    assert (parent.info.status, child.info.status) == ("FINISHED", "FINISHED")
    assert child.data.tags["mlflow.parentRunId"] == finished.run.run_id
    assert child.data.tags["kind"] == "detect"
    assert child.data.params == {"photos": str(finished.project), "faces": "3"}
    assert child.data.metrics == {"quality": 0.5, "faces": 3.0, "seconds": detect.seconds}
    assert parent.data.metrics["cluster.clusters"] == 6.0
    assert parent.data.tags["step.report"] == "done"


def test_the_logged_notebook_shows_no_picture_but_the_librarys_does(finished: Finished, tracking: Tracking) -> None:
    detect = finished.run.steps[0]
    assert detect.notebook is not None
    assert "image/png" in detect.notebook.read_text()
    logged = (artifacts(tracking, detect) / "notebook" / "01_detect.ipynb").read_text()
    assert "image/png" not in logged
    assert "picture left out" in logged
    assert not list(artifacts(tracking, detect).rglob("sheet.png"))


def test_pictures_are_logged_where_the_run_allows_them_and_no_file_handle_is_left(
    project: Path, tracking: Tracking
) -> None:
    source = (project / "detect.ipynb").read_text()
    allowing = source.replace('run(\\"detect\\",', 'run(\\"detect\\", pictures_allowed=True,')
    assert allowing != source
    (project / "detect.ipynb").write_text(allowing)
    text = (project / "small.yaml").read_text()
    (project / "small.yaml").write_text(text[: text.index("  - name: cluster")])
    before = psutil.Process().num_fds()
    done = run(project, tracking)
    assert psutil.Process().num_fds() <= before + 2
    assert (artifacts(tracking, done.steps[0]) / "sheet.png").exists()
    assert "image/png" in (artifacts(tracking, done.steps[0]) / "notebook" / "01_detect.ipynb").read_text()


def test_a_step_with_nothing_new_is_skipped_and_later_ones_use_their_defaults(
    project: Path, tracking: Tracking
) -> None:
    remember(project, StepRun("detect", StepStatus.DONE, results={"faces": 0}))
    done = run(project, tracking, from_step="cluster")
    assert [step.status for step in done.steps[1:]] == [StepStatus.SKIPPED, StepStatus.DONE]
    assert done.steps[1].note == "nothing new (steps.detect.faces is 0)"
    assert done.steps[2].results == {"clusters": "default"}


def test_a_failed_step_stops_the_run_and_from_completes_it(project: Path, tracking: Tracking) -> None:
    stop = project / "stop"
    stop.touch()
    with pytest.raises(PipelineFailed) as caught:
        run(project, tracking, parameters={"stop": str(stop), "faces": 4})
    (failed,) = past_runs(project / "library")
    assert failed.folder is not None
    notebook = failed.folder / "02_cluster.ipynb"
    assert str(caught.value) == (
        'The pipeline small stopped at the step cluster, cell [4] "Group them": ValueError: eps must be positive;'
        f" see {notebook}, then go on with --from cluster"
    )
    assert failed.status is RunStatus.FAILED
    assert "eps must be positive" in notebook.read_text()

    client = client_of(tracking)
    child = client.get_run(failed.steps[1].run_id)
    assert child.info.status == client.get_run(failed.run_id).info.status == "FAILED"
    assert child.data.tags["failed_cell"] == 'cell [4] "Group them"'
    assert child.data.tags["error"] == "ValueError: eps must be positive"
    assert [file.path for file in client.list_artifacts(child.info.run_id, "notebook")] == ["notebook/02_cluster.ipynb"]

    stop.unlink()
    completed = run(project, tracking, from_step="cluster")
    assert completed.status is RunStatus.DONE
    assert completed.steps[0] == failed.steps[0]
    assert [step.results.get("clusters") for step in completed.steps] == [None, 8, 8]
    assert "small --from cluster</code>" in (failed.folder / "report.html").read_text()
    assert completed.folder is not None
    page = (completed.folder / "report.html").read_text()
    linked = [(completed.folder / target).resolve() for target in re.findall('href="([^"]+)"', page)]
    assert [file.name for file in linked] == ["01_detect.ipynb", "02_cluster.ipynb", "03_report.ipynb"]
    assert all(file.is_file() for file in linked), "those of the run before, too"
    assert page.count("in the run before") == 1


def test_a_run_cannot_be_resumed_behind_the_failed_step(project: Path, tracking: Tracking) -> None:
    with pytest.raises(WrongUse, match="has no earlier run"):
        run(project, tracking, from_step="cluster")
    remember(project, StepRun("detect", StepStatus.DONE), StepRun("cluster", StepStatus.FAILED))
    with pytest.raises(WrongUse, match=r"The step cluster failed in the last run .*; use --from cluster"):
        run(project, tracking, from_step="report")
    with pytest.raises(WrongUse, match=r"did you mean report\?"):
        run(project, tracking, from_step="reports")


def test_a_result_that_was_not_reported_is_told(project: Path, tracking: Tracking) -> None:
    remember(project, StepRun("detect", StepStatus.DONE, results={"face": 3}))
    with pytest.raises(PipelineFailed, match=r"the step detect reported no 'faces'; did you mean face\?"):
        run(project, tracking, from_step="cluster")


def test_a_kernel_that_dies_is_told_with_its_cell(project: Path, tracking: Tracking) -> None:
    write_notebook(project / "detect.ipynb", "photos = '.'\nfaces = 3", ("# Crash", "import os\nos._exit(9)"))
    with pytest.raises(PipelineFailed, match=r'at the step detect, cell \[3\] "Crash": the kernel died'):
        run(project, tracking)


def test_a_dry_run_fills_in_what_is_known_and_touches_nothing(project: Path, tracking: Tracking) -> None:
    planned = run(project, tracking, dry_run=True, parameters={"faces": "9"})
    assert [step.status for step in planned.steps] == [StepStatus.PLANNED] * 3
    assert planned.steps[0].parameters == {"photos": str(project), "faces": 9}
    assert planned.steps[1].parameters["faces"] == "${steps.detect.faces}"
    assert planned.steps[1].note == "when ${steps.detect.faces}"
    assert not (project / "library").exists()


def test_an_unreachable_tracking_server_stops_a_run_before_it_starts(project: Path) -> None:
    with pytest.raises(Unavailable, match=r"MLflow at http://127.0.0.1:9 does not take the run: .*refused"):
        run(project, Tracking("http://127.0.0.1:9", project))
    assert not (project / "library").exists()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.nightly),
        pytest.param(signal.SIGKILL, -9, marks=pytest.mark.nightly),
    ],
)
def test_no_kernel_outlives_its_runner(project: Path, tracking: Tracking, sent: signal.Signals, code: int) -> None:
    pipe = project / "pid"
    os.mkfifo(pipe)
    cell = f"import os, time\nopen({str(pipe)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    write_notebook(project / "detect.ipynb", "photos = '.'\nfaces = 3", ("# Wait", cell))
    # A shell that runs these tests in its background has them ignore Ctrl-C.
    script = f"""
        import signal
        from pathlib import Path
        from faceml.pipelines.definition import read_pipeline
        from faceml.pipelines.runner import run_pipeline
        from faceml.tracking import Tracking
        signal.signal(signal.SIGINT, signal.default_int_handler)
        project = Path({str(project)!r})
        try:
            run_pipeline(read_pipeline(project / "small.yaml"), parameters={{}}, home=project / "library",
                         tracking=Tracking({tracking.store.uri!r}, project), folder=project)
        except KeyboardInterrupt:
            raise SystemExit(130)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stderr=subprocess.PIPE) as runner:
        kernel = psutil.Process(int(pipe.read_text()))  # waits until the cell runs
        runner.send_signal(sent)
        assert runner.wait(timeout=120) == code
        assert runner.stderr is not None
        assert runner.stderr.read() == b""
    kernel.wait(timeout=60)

    (stopped,) = past_runs(project / "library")
    if sent is signal.SIGKILL:
        assert stopped.status is RunStatus.RUNNING  # nobody was left to write it
        return
    assert stopped.status is RunStatus.STOPPED
    assert [(step.status, step.error) for step in stopped.steps] == [(StepStatus.FAILED, "stopped")]
    assert client_of(tracking).get_run(stopped.run_id).info.status == "KILLED"
