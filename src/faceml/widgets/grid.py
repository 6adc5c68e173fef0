"""The face grid in a notebook: the front end of the page at `/label`, its requests answered over the kernel's messages.

Pictures and names travel as messages, never as synchronised state: nothing of a face ends up in a saved notebook.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anywidget
from pydantic import TypeAdapter

HERE = Path(__file__).parent
AT_ONCE = 4  # requests that are answered side by side, as a browser's would be
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """A request of the front end."""

    id: int
    method: str
    path: str  # below /api/v1/faces
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None  # as JSON has it; of a form `{"files": [{field, name, type}]}`, and the files are the buffers
    buffers: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


_CALL = TypeAdapter(Call)  # reads what the front end sends


class FaceGrid(anywidget.AnyWidget):  # type: ignore[misc]  # anywidget publishes no types
    """Shows the grid, and hands each request to who answers it.

    Args:
        answer: called in threads, several at once; what it raises is told as status 500.
        on_close: called once, when the widget is closed.
    """

    _esm = HERE / "grid.js"
    _css = HERE / "grid.css"

    def __init__(self, answer: Callable[[Call], Answer], *, on_close: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._answer_of, self._on_close = answer, on_close
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="face-grid")
        self.on_msg(self._on_message)

    def close(self) -> None:
        super().close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        on_close, self._on_close = self._on_close, lambda: None
        on_close()

    def _on_message(self, _widget: object, content: Mapping[str, Any], buffers: Sequence[Any] | None) -> None:
        call = _CALL.validate_python({**content, "buffers": [bytes(buffer) for buffer in buffers or ()]})
        self._threads.submit(self._reply, call)

    def _reply(self, call: Call) -> None:
        try:
            answer = self._answer_of(call)
        except Exception as error:  # a thread's traceback is seen by nobody: show it where the person looks
            log.exception("a request of the face grid was not answered")
            detail = f'{{"detail": "unexpected {type(error).__name__}"}}'
            answer = Answer(500, {"content-type": "application/problem+json"}, detail.encode())
        self.send({"id": call.id, "status": answer.status, "headers": dict(answer.headers)}, [answer.body])
