"""Lists show the latest first, and are paged by when each began."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """An index for the order of lists, and one for a period of the journal."""
    op.create_index("invoices_by_age", "invoices", ["kind", "began_at", "reference"])
    op.create_index("journal_by_time", "journal", ["at", "position"])


def downgrade() -> None:
    """Without them."""
    op.drop_index("journal_by_time", "journal")
    op.drop_index("invoices_by_age", "invoices")
