"""The tuning view: sliders for thresholds and cluster parameters, and what they would do to a sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from faceml.library import Library
from faceml.records import Face
from faceml.services.cluster.tune import Effect, Pair, Sample, take_sample, try_settings
from faceml.widgets.screen import REFRESH, Input, Notice, Screen, Sheet, Slider, Tile
from faceml.widgets.session import Session, carry_out

VIEW = "tuning"
SLIDERS = (  # name, label, lowest, highest, step, digits
    ("threshold", "Similarity to recognise", 0.1, 0.95, 0.01, 2),
    ("min_cluster_size", "Faces that make a cluster", 2, 20, 1, 0),
    ("min_samples", "Neighbours that make it dense", 1, 15, 1, 0),
)


class Tuning:
    """Tries settings; nothing in the library changes."""

    def __init__(self, library: Library) -> None:
        self.session = Session(library)
        self._values = {"threshold": 0.6, "min_cluster_size": 5.0, "min_samples": 3.0}
        self._seed = 0
        self._sample = take_sample(library)
        self._values["threshold"] = round(self._sample.threshold, 2)
        self._try()

    def handle(self, given: Input) -> None:
        carry_out(self, given, _ACTIONS)

    def screen(self) -> Screen:
        effect, threshold = self._effect, self._values["threshold"]
        sheets = [_sheet(pair, "recognised") for pair in reversed(effect.above)]
        sheets += [_sheet(pair, "not recognised") for pair in effect.below]
        return Screen(
            VIEW, "What would other settings do?", "tuning", _facts(self._sample, effect), sheets=tuple(sheets),
            side_by_side=True, sliders=self._sliders(), actions=(replace(REFRESH, label="Another sample"),),
            notice=self.session.notice or Notice(
                f"Nothing is changed. As parameters: threshold={threshold:.2f}, "
                f"min_cluster_size={self._values['min_cluster_size']:.0f}, "
                f"min_samples={self._values['min_samples']:.0f}"
            ),
        )  # fmt: skip

    def faces(self) -> Sequence[Face]:
        ids = [id_ for pair in (*self._effect.above, *self._effect.below) for id_ in (pair.one, pair.other)]
        return [self._sample.faces[id_] for id_ in ids if id_ in self._sample.faces]

    def next_faces(self) -> Sequence[Face]:
        return ()

    def _slide(self, given: Input) -> None:
        self._values |= {name: value for name, value in given.values.items() if name in self._values}
        self._try()

    def _refresh(self, _given: Input) -> None:
        self._seed += 1
        self._sample = take_sample(self.session.library, seed=self._seed)
        self._try()

    def _try(self) -> None:
        values = self._values
        self._effect = try_settings(
            self._sample,
            threshold=values["threshold"],
            min_cluster_size=round(values["min_cluster_size"]),
            min_samples=round(values["min_samples"]),
        )

    def _sliders(self) -> tuple[Slider, ...]:
        values = self._values
        return tuple(
            Slider(name, label, low, high, step, values[name], f"{values[name]:.{digits}f}")
            for name, label, low, high, step, digits in SLIDERS
        )


_ACTIONS: dict[str, Callable[[Tuning, Input], None]] = {"slide": Tuning._slide, "refresh": Tuning._refresh}


def _facts(sample: Sample, effect: Effect) -> tuple[str, ...]:
    count = len(sample.face_ids)
    of = f"{count:,} faces" if count == sample.faces_in_library else f"a sample of {count:,} faces"
    facts = [
        of,
        f"{effect.clusters:,} clusters with {effect.grouped:.0%} of them, the largest {effect.largest:,}",
        f"{effect.recognised:.0%} similar enough",
    ]
    false = effect.false_matches
    if false is None:
        facts.append("false matches unknown: name faces of two people first")
    else:
        facts.append(
            f"strangers named {false.share:.1%} (at most {false.at_most:.1%}), known faces {false.accepted:.0%} right"
        )
    return tuple(facts)


def _sheet(pair: Pair, result: str) -> Sheet:
    pictures = (Tile(str(pair.one), "the face"), Tile(str(pair.other), pair.name or "another face", pair.name))
    return Sheet(f"{pair.similarity:.2f} {result}", pictures)
