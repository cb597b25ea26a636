"""An invoice's credits are found by the ledger they are in; a list says what takes back what."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """An index, and two columns."""
    op.create_index("invoices_by_order", "invoices", ["order_id"])
    op.add_column("listed", sa.Column("credits", sa.Text))
    op.add_column("listed", sa.Column("awaits_note", sa.Boolean))


def downgrade() -> None:
    """Without them."""
    op.drop_column("listed", "awaits_note")
    op.drop_column("listed", "credits")
    op.drop_index("invoices_by_order", "invoices")
