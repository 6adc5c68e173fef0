"""The first schema: the specification's tables and DESIGN's additions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

COUNTING_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON_COLUMN = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    create_photos_and_people()
    create_faces()
    create_decisions()
    create_bookkeeping()


def create_photos_and_people() -> None:
    op.create_table(
        "image_assets",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("path", sa.Text(), nullable=False, index=True),
        sa.Column("content_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("detected_hash", sa.String(64)),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
        sa.Column("taken_at", TIME, index=True),
        sa.Column("status", enum_of("asset_status", "pending", "detected", "failed"), nullable=False, index=True),
        sa.Column("error", sa.Text()),
        sa.Column("detected_at", TIME),
        sa.Column("detected_min_confidence", sa.Float()),
        sa.Column("detected_min_face_size", sa.Integer()),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
    )
    op.create_table(
        "persons",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("folded_name", sa.String(512), nullable=False),
        sa.Column("status", enum_of("person_status", "active", "merged", "hidden"), nullable=False, index=True),
        sa.Column("merged_into_id", sa.Uuid(), sa.ForeignKey("persons.id", ondelete="SET NULL")),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
    )
    op.create_index("uq_persons_lower_name", "persons", [sa.text("lower(name)")], unique=True)
    op.create_index("uq_persons_folded_name", "persons", ["folded_name"], unique=True)


def create_faces() -> None:
    op.create_table(
        "face_instances",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("asset_id", sa.Integer(), cascading("image_assets.id"), nullable=False, index=True),
        sa.Column("bbox_x", sa.Integer(), nullable=False),
        sa.Column("bbox_y", sa.Integer(), nullable=False),
        sa.Column("bbox_w", sa.Integer(), nullable=False),
        sa.Column("bbox_h", sa.Integer(), nullable=False),
        sa.Column("landmarks", JSON_COLUMN),
        sa.Column("detection_confidence", sa.Float(), nullable=False),
        sa.Column("quality_score", sa.Float(), nullable=False, index=True),
        sa.Column("qdrant_point_id", sa.Uuid(), nullable=False, unique=True),
        sa.Column("cluster_id", sa.String(100), index=True),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("persons.id", ondelete="SET NULL"), index=True),
        sa.Column("assigned_by", enum_of("assigned_by", "manual", "prototype")),
        sa.Column("similarity", sa.Float()),
        sa.Column("runner_up_id", sa.Uuid(), sa.ForeignKey("persons.id", ondelete="SET NULL")),
        sa.Column("runner_up_similarity", sa.Float()),
        sa.Column("model_version", sa.String(100)),
        sa.Column("created_at", TIME, nullable=False, index=True),
        sa.Column("updated_at", TIME, nullable=False),
        sa.UniqueConstraint("asset_id", "bbox_x", "bbox_y", "bbox_w", "bbox_h", name="uq_face_instances_box"),
    )
    op.create_table(
        "face_embeddings",
        sa.Column("face_instance_id", sa.Uuid(), cascading("face_instances.id"), primary_key=True),
        sa.Column("pack", sa.String(100), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "person_prototypes",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("person_id", sa.Uuid(), cascading("persons.id"), nullable=False, index=True),
        sa.Column("face_instance_id", sa.Uuid(), cascading("face_instances.id"), index=True),
        sa.Column("qdrant_point_id", sa.Uuid(), nullable=False, index=True),
        sa.Column("role", enum_of("prototype_role", "centroid", "exemplar"), nullable=False),
        sa.Column("vector", sa.LargeBinary()),
        sa.Column("created_at", TIME, nullable=False),
    )


def create_decisions() -> None:
    op.create_table(
        "label_events",
        sa.Column("id", COUNTING_KEY, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(32), nullable=False, index=True),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("person_id", sa.Uuid(), index=True),
        sa.Column("undoes_id", COUNTING_KEY, sa.ForeignKey("label_events.id")),
        sa.Column("details", JSON_COLUMN, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )
    op.create_table(
        "label_changes",
        sa.Column("event_id", COUNTING_KEY, cascading("label_events.id"), primary_key=True),
        sa.Column("face_instance_id", sa.Uuid(), cascading("face_instances.id"), primary_key=True, index=True),
        sa.Column("before", JSON_COLUMN, nullable=False),
        sa.Column("after", JSON_COLUMN, nullable=False),
    )
    op.create_table(
        "face_rejections",
        sa.Column("face_instance_id", sa.Uuid(), cascading("face_instances.id"), primary_key=True),
        sa.Column("person_id", sa.Uuid(), cascading("persons.id"), primary_key=True, index=True),
        sa.Column("created_at", TIME, nullable=False),
    )


def create_bookkeeping() -> None:
    op.create_table(
        "library_contract",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("pack", sa.String(255), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("match_threshold", sa.Float(), nullable=False),
        sa.Column("last_unknown_cluster", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("id = 1", name="single_row"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", COUNTING_KEY, primary_key=True, autoincrement=True),
        sa.Column("point_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )


def enum_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, create_constraint=True)


def cascading(column: str) -> sa.ForeignKey:
    return sa.ForeignKey(column, ondelete="CASCADE")
