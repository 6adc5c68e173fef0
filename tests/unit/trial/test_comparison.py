"""What a comparison allows: only a clear gain over every rival, and no loss anywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from faceml.errors import WrongUse
from faceml.metrics.identification import Estimate
from faceml.trial.comparison import Comparison, Gain, from_json, verdict

PRIMARY, OTHER = "tar@far=1e-3", "bcubed_f"


def compared(**bounds: tuple[float, float]) -> Comparison:
    """Two challengers' gains over raw and champion; bounds by `rival_measure`, a clear gain where not given."""
    gains = []
    for rival in ("raw", "champion"):
        for measure, short in ((PRIMARY, "tar"), (OTHER, "bcubed")):
            low, high = bounds.get(f"{rival}_{short}", (0.01, 0.03))
            gains.append(Gain("head", rival, measure, (low + high) / 2, low, high))
    figure = {PRIMARY: Estimate(0.97, 0.95, 0.99), OTHER: Estimate(0.99, 0.98, 1.0)}
    return Comparison(
        candidates=("raw", "head", "champion"),
        measured={"raw": figure, "head": figure, "champion": figure},
        gains=tuple(gains),
        primary=PRIMARY,
        missing={"dir@far=1e-2": "48 unknown probes, 1000 are needed"},
        people=80,
        faces=807,
        folds=5,
        confidence=0.95,
    )


def test_a_clear_gain_over_every_rival_is_let_in() -> None:
    found = verdict(compared(), challenger="head", rivals=("raw", "champion"))
    assert found.promotes
    assert found.reasons[0] == "head beats raw in tar@far=1e-3 (+0.0200, interval +0.0100 to +0.0300)"


def test_a_tie_is_refused() -> None:
    found = verdict(compared(raw_tar=(-0.0, 0.02)), challenger="head", rivals=("raw",))
    assert not found.promotes
    assert "does not differ beyond the noise" in found.reasons[0]
    assert not verdict(compared(raw_tar=(0.0, 0.0)), challenger="head", rivals=("raw",)).promotes


def test_a_gain_over_raw_that_does_not_beat_the_champion_is_refused() -> None:
    assert not verdict(compared(champion_tar=(-0.01, 0.01)), challenger="head", rivals=("raw", "champion")).promotes
    assert verdict(compared(champion_tar=(-0.01, 0.01)), challenger="head", rivals=("raw",)).promotes


def test_a_loss_in_another_measure_refuses() -> None:
    found = verdict(compared(raw_bcubed=(-0.03, -0.01)), challenger="head", rivals=("raw",))
    assert not found.promotes
    assert any("loses to raw in bcubed_f" in reason for reason in found.reasons)


def test_another_measure_that_is_merely_noise_does_not_refuse() -> None:
    assert verdict(compared(raw_bcubed=(-0.03, 0.01)), challenger="head", rivals=("raw",)).promotes


def test_recall_given_up_for_precision_is_judged_by_their_f() -> None:
    def with_loss(measure: str) -> Comparison:
        loss = Gain("head", "raw", measure, -0.02, -0.03, -0.01)
        return replace(compared(), gains=(*compared().gains, loss))

    assert verdict(with_loss("assignment_recall"), challenger="head", rivals=("raw",)).promotes
    assert not verdict(with_loss("assignment_f"), challenger="head", rivals=("raw",)).promotes


def test_too_few_people_are_refused_whatever_they_show() -> None:
    found = verdict(replace(compared(), people=6), challenger="head", rivals=("raw",))
    assert not found.promotes
    assert "6 people" in found.reasons[0]
    assert not verdict(replace(compared(), primary=None), challenger="head", rivals=("raw",)).promotes


def test_what_was_not_measured_is_refused() -> None:
    found = verdict(replace(compared(), gains=()), challenger="head", rivals=("raw",))
    assert not found.promotes
    assert "was not measured against raw" in found.reasons[0]


def test_names_that_are_not_compared_are_wrong_use() -> None:
    with pytest.raises(WrongUse, match="'lda' is not in this comparison"):
        verdict(compared(), challenger="lda", rivals=("raw",))
    with pytest.raises(WrongUse, match="needs rivals other than itself"):
        verdict(compared(), challenger="head", rivals=())
    with pytest.raises(WrongUse, match="needs rivals other than itself"):
        verdict(compared(), challenger="head", rivals=("head",))


def test_new_photos_decide_where_they_could_be_asked_about() -> None:
    figure = {"wrong": Estimate(0.1, 0.08, 0.12)}
    gains = tuple(Gain(name, "raw", "wrong", 0.0, -0.01, 0.01) for name in ("head", "champion"))
    photos = replace(
        compared(), measured=dict.fromkeys(("raw", "head", "champion"), figure), gains=gains, primary="wrong", tries=3
    )
    both = compared().decided_by(photos)
    assert (both.primary, both.tries) == ("wrong", 3)
    assert not verdict(both, challenger="head", rivals=("raw",)).promotes  # a tie on photos, whatever else is won
    assert list(both.measured["head"]) == ["wrong", PRIMARY, OTHER]
    assert compared().decided_by(replace(photos, primary=None, folds=0)).primary == PRIMARY
    unclear = compared().decided_by(replace(photos, primary=None, missing={"wrong": "look at the labels"}))
    assert verdict(unclear, challenger="head", rivals=("raw",)).reasons == ("look at the labels",)


def test_json_gives_the_same_comparison_back() -> None:
    assert from_json(compared().to_json()) == compared()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"measured": {}, "gains": [{"low": 1}]}', '{"measured": 3}'])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(WrongUse, match="not a comparison"):
        from_json(text)
