"""A mark of the labels' state: whoever keeps people in memory sees that they are no longer these."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("library_contract", sa.Column("labels_version", sa.BigInteger(), nullable=False, server_default="0"))
