"""The same plots for somebody who sits at the notebook: hovering over a point tells what it is.

A figure keeps how it is drawn again (`hover`), and a front end that can ask its user something gets both: the picture,
and plotly's description, which the extension that the package `plotly` brings to JupyterLab puts in its place when the
mouse comes to it. Nothing is fetched. Runs record the picture; under papermill and nbconvert there is no other.
Docs: docs/decisions/0060-plots-to-hover-over.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from faceml.plots.colours import CARD, INK, MUTED, RULE
from faceml.tracking.unattended import is_attended

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MIME = "application/vnd.plotly.v1+json"
MARKERS = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down"}  # matplotlib's


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Points of one look; the legend has those with a name."""

    x: Iterable[Any]
    y: Iterable[Any]
    said: Sequence[str]  # a text a point, shown as it is; empty: these points say nothing
    name: str = ""
    mode: str = "markers"  # as plotly has it: markers, lines, lines+markers; or bars, from the left
    look: Mapping[str, Any] = field(default_factory=dict)  # plotly's own attributes: line, marker, fill


def hovering(figure: Figure, series: Callable[[], Sequence[Series]], **layout: Any) -> Figure:
    """Let a plot show these points where somebody can hover over them, on axes with plotly's names for what differs."""
    figure.hover = lambda: hover_bundle(figure, series(), layout)  # type: ignore[attr-defined]
    return figure


def bundle_of(hover: Callable[[], dict[str, Any]] | None) -> dict[str, Any]:
    """What a notebook gets beside the picture; nothing where nobody sits at it, or plotly is not installed."""
    if hover is None or not is_attended() or find_spec("plotly") is None:
        return {}
    return hover()


def hover_bundle(figure: Figure, series: Sequence[Series], layout: Mapping[str, Any]) -> dict[str, Any]:
    """Plotly's description by its MIME type: titles, names, height and colours are those of the picture."""
    drawn = go_figure(figure, series, layout)
    described = json.loads(drawn.to_json())
    described["config"] = {"displaylogo": False, "responsive": True}
    return {MIME: described}


def go_figure(figure: Figure, series: Sequence[Series], layout: Mapping[str, Any]) -> Any:
    import plotly.graph_objects as go

    axes = figure.axes[0]
    axis = {"gridcolor": RULE, "linecolor": RULE, "zeroline": False, "automargin": True, "tickfont": {"color": MUTED}}
    drawn = go.Figure(
        [_trace(go, one) for one in series],
        go.Layout(
            template="none",
            height=figure.get_size_inches()[1] * figure.dpi,  # of the picture; the width is the cell's
            annotations=[_note(text, figure.dpi / 72) for text in axes.texts if hasattr(text, "xyann")],
            title={"text": f"<b>{plain(axes.get_title(loc='left'))}</b>", "x": 0.02, "font": {"size": 16}},
            font={"color": INK, "size": 12},
            paper_bgcolor=CARD,
            plot_bgcolor=CARD,
            margin={"l": 60, "r": 30, "t": 60, "b": 60},
            hovermode="closest",
            hoverdistance=60,  # px
            hoverlabel={"bgcolor": CARD, "bordercolor": MUTED, "font": {"color": INK}, "align": "left"},
            legend={"orientation": "h", "y": -0.18},
            xaxis={**axis, "title": {"text": plain(axes.get_xlabel()), "font": {"color": MUTED}}},
            yaxis={**axis, "title": {"text": plain(axes.get_ylabel()), "font": {"color": MUTED}}},
        ),
    )
    return drawn.update_layout(**layout)


def _note(note: Any, px_per_point: float) -> dict[str, Any]:
    """An annotation of the picture where it stands there."""
    (x, y), (dx, dy) = note.xy, (offset * px_per_point for offset in note.xyann)
    text = f"<b>{plain(note.get_text())}</b>" if note.get_fontweight() == "bold" else plain(note.get_text())
    font = {"color": note.get_color(), "size": note.get_fontsize() * px_per_point}
    told = {"x": x, "y": y, "text": text, "font": font, "xanchor": note.get_ha()}
    if note.arrow_patch is None:
        return {**told, "xshift": dx, "yshift": dy, "showarrow": False, "yanchor": "bottom"}
    return {**told, "ax": dx, "ay": -dy, "arrowhead": 0, "arrowwidth": 0.6, "arrowcolor": MUTED}


def _trace(go: Any, one: Series) -> Any:
    shared = {
        "x": list(one.x),
        "y": list(one.y),
        "name": plain(one.name),
        "showlegend": bool(one.name),
        "hoverinfo": "text" if len(one.said) else "skip",
        "hovertext": [plain(text) for text in one.said],
        **one.look,
    }
    return go.Bar(orientation="h", **shared) if one.mode == "bars" else go.Scatter(mode=one.mode, **shared)


def plain(text: str) -> str:
    """A text as plotly shows it letter by letter: names that people chose are neither tags nor formulas.

    >>> plain("<b>Ada</b> & $x$\\nborn 1815")
    '&lt;b&gt;Ada&lt;/b&gt; &amp; &#36;x&#36;<br>born 1815'
    """
    return escape(str(text), quote=False).replace("$", "&#36;").replace("\n", "<br>")
