"""The tables: the specification's (chapter Database Schema) and what DESIGN adds to them.

PostgreSQL gets UUID, ENUM, TIMESTAMPTZ and JSONB; SQLite the nearest it has (CHAR(32), VARCHAR with CHECK, text, JSON).
Times are stored in UTC and read back aware on both.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from faceml.records import AssetStatus, AssignedBy, Dismissal, PersonStatus, PrototypeRole
from faceml.storage.sql.chunks import JsonColumn, UtcTime


def utc_now() -> datetime:
    return datetime.now(UTC)


def enum_column(values: type[StrEnum], name: str) -> sa.Enum:
    return sa.Enum(
        values, name=name, values_callable=lambda members: [member.value for member in members], create_constraint=True
    )


def _part_of(column: str) -> sa.ForeignKey:
    """Deleted with the row it points at."""
    return sa.ForeignKey(column, ondelete="CASCADE")


# SQLite only counts up by itself where the key is spelled INTEGER.
CountingKey = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {float: sa.Float, datetime: UtcTime}
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ImageAsset(Base):
    """One photo or video: one content. A moved file keeps its row, a copy has no row."""

    __tablename__ = "image_assets"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(sa.Text, index=True)  # see path_text
    content_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    detected_hash: Mapped[str | None] = mapped_column(sa.String(64))  # the content that its faces were found in
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    mtime_ns: Mapped[int] = mapped_column(sa.BigInteger)
    width: Mapped[int | None]
    height: Mapped[int | None]
    taken_at: Mapped[datetime | None] = mapped_column(index=True)
    # The same moment by the clock of where the photo was taken, as if that were UTC: its month is this one's.
    taken_clock: Mapped[datetime | None] = mapped_column(index=True)
    status: Mapped[AssetStatus] = mapped_column(
        enum_column(AssetStatus, "asset_status"), default=AssetStatus.PENDING, index=True
    )
    error: Mapped[str | None] = mapped_column(sa.Text)
    note: Mapped[str | None] = mapped_column(sa.Text)  # what is missing of a photo that was read in part
    detected_at: Mapped[datetime | None]
    # The loosest thresholds tried so far: looser ones look again, others have nothing to add.
    detected_min_confidence: Mapped[float | None]
    detected_min_face_size: Mapped[int | None]
    detected_size_px: Mapped[int | None]  # and the largest size; null: the usual one
    duration_s: Mapped[float | None]  # of a video, 0 where its file does not say; null: a photo
    looked_until_s: Mapped[float | None]  # how far a video was looked at by a run that has not ended
    perceptual_hash: Mapped[int | None] = mapped_column(
        sa.BigInteger
    )  # see `vision.video.bursts`; of photos with faces
    # Its file was gone when its folder was last taken in: its faces are in no list until it is back.
    missing_since: Mapped[datetime | None] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now, index=True)


class PersonRow(Base):
    __tablename__ = "persons"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(sa.String(255))
    # The name as it is compared: SQLite's LOWER() knows only ASCII, so Python folds it for both databases.
    folded_name: Mapped[str] = mapped_column(sa.String(512))
    status: Mapped[PersonStatus] = mapped_column(
        enum_column(PersonStatus, "person_status"), default=PersonStatus.ACTIVE, index=True
    )
    merged_into_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("persons.id", ondelete="SET NULL"))
    cover_face_id: Mapped[UUID | None]  # the face that a person chose to be their picture; it may have gone since
    born: Mapped[str | None] = mapped_column(sa.String(10))  # 1950, 1950-05 or 1950-05-17, as somebody knew it
    died: Mapped[str | None] = mapped_column(sa.String(10))
    note: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)

    __table_args__ = (
        sa.Index("uq_persons_lower_name", sa.func.lower(name), unique=True),
        sa.Index("uq_persons_folded_name", "folded_name", unique=True),
    )


class PersonAlias(Base):
    """What somebody is called beside their name: it finds them wherever a name is typed."""

    __tablename__ = "person_aliases"

    folded_name: Mapped[str] = mapped_column(sa.String(512), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(_part_of("persons.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(255))


class PersonRelation(Base):
    """What one person is to another: their faces are alike."""

    __tablename__ = "person_relations"

    person_id: Mapped[UUID] = mapped_column(_part_of("persons.id"), primary_key=True)
    other_id: Mapped[UUID] = mapped_column(_part_of("persons.id"), primary_key=True, index=True)
    kind: Mapped[str] = mapped_column(sa.String(20))  # of the person, see `decisions.about_people.Kin`


class FaceInstance(Base):
    __tablename__ = "face_instances"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    asset_id: Mapped[int] = mapped_column(_part_of("image_assets.id"), index=True)
    bbox_x: Mapped[int]
    bbox_y: Mapped[int]
    bbox_w: Mapped[int]
    bbox_h: Mapped[int]
    landmarks: Mapped[list[list[float]] | None] = mapped_column(JsonColumn)
    detection_confidence: Mapped[float]
    quality_score: Mapped[float] = mapped_column(index=True)
    qdrant_point_id: Mapped[UUID] = mapped_column(unique=True)
    cluster_id: Mapped[str | None] = mapped_column(sa.String(100), index=True)
    person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("persons.id", ondelete="SET NULL"), index=True)
    assigned_by: Mapped[AssignedBy | None] = mapped_column(enum_column(AssignedBy, "assigned_by"))
    similarity: Mapped[float | None]
    runner_up_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("persons.id", ondelete="SET NULL"))
    runner_up_similarity: Mapped[float | None]
    model_version: Mapped[str | None] = mapped_column(sa.String(100))
    threshold: Mapped[float | None]
    # A person dismissed this face: nobody is asked about it again, and it is under no person and in no cluster.
    dismissed_as: Mapped[Dismissal | None] = mapped_column(
        sa.Enum(Dismissal, native_enum=False, length=20, values_callable=lambda members: [m.value for m in members])
    )
    # A person drew this face by hand, or its box: detection keeps it where it is.
    is_drawn: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    # What its picture is worth, see `vision.quality`; null where it was found before faces were measured.
    sharpness: Mapped[float | None]
    yaw: Mapped[float | None]
    pitch: Mapped[float | None]
    roll: Mapped[float | None]
    exposure: Mapped[float | None]
    occlusion: Mapped[float | None]
    # When a face of a video is seen, and the picture that its box is of, in seconds; null: of a photo.
    first_s: Mapped[float | None]
    last_s: Mapped[float | None]
    frame_s: Mapped[float | None]
    # What the user's own model says of its picture, and which model; null: it was not rated.
    rating: Mapped[float | None]
    rated_by: Mapped[str | None] = mapped_column(sa.String(300))
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now, index=True)

    __table_args__ = (
        sa.UniqueConstraint("asset_id", "bbox_x", "bbox_y", "bbox_w", "bbox_h", name="uq_face_instances_box"),
        # Holds all that a page of clusters shows: 50,000 faces are grouped from it in a third of the time.
        sa.Index("ix_face_instances_cluster_page", "cluster_id", "quality_score", "id", "person_id", "asset_id"),
        # Likewise of people: their faces are counted, but for those on missing photos, without touching the faces.
        sa.Index("ix_face_instances_person_photo", "person_id", "asset_id"),
        sa.Index("ix_face_instances_recognised", "assigned_by", "similarity", "id"),
        # By it each detection sees at once that no other model's ratings are left. The migration makes it of rated
        # faces alone; said here too, that would load PostgreSQL's dialect.
        sa.Index("ix_face_instances_rated_by", "rated_by"),
    )


class ErasedFace(Base):
    """Where the face of an erased person is on a photo: what is found there again is not taken in."""

    __tablename__ = "erased_faces"

    id: Mapped[int] = mapped_column(primary_key=True)
    asset_id: Mapped[int] = mapped_column(_part_of("image_assets.id"), index=True)
    bbox_x: Mapped[int]
    bbox_y: Mapped[int]
    bbox_w: Mapped[int]
    bbox_h: Mapped[int]
    first_s: Mapped[float | None]  # of a video, as a face has them
    last_s: Mapped[float | None]
    frame_s: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class FaceEmbedding(Base):
    """The vector of a face, kept out of its row so that reading faces does not drag vectors along (DESIGN D2)."""

    __tablename__ = "face_embeddings"

    face_instance_id: Mapped[UUID] = mapped_column(_part_of("face_instances.id"), primary_key=True)
    pack: Mapped[str] = mapped_column(sa.String(100))
    vector: Mapped[bytes] = mapped_column(sa.LargeBinary)  # little-endian float32, unit length


class PersonPrototype(Base):
    __tablename__ = "person_prototypes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    person_id: Mapped[UUID] = mapped_column(_part_of("persons.id"), index=True)
    face_instance_id: Mapped[UUID | None] = mapped_column(_part_of("face_instances.id"), index=True)
    qdrant_point_id: Mapped[UUID] = mapped_column(index=True)
    role: Mapped[PrototypeRole] = mapped_column(enum_column(PrototypeRole, "prototype_role"))
    vector: Mapped[bytes | None] = mapped_column(sa.LargeBinary)  # a centroid's own; an exemplar's is its face's
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class LabelEvent(Base):
    """One decision of a person, append-only: an undo is a further event (DESIGN D4)."""

    __tablename__ = "label_events"

    id: Mapped[int] = mapped_column(CountingKey, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(sa.String(32), index=True)
    actor: Mapped[str] = mapped_column(sa.String(100))
    person_id: Mapped[UUID | None] = mapped_column(index=True)
    undoes_id: Mapped[int | None] = mapped_column(sa.ForeignKey("label_events.id"))
    details: Mapped[dict[str, Any]] = mapped_column(JsonColumn)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class LabelChange(Base):
    """What an event did to one face: its state before and after, so that the event can be taken back."""

    __tablename__ = "label_changes"

    event_id: Mapped[int] = mapped_column(_part_of("label_events.id"), primary_key=True)
    face_instance_id: Mapped[UUID] = mapped_column(_part_of("face_instances.id"), primary_key=True, index=True)
    before: Mapped[dict[str, Any]] = mapped_column(JsonColumn)
    after: Mapped[dict[str, Any]] = mapped_column(JsonColumn)


class FaceRejection(Base):
    """A person ruled out that this face is that person: never proposed again (DESIGN D4)."""

    __tablename__ = "face_rejections"

    face_instance_id: Mapped[UUID] = mapped_column(_part_of("face_instances.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(_part_of("persons.id"), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class OutboxRow(Base):
    """A point whose state in the index may lag behind SQL (DESIGN D3); draining copies the current state over."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(CountingKey, primary_key=True, autoincrement=True)
    point_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class LibraryContract(Base):
    """The one row that says which pack this library's vectors come from, and the counters that never go back."""

    __tablename__ = "library_contract"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    pack: Mapped[str] = mapped_column(sa.String(255))
    width: Mapped[int]
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    licence: Mapped[str] = mapped_column(sa.Text)
    match_threshold: Mapped[float]
    last_unknown_cluster: Mapped[int] = mapped_column(default=0)
    labels_version: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")  # see `lock_labels`
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (sa.CheckConstraint("id = 1", name="single_row"),)
