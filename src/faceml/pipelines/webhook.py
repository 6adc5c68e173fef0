"""Tell another program that a run ended: counts and outcomes, never names, paths, pictures or error texts."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from faceml.errors import WrongUse
from faceml.pipelines.history import PipelineRun, StepStatus

TIMEOUT_S = 10
log = logging.getLogger(__name__)


def check_webhook(url: str) -> None:
    """Raises WrongUse where it is no http address."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise WrongUse(f"the webhook {url!r} is no http address: write it as https://host/path")


def call_webhook(url: str, run: PipelineRun) -> bool:
    """POST the run as JSON; one that does not take it is logged, and fails nothing."""
    body = json.dumps(summary(run)).encode()
    request = Request(url, data=body, headers={"Content-Type": "application/json"}, method="POST")
    try:
        with urlopen(request, timeout=TIMEOUT_S):
            return True
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        log.warning("the webhook on %s did not take the run: %s", urlsplit(url).hostname, reason)
        return False


def summary(run: PipelineRun) -> dict[str, Any]:
    """What goes out."""
    return {
        "pipeline": run.pipeline,
        "status": run.status.value,
        "started_at": run.started_at.isoformat(),
        "seconds": run.seconds,
        "failed_step": next((step.name for step in run.steps if step.status is StepStatus.FAILED), None),
        "steps": [
            {
                "name": step.name,
                "status": step.status.value,
                "seconds": step.seconds,
                "numbers": {n: v for n, v in step.results.items() if isinstance(v, bool | int | float)},
            }
            for step in run.steps
        ],
    }
