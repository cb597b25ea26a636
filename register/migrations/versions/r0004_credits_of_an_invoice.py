"""A credit note is told from an invoice, and found by its ledger; a list says what credits what."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_LEDGER = "credits/"
"""What the id of a ledger of credits begins with; the invoice's reference follows."""


def upgrade() -> None:
    """An index, and columns. What was credited so far is told by its ledger."""
    op.create_index("invoices_by_order", "invoices", ["order_id"])
    false = sa.false()
    op.add_column(
        "invoices", sa.Column("credit_note", sa.Boolean, nullable=False, server_default=false)
    )
    op.add_column("invoices", sa.Column("credits", sa.String(200)))
    has = sa.table(
        "invoices", sa.column("order_id"), sa.column("credit_note"), sa.column("credits")
    )
    of = sa.func.substr(has.c.order_id, len(_LEDGER) + 1)
    credited = has.c.order_id.startswith(_LEDGER)
    op.execute(has.update().where(credited).values(credit_note=sa.true(), credits=of))
    op.add_column("listed", sa.Column("credits", sa.Text))
    op.add_column("listed", sa.Column("awaits_note", sa.Boolean))


def downgrade() -> None:
    """Without them."""
    op.drop_column("listed", "awaits_note")
    op.drop_column("listed", "credits")
    op.drop_column("invoices", "credits")
    op.drop_column("invoices", "credit_note")
    op.drop_index("invoices_by_order", "invoices")
