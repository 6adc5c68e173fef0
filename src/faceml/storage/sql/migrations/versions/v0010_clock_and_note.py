"""What the clock said where a photo was taken, and what is missing of a photo that was read in part."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("image_assets", sa.Column("taken_clock", sa.DateTime(timezone=True), nullable=True))
    op.add_column("image_assets", sa.Column("note", sa.Text(), nullable=True))
    op.execute("UPDATE image_assets SET taken_clock = taken_at")  # most cameras write no offset: then they are the same
    op.create_index("ix_image_assets_taken_clock", "image_assets", ["taken_clock"])
