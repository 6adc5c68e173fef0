"""Faces of people are counted, and those that recognition found listed, without touching every face."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_index("ix_face_instances_person_photo", "face_instances", ["person_id", "asset_id"])
    op.create_index("ix_face_instances_recognised", "face_instances", ["assigned_by", "similarity", "id"])
