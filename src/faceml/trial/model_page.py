"""What a registered version says of itself on its page: the gate's verdict and the figures, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from faceml.trial.comparison import Comparison, Verdict
from faceml.trial.slices import Sliced

MOST_LETTERS = 4_800  # MLflow takes 5,000


def describe(verdict: Verdict, comparison: Comparison | None, sliced: Sliced | None = None) -> str:
    """The gate's word and the figures.

    Args:
        sliced: how parts of the library are served, where that was measured.
    """
    parts = [f"**The gate {'lets it in' if verdict.promotes else 'refuses it'}.**"]
    parts.append("\n".join(f"- {reason}" for reason in verdict.reasons))
    if comparison and comparison.gains:
        about = f"Measured on {comparison.people} people held out, {comparison.confidence:.0%} intervals"
        decides = f"; {comparison.primary} decides" if comparison.primary else ""
        parts += [f"{about}{decides}.", _table(_figures(comparison))]
    if sliced:
        parts += ["By slices (* apart from all faces together):", _table(sliced.rows())]
    text = "\n\n".join(parts)
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}\n\n…"


def _figures(comparison: Comparison) -> list[dict[str, str]]:
    measures = list(dict.fromkeys(name for figures in comparison.measured.values() for name in figures))
    return [
        {"": name, **{m: f"{figures[m].value:.4f}" if m in figures else "" for m in measures}}
        for name, figures in comparison.measured.items()
    ]


def _table(rows: Iterable[Mapping[str, str]]) -> str:
    lines = [list(row.values()) for row in rows]
    heads = list(next(iter(rows)))
    rule = ["---" if _is_text(column) else "---:" for column in zip(*lines, strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rule, *lines))


def _is_text(column: Iterable[str]) -> bool:
    return any(cell and not cell[0].isdigit() for cell in column)
