"""The widget: draws a view's screens in the browser and hands back what the person did.

Pictures and names travel as messages, never as synchronised state: nothing of a face ends up in a saved notebook.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import anywidget
from pydantic import TypeAdapter

from faceml.errors import FacemlError
from faceml.library import Library
from faceml.records import Face
from faceml.services.pictures.thumbnails import Thumbnails
from faceml.widgets.screen import Input, Notice
from faceml.widgets.session import View

PICTURES_AT_ONCE = 20  # those still to be made appear so many at a time
HERE = Path(__file__).parent
_INPUT = TypeAdapter(Input)  # reads what the front end sends
log = logging.getLogger(__name__)


class Bench(anywidget.AnyWidget):  # type: ignore[misc]  # anywidget publishes no types
    _esm = HERE / "bench.js"
    _css = HERE / "bench.css"

    def __init__(self, library: Library, view: View, *, pixelate: Callable[[Face], bool] | None = None) -> None:
        super().__init__()
        self.view = view
        self.thumbnails = Thumbnails(library, pixelate=pixelate)
        self._sent: set[UUID] = set()
        self._names: Sequence[str] = ()
        self.on_msg(self._on_message)
        self._in_background(lambda: self.thumbnails.of(self.view.faces()))  # while the front end loads

    def _on_message(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        if content.get("kind") == "ready":  # a front end without pictures or names: this notebook opened anew
            self._sent, self._names = set(), ()
        elif content.get("kind") == "shown":  # only now, so that what is asked for need not share the processor
            self._in_background(lambda: self.thumbnails.prepare(self.view.next_faces()))
            return
        elif content.get("kind") == "input":
            self._carry_out(_INPUT.validate_python(content))
        self._show_screen(number=int(content.get("number", 0)))

    def _carry_out(self, given: Input) -> None:
        try:
            self.view.handle(given)
        except FacemlError as error:
            self.view.session.notice = Notice(str(error), "problem")
        except Exception as error:  # a callback's traceback is seen by nobody: show it where the person looks
            log.exception("the view could not do it")
            self.view.session.notice = Notice(f"unexpected {type(error).__name__}: {error}", "problem")

    def _show_screen(self, *, number: int) -> None:
        """Send the screen with the pictures at hand; those still to be made follow."""
        faces = [face for face in dict.fromkeys(self.view.faces()) if face.id not in self._sent]
        ready = self.thumbnails.at_hand(faces)
        message: dict[str, Any] = {"kind": "screen", "number": number, "screen": asdict(self.view.screen())}
        session = self.view.session
        if session.names != self._names:
            self._names = message["names"] = list(session.names)
        photo = session.photo.jpeg if session.photo else None
        missing = [face for face in faces if face.id not in ready]
        self._deliver(message | {"more": bool(missing)}, ready, photo)
        for place in range(0, len(missing), PICTURES_AT_ONCE):
            pictures = self.thumbnails.of(missing[place : place + PICTURES_AT_ONCE])
            self._deliver({"kind": "pictures", "more": place + PICTURES_AT_ONCE < len(missing)}, pictures, None)

    def _deliver(self, message: dict[str, Any], pictures: Mapping[UUID, bytes], photo: bytes | None) -> None:
        self._sent |= set(pictures)
        message["pictures"] = [str(face_id) for face_id in pictures]
        message["has_photo"] = photo is not None
        self.send(message, [*pictures.values(), *([photo] if photo is not None else [])])

    def _in_background(self, work: Callable[[], object]) -> None:
        def run() -> None:
            try:
                work()
            except FacemlError:
                log.debug("nothing was prepared", exc_info=True)

        threading.Thread(target=run, daemon=True).start()
