"""Figures: what they draw, not how they look."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from faceml.errors import WrongUse
from faceml.metrics.face_map import MOST_FOR_TSNE, plane
from faceml.metrics.identification import Estimate
from faceml.plots import comparisons, curves, matcher
from faceml.plots import embedding_map as embedding_map_
from faceml.plots.colours import NOISE, PALETTE
from faceml.plots.comparisons import (
    ScoredSetting,
    interval_plot,
    over_time_plot,
    parallel_coordinates,
    sweep_scores,
)
from faceml.plots.curves import (
    MatchCurve,
    confusion,
    det_curve_plot,
    epoch_curves,
    quality_histogram,
    roc_curve_plot,
    score_histogram,
)
from faceml.plots.embedding_map import embedding_map
from faceml.plots.matcher import MOST_BARS, before_and_after, nearness_plot
from faceml.tracking.experiment import MeasureHistory, Moment
from faceml.trial.comparison import Comparison


def texts(figure: Figure) -> str:
    return " | ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def unit_rows(count: int, width: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize(
    "draw_nothing",
    [
        lambda: quality_histogram([]),
        lambda: embedding_map(np.empty((0, 8), np.float32), np.empty(0, int)),
        lambda: embedding_map(unit_rows(1, 8), np.array([0])),
        lambda: roc_curve_plot([]),
        lambda: det_curve_plot([]),
        lambda: score_histogram([], [0.1], 0.5),
        lambda: epoch_curves({}),
        lambda: confusion(np.empty((0, 0)), []),
    ],
)
def test_nothing_to_draw_is_said_and_never_raised(draw_nothing: Callable[[], Figure]) -> None:
    figure = draw_nothing()
    figure.canvas.draw()
    assert texts(figure).strip(" |")


def test_faces_below_the_threshold_are_grey_and_none_is_lost() -> None:
    scores = [0.0, 0.2, 0.49, 0.5, 0.51, 0.99, 1.0, np.nan]
    figure = quality_histogram(scores, threshold=0.5)
    heights = {NOISE: 0.0, PALETTE[0]: 0.0}
    for bar in figure.axes[0].patches:
        heights[to_hex(bar.get_facecolor())] += bar.get_height()
    assert heights == {NOISE: 3, PALETTE[0]: 4}
    assert "4 of 7 faces" in texts(figure)


def test_a_threshold_between_round_numbers_still_splits_the_bars() -> None:
    figure = quality_histogram([0.365, 0.368, 0.372], threshold=0.37)
    heights = {to_hex(bar.get_facecolor()): bar.get_height() for bar in figure.axes[0].patches if bar.get_height()}
    assert heights == {NOISE: 2, PALETTE[0]: 1}
    assert all(not bar.get_x() < 0.37 < bar.get_x() + bar.get_width() for bar in figure.axes[0].patches)


def test_the_map_names_every_large_cluster_and_greys_noise() -> None:
    labels = np.repeat([-1, *range(15)], [3, *range(20, 6, -1), 2])
    figure = embedding_map(unit_rows(len(labels), 16), labels, names={0: "Grace Hopper"})
    shown = texts(figure)
    assert "Grace Hopper" in shown
    assert [text.get_text() for text in figure.axes[0].texts] == ["Grace Hopper", *map(str, range(1, 14))]
    noise = figure.axes[0].collections[0]
    assert len(noise.get_offsets()) == 3
    assert to_hex(noise.get_facecolor()[0]) == NOISE


def test_names_on_the_map_hide_no_other_name() -> None:
    people = 40
    faces = np.repeat(unit_rows(people, 32), 6, axis=0) + 0.1 * unit_rows(6 * people, 32, seed=1)
    names = {number: f"Person number {number}" for number in range(people)}
    figure = embedding_map(faces.astype(np.float32), np.repeat(range(people), 6), names=names)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in figure.axes[0].texts]  # without the line to its group
    assert len(boxes) == people
    assert sum(one.overlaps(other) for one, other in combinations(boxes, 2)) <= people // 20


def test_clusters_of_the_same_colour_differ_in_shape() -> None:
    labels = np.repeat(range(9), 5)
    first, *_, ninth = embedding_map(unit_rows(45, 8), labels).axes[0].collections[1:]
    assert to_hex(first.get_facecolor()[0]) == to_hex(ninth.get_facecolor()[0])
    assert not np.array_equal(first.get_paths()[0].vertices, ninth.get_paths()[0].vertices)


def test_neighbours_stay_together_on_the_plane() -> None:
    centres = unit_rows(3, 32)
    faces = np.repeat(centres, 20, axis=0) + 0.02 * unit_rows(60, 32, seed=1)
    points = plane(faces).reshape(3, 20, 2)
    spread = max(float(np.ptp(group, axis=0).max()) for group in points)
    middles = points.mean(axis=1)
    nearest = min(float(np.linalg.norm(middles[i] - middles[j])) for i, j in ((0, 1), (0, 2), (1, 2)))
    assert nearest > spread


def test_a_large_library_is_mapped_by_principal_components() -> None:
    faces = unit_rows(MOST_FOR_TSNE + 1, 4) * np.array([5, 3, 1, 0.1], np.float32)
    points = plane(faces)
    centred = faces - faces.mean(axis=0)
    _, scale, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.linalg.norm(points, axis=0), scale[:2], rtol=1e-3)


def test_equal_faces_and_tiny_libraries_are_mapped() -> None:
    for count in (2, 3, 9, 12):
        assert np.isfinite(plane(np.ones((count, 3), np.float32))).all()
    assert plane(np.ones((4, 1), np.float32)).shape == (4, 2)


def test_a_map_of_unequal_numbers_is_refused() -> None:
    with pytest.raises(WrongUse, match=r"labels \(2,\) do not fit"):
        embedding_map(unit_rows(3, 4), np.array([0, 1]))


def test_curves_start_at_the_smallest_measured_rate() -> None:
    curve = MatchCurve("raw", np.array([0, 0.002, 0.1, 1.0]), np.array([0.2, 0.6, 0.9, 1.0]))
    roc, det = roc_curve_plot([curve]), det_curve_plot([curve])
    assert roc.axes[0].get_xlim() == pytest.approx((0.001, 1))
    assert det.axes[0].get_ylim() == pytest.approx((0.1, 1))
    assert "raw" in texts(roc)
    for figure in (roc, det):
        figure.canvas.draw()


def test_a_curve_of_unequal_arrays_is_refused() -> None:
    with pytest.raises(WrongUse, match="curve 'raw' has FAR"):
        roc_curve_plot([MatchCurve("raw", np.zeros(3), np.zeros(2))])


def test_scores_count_both_kinds_of_error() -> None:
    figure = score_histogram([0.2, 0.6, 0.7, 0.8], [0.0, 0.1, 0.2, 0.5], 0.4)
    assert "Misses 25.0% of genuine, accepts 25.00% of impostor" in texts(figure)


def test_epochs_that_were_not_measured_leave_no_point() -> None:
    figure = epoch_curves({"loss": [0.5, 0.4, 0.3, 0.2], "val_loss": [0.5, float("nan"), 0.4, float("nan")]})
    loss, validation = figure.axes[0].lines
    assert loss.get_xdata().tolist() == [1, 2, 3, 4]
    assert validation.get_xdata().tolist() == [1, 3]


def test_confusion_counts_and_its_share_right() -> None:
    figure = confusion([[8, 2], [0, 10]], ["Anna", "Ben"])
    assert "90.0% right" in texts(figure)
    assert [text.get_text() for text in figure.axes[0].texts] == ["8", "2", "10"]


def test_a_confusion_matrix_of_another_size_is_refused() -> None:
    with pytest.raises(WrongUse, match=r"confusion matrix \(3, 3\) for 2 names"):
        confusion(np.eye(3), ["Anna", "Ben"])


def test_plots_leave_pyplot_and_its_global_state_alone() -> None:
    code = (
        "import sys\nfrom faceml.plots.curves import quality_histogram\n"
        "from faceml.plots.curves import epoch_curves\n"
        "quality_histogram([0.5]).canvas.draw(); epoch_curves({'loss': [1, 2]}).canvas.draw();"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_before_and_after_say_what_each_threshold_misses_and_lets_in() -> None:
    sides = {"plain": ([0.2, 0.8], [0.1, 0.3, 0.7, 0.1], 0.5), "matcher": ([0.6, 0.8], [0.1, 0.1], 0.4)}
    plain, fitted = (axes.get_title(loc="left") for axes in before_and_after(sides).axes)
    assert plain == "plain: at 0.50 misses 50.0% of own faces, lets 25.00% of others in"
    assert fitted == "matcher: at 0.40 misses 0.0% of own faces, lets 0.00% of others in"
    for nothing in ({}, {"plain": ([], [0.1], 0.5)}):
        assert "Needs two people" in texts(before_and_after(nothing))


def test_nearness_puts_the_nearest_on_top_and_shows_no_more_than_fit() -> None:
    axes = nearness_plot({f"p{n}": n / 100 for n in range(MOST_BARS + 11)}).axes[0]
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert (shown[0], len(shown)) == (f"p{MOST_BARS + 10}", MOST_BARS)
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first on top"
    assert "41 people, 0.20" in axes.get_xlabel()
    assert "Nobody is labelled" in texts(nearness_plot({}))


# Names are texts, whatever is in them

FORMULA = r"$\frac{$ & 100 % \$5 _x"
RATES = np.array([1e-4, 1e-2, 1.0]), np.array([0.5, 0.9, 1.0])
NAMED: dict[str, Callable[[str], Figure]] = {
    "roc": lambda name: roc_curve_plot([MatchCurve(name, *RATES)]),
    "det": lambda name: det_curve_plot([MatchCurve(name, *RATES)]),
    "epochs": lambda name: epoch_curves({name: [0.2, 0.1]}),
    "confusion": lambda name: confusion(np.eye(2), [name, "Ada"]),
    "map": lambda name: embedding_map(unit_rows(4, 8), np.zeros(4, int), names={0: name}),
    "before and after": lambda name: before_and_after({name: ([0.5, 0.6], [0.1, 0.2], 0.3)}),
    "nearness": lambda name: nearness_plot({name: 0.3, "Ada": 0.2}),
    "intervals": lambda name: interval_plot(
        Comparison((name,), {name: {name: Estimate(0.1, 0.0, 0.2)}}, (), None, {}, 5, 10, 2, 0.95)
    ),
    "parallel": lambda name: parallel_coordinates({name: {name: 1.0, "b": name}}, [name, "b"], best=name),
    "over time": lambda name: over_time_plot(
        MeasureHistory(
            name, name, False, (Moment(name, datetime(2026, 1, 1, tzinfo=UTC), 0.5, None, False, False, True),)
        )
    ),
    "sweep": lambda name: sweep_scores([ScoredSetting(name, 0.5, name)], score_name=name),
}


@pytest.mark.parametrize("plot", NAMED)
def test_a_name_is_drawn_as_it_is_written(plot: str) -> None:
    figure = NAMED[plot](FORMULA)
    for form in ("png", "svg"):
        figure.savefig(io.BytesIO(), format=form, bbox_inches="tight")
    assert FORMULA in texts(figure)
    assert "mathdefault" not in texts(figure)


def test_every_plot_that_shows_names_is_tried_with_one() -> None:
    rooms = (curves, comparisons, embedding_map_, matcher)
    draws = [item for room in rooms for item in vars(room).values() if returns_a_figure(item, room.__name__)]
    named = {draw.__name__ for draw in draws} - {"score_histogram", "quality_histogram"}
    assert named == set(re.findall(r"lambda name: (\w+)\(", Path(__file__).read_text()))


def returns_a_figure(item: object, room: str) -> bool:
    is_public = getattr(item, "__module__", "") == room and not getattr(item, "__name__", "_").startswith("_")
    return is_public and getattr(item, "__annotations__", {}).get("return") == "Figure"
