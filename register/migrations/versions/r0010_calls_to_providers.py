"""How often providers were called, and with what result."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """A table."""
    op.create_table(
        "provider_calls",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("provider", sa.String(50), primary_key=True),
        sa.Column("account", sa.String(100), primary_key=True),
        sa.Column("result", sa.String(50), primary_key=True),
        sa.Column("calls", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Without it: the counts are gone, and no invoice with them."""
    op.drop_table("provider_calls")
