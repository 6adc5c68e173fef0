"""Boxes of faces that were erased, and an index from which pages of clusters are read without touching the faces."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erased_faces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("bbox_x", sa.Integer(), nullable=False),
        sa.Column("bbox_y", sa.Integer(), nullable=False),
        sa.Column("bbox_w", sa.Integer(), nullable=False),
        sa.Column("bbox_h", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["image_assets.id"], name=op.f("fk_erased_faces_asset_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erased_faces")),
    )
    op.create_index(op.f("ix_erased_faces_asset_id"), "erased_faces", ["asset_id"], unique=False)
    op.create_index(
        "ix_face_instances_cluster_page",
        "face_instances",
        ["cluster_id", "quality_score", "id", "person_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_face_instances_cluster_page", "face_instances")
    op.drop_table("erased_faces")
