"""Boxes of faces that were erased, and an index from which pages of clusters are read without touching the faces."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "erased_faces",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "asset_id", sa.Integer(), sa.ForeignKey("image_assets.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("bbox_x", sa.Integer(), nullable=False),
        sa.Column("bbox_y", sa.Integer(), nullable=False),
        sa.Column("bbox_w", sa.Integer(), nullable=False),
        sa.Column("bbox_h", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    columns = ["cluster_id", "quality_score", "id", "person_id"]
    op.create_index("ix_face_instances_cluster_page", "face_instances", columns)
