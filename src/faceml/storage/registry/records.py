"""What a registry of models holds, in records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Protocol

from faceml.records import PackContract

PROJECTION, MATCHER = "face-projection", "face-matcher"  # registered models
CHAMPION, CHALLENGER = "champion", "challenger"
CHECKSUM = "sha256"  # tag of a version: of its file


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a version was made of; kept as tags of it."""

    kind: str  # of a projection head and loss, in a word or two
    pack: str
    fingerprint: str  # of the pack whose vectors it takes
    snapshot: str  # hash of the labels it learned from, see services.operate.status
    people: int
    faces: int
    candidate: str = "head"  # its name in the comparison that goes with it; champions go by `RegisteredModel.space`

    @property
    def purpose(self) -> str:
        """What a version is for and was made of, in a line."""
        return f"{self.kind}, for vectors of the pack {self.pack}; of {self.faces} faces, {self.people} people."

    def as_tags(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> ModelCard | None:
        """None where somebody registered the version by other means."""
        texts = {field.name: tags.get(field.name) for field in fields(cls)}
        if None in texts.values():
            return None
        return cls(**{**texts, "people": int(tags["people"]), "faces": int(tags["faces"])})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """One version of a registered model."""

    version: int
    aliases: tuple[str, ...]
    card: ModelCard | None
    checksum: str  # SHA-256 of its file, hex; empty where somebody registered it by other means
    run_id: str | None
    created_at: datetime
    location: str  # URI of the folder with its files
    tags: Mapping[str, str]
    name: str = PROJECTION  # of the registered model

    @classmethod
    def of(
        cls,
        *,
        name: str,
        version: int,
        aliases: Iterable[str],
        created_ms: int,
        run_id: str | None,
        location: str | None,
        tags: Mapping[str, str],
    ) -> RegisteredModel:
        """As MLflow keeps it, `created_ms` since 1970."""
        created_at = datetime.fromtimestamp(created_ms / 1000, UTC)
        card, checksum = ModelCard.from_tags(tags), tags.get(CHECKSUM, "")
        return cls(version, tuple(aliases), card, checksum, run_id or None, created_at, location or "", tags, name)

    @property
    def space(self) -> str:
        """Its full name, "face-projection/3", which an assignment made with it carries as `model_version`."""
        return f"{self.name}/{self.version}"

    def mismatch(self, pinned: PackContract | None) -> str | None:
        """What to say where it was made for other vectors than a library's; None where it fits, as far as is known."""
        if self.card is None or pinned is None or self.card.fingerprint == pinned.fingerprint:
            return None
        return f"{self.space} was made for vectors of {self.card.pack}, this library's are of {pinned.name}"


@dataclass(frozen=True, slots=True)
class RegistryState:
    """All versions, oldest first, and the tags of the model as a whole."""

    versions: tuple[RegisteredModel, ...] = ()
    tags: Mapping[str, str] | None = None

    @property
    def champion(self) -> RegisteredModel | None:
        """The version that is used unless another is asked for; None where raw embeddings are used."""
        return self.with_alias(CHAMPION)

    def with_alias(self, alias: str) -> RegisteredModel | None:
        return next((model for model in self.versions if alias in model.aliases), None)

    def numbered(self, version: int) -> RegisteredModel | None:
        return next((model for model in self.versions if model.version == version), None)


class RegistryReader(Protocol):
    """Reads the versions of one registered model."""

    def read(self) -> RegistryState:
        """All of them, and the model's tags; nothing where there is no registry yet.

        Raises:
            Unavailable: it does not answer.
        """

    def fetch(self, model: RegisteredModel) -> bytes:
        """The content of a version's file.

        Raises:
            Unavailable: it cannot be had now.
        """
