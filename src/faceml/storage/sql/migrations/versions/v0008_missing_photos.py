"""Photos whose file is gone, and an index from which pages of clusters leave their faces out."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

PAGE = "ix_face_instances_cluster_page"


def upgrade() -> None:
    op.add_column("image_assets", sa.Column("missing_since", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_image_assets_missing_since", "image_assets", ["missing_since"])
    op.drop_index(PAGE, "face_instances")
    op.create_index(PAGE, "face_instances", ["cluster_id", "quality_score", "id", "person_id", "asset_id"])
