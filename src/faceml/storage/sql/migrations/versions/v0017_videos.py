"""Videos: how long they are, how far they were looked at, and when a face of one is seen."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

SPAN = ("first_s", "last_s", "frame_s")


def upgrade() -> None:
    for name in ("duration_s", "looked_until_s"):
        op.add_column("image_assets", sa.Column(name, sa.Float(), nullable=True))
    for table in ("face_instances", "erased_faces"):
        for name in SPAN:
            op.add_column(table, sa.Column(name, sa.Float(), nullable=True))
