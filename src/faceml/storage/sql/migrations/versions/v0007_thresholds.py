"""The threshold that an automatic assignment reached."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("face_instances", sa.Column("threshold", sa.Float(), nullable=True))
