"""What a photo looks like in 64 bits, so that nearly the same ones are found."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("image_assets", sa.Column("perceptual_hash", sa.BigInteger(), nullable=True))
