"""The credit notes of an invoice, found without going through all."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_NAME = "invoices_by_what_they_credit"


def upgrade() -> None:
    """An index of those alone that are credit notes."""
    some = sa.text("credits IS NOT NULL")
    op.create_index(_NAME, "invoices", ["credits"], sqlite_where=some, postgresql_where=some)


def downgrade() -> None:
    """Without it."""
    op.drop_index(_NAME, "invoices")
