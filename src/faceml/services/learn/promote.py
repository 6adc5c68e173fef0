"""Which projection and which matcher is used: the gate, a person's decision against it, the way back (DESIGN D8)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from faceml.errors import Conflict, ModelMismatch, NotFound, WrongUse
from faceml.identity.matcher_file import MatcherRecord
from faceml.library import Library
from faceml.progress import told
from faceml.storage.registry.model_registry import LoadedModel, ModelRegistry
from faceml.storage.registry.records import CHALLENGER, CHAMPION, RegisteredModel, RegistryState
from faceml.storage.registry.records import MATCHER as MATCHER_MODEL
from faceml.trial.comparison import RAW, Comparison, Verdict, from_json, verdict

# Tags of the registered model, so that any machine on the same registry knows the way back.
CHAMPIONS = "champions"  # versions that were champion, oldest first; the last one is
HISTORY = "history"  # JSON: what happened, oldest first
TAG_LIMIT = 4500  # characters; MLflow takes 5000
REASON_LIMIT = 300
MAX_CHAMPIONS = 500
PROJECTION, MATCHER = KINDS = ("projection", "matcher")
LET_IN = ("promoted", "forced")


@dataclass(frozen=True, slots=True)
class PromotionReport:
    version: int | None  # None: there is no such version
    promoted: bool
    forced: bool  # although the gate refused it
    champion_before: int | None  # None: there was no champion
    reasons: tuple[str, ...]  # the gate's, in words
    kind: str = PROJECTION


@dataclass(frozen=True, slots=True)
class RollbackReport:
    champion: int | None  # None: there is no champion again
    rolled_back: int
    kind: str = PROJECTION


def registry_of(library: Library, kind: str) -> ModelRegistry[Any]:
    """The registry of a kind, "projection" or "matcher".

    Raises:
        WrongUse: there is no such kind.
    """
    if kind not in KINDS:
        raise WrongUse(f"there is no kind of model {kind!r}: write {' or '.join(KINDS)}")
    return library.registry if kind == PROJECTION else library.matchers


def judge(library: Library, selector: str | int = CHALLENGER, *, kind: str = PROJECTION) -> Verdict:
    """What the gate says of a version: does it beat the plain way and the present champion beyond the noise?

    Args:
        kind: here and below "projection", beside which the plain way is raw embeddings, or "matcher": plain cosines.
    Raises:
        NotFound, Unavailable, ModelUnavailable: of the model.
    """
    registry = registry_of(library, kind)
    return _judge(registry, registry.get(selector), registry.state().champion)


@told
def promote(
    library: Library,
    selector: str | int = CHALLENGER,
    *,
    actor: str,
    force: bool = False,
    reason: str | None = None,
    kind: str = PROJECTION,
) -> PromotionReport:
    """Make a version the champion if the gate lets it in; `force` lets it in anyway, and records who did and why.

    Raises:
        WrongUse: force without a reason.
        Conflict: it is the champion already.
        ModelMismatch: it was made for another pack than this library's.
        NotFound, Unavailable, ModelUnavailable: of the model.
    """
    if force and not (reason or "").strip():
        raise WrongUse("to promote against the gate say why: --force --reason TEXT")
    registry = registry_of(library, kind)
    state = registry.state()
    model, champion = registry.get(selector), state.champion
    if champion is not None and champion.version == model.version:
        raise Conflict(f"{model.space} is the champion already")
    if mismatch := model.mismatch(library.repository.pack()):
        raise ModelMismatch(f"{mismatch}: promote it where it was trained")
    found = _judge(registry, model, champion)
    before = champion.version if champion else None
    if not (found.promotes or force):
        return PromotionReport(model.version, False, False, before, found.reasons, kind)
    is_forced = not found.promotes
    event = _event(LET_IN[is_forced], model, actor, reason)
    tags = {**event, "verdict": _short(" · ".join(found.reasons), TAG_LIMIT)}
    registry.tag_version(model.version, {f"promotion_{name}": value for name, value in tags.items()})
    # A process that dies between the two leaves a history that `_champions` completes; in `roll_back` likewise.
    registry.set_alias(CHAMPION, model.version)
    _record(registry, [*_champions(state), model.version], [*history(state), event])
    if CHALLENGER in model.aliases:
        registry.remove_alias(CHALLENGER)
    return PromotionReport(model.version, True, is_forced, before, found.reasons, kind)


def try_to_promote(library: Library, selector: str | int = CHALLENGER, *, actor: str, reason: str) -> PromotionReport:
    """As `promote`; that there is no such version is one more refusal: a library may be too small to train on."""
    try:
        return promote(library, selector, actor=actor, reason=reason)
    except NotFound as error:
        return PromotionReport(None, False, False, None, (str(error),))


def roll_back(library: Library, *, actor: str, reason: str | None = None, kind: str = PROJECTION) -> RollbackReport:
    """Go back to the champion before this one; before the first there was the plain way.

    Raises:
        Conflict: there is no champion.
        NotFound: the champion before was deleted.
        Unavailable: MLflow does not answer.
    """
    registry = registry_of(library, kind)
    state = registry.state()
    champion = state.champion
    if champion is None:
        raise Conflict(f"there is no champion to roll back: {registry.kind.unused} are used")
    before = _champions(state)[:-1]
    if before:
        registry.get(before[-1])  # it may have been deleted
    event = _event("rolled back", champion, actor, reason)
    registry.tag_version(champion.version, {f"rollback_{name}": value for name, value in event.items()})
    _record(registry, before, [*history(state), event])
    if before:
        registry.set_alias(CHAMPION, before[-1])
    else:
        registry.remove_alias(CHAMPION)
    return RollbackReport(before[-1] if before else None, champion.version, kind)


def history(state: RegistryState) -> tuple[Mapping[str, str], ...]:
    """What happened to the champion, oldest first: version, what, by, at, and why where a reason was given."""
    return tuple(json.loads((state.tags or {}).get(HISTORY, "[]")))


def read_comparison(registry: ModelRegistry[Any], model: RegisteredModel) -> Comparison | None:
    """What the training run measured; None where it measured nothing."""
    text = registry.load(model).comparison
    return from_json(text) if text else None


def count_tries(state: RegistryState, snapshot: str) -> int:
    """Which try on the same labels a version registered now would be, since a version was last let in; 1 and more.

    Args:
        snapshot: of the labels, as the versions' cards have it.
    """
    let_in = [event["at"] for event in history(state) if event["what"] in LET_IN]
    since = datetime.fromisoformat(let_in[-1]) if let_in else datetime.min.replace(tzinfo=UTC)
    return 1 + sum(
        model.card is not None and model.card.snapshot == snapshot and model.created_at > since
        for model in state.versions
    )


def _judge(registry: ModelRegistry[Any], model: RegisteredModel, champion: RegisteredModel | None) -> Verdict:
    comparison = read_comparison(registry, model)
    if comparison is None or model.card is None:
        again = f"{registry.kind.verb} it again"
        return Verdict(False, (f"{model.space} was never measured on held-out people: {again}",))
    rivals = [RAW]
    # A matcher fitted again is its champion's own method on later labels: on the same questions they would only tie.
    if champion is not None and champion.version != model.version and model.name != MATCHER_MODEL:
        rivals.append(champion.space)
    unknown = [name for name in (model.card.candidate, *rivals) if name not in comparison.candidates]
    if unknown:
        reason = (
            f"{model.space} was not measured against {', '.join(unknown)}: {registry.kind.verb} again to compare them"
        )
        return Verdict(False, (reason,))
    return verdict(comparison, challenger=model.card.candidate, rivals=rivals)


def _champions(state: RegistryState) -> list[int]:
    """Former champions and the present one last, whoever moved the alias."""
    found = [int(version) for version in (state.tags or {}).get(CHAMPIONS, "").split()]
    champion = state.champion
    if champion is not None and found[-1:] != [champion.version]:
        found.append(champion.version)
    return found


def _event(what: str, model: RegisteredModel, actor: str, reason: str | None) -> dict[str, str]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")  # `count_tries` compares it with versions
    event = {"version": str(model.version), "what": what, "by": actor, "at": now}
    return {**event, "why": _short(reason.strip(), REASON_LIMIT)} if reason else event


def _record(registry: ModelRegistry[Any], champions: Sequence[int], events: Sequence[Mapping[str, str]]) -> None:
    kept = list(events)
    while len(text := json.dumps(kept)) > TAG_LIMIT:
        kept.pop(0)  # the version's own tags still tell
    numbers = " ".join(str(version) for version in champions[-MAX_CHAMPIONS:])
    registry.tag_model({CHAMPIONS: numbers or " ", HISTORY: text})


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


@dataclass(frozen=True, slots=True)
class ModelList:
    versions: tuple[RegisteredModel, ...]  # oldest first
    champion: int | None  # None: raw embeddings, or plain cosines, are used
    history: tuple[Mapping[str, str], ...]  # of the champion, oldest first
    kind: str = PROJECTION


@dataclass(frozen=True, slots=True)
class ModelSheet:
    """One version, what was measured of it, and what the gate says of it today."""

    model: RegisteredModel
    width_in: int | None  # of a projection
    width_out: int | None
    comparison: Comparison | None
    verdict: Verdict
    history: tuple[Mapping[str, str], ...]  # what happened to this version
    facts: tuple[str, ...] = ()  # what else there is to know of a matcher, in words
    kind: str = PROJECTION


def list_models(library: Library, *, kind: str = PROJECTION) -> ModelList:
    """All versions; before the first training, an empty list. Raises Unavailable."""
    state = registry_of(library, kind).state()
    champion = state.champion
    return ModelList(state.versions, champion.version if champion else None, history(state), kind)


def show_model(library: Library, selector: str | int, *, kind: str = PROJECTION) -> ModelSheet:
    """A version by number or alias. Raises NotFound, Unavailable, ModelUnavailable."""
    registry = registry_of(library, kind)
    loaded: LoadedModel[Any] = registry.load(selector)
    made, is_matcher = loaded.artefact, isinstance(loaded.artefact, MatcherRecord)
    return ModelSheet(
        model=loaded.model,
        width_in=None if is_matcher else made.width_in,
        width_out=None if is_matcher else made.width_out,
        facts=made.facts() if is_matcher else (),
        kind=kind,
        comparison=read_comparison(registry, loaded.model),
        verdict=judge(library, loaded.model.version, kind=kind),
        history=tuple(e for e in history(registry.state()) if e["version"] == str(loaded.model.version)),
    )


def verdict_lines(sheet: ModelSheet | None) -> list[str]:
    """Whether the gate lets it in, why, and what could not be measured."""
    if sheet is None:
        return ["Nothing is registered yet, so there is nothing to judge"]
    unmeasured = sheet.comparison.unmeasured() if sheet.comparison else []
    return [
        f"{sheet.model.space}: the gate {'lets it in' if sheet.verdict.promotes else 'refuses it'}",
        *(f"  - {reason}" for reason in sheet.verdict.reasons),
        *(f"  - not measured: {measures}: {why}" for measures, why in unmeasured),
    ]


def model_rows(models: ModelList) -> list[dict[str, Any]]:
    """One row a version, for a table."""
    unknown = {"kind": "registered by other means", "pack": "", "people": None, "faces": None}
    return [
        {
            "version": model.version,
            "alias": ", ".join(model.aliases),
            "made": model.created_at.strftime("%Y-%m-%d %H:%M"),
            **(unknown if model.card is None else {name: getattr(model.card, name) for name in unknown}),
        }
        for model in models.versions
    ]
