"""What a face's picture is worth, by number, and how large a photo was when its faces were looked for."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

MEASURES = ("sharpness", "yaw", "pitch", "roll", "exposure", "occlusion")


def upgrade() -> None:
    op.add_column("image_assets", sa.Column("detected_size_px", sa.Integer(), nullable=True))
    for name in MEASURES:
        op.add_column("face_instances", sa.Column(name, sa.Float(), nullable=True))
