"""The second half of retraining: the gate's word, the threshold read off the labels anew, and names given with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceml.library import Library
from faceml.pipelines.definition import read_pipeline
from faceml.pipelines.runner import run_pipeline
from faceml.services.decisions.label import assign_faces_to
from tests.conftest import REPO, add_faces, people_vectors
from tests.heads import card_for, comparison, register, whitening_head

SECOND_HALF = """
name: promote-and-assign
steps:
  - name: promote
    notebook: {notebooks}/08_promote.ipynb
    parameters: {{actor: tester}}
  - name: assign
    notebook: {notebooks}/06_assign.ipynb
    when: ${{steps.promote.promoted}}
    parameters: {{threshold: "${{steps.promote.threshold}}"}}
"""


@pytest.mark.parametrize("file", sorted((REPO / "pipelines").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_pipeline_is_read(file: Path) -> None:
    assert read_pipeline(file).name == file.stem


@pytest.mark.nightly  # by day: the gate in test_promote.py, what travels between steps in test_pipeline_runner.py
@pytest.mark.parametrize("gain", [0.05, -0.05])
def test_the_gate_decides_and_names_are_given_at_the_new_threshold(
    mlflow_here: Path, library: Library, gain: float
) -> None:
    ids = add_faces(library, people_vectors(12, 8))
    for number in range(12):
        assign_faces_to(library, ids[number * 8 : number * 8 + 7], f"Person {number}", actor="tester")
    register(library, whitening_head(1), card=card_for(library), comparison=comparison(gain))
    file = mlflow_here / "second-half.yaml"
    file.write_text(SECOND_HALF.format(notebooks=REPO / "notebooks"))
    environment = {"FACEML_MODEL_PACK": "opencv-zoo"}
    done = run_pipeline(
        read_pipeline(file),
        parameters={},
        home=library.settings.home,
        tracking=library.tracking,
        environment=environment,
    )
    promote, assign = done.steps
    champion = library.registry.state().champion
    assert promote.results["promoted"] is (gain > 0)
    if gain < 0:
        assert (champion, assign.status) == (None, "skipped")
        return
    assert champion is not None
    assert assign.parameters == {"threshold": promote.results["threshold"]}
    assert assign.results["assigned"] > 0
    with library.repository.read() as unit:
        given = {row.model_version for row in unit.export_rows() if row.assigned_by == "prototype"}
    assert given == {champion.space}
