"""By which name the lines of a life stand in the journal whose workflow was reset in Temporal."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """A column. Until now nothing was written down of what such a life did."""
    op.add_column("invoices", sa.Column("told_by", sa.String(100)))


def downgrade() -> None:
    """Without it."""
    op.drop_column("invoices", "told_by")
