"""The gate, a person's word over it, and the way back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from faceml.cli.models import models
from faceml.errors import Conflict, ModelMismatch, NotFound, WrongUse
from faceml.library import Library
from faceml.services.learn.promote import judge, list_models, promote, roll_back, show_model
from tests.conftest import add_faces, unit_rows
from tests.heads import CARD, card_for, comparison, deep_head, register

ME = "ada"


@pytest.fixture
def pinned(mlflow_here: Path, library: Library) -> Library:
    """A library with a pack and an empty registry."""
    add_faces(library, unit_rows(1, seed=0))
    return library


def trained(library: Library, gain: float, *rivals: str, seed: int = 0) -> int:
    measured = comparison(gain, *rivals)
    return register(library, deep_head(seed), card=card_for(library), comparison=measured).version


def champion(library: Library) -> int | None:
    return list_models(library).champion


def test_a_head_that_beats_raw_embeddings_is_let_in(pinned: Library) -> None:
    version = trained(pinned, 0.05)
    report = promote(pinned, actor=ME)
    assert (report.promoted, report.forced, report.champion_before) == (True, False, None)
    assert "head beats raw in tar@far=1e-3 (+0.0500, interval +0.0400 to +0.0600)" in report.reasons
    found = pinned.registry.get(version)
    assert found.aliases == ("champion",)
    assert (found.tags["promotion_by"], found.tags["promotion_what"]) == (ME, "promoted")
    with pytest.raises(Conflict, match="champion already"):
        promote(pinned, version, actor=ME)


@pytest.mark.parametrize("gain", [0.0, 0.005, -0.05], ids=["tie", "within the noise", "loss"])
def test_a_tie_and_a_loss_are_refused_in_words(pinned: Library, gain: float) -> None:
    version = trained(pinned, gain)
    report = promote(pinned, version, actor=ME)
    assert not report.promoted
    assert "raw in tar@far=1e-3" in report.reasons[0]
    assert champion(pinned) is None
    assert pinned.registry.get(version).aliases == ("challenger",)


def test_a_challenger_has_to_beat_the_present_champion_too(pinned: Library) -> None:
    trained(pinned, 0.05)
    promote(pinned, actor=ME)
    trained(pinned, 0.08, seed=4)  # measured against raw alone
    report = promote(pinned, actor=ME)
    assert not report.promoted
    assert "not measured against face-projection/1" in report.reasons[0]
    trained(pinned, 0.02, "face-projection/1", seed=8)
    assert promote(pinned, actor=ME).champion_before == 1
    assert champion(pinned) == 3


def test_a_version_without_a_measurement_is_refused(pinned: Library) -> None:
    register(pinned, deep_head(0), card=card_for(pinned), comparison="")
    assert judge(pinned).reasons == ("face-projection/1 was never measured on held-out people: train it again",)


def test_force_needs_a_reason_and_is_recorded(pinned: Library) -> None:
    version = trained(pinned, -0.05)
    with pytest.raises(WrongUse, match="--reason"):
        promote(pinned, version, actor=ME, force=True, reason="  ")
    assert promote(pinned, version, actor=ME, force=True, reason="a demonstration").forced
    (event,) = list_models(pinned).history
    assert (event["what"], event["by"], event["why"], event["version"]) == ("forced", ME, "a demonstration", "1")
    tags = pinned.registry.get(version).tags
    assert tags["promotion_why"] == "a demonstration"
    assert tags["promotion_verdict"].startswith("head loses to raw")


def test_a_version_for_another_pack_is_not_promoted_even_by_force(pinned: Library) -> None:
    register(pinned, deep_head(0), card=replace(CARD, pack="buffalo_l"), comparison=comparison(0.05))
    with pytest.raises(ModelMismatch, match="made for vectors of buffalo_l, this library's are of opencv-zoo"):
        promote(pinned, actor=ME, force=True, reason="why not")


def test_rolling_back_leads_from_champion_to_champion_and_then_to_raw(pinned: Library) -> None:
    for seed in range(3):
        trained(pinned, 0.05, seed=seed)
        promote(pinned, actor=ME, force=True, reason="a better one")
    assert champion(pinned) == 3
    assert roll_back(pinned, actor=ME, reason="it mixed up twins").champion == 2
    assert roll_back(pinned, actor=ME).champion == 1
    assert champion(pinned) == 1
    last = roll_back(pinned, actor=ME)
    assert (last.champion, last.rolled_back, champion(pinned)) == (None, 1, None)
    with pytest.raises(Conflict, match="no champion"):
        roll_back(pinned, actor=ME)
    promote(pinned, 2, actor=ME, force=True, reason="back again")
    assert champion(pinned) == 2
    assert [event["what"] for event in list_models(pinned).history] == [
        "promoted", *["forced"] * 2, *["rolled back"] * 3, "promoted",
    ]  # fmt: skip


def test_a_champion_that_was_set_in_mlflow_itself_is_rolled_back_too(pinned: Library) -> None:
    for seed in range(2):
        trained(pinned, 0.05, seed=seed)
    promote(pinned, 1, actor=ME)
    pinned.registry.set_alias("champion", 2)
    assert roll_back(pinned, actor=ME).champion == 1


def test_the_history_keeps_the_newest_where_it_grows_beyond_what_a_tag_holds(pinned: Library) -> None:
    trained(pinned, 0.05)
    for number in range(7):
        promote(pinned, 1, actor=ME, force=True, reason=f"{number} " + "because " * 60)
        roll_back(pinned, actor=ME, reason=f"{number} " + "alas " * 80)
    history = list_models(pinned).history
    assert 8 <= len(history) < 14
    assert history[-1]["why"].startswith("6 alas")
    assert history[-1]["why"].endswith("…")


def test_the_commands_say_what_is_in_use_and_why_a_version_is_refused(
    pinned: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEML_HOME", str(pinned.settings.home))
    run = CliRunner()
    assert "raw embeddings are used" in run.invoke(models, ["list"]).output
    trained(pinned, 0.0)
    refused = run.invoke(models, ["promote", "challenger"])
    assert refused.exit_code == 1
    assert "Not promoted: version 1 does not beat what is in use (raw embeddings)" in refused.output
    assert "does not differ beyond the noise from raw" in refused.output
    shown = run.invoke(models, ["show", "1"]).output
    assert "face-projection/1 (challenger)" in shown
    assert "0.9000 (0.8800–0.9200)" in shown
    assert "dir@far=1e-2  not measured: needs 100 strangers" in shown
    assert "The gate would refuse it" in shown
    assert run.invoke(models, ["promote", "1", "--force", "--reason", "to see"]).exit_code == 0
    listed = run.invoke(models, ["list"]).output
    assert "In use: version 1" in listed
    assert "version 1 forced by" in listed
    assert "raw embeddings are used again" in run.invoke(models, ["rollback"]).output
    with pytest.raises(NotFound):
        show_model(pinned, 7)
