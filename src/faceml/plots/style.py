"""One look for all plots: opaque pale card (readable on light and dark pages), ink, and a colour-blind safe palette."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.ticker import NullFormatter

from faceml.errors import NoSpace, WrongUse
from faceml.files import is_full, no_space
from faceml.plots.colours import CARD, INK, MUTED, RULE
from faceml.plots.interactive import bundle_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

Grid = Literal["x", "y", "both"]


class Plot(Figure):
    """A figure that notebooks show without pyplot, whose global state would leak between threads.

    Its texts are names that people chose: none of them is a formula, whatever dollars and backslashes it holds.
    """

    hover: Callable[[], dict[str, Any]] | None = None  # the same plot to hover over, see `interactive.hovering`

    def draw(self, renderer: Any) -> None:
        for text in self.findobj(Text):
            text.set_parse_math(False)
        super().draw(renderer)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What IPython shows beside the picture."""
        del include, exclude
        return bundle_of(self.hover)

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        self.savefig(png, format="png")
        return png.getvalue()


def new_figure(width_in: float, height_in: float) -> tuple[Figure, Axes]:
    """A figure with one plot, free of pyplot's global state: safe in threads, servers and notebooks."""
    figure = Plot(
        figsize=(width_in, height_in), dpi=120, layout=ConstrainedLayoutEngine(w_pad=0.14, h_pad=0.14), facecolor=CARD
    )
    axes = figure.add_subplot(facecolor=CARD)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(RULE)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    return figure, axes


def label_axes(axes: Axes, *, title: str, x: str = "", y: str = "", grid: Grid | None = "y") -> None:
    """Title to the left, quiet labels, and rules behind the data along `grid`."""
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=12)
    axes.set_xlabel(x, color=MUTED, fontsize=10)
    axes.set_ylabel(y, color=MUTED, fontsize=10)
    if grid is not None:
        axes.grid(visible=True, axis=grid, color=RULE, linewidth=0.7)
        axes.set_axisbelow(True)


def scale_by_decades(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    """Make axes logarithmic, their ticks plain numbers: matplotlib writes powers of ten as formulas."""
    for axis, is_chosen in ((axes.xaxis, x), (axes.yaxis, y)):
        if is_chosen:
            axes.set(**{f"{axis.axis_name}scale": "log"})
            axis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.set_minor_formatter(NullFormatter())


def empty_plot(figure: Figure, text: str) -> Figure:
    """The figure with this text in place of its plot: a run over nothing still ends with a picture that says so."""
    axes = figure.axes[0]
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED, fontsize=11)
    return figure


def legend(axes: Axes, **options: Any) -> None:
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, **options)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure into a file of the kind its ending tells.

    Raises:
        WrongUse: a kind that is not known, or a folder that cannot be written to.
    """
    try:
        figure.savefig(path)
    except (ValueError, OSError) as error:
        if is_full(error):
            raise NoSpace(no_space(path.parent)) from error
        raise WrongUse(
            f"the plot {path} cannot be written ({error}): name a .png, .svg or .pdf in a folder that is there"
        ) from error


def finite(values: ArrayLike | Sequence[float]) -> NDArray[np.float64]:
    """Values as a flat array without NaN and infinities."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    return flat[np.isfinite(flat)]
