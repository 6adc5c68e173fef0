"""When people were born and died, notes, aliases, and who is kin to whom."""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("persons", sa.Column("born", sa.String(10), nullable=True))
    op.add_column("persons", sa.Column("died", sa.String(10), nullable=True))
    op.add_column("persons", sa.Column("note", sa.Text(), nullable=True))
    op.create_table(
        "person_aliases",
        sa.Column("folded_name", sa.String(512), primary_key=True),
        sa.Column("person_id", *_of_person(), nullable=False, index=True),
        sa.Column("name", sa.String(255), nullable=False),
    )
    op.create_table(
        "person_relations",
        sa.Column("person_id", *_of_person(), primary_key=True),
        sa.Column("other_id", *_of_person(), primary_key=True, index=True),
        sa.Column("kind", sa.String(20), nullable=False),
    )


def _of_person() -> tuple[sa.Uuid[UUID], sa.ForeignKey]:
    return sa.Uuid(), sa.ForeignKey("persons.id", ondelete="CASCADE")
