"""Projections in a real MLflow registry: written by mlflow, read without it."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import requests

from faceml.config import Settings
from faceml.errors import ModelUnavailable, NotFound, Unavailable
from faceml.identity.matcher_file import MatcherSettings
from faceml.identity.projection import Head, project
from faceml.library import Library
from faceml.storage.registry.onnx_head import read_onnx, write_onnx
from faceml.storage.registry.records import CHAMPION, RegisteredModel
from faceml.wiring import open_library
from tests.conftest import WIDTH, unit_rows
from tests.heads import CARD, deep_head, register, residual_head, whitening_head
from tests.polling import until
from tests.ports import free_port
from tests.records import any_record

HEADS = {"documented": deep_head(0), "whitening": whitening_head(1), "residual": residual_head(2)}


@pytest.fixture
def registered(mlflow_here: Path, library: Library) -> tuple[Library, RegisteredModel]:
    return library, register(library, deep_head(0))


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_head_survives_its_onnx_file_and_any_runtime_applies_it(head: Head) -> None:
    import onnxruntime

    content = write_onnx(head, {"kind": "test"})
    back, notes = read_onnx(content)
    rows = unit_rows(7, seed=3)
    assert notes == {"kind": "test"}
    np.testing.assert_array_equal(project(back, rows), project(head, rows))
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for count in (1, 7):
        (found,) = session.run(None, {"embedding": rows[:count]})
        np.testing.assert_allclose(found, project(head, rows[:count]), atol=1e-5)


def test_a_file_that_is_no_projection_is_refused() -> None:
    content = write_onnx(deep_head(0), {})
    for damaged in (b"", b"garbage", content[: len(content) // 2]):
        with pytest.raises(ModelUnavailable, match="not a projection"):
            read_onnx(damaged)


def test_without_a_registry_there_is_no_champion_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    registry = open_library(Settings(home=tmp_path / "library")).registry
    assert registry.state().champion is None
    assert registry.state().versions == ()
    with pytest.raises(NotFound, match="train-matching"):
        registry.get("3")
    assert list(tmp_path.iterdir()) == []


def test_a_registered_head_is_the_challenger_and_carries_what_it_was_made_of(
    registered: tuple[Library, RegisteredModel],
) -> None:
    library, model = registered
    assert (model.version, model.aliases, model.card, model.space) == (1, ("challenger",), CARD, "face-projection/1")
    assert register(library, whitening_head(1)).version == 2
    assert [found.aliases for found in library.registry.state().versions] == [(), ("challenger",)]
    assert library.registry.state().champion is None
    assert library.registry.load("1").comparison == '{"made": "up"}'


def test_a_fresh_process_reads_the_champion_without_mlflow(
    registered: tuple[Library, RegisteredModel],
) -> None:
    library, model = registered
    library.registry.set_alias(CHAMPION, model.version)
    code = f"""
import sys
from faceml.config import read_settings
from faceml.wiring import open_library
loaded = open_library(read_settings({{"FACEML_HOME": {str(library.settings.home)!r}}})).registry.load("champion")
print(loaded.model.space, "mlflow" in sys.modules, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["face-projection/1", "False", "False"]


def test_mlflow_itself_loads_the_version_and_answers_as_we_do(registered: tuple[Library, RegisteredModel]) -> None:
    import mlflow

    library, _ = registered
    mlflow.set_tracking_uri(library.tracking.store.uri)
    model = mlflow.pyfunc.load_model("models:/face-projection@challenger")
    head = library.registry.load("challenger").artefact
    assert model.metadata.signature.inputs.to_dict()[0]["tensor-spec"]["shape"] == (-1, WIDTH)
    for count in (1, 5):
        rows = unit_rows(count, seed=9)
        np.testing.assert_allclose(model.predict(rows)["projection"], project(head, rows), atol=1e-5)


def test_the_model_of_a_version_says_what_it_is_registered_as_and_who_made_it(
    registered: tuple[Library, RegisteredModel],
) -> None:
    library, model = registered
    client = library.tracking.store.client
    run = client.get_run(model.run_id)
    found = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    assert json.loads(found.tags["mlflow.modelVersions"]) == [{"name": model.name, "version": 1}]
    for name in ("mlflow.source.name", "mlflow.source.type", "mlflow.user"):
        assert found.tags[name] == run.data.tags[name]


def test_a_damaged_cache_is_made_anew(registered: tuple[Library, RegisteredModel]) -> None:
    library, model = registered
    before = library.registry.load(1).artefact
    cached = library.settings.cache_folder / "models" / f"{model.checksum}.onnx"
    cached.write_bytes(cached.read_bytes()[:-7] + b"damaged")
    np.testing.assert_array_equal(library.registry.load(1).artefact.mean, before.mean)
    assert read_onnx(cached.read_bytes())


def test_a_file_that_was_changed_after_it_was_registered_is_refused(
    registered: tuple[Library, RegisteredModel],
) -> None:
    library, model = registered
    file = Path(model.location.removeprefix("file://")) / "model.onnx"
    file.write_bytes(write_onnx(whitening_head(5), {}))
    with pytest.raises(ModelUnavailable, match=r"face-projection/1: its file is not the one .*--model raw"):
        library.registry.load(1)
    file.unlink()
    with pytest.raises(Unavailable, match=r"model\.onnx cannot be read"):
        library.registry.load(1)


def test_a_version_that_others_registered_is_listed_but_not_loaded(registered: tuple[Library, RegisteredModel]) -> None:
    library, model = registered
    library.tracking.store.client.create_model_version("face-projection", source=model.location, run_id=model.run_id)
    assert library.registry.get(2).card is None
    with pytest.raises(ModelUnavailable, match="registered by other means"):
        library.registry.load(2)


# --- over HTTP


@pytest.fixture
def server(mlflow_here: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real MLflow server that keeps artifacts itself."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", f"sqlite:///{tmp_path}/mlruns/mlflow.db", "--artifacts-destination", "artifacts"]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen([*command, *stores], stdout=log, stderr=log, start_new_session=True)
    process.args = f"http://127.0.0.1:{port}"
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.nightly
def test_a_server_that_went_away_changes_nothing_for_who_used_it_before(
    server: subprocess.Popen[bytes], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    uri = str(server.args)
    until(lambda: answers(f"{uri}/health"))
    library = open_library(replace(settings, tracking_uri=uri))
    assert library.registry.state().champion is None
    register(library, deep_head(0))
    register(library, whitening_head(1))
    library.registry.set_alias(CHAMPION, 1)
    loaded = library.registry.load(CHAMPION)
    assert [model.aliases for model in library.registry.state().versions] == [("champion",), ("challenger",)]
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    with caplog.at_level(logging.WARNING):
        again = open_library(replace(settings, tracking_uri=uri)).registry.load(CHAMPION)
    assert "does not answer" in caplog.text
    assert "going on with its last answer" in caplog.text
    assert again.model == loaded.model
    np.testing.assert_array_equal(again.artefact.mean, loaded.artefact.mean)
    with pytest.raises(Unavailable, match="does not answer"):  # this version was never opened here
        library.registry.load("challenger")


@pytest.mark.nightly
def test_a_matcher_is_kept_on_a_server_and_used_while_it_is_away(
    server: subprocess.Popen[bytes], settings: Settings
) -> None:
    uri = str(server.args)
    until(lambda: answers(f"{uri}/health"))
    library = open_library(replace(settings, tracking_uri=uri))
    register(library, deep_head(0))
    settings_of_another = replace(settings, home=settings.home.parent / "another", tracking_uri=uri)
    assert open_library(settings_of_another).matchers.state().champion is None
    for floor in (0.4, 0.5):
        with library.tracking.run("fit-matcher") as run:
            assert run.id
            card = replace(CARD, candidate="matcher")
            record = replace(any_record(), settings=MatcherSettings(floor=floor))
            library.matchers.register(record, card, comparison='{"made": "up"}', run_id=run.id)
    library.matchers.set_alias(CHAMPION, 1)
    assert [(model.space, model.aliases) for model in library.matchers.state().versions] == [
        ("face-matcher/1", ("champion",)),
        ("face-matcher/2", ("challenger",)),
    ]
    assert [model.space for model in library.registry.state().versions] == ["face-projection/1"]
    loaded = library.matchers.load(CHAMPION)
    assert (loaded.artefact.settings.floor, loaded.comparison) == (0.4, '{"made": "up"}')
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    again = open_library(replace(settings, tracking_uri=uri)).matchers.load(CHAMPION)
    assert again.model == loaded.model
    np.testing.assert_array_equal(again.artefact.face_ids, loaded.artefact.face_ids)
    assert open_library(settings_of_another).matchers.state().champion is None, "so the server said when it was there"
    with pytest.raises(Unavailable, match="--matcher plain goes on without it"):  # this version was never opened here
        library.matchers.load("challenger")


def test_a_registry_that_never_answered_is_not_taken_for_an_empty_one(settings: Settings) -> None:
    registry = open_library(replace(settings, tracking_uri="http://me:secret@127.0.0.1:9")).registry
    with pytest.raises(Unavailable, match=r"http://me:\*\*\*@127\.0\.0\.1:9 does not answer.*--model raw"):
        registry.state()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).ok
    except requests.RequestException:
        return False
