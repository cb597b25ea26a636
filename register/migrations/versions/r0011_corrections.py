"""What people had invoices made from, instead of what was asked for first."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """A table."""
    op.create_table(
        "corrections",
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("reference", sa.String(200), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Without it: a life that goes on after a loss knows only that there was a correction."""
    op.drop_table("corrections")
