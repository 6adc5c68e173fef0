"""A pipeline's YAML becomes records, or an error that names the line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from faceml.errors import FileNotReadable, WrongUse
from faceml.pipelines.definition import Pipeline, read_pipeline
from faceml.pipelines.references import Reference, fill
from faceml.pipelines.results import report

GOOD = """\
name: nightly
description: New photos, every night
cron: "0 3 * * *"
parameters:
  photos:
    type: path
    help: folder with new photos
  limit: {type: int, default: null}
  min_cluster_size: 3
steps:
  - name: detect
    notebook: detect.ipynb
    parameters:
      photos: ${parameters.photos}
  - name: cluster
    notebook: cluster.ipynb
    when: ${steps.detect.faces}
    parameters:
      min_cluster_size: ${parameters.min_cluster_size}
      title: ${steps.detect.faces} faces
"""


def write_notebook(path: Path, *sources: str) -> None:
    """The first source is the cell tagged `parameters`."""
    cells = [
        {"cell_type": "code", "source": source, "metadata": {"tags": tags}, "outputs": [], "execution_count": None}
        for source, tags in zip(sources, [["parameters"], *([[]] * len(sources))], strict=False)
    ]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_notebook(tmp_path / "detect.ipynb", 'photos: str = "a=b"  # folder\nlimit = None')
    write_notebook(tmp_path / "cluster.ipynb", "min_cluster_size = 5\ntitle = ''")
    return tmp_path


def read(folder: Path, text: str) -> Pipeline:
    file = folder / "nightly.yaml"
    file.write_text(text)
    return read_pipeline(file)


def wrong_line(folder: Path, old: str, new: str) -> str:
    """The message for GOOD with one thing changed."""
    assert GOOD.count(old) == 1
    with pytest.raises(WrongUse) as caught:
        read(folder, GOOD.replace(old, new))
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{folder / 'nightly.yaml'}, ")


def test_a_pipeline_is_read_whole(folder: Path) -> None:
    pipeline = read(folder, GOOD)
    assert (pipeline.name, pipeline.cron) == ("nightly", "0 3 * * *")
    assert [(name, p.type, p.default, p.required) for name, p in pipeline.parameters.items()] == [
        ("photos", "path", None, True),
        ("limit", "int", None, False),
        ("min_cluster_size", "int", 3, False),
    ]
    detect, cluster = pipeline.steps
    assert detect.notebook == folder / "detect.ipynb"
    assert cluster.when == Reference("detect", "faces")
    assert cluster.parameters["title"] == "${steps.detect.faces} faces"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("    when:", "    whem:", 17, "a step has no key 'whem'; did you mean when?"),
        ("cron:", "corn:", 3, "did you mean cron?"),
        ("name: nightly\n", "", 1, "the key 'name' is missing; add `name: …`"),
        ("notebook: cluster.ipynb", "notebook: clusters.ipynb", 16, "there is no notebook"),
        ("- name: cluster", "- name: detect", 15, "'detect' is there twice"),
        ("- name: cluster", "- name: Cluster it", 15, "may hold only a-z"),
        ("${parameters.photos}", "${parameters.photo}", 14, "did you mean photos?"),
        ("when: ${steps.detect.faces}", "when: ${steps.detekt.faces}", 17, "did you mean detect?"),
        ("when: ${steps.detect.faces}", "when: ${steps.cluster.faces}", 17, "has not run by then"),
        ("when: ${steps.detect.faces}", "when: faces > 3", 17, "must be one reference"),
        ("when: ${steps.detect.faces}", "when: ${env.HOME}", 17, "neither ${parameters.NAME} nor"),
        ("      title:", "      titel:", 20, "no parameter 'titel'; did you mean title?"),
        ("{type: int, default: null}", "{type: integer, default: null}", 8, "did you mean int?"),
        ("{type: int, default: null}", "{type: int, default: many}", 8, "is not of type int"),
        ("{type: int, default: null}", "null", 8, "its type is not clear"),
        ('"0 3 * * *"', '"3 * *"', 3, "must have five fields"),
        ("    type: path\n", "    type: path\n    type: str\n", 7, "is there twice (first in line 6)"),
        ("    type: path", "\ttype: path", 6, "this is not YAML"),
        ("${steps.detect.faces} faces", "[${steps.report.faces}]", 20, "this is not YAML"),
    ],
)
def test_a_mistake_is_told_with_its_line(folder: Path, old: str, new: str, line: int, says: str) -> None:
    message = wrong_line(folder, old, new)
    assert message.startswith(f"line {line}:")
    assert says in message


def test_a_later_steps_result_cannot_be_used(folder: Path) -> None:
    message = wrong_line(folder, "${parameters.photos}", "${steps.cluster.clusters}")
    assert "has not run by then; move that step up" in message


def test_a_broken_notebook_is_told_where_the_pipeline_names_it(folder: Path) -> None:
    (folder / "cluster.ipynb").write_text("{}")
    with pytest.raises(WrongUse, match=r"line 16: .*cluster.ipynb is not a Jupyter notebook"):
        read(folder, GOOD)


def test_steps_must_be_a_list_with_something_in_it(folder: Path) -> None:
    with pytest.raises(WrongUse, match="line 2: steps is empty"):
        read(folder, "name: a\nsteps: []\n")
    with pytest.raises(WrongUse, match="line 2: steps must be a list"):
        read(folder, "name: a\nsteps: detect\n")
    with pytest.raises(WrongUse, match="line 3: item 1 of steps must be a mapping"):
        read(folder, "name: a\nsteps:\n  - detect\n")
    with pytest.raises(WrongUse, match="line 2: notebook must be a text, not 3"):
        read(folder, "name: a\nsteps: [{name: a, notebook: 3}]\n")
    with pytest.raises(WrongUse, match="line 1: the file is empty"):
        read(folder, "# nothing\n")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotReadable, match=r"missing\.yaml cannot be read"):
        read_pipeline(tmp_path / "missing.yaml")


def test_texts_after_p_become_the_parameters_type(folder: Path) -> None:
    pipeline = read(folder, GOOD)
    bound = pipeline.bind({"photos": "inbox", "min_cluster_size": "7", "limit": "null"}, folder=folder)
    assert bound == {"photos": str(folder / "inbox"), "limit": None, "min_cluster_size": 7}


def test_an_unknown_parameter_is_told_with_the_known_ones(folder: Path) -> None:
    with pytest.raises(WrongUse, match=r"no parameter 'photo'; did you mean photos\? Known: limit, min_cluster_size"):
        read(folder, GOOD).bind({"photo": "x"}, folder=folder)


@pytest.mark.parametrize(("name", "value"), [("min_cluster_size", "three"), ("min_cluster_size", "2.5"), ("limit", "")])
def test_a_value_of_the_wrong_type_is_told(folder: Path, name: str, value: str) -> None:
    with pytest.raises(WrongUse, match=f"{name}='{value}' of the pipeline nightly is not of type int"):
        read(folder, GOOD).bind({"photos": "x", name: value}, folder=folder)


AUTO = GOOD.replace("min_cluster_size: 3", "min_cluster_size: {type: float or auto, default: 0.6}")


@pytest.mark.parametrize(("text", "value"), [("auto", "auto"), ("0.5", 0.5), ("1", 1.0)])
def test_a_number_or_auto_is_taken_as_such(folder: Path, text: str, value: float | str) -> None:
    bound = read(folder, AUTO).bind({"photos": "x", "min_cluster_size": text}, folder=folder)
    assert bound["min_cluster_size"] == value


@pytest.mark.parametrize("text", ["automatic", "", "nan", "inf"])
def test_what_is_no_number_and_not_auto_is_told(folder: Path, text: str) -> None:
    with pytest.raises(WrongUse, match=r"is not of type float or auto: .*give a number, or auto"):
        read(folder, AUTO).bind({"photos": "x", "min_cluster_size": text}, folder=folder)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("description: New photos, every night", "description: 3", 2, "description must be a text, not 3"),
        ("  min_cluster_size: 3", "  min_cluster_size: {default: 3}", 9, "the key 'type' is missing"),
        ("  limit: {", "  li-mit: {", 8, "name: 'li-mit' may hold only letters"),
        ("    parameters:\n      photos: ${parameters.photos}", "    parameters: photos", 13, "must be a mapping"),
        ("{type: int, default: null}", "{type: int, defalt: 3}", 8, "a parameter has no key 'defalt'"),
    ],
)
def test_a_wrong_shape_is_told_with_its_line(folder: Path, old: str, new: str, line: int, says: str) -> None:
    message = wrong_line(folder, old, new)
    assert message.startswith(f"line {line}:")
    assert says in message


def test_the_first_of_several_mistakes_is_told(folder: Path) -> None:
    with pytest.raises(WrongUse, match="line 2: description"):
        read(folder, GOOD.replace("New photos, every night", "3").replace("    when:", "    whem:"))


def test_a_date_stays_the_text_that_was_written(folder: Path) -> None:
    pipeline = read(folder, GOOD.replace("title: ${steps.detect.faces} faces", "title: 2026-11-05"))
    assert pipeline.steps[1].parameters["title"] == "2026-11-05"


def test_a_parameter_without_default_must_be_given(folder: Path) -> None:
    with pytest.raises(WrongUse, match=r"needs the parameter photos \(folder with new photos\); add -p photos="):
        read(folder, GOOD).bind({}, folder=folder)


def test_a_reference_alone_keeps_its_type() -> None:
    value = {"faces": "${steps.detect.faces}", "all": ["${steps.detect.faces} faces", 3]}
    assert fill(value, lambda reference: 12) == {"faces": 12, "all": ["12 faces", 3]}


@pytest.mark.parametrize("value", [object(), {"deep": [object()]}])
def test_a_result_that_json_cannot_hold_is_told(value: object) -> None:
    with pytest.raises(
        WrongUse, match=r"The result faces is a (object|dict); report numbers, texts, lists or mappings"
    ):
        report(faces=value)


def test_a_value_outside_its_options_range_is_told_before_anything_runs(folder: Path) -> None:
    write_notebook(folder / "02_cluster.ipynb", "min_cluster_size = 5\ntitle = ''")
    text = GOOD.replace("cluster.ipynb", "02_cluster.ipynb")
    with pytest.raises(WrongUse, match=r"^min_cluster_size=1 is not a whole number of faces from 2 to 10,000$"):
        read(folder, text).bind({"photos": "x", "min_cluster_size": "1"}, folder=folder)
    own = read(folder, GOOD).bind({"photos": "x", "min_cluster_size": "1"}, folder=folder)
    assert own["min_cluster_size"] == 1, "a notebook of one's own may mean something else by the name"


# Files that are made to hold up whoever reads them


def laughs(*, ending: str) -> str:
    """Ten aliases in each of thirty lists, each to the list before."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]" for number in range(1, 30)]
    return "\n".join([*rows, ending])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (laughs(ending="name: x"), r"line \d+: the file has more than 10,000 values, aliases"),
        (laughs(ending="? *a29\n: x"), r"line \d+: "),
        ("name: &own [*own]", r"line 1: it is nested too deeply"),
        ("name: &own {a: *own}", r"line 1: it is nested too deeply"),
        (f"name: {'[' * 20_000}", r"line 1: it is nested too deeply"),
        ("? [a, b]\n: x", "line 1: a key must be a text"),
        (f"name: {'9' * 5000}", "line 1: this is not a value"),
        ("name: !!int x", "line 1: this is not a value"),
        (f"name: {'x' * 200_000}", "has 200,006 bytes, and a pipeline 200,000 at most"),
    ],
    ids=["laughs", "laughs as a key", "own list", "own mapping", "deep", "key", "long number", "no number", "large"],
)
def test_a_file_that_is_made_to_hold_up_its_reader_is_refused_at_once(folder: Path, text: str, message: str) -> None:
    with pytest.raises(WrongUse, match=message) as error:
        read(folder, text)
    assert "\n" not in str(error.value)


def test_anchors_and_aliases_may_be_used(folder: Path) -> None:
    text = GOOD.replace("min_cluster_size: 3", "min_cluster_size: &size 3\n  largest: *size")
    assert read(folder, text).parameters["largest"].default == 3
