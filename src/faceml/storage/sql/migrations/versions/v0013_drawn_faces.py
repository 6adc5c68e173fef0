"""Faces that a person drew, the face chosen as a person's picture, and indexes from which later changes are read."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("face_instances", sa.Column("is_drawn", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("persons", sa.Column("cover_face_id", sa.Uuid(), nullable=True))
    op.create_index("ix_face_instances_updated_at", "face_instances", ["updated_at"])
    op.create_index("ix_image_assets_updated_at", "image_assets", ["updated_at"])
