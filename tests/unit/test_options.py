"""Every door offers every option, under its default, and refuses the same value in the same words."""

from __future__ import annotations

import ast
import inspect
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from faceml.cli.main import cli, main
from faceml.config import Settings
from faceml.errors import WrongUse
from faceml.jobs.functions import JOBS
from faceml.options import (
    LARGEST,
    AssignOptions,
    ClusterOptions,
    DetectOptions,
    DualOptions,
    Option,
    SplitOptions,
    StepOptions,
    TrainOptions,
    options_of,
)
from faceml.pipelines.definition import read_pipeline
from faceml.pipelines.notebooks import read_cells
from serving.app import create_app
from tests.conftest import REPO
from tests.fakes import FakePack, library_with
from tests.rest import API, client_of

JSON = {"Content-Type": "application/json"}
PHOTOS = ("limit", "offset")  # which of the photos that wait: of no use to one that is named


@dataclass(frozen=True)
class Doors:
    """Where the options of one record are offered."""

    command: str
    job: str
    notebook: str
    path: str | None = None  # of the API
    jobs: tuple[str, ...] = ()  # others that take them, but for `PHOTOS`
    notebooks: tuple[tuple[str, tuple[str, ...]], ...] = ()  # others that take some
    group: str = "faces"  # that the command is in
    also: tuple[str, ...] = ()  # what else the command takes
    needed: tuple[tuple[str, Any], ...] = ()  # by its jobs


DOORS: dict[type[StepOptions], Doors] = {
    DetectOptions: Doors(
        "backfill",
        "backfill_faces_job",
        "01_detect",
        "/detect/1",
        jobs=("detect_faces_job",),
        needed=(("asset_ids", ["1"]),),
        notebooks=(("00_ingest", ("min_confidence", "min_face_size")),),
    ),
    ClusterOptions: Doors("cluster", "cluster_faces_job", "02_cluster", "/cluster"),
    DualOptions: Doors("cluster-dual", "cluster_dual_job", "02_cluster", "/cluster/dual"),
    SplitOptions: Doors(
        "split",
        "split_cluster_job",
        "10_split",
        "/clusters/clu_1/split",
        group="people",
        also=("cluster_id", "preview"),
        needed=(("cluster_id", "clu_1"),),
    ),
    AssignOptions: Doors("assign", "assign_faces_job", "06_assign"),  # the specification has no endpoint for it
    TrainOptions: Doors("train-matching", "train_matching_job", "04_train", "/train"),
}
EVERY = [(record, item) for record in DOORS for item in options_of(record)]
NAMES = [f"{record.__name__}.{item.name}" for record, item in EVERY]
NUMBERS = [(record, item) for record, item in EVERY if item.kind in (int, float)]
ON_PURPOSE = {("demo", "epochs"): 10}  # pipelines whose default is another: a demo is short


def offered_by_the_api(record: type[StepOptions], item: Option) -> bool:
    return DOORS[record].path is not None and item.name not in PHOTOS


def bad_values(item: Option) -> list[Any]:
    """Values that JSON, a shell and Python can all carry."""
    if item.kind is bool:
        return []
    if item.kind is str:
        return ["nothing of the kind"]
    below = item.least if item.open_end == "least" else item.least - 1
    above = item.most if item.open_end == "most" else item.most + 1
    return [math.nan, math.inf, -math.inf, below, above, 2**63, -(2**70), "many", *([1.5] if item.kind is int else [])]


def line_of(record: type[StepOptions], item: Option, value: Any) -> str:
    with pytest.raises(WrongUse) as refused:
        record(**{item.name: value})
    line = str(refused.value)
    assert line.startswith(f"{item.name}=")
    assert "\n" not in line
    return line


# --- the same options and defaults at every door


@pytest.mark.parametrize(("record", "item"), EVERY, ids=NAMES)
def test_every_door_offers_the_option_under_its_default(record: type[StepOptions], item: Option) -> None:
    doors = DOORS[record]
    command = command_of(doors)
    flag = next(option for option in command.params if option.name == item.name)
    assert (flag.opts, flag.default) == ([f"--{item.shell_name.replace('_', '-')}"], item.default)
    assert isinstance(flag, click.Option)
    assert flag.help == item.words
    for job in (doors.job, *(doors.jobs if item.name not in PHOTOS else ())):
        assert inspect.signature(JOBS[job]).parameters[item.api_name].default == item.default
    if offered_by_the_api(record, item):
        field = request_of(str(doors.path))["properties"][spelled(str(doors.path), item)]
        assert (field.get("default"), field["description"]) == (item.default, item.words)
    for notebook in (doors.notebook, *(name for name, taken in doors.notebooks if item.name in taken)):
        assert differences(notebook, record, item) == []


@pytest.mark.parametrize("record", DOORS)
def test_no_door_offers_what_the_record_does_not_know(record: type[StepOptions]) -> None:
    doors = DOORS[record]
    known = {item.name for item in options_of(record)}
    own = {"as_json", "queue", *doors.also, *(["resume"] if record is TrainOptions else [])}
    own |= {"track"} if record is not TrainOptions else set()
    own |= {"on"} if record in (DetectOptions, ClusterOptions, DualOptions) else set()
    assert {option.name for option in command_of(doors).params} == known | own
    if doors.path is not None:
        spelled_so = {spelled(doors.path, item) for item in options_of(record) if item.name not in PHOTOS}
        assert set(request_of(doors.path)["properties"]) - {"queue"} == spelled_so


def test_what_travels_to_a_worker_is_the_same_record_there() -> None:
    for record in DOORS:
        options = record()
        assert record.of(json.loads(json.dumps(options.parameters()))) == options
    assert AssignOptions.of({"similarity_threshold": "auto"}).threshold == "auto"


@pytest.mark.parametrize("record", DOORS)
def test_notebooks_hand_each_parameter_to_the_option_of_its_name(record: type[StepOptions]) -> None:
    source = "\n".join("".join(cell["source"]) for cell in code_of(DOORS[record].notebook)[1:])
    (call,) = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == record.__name__
    )
    bound = inspect.signature(record).bind(*call.args, **{str(each.arg): each.value for each in call.keywords})
    given_names = {name: ast.unparse(value) for name, value in bound.arguments.items()}
    assert given_names == {item.name: item.shell_name for item in options_of(record)}


def test_a_notebook_that_differs_is_named() -> None:
    item = option_named(DualOptions, "unknown_min_cluster_size")
    parameters = {"unknown_min_size": ("float", 5)}
    assert differences("02_cluster", DualOptions, item, parameters) == [
        "02_cluster: unknown_min_size is a float, the option a int",
        "02_cluster: unknown_min_size defaults to 5, the option to 3",
    ]
    assert differences("02_cluster", DualOptions, item, {}) == ["02_cluster lacks unknown_min_size"]


@pytest.mark.parametrize("file", sorted((REPO / "pipelines").glob("*.yaml")), ids=lambda file: file.stem)
def test_pipelines_have_the_defaults_of_the_options_they_set(file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    for step in document["steps"]:
        taken = [(record, item) for record, item in EVERY if taken_by(step["notebook"], record, item)]
        options = {item.shell_name: (record, item) for record, item in taken}
        for name, value in step.get("parameters", {}).items():
            if name not in options:
                continue
            record, item = options[name]
            declared = document["parameters"].get(str(value).removeprefix("${parameters.").removesuffix("}"))
            if declared is None:
                assert "${steps." in str(value) or record(**{item.name: value}), f"{file.name}: {name}"
                continue
            kind, default = (declared["type"], declared["default"]) if isinstance(declared, dict) else (None, declared)
            expected = ON_PURPOSE.get((file.stem, name), item.default)
            assert default == expected, f"{file.name}: {name} defaults to {default!r}, the option to {expected!r}"
            word = "float or auto" if item.kind is float and item.choices else item.kind.__name__
            assert (kind or type(default).__name__) == word, f"{file.name}: {name} is a {kind}, the option a {word}"


@pytest.mark.parametrize("name", ["demo", "nightly"])
def test_a_pipeline_takes_auto_for_a_threshold_and_no_other_word(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FACEML_HOME", str(tmp_path / "library"))

    def tried(threshold: str) -> Result:
        file = str(REPO / "pipelines" / f"{name}.yaml")
        words = ["pipeline", "run", file, "-p", f"photos={tmp_path}", "-p", f"threshold={threshold}", "--dry-run"]
        return CliRunner().invoke(cli, words)

    assert [tried(value).exit_code for value in ("auto", "0.4")] == [0, 0]
    for wrong in ("often", "nan", "inf", "-inf"):
        assert isinstance(tried(wrong).exception, WrongUse)
    assert str(tried("2").exception) == line_of(AssignOptions, option_named(AssignOptions, "threshold"), 2)


@pytest.mark.parametrize(("record", "item"), EVERY, ids=NAMES)
def test_a_pipeline_refuses_a_bad_value_in_the_same_line(
    record: type[StepOptions], item: Option, tmp_path: Path
) -> None:
    notebook = REPO / "notebooks" / f"{DOORS[record].notebook}.ipynb"
    for value in bad_values(item):
        step = {"name": "step", "notebook": str(notebook), "parameters": {item.shell_name: value}}
        (tmp_path / "own.yaml").write_text(yaml.safe_dump({"name": "own", "steps": [step]}))
        with pytest.raises(WrongUse) as refused:
            read_pipeline(tmp_path / "own.yaml").bind({}, folder=tmp_path)
        assert str(refused.value) == line_of(record, item, value)


def option_named(record: type[StepOptions], name: str) -> Option:
    return next(item for item in options_of(record) if item.name == name)


# --- the same line for the same value


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    library = library_with(FakePack(), Settings(home=tmp_path_factory.mktemp("options"), model_pack="opencv-zoo"))
    with client_of(library) as client:
        yield client
    library.close()


@pytest.mark.parametrize(("record", "item"), EVERY, ids=NAMES)
def test_a_bad_value_is_refused_in_the_same_line_everywhere(
    record: type[StepOptions], item: Option, api: TestClient, typed: Callable[[list[str]], str]
) -> None:
    doors = DOORS[record]
    for value in bad_values(item):
        line = line_of(record, item, value)
        words = [doors.group, doors.command, *(["clu_1"] if doors.group == "people" else [])]
        assert typed([*words, f"--{item.shell_name.replace('_', '-')}={value}"]) == f"faceml: {line}"
        for job in (doors.job, *(doors.jobs if item.name not in PHOTOS else ())):
            needed = {name: given for name, given in doors.needed if name in inspect.signature(JOBS[job]).parameters}
            with pytest.raises(WrongUse) as refused:
                JOBS[job](**needed, **{item.api_name: value})
            assert str(refused.value) == line
        if offered_by_the_api(record, item):
            answer = api.post(f"{API}{doors.path}", content=json.dumps({item.api_name: value}), headers=JSON)
            assert (answer.status_code, answer.json()["detail"]) == (422, line)


@pytest.mark.parametrize(("record", "item"), EVERY, ids=NAMES)
def test_a_wrong_type_is_refused(record: type[StepOptions], item: Option) -> None:
    switch = [] if item.kind is bool else [True]
    nothing = [] if item.default is None else [None, ""]
    for value in ([1], {"a": 1}, b"1", 1j, *switch, *nothing):
        line_of(record, item, value)


@given(number=st.one_of(st.integers(), st.floats(), st.integers(LARGEST - 2, LARGEST + 2), st.floats(-2, 2)))
def test_a_number_is_taken_where_it_lies_in_the_range_and_nowhere_else(number: float) -> None:
    for record, item in NUMBERS:
        inside = item.least <= number <= item.most and (item.kind is float or number == math.floor(number))
        inside = inside and not (item.open_end and number == getattr(item, item.open_end))
        together = {"head": "documented"} if item.name == "dropout" else {}
        together |= {"learning_rate": 1e-5} if item.name == "weight_decay" and number < 1e5 else {}
        if item.name == "weight_decay" and number == 1e5:
            continue  # what learning rates leave of it is another rule
        if inside:
            taken = getattr(record(**{item.name: number}, **together), item.name)
            assert (taken, type(taken)) == (number, item.kind)
        else:
            line_of(record, item, number)


@given(text=st.text())
def test_no_text_breaks_the_reading_of_a_shell(text: str) -> None:
    for record, item in EVERY:
        with suppress(WrongUse):
            value = getattr(record(**{item.name: item.read(text)}), item.name)
            assert value is None or isinstance(value, str | int | float)


def test_what_does_not_go_together_is_refused_at_every_door(api: TestClient, typed: Callable[[list[str]], str]) -> None:
    for options in ({"loss": "supcon", "mining": "semi-hard"}, {"dropout": 0.5}, {"weight_decay": 2e4}):
        with pytest.raises(WrongUse) as refused:
            TrainOptions(**options)  # type: ignore[arg-type]
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        assert typed(["faces", "train-matching", *words]) == f"faceml: {refused.value}"
        answer = api.post(f"{API}/train", json=options)
        assert (answer.status_code, answer.json()["detail"]) == (422, str(refused.value))


def test_auto_is_a_threshold_and_no_other_word_is() -> None:
    assert AssignOptions(threshold="auto").threshold == DualOptions(person_threshold="auto").person_threshold == "auto"
    assert AssignOptions(threshold=1).threshold == AssignOptions(threshold="1.0").threshold == 1.0
    for wrong in ("Auto", "1.01", "0.5 ", ".", "soon"):
        with pytest.raises(WrongUse):
            AssignOptions(threshold=wrong)
    assert DetectOptions(limit=LARGEST).limit == LARGEST


def test_a_version_may_be_a_number() -> None:
    assert {AssignOptions(model=value).model for value in (3, 3.0, "3")} == {"3"}  # type: ignore[arg-type]
    for wrong in (0, -1, 1.5, math.nan, 10**9, "03", True):
        with pytest.raises(WrongUse, match="model="):
            AssignOptions(model=wrong)  # type: ignore[arg-type]
    assert {AssignOptions(matcher=value).matcher for value in (3, 3.0, "3")} == {"3"}  # type: ignore[arg-type]


def test_a_matcher_goes_with_no_projection_at_any_door(api: TestClient, typed: Callable[[list[str]], str]) -> None:
    with pytest.raises(WrongUse, match="leave one of them out") as refused:
        DualOptions(model="2", matcher="1")
    for command in ("assign", "cluster-dual"):
        assert typed(["faces", command, "--model=2", "--matcher=1"]) == f"faceml: {refused.value}"
    answer = api.post(f"{API}/cluster/dual", json={"model": 2, "matcher": 1})
    assert (answer.status_code, answer.json()["detail"]) == (422, str(refused.value))


def test_the_records_are_light_to_import() -> None:
    code = "import sys, faceml.options; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"numpy", "click", "pydantic"} & set(done.stdout.split())


# --- what the doors say of themselves


@pytest.fixture
def typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[[list[str]], str]:
    """What the command line writes of a wrong use, in the process of the test."""
    monkeypatch.setenv("FACEML_HOME", str(tmp_path / "library"))

    def run(words: list[str]) -> str:
        monkeypatch.setattr(sys, "argv", ["faceml", *words])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 2
        assert not (tmp_path / "library").exists()
        return capsys.readouterr().err.strip()

    return run


def command_of(doors: Doors) -> click.Command:
    group = cli.commands[doors.group]
    assert isinstance(group, click.Group)
    return group.commands[doors.command]


@cache
def described() -> dict[str, Any]:
    """The API's description: making one takes a third of a second."""
    return create_app(Settings()).openapi()


def request_of(path: str) -> dict[str, Any]:
    template = path.replace("/clu_1", "/{cluster_id}").replace("/1", "/{asset_id}")
    operation = described()["paths"][API + template]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    found: dict[str, Any] = described()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def spelled(path: str, item: Option) -> str:
    """As the specification spells it there."""
    if path in ("/cluster/dual", "/train"):
        return item.api_name
    first, *rest = item.api_name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def code_of(notebook: str) -> list[dict[str, Any]]:
    return [cell for cell in read_cells(REPO / "notebooks" / f"{notebook}.ipynb") if cell["cell_type"] == "code"]


def parameters_of(notebook: str) -> dict[str, tuple[str, Any]]:
    """Type and default of each name in a notebook's parameters cell."""
    tree = ast.parse("".join(code_of(notebook)[0]["source"]))
    return {
        ast.unparse(line.target): (ast.unparse(line.annotation), ast.literal_eval(line.value))
        for line in tree.body
        if isinstance(line, ast.AnnAssign) and line.value is not None
    }


def differences(
    notebook: str, record: type[StepOptions], item: Option, parameters: dict[str, tuple[str, Any]] | None = None
) -> list[str]:
    """Where a notebook's parameter is not the option; a text may be empty where nothing is the default."""
    parameters = parameters_of(notebook) if parameters is None else parameters
    if item.shell_name not in parameters:
        return [f"{notebook} lacks {item.shell_name}"]
    kind, default = parameters[item.shell_name]
    found = []
    expected = "'float or str'" if item.kind is float and item.choices else item.kind.__name__  # papermill shows it
    if kind != expected:
        found.append(f"{notebook}: {item.shell_name} is a {kind}, the option a {expected}")
    if getattr(record(**{item.name: default}), item.name) != item.default:
        found.append(f"{notebook}: {item.shell_name} defaults to {default!r}, the option to {item.default!r}")
    return found


def taken_by(notebook: str, record: type[StepOptions], item: Option) -> bool:
    doors, name = DOORS[record], Path(notebook).stem
    return name == doors.notebook or any(name == other and item.name in taken for other, taken in doors.notebooks)


@pytest.fixture
def los_angeles(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's zone while a test runs."""
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("los_angeles")
@pytest.mark.parametrize(
    ("since", "moment"),
    [
        ("2025-12-23", "2025-12-23T08:00:00+00:00"),
        ("2025-07-01", "2025-07-01T07:00:00+00:00"),  # summer time
        ("2025-12-23T18:30", "2025-12-24T02:30:00+00:00"),
        ("2025-12-23T18:30+02:00", "2025-12-23T16:30:00+00:00"),
        ("2025-12-23T18:30Z", "2025-12-23T18:30:00+00:00"),
    ],
)
def test_a_day_begins_where_the_user_is(since: str, moment: str) -> None:
    assert AssignOptions(since=since).found_since == datetime.fromisoformat(moment)


@pytest.mark.parametrize("since", ["0001-01-01", "9999-12-31"])
@pytest.mark.usefixtures("los_angeles")
def test_the_first_and_the_last_day_are_days_too(since: str) -> None:
    found = AssignOptions(since=since).found_since
    assert found is not None
    assert found.year == int(since[:4])
