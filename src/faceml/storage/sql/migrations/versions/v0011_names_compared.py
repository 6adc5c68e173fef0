"""Names are compared by what is seen of them; of people who look alike by that, one does, until they are merged."""

import sqlalchemy as sa
from alembic import op

from faceml.names import FOLDED_LENGTH, folded

revision = "0011"
down_revision = "0010"

PERSONS = sa.table("persons", *map(sa.column, ("id", "name", "folded_name", "status", "created_at")))


def upgrade() -> None:
    connection = op.get_bind()
    rows = list(connection.execute(sa.select(PERSONS).order_by(PERSONS.c.status, PERSONS.c.created_at, PERSONS.c.id)))
    taken, changes = {row.folded_name for row in rows}, []
    for row in rows:  # active people first, then in the order in which they came
        compared = folded(row.name)
        if compared and compared not in taken and len(compared) <= FOLDED_LENGTH:
            changes.append({"of": row.id, "compared": compared})
            taken.add(compared)
    if changes:
        of_person = sa.update(PERSONS).where(PERSONS.c.id == sa.bindparam("of"))
        connection.execute(of_person.values(folded_name=sa.bindparam("compared")), changes)
