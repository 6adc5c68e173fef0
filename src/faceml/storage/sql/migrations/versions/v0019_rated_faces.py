"""What a model of the user's own says of a face's picture, and which model."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("face_instances", sa.Column("rating", sa.Float(), nullable=True))
    op.add_column("face_instances", sa.Column("rated_by", sa.String(300), nullable=True))
    rated = sa.text("rated_by IS NOT NULL")
    op.create_index(
        "ix_face_instances_rated_by", "face_instances", ["rated_by"], sqlite_where=rated, postgresql_where=rated
    )
