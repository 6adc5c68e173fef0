"""Plots to hover over: where their points are, and what they say. A browser looks at them in test_grid_views."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from faceml.plots import interactive
from faceml.plots.comparisons import over_time_plot, parallel_coordinates
from faceml.plots.curves import MOST_HOVERED, MatchCurve, det_curve_plot, roc_curve_plot, score_histogram
from faceml.plots.embedding_map import embedding_map
from faceml.plots.interactive import MIME
from faceml.plots.search import draw_search
from faceml.storage.studies import TrialRow
from faceml.tracking.experiment import MeasureHistory
from tests.unit.plots.test_figures import NAMED

RATES = np.array([0.001, 0.1, 1.0]), np.array([0.5, 0.9, 1.0])
TAG = "<b>$x$</b>"


@pytest.fixture(autouse=True)
def somebody_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interactive, "is_attended", lambda: True)


def drawn(figure: Figure) -> list[dict[str, Any]]:
    """The traces that a notebook gets beside the picture."""
    traces: list[dict[str, Any]] = figure._repr_mimebundle_()[MIME]["data"]  # type: ignore[attr-defined]
    return traces


def told(figure: Figure) -> list[str]:
    return [text for trace in drawn(figure) for text in trace.get("hovertext", [])]


def trials() -> list[TrialRow]:
    options = {"train.head": "linear"}
    return [
        TrialRow(0, 0.5, "complete", options, 1.0, (0.5,)),
        TrialRow(1, 0.75, "pruned", options, 1.0, (0.75,)),
        TrialRow(2, 0.25, "complete", options, 1.0, (0.25,)),
        TrialRow(3, None, "pruned", options, 1.0, (), "too few people"),
    ]


def test_nobody_at_the_notebook_gets_the_picture_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = roc_curve_plot([MatchCurve("raw", *RATES)])
    assert MIME in figure._repr_mimebundle_()  # type: ignore[attr-defined]
    monkeypatch.setattr(interactive, "is_attended", lambda: False)
    assert figure._repr_mimebundle_() == {}  # type: ignore[attr-defined]


def test_a_plot_to_hover_over_has_the_pictures_height_titles_and_names() -> None:
    figure = score_histogram([0.6, 0.7], [0.1, 0.2], 0.4)
    layout = figure._repr_mimebundle_()[MIME]["layout"]  # type: ignore[attr-defined]
    assert layout["height"] == pytest.approx(figure.get_size_inches()[1] * figure.dpi)
    assert "width" not in layout  # the cell's, however narrow
    assert layout["title"]["text"] == f"<b>{figure.axes[0].get_title(loc='left')}</b>"
    assert layout["xaxis"]["title"]["text"] == "cosine similarity"
    faces = embedding_map(np.eye(6, dtype=np.float32), np.zeros(6, int), names={0: "Ada"})
    (name,) = faces._repr_mimebundle_()[MIME]["layout"]["annotations"]  # type: ignore[attr-defined]
    (drawn_name,) = faces.axes[0].texts
    assert name["text"] == "<b>Ada</b>"
    assert (name["x"], name["y"]) == drawn_name.xy  # type: ignore[attr-defined]


def test_each_similarity_says_what_it_would_do_as_threshold() -> None:
    rng = np.random.default_rng(0)
    genuine, impostor = rng.normal(0.6, 0.2, 50), rng.normal(0.2, 0.2, 70)
    outlines = drawn(score_histogram(genuine, impostor, 0.4))[:2]
    for outline in outlines:
        for at, text in zip(outline["x"], outline["hovertext"], strict=True):
            missed = sum(value < at for value in genuine) / 50
            accepted = sum(value >= at for value in impostor) / 70
            want = (
                f"As threshold {at:.3f}<br>misses {missed:.1%} of genuine pairs<br>accepts {accepted:.3%} of impostor"
            )
            assert text == f"{want} pairs"


def test_points_of_curves_say_their_rates_and_the_threshold_where_it_is_known() -> None:
    shuffled = [2, 0, 1]
    far, tar = (rates[shuffled] for rates in RATES)
    known = MatchCurve("head", far, tar, np.array([-0.5, 0.7, 0.3]))
    for plot in (roc_curve_plot, det_curve_plot):
        assert told(plot([known]))[:2] == [
            "head, threshold 0.700<br>accepts 50.0% of genuine and 0.100% of impostor pairs",
            "head, threshold 0.300<br>accepts 90.0% of genuine and 10.000% of impostor pairs",
        ]
        assert "threshold" not in told(plot([MatchCurve("raw", *RATES)]))[0]
    (trace,) = drawn(roc_curve_plot([known]))
    assert (trace["x"], trace["y"]) == (RATES[0].tolist(), RATES[1].tolist())


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    far = np.linspace(0, 1, 30_000)
    (trace,) = drawn(roc_curve_plot([MatchCurve("raw", far, far)]))
    assert len(trace["x"]) == len(trace["hovertext"]) <= MOST_HOVERED
    assert (trace["x"][0], trace["x"][-1]) == (0, 1)


def test_every_face_on_the_map_says_its_group_and_how_alike_it_is() -> None:
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 1, 1, 1, 2]]
    vectors[4] = [0, 0.6, 0, 0.8]
    labels = np.array([0, 0, 1, 1, 1, -1])
    said = told(embedding_map(vectors, labels, names={0: "Ada", 1: "Bob"}))
    middle = vectors[2:5].mean(axis=0)
    alike = float(vectors[4] @ middle / np.linalg.norm(middle))
    assert said.count("Ada, 2 faces<br>1.00 like their middle") == 2
    assert said.count("noise: in no group") == 1
    assert f"Bob, 3 faces<br>{alike:.2f} like their middle" in said
    assert len(said) == len(vectors)


def test_a_run_says_all_its_values_anywhere_on_its_line() -> None:
    runs = {"r1": {"head": "linear", "eer": 0.125}, "r2": {"head": "pca"}}
    first, second = drawn(parallel_coordinates(runs, ["head", "eer"], best="r1"))
    assert set(first["hovertext"]) == {"r1<br>head: linear<br>eer: 0.125"}
    assert first["name"] == "best: r1"
    assert set(second["hovertext"]) == {"r2<br>head: pca"}


def test_trials_say_score_and_options_and_how_they_ended() -> None:
    pictures = draw_search(trials(), {"train.head": 0.75}, "wrong", 2)
    assert told(pictures["importance.png"]) == ["train.head: 75.0%"]
    ended, _, given_up = drawn(pictures["progress.png"])
    assert ended["x"] == [0, 2]
    assert ended["hovertext"] == [
        "trial 0, wrong 0.5000<br>train.head: linear",
        "trial 2, wrong 0.2500<br>train.head: linear",
    ]
    assert (given_up["name"], given_up["x"]) == ("given up early", [1])


@pytest.mark.parametrize("plot", [name for name in NAMED if name in ("roc", "det", "map", "parallel", "over time")])
def test_a_name_is_neither_a_tag_nor_a_formula(plot: str) -> None:
    bundle = str(NAMED[plot](TAG)._repr_mimebundle_())  # type: ignore[attr-defined]
    assert "&lt;b&gt;&#36;x&#36;&lt;/b&gt;" in bundle
    assert TAG not in bundle


def test_nothing_to_draw_is_nothing_to_hover_over() -> None:
    for figure in (roc_curve_plot([]), over_time_plot(MeasureHistory("train", "eer", True, ()))):
        assert figure._repr_mimebundle_() == {}  # type: ignore[attr-defined]
