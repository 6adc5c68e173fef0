"""A run as one HTML page: what each step found, where it failed. Pictures of faces only where the run allows them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from faceml.pipelines.history import PipelineRun, StepRun

REPORT = "report.html"
PICTURES = "pictures_allowed"  # the parameter of a pipeline that allows them
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .3rem .6rem; vertical-align: top }}
tr + tr {{ border-top: 1px solid #ddd }} .failed, .stopped {{ color: #a40000 }} .skipped {{ color: #777 }}
img {{ max-width: 100% }} @media (prefers-color-scheme: dark) {{ body {{ background: #181818; color: #ddd }} }}
</style></head><body>
<h1>{title}</h1>
<p>{when}, {seconds:.0f} s</p>
<table><tr><th>Step</th><th></th><th>Seconds</th><th>Found</th></tr>
{rows}</table>
<h2>Parameters</h2><table>{parameters}</table>
{pictures}</body></html>
"""


def write_report(run: PipelineRun) -> Path | None:
    """Write the page into the run's folder; None for a run without one (a dry run)."""
    if run.folder is None:
        return None
    file = run.folder / REPORT
    partial = file.with_name(f".{REPORT}.{os.getpid()}")
    partial.write_text(render(run), encoding="utf-8")
    partial.replace(file)
    return file


def render(run: PipelineRun) -> str:
    """The page; notebooks are linked beside it."""
    rows = "".join(f"<tr>{_step(step)}</tr>\n" for step in run.steps)
    parameters = "".join(f"<tr><th>{escape(n)}</th><td>{escape(str(v))}</td></tr>" for n, v in run.parameters.items())
    return _PAGE.format(
        title=escape(f"{run.pipeline}: {run.status}"),
        when=run.started_at.strftime("%Y-%m-%d %H:%M"),
        seconds=run.seconds,
        rows=rows,
        parameters=parameters,
        pictures="".join(_pictures(run)) if run.parameters.get(PICTURES) is True else "",
    )


def _step(step: StepRun) -> str:
    name = escape(step.name)
    linked = f'<a href="{escape(step.notebook.name)}">{name}</a>' if step.notebook else name
    found = ", ".join(f"{escape(str(n))} {escape(str(v))}" for n, v in step.results.items())
    told = [found, escape(step.note or "")]
    if step.error:
        told.append(f"<b>{escape(step.failed_cell or '')}</b> {escape(step.error)}")
    text = "<br>".join(part for part in told if part)
    return f'<td>{linked}</td><td class="{step.status}">{step.status}</td><td>{step.seconds:.1f}</td><td>{text}</td>'


def _pictures(run: PipelineRun) -> Iterator[str]:
    for step in run.steps:
        images = list(_images(step.notebook)) if step.notebook and step.notebook.exists() else []
        if images:
            yield f"<h2>{escape(step.name)}</h2>\n"
            yield from (f'<img alt="" src="data:image/png;base64,{image}">\n' for image in images)


def _images(notebook: Path) -> Iterator[str]:
    cells: list[dict[str, Any]] = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    for output in (output for cell in cells for output in cell.get("outputs", [])):
        image = output.get("data", {}).get("image/png")
        if image:
            yield "".join(image).replace("\n", "")
