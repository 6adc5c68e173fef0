"""Faces that a person dismissed: not a face, or a stranger nobody wants to name."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("face_instances", sa.Column("dismissed_as", sa.String(length=20), nullable=True))
