"""Lists that callers have saved."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """A table."""
    op.create_table(
        "saved_lists",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("filters", sa.Text, nullable=False),
        sa.Column("saved_at", sa.String(32), nullable=False),
    )


def downgrade() -> None:
    """Without it: what was saved is gone, and no invoice with it."""
    op.drop_table("saved_lists")
