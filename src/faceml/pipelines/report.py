"""A run as others see it: an HTML page for people, and JSON for another program (a webhook).

The page says what each step found and where it failed, and shows pictures of faces only where the run allows them. The
JSON holds counts and outcomes, never names, paths, pictures or error texts.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from faceml.addresses import without_password
from faceml.errors import WrongUse
from faceml.pipelines.history import PipelineRun, StepRun, StepStatus
from faceml.pipelines.notebooks import displayed

REPORT = "report.html"
WEBHOOK_TIMEOUT_S = 10
PICTURES = "pictures_allowed"  # the parameter of a pipeline that allows them
log = logging.getLogger(__name__)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
table {{ border-collapse: collapse }}
th, td {{ text-align: left; padding: .3rem 1.2rem .3rem 0; vertical-align: top }}
tr + tr {{ border-top: 1px solid #8884 }} .number {{ text-align: right }} img {{ max-width: 100% }}
.failed, .stopped {{ color: #c62828; font-weight: 600 }} .skipped, .note {{ color: #777 }}
@media (prefers-color-scheme: dark) {{ body {{ background: #181818; color: #ddd }} a {{ color: #8ab4f8 }}
  .failed, .stopped {{ color: #ff8a80 }} .skipped, .note {{ color: #999 }} }}
</style></head><body>
<h1>{pipeline}: <span class="{status}">{status}</span></h1>
<p>{when}, {seconds:.0f} s</p>
{advice}<table><tr><th>Step</th><th></th><th class="number">Seconds</th><th>Found</th></tr>
{rows}</table>
<h2>Parameters</h2><table>{parameters}</table>
{pictures}</body></html>
"""


def render(run: PipelineRun) -> str:
    """The page; executed notebooks are linked."""
    taken_over = run.taken_over()
    rows = "".join(f"<tr>{_step(step, run.folder, is_earlier=step in taken_over)}</tr>\n" for step in run.steps)
    parameters = "".join(f"<tr><th>{escape(n)}</th><td>{escape(str(v))}</td></tr>" for n, v in run.parameters.items())
    return _PAGE.format(
        title=escape(f"{run.pipeline}: {run.status}"),
        pipeline=escape(run.pipeline),
        status=run.status,
        when=run.started_at.strftime("%Y-%m-%d %H:%M"),
        seconds=run.seconds,
        advice=_advice(run),
        rows=rows,
        parameters=parameters,
        pictures="".join(_pictures(run)) if run.parameters.get(PICTURES) is True else "",
    )


def _advice(run: PipelineRun) -> str:
    failed = run.failed_step
    if failed is None:
        return ""
    name = escape(failed.name)
    notebook = ", look at its notebook in JupyterLab" if failed.notebook else ""
    return (
        f"<p>It ended at the step <b>{name}</b>; what comes after it was not run. See the error below{notebook}, then"
        f" go on with <code>faceml pipeline run {escape(run.pipeline)} --from {name}</code>;"
        " <code>-p NAME=VALUE</code> corrects a parameter.</p>\n"
    )


def _step(step: StepRun, folder: Path | None, *, is_earlier: bool) -> str:
    name = escape(step.name)
    linked = f'<a href="{escape(quote(_beside(step.notebook, folder)))}">{name}</a>' if step.notebook else name
    found = ", ".join(f"{escape(str(n))} {escape(str(v))}" for n, v in step.results.items())
    parts = [found, escape(step.note or "")]
    if step.error:
        parts.append(f"<b>{escape(step.failed_cell or '')}</b> {escape(step.error)}")
    if is_earlier:
        parts.append('<span class="note">in the run before; not run again</span>')
    text = "<br>".join(part for part in parts if part)
    seconds = "" if step.status is StepStatus.SKIPPED else f"{step.seconds:.1f}"
    return (
        f'<td>{linked}</td><td class="{step.status}">{step.status}</td><td class="number">{seconds}</td><td>{text}</td>'
    )


def _beside(notebook: Path, folder: Path | None) -> str:
    """The way from the page to a notebook, which may lie in an earlier run's folder."""
    return Path(os.path.relpath(notebook, folder or notebook.parent)).as_posix()


def _pictures(run: PipelineRun) -> Iterator[str]:
    for step in run.steps:
        images = displayed(step.notebook, "image/png") if step.notebook else []
        if images:
            yield f"<h2>{escape(step.name)}</h2>\n"
        for image in images:
            text = "".join(image).replace("\n", "")
            yield f'<img alt="" src="data:image/png;base64,{text}">\n'


def check_webhook(url: str) -> None:
    """Raises WrongUse where it is not an http address."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise WrongUse(f"the webhook {without_password(url)!r} is not an http address: write it as https://host/path")


def call_webhook(url: str, run: PipelineRun) -> None:
    """POST the run as JSON; a webhook that does not take it is logged, and fails nothing."""
    body = json.dumps(_counts(run)).encode()
    request = Request(url, data=body, headers={"Content-Type": "application/json"}, method="POST")
    try:
        urlopen(request, timeout=WEBHOOK_TIMEOUT_S).close()
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        log.warning("the webhook on %s did not take the run: %s", urlsplit(url).hostname, reason)


def _counts(run: PipelineRun) -> dict[str, Any]:
    return {
        "pipeline": run.pipeline,
        "status": run.status.value,
        "started_at": run.started_at.isoformat(),
        "seconds": run.seconds,
        "failed_step": run.failed_step.name if run.failed_step else None,
        "steps": [
            {"name": step.name, "status": step.status.value, "seconds": step.seconds, "numbers": step.numbers}
            for step in run.steps
        ],
    }
