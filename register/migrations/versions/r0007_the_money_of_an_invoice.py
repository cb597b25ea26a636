"""What is left to be paid of an invoice, what was too much, and what went back."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_AMOUNTS = ("left_to_pay", "too_much", "refunded", "charged_back", "returned")


def upgrade() -> None:
    """Columns. What is recorded next of an invoice fills them; until then nothing is known."""
    for name in _AMOUNTS:
        op.add_column("invoices", sa.Column(name, sa.BigInteger))
    op.add_column(
        "invoices", sa.Column("collection", sa.String(100), nullable=False, server_default="")
    )


def downgrade() -> None:
    """Without them."""
    op.drop_column("invoices", "collection")
    for name in reversed(_AMOUNTS):
        op.drop_column("invoices", name)
