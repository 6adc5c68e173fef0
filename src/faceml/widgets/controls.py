"""Sliders beside a live plot, for who works in cells: what other bounds and options would do. Nothing is changed.

Where nobody sits at the notebook, as under papermill, it is the plot alone, at the values given.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from faceml.errors import FacemlError
from faceml.library import Library
from faceml.options import ClusterOptions, DetectOptions
from faceml.tracking.unattended import is_attended

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from faceml.services.recognise.calibrate import ThresholdView
    from faceml.trial.moves import GroupingEffect

Draw = Callable[..., "tuple[str, Figure]"]  # of the values: a sentence, and the plot
KEEP_ALL = 0.0  # of min_cohesion: nobody is dropped


def detection_controls(
    library: Library,
    *,
    min_confidence: float = 0.5,
    min_face_size: int = 20,
    quality_threshold: float = 0.5,
    is_live: bool | None = None,
) -> Any:
    """Which of the library's faces other bounds would keep.

    Args:
        is_live: sliders, or the plot alone; None: sliders where somebody sits at the notebook.
    Raises:
        DatabaseUnavailable.
    """
    from faceml.plots.tuning import bounds_plot
    from faceml.services.cluster.tune import Tuner
    from faceml.storage.live_table import LiveTable

    live = LiveTable(library.repository)
    tuner, table = Tuner(library, live), live.now()
    is_there = ~table.is_missing & (table.dismissed == 0)
    measured = {
        "confidence of the detection": table.confidence[is_there],
        "shorter side, px": table.sizes[is_there],
        "quality": table.quality[is_there],
    }

    def draw(min_confidence: float, min_face_size: int, quality_threshold: float) -> tuple[str, Figure]:
        options = DetectOptions(min_confidence=min_confidence, min_face_size=min_face_size)
        found = tuner.detection(options, quality_threshold=quality_threshold)
        bounds = (min_confidence, min_face_size, quality_threshold)
        words = (
            f"{found.kept:,} of {found.faces:,} faces kept: {found.unsure:,} are below the confidence, {found.small:,} "
            f"too small. {found.good:,} are good enough to be grouped."
        )
        return words, bounds_plot(measured, dict(zip(measured, bounds, strict=True)))

    return _controls(
        draw,
        is_live,
        min_confidence=_slider(min_confidence, 0.0, 1.0, 0.01, "confidence"),
        min_face_size=_slider(min_face_size, 1, 300, 1, "size, px"),
        quality_threshold=_slider(quality_threshold, 0.0, 1.0, 0.01, "quality"),
    )


def grouping_controls(
    library: Library, options: ClusterOptions = ClusterOptions(), *, is_live: bool | None = None
) -> Any:
    """How other options would group the faces that nobody named, or a sample of them, beside how they are grouped."""
    from faceml.plots.tuning import group_sizes_plot
    from faceml.services.cluster.tune import Tuner

    tuner = Tuner(library)
    shared: dict[str, Any] = {
        "max_faces": options.max_faces,
        "model": options.model,
        "time_bucket": options.time_bucket,
    }

    def draw(min_cohesion: float, **given: Any) -> tuple[str, Figure]:
        try:
            chosen = ClusterOptions(**shared, min_cohesion=min_cohesion or None, **given)
            found = tuner.grouping(chosen)
        except FacemlError as error:
            return str(error), group_sizes_plot({})
        return _grouped(found), group_sizes_plot({"now": found.before.sizes, "with these options": found.after.sizes})

    return _controls(
        draw,
        is_live,
        method=("hdbscan", "linkage") if options.method == "hdbscan" else ("linkage", "hdbscan"),
        min_cluster_size=_slider(options.min_cluster_size, 2, 30, 1, "faces"),
        min_samples=_slider(options.min_samples, 1, 15, 1, "neighbours"),
        min_cohesion=_slider(options.min_cohesion or KEEP_ALL, 0.0, 0.9, 0.01, "cohesion"),
        quality_threshold=_slider(options.quality_threshold, 0.0, 1.0, 0.01, "quality"),
    )


def threshold_controls(views: Sequence[ThresholdView], *, is_live: bool | None = None) -> Any:
    """What other thresholds would let in and leave out, in each space that was looked at; None without any."""
    from faceml.plots.curves import score_histogram

    by_space: Mapping[str, ThresholdView] = {view.space: view for view in views}

    def draw(space: str, threshold: float) -> tuple[str, Figure]:
        view = by_space[space]
        found, wrong = (view.genuine >= threshold).mean(), (view.impostor >= threshold).mean()
        words = (
            f"From {threshold:.2f} on: {found:.1%} of the faces that have another of their person are recognised, "
            f"{wrong:.2%} would be taken for somebody else if their person were unknown."
        )
        return words, score_histogram(view.genuine, view.impostor, threshold)

    if not by_space:
        return None
    start = views[0].threshold
    return _controls(
        draw, is_live, space=tuple(by_space), threshold=_slider(round(start, 2), -0.2, 1.0, 0.01, "threshold")
    )


def _grouped(found: GroupingEffect) -> str:
    of = f"{found.faces:,} faces" + (f" of {found.faces_in_all:,}" if found.faces < found.faces_in_all else "")
    return (
        f"{of}: {found.after.clusters:,} groups (now {found.before.clusters:,}) with {found.after.grouped:,} of them "
        f"(now {found.before.grouped:,}). {found.joined:,} would join a group, {found.left:,} leave theirs, "
        f"{found.moved:,} change it. Compared in {found.model_version}."
    )


def _slider(value: float, least: float, most: float, step: float, label: str) -> dict[str, Any]:
    return {"value": min(max(value, least), most), "min": least, "max": most, "step": step, "description": label}


def _controls(draw: Draw, is_live: bool | None, **fields: dict[str, Any] | tuple[str, ...]) -> Any:
    """A widget for each field, a slider or a choice, beside what `draw` makes of their values."""
    start = {name: field[0] if isinstance(field, tuple) else field["value"] for name, field in fields.items()}
    words, figure = draw(**start)
    if not (is_attended() if is_live is None else is_live):
        print(words)
        return figure
    from ipywidgets import HTML, Image, VBox

    controls = {name: _control(name, field) for name, field in fields.items()}
    text, picture = HTML(), Image(format="png")

    def show(words: str, figure: Figure) -> None:
        text.value, picture.value = escape(words), _png(figure)

    def renew(_: Any) -> None:
        show(*draw(**{name: control.value for name, control in controls.items()}))

    for control in controls.values():
        control.observe(renew, names="value")
    show(words, figure)
    return VBox([*controls.values(), text, picture])


def _control(name: str, field: dict[str, Any] | tuple[str, ...]) -> Any:
    from ipywidgets import Dropdown, FloatSlider, IntSlider

    if isinstance(field, tuple):
        return Dropdown(options=field, description=name)
    kind = IntSlider if isinstance(field["step"], int) else FloatSlider
    return kind(**field, continuous_update=False)


def _png(figure: Figure) -> bytes:
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()
